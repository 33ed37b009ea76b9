"""v2 through real sockets: keys, limits, doors, faults, books."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cleanlist_pandas.sandbox import Clock, Fault, Terms

V2 = "/api/v2"


def a_list(client: httpx.Client) -> str:
    return client.post(f"{V2}/lead-lists", json={"name": "x"}).json()["list_id"]


def enrich(client: httpx.Client, email: str, **more: Any) -> httpx.Response:
    return client.post(f"{V2}/enrichment/person", json={"lead_list_id": a_list(client), "email": email, **more})


def status(client: httpx.Client, started: httpx.Response) -> Any:
    return client.get(f"{V2}/enrichment/status/{started.json()['workflow_id']}").json()


def test_the_same_address_is_the_same_person_on_both_surfaces(wire: Any) -> None:
    sandbox = wire.start(seed=5)
    client = wire.client(sandbox)
    for email in ("ann.other@mirefield-foods.example", "bo.strom@coldwater-bank.example"):
        row = client.post(
            wire.PATH, json={"email": email, "fields": ["email_status", "title", "company", "phone"]}
        ).json()
        row, result = row["csv_row"], status(client, enrich(client, email, enrichment_type="full"))["result"]
        company = client.post(f"{V2}/enrichment/company", json={"domain": email.partition("@")[2]}).json()["company"]
        everything = client.post(wire.PATH, json={"email": email}).json()["csv_row"]
        assert result["email"] == email
        assert result["email_status"] == row["enriched_email_status"]
        assert result["title"] == row["enriched_title"]
        assert result["company"] == company["name"] == row["enriched_company"]
        assert result["linkedin_url"] == everything["enriched_linkedin"]
        assert (result["phone"] or "") == (row["enriched_phone"] or "").replace("-", "")
        assert company["industry"] == everything["enriched_industry"]
        assert company["employee_count_range"] == everything["enriched_size"]


def test_the_books_tell_the_surfaces_apart(wire: Any) -> None:
    sandbox = wire.start(seed=5, credits=100)
    client = wire.client(sandbox)
    client.post(wire.PATH, json={"email": wire.EMAIL, "fields": ["phone"]})
    enrich(client, wire.EMAIL)
    assert (sandbox.totals("csv_row").charged, sandbox.totals("v2").charged, sandbox.totals().charged) == (11, 1, 12)
    assert (sandbox.credits_left, sandbox.charged) == (88, 12)
    [held] = sandbox.reservations
    assert (held.surface, held.credits, held.charged, held.refunded, held.request) == ("v2", 1, 1, 0, 2)
    said = client.get("/sandbox/surfaces").json()
    assert said["v2"] == {"reserved": 1, "charged": 1, "refunded": 0, "open": 0}
    assert (said["csv_row"]["charged"], said["legacy"]["charged"], len(sandbox.requests)) == (11, 0, 3)


def test_requests_are_written_down_with_the_address_where_there_is_one(wire: Any) -> None:
    sandbox = wire.start()
    enrich(wire.client(sandbox, **{"Idempotency-Key": "k"}), wire.EMAIL)
    assert [(one.method, one.path, one.status, one.email) for one in sandbox.requests] == [
        ("POST", f"{V2}/lead-lists", 201, None),
        ("POST", f"{V2}/enrichment/person", 200, wire.EMAIL),
    ]
    assert sandbox.requests[1].body["email"] == wire.EMAIL
    assert sandbox.requests[1].idempotency_key == "k"
    assert sandbox.api_key not in repr(sandbox.requests)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", f"{V2}/nothing", 404, None),
        ("GET", f"{V2}/smart-agents", 404, None),
        ("GET", f"{V2}/lead-lists/", 404, None),
        ("GET", "/api/v3/whoami", 404, None),
        ("POST", f"{V2}/whoami", 405, "GET"),
        ("PUT", f"{V2}/lead-lists", 405, "GET, POST"),
    ],
)
def test_wrong_doors(wire: Any, method: str, path: str, status: int, allow: str | None) -> None:
    answer = wire.client(wire.start()).request(method, path)
    assert (answer.status_code, answer.headers.get("Allow")) == (status, allow)
    assert "detail" in answer.json()


def test_without_the_key_nothing_is_answered(wire: Any) -> None:
    sandbox = wire.start()
    answer = httpx.get(f"{sandbox.url}{V2}/whoami", headers={"Authorization": "Bearer clapi_wrong"}, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert sandbox.requests[0].key_ok is False


def test_a_poll_url_is_answered_here_and_nowhere_else(wire: Any) -> None:
    sandbox = wire.start()
    client = wire.client(sandbox)
    started = enrich(client, wire.EMAIL).json()
    assert started["poll_url"] == f"{sandbox.url}/api/v1/public/enrichment/status/{started['workflow_id']}"
    assert client.get(started["poll_url"]).json()["status"] == "completed"


def test_a_key_has_thirty_and_the_organisation_sixty_a_minute(wire: Any) -> None:
    clock = Clock()
    sandbox = wire.start(terms=Terms(limits=True), clock=clock)
    keys = [{"Authorization": f"Bearer {key}"} for key in sandbox.api_keys]
    client = wire.client(sandbox)

    def asked(key: int) -> int:
        return client.get(f"{V2}/whoami", headers=keys[key]).status_code

    assert [asked(0) for _ in range(31)] == [200] * 30 + [429]
    clock.advance(20)
    assert [asked(1) for _ in range(31)] == [200] * 30 + [429]
    answer = client.get(f"{V2}/whoami", headers=keys[2])
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["retryable"]) == (429, "rate_limited", True)
    assert (answer.headers["Retry-After"], error["retry_after_ms"]) == ("40", 40_000)
    clock.advance(39)
    assert asked(2) == 429
    clock.advance(1)
    assert [asked(2), asked(0), asked(1)] == [200, 200, 429]


def test_without_limits_asked_for_there_are_none(wire: Any) -> None:
    client = wire.client(wire.start(rate_per_minute=1))
    assert {client.get(f"{V2}/whoami").status_code for _ in range(70)} == {200}


def test_a_replaced_answer_has_no_effect_and_is_worded_by_the_surface(wire: Any) -> None:
    sandbox = wire.start(faults={wire.EMAIL: [Fault(status=503, retry_after="2")]})
    client = wire.client(sandbox)
    answer = enrich(client, wire.EMAIL)
    assert (answer.status_code, answer.json()["error"]["retryable"], answer.headers["Retry-After"]) == (503, True, "2")
    assert (sandbox.reservations, sandbox.charged) == ([], 0)
    assert enrich(client, wire.EMAIL).status_code == 200


def test_what_was_charged_and_lost_is_in_the_books(wire: Any) -> None:
    route = f"GET {V2}/whoami"
    sandbox = wire.start(faults={wire.EMAIL: [Fault(reset="after_charge")], route: Fault(status=500)})
    client = wire.client(sandbox)
    with pytest.raises(httpx.TransportError):
        enrich(client, wire.EMAIL)
    assert sandbox.charged == 1
    assert sandbox.requests[-1].fault == Fault(reset="after_charge")


@pytest.mark.parametrize(
    "fault", [Fault(reset="after_body"), Fault(silent=True), Fault(raw=b"HTTP/1.1 200 OK\r\n\r\n")]
)
def test_what_was_lost_before_has_no_effect(wire: Any, fault: Fault) -> None:
    sandbox = wire.start(faults=[None, fault])
    client = wire.client(sandbox)
    list_id = a_list(client)
    with pytest.raises((httpx.TransportError, ValueError)):
        client.post(f"{V2}/enrichment/person", json={"lead_list_id": list_id, "email": wire.EMAIL}, timeout=0.2).json()
    assert (sandbox.reservations, sandbox.charged) == ([], 0)


def test_a_fault_by_route_and_attempt(wire: Any) -> None:
    route = f"GET {V2}/enrichment/status/{{id}}"
    sandbox = wire.start(faults={route: [Fault(status=502), Fault(truncate_at=10), Fault(delay_s=0.001)]})
    client = wire.client(sandbox)
    path = f"{V2}/enrichment/status/{enrich(client, wire.EMAIL).json()['workflow_id']}"
    assert client.get(path).status_code == 502
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(path)
    assert client.get(path).json()["status"] == "completed"


@pytest.mark.parametrize(
    ("ends", "charged", "refund"), [("failed", 1, "pending_review"), ("swept", 0, "not_applicable")]
)
def test_a_fault_can_end_a_workflow(wire: Any, ends: Any, charged: int, refund: str) -> None:
    sandbox = wire.start(faults={wire.EMAIL: Fault(ends=ends)})
    client = wire.client(sandbox)
    said = status(client, enrich(client, wire.EMAIL))
    assert (said["status"], said["refund_status"], sandbox.charged) == ("failed", refund, charged)


def test_a_fault_can_overcharge_and_lie(wire: Any) -> None:
    sandbox = wire.start(faults={wire.EMAIL: Fault(credits=7, mutate={"credits_reserved": 0}, delete=("poll_url",))})
    client = wire.client(sandbox)
    started = enrich(client, wire.EMAIL)
    assert (started.json()["credits_reserved"], "poll_url" in started.json()) == (0, False)
    assert (status(client, started)["credits_charged"], sandbox.charged) == (7, 7)


def test_a_request_that_shall_not_be_charged_is_not_done(wire: Any) -> None:
    sandbox = wire.start(faults={wire.EMAIL: Fault(charge=False)})
    assert enrich(wire.client(sandbox), wire.EMAIL).status_code == 503
    assert sandbox.reservations == []


def test_presets_work_here_too(wire: Any) -> None:
    sandbox = wire.start(faults="storm", seed=3)
    client = wire.client(sandbox)
    seen = {client.get(f"{V2}/whoami").status_code for _ in range(20)}
    assert seen == {200, 429}


def test_a_clock_by_hand_ages_a_quote(wire: Any) -> None:
    clock = Clock()
    client = wire.client(wire.start(clock=clock))
    list_id = a_list(client)
    mapping = {"csv_content_base64": "RW1haWwKYUBiLmV4YW1wbGUK", "column_mapping": {"email": "Email"}}
    client.post(f"{V2}/lead-lists/{list_id}/csv-import", json={**mapping, "dispatch_enrichment": False})
    bought = client.post(f"{V2}/credits/estimate", json={"tool": "enrich_list", "list_id": list_id}).json()["quote_id"]
    clock.advance(301)
    answer = client.post(f"{V2}/enrichment/bulk", json={"list_id": list_id, "quote_id": bought})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "quote_expired")


def test_changes_of_a_row_are_for_csv_row_alone(wire: Any) -> None:
    fault = Fault(echo="else@b.example", mutate={"csv_row.icp_score": "high", "tier": "gold"})
    said = wire.client(wire.start(faults=[fault])).get(f"{V2}/whoami").json()
    assert ("csv_row" in said, said["tier"]) == (False, "gold")
