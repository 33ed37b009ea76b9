"""Ways to lose money or answers on v2, legacy v1 and with files, found by kills and faults; each failed once."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest
from time_machine import travel

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Clock, Fault, Terms

Scene: Any = Any
N = 6
ORDER = "POST /api/v2/enrichment/bulk"
LEADS = "GET /api/v2/lead-lists/{id}/leads"
DROP = "DELETE /api/v2/lead-lists/{id}"
PATHS = {
    "v2_list": "/api/v2",
    "v2_people": "/api/v2",
    "legacy_v1": "/api/v1/public",
    "csv_upload": "/v1",
    "csv_row": "/v1",
}


def person(at: int) -> str:
    return f"person{at}@acme{at % 3}.example"


def people(n: int = N) -> pd.DataFrame:
    return pd.DataFrame({"Email": [person(at) for at in range(n)], "First name": "Jo", "Last name": "Do"})


def how(scene: Scene, service: str, **more: Any) -> dict[str, Any]:
    where = {"base_url": scene.sandbox.url + PATHS[service], "service": service, "poll_s": 0.01}
    told: dict[str, Any] = scene.how(**{**where, "fields": ["company"], **more})
    return told


def sent(scene: Scene, method: str, part: str) -> int:
    return sum(one.method == method and part in one.path for one in scene.sandbox.requests)


def delete_list(scene: Scene) -> None:
    """Delete the list that was ordered first, as its owner may in the vendor's own pages."""
    order = next(one.body for one in scene.sandbox.requests if one.path.endswith("/enrichment/bulk"))
    url = f"{scene.sandbox.url}/api/v2/lead-lists/{order['list_id']}"
    key = {"Authorization": f"Bearer {scene.sandbox.api_key}"}
    assert httpx.delete(url, headers=key, trust_env=False).status_code == 200


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["v2_list", "v2_people"])
def test_a_list_is_deleted_only_when_its_answers_are_on_disk(scene: Scene, service: str) -> None:
    """Killed in between, nobody could ask for them again."""
    on_disk: list[int] = []

    def look(number: int, who: str | None, attempt: int) -> None:
        if who == DROP:
            on_disk.append(scene.sql("SELECT count(*) FROM outcomes WHERE status = 'completed'")[0][0])

    scene.open(faults=look)
    cl.enrich(people(), **how(scene, service))
    assert on_disk
    assert set(on_disk) == {N}


def test_a_list_that_somebody_deleted_stops_nobody(scene: Scene) -> None:
    """Its people were charged and nobody tells their answers: in doubt, and all others are asked about."""
    scene.open(terms=Terms(workflow_polls=2))
    frame = people()
    cl.enrich(frame, **how(scene, "v2_list", job_timeout_s=0.001))
    delete_list(scene)
    more = people(N + 2)
    out = cl.enrich(more, **how(scene, "v2_list", provenance=True))
    scene.audit(more, out, budget=N + 2)
    assert out["enriched_status"].tolist() == ["in_doubt"] * N + ["completed"] * 2
    assert sent(scene, "POST", "/enrichment/bulk") == 2
    n_asked = sent(scene, "GET", "/leads")
    cl.enrich(more, **how(scene, "v2_list"))
    assert sent(scene, "GET", "/leads") == n_asked + 1  # that it is gone is told at once, and nothing waits


@pytest.mark.parametrize("service", ["v2_list", "legacy_v1", "csv_upload"])
def test_who_is_collected_without_the_others_costs_what_was_charged(scene: Scene, service: str) -> None:
    """Ordered for six, and nobody tells the sixth: a frame of three of them settles all six, to the credit."""
    leads = [{"lead_id": f"l{at}", "email": person(at), "company": "Acme"} for at in range(N - 1)]
    told = Fault(status=200, body={"list_id": "l", "leads": leads, "cursor": None})
    faults = {LEADS: [told] * 9} if service == "v2_list" else None
    scene.open(terms=Terms(workflow_polls=3, csv_rows_at_once=2), faults=faults)
    cl.enrich(people(), **how(scene, service, job_timeout_s=0.001))
    three = people().iloc[3:]
    out = cl.enrich(three, **how(scene, service))
    scene.audit(three, out, budget=N)
    with cl.Ledger(scene.ledger) as ledger:
        assert int(ledger.stats()["credits"]) == scene.sandbox.charged == N
        assert int(ledger.stats()["in_doubt"]) == 0
    assert out["enriched_status"].tolist() == ["completed"] * 2 + ["failed" if faults else "completed"]
    n_requests = len(scene.sandbox.requests)
    out = cl.enrich(people(), **how(scene, service))
    assert out["enriched_status"].tolist()[:5] == ["completed"] * 5
    assert len(scene.sandbox.requests) == n_requests
    if faults:
        assert sent(scene, "DELETE", "/lead-lists/") == 1


def test_a_charge_without_a_lead_is_in_doubt_where_somebody_of_the_list_was_erased(scene: Scene) -> None:
    """Whether it was theirs or somebody else's nobody can tell any more."""
    leads = [{"lead_id": f"l{at}", "email": person(at), "company": "Acme"} for at in range(N - 1)]
    told = Fault(status=200, body={"list_id": "l", "leads": leads, "cursor": None})
    scene.open(terms=Terms(workflow_polls=3), faults={LEADS: [told] * 9})
    cl.enrich(people(), **how(scene, "v2_list", job_timeout_s=0.001))
    with cl.Ledger(scene.ledger) as ledger:
        ledger.erase(person(0))
    out = cl.enrich(people(), **how(scene, "v2_list"))
    assert out["enriched_status"].tolist() == ["skipped", *["completed"] * 4, "in_doubt"]


HTML = Fault(status=200, body="<html><body>Bad gateway</body></html>", content_type="text/html")
FILE_LIST = "POST /api/v2/lead-lists"
IMPORT = "POST /api/v2/lead-lists/{id}/csv-import"
QUOTE = "POST /api/v2/credits/estimate"


@pytest.mark.parametrize("body", [HTML, Fault(status=200, body={}), Fault(truncate_at=0)])
@pytest.mark.parametrize("where", [FILE_LIST, IMPORT, QUOTE])
def test_an_answer_that_is_none_to_what_is_free_is_asked_for_again(scene: Scene, where: str, body: Fault) -> None:
    """A page of the gateway's own says as little as a broken connection; nothing was ordered yet."""
    scene.open(faults={where: [None, body, body] if where == FILE_LIST else [body, body]})
    frame = people()
    out = cl.enrich(frame, **how(scene, "v2_list"))
    scene.audit(frame, out, budget=N)
    assert set(out["enriched_status"]) == {"completed"}
    assert (sent(scene, "POST", "/enrichment/bulk"), scene.sandbox.charged) == (1, N)


@pytest.mark.parametrize("where", [FILE_LIST, IMPORT, QUOTE])
def test_one_that_stays_none_ends_the_run_and_orders_nobody(scene: Scene, where: str) -> None:
    """After a few tries; nobody is in doubt, and the run can be gone on with."""
    scene.open(faults={where: [None, *[HTML] * 6] if where == FILE_LIST else [HTML] * 6})
    frame = people()
    with pytest.raises(cl.ServiceError) as caught:
        cl.enrich(frame, **how(scene, "v2_list"))
    scene.audit(frame, caught.value.partial, budget=0)
    assert set(caught.value.partial["enriched_status"]) == {"not_attempted"}
    assert set(caught.value.resume()["enriched_status"]) == {"completed"}
    assert scene.sandbox.charged == N


def test_an_import_that_ordered_all_by_itself_stops_the_run(scene: Scene) -> None:
    """It was told not to: what it costs nobody agreed to, so no more is asked for."""
    scene.open(faults={IMPORT: [Fault(mutate={"workflow_id": "wf_1"})]})
    with pytest.raises(cl.ServiceError):
        cl.enrich(people(), **how(scene, "v2_list"))
    assert (sent(scene, "POST", "csv-import"), sent(scene, "POST", "/enrichment/bulk")) == (1, 0)


# --- companies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", [None, Fault(status=429, retry_after="0")])
def test_who_is_erased_while_companies_are_asked_about_wants_none(scene: Scene, later: Fault | None) -> None:
    """Also where the question waits already; one that somebody else wants too is asked."""
    emails = ["jo@firm0.example", "jo@firm1.example", "jo@firm2.example", "kim@firm2.example"]
    erased: list[int] = []

    def erase(number: int, who: str | None, attempt: int) -> Fault | None:
        if who != "POST /api/v2/enrichment/company" or erased:
            return None
        with cl.Ledger(scene.ledger) as ledger:
            erased.extend(ledger.erase(one) for one in (*emails[1:3], *emails[: later is not None]))
        return later

    scene.open(faults=erase)
    frame = pd.DataFrame({"Email": emails})
    out = cl.enrich(frame, **how(scene, "v2_people", fields=["size"], concurrency=1))
    asked = [one.body["domain"] for one in scene.sandbox.requests if one.path.endswith("/enrichment/company")]
    assert asked == ["firm0.example", "firm2.example"]
    assert {charge.email for charge in scene.sandbox.charges} == {*asked[later is not None :]}
    assert out["enriched_size"].notna().tolist()[:2] == [later is None, False]
    assert out["enriched_status"].tolist() == [
        "completed" if later is None else "skipped",
        "skipped",
        *["completed"] * 2,
    ]


# --- dialling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["csv_row", "csv_upload"])
def test_who_is_erased_while_the_service_is_dialled_is_not_sent(
    scene: Scene, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intents are on disk, and looking the host up takes its time."""
    erased: list[Any] = []
    look_up = socket.getaddrinfo

    def erase(*host: Any, **how: Any) -> Any:
        if not erased:
            with cl.Ledger(scene.ledger) as ledger:
                erased.append(ledger.erase(person(0)))
        return look_up(*host, **how)

    scene.open()
    monkeypatch.setattr(socket, "getaddrinfo", erase)
    url = f"{scene.sandbox.url}/v1".replace("127.0.0.1", "localhost")
    out = cl.enrich(people(), **how(scene, service, base_url=url, concurrency=1))
    assert erased[0]["lookups"] == 1
    assert not [one for one in scene.sandbox.requests if person(0) in str(one.body)]
    assert out["enriched_status"].tolist() == ["skipped", *["completed"] * (N - 1)]
    scene.audit(people(), out, budget=N - 1)


# --- orders whose answer was lost -------------------------------------------------------------------------------------


LOST = {
    "500": Fault(status=500, charge=True),
    "reset": Fault(reset="after_charge"),
    "cut": Fault(truncate_at=20),
    "html": Fault(status=200, body="<html>", charge=True),
    "no id": Fault(delete=("workflow_id",)),
    "a redirect": Fault(status=302, location="/elsewhere", charge=True),
}


@pytest.mark.parametrize("name", LOST)
def test_an_order_whose_answer_was_lost_is_found_by_its_list(scene: Scene, name: str) -> None:
    """Who was found is told with what it cost; who was not may be worked on still, and is in doubt, also tomorrow."""
    known = [{"email": person(at), "title": "CTO", "company": "Acme"} for at in range(N) if at != 2]
    scene.open(people=known, faults={ORDER: [LOST[name]]})
    frame = people()
    try:
        out = cl.enrich(frame, **how(scene, "v2_list"))
    except cl.ServiceError as error:
        out = error.partial
    for _ in range(2):
        scene.audit(frame, out, budget=N)
        assert out["enriched_status"].tolist() == ["in_doubt" if at == 2 else "completed" for at in range(N)]
        with cl.Ledger(scene.ledger) as ledger:
            assert int(ledger.stats()["credits"]) == scene.sandbox.charged == N - 1
            assert ledger.audit().empty
        out = cl.enrich(frame, **how(scene, "v2_list"))


def test_an_order_that_never_came_is_found_nowhere(scene: Scene) -> None:
    """All of its people are in doubt for as long as they are not sent again, which waits until nobody works on them."""
    scene.open(faults={ORDER: [Fault(reset="after_body")] * 3})
    frame = people()
    for times in range(2):
        out = cl.enrich(frame, **how(scene, "v2_list"))
        scene.audit(frame, out, budget=0)
        assert (set(out["enriched_status"]), sent(scene, "POST", "/enrichment/bulk")) == ({"in_doubt"}, 3)
        assert out.attrs["cleanlist"]["credits_in_doubt"] == (0 if times else N)
    with travel(datetime.now(UTC) + timedelta(hours=1)):
        out = cl.enrich(frame, **how(scene, "v2_list", in_doubt="retry"))
    assert (set(out["enriched_status"]), scene.sandbox.charged) == ({"completed"}, N)


def test_an_order_that_is_worked_on_when_its_answer_was_lost_is_told_later(scene: Scene) -> None:
    """Its leads are there before they are found: nobody is a miss for that."""
    clock = Clock()
    scene.open(terms=Terms(workflow_s=3600.0), clock=clock, faults={ORDER: [Fault(reset="after_charge")]})
    frame = people()
    out = cl.enrich(frame, **how(scene, "v2_list"))
    assert set(out["enriched_status"]) == {"in_doubt"}
    clock.advance(86_400)
    out = cl.enrich(frame, **how(scene, "v2_list"))
    scene.audit(frame, out, budget=N)
    assert (set(out["enriched_status"]), scene.sandbox.charged) == ({"completed"}, N)
    assert sent(scene, "POST", "/enrichment/bulk") == 3  # the same quote, good for one use
    assert sent(scene, "DELETE", "/lead-lists/") == 2


def test_a_list_whose_token_cannot_be_written_is_found_again(scene: Scene) -> None:
    """The disk is full just after the order was taken."""

    def break_the_ledger(number: int, who: str | None, attempt: int) -> None:
        if who == ORDER:
            scene.sql("ALTER TABLE jobs RENAME TO gone")

    scene.open(faults=break_the_ledger)
    frame = people()
    with pytest.raises(cl.LedgerStoppedError):
        cl.enrich(frame, **how(scene, "v2_list"))
    scene.sql("ALTER TABLE gone RENAME TO jobs")
    out = cl.enrich(frame, **how(scene, "v2_list"))
    scene.audit(frame, out, budget=N)
    assert (set(out["enriched_status"]), scene.sandbox.charged) == ({"completed"}, N)
    assert sent(scene, "POST", "/enrichment/bulk") == 1
