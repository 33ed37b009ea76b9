"""People by 250 on legacy v1, over real sockets: sent once, told by a workflow; the books agree whatever goes wrong."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault, Terms

Scene: Any = Any
N = 9
FIELDS = ["company", "industry"]
BULK = "POST /api/v1/public/enrich/bulk"
STATUS = "GET /api/v1/public/enrich/status"


def how(scene: Scene, **more: Any) -> dict[str, Any]:
    where = {"base_url": f"{scene.sandbox.url}/api/v1/public", "service": "legacy_v1"}
    return {**where, "poll_s": 0.01, "fields": FIELDS, **more}


def enrich(scene: Scene, frame: pd.DataFrame, **more: Any) -> pd.DataFrame:
    out: pd.DataFrame = scene.enrich(frame, **how(scene, **more))
    return out


def people(n: int) -> pd.DataFrame:
    emails = [f"person{at}@acme.example" for at in range(n)]
    return pd.DataFrame({"Email": emails, "First name": [f"Jo{at}" for at in range(n)], "Last name": "Do"})


def statuses(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame["enriched_status"].value_counts()
    return {str(name): int(n) for name, n in counts.items() if n}


def orders(scene: Scene) -> int:
    return sum(one.path.endswith("/enrich/bulk") for one in scene.sandbox.requests)


def test_the_same_answers_and_bill_as_on_csv_row(scene: Scene) -> None:
    """Six hundred people are three requests, and what became of them three more."""
    scene.open(hit_rate=0.6)
    frame = people(600)
    estimate = cl.estimate_cost(frame, ledger=None, **{n: how(scene)[n] for n in ("base_url", "service", "fields")})
    out = enrich(scene, frame, provenance=True)
    charged = scene.sandbox.charged
    scene.audit(frame, out, budget=estimate.at_most)
    assert int(out["enriched_credits"].sum()) == charged == statuses(out)["completed"]
    assert (orders(scene), len(scene.sandbox.requests)) == (3, 7)
    assert estimate.requests == 7
    other = scene.enrich(frame, ledger=None, fields=FIELDS)
    pd.testing.assert_frame_equal(out[other.columns], other)
    again = enrich(scene, frame)
    assert again.attrs["cleanlist"]["requests"] == 0
    pd.testing.assert_frame_equal(again, other)


def test_who_cannot_be_named_is_told_before_and_not_sent(scene: Scene) -> None:
    """An address alone is refused here, and free mail is no company."""
    scene.open()
    frame = people(4)
    frame["Email"] = ["jo@gmail.com", *frame["Email"][1:]]
    frame.loc[1, "Last name"] = None
    options = {name: how(scene)[name] for name in ("base_url", "service", "fields")}
    estimate = cl.estimate_cost(frame, ledger=None, **options)
    assert (estimate.at_most, estimate.skipped) == (2, {"unnamed": 2})
    assert "legacy_v1 needs" in str(estimate)
    out = enrich(scene, frame, provenance=True)
    assert out["enriched_status"].tolist() == ["skipped", "skipped", "completed", "completed"]
    assert out["enriched_reason"].str.startswith("legacy_v1 needs").tolist()[:2] == [True, True]
    assert scene.sandbox.charged == 2


LOST = {
    "500": (Fault(status=500), 0),
    "500 charged": (Fault(status=500, charge=True), N),
    "reset": (Fault(reset="after_charge"), N),
    "cut": (Fault(truncate_at=20), N),
    "html": (Fault(status=200, body="<html>"), 0),
    "no id": (Fault(delete=("workflow_id",)), N),
}


@pytest.mark.parametrize("name", LOST)
def test_an_order_that_was_lost_is_in_doubt_and_never_sent_again(scene: Scene, name: str) -> None:
    """No quote and no key make it good for one time."""
    fault, charged = LOST[name]
    scene.open(faults={BULK: [fault]})
    frame = people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), orders(scene), scene.sandbox.charged) == ({"in_doubt": N}, 1, charged)
    again = enrich(scene, frame)
    assert (statuses(again), orders(scene)) == ({"in_doubt": N}, 1)


@pytest.mark.parametrize("route", [BULK, STATUS])
@pytest.mark.parametrize("status", [429, 503])
def test_an_orderly_refusal_is_sent_again_and_costs_nothing(scene: Scene, status: int, route: str) -> None:
    """Wherever in a run it comes."""
    scene.open(faults={route: [Fault(status=status, retry_after="0")] * 2})
    frame = people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), scene.sandbox.charged) == ({"completed": N}, N)


def test_a_contact_that_is_refused_costs_the_others_nothing(scene: Scene) -> None:
    """They are sent again without it; it is failed, for nothing."""
    wrong = [{"type": "value_error", "loc": ["body", "contacts", 2], "msg": "no such person"}]
    scene.open(faults={BULK: [Fault(status=422, body={"detail": wrong})]})
    out = enrich(scene, people(N), provenance=True)
    assert out["enriched_status"].tolist() == ["completed"] * 2 + ["failed"] + ["completed"] * (N - 3)
    assert "no such person" in out["enriched_reason"].iloc[2]
    assert (orders(scene), scene.sandbox.charged) == (2, N - 1)


def test_the_others_are_not_sent_again_where_the_refusal_cannot_be_written(scene: Scene) -> None:
    """Their intents are on disk; their answers would not be."""
    wrong = [{"type": "value_error", "loc": ["body", "contacts", 2], "msg": "no such person"}]
    asked: list[int] = []

    def break_the_ledger(number: int, who: str | None, attempt: int) -> Fault | None:
        if who != BULK or asked:
            return None
        asked.append(number)
        scene.sql("CREATE TRIGGER full BEFORE INSERT ON outcomes BEGIN SELECT RAISE(ABORT, 'full'); END")
        return Fault(status=422, body={"detail": wrong})

    scene.open(faults=break_the_ledger)
    with pytest.raises(cl.LedgerStoppedError) as caught:
        enrich(scene, people(N))
    assert (orders(scene), scene.sandbox.charged) == (1, 0)
    scene.sql("DROP TRIGGER full")
    assert statuses(caught.value.resume()) == {"completed": N - 1, "failed": 1}


@pytest.mark.parametrize("body", [{"detail": "no"}, {"detail": [{"loc": ["body", "enrichment_type"], "msg": "no"}]}])
@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_that_names_nobody_is_asked_for_once(scene: Scene, status: int, body: Any) -> None:
    """The same again would be refused again; nobody is in doubt."""
    scene.open(faults={BULK: [Fault(status=status, body=body)]})
    with pytest.raises(cl.ServiceError, match=f"cannot be ordered together: HTTP {status} no") as caught:
        enrich(scene, people(N))
    scene.audit(people(N), caught.value.partial, budget=0)
    assert (orders(scene), statuses(caught.value.partial)) == (1, {"not_attempted": N})
    assert statuses(caught.value.resume()) == {"completed": N}


def test_an_empty_account_stops_the_run(scene: Scene) -> None:
    """Its balance may have fractions."""
    scene.open(credits=0)
    with pytest.raises(cl.OutOfCreditsError):
        enrich(scene, people(N))
    assert orders(scene) == 0


class Killer:
    """A script of faults that kills a process when a request of a kind arrives."""

    def __init__(self, route: str) -> None:
        self.route = route
        self.pid: int | None = None

    def __call__(self, number: int, who: str | None, attempt: int) -> Fault | None:
        if self.pid is not None and who == self.route:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None
        return None


RUN = """
people = pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(9)], "First name": "Jo", "Last name": "Do"})
cl.enrich(people, **{**how, **json.loads(sys.argv[1])})
"""


@pytest.mark.parametrize("route", [BULK, STATUS])
def test_killed_between_order_and_read_a_second_run_loses_and_buys_nothing(scene: Scene, route: str) -> None:
    """Once it was taken, its tokens are on disk; until then all of it is in doubt."""
    killer = Killer(route)
    scene.open(faults=killer, terms=Terms(workflow_polls=1))
    child = scene.start(RUN, json.dumps(how(scene)))
    killer.pid = child.pid
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    frame = people(N)
    scene.audit(frame, None, budget=N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"in_doubt" if route == BULK else "completed": N}
    assert orders(scene) == 1
    assert scene.sandbox.charged == (N if route == STATUS else 0)  # it is charged when somebody asks for the end
