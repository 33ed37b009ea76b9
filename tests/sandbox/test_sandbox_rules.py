"""The rules, without a socket: bodies, prices, envelope, rate."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cleanlist_pandas.sandbox.rules import (
    DEFAULT_FIELDS,
    FIELDS,
    Answer,
    Bucket,
    LookUp,
    envelope,
    price,
    read_look_up,
)
from cleanlist_pandas.sandbox.world import InventedWorld, Person


def read(body: object) -> LookUp | Answer:
    return read_look_up(json.dumps(body).encode())


def refused(body: object) -> tuple[int, Any]:
    answer = read(body)
    assert isinstance(answer, Answer)
    return answer.status, json.loads(answer.body)["detail"]


def test_without_fields_all_but_the_phone_are_meant() -> None:
    look_up = read({"email": "a@b.example"})
    assert isinstance(look_up, LookUp)
    assert look_up.fields == frozenset(DEFAULT_FIELDS) == frozenset(FIELDS) - {"phone"}


def test_both_spellings_name_one_field() -> None:
    names = ["title", "enriched_title", "enriched_phone", "icp_score"]
    look_up = read({"email": "a@b.example", "fields": names})
    assert isinstance(look_up, LookUp)
    assert look_up.fields == {"title", "phone", "icp_score"}


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        (["title", "shoe_size"], ["body", "fields", 1]),
        ([7], ["body", "fields", 0]),
        (["enriched_icp_score"], ["body", "fields", 0]),
        ([], ["body", "fields"]),
        ("title", ["body", "fields"]),
    ],
)
def test_unknown_fields_are_refused_with_their_place(fields: object, place: list[object]) -> None:
    status, detail = refused({"email": "a@b.example", "fields": fields})
    assert (status, detail[0]["type"], detail[0]["loc"]) == (422, "value_error", place)


@pytest.mark.parametrize(
    "email",
    [None, 7, "", "a", "@b.example", "a@b", "a@b@c.example", "a b@c.example", "a@.example", "a" * 321 + "@b.de"],
)
def test_what_is_no_address_is_refused(email: object) -> None:
    status, detail = refused({"email": email})
    assert (status, detail[0]["loc"]) == (422, ["body", "email"])


def test_a_missing_address_is_refused() -> None:
    status, detail = refused({"fields": ["title"]})
    assert (status, detail[0]["type"]) == (422, "missing")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_a_400(body: bytes) -> None:
    answer = read_look_up(body)
    assert isinstance(answer, Answer)
    assert answer.status == 400


@pytest.mark.parametrize("body", [[], "a@b.example", None, 3])
def test_json_that_is_no_object_is_a_422(body: object) -> None:
    assert refused(body)[0] == 422


@pytest.mark.parametrize(
    ("fields", "credits"), [({"title"}, 1), (set(DEFAULT_FIELDS), 1), ({"phone"}, 11), (set(FIELDS), 11)]
)
def test_the_price_is_one_or_eleven(fields: set[str], credits: int) -> None:
    assert price(frozenset(fields)) == credits


def test_the_envelope_has_the_vendors_shape() -> None:
    look_up = LookUp("Alex@Startup.io", frozenset(FIELDS))
    person = Person(name="Alex Rivera", email_status="valid", title="CTO", phone="+1-650-555-0173", icp_score=72)
    assert json.loads(envelope(look_up, person, answer_id="ev_1", credits=11)) == {
        "id": "ev_1",
        "status": "completed",
        "csv_row": {
            "row_id": 1,
            "input_email": "Alex@Startup.io",
            "input_name": "Alex Rivera",
            "enriched_email_status": "valid",
            "enriched_title": "CTO",
            "enriched_seniority": None,
            "enriched_company": None,
            "enriched_industry": None,
            "enriched_size": None,
            "enriched_phone": "+1-650-555-0173",
            "enriched_linkedin": None,
            "icp_score": 72,
        },
        "meta": {
            "credits_used": 11,
            "providers_queried": 15,
            "providers_matched": 5,
            "confidence": 0.9,
            "row_number": 1,
            "total_rows": 1,
        },
    }


def test_a_field_that_was_not_asked_for_is_null() -> None:
    person = InventedWorld(1, 1.0).look_up("a.b@c.example")
    row = json.loads(envelope(LookUp("a.b@c.example", frozenset({"size"})), person, answer_id="ev_1", credits=1))[
        "csv_row"
    ]
    given = {name for name, value in row.items() if value is not None}
    assert given == {"row_id", "input_email", "input_name", "enriched_size"}


def test_a_miss_has_the_same_keys_and_nothing_in_them() -> None:
    look_up = LookUp("a@b.example", frozenset(FIELDS), "Ann Other")
    miss = json.loads(envelope(look_up, None, answer_id="ev_1", credits=0))
    hit = json.loads(envelope(look_up, Person(), answer_id="ev_1", credits=1))
    assert (miss["status"], miss["meta"]["credits_used"], miss["csv_row"]["input_name"]) == (
        "not_found",
        0,
        "Ann Other",
    )
    assert list(miss["csv_row"]) == list(hit["csv_row"])
    assert all(value is None for name, value in miss["csv_row"].items() if "enriched" in name or name == "icp_score")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_slow_bucket_gives_one_at_a_time_and_says_how_long_to_wait() -> None:
    clock = Clock()
    bucket = Bucket(30, clock)
    assert [bucket.take(), bucket.take()] == [0, 2]
    clock.now += 0.5
    assert bucket.take() == 2
    clock.now += 1.5
    assert bucket.take() == 0


def test_a_fast_bucket_gives_a_seconds_worth_at_once() -> None:
    clock = Clock()
    bucket = Bucket(600, clock)
    assert [bucket.take() for _ in range(11)] == [0] * 10 + [1]
    clock.now += 3600
    assert [bucket.take() for _ in range(11)] == [0] * 10 + [1]


def test_over_a_minute_the_rate_is_kept() -> None:
    clock = Clock()
    bucket = Bucket(90, clock)
    granted = 0
    for _ in range(6000):
        granted += bucket.take() == 0
        clock.now += 0.01
    assert 90 <= granted <= 91.5
