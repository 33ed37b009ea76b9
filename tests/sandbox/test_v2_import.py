"""v2 csv-import: what is kept, what is skipped and why, and what it costs. No sockets."""

from __future__ import annotations

from typing import Any

import pytest

from cleanlist_pandas.sandbox.v2_enrich import workflow_status
from cleanlist_pandas.sandbox.v2_import import LARGEST_FILE, csv_import, sift
from cleanlist_pandas.sandbox.v2_lists import create_list, get_list, leads_page
from cleanlist_pandas.sandbox.v2_quotes import estimate

EMAILS = {"email": "Email"}


def imported(desk: Any, content: str | bytes, mapping: Any = EMAILS, **more: Any) -> dict[str, Any]:
    """Return a body, without an enrichment unless it is asked for."""
    body = {"csv_content_base64": desk.base64(content), "column_mapping": mapping, "dispatch_enrichment": False}
    return {**body, **more}


def a_list(desk: Any, name: str = "x") -> str:
    return desk.ok(create_list, body={"name": name})["list_id"]


def test_rows_land_in_the_list_and_cost_nothing(office: Any) -> None:
    desk = office(credits=0)
    list_id, content = a_list(desk), "Email,Who,Note\r\nann@bee.example,Ann Other,x\r\nzoe@bee.example,,y\r\n"
    status, said = desk.ask(csv_import, list_id, body=imported(desk, content, {**EMAILS, "full_name": "Who"}))
    assert status == 201
    assert (said["rows_parsed"], said["rows_imported"], said["rows_skipped"]) == (2, 2, 0)
    assert (said["skip_reasons"], said["sample_skip_rows"]) == ({}, [])
    assert (said["workflow_id"], said["enrichment_status_url"], said["idempotency_replayed"]) == (None, None, False)
    leads = desk.ok(leads_page, list_id)["leads"]
    assert [(lead["full_name"], lead["email"]) for lead in leads] == [("Ann Other", None), (None, None)]
    assert desk.ok(get_list, list_id)["lead_count"] == 2


def test_an_import_spends_unless_told_otherwise(office: Any) -> None:
    desk = office(credits=100)
    body = imported(desk, "Email\nann@bee.example\nzoe@bee.example\n", enrichment_type="full")
    del body["dispatch_enrichment"]
    said = desk.ok(csv_import, a_list(desk), body=body)
    assert said["enrichment_status_url"] == f"/api/v2/enrichment/status/{said['workflow_id']}"
    run = desk.ok(workflow_status, said["workflow_id"])
    assert (run["credits_charged"], run["credits_refunded"], desk.books.charged) == (11, 11, 11)
    assert [lead["email"] for lead in desk.ok(leads_page, said["list_id"])["leads"]] == ["ann@bee.example", None]


def test_an_import_that_spends_has_to_say_for_what(office: Any) -> None:
    desk = office()
    body = imported(desk, "Email\nann@bee.example\n", dispatch_enrichment=True)
    assert desk.no(csv_import, a_list(desk), body=body) == (422, "body")


def test_an_import_that_cannot_be_paid_imports_nothing(office: Any) -> None:
    desk = office(credits=1)
    list_id = a_list(desk)
    body = imported(desk, "Email\na@b.example\nc@b.example\n", dispatch_enrichment=True, enrichment_type="partial")
    assert desk.no(csv_import, list_id, body=body) == (400, "insufficient_credits")
    assert desk.ok(get_list, list_id)["lead_count"] == 0


@pytest.mark.parametrize(
    ("row", "needs_more", "email_alone"),
    [
        ({"email": "a@b.example"}, "missing_required", None),
        ({"linkedin_url": "linkedin.com/in/ann"}, None, None),
        ({"full_name": "Ann Other", "company_name": "Bee"}, None, None),
        ({"first_name": "Ann", "last_name": "Other", "company_domain": "bee.example"}, None, None),
        ({"full_name": "Ann Other"}, "missing_required", "missing_required"),
        ({"company_name": "Bee"}, "missing_required", "missing_required"),
        ({"phone": "+16505550173"}, "missing_required", "missing_required"),
        ({}, "missing_required", "missing_required"),
    ],
)
def test_what_a_row_needs(row: dict[str, str], needs_more: str | None, email_alone: str | None) -> None:
    for email_is_enough, reason in ((False, needs_more), (True, email_alone)):
        kept, skipped = sift([row], email_is_enough=email_is_enough)
        assert (len(kept), skipped) == ((0, [(2, reason)]) if reason else (1, []))


def test_skips_are_counted_and_the_header_is_row_one(office: Any) -> None:
    desk = office()
    rows = ["a@b.example,", "A@B.example,", ",", "c@b.example,in-c", "d@b.example,IN-C", *["a@b.example,"] * 12]
    said = desk.ok(
        csv_import,
        a_list(desk),
        body=imported(desk, "\n".join(["Email,Profile", *rows]), {**EMAILS, "linkedin_url": "Profile"}),
    )
    assert (said["rows_parsed"], said["rows_imported"], said["rows_skipped"]) == (17, 2, 15)
    assert said["skip_reasons"] == {"duplicate_email": 13, "missing_required": 1, "duplicate_linkedin": 1}
    assert said["sample_skip_rows"] == [3, 4, 6, 7, 8, 9, 10, 11, 12, 13]


def test_only_the_upload_itself_is_without_duplicates(office: Any) -> None:
    desk = office()
    list_id = a_list(desk)
    for _ in range(2):
        assert desk.ok(csv_import, list_id, body=imported(desk, "Email\nann@bee.example\n"))["rows_imported"] == 1
    assert desk.ok(get_list, list_id)["lead_count"] == 2


@pytest.mark.parametrize(
    ("content", "more", "status", "what"),
    [
        ("Mail\na@b.example\n", {}, 400, "missing_column"),
        ("", {}, 400, "missing_column"),
        ("Email\n", {"column_mapping": {}}, 422, "body/column_mapping"),
        ("Email\n", {"column_mapping": {"e_mail": "Email"}}, 422, "body/column_mapping"),
        ("Email\n", {"column_mapping": {"email": 1}}, 422, "body/column_mapping"),
        ("Email\n", {"csv_content_base64": "%%%"}, 400, "invalid_csv"),
        (b"Email\n\xff\xfe\n", {}, 400, "invalid_csv"),
        ('Email\n"a@b.example', {}, 400, "invalid_csv"),
        ("Email\n", {"enrichment_type": "phone-only"}, 422, "body/enrichment_type"),
        ("Email\n", {"dispatch_enrichment": "no"}, 422, "body/dispatch_enrichment"),
        ("Email\n", {"webhook_url": "x"}, 422, "body/webhook_url"),
        ("Email\n" + "x" * LARGEST_FILE, {}, 413, "payload_too_large"),
        ("Email\n" + "a@b.example\n" * 601, {}, 413, "payload_too_large"),
    ],
)
def test_what_is_no_import_is_refused(office: Any, content: Any, more: dict[str, Any], status: int, what: str) -> None:
    desk = office()
    list_id = a_list(desk)
    assert desk.no(csv_import, list_id, body={**imported(desk, content), **more}) == (status, what)
    assert desk.ok(get_list, list_id)["lead_count"] == 0


def test_the_missing_column_is_named(office: Any) -> None:
    desk = office()
    _, said = desk.ask(csv_import, a_list(desk), body=imported(desk, "Mail\n"))
    assert said["error"]["details"] == {"missing": ["Email"]}


def test_the_largest_file_and_the_most_rows_are_taken(office: Any) -> None:
    desk = office()
    content = "\ufeffEmail,Note\n" + "".join(f"p{i}@b.example,{'x' * 232}\n" for i in range(600))
    content += "\n" * (LARGEST_FILE - len(content.encode()))
    assert len(content.encode()) == LARGEST_FILE
    assert desk.ok(csv_import, a_list(desk), body=imported(desk, content))["rows_imported"] == 600


def test_a_key_is_answered_again_for_a_day_and_across_lists(office: Any) -> None:
    desk = office(credits=100)
    one, other = a_list(desk, "one"), a_list(desk, "other")
    spending = {"dispatch_enrichment": True, "enrichment_type": "partial", "idempotency_key": "k"}
    body = imported(desk, "Email\nann@bee.example\n", **spending)
    first = desk.ok(csv_import, one, body=body)
    desk.clock.advance(24 * 3600 - 1)
    again = desk.ok(csv_import, other, body=body)
    assert again["idempotency_replayed"] is True
    assert (again["list_id"], again["workflow_id"]) == (one, first["workflow_id"])
    assert (desk.books.charged, desk.ok(get_list, other)["lead_count"]) == (1, 0)
    desk.clock.advance(1)
    assert desk.ok(csv_import, other, body=body)["idempotency_replayed"] is False
    assert desk.books.charged == 2


def test_a_refused_import_is_not_remembered(office: Any) -> None:
    desk = office()
    list_id = a_list(desk)
    assert desk.no(csv_import, list_id, body=imported(desk, "Mail\n", idempotency_key="k"))[0] == 400
    said = desk.ok(csv_import, list_id, body=imported(desk, "Email\na@b.example\n", idempotency_key="k"))
    assert said["idempotency_replayed"] is False


def test_a_quote_for_an_import_counts_the_rows_that_land(office: Any) -> None:
    desk = office(credits=100)
    list_id = a_list(desk)
    asked = {"tool": "bulk_import_csv", "enrichment_type": "partial"}
    body = imported(desk, "Email\na@b.example\na@b.example\nc@b.example\n")
    body |= {"dispatch_enrichment": True, "enrichment_type": "partial"}
    # With list_id the server counts the list, which is still empty: such a quote never fits a first import.
    empty = desk.ok(estimate, body={**asked, "list_id": list_id, "row_count": 2})
    assert empty["row_count"] == 0
    assert desk.no(csv_import, list_id, body={**body, "quote_id": empty["quote_id"]}) == (400, "spend_cap_exceeded")
    fits = desk.ok(estimate, body={**asked, "filters": {"list_id": list_id}, "row_count": 2})
    desk.ok(csv_import, list_id, body={**body, "quote_id": fits["quote_id"]})
    assert desk.no(csv_import, list_id, body={**body, "quote_id": fits["quote_id"]}) == (409, "quote_used")


def test_a_failed_run_keeps_its_rows_and_its_credits(office: Any) -> None:
    desk = office(credits=100)
    body = imported(desk, "Email\nann@bee.example\n", dispatch_enrichment=True, enrichment_type="full")
    said = desk.ok(csv_import, a_list(desk), body=body, ends="failed")
    run = desk.ok(workflow_status, said["workflow_id"])
    assert (run["status"], run["refund_status"], run["credits_charged"]) == ("failed", "pending_review", 11)
    assert [lead["email"] for lead in desk.ok(leads_page, said["list_id"])["leads"]] == [None]
