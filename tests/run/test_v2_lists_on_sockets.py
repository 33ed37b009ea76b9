"""People by list on v2, over real sockets: filed, priced, ordered once, told; the books agree whatever goes wrong."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.run.records import RELEASED, Intent, Outcome, Run
from cleanlist_pandas.sandbox import Clock, Fault, Terms

Scene: Any = Any
N = 9
LONG_S = 60.0  # no test waits for it
FIELDS = ["title", "company", "linkedin"]
BALANCE = "GET /api/v2/credits/balance"
LIST = "POST /api/v2/lead-lists"
IMPORT = "POST /api/v2/lead-lists/{id}/csv-import"
QUOTE = "POST /api/v2/credits/estimate"
ORDER = "POST /api/v2/enrichment/bulk"
STATUS = "GET /api/v2/enrichment/status/{id}"
LEADS = "GET /api/v2/lead-lists/{id}/leads"
FREE = [BALANCE, LIST, IMPORT, QUOTE, STATUS, LEADS]


def how(scene: Scene, **more: Any) -> dict[str, Any]:
    return {"base_url": f"{scene.sandbox.url}/api/v2", "service": "v2_list", "poll_s": 0.01, "fields": FIELDS, **more}


def enrich(scene: Scene, frame: pd.DataFrame, **more: Any) -> pd.DataFrame:
    out: pd.DataFrame = scene.enrich(frame, **how(scene, **more))
    return out


def person(at: int) -> str:
    return f"person{at}@acme.example"


def people(n: int) -> pd.DataFrame:
    return pd.DataFrame({"Email": [person(at) for at in range(n)]})


def statuses(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame["enriched_status"].value_counts()
    return {str(name): int(n) for name, n in counts.items() if n}


def sent(scene: Scene, method: str, part: str) -> int:
    return sum(one.method == method and part in one.path for one in scene.sandbox.requests)


def test_the_same_answers_and_bill_as_on_csv_row(scene: Scene) -> None:
    """Thirteen hundred people take three lists, and no list is left behind."""
    scene.open(hit_rate=0.6)
    frame = people(1_300)
    options = {name: how(scene)[name] for name in ("base_url", "service", "fields")}
    estimate = cl.estimate_cost(frame, ledger=None, **options)
    out = enrich(scene, frame)
    charged = scene.sandbox.charged
    scene.audit(frame, out, budget=estimate.at_most)
    n_requests = len(scene.sandbox.requests)
    assert out.attrs["cleanlist"]["credits"] == charged == statuses(out)["completed"]
    assert out.attrs["cleanlist"]["requests"] == n_requests <= estimate.requests == 3 * 8 + 3
    assert n_requests >= 0.8 * estimate.requests
    assert sent(scene, "DELETE", "/lead-lists/") == sent(scene, "POST", "csv-import") + 1 == 4
    other = scene.enrich(frame, ledger=None, fields=FIELDS)
    pd.testing.assert_frame_equal(out, other)
    again = enrich(scene, frame)
    assert again.attrs["cleanlist"]["requests"] == 0
    pd.testing.assert_frame_equal(again, out)


def test_who_is_found_without_what_was_asked_for_is_completed_all_the_same(scene: Scene) -> None:
    """It was charged, and is not asked for again."""
    scene.open(people=[{"email": person(0), "company": "Acme"}, {"email": person(1), "title": "CTO"}])
    for _ in range(2):
        out = enrich(scene, people(3), fields=["title"], provenance=True)
        assert out["enriched_status"].tolist() == ["completed", "completed", "not_found"]
    assert scene.sandbox.charged == 2
    assert sent(scene, "POST", "/enrichment/bulk") == 1


def test_what_is_done_and_does_not_tell_its_charge_is_not_done_yet(scene: Scene) -> None:
    """Its leads may be empty still, and what it will cost would be in no book."""
    scene.open(faults={STATUS: [Fault(delete=("credits_charged",))] * 2})
    frame = people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": N}
    assert sent(scene, "GET", "/enrichment/status/") == 3


def test_ten_thousand_people_take_few_requests(scene: Scene) -> None:
    """Fewer than 250, as many as the estimate says or a few less."""
    scene.open()
    frame = people(10_000)
    options = {name: how(scene)[name] for name in ("base_url", "service", "fields")}
    estimate = cl.estimate_cost(frame, ledger=None, rate_per_minute=30, **options)
    out = enrich(scene, frame)
    assert out.attrs["cleanlist"]["credits"] == scene.sandbox.charged == 10_000
    assert 0.9 * estimate.requests <= len(scene.sandbox.requests) <= estimate.requests < 250
    assert estimate.seconds == pytest.approx(estimate.requests * 2, rel=0.05)


def test_phones_and_titles_are_lists_of_their_own_and_a_phone_alone_is_asked_for_alone(scene: Scene) -> None:
    """What is held is not paid for again."""
    told = [{"email": person(at), "title": "Head of Sales", "phone": "+15550100"} for at in range(6)]
    scene.open(people=told)
    enrich(scene, people(2), fields=["title"])
    out = enrich(scene, people(6), fields=["title", "phone"], provenance=True)
    assert out["enriched_phone"].tolist() == ["+15550100"] * 6
    assert out["enriched_credits"].tolist() == [10, 10, 11, 11, 11, 11]
    assert (sent(scene, "POST", "/enrichment/bulk"), sent(scene, "POST", "/enrichment/person")) == (2, 2)
    assert scene.sandbox.charged == 2 + 20 + 44


def test_many_go_by_list_and_few_one_by_one(scene: Scene) -> None:
    """Unless told otherwise; who wants the e-mail's status is asked about one by one."""
    scene.open()
    url = f"{scene.sandbox.url}/api/v2"
    many, few = people(60), people(20)
    by_size = {"service": "v2", "base_url": url, "ledger": None}
    assert cl.estimate_cost(many, FIELDS, **by_size).requests == 11
    assert cl.estimate_cost(few, FIELDS, **by_size).requests == 43
    assert cl.estimate_cost(many, [*FIELDS, "email_status"], **by_size).requests == 123
    assert cl.estimate_cost(many, FIELDS, **{**by_size, "service": "v2_people"}).requests == 123
    out = scene.enrich(many, **{**how(scene, service="v2")})
    assert sent(scene, "POST", "/enrichment/bulk") == 1
    assert statuses(out) == {"completed": 60}
    with pytest.raises(cl.ConfigurationError, match="v2_list does not offer email_status"):
        enrich(scene, many, fields=["email_status"])


@pytest.mark.parametrize("where", [*FREE, ORDER])
@pytest.mark.parametrize("status", [429, 503])
def test_an_orderly_refusal_is_sent_again_and_costs_nothing(scene: Scene, status: int, where: str) -> None:
    """Wherever in a run it comes."""
    scene.open(faults={where: [Fault(status=status, retry_after="0")] * 2})
    frame = scene.people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}
    assert scene.sandbox.charged == N


LOST = {
    "500": Fault(status=500),
    "reset after the body": Fault(reset="after_body"),
    "cut": Fault(truncate_at=20),
    "silence": Fault(silent=True),
    "html": Fault(status=200, body="<html>"),
}


@pytest.mark.parametrize("where", [IMPORT, QUOTE, STATUS, LEADS])
@pytest.mark.parametrize("name", LOST)
def test_what_is_free_is_asked_again(scene: Scene, name: str, where: str) -> None:
    """A list may be filed twice under one key, and a quote costs nothing."""
    scene.open(faults={where: [LOST[name]]})
    frame = scene.people(N)
    out = enrich(scene, frame, timeout_s=0.3)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}
    assert scene.sandbox.charged == N


CHARGED = {
    "500": (Fault(status=500, charge=True), True),
    "reset": (Fault(reset="after_charge"), True),
    "cut": (Fault(truncate_at=20), True),
    "no id": (Fault(delete=("workflow_id",)), True),
    "500 for nothing": (Fault(status=500), False),
    "reset before": (Fault(reset="after_body"), False),
}


@pytest.mark.parametrize("name", CHARGED)
def test_an_order_that_was_lost_is_never_charged_twice(scene: Scene, name: str) -> None:
    """With the same quote it is sent again: what was not taken is then, and what was taken is found by its list."""
    fault, _ = CHARGED[name]
    scene.open(faults={ORDER: [fault]})
    frame = scene.people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert scene.sandbox.charged == N
    assert statuses(out) == {"completed": len(frame)}
    again = enrich(scene, frame)
    scene.audit(frame, again, budget=N)
    assert statuses(again) == statuses(out)
    assert scene.sandbox.charged == N


def test_an_order_nobody_answers_is_in_doubt_and_not_bought_again(scene: Scene) -> None:
    """Three times, and then never."""
    scene.open(faults={ORDER: [Fault(silent=True)] * 9})
    frame = scene.people(N)
    out = enrich(scene, frame, timeout_s=0.2)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), sent(scene, "POST", "/enrichment/bulk")) == ({"in_doubt": len(frame)}, 3)
    assert out.attrs["cleanlist"]["credits_in_doubt"] == N


def test_a_quote_that_ran_out_is_asked_for_again(scene: Scene) -> None:
    """It is free, and the list is there."""
    refused = Fault(status=400, body={"error": {"code": "quote_expired", "problem": "too old", "retryable": False}})
    scene.open(faults={ORDER: [refused]})
    frame = scene.people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), sent(scene, "POST", "/credits/estimate")) == ({"completed": len(frame)}, 2)
    assert sent(scene, "POST", "csv-import") == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"estimated_cost": N + 1}, cl.CleanlistError),
        ({"sufficient": False}, cl.OutOfCreditsError),
    ],
)
def test_a_quote_that_is_too_high_orders_nothing(scene: Scene, body: dict[str, Any], error: type[Exception]) -> None:
    """Nothing is in doubt: nothing was ordered."""
    quote = {"quote_id": "q", "expires_at": 9, "estimated_cost": N, "sufficient": True, **body}
    scene.open(faults={QUOTE: [Fault(status=200, body=quote)]})
    frame = scene.people(N)
    with pytest.raises(error) as caught:
        enrich(scene, frame)
    scene.audit(frame, caught.value.partial, budget=0)  # type: ignore[attr-defined]
    assert sent(scene, "POST", "/enrichment/bulk") == 0
    out = enrich(scene, frame)
    assert statuses(out) == {"completed": len(frame)}


def test_whom_an_import_skips_is_asked_about_alone(scene: Scene) -> None:
    """Those it names, and where it names not all, everybody who has nothing but an address."""
    scene.open(terms=Terms(email_imports=False))
    frame = people(30)
    frame["first_name"] = [f"Jo{at}" if at % 3 else None for at in range(30)]
    frame["last_name"], frame["company"] = frame["first_name"], "Acme"
    out = enrich(scene, frame)
    assert statuses(out) == {"completed": 30}
    assert scene.sandbox.charged == out.attrs["cleanlist"]["credits"] == 30
    assert (sent(scene, "POST", "/enrichment/person"), sent(scene, "POST", "/enrichment/bulk")) == (10, 1)
    bare = people(40)[30:]
    assert statuses(enrich(scene, bare)) == {"completed": 10}
    assert sent(scene, "POST", "/enrichment/person") == 20


def test_a_short_budget_buys_the_first_and_uses_what_comes_back(scene: Scene) -> None:
    """Misses give their credits back, and others are asked for them."""
    scene.open(hit_rate=0.5)
    frame = people(40)
    with pytest.warns(cl.CleanlistWarning, match="max_credits=10"):
        out = enrich(scene, frame, max_credits=10)
    scene.audit(frame, out, budget=10)
    assert scene.sandbox.charged == 10
    assert statuses(out)["not_attempted"] == 40 - statuses(out)["completed"] - statuses(out)["not_found"]


def test_two_addresses_of_one_lead_and_charges_without_a_lead(scene: Scene) -> None:
    """What cannot be told apart is in the bill, and says so."""
    scene.open()
    frame = people(4)
    leads = [{"lead_id": "x", "email": person(at), "title": "CTO"} for at in range(3)]
    scene.sandbox.stop()
    scene.open(faults={LEADS: [Fault(status=200, body={"list_id": "l", "leads": leads, "cursor": None})]})
    out = enrich(scene, frame, provenance=True)
    assert scene.sandbox.charged == int(out["enriched_credits"].sum()) == 4
    assert statuses(out) == {"completed": 3, "failed": 1}
    assert "charged with its list" in out["enriched_reason"].iloc[3]


class Killer:
    """A script of faults that kills a process when the n-th request of a kind arrives."""

    def __init__(self, route: str, at: int = 0, sign: int = signal.SIGKILL) -> None:
        self.route, self.at, self.seen, self.sign = route, at, 0, sign
        self.pid: int | None = None

    def __call__(self, number: int, who: str | None, attempt: int) -> Fault | None:
        if self.pid is not None and who == self.route:
            self.seen += 1
            if self.seen == self.at + 1:
                os.kill(self.pid, self.sign)
                self.pid = None
        return None


RUN = """
people = pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(int(sys.argv[1]))]})
try:
    cl.enrich(people, **{**how, **json.loads(sys.argv[2])})
except cl.RunInterrupted as error:
    print(json.dumps(error.report.summary()))
"""


def ended(scene: Scene, killer: Killer, n: int, **more: Any) -> Any:
    """Run n people in a process of their own until it is killed or interrupted."""
    child = scene.start(RUN, str(n), json.dumps(how(scene, **more)))
    killer.pid = child.pid
    out, err = child.communicate(timeout=LONG_S)
    assert (child.returncode, err) == (-signal.SIGKILL if killer.sign == signal.SIGKILL else 0, "")
    return out


@pytest.mark.parametrize("route", [IMPORT, QUOTE, ORDER, STATUS, LEADS])
def test_killed_anywhere_a_second_run_loses_and_buys_nothing(scene: Scene, route: str) -> None:
    """Between import and order nothing is in doubt; once the order was taken, it is told or found by its list."""
    killer = Killer(route)
    scene.open(faults=killer)
    ended(scene, killer, N)
    frame = people(N)
    scene.audit(frame, None, budget=N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": N}
    assert scene.sandbox.charged == N
    assert sent(scene, "POST", "/enrichment/bulk") == 1


def test_resumed_on_another_day_the_list_is_asked_first(scene: Scene) -> None:
    """And by a run of v2 that would ask one by one."""
    killer, clock = Killer(STATUS, 0, signal.SIGINT), Clock()
    scene.open(faults=killer, terms=Terms(workflow_s=3600.0), clock=clock)
    told = json.loads(ended(scene, killer, N))
    assert told["credits_in_doubt"] == N
    clock.advance(2 * 86_400)
    frame = people(N)
    part = enrich(scene, frame[:4], service="v2")  # of those it asks for, and the rest is still to be told
    assert statuses(part) == {"completed": 4}
    out = enrich(scene, frame, service="v2")
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": N}
    assert scene.sandbox.charged == scene.sql("SELECT sum(credits) FROM outcomes")[0][0] == N
    assert (sent(scene, "POST", "/enrichment/person"), sent(scene, "POST", "/enrichment/bulk")) == (0, 1)


def test_past_the_deadline_it_is_in_doubt_and_the_next_run_asks_first(scene: Scene) -> None:
    """Nobody is bought again meanwhile."""
    scene.open(terms=Terms(workflow_polls=5))
    frame = scene.people(N)
    out = enrich(scene, frame, job_timeout_s=0.001)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"in_doubt": len(frame)}
    out = enrich(scene, frame)
    assert statuses(out) == {"completed": len(frame)}
    assert sent(scene, "POST", "/enrichment/bulk") == 1


def test_a_workflow_that_failed_is_told(scene: Scene) -> None:
    """With its credits, and a refund that is looked into."""
    scene.open(faults={ORDER: [Fault(ends="failed", credits=N)]})
    frame = people(N)
    out = enrich(scene, frame, provenance=True)
    assert int(out["enriched_credits"].sum()) == scene.sandbox.charged == N
    assert statuses(out).keys() <= {"completed", "failed"}


def test_somebody_who_is_erased_while_the_list_is_worked_on_is_not_in_the_frame(scene: Scene) -> None:
    """What they cost is in the run's books; nothing of them is kept."""
    erased = []

    def erase(number: int, who: str | None, attempt: int) -> None:
        if who == STATUS and not erased:
            with cl.Ledger(scene.ledger) as ledger:
                erased.append(ledger.erase(person(3)))

    scene.open(faults=erase)
    out = enrich(scene, people(N), provenance=True)
    assert statuses(out) == {"completed": N - 1, "skipped": 1}
    assert pd.isna(out["enriched_company"].iloc[3])
    assert out.attrs["cleanlist"]["credits"] == scene.sandbox.charged == N
    assert scene.sql("SELECT count(*) FROM lookups WHERE address = ?", person(3)) == [(0,)]


def test_somebody_who_was_erased_is_not_ordered(scene: Scene) -> None:
    """Another process erases them after the plan was made; the list is made anew without them."""
    erased = []

    def erase(number: int, who: str | None, attempt: int) -> None:
        if who == QUOTE and not erased:
            with cl.Ledger(scene.ledger) as ledger:
                erased.append(ledger.erase(person(3)))

    scene.open(faults=erase)
    frame = people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N - 1)
    assert statuses(out) == {"completed": N - 1, "skipped": 1}
    assert person(3) not in {charge.email for charge in scene.sandbox.charges}
    assert sent(scene, "POST", "csv-import") == 2


@pytest.mark.parametrize("where", [STATUS, LEADS])
def test_answers_about_lists_count_as_answers(scene: Scene, where: str) -> None:
    """A run that was answered all the time is not given up at its first 429, however long it goes on."""
    scene.open(latency_s=0.15, faults={where: [Fault(status=429, retry_after="0")]})
    frame = people(N)
    out = enrich(scene, frame, max_wait_s=0.7)  # eight answers come first, in 1.2 s
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": N}


def test_whom_another_run_gives_up_is_filed_under_a_key_of_its_own(scene: Scene) -> None:
    """An import under a key that was used is not done, only answered again: the new list would stay empty."""
    with cl.Ledger(scene.ledger) as other:
        who = Run(id="other", world="local", service="v2_list")
        taken: list[Any] = []

        def be_first_and_give_up(number: int, asked: str | None, attempt: int) -> None:
            if asked == QUOTE and not taken:
                taken.extend(other.record(who, [Intent(address=person(0), fields=("title",), price=1)], []))
            if asked == LEADS and len(taken) == 1:
                taken.append(other.settle([Outcome(lookup=taken[0], status=RELEASED)]))

        scene.open(faults=be_first_and_give_up)
        frame = people(N)
        with other.start(who):
            out = enrich(scene, frame, concurrency=1)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": N}
    assert (sent(scene, "POST", "csv-import"), sent(scene, "POST", "/enrichment/bulk")) == (3, 2)
