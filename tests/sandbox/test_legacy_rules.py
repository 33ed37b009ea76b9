"""The legacy v1 surface: whom it takes, what it answers, what it costs. No sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cleanlist_pandas.sandbox.legacy import balance, deliveries, enrich_bulk, enrich_status, validate_key
from cleanlist_pandas.sandbox.webhooks import WAITS_S, due, is_loopback, note, payload

ANN = {"first_name": "Ann", "last_name": "Other", "company_domain": "bee.example", "email": "ann@bee.example"}
BOB = {"first_name": "Bob", "last_name": "Busy", "company_name": "Bee", "email": "bob@bee.example"}
ZOE = {"linkedin_url": "https://linkedin.com/in/zoe"}
HOOK = "http://127.0.0.1:9/hook"


def run(desk: Any, *contacts: Any, **more: Any) -> tuple[Any, Any]:
    """Submit contacts; return what was answered and the first status."""
    script = {name: more.pop(name) for name in ("ends", "credits") if name in more}
    started = desk.ok(enrich_bulk, body={"contacts": list(contacts), **more}, **script)
    return started, desk.ok(enrich_status, query={"workflow_id": started["workflow_id"]})


def test_a_key_and_a_balance_that_is_a_fraction(office: Any) -> None:
    desk = office(credits=12)
    said = desk.ok(validate_key)
    assert (said["valid"], said["organization_id"]) == (True, desk.account.organization_id)
    assert desk.ok(balance) == {"organization_id": desk.account.organization_id, "credits": 12.5}


@pytest.mark.parametrize(
    ("contact", "is_enough"),
    [
        ({"linkedin_url": "linkedin.com/in/ann"}, True),
        ({"first_name": "Ann", "last_name": "Other", "company_name": "Bee"}, True),
        ({"first_name": "Ann", "last_name": "Other", "company_domain": "bee.example"}, True),
        ({"first_name": "Ann", "last_name": "Other", "company_domain": "bee.example", "shoe_size": 9}, True),
        ({"email": "ann@bee.example"}, False),
        ({"email": "ann@bee.example", "first_name": "Ann", "last_name": "Other"}, False),
        ({"email": "ann@bee.example", "first_name": "Ann", "company_name": "Bee"}, False),
        ({"first_name": " ", "last_name": "Other", "company_name": "Bee"}, False),
        ({"linkedin_url": None}, False),
        ({}, False),
        ("ann@bee.example", False),
        ({"linkedin_url": 7}, False),
    ],
)
def test_an_address_alone_is_not_enough(office: Any, contact: Any, is_enough: bool) -> None:
    status, said = office().ask(enrich_bulk, body={"contacts": [ANN, contact]})
    assert status == (200 if is_enough else 422)
    if not is_enough:
        [fault] = said["detail"]
        assert (fault["loc"][:3], fault["input"]) == (["body", "contacts", 1], contact)


def test_the_refusal_says_what_is_needed_in_the_vendors_words(office: Any) -> None:
    _, said = office().ask(enrich_bulk, body={"contacts": [{"email": "a@b.example"}]})
    assert said["detail"][0]["msg"] == (
        "Each contact must include linkedin_url OR first_name + last_name + (company_domain or company_name)."
    )


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        ({"contacts": []}, 400, "At least one contact is required"),
        ({"contacts": [ZOE] * 251}, 400, "Bulk enrichment supports up to 250 contacts per request"),
        ({"contacts": [ZOE], "enrichment_type": "prospecting_only"}, 400, "The sandbox discovers nobody"),
        ({}, 422, "body/contacts"),
        ({"contacts": None}, 422, "body/contacts"),
        ({"contacts": [ZOE], "enrichment_type": "phone-only"}, 422, "body/enrichment_type"),
        ({"contacts": [ZOE], "webhook_url": "https://hook.example/x"}, 422, "body/webhook_url"),
        (b"{", 422, "body"),
    ],
)
def test_what_is_no_submission_is_refused(office: Any, body: Any, status: int, what: str) -> None:
    desk = office()
    assert desk.no(enrich_bulk, body=body) == (status, what)
    assert desk.books.reservations == []


def test_the_most_contacts_are_taken(office: Any) -> None:
    started, _ = run(office(), *[ZOE] * 250)
    assert (started["total_contacts"], len(set(started["task_ids"]))) == (250, 250)


@pytest.mark.parametrize(
    ("kind", "reserved", "charged", "emails", "phones"),
    [("none", 0, 0, 0, 0), ("partial", 3, 2, 2, 0), ("phone_only", 30, 10, 0, 1), ("full", 33, 12, 2, 1)],
)
def test_what_is_found_is_paid(office: Any, kind: str, reserved: int, charged: int, emails: int, phones: int) -> None:
    desk = office(credits=100)
    started, said = run(desk, ANN, BOB, ZOE, enrichment_type=kind)
    assert (started["status"], started["message"]) == ("processing", "Bulk enrichment started")
    assert started["workflow_id"].startswith("public_bulk_")
    assert said["status"] == "completed"
    assert (said["summary"]["emails_found"], said["summary"]["phones_found"]) == (emails, phones)
    total = desk.books.totals("legacy")
    assert (total.reserved, total.charged, total.refunded) == (reserved, charged, reserved - charged)
    assert desk.books.totals("v2").reserved == 0
    assert len(desk.account.default_list.leads) == {"none": 3, "phone_only": 1}.get(kind, 2)


def test_a_result_has_the_documented_shape(office: Any) -> None:
    started, said = run(office(), ANN, BOB, ZOE, enrichment_type="full")
    ann, bob, zoe = said["results"]
    assert ann == {
        "task_id": started["task_ids"][0],
        "status": "completed",
        "primary_email": "ann@bee.example",
        "primary_email_status": "reliable",
        "other_emails": [],
        "personal_phone_numbers": ["+16505550173"],
        "prospect": {
            "first_name": "Ann",
            "last_name": "Other",
            "full_name": "Ann Other",
            "headline": "CTO",
            "location": None,
        },
        "company": {"name": "Bee", "domain": "bee.example", "industry": "SaaS", "headcount": "11-50"},
    }
    assert (bob["primary_email_status"], bob["personal_phone_numbers"]) == ("risky", [])
    assert (zoe["status"], zoe["primary_email"], zoe["company"]["industry"]) == ("failed", None, None)
    assert said["summary"] == {"total": 3, "successful": 2, "failed": 1, "emails_found": 2, "phones_found": 1}


def test_partial_is_what_one_gets_without_asking(office: Any) -> None:
    _, said = run(office(), ANN)
    assert said["enrichment_type"] == "partial"


def test_a_status_is_of_a_workflow_or_of_a_task(office: Any) -> None:
    desk = office(workflow_polls=1)
    started, said = run(desk, ANN, ZOE)
    assert (said["status"], said["results"], said["summary"]) == ("processing", [], None)
    whole = {"workflow_id": started["workflow_id"]}
    part = {"task_id": started["task_ids"][0]}
    assert desk.ok(enrich_status, query=part)["result"]["primary_email"] == "ann@bee.example"
    assert desk.ok(enrich_status, query=whole)["status"] == "completed"
    for query in ({}, {**whole, **part}):
        assert desk.no(enrich_status, query=query) == (400, "Provide exactly one of workflow_id and task_id")
    for query in ({"workflow_id": "public_bulk_none"}, {"task_id": "none"}):
        assert desk.no(enrich_status, query=query) == (404, "Not found")


def test_a_task_that_runs_has_no_result(office: Any) -> None:
    desk = office(workflow_polls=5)
    started, _ = run(desk, ANN)
    said = desk.ok(enrich_status, query={"task_id": started["task_ids"][0]})
    assert (said["status"], said["result"]) == ("processing", None)


def test_out_of_credits_is_a_402(office: Any) -> None:
    desk = office(credits=21)
    body = {"contacts": [ANN, BOB], "enrichment_type": "full"}
    assert desk.no(enrich_bulk, body=body) == (402, "Insufficient credits")
    assert desk.books.reservations == []


@pytest.mark.parametrize(("ends", "charged"), [("failed", 1), ("swept", 0)])
def test_a_script_can_fail_it(office: Any, ends: str, charged: int) -> None:
    desk = office()
    _, said = run(desk, ANN, ends=ends)
    assert (said["status"], said["results"][0]["status"], desk.books.charged) == ("failed", "failed", charged)


@pytest.mark.parametrize(
    ("url", "stays"),
    [
        ("http://127.0.0.1:8000/x?y=1", True),
        ("http://localhost/", True),
        ("http://[::1]:8000", True),
        ("https://127.0.0.1:8000/", False),
        ("http://hook.example/", False),
        ("http://127.0.0.1.hook.example/", False),
        ("http://127.0.0.1@hook.example/", False),
        ("http://127.0.0.1:port/", False),
        ("http://[::1", False),
        ("file:///etc/hosts", False),
        ("", False),
    ],
)
def test_webhooks_stay_on_this_machine(url: str, stays: bool) -> None:
    assert is_loopback(url) is stays


def hooked(desk: Any) -> Any:
    """Return the webhook of a workflow that has ended."""
    started, _ = run(desk, ANN, ZOE, webhook_url=HOOK)
    return desk.account.deliveries[started["workflow_id"]]


def test_five_attempts_with_growing_waits(office: Any) -> None:
    desk = office()
    start_s, delivery = desk.clock(), hooked(desk)
    for _ in WAITS_S:
        assert due(desk.account) == [delivery]
        note(desk.account, delivery, 500)
        assert due(desk.account) == []
        desk.clock.advance(delivery.due_s - desk.clock())
    assert delivery.status == "retrying"
    assert due(desk.account) == []
    assert (delivery.status, delivery.due_s) == ("failed", None)
    assert [one.at_s - start_s for one in delivery.attempts] == [0, 1, 3, 7, 15]
    assert desk.clock() - start_s == 31


@pytest.mark.parametrize(
    ("code", "is_good"), [(200, True), (204, True), (299, True), (301, False), (404, False), (None, False)]
)
def test_only_a_2xx_acknowledges(office: Any, code: int | None, is_good: bool) -> None:
    desk = office()
    delivery = hooked(desk)
    note(desk.account, delivery, code, None if code else "ConnectionRefusedError")
    assert delivery.status == ("delivered" if is_good else "retrying")
    said = desk.ok(deliveries, query={"workflow_id": delivery.workflow_id})
    [attempt] = said["deliveries"]
    assert (attempt["attempt"], attempt["response_code"]) == (1, code)
    assert attempt["status"] == ("delivered" if is_good else "failed")
    assert (attempt["error_message"] is None) == (code is not None)


def test_a_workflow_without_a_webhook_has_an_empty_log(office: Any) -> None:
    desk = office()
    started, _ = run(desk, ANN)
    assert desk.ok(deliveries, query={"workflow_id": started["workflow_id"]})["deliveries"] == []
    assert desk.no(deliveries, query={"workflow_id": "none"}) == (404, "Not found")
    assert desk.no(deliveries) == (404, "Not found")


def test_a_webhook_says_what_the_status_says(office: Any) -> None:
    desk = office()
    started, status = run(desk, ANN, ZOE, webhook_url=HOOK)
    said = json.loads(payload(desk.account, desk.account.deliveries[started["workflow_id"]]))
    assert (said["event"], said["workflow_id"]) == ("enrichment.completed", started["workflow_id"])
    assert (said["results"], said["summary"], said["status"]) == (status["results"], status["summary"], "completed")
    assert (said["results_limit"], said["results_truncated"]) == (250, 0)
    assert said["results_endpoint"] == f"/api/v1/public/enrich/status?workflow_id={started['workflow_id']}"


def test_the_other_shape_of_a_webhook_tells_what_was_sent(office: Any) -> None:
    desk = office(nested_results=True)
    started, _ = run(desk, ANN, ZOE, webhook_url=HOOK, enrichment_type="full")
    ann, zoe = json.loads(payload(desk.account, desk.account.deliveries[started["workflow_id"]]))["results"]
    assert ann["result"]["email"] == ann["input"]["email"] == "ann@bee.example"
    assert (ann["result"]["phones"], ann["result"]["email_status"]) == (["+16505550173"], "reliable")
    assert (ann["lead_id"] is None, ann["error"]) == (False, None)
    assert (zoe["lead_id"], zoe["status"], zoe["error"]) == (None, "failed", "Nothing was found.")
    assert zoe["input"]["linkedin_url"] == ZOE["linkedin_url"]
