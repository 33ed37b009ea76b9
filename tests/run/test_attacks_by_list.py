"""Ways to lose money, answers or somebody's trust in runs by list that a hostile reader tried; each failed once."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.calls import run_enrich
from cleanlist_pandas.case import prepare
from cleanlist_pandas.purchase import buy, new_run
from cleanlist_pandas.quote import order_of
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.records import RELEASED, Intent, Outcome, Run
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.sandbox import Fault, Terms
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Halt, Lookup, Request, Talk
from cleanlist_pandas.services.v2_list import V2List

Scene: Any = Any
N = 9
IMPORT = "POST /api/v2/lead-lists/{id}/csv-import"
QUOTE = "POST /api/v2/credits/estimate"
ORDER = "POST /api/v2/enrichment/bulk"
STATUS = "GET /api/v2/enrichment/status/{id}"
LEADS = "GET /api/v2/lead-lists/{id}/leads"


def person(at: int) -> str:
    return f"person{at}@acme.example"


def people(n: int = N) -> pd.DataFrame:
    return pd.DataFrame({"Email": [person(at) for at in range(n)]})


def how(scene: Scene, **more: Any) -> dict[str, Any]:
    base = {"base_url": f"{scene.sandbox.url}/api/v2", "service": "v2_list", "poll_s": 0.01, "fields": ["title"]}
    told: dict[str, Any] = scene.how(**{**base, **more})
    return told


def sent(scene: Scene, method: str, part: str) -> int:
    return sum(one.method == method and part in one.path for one in scene.sandbox.requests)


# --- stopped ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("where", [IMPORT, QUOTE, ORDER, STATUS, LEADS, person(0)])
def test_nothing_stays_set_aside_wherever_a_run_is_stopped(scene: Scene, where: str, times: int) -> None:
    """Also of those whom the list did not take: who goes on may spend what is left, and buys nobody twice."""
    stop, pressed = Stop(), []

    def press(number: int, who: str | None, attempt: int) -> Fault | None:
        if who != where or pressed:
            return None
        pressed.extend(stop.press() for _ in range(times))
        return Fault(delay_s=0.5)

    scene.open(faults=press, terms=Terms(email_imports=False))
    frame = people(12)
    for name in ("first_name", "last_name", "company"):
        frame[name] = ["Jo" if at % 3 else None for at in range(12)]
    options = how(scene, concurrency=1, max_credits=12)
    fields = options.pop("fields")
    done = run_enrich(frame, fields, options, stop)
    assert done.result is not None
    assert done.result.budget.reserved == 0
    scene.audit(frame, done.frame, budget=12)
    out = run_enrich(frame, fields, options, Stop(), before=done)
    scene.audit(frame, out.frame, budget=12)
    doubted = int(where == person(0) and times == 2)
    assert (out.frame["enriched_status"] == "in_doubt").sum() == doubted
    assert (out.frame["enriched_status"] == "completed").sum() == 12 - doubted


class Pressed(V2List):
    """Stops the run at once just before everybody's intent, or their job, is handed to the ledger."""

    def __init__(self, stop: Stop, moment: str) -> None:
        self.stop, self.moment = stop, moment

    def _press(self, moment: str) -> None:
        if moment == self.moment and not self.stop.hard:
            self.stop.press()
            self.stop.press()

    def order(self, lookups: Sequence[Lookup], list_id: str) -> Talk[Request | Halt]:
        asked = yield from super().order(lookups, list_id)
        self._press("intents")
        return asked

    def read_order(self, reply: Reply | None, list_id: str, n_people: int) -> Sequence[str]:
        if reply is not None:
            self._press("jobs")
        return super().read_order(reply, list_id, n_people)


@pytest.mark.parametrize("moment", ["intents", "jobs"])
def test_stopped_between_two_turns_of_the_loop_nothing_is_forgotten(scene: Scene, moment: str) -> None:
    """What was to be written for each of a batch had not begun: neither what is set aside nor the token is lost."""
    scene.open()
    frame, stop = people(), Stop()
    options = how(scene)
    del options["fields"]
    with prepare(frame, ["title"], options, create=True) as case:
        case, budget = replace(case, service=Pressed(stop, moment)), Budget(N)
        result = buy(case, order_of(case), new_run(case), budget, stop)
    assert result is not None
    assert (budget.reserved, budget.settled, budget.in_doubt) == (0, 0, N if moment == "jobs" else 0)
    assert scene.sql("SELECT count(*) FROM jobs") == [(budget.in_doubt,)]
    out = cl.enrich(frame, **how(scene))
    scene.audit(frame, out, budget=N)
    assert set(out["enriched_status"]) == {"completed"}


# --- erased ----------------------------------------------------------------------------------------------------------

EXPIRED = {"error": {"code": "quote_expired", "problem": "too old", "retryable": False}}
LATER = {
    "it is throttled": Fault(status=429, retry_after="0"),
    "its quote ran out": Fault(status=400, body=EXPIRED),
}


@pytest.mark.parametrize("name", LATER)
def test_who_is_erased_while_an_order_waits_is_not_ordered(scene: Scene, name: str) -> None:
    """The intents are on disk by then; the others are filed anew."""
    erased: list[int] = []

    def erase(number: int, who: str | None, attempt: int) -> Fault | None:
        if who != ORDER or erased:
            return None
        with cl.Ledger(scene.ledger) as ledger:
            erased.append(ledger.erase(person(3)))
        return LATER[name]

    scene.open(faults=erase)
    frame = people()
    out = cl.enrich(frame, **how(scene))
    scene.audit(frame, out, budget=N - 1)
    assert out["enriched_status"].tolist() == ["skipped" if at == 3 else "completed" for at in range(N)]
    assert person(3) not in {charge.email for charge in scene.sandbox.charges}
    assert (out.attrs["cleanlist"]["credits"], sent(scene, "POST", "csv-import")) == (N - 1, 2)


def test_who_is_erased_after_an_order_was_lost_is_not_sent_again(scene: Scene) -> None:
    """Whether it was taken nobody knows, so all are in doubt."""
    erased: list[int] = []

    def erase(number: int, who: str | None, attempt: int) -> Fault | None:
        if who != ORDER or erased:
            return None
        with cl.Ledger(scene.ledger) as ledger:
            erased.append(ledger.erase(person(3)))
        return Fault(status=500)

    scene.open(faults=erase)
    out = cl.enrich(people(), **how(scene))
    assert (set(out["enriched_status"]), scene.sandbox.charged) == ({"in_doubt"}, 0)
    assert (out.attrs["cleanlist"]["credits_in_doubt"], sent(scene, "POST", "/enrichment/bulk")) == (N, 1)


def test_where_all_are_taken_no_empty_list_is_filed(scene: Scene) -> None:
    """Others took them first and gave them up; who is free again is asked about."""
    with cl.Ledger(scene.ledger) as other:
        who = Run(id="other", world="local", service="v2_list")

        def be_first_and_give_up(number: int, asked: str | None, attempt: int) -> None:
            if asked == QUOTE and not who.written:
                wanted = [Intent(address=person(at), fields=("title",), price=1) for at in range(N)]
                taken = other.record(who, wanted, [])
                other.settle([Outcome(lookup=one, status=RELEASED) for one in taken if isinstance(one, int)])

        scene.open(faults=be_first_and_give_up)
        frame = people()
        with other.start(who):
            out = cl.enrich(frame, **how(scene))
    scene.audit(frame, out, budget=N)
    assert set(out["enriched_status"]) == {"completed"}
    assert sent(scene, "POST", "csv-import") == 2
    assert sent(scene, "DELETE", "/lead-lists/") == 3  # the run's own, and these two


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", ["ll 1/2", "ll%201", "list a b 3"])
@pytest.mark.parametrize("told", ["w1", "w 1/2", "w%201"])
def test_an_order_that_was_taken_is_never_released_whatever_its_ids_look_like(
    scene: Scene, made: str, told: str
) -> None:
    """It may have been charged: it is in doubt, can be asked about, and is not sent again."""
    answers = {
        "POST /api/v2/lead-lists": {"list_id": made},
        IMPORT: {"rows_skipped": 0},
        QUOTE: {"estimated_cost": N, "quote_id": "q", "sufficient": True},
        ORDER: {"workflow_id": told},
        STATUS: {"workflow_id": told, "status": "running"},
    }

    def answer(number: int, who: str | None, attempt: int) -> Fault | None:
        return Fault(status=200, body=answers[who]) if who in answers else None

    scene.open(faults=answer)
    for _ in range(2):
        out = cl.enrich(people(), **how(scene, job_timeout_s=0.001))
        assert set(out["enriched_status"]) == {"in_doubt"}
    assert sent(scene, "POST", "/enrichment/bulk") == 1
    assert sent(scene, "GET", f"/enrichment/status/{quote(told, safe='')}") == 2


def page(*leads: dict[str, Any], cursor: str | None = None) -> Fault:
    return Fault(status=200, body={"list_id": "l", "leads": list(leads), "cursor": cursor})


@pytest.mark.parametrize(("n", "pages"), [(2, 3), (60, 50)])
def test_pages_without_an_end_tell_nobody_was_not_found(scene: Scene, n: int, pages: int) -> None:
    """What was paid for is fetched by whoever asks next; a cursor comes again, or always another one."""
    loop = [page({"email": person(0), "title": "CTO"}, cursor=f"c{at % n}") for at in range(pages)]
    scene.open(faults={LEADS: loop})
    frame = people(3)
    out = cl.enrich(frame, **how(scene, job_timeout_s=0.001))
    scene.audit(frame, out, budget=3)
    assert set(out["enriched_status"]) == {"in_doubt"}
    out = cl.enrich(frame, **how(scene))
    assert set(out["enriched_status"]) == {"completed"}
    assert scene.sandbox.charged == 3


@pytest.mark.parametrize("odd", ["1e400", "[" * 900 + "]" * 900, "9" * 4_200, '"\\ud800"', "true"])
def test_an_odd_value_in_a_lead_costs_nothing_that_was_paid_for(scene: Scene, odd: str) -> None:
    """Neither the other values nor the run."""
    lead = f'{{"lead_id": "x", "email": "{person(0)}", "title": "CTO", "odd": {odd}}}'
    scene.open(faults={LEADS: [Fault(status=200, body=f'{{"leads": [{lead}], "cursor": null}}')]})
    for _ in range(2):
        out = cl.enrich(people(1), **how(scene))
        assert out["enriched_title"].tolist() == ["CTO"]


def test_a_profile_tells_whose_a_lead_is_also_for_the_run_that_collects(scene: Scene) -> None:
    """A new address and an old profile: paid for by a run that did not wait."""
    url = "https://linkedin.com/in/jo"
    told = page({"email": "jo@new.example", "linkedin_url": url, "title": "CTO"})
    scene.open(faults={LEADS: [told]}, terms=Terms(workflow_polls=5))
    frame = people(1).assign(linkedin_url=url)
    out = cl.enrich(frame, **how(scene, job_timeout_s=0.001))
    assert out["enriched_status"].tolist() == ["in_doubt"]
    out = cl.enrich(frame, **how(scene))
    assert (out["enriched_status"].tolist(), out["enriched_title"].tolist()) == (["completed"], ["CTO"])


def test_who_was_found_stays_found_whatever_is_asked_for_later(scene: Scene) -> None:
    """A phone without an address was paid for as a phone."""
    url = "https://linkedin.com/in/jo"
    scene.open(faults={LEADS: [page({"email": None, "linkedin_url": url, "phone": "+15550100"})]})
    frame = people(1).assign(linkedin_url=url)
    for fields in (["title", "phone"], ["title"]):
        out = cl.enrich(frame, **how(scene, fields=fields))
        assert out["enriched_status"].tolist() == ["completed"]


# --- refused, and companies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", ["icp_score", "industry"])
def test_a_refusal_of_today_stands_where_more_is_wanted_than_is_offered(scene: Scene, more: str) -> None:
    """Nobody asks for the score, and a company can still tell the industry."""
    scene.open(faults={person(0): [Fault(status=422, body={"detail": "no"})]})
    frame = people(2)
    first = cl.enrich(frame, **how(scene, service="v2", fields=["title", more]))
    n_asked = len(scene.sandbox.requests)
    again = cl.enrich(frame, **how(scene, service="v2", fields=["title", more]))
    pd.testing.assert_frame_equal(again, first)
    assert len(scene.sandbox.requests) == n_asked
    assert sent(scene, "POST", "/enrichment/company") == (more == "industry")
    cl.enrich(frame, **how(scene, service="v2", fields=["title", more, "linkedin"]))
    assert sent(scene, "POST", "/enrichment/person") == 4


@pytest.mark.parametrize("service", ["v2_list", "v2_people"])
def test_who_is_erased_while_people_are_asked_about_wants_no_company(scene: Scene, service: str) -> None:
    """Only a company that others want too is asked about."""
    erased: list[int] = []

    def erase(number: int, who: str | None, attempt: int) -> None:
        if who == STATUS and not erased:
            with cl.Ledger(scene.ledger) as ledger:
                erased.extend(ledger.erase(address) for address in ("jo@firm1.example", "jo@firm2.example"))

    scene.open(faults=erase)
    frame = pd.DataFrame({"Email": [*(f"jo@firm{at}.example" for at in range(3)), "kim@firm2.example"]})
    cl.enrich(frame, **how(scene, service=service, fields=["title", "size"]))
    asked = [str(one.body) for one in scene.sandbox.requests if one.path.endswith("/enrichment/company")]
    assert [any(f"firm{at}.example" in body for body in asked) for at in range(3)] == [True, False, True]


def test_a_row_of_a_list_is_one_line_of_its_file(scene: Scene) -> None:
    """Skipped rows are told by number: were it of lines, another person would be asked about twice."""
    scene.open()
    frame = people(3).assign(
        first_name=["Jo\nX", "Jo\u2028X", " Jo"], last_name="a\r\nb", company=["x\x0by", None, 'q"z']
    )
    out = cl.enrich(frame, **how(scene))
    assert set(out["enriched_status"]) == {"completed"}
    [body] = [one.body for one in scene.sandbox.requests if one.path.endswith("/csv-import")]
    assert len(base64.b64decode(body["csv_content_base64"]).decode().splitlines()) == 1 + 3
