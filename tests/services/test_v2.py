"""What a reply of the v2 surface says, whatever it looks like, and what is sent to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Job, Lookup, Pending
from cleanlist_pandas.services.v2 import SENIORITY_NOTE, V2

JANE = "jane@acme.example"
ALL = ("email_status", "title", "seniority", "company", "phone", "linkedin")
SERVICE = V2()
RESULT = {
    "lead_id": "lead_1",
    "status": "completed",
    "full_name": "Jane Invented",
    "email": JANE,
    "email_status": "valid",
    "phone": "+15550100",
    "linkedin_url": "https://linkedin.com/in/jane",
    "title": "Head of Sales",
    "company": "Acme",
    "enrichment_type": "full",
    "provider": "invented",
}
NOTHING = {**dict.fromkeys(RESULT), "lead_id": "", "status": "failed", "enrichment_type": "full"}


def status(*, result: Any = RESULT, **top: Any) -> dict[str, Any]:
    said = {"workflow_id": "wf_1", "status": "completed", "progress": 100, "enrichment_type": "full"}
    return {**said, "credits_charged": 11, "credits_refunded": None, "result": result, **top}


def read(content: Any, *, fields: tuple[str, ...] = ALL, token: str = "wf_1") -> Any:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    lookup = Lookup(address=JANE, fields=fields, job=Job(lookup=1, token=token, at_us=0) if token else None)
    return SERVICE.read(Reply(status=200, body=raw), lookup, 123)


def test_a_whole_answer_gives_all_its_fields() -> None:
    """The seniority is derived from the title, and says so."""
    found = read(status())
    assert (found.status, found.credits, found.at_us, found.reason) == ("completed", 11, 123, SENIORITY_NOTE)
    assert found.values == {
        "email_status": "valid",
        "title": "Head of Sales",
        "seniority": "director",
        "company": "Acme",
        "phone": "+15550100",
        "linkedin": "https://linkedin.com/in/jane",
    }
    assert found.notes == ()


def test_only_what_was_asked_for_is_taken() -> None:
    """And nothing is called derived that is not there."""
    found = read(status(credits_charged=1), fields=("company",))
    assert (found.values, found.reason) == ({"company": "Acme"}, "")


@pytest.mark.parametrize(
    "word", ["pending", "Running", "RUNNING", "queued", "processing", "paused", "anything else", "complete"]
)
def test_what_is_no_end_is_pending(word: str) -> None:
    """Whatever the word is."""
    assert read(status(status=word)) == Pending("wf_1")


def test_the_reply_that_takes_a_look_up_is_pending() -> None:
    """Even one that says it is done already: what it found is not in it."""
    taken = {"workflow_id": "wf_2", "status": "pending", "credits_reserved": 1, "lead_list_id": "ll", "poll_url": "x"}
    assert read(taken, token="") == Pending("wf_2")
    assert read({**taken, "status": "completed"}, token="") == Pending("wf_2")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        {},
        {"status": "completed"},
        {"workflow_id": "wf_1"},
        {"workflow_id": 1, "status": "pending"},
        {"workflow_id": "", "status": "pending"},
        {"workflow_id": "x" * 201, "status": "pending"},
        {"workflow_id": "wf\n1", "status": "pending"},
        status(workflow_id="wf_2"),
        status(status=None),
    ],
)
def test_what_is_about_nothing_known_is_no_answer(content: Any) -> None:
    """Another workflow's end is not this one's."""
    assert read(content) is None


@pytest.mark.parametrize("name", [".", ".."])
def test_an_id_that_would_be_another_address_is_none(name: str) -> None:
    """``/enrichment/status/..`` is another path, and percent signs do not help a dot."""
    assert read({"workflow_id": name, "status": "pending"}, token="") is None
    assert SERVICE.read_list(Reply(status=201, body=json.dumps({"list_id": name}).encode())) == ""


ENDS = [
    # said, charged, refunded, result -> status, credits
    ("completed", 11, None, RESULT, "completed", 11),
    ("COMPLETED", 1, 10, RESULT, "completed", 1),  # charged in the end; the rest of what was set aside came back
    ("completed", 11, 10, RESULT, "completed", 1),  # the same, told as what was taken first and then given back
    ("completed_with_errors", 1, 0, RESULT, "completed", 1),
    ("completed", 0, 11, RESULT, "completed", 0),
    ("completed", None, None, RESULT, "completed", 11),
    ("completed", -1, None, RESULT, "completed", 11),
    ("completed", 0, 11, NOTHING, "not_found", 0),
    ("completed", 11, 11, NOTHING, "not_found", 0),
    ("completed", None, None, NOTHING, "not_found", 0),
    ("completed", 1, None, NOTHING, "not_found", 1),
    ("completed", 0, None, None, "not_found", 0),
    ("completed", 1, None, None, "failed", 1),
    ("completed", 0, None, {**RESULT, "status": "failed"}, "not_found", 0),
    ("failed", 0, 11, NOTHING, "not_found", 0),
    ("failed", 11, 11, NOTHING, "not_found", 0),
    ("failed", 11, None, NOTHING, "failed", 11),
    ("failed", None, None, NOTHING, "failed", 11),
    ("Canceled", 0, 11, NOTHING, "failed", 0),
    ("cancelled", 11, 11, None, "failed", 0),
    ("terminated", None, None, None, "failed", 11),
    ("completed", 22, None, RESULT, "completed", 22),  # above the price: the run stops
]


@pytest.mark.parametrize(("word", "charged", "refunded", "result", "became", "credits"), ENDS)
def test_how_a_workflow_ended(word: str, charged: Any, refunded: Any, result: Any, became: str, credits: int) -> None:
    """What is booked is what was taken in the end, and the full price where nobody says."""
    found = read(status(status=word, credits_charged=charged, credits_refunded=refunded, result=result))
    assert (found.status, found.credits) == (became, credits)


@pytest.mark.parametrize("charged", [None, -1, "1"])
@pytest.mark.parametrize("result", [None, {}, [], "x"])
def test_one_that_is_done_and_tells_nothing_yet_is_pending(result: Any, charged: Any) -> None:
    """Called a miss, it would be booked as free and what was paid for would never be read."""
    assert read(status(result=result, credits_charged=charged)) == Pending("wf_1")


@pytest.mark.parametrize("lead_id", [None, 5, "x" * 300, "ü", ["lead_1"]])
def test_an_odd_id_of_a_lead_costs_no_value_that_was_paid_for(lead_id: Any) -> None:
    """Nothing of it is used; an empty one alone says that nobody was found."""
    found = read(status(result={**RESULT, "lead_id": lead_id}))
    assert (found.status, found.credits, found.values["title"]) == ("completed", 11, "Head of Sales")
    assert read(status(result={**NOTHING, "lead_id": lead_id}, credits_charged=1)).status == "not_found"
    assert read(status(result={**RESULT, "lead_id": ""}, credits_charged=0)).values == {}


def test_nothing_of_what_was_asked_for_and_no_charge_is_a_miss() -> None:
    """A lead without a phone, where only the phone was wanted."""
    bare = {**RESULT, "phone": None}
    found = read(status(result=bare, credits_charged=0, enrichment_type="phone_only"), fields=("phone",))
    assert (found.status, found.credits, found.values) == ("not_found", 0, {})


def test_another_address_of_the_person_is_a_note() -> None:
    """The workflow's id ties the answer to the request; the address itself is not told."""
    found = read(status(result={**RESULT, "email": "jane.other@acme.example"}))
    assert (found.status, found.notes) == ("completed", ("the answer names another address of the person",))
    assert read(status(result={**RESULT, "email": JANE.upper()})).notes == ()


def test_a_refund_that_is_pending_review_is_told() -> None:
    """The credits are booked as charged."""
    found = read(status(status="failed", result=NOTHING, refund_status="pending_review"))
    assert (found.status, found.credits) == ("failed", 11)
    assert "pending review" in found.notes[0]


@pytest.mark.parametrize(
    ("said", "value"), [("reliable", "valid"), ("Risky", "risky"), ("unknown", "unknown"), ("catch_all", "catch-all")]
)
def test_the_status_of_the_address(said: str, value: str) -> None:
    """In the words that all surfaces share."""
    assert read(status(result={**RESULT, "email_status": said})).values["email_status"] == value


def test_one_strange_value_costs_no_other() -> None:
    """It is told, the others stay."""
    found = read(status(result={**RESULT, "email_status": "shiny", "title": 5}))
    assert set(found.values) == {"company", "phone", "linkedin"}
    assert len(found.notes) == 2


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda leaf: st.lists(leaf), max_leaves=5))
def test_nothing_makes_it_raise(thing: Any) -> None:
    """Wherever it stands in an answer."""
    for name in ("status", "workflow_id", "result", "credits_charged", "credits_refunded", "refund_status"):
        assert isinstance(read(status(**{name: thing})), Answer | Pending | None)
    for name in RESULT:
        assert isinstance(read(status(result={**RESULT, name: thing})), Answer | Pending | None)


@pytest.mark.parametrize(
    ("fields", "price", "kind"),
    [
        (("title", "email_status"), 1, "partial"),
        (("phone",), 10, "phone_only"),
        (("phone", "title"), 11, "full"),
    ],
)
def test_the_price_is_that_of_the_kind_that_is_asked_for(fields: tuple[str, ...], price: int, kind: str) -> None:
    """So a phone beside an answer that is held costs 10."""
    assert SERVICE.price(fields) == price
    asked = SERVICE.begin(Lookup(address=JANE, fields=fields), "ll_1")
    assert json.loads(asked.body) == {"lead_list_id": "ll_1", "email": JANE, "enrichment_type": kind}
    assert (asked.method, asked.path, asked.idempotency_key) == ("POST", "/enrichment/person", "")


def test_what_is_known_besides_is_sent_under_the_surfaces_names() -> None:
    """It refuses names that it does not know."""
    hints = {"first_name": "Jane", "last_name": "Doe", "company": "Acme", "linkedin_url": "in/jane", "other": "x"}
    body = json.loads(SERVICE.begin(Lookup(address=JANE, fields=("title",), hints=hints), "ll_1").body)
    assert set(body) == {
        "lead_list_id", "email", "enrichment_type", "first_name", "last_name", "company_name", "linkedin_url",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["../../credits", "a/b", "a?b#c", "wf 1"])
def test_an_id_stays_in_its_place_of_the_address(name: str) -> None:
    """Whatever the service calls its workflows and lists."""
    for request in (SERVICE.follow(name), SERVICE.drop_list(name)):
        assert not set(request.path.rpartition("/")[2]) & set("/?# ")
        assert request.path.count("/") == (3 if request.method == "GET" else 2)


@pytest.mark.parametrize(("told", "credits"), [(5, 5), (12.9, 12), (0, 0), (None, None), ("5", None), (True, None)])
def test_the_balance_is_a_number(told: Any, credits: int | None) -> None:
    """Whole here, fractional on the older surface; rounded down."""
    reply = Reply(status=200, body=json.dumps({"credits": told}).encode())
    assert SERVICE.read_balance(reply) == credits


def test_a_list_has_an_id() -> None:
    """Or it is none."""
    assert SERVICE.read_list(Reply(status=201, body=b'{"list_id": "ll_1"}')) == "ll_1"
    assert SERVICE.read_list(Reply(status=201, body=b'{"list_id": null}')) == ""
