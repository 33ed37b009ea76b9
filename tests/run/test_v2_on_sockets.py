"""People one by one on v2, over real sockets: taken, worked on, asked about; the books agree whatever goes wrong."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Clock, Fault, Terms

Scene: Any = Any
N = 9
LONG_S = 60.0  # no test waits for it
STATUS = "GET /api/v2/enrichment/status/{id}"
BALANCE = "GET /api/v2/credits/balance"
LIST = "POST /api/v2/lead-lists"
FIELDS = ["email_status", "title", "company", "linkedin"]


def how(scene: Scene, **more: Any) -> dict[str, Any]:
    return {"base_url": f"{scene.sandbox.url}/api/v2", "service": "v2", "poll_s": 0.01, "fields": FIELDS, **more}


def enrich(scene: Scene, frame: pd.DataFrame, **more: Any) -> pd.DataFrame:
    out: pd.DataFrame = scene.enrich(frame, **how(scene, **more))
    return out


def person(at: int) -> str:
    return f"person{at}@acme.example"


def statuses(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame["enriched_status"].value_counts()
    return {str(name): int(n) for name, n in counts.items() if n}


def sent(scene: Scene, method: str, part: str) -> int:
    return sum(one.method == method and part in one.path for one in scene.sandbox.requests)


def people_of(out: pd.DataFrame, status: str) -> int:
    return int(out.loc[out["enriched_status"] == status, "Email"].str.lower().nunique())


def test_the_same_answers_and_bill_as_on_csv_row(scene: Scene) -> None:
    """Where both offer a field; two requests a person, three around them, and no list is left behind."""
    scene.open(hit_rate=0.6)
    frame = scene.people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    charged = scene.sandbox.charged
    assert out.attrs["cleanlist"]["credits"] == charged == people_of(out, "completed")
    assert out.attrs["cleanlist"]["requests"] == len(scene.sandbox.requests) == 2 * N + 3
    assert sent(scene, "DELETE", "/lead-lists/") == 1
    assert scene.sandbox.requests[-1].status == 200
    other = scene.enrich(frame, ledger=None, fields=FIELDS)
    pd.testing.assert_frame_equal(out, other)
    assert scene.sandbox.charged == 2 * charged
    again = enrich(scene, frame)
    assert again.attrs["cleanlist"]["requests"] == 0
    pd.testing.assert_frame_equal(again, out)


def test_seniority_is_derived_and_says_so(scene: Scene) -> None:
    """In the reason of each row that has one, also when it is read from the ledger again."""
    scene.open(people=[{"email": person(0), "title": "Head of Sales"}, {"email": person(1), "title": "???"}])
    frame = pd.DataFrame({"Email": [person(0), person(1)]})
    for _ in range(2):
        out = enrich(scene, frame, fields=["seniority", "title"], provenance=True)
        assert out["enriched_seniority"].astype(object).where(out["enriched_seniority"].notna(), None).tolist() == [
            "director",
            None,
        ]
        assert out["enriched_reason"].tolist()[0] == "seniority is derived from the title"
        assert pd.isna(out["enriched_reason"].tolist()[1])


def test_a_phone_beside_what_is_held_costs_ten(scene: Scene) -> None:
    """And both at once eleven."""
    people = [{"email": person(at), "title": "CTO", "phone": "+15550100"} for at in range(2)]
    scene.open(people=people)
    one, two = pd.DataFrame({"Email": [person(0)]}), pd.DataFrame({"Email": [person(0), person(1)]})
    enrich(scene, one, fields=["title"])
    options = {**how(scene, fields=["title", "phone"]), "ledger": scene.ledger}
    estimate = cl.estimate_cost(two, **{name: options[name] for name in ("base_url", "service", "ledger", "fields")})
    assert estimate.prices == {10: 1, 11: 1}
    out = enrich(scene, two, fields=["title", "phone"])
    scene.audit(two, out)
    assert (out.attrs["cleanlist"]["credits"], scene.sandbox.charged) == (21, 22)
    assert out["enriched_phone"].tolist() == ["+15550100"] * 2


STOPS = {
    "401": (Fault(status=401), cl.AuthenticationError),
    "403": (Fault(status=403), cl.AuthenticationError),
    "402": (Fault(status=402), cl.OutOfCreditsError),
    "400 broke": (Fault(status=400, body={"error": {"code": "insufficient_credits"}}), cl.OutOfCreditsError),
    "404": (Fault(status=404, body={"detail": "Not Found"}), cl.ServiceError),
}


@pytest.mark.parametrize("k", [0, 4, N - 1])
@pytest.mark.parametrize("name", STOPS)
def test_a_refusal_for_good_at_person_k_stops_and_loses_nothing(scene: Scene, name: str, k: int) -> None:
    """Nobody else is begun; those who are worked on are waited for, so that nobody is in doubt."""
    fault, error = STOPS[name]
    scene.open(faults={person(k): [fault]}, terms=Terms(workflow_polls=2))
    frame = scene.people(N)
    with pytest.raises(error) as caught:
        enrich(scene, frame)
    assert sent(scene, "POST", "/enrichment/person") <= k + 4
    scene.audit(frame, caught.value.partial, budget=N)
    report = caught.value.report
    assert (report.credits, report.credits_in_doubt) == (scene.sandbox.charged, 0)
    out = caught.value.resume()
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}
    assert scene.sandbox.charged == N


def test_a_path_that_is_not_there_names_the_others(scene: Scene) -> None:
    """The vendor's own pages disagree about which surfaces exist."""
    scene.open()
    with pytest.raises(cl.ServiceError, match="csv_row at /v1 and v2 at /api/v2 and legacy_v1 at /api/v1/public, see"):
        enrich(scene, scene.people(N), base_url=f"{scene.sandbox.url}/api/v9")
    assert scene.sandbox.charged == 0


SURE = {
    "429": Fault(status=429, retry_after="0"),
    "429 in ms": Fault(status=429, body={"error": {"code": "rate_limited", "retryable": True, "retry_after_ms": 5}}),
    "503": Fault(status=503, retry_after="0"),
    "500 retryable": Fault(status=500, body={"error": {"code": "internal", "retryable": True, "retry_after_ms": 1}}),
}


@pytest.mark.parametrize("where", [person(2), STATUS, BALANCE, LIST])
@pytest.mark.parametrize("name", SURE)
def test_an_orderly_refusal_is_sent_again_and_costs_nothing(scene: Scene, name: str, where: str) -> None:
    """Wherever in a run it comes."""
    scene.open(faults={where: [SURE[name]] * 2})
    frame = scene.people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}
    assert len(scene.sandbox.requests) == 2 * N + 3 + 2


DOUBT = {
    "500": (Fault(status=500), False),
    "500 charged": (Fault(status=500, charge=True), True),
    "reset after the body": (Fault(reset="after_body"), False),
    "reset after the charge": (Fault(reset="after_charge"), True),
    "cut": (Fault(truncate_at=20), True),
    "silence": (Fault(silent=True), False),
    "html": (Fault(status=200, body="<html>", charge=True), True),
    "no id": (Fault(delete=("workflow_id",)), True),
}


@pytest.mark.parametrize("name", DOUBT)
def test_a_look_up_that_was_sent_and_not_taken_is_in_doubt(scene: Scene, name: str) -> None:
    """Its price stays reserved, a second run leaves it alone, and the others get their answers."""
    fault, charged = DOUBT[name]
    scene.open(faults={person(2): [fault]})
    frame = scene.people(N)
    for _ in range(2):
        out = enrich(scene, frame, timeout_s=0.4, concurrency=1)
        scene.audit(frame, out, budget=N)
        assert (people_of(out, "in_doubt"), people_of(out, "completed")) == (1, N - 1)
    assert scene.sandbox.charged == N - 1 + charged
    assert sent(scene, "POST", "/enrichment/person") == N


ASIDE = {
    "500": Fault(status=500),
    "reset": Fault(reset="after_body"),
    "reset with the answer": Fault(reset="after_charge"),
    "cut": Fault(truncate_at=20),
    "silence": Fault(silent=True),
    "html": Fault(status=200, body="<html>"),
    "empty": Fault(status=200, body=b""),
    "404": Fault(status=404, body={"error": {"code": "not_found", "problem": "no such workflow", "retryable": False}}),
    "another workflow": Fault(mutate={"workflow_id": "wf_other"}),
    "a strange word": Fault(mutate={"status": "meditating"}),
    "done and not told": Fault(mutate={"status": "completed", "result": None, "credits_charged": None}),
}


@pytest.mark.parametrize("name", ASIDE)
def test_asking_what_became_of_it_is_free_and_done_again(scene: Scene, name: str) -> None:
    """Whatever happens to a question, nobody is in doubt for it."""
    scene.open(faults={STATUS: [ASIDE[name]] * 3})
    frame = scene.people(N)
    out = enrich(scene, frame, timeout_s=1.0)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}
    assert sent(scene, "POST", "/enrichment/person") == N
    assert scene.sandbox.charged == N


def test_a_look_up_nobody_tells_the_end_of_is_in_doubt_with_its_job(scene: Scene) -> None:
    """After a few answers that are none the worker goes on to the next; the second run asks again."""
    scene.open(faults=lambda number, who, attempt: Fault(status=500) if who == STATUS and number < 20 else None)
    frame = scene.people(2)
    out = enrich(scene, frame, concurrency=1)
    scene.audit(frame, out, budget=2)
    assert people_of(out, "in_doubt") == 2
    with cl.Ledger(scene.ledger) as ledger:
        assert set(ledger.in_doubt()["reason"]) == {"taken; the next run asks what became of it"}
    while len(scene.sandbox.requests) < 20:
        enrich(scene, frame)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=2)
    assert statuses(out) == {"completed": len(frame)}
    assert sent(scene, "POST", "/enrichment/person") == scene.sandbox.charged == 2


class Hours:
    """A sandbox's clock that stands still, or passes an hour each time somebody looks."""

    def __init__(self) -> None:
        self.now_s, self.passes = 1_800_000_000.0, False

    def __call__(self) -> float:
        self.now_s += 3601.0 * self.passes
        return self.now_s


HOW_AGAIN: dict[str, dict[str, Any]] = {
    "hold": {},
    "retry": {"in_doubt": "retry"},
    "everything anew": {"max_age": 0},
    "for a phone": {"fields": [*FIELDS, "phone"]},
    "without a budget": {"max_credits": 0},
}


@pytest.mark.parametrize("name", HOW_AGAIN)
def test_past_the_deadline_it_is_in_doubt_and_the_next_run_asks_first(scene: Scene, name: str) -> None:
    """For nothing, before anybody is bought: what it tells counts as new, and is booked once."""
    clock = Hours()
    scene.open(terms=Terms(workflow_s=3600.0), clock=clock)
    frame = scene.people(N)
    out = enrich(scene, frame, job_timeout_s=0.05)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"in_doubt": len(frame)}
    assert out.attrs["cleanlist"]["credits_in_doubt"] == N
    assert sent(scene, "DELETE", "/lead-lists/") == 0
    clock.passes = True
    before = len(scene.sandbox.requests)
    out = enrich(scene, frame, **HOW_AGAIN[name])
    scene.audit(frame, out)
    assert statuses(out) == {"completed": len(frame)}
    asked = [one for one in scene.sandbox.requests[before:] if one.method == "GET"]
    assert all("/status/" in one.path for one in asked[:N])
    phones = sum(charge.credits for charge in scene.sandbox.charges if "phone" in charge.fields)
    assert sent(scene, "POST", "/enrichment/person") == (2 * N if name == "for a phone" else N)
    assert (scene.sandbox.charged, out.attrs["cleanlist"]["credits"]) == (N + phones, phones)
    assert scene.sql(
        "SELECT count(*), sum(credits) FROM outcomes WHERE lookup IN (SELECT id FROM lookups WHERE price = 1)"
    ) == [(N, N)]


def test_what_is_still_worked_on_when_asked_again_stays_in_doubt(scene: Scene) -> None:
    """Past its time it is asked about once a run; the others of the frame are bought meanwhile."""
    scene.open(faults={person(0): [None]}, terms=Terms(workflow_s=3600.0), clock=Clock())
    frame = scene.people(1)
    enrich(scene, frame, job_timeout_s=0.05)
    before = len(scene.sandbox.requests)
    out = enrich(scene, frame, job_timeout_s=0.01)
    assert [one.method for one in scene.sandbox.requests[before:]] == ["GET"]
    scene.audit(frame, out, budget=1)
    assert statuses(out) == {"in_doubt": len(frame)}


def test_told_to_retry_it_is_asked_first_and_then_sent_again(scene: Scene) -> None:
    """Only where the service still does not know."""
    clock = Clock()
    scene.open(terms=Terms(workflow_s=3600.0), clock=clock)
    frame = scene.people(2)
    enrich(scene, frame, job_timeout_s=0.05)
    before = len(scene.sandbox.requests)
    out = enrich(scene, frame, job_timeout_s=0.05, in_doubt="retry")
    again = [one.path.rpartition("/")[0][-6:] for one in scene.sandbox.requests[before:] if one.method == "GET"][:2]
    assert again == ["status"] * 2
    assert sent(scene, "POST", "/enrichment/person") == 4
    assert statuses(out) == {"in_doubt": len(frame)}


class Killer:
    """A script of faults that kills a process, or interrupts it, when the n-th request of a kind arrives."""

    def __init__(self, route: str, at: int, *numbers: int, fault: Fault | None = None) -> None:
        self.route, self.at, self.seen, self.fault = route, at, 0, fault
        self.numbers = numbers or (signal.SIGKILL,)
        self.pid: int | None = None

    def __call__(self, number: int, who: str | None, attempt: int) -> Fault | None:
        if self.pid is not None and (who == self.route or (self.route == "person" and "@" in (who or ""))):
            self.seen += 1
            if self.seen == self.at + 1:
                for number in self.numbers:
                    os.kill(self.pid, number)
                self.pid = None
                return self.fault
        return None


RUN = """
people = pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(int(sys.argv[1]))]})
cl.enrich(people, **{**how, **json.loads(sys.argv[2])})
"""


def killed(scene: Scene, killer: Killer, n: int, **more: Any) -> pd.DataFrame:
    """Run n people in a process of their own until it is killed; return their frame."""
    child = scene.start(RUN, str(n), json.dumps(how(scene, **more)))
    killer.pid = child.pid
    child.communicate(timeout=LONG_S)
    assert child.returncode == -signal.SIGKILL
    return pd.DataFrame({"Email": [person(at) for at in range(n)]})


@pytest.mark.parametrize("at", [0, 1, 6])
def test_killed_between_taken_and_told_a_second_run_loses_and_buys_nothing(scene: Scene, at: int) -> None:
    """The token was on disk before the first question: nobody is in doubt, nobody is bought twice."""
    killer = Killer(STATUS, at)
    scene.open(faults=killer)
    frame = killed(scene, killer, N, concurrency=1)
    scene.audit(frame, None, budget=N)
    assert scene.sql("SELECT count(*) FROM jobs")[0][0] == at + 1
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": N}
    assert sent(scene, "POST", "/enrichment/person") == scene.sandbox.charged == N
    assert not list(scene.folder.glob(".*lock"))


@pytest.mark.parametrize("route", ["person", STATUS])
def test_killed_anywhere_with_many_in_flight_nobody_is_charged_twice(scene: Scene, route: str) -> None:
    """Whoever was being sent is in doubt; whoever was taken is completed by the next run."""
    killer = Killer(route, 5)
    scene.open(faults=killer, terms=Terms(workflow_polls=2))
    frame = killed(scene, killer, 14)
    scene.audit(frame, None, budget=14)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=14)
    n_doubt = people_of(out, "in_doubt")
    assert n_doubt <= 4
    assert people_of(out, "completed") == 14 - n_doubt
    assert sent(scene, "POST", "/enrichment/person") <= 14


INTERRUPTED = """
try:
    people = pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(4)]})
    cl.enrich(people, **{**how, **json.loads(sys.argv[1])})
except cl.RunInterrupted as error:
    print(json.dumps(error.report.summary()))
"""


def test_an_interrupt_does_not_wait_for_what_is_worked_on(scene: Scene) -> None:
    """It may take the service an hour; the next run is told for nothing."""
    killer, clock = Killer(STATUS, 2, signal.SIGINT), Clock()
    scene.open(faults=killer, terms=Terms(workflow_s=3600.0), clock=clock)
    child = scene.start(INTERRUPTED, json.dumps(how(scene)))
    killer.pid = child.pid
    out, err = child.communicate(timeout=LONG_S)
    assert (child.returncode, err) == (0, "")
    told = json.loads(out)
    assert told["credits_in_doubt"] == sent(scene, "POST", "/enrichment/person") > 0
    clock.advance(3601)
    frame = pd.DataFrame({"Email": [person(at) for at in range(4)]})
    killer.pid = None
    after = enrich(scene, frame, max_credits=4 - told["credits_in_doubt"])
    scene.audit(frame, after, budget=4)


def test_a_second_interrupt_leaves_even_a_question_alone(scene: Scene) -> None:
    """Its look-up was taken: the token stays, and the next run asks with it."""
    two = (signal.SIGINT, signal.SIGTERM)  # two kinds: equal ones may merge
    killer = Killer(STATUS, 0, *two, fault=Fault(silent=True))
    scene.open(faults=killer)
    child = scene.start(INTERRUPTED, json.dumps(how(scene, timeout_s=10 * LONG_S, concurrency=1)))
    killer.pid = child.pid
    out, err = child.communicate(timeout=LONG_S)
    assert (child.returncode, err) == (0, "")
    told = json.loads(out)
    assert (told["credits_in_doubt"], told["requests"]) == (1, 4)
    assert scene.sql("SELECT count(*) FROM jobs") == [(1,)]
    frame = pd.DataFrame({"Email": [person(at) for at in range(4)]})
    after = enrich(scene, frame)
    scene.audit(frame, after, budget=4)
    assert statuses(after) == {"completed": 4}


def test_out_of_time_what_is_worked_on_is_left_to_the_next_run(scene: Scene) -> None:
    """A limit of one's own does not wait for the service; the next run is told for nothing."""
    clock = Clock()
    scene.open(terms=Terms(workflow_s=3600.0), clock=clock)
    frame = scene.people(3)
    with pytest.warns(cl.CleanlistWarning, match="Stopped early: max_seconds"):
        out = enrich(scene, frame, max_seconds=0.5)
    scene.audit(frame, out, budget=3)
    assert people_of(out, "in_doubt") == sent(scene, "POST", "/enrichment/person")
    clock.advance(3601)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=3)
    assert statuses(out) == {"completed": len(frame)}
    assert scene.sandbox.charged == 3


@pytest.mark.parametrize("told", [None, "elsewhere"])
def test_a_key_that_is_refused_stops_before_anything_is_sent(scene: Scene, told: str | None) -> None:
    """The balance is asked first, and is free."""
    scene.open()
    with pytest.raises(cl.AuthenticationError):
        enrich(scene, scene.people(N), api_key="clapi_invented_0000000000000001")
    assert [one.path for one in scene.sandbox.requests] == ["/api/v2/credits/balance"]


def test_a_key_that_may_not_see_the_balance_may_still_buy(scene: Scene) -> None:
    """Scopes are the server's matter."""
    scene.open(faults={BALANCE: [Fault(status=403, body={"error": {"code": "insufficient_scope"}})]})
    out = enrich(scene, scene.people(2))
    assert people_of(out, "completed") == 2


@pytest.mark.parametrize("fields", [FIELDS, [*FIELDS, "phone"]])
def test_a_balance_below_one_look_up_stops_before_anything_is_sent(scene: Scene, fields: list[str]) -> None:
    """Neither a list nor a person."""
    scene.open(credits=10 if "phone" in fields else 0)
    frame = scene.people(N)
    with pytest.raises(cl.OutOfCreditsError, match=r"left in the account, and a look-up costs 1") as caught:
        enrich(scene, frame, fields=fields)
    assert [one.path for one in scene.sandbox.requests] == ["/api/v2/credits/balance"]
    assert statuses(caught.value.partial) == {"not_attempted": len(frame)}


def test_a_balance_below_what_it_may_cost_is_told_and_no_hindrance(scene: Scene) -> None:
    """Misses are free: it may do."""
    scene.open(credits=3, hit_rate=0.0)
    frame = scene.people(N)
    with pytest.warns(cl.CleanlistWarning, match=f"held 3 credits before this run, and it could have cost {N}"):
        out = enrich(scene, frame, concurrency=1)
    assert statuses(out) == {"not_found": len(frame)}


def test_an_account_that_runs_dry_stops_with_what_there_is(scene: Scene) -> None:
    """400 insufficient_credits, from the service itself."""
    scene.open(credits=4)
    frame = scene.people(N)
    with pytest.raises(cl.OutOfCreditsError) as caught:
        enrich(scene, frame)
    scene.audit(frame, caught.value.partial, budget=4)
    assert people_of(caught.value.partial, "completed") == scene.sandbox.charged == 4
    assert caught.value.report.credits_in_doubt == 0


def test_a_list_that_cannot_be_made_stops_before_anybody_is_asked_about(scene: Scene) -> None:
    """Tried again a few times: it costs nothing."""
    scene.open(faults={LIST: Fault(status=500)})
    with pytest.raises(cl.ServiceError, match="no list could be made"):
        enrich(scene, scene.people(N))
    assert (sent(scene, "POST", "/lead-lists"), sent(scene, "POST", "/enrichment")) == (5, 0)


def test_a_list_may_be_kept(scene: Scene) -> None:
    """And one that cannot be deleted is no trouble."""
    scene.open(faults={"DELETE /api/v2/lead-lists/{id}": Fault(status=500)})
    assert people_of(enrich(scene, scene.people(2), keep_list=True), "completed") == 2
    assert sent(scene, "DELETE", "") == 0
    assert people_of(enrich(scene, scene.people(3)), "completed") == 3
    assert sent(scene, "DELETE", "") == 1


def test_a_workflow_that_failed_and_was_charged_is_told(scene: Scene) -> None:
    """It is booked, and the person is failed, not missing."""
    scene.open(faults={person(1): Fault(ends="failed"), person(2): Fault(ends="swept")})
    frame = scene.people(4)
    with pytest.warns(cl.CleanlistWarning, match="refund is pending review"):
        out = enrich(scene, frame)
    scene.audit(frame, out, budget=4)
    assert [people_of(out, status) for status in ("completed", "failed", "not_found")] == [2, 1, 1]
    assert out.attrs["cleanlist"]["credits"] == scene.sandbox.charged == 3


def test_a_charge_above_the_price_stops_the_run(scene: Scene) -> None:
    """The tariff is not what we think."""
    scene.open(faults={person(0): Fault(credits=7)})
    frame = scene.people(N)
    with pytest.raises(cl.TariffError, match="priced at 1 credit was charged 7") as caught:
        enrich(scene, frame, concurrency=1)
    scene.audit(frame, caught.value.partial)


def test_another_address_of_the_same_person_is_told_and_used(scene: Scene) -> None:
    """The workflow's id ties the answer to the request."""
    scene.open(faults={STATUS: [Fault(mutate={"result.email": "other@acme.example"})]})
    frame = scene.people(2)
    with pytest.warns(cl.CleanlistWarning, match="names another address of the person"):
        out = enrich(scene, frame)
    scene.audit(frame, out, budget=2)
    assert people_of(out, "completed") == 2


@pytest.mark.parametrize("call", [cl.enrich, cl.estimate_cost, cl.plan])
def test_fields_that_v2_does_not_offer(scene: Scene, call: Callable[..., Any]) -> None:
    """Nothing but those is refused; beside others they stay missing, and the estimate says so."""
    scene.open()
    options = {name: value for name, value in how(scene).items() if name in ("base_url", "service")}
    frame = scene.people(2)
    with pytest.raises(cl.ConfigurationError, match="v2 does not offer icp_score, so nothing was sent: it offers"):
        call(frame, fields=["icp_score"], **options)
    assert not scene.sandbox.requests
    estimate = cl.estimate_cost(frame, fields=["title", "icp_score"], **options)
    assert (estimate.unoffered, estimate.at_most, estimate.requests) == (("icp_score",), 2, 7)
    assert "v2 does not offer icp_score" in repr(estimate)


def test_what_another_surface_answered_counts(scene: Scene) -> None:
    """And what v2 cannot offer is not called asked: csv_row is still asked for it."""
    scene.open()
    frame = scene.people(3)
    both = ["title", "icp_score"]
    out = enrich(scene, frame, fields=both)
    assert statuses(out) == {"completed": len(frame)}
    assert out["icp_score"].isna().all()
    out = scene.enrich(frame, fields=both)
    assert out.attrs["cleanlist"]["credits"] == 3
    assert out["icp_score"].notna().any()
    again = enrich(scene, frame, fields=both)
    assert again.attrs["cleanlist"]["requests"] == 0
    pd.testing.assert_frame_equal(again, out)


def test_a_person_who_is_erased_leaves_no_token(scene: Scene) -> None:
    """Nor does what is pruned."""
    scene.open()
    enrich(scene, scene.people(2))
    with cl.Ledger(scene.ledger) as ledger:
        ledger.erase(person(0))
        assert scene.sql("SELECT count(*) FROM jobs") == [(1,)]
        ledger.prune(0)
        assert scene.sql("SELECT count(*) FROM jobs") == [(0,)]


def test_a_person_who_is_erased_while_the_service_works_on_them_is_asked_about_no_more(scene: Scene) -> None:
    """Nothing of them is kept or told; what they may have cost stays counted."""
    asked: list[int] = []

    def erase(number: int, who: str | None, attempt: int) -> None:
        if who == STATUS and not asked:
            asked.append(number)
            with cl.Ledger(scene.ledger) as ledger:
                ledger.erase(person(0))

    scene.open(faults=erase, terms=Terms(workflow_polls=3))
    frame = scene.people(1)
    out = enrich(scene, frame)
    assert sent(scene, "GET", "/status/") == 1
    assert statuses(out) == {"skipped": len(frame)}
    assert out[[f"enriched_{name}" for name in FIELDS]].isna().all(axis=None)
    assert (out.attrs["cleanlist"]["credits"], out.attrs["cleanlist"]["credits_in_doubt"]) == (0, 1)
    assert [scene.sql(f"SELECT count(*) FROM {table}") for table in ("lookups", "jobs", "outcomes")] == [[(0,)]] * 3
    again = enrich(scene, frame)
    assert statuses(again) == {"skipped": len(frame)}
    assert again.attrs["cleanlist"]["requests"] == 0


def test_a_token_that_was_changed_on_disk_is_not_trusted(scene: Scene) -> None:
    """As every row of the ledger."""
    scene.open(terms=Terms(workflow_s=3600.0), clock=Clock())
    frame = scene.people(1)
    enrich(scene, frame, job_timeout_s=0.05)
    with closing(sqlite3.connect(scene.ledger)) as connection, connection:
        connection.execute("UPDATE jobs SET token = 'wf_other'")
    with pytest.raises(cl.LedgerError, match="damaged row"):
        enrich(scene, frame)


def test_a_ledger_of_the_version_before_is_brought_up_and_keeps_what_it_holds(scene: Scene) -> None:
    """The table of jobs is new."""
    scene.open()
    frame = scene.people(3)
    scene.enrich(frame, fields=FIELDS)
    with closing(sqlite3.connect(scene.ledger)) as connection, connection:
        connection.execute("DROP TABLE jobs")
        connection.execute("PRAGMA user_version=1")
    out = enrich(scene, frame)
    assert out.attrs["cleanlist"]["requests"] == 0
    assert scene.sql("PRAGMA user_version") == [(2,)]
    assert statuses(out) == {"completed": len(frame)}


def test_the_limits_that_are_documented_are_kept(scene: Scene) -> None:
    """With a clock that stands still the 31st request would be refused until it moves: so there are fewer."""
    scene.open(terms=Terms(limits=True), clock=Clock())
    frame = scene.people(13)
    out = enrich(scene, frame, rate_per_minute=100_000.0)
    scene.audit(frame, out, budget=13)
    assert len(scene.sandbox.requests) == 29
    assert people_of(out, "completed") == 13


@pytest.mark.parametrize("table", ["lookups", "outcomes"])
def test_an_empty_table_in_the_place_of_another_is_seen(scene: Scene, table: str) -> None:
    """SQLite takes both pages for sound: without a look at the tokens everybody would be bought again."""
    scene.open()
    frame = scene.people(3)
    scene.enrich(frame, fields=FIELDS)
    size = scene.sql("PRAGMA page_size")[0][0]
    pages = [page for (page,) in scene.sql("SELECT rootpage FROM sqlite_master WHERE name IN ('jobs', ?)", table)]
    content = scene.ledger.read_bytes()
    one, two = (content[(page - 1) * size : page * size] for page in pages)
    changed = bytearray(content)
    changed[(pages[0] - 1) * size : pages[0] * size] = two
    changed[(pages[1] - 1) * size : pages[1] * size] = one
    scene.ledger.write_bytes(changed)
    n_before = len(scene.sandbox.requests)
    with pytest.raises(cl.LedgerError, match="damaged"):
        scene.enrich(frame, fields=FIELDS)
    assert len(scene.sandbox.requests) == n_before
