"""The official SDK drives the sandbox's v2 surface: what it sends is understood, what it hears fits its models."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cleanlist_pandas.sandbox import Clock, Fault, Terms

pytest.importorskip("cleanlist_ai", reason="the official SDK is not installed")


def a_list(client: Any, name: str = "Q3") -> str:
    return client.call("lead_lists", "create_list", client.made("CreateListRequest", name=name)).list_id


def enrich(client: Any, **who: Any) -> Any:
    request = client.made("EnrichPersonRequest", lead_list_id=a_list(client), **who)
    return client.call("enrichment", "enrich_person", request)


def status(client: Any, workflow_id: str) -> Any:
    return client.call("enrichment", "enrichment_status", workflow_id)


def the_import(client: Any, content: str, **more: Any) -> Any:
    return client.made("CsvImportRequest", csv_content_base64=content, column_mapping={"email": "Email"}, **more)


def error(refused: Any) -> dict[str, Any]:
    return json.loads(refused.value.body)["error"]


def test_who_am_i_and_what_is_left(start: Any, sdk: Any) -> None:
    client = sdk(start(credits=42))
    me = client.call("workspace", "whoami")
    assert (me.auth_type, me.tier, me.user_email) == ("api_key", "pro", "s***@sandbox.example")
    left = client.call("workspace", "credits_balance")
    assert (left.credits, left.organization_id) == (42, me.organization_id)


def test_a_list_from_its_making_to_its_end(start: Any, sdk: Any) -> None:
    client = sdk(start())
    made = client.call("lead_lists", "create_list", client.made("CreateListRequest", name="Q3", description="who"))
    # The SDK knows the 201 only: of the 200 for a reused list it reads nothing, so its user cannot learn the list's id.
    assert client.call("lead_lists", "create_list", client.made("CreateListRequest", name="q3")) is None
    read = client.call("lead_lists", "get_list", made.list_id)
    assert made.reused is False
    assert (read.name, read.description, read.lead_count, read.enriched_count) == ("Q3", "who", 0, 0)
    assert [one.name for one in client.call("lead_lists", "list_lists", limit=10).lists] == ["DEFAULT", "Q3"]
    assert client.call("lead_lists", "delete_list", made.list_id).deleted is True
    with pytest.raises(client.errors.NotFoundException) as refused:
        client.call("lead_lists", "get_list", made.list_id)
    assert error(refused)["code"] == "not_found"


def test_the_protected_list_stays(start: Any, sdk: Any) -> None:
    client = sdk(start())
    [kept] = client.call("lead_lists", "list_lists").lists
    with pytest.raises(client.errors.ForbiddenException) as refused:
        client.call("lead_lists", "delete_list", kept.list_id)
    assert error(refused)["code"] == "list_protected"


def test_one_person_from_pending_to_completed(start: Any, sdk: Any) -> None:
    sandbox = start(terms=Terms(workflow_polls=2), credits=100)
    client = sdk(sandbox)
    job = enrich(client, email="ann@bee.example", enrichment_type="full")
    assert (job.status, job.credits_reserved) == ("pending", 11)
    polls = [status(client, job.workflow_id) for _ in range(3)]
    assert [one.status for one in polls] == ["pending", "running", "completed"]
    assert [one.credits_charged for one in polls] == [None, None, 11]
    assert (polls[0].refund_status, polls[0].result) == (None, None)
    found = polls[2].result
    assert (found.email, found.email_status, found.phone) == ("ann@bee.example", "valid", "+16505550173")
    assert (found.full_name, found.title, found.company) == ("Ann Other", "CTO", "Bee")
    assert found.linkedin_url == "https://linkedin.com/in/annother"
    assert (sandbox.totals("v2").reserved, sandbox.totals("v2").charged, sandbox.credits_left) == (11, 11, 89)


def test_nobody_is_an_empty_lead_that_costs_nothing(start: Any, sdk: Any) -> None:
    sandbox = start()
    client = sdk(sandbox)
    said = status(client, enrich(client, email="zoe@bee.example").workflow_id)
    assert (said.result.lead_id, said.result.status, said.result.email) == ("", "failed", None)
    assert (said.credits_charged, said.credits_refunded, said.refund_status) == (0, 1, "not_applicable")
    assert sandbox.charged == 0


def test_a_failed_run_waits_for_review(start: Any, sdk: Any) -> None:
    sandbox = start(faults={"ann@bee.example": Fault(ends="failed")})
    client = sdk(sandbox)
    said = status(client, enrich(client, email="ann@bee.example").workflow_id)
    assert (said.status, said.refund_status, said.credits_charged, sandbox.charged) == (
        "failed",
        "pending_review",
        1,
        1,
    )
    assert said.refund_message


def test_a_company_at_once(start: Any, sdk: Any) -> None:
    client = sdk(start())
    said = client.call("enrichment", "enrich_company", client.made("EnrichCompanyRequest", domain="bee.example"))
    company = said.company
    assert (company.name, company.industry, company.employee_count_range) == ("Bee", "SaaS", "11-50")
    assert said.credits_charged == 1
    with pytest.raises(client.errors.NotFoundException):
        client.call("enrichment", "enrich_company", client.made("EnrichCompanyRequest", domain="cee.example"))


def test_a_list_imported_quoted_enriched_and_read(start: Any, sdk: Any, in_base64: Any) -> None:
    sandbox = start(credits=100)
    client = sdk(sandbox)
    list_id, content = (
        a_list(client),
        in_base64("Email\nann@bee.example\nbob@bee.example\nzoe@bee.example\nann@bee.example\n"),
    )
    said = client.call("lead_lists", "csv_import", list_id, the_import(client, content, dispatch_enrichment=False))
    assert (said.rows_parsed, said.rows_imported, said.rows_skipped, said.workflow_id) == (4, 3, 1, None)
    assert (said.skip_reasons, said.sample_skip_rows) == ({"duplicate_email": 1}, [5])
    wanted = client.made("EstimateCostRequest", tool="enrich_list", list_id=list_id, scope="phone-only")
    quote = client.call("workspace", "credits_estimate", wanted)
    assert (quote.row_count, quote.estimated_cost, quote.sufficient, quote.available_credits) == (3, 30, True, 100)
    request = client.made("EnrichListRequest", list_id=list_id, scope="phone-only", quote_id=quote.quote_id)
    run = client.call("enrichment", "enrich_list", request)
    assert (run.total_leads, run.estimated_cost, run.credits_reserved) == (3, 30, 30)
    done = status(client, run.workflow_id)
    assert (done.total, done.completed, done.failed, done.result) == (3, 1, 2, None)
    assert (done.credits_charged, done.credits_refunded, sandbox.charged) == (10, 20, 10)
    first = client.call("lead_lists", "list_leads_in_list", list_id, limit=2)
    last = client.call("lead_lists", "list_leads_in_list", list_id, limit=2, cursor=first.cursor)
    assert (first.total, len(first.leads), len(last.leads), last.cursor) == (3, 2, 1, None)
    assert [lead.phone for lead in (*first.leads, *last.leads)] == ["+16505550173", None, None]
    with pytest.raises(client.errors.ConflictException) as refused:
        client.call("enrichment", "enrich_list", request)
    assert error(refused)["code"] == "quote_used"


def test_an_import_that_spends_and_its_replay(start: Any, sdk: Any, in_base64: Any) -> None:
    sandbox = start()
    client = sdk(sandbox)
    content = in_base64("Email\nann@bee.example\nbob@bee.example\n")
    request = the_import(client, content, enrichment_type="partial", idempotency_key="k")
    list_id = a_list(client)
    first, again = (client.call("lead_lists", "csv_import", list_id, request) for _ in range(2))
    assert (first.idempotency_replayed, again.idempotency_replayed) == (False, True)
    assert first.workflow_id == again.workflow_id
    assert status(client, first.workflow_id).credits_charged == sandbox.charged == 2
    assert client.call("lead_lists", "get_list", list_id).enriched_count == 2


@pytest.mark.parametrize(
    ("content", "more", "error_name", "code"),
    [
        ("Mail\na@b.example\n", {}, "BadRequestException", "missing_column"),
        ("Email\n" + "a@b.example\n" * 601, {}, "ApiException", "payload_too_large"),
        ("Email\n" + "x" * 150_000, {}, "ApiException", "payload_too_large"),
    ],
)
def test_imports_that_are_refused(
    start: Any, sdk: Any, in_base64: Any, content: str, more: Any, error_name: str, code: str
) -> None:
    client = sdk(start())
    request = the_import(client, in_base64(content), dispatch_enrichment=False, **more)
    with pytest.raises(getattr(client.errors, error_name)) as refused:
        client.call("lead_lists", "csv_import", a_list(client), request)
    assert error(refused)["code"] == code


def test_a_quote_is_too_old_after_five_minutes(start: Any, sdk: Any) -> None:
    clock = Clock()
    client = sdk(start(clock=clock))
    wanted = client.made("EstimateCostRequest", tool="enrich_person", enrichment_type="partial")
    quote = client.call("workspace", "credits_estimate", wanted)
    assert quote.expires_at == int(clock()) + 300
    clock.advance(300)
    with pytest.raises(client.errors.BadRequestException) as refused:
        enrich(client, email="ann@bee.example", enrichment_type="partial", quote_id=quote.quote_id)
    assert error(refused)["code"] == "quote_expired"


def test_out_of_credits_is_a_400(start: Any, sdk: Any) -> None:
    client = sdk(start(credits=10))
    with pytest.raises(client.errors.BadRequestException) as refused:
        enrich(client, email="ann@bee.example", enrichment_type="full")
    said = error(refused)
    assert (said["code"], said["retryable"], said["shortfall_credits"]) == ("insufficient_credits", False, 1)


def test_a_wrong_key_is_a_401(start: Any, sdk: Any) -> None:
    sandbox = start()
    sandbox.api_key = "clapi_wrong"
    client = sdk(sandbox)
    with pytest.raises(client.errors.UnauthorizedException):
        client.call("workspace", "whoami")


def test_unknown_fields_are_a_422_in_the_models_own_shape(start: Any, sdk: Any) -> None:
    client = sdk(start())
    request = client.made("EnrichPersonRequest", lead_list_id=a_list(client), email="ann@bee.example")
    request.additional_properties = {"webhook_url": "https://hook.example"}
    with pytest.raises(client.errors.UnprocessableEntityException) as refused:
        client.call("enrichment", "enrich_person", request)
    [fault] = refused.value.data.detail
    assert (fault.type, [part.actual_instance for part in fault.loc]) == ("extra_forbidden", ["body", "webhook_url"])


def test_without_an_identifier_it_is_a_422(start: Any, sdk: Any) -> None:
    client = sdk(start())
    with pytest.raises(client.errors.UnprocessableEntityException):
        enrich(client, first_name="Ann", last_name="Other")


def test_too_many_requests_say_how_long_to_wait(start: Any, sdk: Any) -> None:
    client = sdk(start(terms=Terms(limits=True), clock=Clock()))
    for _ in range(30):
        client.call("workspace", "whoami")
    with pytest.raises(client.errors.ApiException) as refused:
        client.call("workspace", "whoami")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "60")
    assert (error(refused)["retryable"], error(refused)["retry_after_ms"]) == (True, 60_000)


def test_what_a_script_breaks_is_a_service_error(start: Any, sdk: Any) -> None:
    client = sdk(start(faults=[Fault(status=500)]))
    with pytest.raises(client.errors.ServiceException):
        client.call("workspace", "whoami")
    assert client.call("workspace", "whoami").tier == "pro"
