"""v2 quotes: what they bind, for how long, and for how often. No sockets."""

from __future__ import annotations

from typing import Any

import pytest

from cleanlist_pandas.sandbox.seek import Asked
from cleanlist_pandas.sandbox.v2_enrich import enrich_list, enrich_person
from cleanlist_pandas.sandbox.v2_lists import create_list
from cleanlist_pandas.sandbox.v2_quotes import estimate, filter_hash


def a_list(desk: Any, leads: int, name: str = "x") -> str:
    list_id = desk.ok(create_list, body={"name": name})["list_id"]
    for i in range(leads):
        desk.account.add_lead(Asked(email=f"p{i}@{name}.example"), desk.account.lists[list_id])
    return list_id


def quote(desk: Any, list_id: str, scope: str = "partial") -> str:
    return desk.ok(estimate, body={"tool": "enrich_list", "list_id": list_id, "scope": scope})["quote_id"]


@pytest.mark.parametrize(
    ("body", "rows", "cost"),
    [
        ({"tool": "enrich_person"}, 1, 1),
        ({"tool": "enrich_person", "include_phone": True}, 1, 10),
        ({"tool": "enrich_person", "enrichment_type": "full"}, 1, 11),
        ({"tool": "bulk_import_csv", "enrichment_type": "phone_only", "row_count": 25}, 25, 250),
        ({"tool": "bulk_import_csv", "extra": {"enrichment_type": "full"}, "row_count": 2}, 2, 22),
        ({"tool": "enrich_list", "scope": "phone-only", "row_count": 3}, 3, 30),
        ({"tool": "enrich_list"}, 0, 0),
    ],
)
def test_an_estimate_is_rows_times_price(office: Any, body: dict[str, Any], rows: int, cost: int) -> None:
    desk = office(credits=100)
    said = desk.ok(estimate, body=body)
    assert (said["row_count"], said["estimated_cost"], said["tool"]) == (rows, cost, body["tool"])
    assert (said["available_credits"], said["sufficient"]) == (100, cost <= 100)
    assert said["expires_at"] == int(desk.clock()) + 300
    assert said["filter_hash"] == "none"
    assert said["quote_id"].startswith(f"qte_v1_{int(desk.clock())}_")
    assert desk.books.held == desk.books.charged == 0


def test_a_list_counts_itself(office: Any) -> None:
    desk = office()
    list_id = a_list(desk, 3)
    said = desk.ok(estimate, body={"tool": "enrich_list", "list_id": list_id, "scope": "full", "row_count": 1})
    assert (said["row_count"], said["estimated_cost"]) == (3, 33)
    assert said["filter_hash"] == filter_hash({"list_id": list_id})


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        ({}, 422, "body/tool"),
        ({"tool": "sync_to_crm"}, 400, "unknown_tool"),
        ({"tool": "enrich_list", "scope": "phone_only"}, 400, "validation_error"),
        ({"tool": "bulk_import_csv", "enrichment_type": "phone-only"}, 400, "validation_error"),
        ({"tool": "enrich_list", "extra": {"priority": "high"}}, 400, "validation_error"),
        ({"tool": "enrich_list", "list_id": "ll_none"}, 404, "not_found"),
        ({"tool": "enrich_list", "row_count": "3"}, 422, "body/row_count"),
        ({"tool": "enrich_list", "rows": 3}, 422, "body/rows"),
        ({"tool": "enrich_list", "include_phone": None}, 422, "body/include_phone"),
    ],
)
def test_what_cannot_be_priced_is_refused(office: Any, body: dict[str, Any], status: int, what: str) -> None:
    assert office().no(estimate, body=body) == (status, what)


def test_a_quote_is_used_once(office: Any) -> None:
    desk = office()
    list_id = a_list(desk, 2)
    body = {"list_id": list_id, "quote_id": quote(desk, list_id)}
    desk.ok(enrich_list, body=body)
    assert desk.no(enrich_list, body=body) == (409, "quote_used")
    assert len(desk.books.reservations) == 1


def test_two_quotes_for_the_same_are_two(office: Any) -> None:
    desk = office()
    list_id = a_list(desk, 2)
    assert quote(desk, list_id) != quote(desk, list_id)


@pytest.mark.parametrize(("seconds", "is_good"), [(299.5, True), (300, False), (301, False)])
def test_a_quote_lasts_five_minutes(office: Any, seconds: float, is_good: bool) -> None:
    desk = office()
    list_id = a_list(desk, 1)
    body = {"list_id": list_id, "quote_id": quote(desk, list_id)}
    desk.clock.advance(seconds)
    status, said = desk.ask(enrich_list, body=body)
    assert status == 200 if is_good else (status, said["error"]["code"]) == (400, "quote_expired")


def test_a_quote_is_for_its_list_its_scope_and_its_count(office: Any) -> None:
    desk = office()
    one, other = a_list(desk, 2, "one"), a_list(desk, 2, "other")
    bought = quote(desk, one)
    assert desk.no(enrich_list, body={"list_id": other, "quote_id": bought}) == (400, "quote_mismatch")
    assert desk.no(enrich_list, body={"list_id": one, "quote_id": bought, "scope": "full"}) == (400, "quote_mismatch")
    person = {"lead_list_id": one, "email": "a@b.example", "quote_id": bought}
    assert desk.no(enrich_person, body=person) == (400, "quote_mismatch")
    assert desk.no(enrich_list, body={"list_id": one, "quote_id": "qte_v1_1_forged"}) == (400, "invalid_quote")
    desk.account.add_lead(Asked(email="late@one.example"), desk.account.lists[one])
    assert desk.no(enrich_list, body={"list_id": one, "quote_id": bought}) == (400, "spend_cap_exceeded")
    for lead_id in list(desk.account.lists[one].leads)[:2]:
        del desk.account.lists[one].leads[lead_id]
    assert desk.no(enrich_list, body={"list_id": one, "quote_id": bought}) == (400, "quote_mismatch")
    assert desk.books.reservations == []


def test_a_refused_quote_is_not_used_up(office: Any) -> None:
    desk = office(credits=1)
    list_id = a_list(desk, 2)
    bought = quote(desk, list_id)
    assert desk.no(enrich_list, body={"list_id": list_id, "quote_id": bought}) == (400, "insufficient_credits")
    assert not desk.account.quotes[bought].used


def test_a_person_can_have_a_quote(office: Any) -> None:
    desk = office()
    bought = desk.ok(estimate, body={"tool": "enrich_person", "enrichment_type": "full"})["quote_id"]
    body = {"lead_list_id": a_list(desk, 0), "email": "a@b.example", "enrichment_type": "full", "quote_id": bought}
    desk.ok(enrich_person, body=body)
    assert desk.no(enrich_person, body=body) == (409, "quote_used")
