"""Many answers of v2 at a time say what each says by itself, or are left for the careful reader."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, Source
from cleanlist_pandas.frame.told import Told
from cleanlist_pandas.services.many import read_rows
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Lookup
from cleanlist_pandas.services.v2 import V2
from cleanlist_pandas.services.v2_list import V2List
from cleanlist_pandas.services.v2_rows import LEAD, WORKFLOW

WHO = "jo@acme.example"
FEW = ["title", "company"]
LEAD_OF = {
    "lead_id": "lead_1",
    "status": "completed",
    "email": WHO,
    "email_status": "valid",
    "title": "VP of Sales & “NaN”",
    "company": "Acme [Inc]",
    "phone": None,
    "linkedin_url": "",
}
FOUND = {
    "workflow_id": "wf_1",
    "status": "completed",
    "credits_charged": 1,
    "credits_refunded": None,
    "refund_status": "not_applicable",
    "result": LEAD_OF,
    "more": [1, {"a": None}],
}
NOBODY = {**dict.fromkeys(LEAD_OF), "lead_id": "", "status": "failed"}
MISSED = {**FOUND, "credits_charged": 0, "result": NOBODY}
OF_LIST = {"lead": LEAD_OF, "found": True, "credits": 1, "failed": False, "notes": []}
NOT_OF_LIST = {"lead": {}, "found": False, "credits": 0, "failed": False, "notes": []}
WAYS = {"workflow": (WORKFLOW, V2()), "list": (LEAD, V2List())}


def one_by_one(way, bodies, fields):
    """What a ledger's answers are read as, each by itself."""
    answers = [WAYS[way][1].read(Reply(status=200, body=one), Lookup(address=WHO, fields=fields), 7) for one in bodies]
    return [replace(one, credits=0, source=Source.LEDGER) if isinstance(one, Answer) else None for one in answers]


def at_once(way, bodies, fields):
    n = len(bodies)
    people, cells = pa.array([WHO] * n, pa.large_string()), pa.chunked_array([bodies], pa.large_binary())
    facts, places = read_rows(WAYS[way][0], cells, people, np.full(n, 7), fields)
    return dict(zip(places.tolist(), Told(facts, np.arange(len(places))), strict=True))


def encoded(content):
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def with_lead(way, **cells):
    """An answer in which some of what is told of the person is something else."""
    if way == "workflow":
        return {**FOUND, "result": {**LEAD_OF, **cells}}
    return {**OF_LIST, "lead": {**LEAD_OF, **cells}}


PLAIN = [
    ("workflow", FOUND),
    ("workflow", MISSED),
    ("workflow", {**FOUND, "refund_status": None, "credits_charged": 11.0}),
    ("workflow", with_lead("workflow", email=None, status=None)),
    ("list", OF_LIST),
    ("list", NOT_OF_LIST),
    ("list", {**OF_LIST, "notes": None, "credits": 0}),
    ("list", with_lead("list", email="other@acme.example")),
    *((way, with_lead(way, email_status="reliable", title=None)) for way in WAYS),
    *((way, with_lead(way, title="Sommelier")) for way in WAYS),  # of no level
    *((way, with_lead(way, title="", phone="+1-555-0100")) for way in WAYS),
]
ODD = [
    *(("workflow", {**FOUND, name: value}) for name, value in [
        ("workflow_id", ""), ("workflow_id", "x" * 201), ("workflow_id", "ü"), ("workflow_id", None),
        ("status", "running"), ("status", "Completed"), ("status", "failed"), ("status", "cancelled"), ("status", None),
        ("credits_charged", 0), ("credits_charged", None), ("credits_charged", 0.5), ("credits_charged", -1),
        ("credits_charged", True), ("credits_charged", "1"), ("credits_refunded", 1), ("credits_refunded", 10**30),
        ("refund_status", "pending_review"), ("result", None), ("result", {}), ("result", []),
    ]),
    *(("workflow", {**MISSED, name: value}) for name, value in [
        ("credits_charged", 1), ("credits_charged", None), ("refund_status", "pending_review"), ("status", "failed"),
        ("result", {**NOBODY, "lead_id": None}), ("result", {**NOBODY, "title": "CTO"}),
    ]),
    *(("workflow", with_lead("workflow", **{name: value})) for name, value in [
        ("lead_id", ""), ("lead_id", None), ("lead_id", 5), ("lead_id", "ü"), ("status", "failed"), ("status", "odd"),
        ("email", "other@acme.example"), ("email", " JO@acme.example "),
    ]),
    *(("list", {**OF_LIST, name: value}) for name, value in [
        ("notes", ["odd"]), ("notes", [5]), ("notes", True), ("lead", None), ("lead", []), ("found", 1),
        ("found", None), ("credits", -1), ("failed", True),
    ]),
    *(("list", {**NOT_OF_LIST, name: value}) for name, value in [
        ("failed", True), ("credits", 1), ("credits", None), ("lead", None), ("lead", LEAD_OF), ("found", 0),
    ]),
    ("list", FOUND),  # asked for one by one, on the way of lists
    ("list", {"found": True}),
    *((way, with_lead(way, **{name: value})) for way in WAYS for name, value in [
        ("email_status", "Reliable"), ("email_status", "odd"), ("email_status", ""), ("title", " VP\u2003"),
        ("title", 5), ("title", "\ud800"), ("company", ["Acme"]), ("phone", " "),
    ]),
]  # fmt: skip


@pytest.mark.parametrize("fields", [list(FIELDS), FEW])
@pytest.mark.parametrize(("way", "content"), PLAIN)
def test_a_plain_answer_is_read_at_once(way, content, fields):
    assert at_once(way, [encoded(content)], fields) == dict(enumerate(one_by_one(way, [encoded(content)], fields)))


@pytest.mark.parametrize("fields", [list(FIELDS), FEW])
@pytest.mark.parametrize(("way", "content"), ODD)
def test_an_odd_answer_is_left_or_means_the_same(way, content, fields):
    """Also between plain ones, which are read all the same."""
    plain = [encoded(one) for its_way, one in PLAIN if its_way == way]
    for bodies in ([encoded(content)], [plain[0], encoded(content), plain[1]]):
        expected = one_by_one(way, bodies, fields)
        for place, answer in at_once(way, bodies, fields).items():
            assert answer == expected[place], place


def test_some_are_left_and_some_are_read():
    """Else the test above would compare nothing."""
    read = [place for place, (way, content) in enumerate(ODD) if at_once(way, [encoded(content)], FEW)]
    assert 0 < len(read) < len(ODD) / 2
    both = one_by_one("workflow", [encoded(FOUND), encoded(MISSED)], FEW)
    assert [answer.status for answer in both] == [RowStatus.COMPLETED, RowStatus.NOT_FOUND]


def test_a_name_that_stands_twice_is_left_or_means_the_same():
    twice = encoded(FOUND)[:-1] + b', "status": "failed", "credits_charged": 0}'
    expected = one_by_one("workflow", [twice], FEW)
    for place, answer in at_once("workflow", [twice], FEW).items():
        assert answer == expected[place]


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["", "completed", "failed", "valid", "CTO", WHO])
)
CHANGED = st.dictionaries(st.sampled_from([*LEAD_OF]), VALUES, max_size=3)
AROUND = st.dictionaries(st.sampled_from([*FOUND, *OF_LIST]), VALUES, max_size=2)


@given(st.lists(st.tuples(st.sampled_from(["workflow", "list"]), CHANGED, AROUND), min_size=1, max_size=4))
@example([("list", {}, {"notes": True})])
def test_whatever_is_told_means_the_same(changes):
    for way in WAYS:
        bodies = [encoded({**with_lead(way, **cells), **around}) for its, cells, around in changes if its == way]
        expected = one_by_one(way, bodies, list(FIELDS))
        for place, answer in at_once(way, bodies, list(FIELDS)).items():
            assert answer == expected[place]
