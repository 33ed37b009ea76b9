"""Answers by column are the answers they were made of."""

import numpy as np

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, Source
from cleanlist_pandas.frame.told import Facts, Told

FIELD_NAMES = list(FIELDS)
ANSWERS = [
    Answer(
        status=RowStatus.COMPLETED,
        credits=11,
        values={
            "title": "CTO",
            "seniority": "c_level",
            "icp_score": 0,
            "email_status": "valid",
            "phone": "+1-555-0100",
        },
        confidence=0.0,
        at_us=1,
        source=Source.API,
        notes=("odd",),
    ),
    Answer(status=RowStatus.NOT_FOUND, source=Source.LEDGER, at_us=-1),
    Answer(status=RowStatus.IN_DOUBT, reason="sent and never answered"),
    Answer(status=RowStatus.NOT_ATTEMPTED),
]


def test_each_answer_comes_back_as_it_was():
    assert list(Told.of(ANSWERS, FIELD_NAMES)) == ANSWERS
    assert list(Told.of(ANSWERS, FIELD_NAMES)[1:3]) == ANSWERS[1:3]


def test_people_may_share_an_answer():
    """They are counted as people, and what was odd is counted for each of them."""
    told = Told(Facts.of(ANSWERS, FIELD_NAMES), np.array([3, 0, 0]))
    assert list(told) == [ANSWERS[3], ANSWERS[0], ANSWERS[0]]
    assert +told.statuses() == {RowStatus.COMPLETED: 2, RowStatus.NOT_ATTEMPTED: 1}
    assert +told.sources() == {Source.API: 2, None: 1}
    assert list(told.notes()) == ["odd", "odd"]


def test_answers_follow_others():
    """Also where there are none before or after."""
    first, second = (Facts.of(part, FIELD_NAMES) for part in (ANSWERS[:1], ANSWERS[1:] + ANSWERS[:1]))
    none = Facts.of([], FIELD_NAMES)
    assert list(Told(Facts.joined([first, second], FIELD_NAMES), np.arange(5))) == [*ANSWERS, ANSWERS[0]]
    assert list(Told(Facts.joined([none, second, none], FIELD_NAMES), np.arange(4))) == [*ANSWERS[1:], ANSWERS[0]]
    assert Facts.joined([first, second], FIELD_NAMES).notes == {0: ("odd",), 4: ("odd",)}


def test_nobody_is_nobody():
    told = Told.of([], FIELD_NAMES)
    assert (len(told), list(told), list(told.notes())) == (0, [], [])
    assert not +told.statuses()
