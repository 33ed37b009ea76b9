"""The same faults at each request of the other surfaces: v2 one by one and by list, companies, legacy v1, files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from time_machine import travel

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Clock, Fault, Terms

N = 4
ANYBODY = "the first person"


@dataclass(frozen=True)
class Way:
    """A surface: what it is asked for, at which requests that are free, and at which one that may be charged."""

    service: str
    path: str
    fields: tuple[str, ...]
    order: str
    free: tuple[str, ...]
    terms: Terms = field(default_factory=lambda: Terms(workflow_polls=1))
    finds: bool = False  # an order whose answer was lost
    refuses: int = N  # people that one refusal is about


V2 = "/api/v2"
LISTS = f"POST {V2}/lead-lists"
BALANCE = f"GET {V2}/credits/balance"
STATUS = f"GET {V2}/enrichment/status/{{id}}"
DROP = f"DELETE {V2}/lead-lists/{{id}}"
LEGACY = "/api/v1/public"
WAYS = {
    "v2_list": Way(
        "v2_list", V2, ("title", "seniority"), f"POST {V2}/enrichment/bulk",
        (BALANCE, LISTS, f"{LISTS}/{{id}}/csv-import", f"POST {V2}/credits/estimate", STATUS,
         f"GET {V2}/lead-lists/{{id}}/leads", DROP),
        terms=Terms(), finds=True,
    ),
    "v2_people": Way("v2_people", V2, ("title", "seniority"), ANYBODY, (STATUS,), refuses=1),
    "companies": Way("v2_people", V2, ("size", "industry"), f"POST {V2}/enrichment/company", ()),
    "legacy_v1": Way(
        "legacy_v1", LEGACY, ("company", "size"), f"POST {LEGACY}/enrich/bulk",
        (f"GET {LEGACY}/credits/balance", f"GET {LEGACY}/enrich/status"),
    ),
    "csv_upload": Way(
        "csv_upload", "/v1", ("title", "seniority"), "POST /v1/enrich/csv", ("GET /v1/enrich/csv/{id}",),
        terms=Terms(workflow_polls=1, csv_rows_at_once=2),
    ),
    "csv_upload at once": Way("csv_upload", "/v1", ("title", "seniority"), "POST /v1/enrich/csv", ()),
}  # fmt: skip
FREE = [(name, route) for name, way in WAYS.items() for route in way.free]

CUT = {
    "reset before the charge": Fault(reset="after_body"),
    "reset after the charge": Fault(reset="after_charge"),
    "cut": Fault(truncate_at=20),
    "shorter than it says": Fault(content_length=1_000_000),
    "silence": Fault(silent=True),
}
NO_ANSWER = {
    "500": Fault(status=500),
    "502 after the charge": Fault(status=502, charge=True),
    "page": Fault(status=200, body="<html><body>hello</body></html>", content_type="text/html"),
    "nothing": Fault(status=200, body="", charge=True),
    "another thing": Fault(status=200, body={"hello": [1, 2]}, charge=True),
    "UTF-16": Fault(status=200, body='{"status": "completed"}'.encode("utf-16"), charge=True),
    "brackets": Fault(status=200, body="[" * 100_000, charge=True),
    "gzip": Fault(gzip_bomb_bytes=10_000),
}
LATER = {
    "429": Fault(status=429, retry_after="0"),
    "503": Fault(status=503, retry_after="0"),
    "500 that may be tried again": Fault(
        status=500, body={"error": {"code": "busy", "retryable": True, "retry_after_ms": 0}}
    ),
}
TRUE = {
    "another content type": Fault(content_type="text/html"),
    "in drops": Fault(drip_bytes=64, drip_s=0.001),
    "late": Fault(delay_s=0.02),
}
REFUSED = {str(status): Fault(status=status, body={"detail": "no"}) for status in (400, 413, 422)}
FOR_GOOD = {
    "401": (Fault(status=401), cl.AuthenticationError),
    "402": (Fault(status=402), cl.OutOfCreditsError),
    "insufficient_credits": (Fault(status=400, body={"error": {"code": "insufficient_credits"}}), cl.OutOfCreditsError),
    "403": (Fault(status=403, body={"error": {"code": "feature_gated"}}), cl.AuthenticationError),
    "404": (Fault(status=404, body={"detail": "Not Found"}), cl.ServiceError),
}


FAMILIES = {
    "other surfaces: cut, reset, silent": CUT,
    "other surfaces: no answer": NO_ANSWER,
    "other surfaces: too early, away": LATER,
    "other surfaces: odd but true": TRUE,
}


def _open(stage, name, **service):
    """Start a service for one way; return people it knows, and how they are asked about."""
    way = WAYS[name]
    stage.calm, stage.hooks, stage.VALUES = False, [], [f"enriched_{one}" for one in way.fields]
    stage.open(**{"terms": way.terms, **service})
    frame = stage.people(N)
    frame["first_name"], frame["last_name"] = "Jo", "Do"
    if name == "companies":
        frame["Email"] = [email.lower().replace("@", f"@{at % 3}.") for at, email in enumerate(frame["Email"])]
    how = {"base_url": stage.sandbox.url + way.path, "service": way.service, "fields": list(way.fields)}
    return frame, {**how, "poll_s": 0.001, "concurrency": 1}


@pytest.fixture
def case(stage):
    """Run one way with one fault at the first request of a kind, audit, run again undisturbed, audit again."""

    def case(name, route, fault, *, free=False, error=None, statuses=("completed",), timeout_s=0.25, **service):
        frame, how = _open(stage, name, **service)
        target, hit = stage.who(frame)[0] if route == ANYBODY else route, []

        def once(number, who, attempt):
            if who != target or hit:
                return None
            hit.append(number)
            return fault() if callable(fault) else fault

        stage.hooks.append(once)
        rans = [stage.run(frame, timeout_s=timeout_s, **how)]
        wrong = _audited(stage, name, frame, rans)
        first, n_charges = rans[0], len(stage.sandbox.charges)
        if not hit:
            wrong.append("the fault was not met")
        if type(first.error) not in (error if isinstance(error, tuple) else (error or type(None),)):
            wrong.append(f"E: {first.error!r} instead of {error}")
        stage.calm = True
        rans.append(stage.run(frame, **how))
        wrong += _audited(stage, name, frame, rans)
        wrong += _expected(stage, frame, rans, statuses, free=free, fresh=len(stage.sandbox.charges) - n_charges)
        stage.sandbox.stop()
        return [f"{name} at {route}: {text}" for text in wrong]

    return case


def _audited(stage, name, frame, rans):
    """Compare the books; a person's status is not that of their company, which stands in the ledger by its domain."""
    if name != "companies":
        return stage.audit(frame, rans)
    return [*stage.audit(frame, []), *(text for ran in rans for text in stage.audit_call(frame, ran))]


def _expected(stage, frame, rans, statuses, *, free, fresh):
    """What is wrong with the frames: who was answered stays so, nobody is left unasked, the rest is as expected."""
    first, last = rans[0].out, rans[-1].out
    if rans[-1].error is not None or last is None:
        return [f"E: the second run failed on a service that is well: {rans[-1].error!r}"]
    wrong = []
    last_said = last["enriched_status"].astype(str)
    if not set(last_said) <= {*statuses}:
        wrong.append(f"{sorted(set(last_said))} instead of {sorted(statuses)}")
    if first is not None:
        settled = first["enriched_status"].isin(["completed", "not_found", "failed"]).to_numpy()
        columns = ["enriched_status", *stage.VALUES]
        if not last[columns][settled].equals(first[columns][settled]):
            wrong.append("R: a second run changed what was settled")
        if free and rans[0].error is None and fresh:
            wrong.append("D: a second run bought what the first had")
    return wrong


def _tell(stage, family, n, wrong):
    stage.figures.add(family, n, wrong)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("name", "route"), FREE)
def test_what_is_free_and_fails_once_costs_nobody_anything(case, stage, name, route):
    """Cut, lost, no answer, too early: it is asked for again, and the run goes on as if nothing had been."""
    for family, faults in FAMILIES.items():
        wrong = [text for fault in faults.values() for text in case(name, route, fault, free=True)]
        _tell(stage, family, len(faults), wrong)


@pytest.mark.parametrize("name", WAYS)
def test_what_may_be_charged_and_is_lost_is_in_doubt_or_found(case, stage, name):
    """Never ordered again where it may be charged again; by list it is ordered again, or found by its list."""
    way = WAYS[name]
    doubted = ("completed",) if way.finds else ("completed", "in_doubt") if way.refuses == 1 else ("in_doubt",)
    doubted = ("completed", "in_doubt") if name == "companies" else doubted
    for family, lost in (("other surfaces: cut, reset, silent", CUT), ("other surfaces: no answer", NO_ANSWER)):
        wrong = [text for fault in lost.values() for text in case(name, way.order, fault, statuses=doubted)]
        _tell(stage, family, len(lost), wrong)


@pytest.mark.parametrize("name", WAYS)
def test_an_order_that_comes_too_early_or_is_answered_oddly_is_as_any_other(case, stage, name):
    """What says so is sent again, what is whole is read."""
    for family in ("other surfaces: too early, away", "other surfaces: odd but true"):
        faults = FAMILIES[family]
        wrong = [text for fault in faults.values() for text in case(name, WAYS[name].order, fault)]
        _tell(stage, family, len(faults), wrong)


@pytest.mark.parametrize("name", WAYS)
def test_an_order_that_is_refused_costs_nothing(case, stage, name):
    """One person's is theirs, a list is priced anew; what names nobody ends the run, and the next one is well."""
    one_by_one = WAYS[name].refuses == 1 or name == "companies"
    how = {"statuses": ("completed", "failed")} if one_by_one else {"error": cl.ServiceError}
    how = {} if WAYS[name].finds else how
    wrong = [text for fault in REFUSED.values() for text in case(name, WAYS[name].order, fault, **how)]
    _tell(stage, "other surfaces: refused", len(REFUSED), wrong)


@pytest.mark.parametrize(("name", "route"), [*FREE, *((name, way.order) for name, way in WAYS.items())])
def test_a_refusal_for_good_ends_the_run_and_the_next_one_goes_on(case, stage, name, route):
    """Whatever it is about; where nothing hangs on the answer it is no hindrance."""
    wrong = []
    for fault, error in FOR_GOOD.values():
        is_needed = not route.startswith("DELETE") and not route.endswith("/balance")
        wrong += case(
            name, route, fault, error=error if is_needed else (error, type(None)), free=route in WAYS[name].free
        )
    _tell(stage, "other surfaces: refused for good", len(FOR_GOOD), wrong)


def test_a_quote_that_ran_out_is_asked_for_anew(case, stage):
    """Five minutes pass before the order comes: nobody is charged for the old one, everybody for the new one."""
    clock = Clock()

    def pass_time():
        clock.advance(301)

    wrong = case("v2_list", WAYS["v2_list"].order, pass_time, clock=clock)
    quotes = sum(one.path.endswith("/credits/estimate") for one in stage.sandbox.requests)
    _tell(stage, "other surfaces: quote ran out", 1, wrong if quotes == 2 else [*wrong, f"{quotes} quotes"])


@pytest.mark.parametrize("name", WAYS)
def test_an_account_that_runs_dry_keeps_what_it_paid_for(stage, name):
    """Stopped as out of credits, with the partial frame; nothing is in doubt."""
    frame, how = _open(stage, name, credits=2)
    ran = stage.run(frame, **how)
    wrong = _audited(stage, name, frame, [ran])
    if not isinstance(ran.error, cl.OutOfCreditsError):
        wrong.append(f"E: {ran.error!r}")
    if stage.sandbox.charged > 2 or "in_doubt" in set(ran.out["enriched_status"]):
        wrong.append(f"{stage.sandbox.charged} charged, {set(ran.out['enriched_status'])}")
    _tell(stage, "other surfaces: account runs dry", 1, wrong)


@pytest.mark.parametrize("days", [1, 100, -1])
@pytest.mark.parametrize("name", [name for name in WAYS if name not in ("companies", "csv_upload at once")])
def test_a_run_that_is_gone_on_with_on_another_day_asks_first(stage, name, days):
    """Its token is on disk and asking is free, however long ago, and whatever the clock says."""
    clock = Clock()
    frame, how = _open(stage, name, clock=clock, terms=Terms(workflow_s=3600.0, csv_rows_at_once=2))
    rans = [stage.run(frame, **how, job_timeout_s=0.001)]
    wrong = _audited(stage, name, frame, rans)
    orders = len(stage.sandbox.reservations)
    clock.advance(abs(days) * 86_400.0)
    with travel(datetime.now(UTC) + timedelta(days=days), tick=True):
        rans.append(stage.run(frame, **how))
    wrong += _audited(stage, name, frame, rans)
    said = [set(ran.out["enriched_status"].astype(str)) for ran in rans]
    if said != [{"in_doubt"}, {"completed"}]:
        wrong.append(f"{said}")
    if len(stage.sandbox.reservations) != orders or stage.sandbox.charged != N:
        wrong.append("D: ordered again")
    _tell(stage, "other surfaces: on another day", 1, wrong)


def _mixed_up(names):
    """Return, by way, at which request an answer comes that is reversed, says people twice, and strangers too."""
    own = [(who, f"own {who[:7]}") for who in reversed(names)]
    told = [*own, ("zq99999@fm.example", "a stranger's"), *((who, "somebody else's") for who, _ in own)]
    leads = [{"lead_id": f"l{at}", "email": who, "title": text} for at, (who, text) in enumerate(told)]
    results = [
        {"task_id": f"t{at}", "primary_email": who, "company": {"name": text}} for at, (who, text) in enumerate(told)
    ]
    rows = "".join(f"{who},{text},completed\n" for who, text in told)
    file = {"status": "completed", "csv": f"input_email,enriched_title,status\n{rows}", "meta": {"credits_used": N}}
    return {
        "v2_list": (f"GET {V2}/lead-lists/{{id}}/leads", {"leads": leads, "cursor": None}, "enriched_title"),
        "legacy_v1": (f"GET {LEGACY}/enrich/status", {"status": "completed", "results": results}, "enriched_company"),
        "csv_upload": ("GET /v1/enrich/csv/{id}", file, "enriched_title"),
        "csv_upload at once": ("POST /v1/enrich/csv", file, "enriched_title"),
    }


@pytest.mark.parametrize("name", ["v2_list", "legacy_v1", "csv_upload", "csv_upload at once"])
def test_nobody_gets_another_persons_answer(stage, name):
    """Told by address, never by place."""
    frame, how = _open(stage, name)
    names = stage.who(frame)
    route, body, column = _mixed_up(names)[name]
    fault = Fault(status=200, body=body, charge=True)
    stage.hooks.append(lambda number, who, attempt: fault if who == route else None)
    ran = stage.run(frame, **how)
    wrong = _audited(stage, name, frame, [ran])
    said = dict(zip(ran.out["Email"].str.lower(), ran.out[column], strict=True))
    wrong += [f"{who} has {text}" for who, text in said.items() if text != f"own {who[:7]}"]
    _tell(stage, "other surfaces: mixed up answers", 1, wrong)
