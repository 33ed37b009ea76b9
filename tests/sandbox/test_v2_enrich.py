"""v2 enrichment: whom, for how much, and what a workflow says of itself. No sockets."""

from __future__ import annotations

from typing import Any

import pytest

from cleanlist_pandas.sandbox.seek import Asked
from cleanlist_pandas.sandbox.v2 import balance
from cleanlist_pandas.sandbox.v2_enrich import enrich_company, enrich_list, enrich_person, workflow_status
from cleanlist_pandas.sandbox.v2_lists import create_list, delete_list, get_list, leads_page
from cleanlist_pandas.sandbox.v2_quotes import estimate

ANN = {"email": "ann@bee.example"}


def person(desk: Any, body: dict[str, Any], **script: Any) -> Any:
    """Enrich one person and return the first status."""
    list_id = desk.ok(create_list, body={"name": "x"})["list_id"]
    started = desk.ok(enrich_person, body={"lead_list_id": list_id, **body}, **script)
    return desk.ok(workflow_status, started["workflow_id"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"phone": "+16505550173"},
        {"first_name": "Ann", "last_name": "Other"},
        {"first_name": "Ann", "company_name": "Bee"},
        {"company_name": "Bee", "domain": "bee.example"},
        {"email": "  "},
    ],
)
def test_nobody_is_identified_by_this(office: Any, body: dict[str, Any]) -> None:
    desk = office()
    list_id = desk.account.default_list.list_id
    assert desk.no(enrich_person, body={"lead_list_id": list_id, **body}) == (422, "body")


@pytest.mark.parametrize(
    "body",
    [
        ANN,
        {"email": "ANN@bee.example"},
        {"linkedin_url": "https://de.linkedin.com/in/annother/"},
        {"linkedin_url": "annother"},
        {"first_name": "Ann", "last_name": "Other", "company_name": "Bee"},
        {"first_name": "Ann", "last_name": "Other", "domain": "bee.example"},
    ],
)
def test_the_same_person_by_every_identifier(office: Any, body: dict[str, Any]) -> None:
    result = person(office(), body)["result"]
    assert result["lead_id"].startswith("lead_")
    assert result["email"].lower() == "ann@bee.example"
    assert (result["status"], result["email_status"], result["phone"]) == ("completed", "valid", None)
    assert (result["full_name"], result["first_name"], result["last_name"]) == ("Ann Other", "Ann", "Other")
    assert (result["title"], result["company"]) == ("CTO", "Bee")
    assert result["linkedin_url"] == "https://linkedin.com/in/annother"
    assert not {"seniority", "industry", "size", "icp_score"} & result.keys()


@pytest.mark.parametrize(
    ("who", "scope", "reserved", "charged", "email", "phone"),
    [
        ("ann", {"enrichment_type": "partial"}, 1, 1, True, None),
        ("ann", {"enrichment_type": "phone_only"}, 10, 10, False, "+16505550173"),
        ("ann", {"enrichment_type": "full"}, 11, 11, True, "+16505550173"),
        ("ann", {}, 1, 1, True, None),
        ("ann", {"include_phone": True}, 10, 10, False, "+16505550173"),
        ("ann", {"include_phone": True, "enrichment_type": "full"}, 11, 11, True, "+16505550173"),
        ("bob", {"enrichment_type": "full"}, 11, 1, True, None),
        ("bob", {"enrichment_type": "phone_only"}, 10, 0, False, None),
        ("zoe", {"enrichment_type": "full"}, 11, 0, False, None),
    ],
)
def test_what_is_found_is_paid_and_the_rest_comes_back(
    office: Any, who: str, scope: dict[str, Any], reserved: int, charged: int, email: bool, phone: str | None
) -> None:
    desk = office(credits=20)
    said = person(desk, {"email": f"{who}@bee.example", **scope})
    result = said["result"]
    assert (said["status"], said["refund_status"]) == ("completed", "not_applicable")
    assert (said["credits_charged"], said["credits_refunded"]) == (charged, (reserved - charged) or None)
    assert (result["email"] is not None, result["phone"]) == (email, phone)
    assert (result["lead_id"] == "") == (charged == 0)
    assert (said["completed"], said["failed"], said["processed"]) == (int(charged > 0), int(charged == 0), 1)
    [held] = desk.books.reservations
    assert (held.credits, held.charged, held.refunded, held.surface) == (reserved, charged, reserved - charged, "v2")
    assert desk.ok(balance)["credits"] == 20 - charged


def test_nothing_found_is_an_empty_lead_and_no_lead_in_the_list(office: Any) -> None:
    desk = office()
    said = person(desk, {"email": "zoe@bee.example"})
    assert (said["result"]["lead_id"], said["result"]["status"]) == ("", "failed")
    assert desk.ok(leads_page, said["lead_list_id"])["leads"] == []
    found = person(desk, ANN)
    [lead] = desk.ok(leads_page, found["lead_list_id"])["leads"]
    assert (lead["lead_id"], lead["email"]) == (found["result"]["lead_id"], "ann@bee.example")
    assert desk.ok(get_list, found["lead_list_id"])["enriched_count"] == 1


def test_a_workflow_outlives_its_polls(office: Any) -> None:
    desk = office(credits=20, workflow_polls=2)
    said = [person(desk, ANN)]
    said += [desk.ok(workflow_status, said[0]["workflow_id"]) for _ in range(3)]
    assert [one["status"] for one in said] == ["pending", "running", "completed", "completed"]
    assert [one["progress"] for one in said] == [0, 50, 100, 100]
    assert [one["credits_charged"] for one in said] == [None, None, 1, 1]
    assert [one["refund_status"] for one in said] == [None, None, "not_applicable", "not_applicable"]
    assert [one["result"] is None for one in said] == [True, True, False, False]


def test_a_workflow_takes_its_time_and_ends_unasked(office: Any) -> None:
    desk = office(credits=20, workflow_s=60)
    workflow_id = person(desk, {**ANN, "enrichment_type": "full"})["workflow_id"]
    assert desk.ok(balance)["credits"] == 9
    desk.clock.advance(59)
    assert desk.ok(workflow_status, workflow_id)["status"] == "running"
    assert desk.books.charged == 0
    desk.clock.advance(1)
    assert desk.ok(balance)["credits"] == 9
    assert desk.books.charged == 11


def test_what_is_set_aside_is_not_spent_twice(office: Any) -> None:
    desk = office(credits=20, workflow_s=60)
    person(desk, {**ANN, "enrichment_type": "full"})
    body = {"lead_list_id": desk.account.default_list.list_id, **ANN, "enrichment_type": "full"}
    status, said = desk.ask(enrich_person, body=body)
    error = said["error"]
    assert (status, error["code"], error["retryable"]) == (400, "insufficient_credits", False)
    named = ("estimated_cost_credits", "available_credits", "shortfall_credits")
    assert [error[name] for name in named] == [11, 9, 2]


@pytest.mark.parametrize(
    ("ends", "charged", "refund", "message"),
    [("failed", 1, "pending_review", True), ("swept", 0, "not_applicable", False)],
)
def test_a_script_can_fail_a_workflow(office: Any, ends: str, charged: int, refund: str, message: bool) -> None:
    desk = office(credits=20)
    said = person(desk, ANN, ends=ends)
    assert (said["status"], said["credits_charged"], said["refund_status"]) == ("failed", charged, refund)
    assert (said["refund_message"] is not None, said["result"]["lead_id"]) == (message, "")
    assert desk.ok(balance)["credits"] == 20 - charged


def test_a_script_can_overcharge(office: Any) -> None:
    desk = office(credits=20)
    assert person(desk, ANN, credits=25)["credits_charged"] == 25
    assert (desk.books.credits_left, desk.ok(balance)["credits"]) == (-5, 0)


def bulk(desk: Any, emails: list[str], scope: str = "partial", **script: Any) -> Any:
    """Enrich a list of addresses and return the first status."""
    list_id = desk.ok(create_list, body={"name": "bulk"})["list_id"]
    for email in emails:
        desk.account.add_lead(Asked(email=email), desk.account.lists[list_id])
    bought = desk.ok(estimate, body={"tool": "enrich_list", "list_id": list_id, "scope": scope})
    body = {"list_id": list_id, "quote_id": bought["quote_id"], "scope": scope}
    started = desk.ok(enrich_list, body=body, **script)
    assert started["credits_reserved"] == started["estimated_cost"] == bought["estimated_cost"]
    return desk.ok(workflow_status, started["workflow_id"])


def test_a_list_is_charged_by_what_is_found(office: Any) -> None:
    desk = office(credits=100)
    said = bulk(desk, ["ann@bee.example", "bob@bee.example", "zoe@bee.example"], "full")
    assert (said["total"], said["completed"], said["failed"], said["result"]) == (3, 2, 1, None)
    assert (said["credits_charged"], said["credits_refunded"]) == (12, 21)
    assert said["summary"] == {"emails_found": 2, "phones_found": 1}
    assert [(charge.email, charge.credits, charge.fields) for charge in desk.books.charges] == [
        ("ann@bee.example", 11, ("email", "phone")),
        ("bob@bee.example", 1, ("email",)),
    ]
    leads = desk.ok(leads_page, said["lead_list_id"])["leads"]
    assert [lead["email"] for lead in leads] == ["ann@bee.example", "bob@bee.example", None]


def test_two_addresses_of_one_profile_become_one_lead_and_both_are_charged(office: Any) -> None:
    desk = office(credits=100)
    said = bulk(desk, ["ann@bee.example", "bob@bee.example", "ann@old.example"])
    assert said["credits_charged"] == 3
    leads = desk.ok(leads_page, said["lead_list_id"])["leads"]
    assert [(lead["email"], lead["company"]) for lead in leads] == [
        ("ann@bee.example", "Bee"),
        ("bob@bee.example", "Bee"),
    ]
    alone = person(desk, {"email": "ann@old.example"})["result"]
    assert (alone["email"], alone["company"], alone["lead_id"]) == ("ann@old.example", "Old", leads[0]["lead_id"])


def test_a_list_enriched_twice_is_paid_twice(office: Any) -> None:
    desk = office(credits=100)
    assert bulk(desk, ["ann@bee.example"])["credits_charged"] == 1
    assert bulk(desk, [])["credits_charged"] == 1
    assert desk.books.charged == 2


def test_a_list_deleted_meanwhile_is_paid_all_the_same(office: Any) -> None:
    desk = office(credits=100, workflow_polls=1)
    said = bulk(desk, ["ann@bee.example"])
    desk.ok(delete_list, said["lead_list_id"])
    assert desk.ok(workflow_status, said["workflow_id"])["credits_charged"] == 1


def test_an_empty_list_is_refused(office: Any) -> None:
    desk = office()
    list_id = desk.ok(create_list, body={"name": "x"})["list_id"]
    assert desk.no(enrich_list, body={"list_id": list_id, "quote_id": "q"}) == (400, "empty_list")
    assert desk.no(enrich_list, body={"list_id": list_id}) == (422, "body/quote_id")
    assert desk.no(enrich_list, body={"list_id": list_id, "quote_id": "q", "scope": "phone_only"}) == (
        422,
        "body/scope",
    )


def test_unknown_lists_workflows_and_fields_are_refused(office: Any) -> None:
    desk = office()
    assert desk.no(enrich_person, body={"lead_list_id": "ll_none", **ANN}) == (404, "not_found")
    assert desk.no(enrich_person, body=ANN) == (422, "body/lead_list_id")
    hooked = {"lead_list_id": "ll_none", **ANN, "webhook_url": "https://x.example"}
    assert desk.no(enrich_person, body=hooked) == (422, "body/webhook_url")
    assert desk.no(enrich_person, body={"lead_list_id": "x", "enrichment_type": "phone-only"})[0] == 422
    assert desk.no(workflow_status, "enrich-none") == (404, "not_found")
    assert desk.books.reservations == []


def test_a_company_costs_one_credit(office: Any) -> None:
    desk = office(credits=1)
    said = desk.ok(enrich_company, body={"domain": "BEE.example"})
    company = said["company"]
    assert (company["name"], company["industry"], company["employee_count_range"]) == ("Bee", "SaaS", "11-50")
    assert said["credits_charged"] == desk.books.totals("v2").charged == 1
    assert desk.no(enrich_company, body={"domain": "bee.example"}) == (400, "insufficient_credits")


@pytest.mark.parametrize("body", [{"company_name": "Bee"}, {"company_id": "company_bee.example"}])
def test_a_company_by_name_and_id(office: Any, body: dict[str, Any]) -> None:
    assert office().ok(enrich_company, body=body)["company"]["domain"] == "bee.example"


@pytest.mark.parametrize("body", [{"domain": "cee.example"}, {"company_ticker": "BEE"}, {"company_name": "Cee"}])
def test_a_company_nobody_knows_is_free(office: Any, body: dict[str, Any]) -> None:
    desk = office()
    assert desk.no(enrich_company, body=body) == (404, "company_not_found")
    assert desk.books.charged == 0


def test_no_company_is_no_request(office: Any) -> None:
    assert office().no(enrich_company, body={}) == (422, "body")
    assert office().no(enrich_company, body={"domain": "b.example", "name": "Bee"}) == (422, "body/name")
