"""Answers that come in one by one and are kept by column: a dictionary to whoever asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import RowStatus, Source
from cleanlist_pandas.frame.heard import Heard, facts_of
from cleanlist_pandas.frame.told import Told

FIELDS = ("title", "seniority", "icp_score")
ANSWERS = [
    Answer(status=RowStatus.COMPLETED, credits=1, values={"title": "CTO"}, source=Source.API, at_us=5, confidence=0.5),
    Answer(status=RowStatus.COMPLETED, credits=1, values={"seniority": "vp", "icp_score": 0}, notes=("odd", "odder")),
    Answer(status=RowStatus.NOT_FOUND, source=Source.API, at_us=0),
    Answer(status=RowStatus.FAILED, reason="no such person"),
]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(ANSWERS), st.booleans()), max_size=40), st.integers(1, 7)
)  # fmt: skip
def test_it_is_the_dictionary_that_hears_the_same(heard: list[tuple[int, Answer, bool]], fresh: int) -> None:
    """Whatever is heard again, forgotten, and put away between two looks."""
    mine, plain = Heard(10, FIELDS, fresh), dict[int, Answer]()
    for position, answer, forgotten in heard:
        mine[position] = plain[position] = answer
        if forgotten:
            del mine[position], plain[position]
    assert mine == plain
    assert len(mine) == len(plain)
    assert [at in mine for at in range(-1, 11)] == [at in plain for at in range(-1, 11)]
    people = mine.people()
    assert people.tolist() == sorted(plain)
    for answers in (mine, plain):
        told = Told(facts_of(answers, people, FIELDS), np.arange(len(people)))
        assert [*told] == [plain[at] for at in sorted(plain)]


@pytest.mark.parametrize("position", [0, 3, -1, 99])
def test_nobody_unheard_of_is_there(position: int) -> None:
    """As in a dictionary."""
    heard: Any = Heard(4, FIELDS, 1)
    heard[1] = ANSWERS[0]
    with pytest.raises(KeyError):
        heard[position]
    with pytest.raises(KeyError):
        del heard[position]
