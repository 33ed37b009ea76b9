"""Many answers at a time say what each says by itself, or are left for the careful reader."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, Source
from cleanlist_pandas.frame.told import Told
from cleanlist_pandas.services.csv_row import CsvRow
from cleanlist_pandas.services.csv_rows import CSV_ROW
from cleanlist_pandas.services.many import read_rows
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Lookup

WHO = "jo@acme.example"
ALL = list(FIELDS)
ROW = {
    "input_email": WHO,
    "enriched_email_status": "valid",
    "enriched_title": "Head of Information, “NaN” & Söhne's",
    "enriched_seniority": "director",
    "enriched_company": "Acme [Inc]",
    "enriched_industry": None,
    "enriched_size": "",
    "enriched_phone": "+1-555-0100",
    "icp_score": 72,
}
META = {"credits_used": 1, "confidence": 0.93}
BODY = {"status": "completed", "csv_row": ROW, "meta": META}


def one_by_one(bodies: list[bytes], who: str = WHO) -> list[Answer | None]:
    """What a ledger's answers are read as, each by itself."""
    lookup = Lookup(address=who, fields=ALL)
    answers = [CsvRow().read(Reply(status=200, body=body), lookup, 7) for body in bodies]
    return [answer and replace(answer, credits=0, source=Source.LEDGER) for answer in answers]


def at_once(bodies: list[bytes], who: str = WHO) -> dict[int, Answer]:
    n = len(bodies)
    people = pa.array([who] * n, pa.large_string())
    facts, places = read_rows(CSV_ROW, pa.chunked_array([bodies], pa.large_binary()), people, np.full(n, 7), ALL)
    return dict(zip(places.tolist(), Told(facts, np.arange(len(places))), strict=True))


def encoded(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


PLAIN = [
    encoded(BODY),
    json.dumps(BODY).encode(),  # escapes
    encoded(BODY) + b"\n",
    encoded({**BODY, "status": "not_found", "csv_row": None, "meta": {}}),
    encoded({**BODY, "status": "not_found"}),
    encoded({**BODY, "csv_row": {**ROW, "icp_score": 0.0, "status": "completed", "other": [1, {"a": None}]}}),
    encoded({**BODY, "meta": {"credits_used": 0}}),
]
ODD = [
    b"",
    b"null",
    b"[]",
    b"<html>",
    b"\xff\xfe",
    b"\xef\xbb\xbf" + encoded(BODY),
    encoded(BODY)[:-1],
    encoded(BODY) * 2,
    encoded(BODY)[:-1] + b"\n}",
    b'{}}\n{"b":' + encoded(BODY),
    b'1}{"b":' + encoded(BODY),
    encoded(BODY)[:-1] + b', "more": NaN}',
    encoded(BODY)[:-1] + b', "more": [Infinity]}',
    encoded(BODY)[:-1] + b', "more": ' + b"[" * 400 + b"]" * 400 + b"}",
    encoded(BODY)[:-1] + b', "status": "failed"}',
    encoded(BODY) + b" " * 4 + b"x",
    encoded({**BODY, "more": "x" * 5_000}),
    encoded({**BODY, "status": "failed"}),
    encoded({**BODY, "status": "Completed"}),
    encoded({**BODY, "status": 1}),
    encoded({**BODY, "meta": {"confidence": 2}}),
    encoded({**BODY, "meta": {"credits_used": -1}}),
    encoded({**BODY, "meta": {"credits_used": True}}),
    encoded({**BODY, "meta": []}),
    encoded({**BODY, "csv_row": {}}),
    *(
        encoded({**BODY, "csv_row": {**ROW, name: value}})
        for name, value in [
            ("input_email", "other@acme.example"),
            ("input_email", " JO@acme.example "),
            ("enriched_status", "not_found"),
            ("status", "failed"),
            ("enriched_email_status", "not_found"),
            ("enriched_email_status", "Catch All"),
            ("enriched_seniority", "VP "),
            ("enriched_seniority", "emperor"),
            ("enriched_title", " padded\u2003"),
            ("enriched_title", " "),
            ("enriched_title", "\ud800"),
            ("enriched_title", "\x00"),
            ("enriched_title", 5),
            ("enriched_title", ["CTO"]),
            ("icp_score", 101),
            ("icp_score", 7.5),
            ("icp_score", "72"),
            ("icp_score", True),
            ("icp_score", 10**30),
        ]
    ),
]


@pytest.mark.parametrize("body", PLAIN)
def test_a_plain_answer_is_read_at_once(body):
    assert at_once([body]) == {0: one_by_one([body])[0]}


@pytest.mark.parametrize("body", ODD)
def test_an_odd_answer_is_left_or_means_the_same(body):
    """Also between plain ones, which are read all the same."""
    bodies = [PLAIN[0], body, PLAIN[3]]
    expected = one_by_one(bodies)
    for place, answer in at_once([body]).items():
        assert answer == expected[1], place
    for place, answer in at_once(bodies).items():
        assert answer == expected[place]


def test_one_that_is_none_costs_the_others_nothing():
    """Parts are parted until few are left beside it."""
    bodies = [PLAIN[0]] * 500 + [b"{"] + [PLAIN[1]] * 500
    read = at_once(bodies)
    assert 900 <= len(read) <= 1_000
    assert 500 not in read
    assert all(answer == one_by_one(PLAIN[:1])[0] for answer in read.values())


def test_of_nobody_nothing_is_read():
    assert at_once([]) == {}


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(list(ROW.values()))
)
CHANGED = st.dictionaries(st.sampled_from([*ROW, "status", "enriched_status"]), VALUES, max_size=4)


@given(
    st.lists(
        st.builds(
            lambda row, meta, status: json.dumps(
                {"status": status, "csv_row": {**ROW, **row}, "meta": {**META, **meta}}
            ),
            CHANGED,
            st.dictionaries(st.sampled_from(list(META)), VALUES, max_size=2),
            st.sampled_from(["completed", "not_found", "failed", "", None]),
        ).map(str.encode)
        | st.binary(max_size=8),
        max_size=6,
    )
)
def test_whatever_comes_is_read_the_same_or_left(bodies):
    expected = one_by_one(bodies)
    for place, answer in at_once(bodies).items():
        assert answer == expected[place]
