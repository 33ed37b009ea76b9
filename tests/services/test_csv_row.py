"""What an answer of the csv_row surface says, whatever it looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, Source
from cleanlist_pandas.services.csv_row import CsvRow
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Lookup

JANE = "jane@acme.example"
ALL = tuple(FIELDS)
AT_US = 123
SERVICE = CsvRow()
ROW = {
    "row_id": 1,
    "input_email": JANE,
    "enriched_email_status": "valid",
    "enriched_title": "CTO",
    "enriched_seniority": "c_level",
    "enriched_company": "Acme",
    "enriched_industry": "Software",
    "enriched_size": "11-50",
    "enriched_phone": "+1 555 0100",
    "enriched_linkedin": "https://linkedin.com/in/jane",
    "icp_score": 87,
}
VALUES = {name: ROW[field.column] for name, field in FIELDS.items()}


def content(*, row: Any = None, meta: Any = None, **top: Any) -> dict[str, Any]:
    said = {"csv_row": {**ROW, **(row or {})}, "meta": {"credits_used": 11, "confidence": 0.9, **(meta or {})}}
    return {"id": "ev_1", "status": "completed", **said, **top}


def read(body: Any, address: str = JANE, fields: tuple[str, ...] = ALL) -> Answer | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SERVICE.read(Reply(status=200, body=raw), Lookup(address=address, fields=fields), AT_US)


def answer(body: Any, **more: Any) -> Answer:
    found = read(body, **more)
    assert found is not None
    return found


def test_a_whole_answer_gives_all_its_fields() -> None:
    """The vendor's own example, field by field."""
    assert answer(content()) == Answer(
        status=RowStatus.COMPLETED, credits=11, values=VALUES, confidence=0.9, at_us=AT_US, source=Source.API
    )


def test_only_what_was_asked_for_is_taken() -> None:
    """A field nobody asked for does not appear."""
    assert answer(content(), fields=("title",)).values == {"title": "CTO"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("wrong", [[], {}, [1], {"a": 1}, True, 1e300, -1, 101, 5.5])
def test_a_wrong_type_costs_its_own_field_only(name: str, wrong: Any) -> None:
    """The eleven others were paid for too."""
    found = answer(content(row={FIELDS[name].column: wrong}))
    assert found.status == "completed"
    assert found.values == {key: value for key, value in VALUES.items() if key != name}
    assert len(found.notes) == 1
    assert found.notes[0].startswith(name)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("empty", [None, ""])
def test_nothing_is_no_wrong_value(name: str, empty: Any) -> None:
    """A null or an empty text leaves the field out without a word."""
    found = answer(content(row={FIELDS[name].column: empty}))
    assert found.values == {key: value for key, value in VALUES.items() if key != name}
    assert found.notes == ()


@pytest.mark.parametrize(
    ("column", "raw", "value"),
    [
        ("enriched_seniority", "VP", "vp"),
        ("enriched_seniority", "C-Level", "c_level"),
        ("enriched_seniority", " individual contributor ", "individual_contributor"),
        ("enriched_seniority", "INDIVIDUAL-CONTRIBUTOR", "individual_contributor"),
        ("enriched_email_status", "Catch All", "catch-all"),
        ("enriched_email_status", "catch_all", "catch-all"),
        ("enriched_email_status", "ROLE_BASED", "role-based"),
        ("icp_score", 87.0, 87),
        ("icp_score", 0, 0),
        ("icp_score", 100, 100),
    ],
)
def test_a_spelling_of_a_known_value_is_that_value(column: str, raw: Any, value: Any) -> None:
    """Case, spaces, hyphens and underscores do not matter."""
    found = answer(content(row={column: raw}))
    assert found.values[column.removeprefix("enriched_")] == value
    assert found.notes == ()


@pytest.mark.parametrize(
    ("raw", "told"), [("Grand Vizier", "'Grand Vizier'"), ("a@b.example", "a str"), ("x" * 500, repr("x" * 40))]
)
def test_an_unknown_enum_value_is_told_and_left_out(raw: str, told: str) -> None:
    """It stays in the raw bytes; a note shows it unless it might be an address."""
    found = answer(content(row={"enriched_seniority": raw}))
    assert "seniority" not in found.values
    assert found.notes == (f"seniority: {told} is not a known value",)


@pytest.mark.parametrize(
    "body",
    [
        content(status="not_found"),
        content(status="NOT FOUND"),
        content(row={"status": "not-found"}),
        content(row={"enriched_status": "Not_Found"}),
        content(row={"enriched_email_status": "not_found"}),
        {"status": "not_found"},
        {"status": "not_found", "csv_row": None, "meta": {"credits_used": 0}},
    ],
)
def test_a_miss_is_a_miss_wherever_it_is_said(body: Any) -> None:
    """Top level, row or e-mail status: nobody was found, and nothing is joined."""
    credits = (body.get("meta") or {}).get("credits_used", 0)
    assert answer(body) == Answer(status=RowStatus.NOT_FOUND, credits=credits, at_us=AT_US, source=Source.API)


@pytest.mark.parametrize(
    ("stated", "booked", "noted"),
    [
        (1, 1, False),
        (0, 0, False),
        (0.2, 1, False),
        (10.5, 11, False),
        (250, 250, False),
        (None, 11, True),
        (-1, 11, True),
        ("11", 11, True),
        (True, 11, True),
        (1e300, 11, True),
        (999_999_999, 999_999_999, False),
        (1e9, 11, True),
        ([], 11, True),
    ],
)
def test_credits_are_booked_as_stated_or_at_the_full_price(stated: Any, booked: int, noted: bool) -> None:
    """A fraction is rounded up; what is no number of credits counts as the price, and is told."""
    found = answer(content(meta={"credits_used": stated}))
    note = "credits_used missing or unreadable, booked at the full price"
    assert (found.credits, found.notes) == (booked, (note,) * noted)


@pytest.mark.parametrize(
    ("stated", "taken"), [(0, 0.0), (1, 1.0), (0.5, 0.5), (1.01, None), (2, None), (-0.1, None), ("1", None)]
)
def test_a_confidence_is_a_share(stated: Any, taken: float | None) -> None:
    """From 0 to 1, both included; anything else says nothing."""
    assert answer(content(meta={"confidence": stated})).confidence == taken


def test_a_number_beyond_every_float_costs_its_own_field_only() -> None:
    """JSON's numbers have no bound."""
    body = json.dumps(content()).replace("87", "1e400").replace("0.9", "1e400").encode()
    found = answer(body)
    assert (len(found.values), found.confidence) == (len(VALUES) - 1, None)


def test_a_text_that_no_file_can_hold_is_made_one_that_can() -> None:
    """Half of a surrogate pair becomes a question mark; the rest was paid for."""
    assert answer(content(row={"enriched_title": "C\ud800O"})).values["title"] == "C?O"


def test_an_answer_without_meta_is_booked_at_the_full_price() -> None:
    """Missing is not free."""
    body = content()
    del body["meta"]
    assert answer(body).credits == 11
    assert answer(body, fields=("title",)).credits == 1


@pytest.mark.parametrize("echo", ["else@other.example", "jane@acme.exampl", "not an address", "a@b@c"])
def test_an_answer_about_another_address_is_never_joined(echo: str) -> None:
    """It is failed with what it cost, says so, and repeats nobody's address."""
    said = {
        "status": RowStatus.FAILED,
        "at_us": AT_US,
        "reason": "the answer is about another address and was not used",
    }
    assert answer(content(row={"input_email": echo})) == Answer(credits=11, **said)
    assert answer(content(row={"input_email": echo}, meta={"credits_used": 3})) == Answer(credits=3, **said)
    unsaid = content(row={"input_email": echo}, meta={"credits_used": None})
    assert answer(unsaid, fields=("title",)) == Answer(credits=1, **said)


@pytest.mark.parametrize("echo", [None, "", " ", 5, "JANE@Acme.Example ", "Jane <jane@acme.example>"])
def test_an_echo_that_names_the_same_person_or_nobody_is_fine(echo: Any) -> None:
    """Spelling is not identity, and the echo need not be there."""
    assert answer(content(row={"input_email": echo})).status == "completed"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"5", b"{}", b"<html>", b"\xff\xfe{\x00}\x00", b'{"status":', {"csv_row": 1}]
)
def test_what_is_no_answer_is_none(body: Any) -> None:
    """Nobody can tell what it cost: the engine leaves such a look-up in doubt."""
    assert read(body) is None


@pytest.mark.parametrize("status", ["partial", "jane@acme.example", "\ud800", "x" * 500, "a\x00b"])
def test_values_under_an_unknown_status_are_used_and_the_status_noted(status: str) -> None:
    """They were paid for. The note can be stored and printed, is short and names nobody."""
    found = answer(content(status=status))
    assert (found.status, found.credits, found.values["title"]) == ("completed", 11, "CTO")
    (note,) = (note for note in found.notes if note.startswith("status "))
    assert note.encode().decode().isprintable()
    assert "@" not in note
    assert len(note) <= len("status '' is not a known value") + 40


def test_an_unknown_status_is_shown_in_its_own_words() -> None:
    """At most 40 characters of them."""
    assert answer(content(status="half done")).notes == ("status 'half_done' is not a known value",)
    assert answer(content(status="x" * 500)).notes == (f"status '{'x' * 40}' is not a known value",)


@pytest.mark.parametrize("status", ["failed", "Error", "cancelled"])
def test_a_failure_with_a_charge_is_failed_in_its_own_word(status: str) -> None:
    """Whatever values stand beside it."""
    reason = f"the service answered {status.lower()}"
    assert answer(content(status=status)) == Answer(status=RowStatus.FAILED, credits=11, at_us=AT_US, reason=reason)


def test_two_words_for_a_failure_are_both_told() -> None:
    """The answer's and the row's."""
    found = answer(content(status="rejected", row={"status": "error"}))
    assert found.reason == "the service answered error, rejected"


def test_an_unknown_status_without_values_is_no_answer() -> None:
    """It may be on its way, and charged later."""
    body = content(status="processing")
    for empty in ({}, {"enriched_title": None}, {"enriched_title": ""}):
        body["csv_row"] = {"row_id": 1, **empty}
        assert read(body) is None


def test_a_failure_without_a_charge_is_no_answer() -> None:
    """Nobody can tell what it cost."""
    assert read(content(status="failed", meta={"credits_used": None})) is None


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["completed", "not_found"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
COLUMNS = st.sampled_from([*ROW, "status", "enriched_status"])
ENVELOPE = st.fixed_dictionaries(
    {},
    optional={
        "status": JSON,
        "csv_row": JSON | st.dictionaries(COLUMNS, JSON | st.sampled_from(list(ROW.values())), max_size=12),
        "meta": JSON | st.fixed_dictionaries({}, optional={"credits_used": JSON, "confidence": JSON}),
    },
)


@given(st.binary() | JSON.map(lambda x: json.dumps(x).encode()) | ENVELOPE.map(lambda x: json.dumps(x).encode()))
def test_no_body_raises_and_every_answer_can_be_stored(body: bytes) -> None:
    """Any bytes: an answer whose credits are whole and whose texts encode, or none."""
    found = read(body)
    if found is None:
        return
    assert isinstance(found.credits, int)
    assert found.credits >= 0
    assert found.confidence is None or 0 <= found.confidence <= 1
    for text in (found.reason, *found.notes, *(str(value) for value in found.values.values())):
        text.encode()
    assert found.status == "completed" or not found.values


def test_a_request_asks_for_one_person_and_always_names_the_fields() -> None:
    """Prices depend on the fields: they are never left to the service's default."""
    lookup = Lookup(address=JANE, fields=("title",), hints={"company": "Acme"})
    assert json.loads(SERVICE.body(lookup)) == {"email": JANE, "fields": ["title"], "company": "Acme"}


def test_an_idempotency_key_is_the_same_for_the_same_person_and_fields_only() -> None:
    """Stable over runs, whatever the order of the fields; it shows no address."""
    key = SERVICE.idempotency_key(Lookup(address=JANE, fields=("title", "phone")))
    assert key == SERVICE.idempotency_key(Lookup(address=JANE, fields=("phone", "title"), hints={"company": "x"}))
    assert key != SERVICE.idempotency_key(Lookup(address=JANE, fields=("title",)))
    assert key != SERVICE.idempotency_key(Lookup(address="j" + JANE, fields=("title", "phone")))
    assert "jane" not in key


def test_an_idempotency_key_is_the_same_in_every_version() -> None:
    """A run that was cut off may be resumed by a newer version: another key could be charged twice."""
    lookup = Lookup(address=JANE, fields=("title", "phone"))
    assert SERVICE.idempotency_key(lookup) == "093a11d0565422bd0759811c94d6ccd4"


@pytest.mark.parametrize(("fields", "price"), [(("title",), 1), (ALL, 11), (("phone",), 11), (ALL[:6], 1)])
def test_a_look_up_costs_1_and_with_the_phone_11(fields: tuple[str, ...], price: int) -> None:
    """The vendor's two prices."""
    assert SERVICE.price(fields) == price


def test_a_look_up_shows_nobody() -> None:
    """Its repr holds neither the address nor the hints."""
    assert "jane" not in repr(Lookup(address=JANE, fields=("title",), hints={"first_name": "jane"}))
