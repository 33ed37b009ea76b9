"""People in CSV files, over real sockets: sent once, asked about, told; the books agree whatever goes wrong."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Clock, Fault, Terms

Scene: Any = Any
N = 9
LONG_S = 60.0  # no test waits for it
FIELDS = ["title", "company", "icp_score"]
FILE = "POST /v1/enrich/csv"
STATUS = "GET /v1/enrich/csv/{id}"
AT_ONCE: dict[str, Any] = {}
BY_JOB = {"csv_rows_at_once": 1, "workflow_polls": 1}


def how(**more: Any) -> dict[str, Any]:
    return {"service": "csv_upload", "poll_s": 0.01, "fields": FIELDS, **more}


def enrich(scene: Scene, frame: pd.DataFrame, **more: Any) -> pd.DataFrame:
    out: pd.DataFrame = scene.enrich(frame, **how(**more))
    return out


def people(n: int) -> pd.DataFrame:
    return pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(n)]})


def statuses(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame["enriched_status"].value_counts()
    return {str(name): int(n) for name, n in counts.items() if n}


def files(scene: Scene) -> int:
    return sum(one.method == "POST" for one in scene.sandbox.requests)


@pytest.mark.parametrize("terms", [AT_ONCE, BY_JOB, {**BY_JOB, "csv_credits": True}])
def test_the_same_answers_and_bill_as_on_csv_row(scene: Scene, terms: dict[str, Any]) -> None:
    scene.open(hit_rate=0.6, terms=Terms(**terms))
    frame = scene.people(40)
    out = enrich(scene, frame)
    charged = scene.sandbox.charged
    scene.audit(frame, out, budget=40)
    assert out.attrs["cleanlist"]["credits"] == charged
    assert (files(scene), len(scene.sandbox.requests)) == (1, 3 if terms else 1)
    assert statuses(out).keys() == {"completed", "not_found"}
    other = scene.enrich(frame, ledger=None, fields=FIELDS)
    pd.testing.assert_frame_equal(out, other)
    assert scene.sandbox.charged == 2 * charged
    again = enrich(scene, frame)
    pd.testing.assert_frame_equal(again, out)
    assert files(scene) == 1 + 40
    with cl.Ledger(scene.ledger) as ledger:
        assert ledger.audit().empty


def test_what_is_held_serves_csv_row_and_the_other_way_round(scene: Scene) -> None:
    scene.open()
    frame = people(N)
    enrich(scene, frame[:5])
    scene.enrich(frame, fields=FIELDS)
    assert files(scene) == 1 + N - 5
    out = enrich(scene, frame)
    assert (statuses(out), scene.sandbox.charged) == ({"completed": N}, N)


def test_who_lacks_other_fields_is_in_another_file(scene: Scene) -> None:
    scene.open()
    frame = people(N)
    frame["enriched_title"] = ["CTO"] * 4 + [None] * (N - 4)
    out = enrich(scene, frame, fields=["title", "phone"])
    scene.audit(frame[["Email"]], out, budget=11 * N)
    asked = sorted(json.loads(one.raw)["fields"] for one in scene.sandbox.requests)
    assert asked == [["phone"], ["title", "phone"]]


def test_a_short_budget_buys_the_first_and_uses_what_comes_back(scene: Scene) -> None:
    scene.open(hit_rate=0.5)
    frame = people(40)
    with pytest.warns(cl.CleanlistWarning, match="max_credits=10"):
        out = enrich(scene, frame, max_credits=10)
    scene.audit(frame, out, budget=10)
    assert scene.sandbox.charged == 10
    with cl.Ledger(scene.ledger) as ledger:
        assert ledger.audit().empty


LOST = {
    "500": (Fault(status=500, charge=True), N),
    "500 for nothing": (Fault(status=500), 0),
    "reset": (Fault(reset="after_charge"), N),
    "reset before": (Fault(reset="after_body"), 0),
    "cut": (Fault(truncate_at=20), N),
    "no answer": (Fault(body={"message": "thank you"}, charge=True), N),
    "half a file": (Fault(mutate={"csv": 'email,status\n"person'}), N),
}


@pytest.mark.parametrize(
    ("name", "terms"),
    [*((name, AT_ONCE) for name in LOST), *((name, BY_JOB) for name in LOST if name != "half a file")],
)
def test_a_file_that_was_lost_is_in_doubt_and_never_sent_again(scene: Scene, name: str, terms: dict[str, Any]) -> None:
    fault, charged = LOST[name]
    scene.open(faults={FILE: [fault]}, terms=Terms(**terms))
    frame = scene.people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), files(scene)) == ({"in_doubt": len(frame)}, 1)
    assert out.attrs["cleanlist"]["credits_in_doubt"] == N
    again = enrich(scene, frame)
    scene.audit(frame, again, budget=N)
    assert (statuses(again), files(scene)) == ({"in_doubt": len(frame)}, 1)
    assert scene.sandbox.totals().charged + scene.sandbox.totals().open == charged
    told = enrich(scene, frame, in_doubt="retry")
    assert (statuses(told), files(scene)) == ({"completed": len(frame)}, 2)


def test_a_file_that_did_not_leave_is_sent_again(scene: Scene) -> None:
    scene.open(faults={FILE: [Fault(status=503, retry_after="0"), Fault(status=429, retry_after="0")]})
    frame = scene.people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), files(scene), scene.sandbox.charged) == ({"completed": len(frame)}, 3, N)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=402), cl.OutOfCreditsError),
        (Fault(status=401), cl.AuthenticationError),
        (Fault(status=404), cl.ServiceError),
        (Fault(status=413), cl.ServiceError),
        (Fault(status=422, body={"detail": "no header"}), cl.ServiceError),
    ],
)
def test_a_file_that_is_refused_costs_nothing_and_nobody_is_in_doubt(
    scene: Scene, fault: Fault, error: type[cl.RunStoppedError]
) -> None:
    scene.open(faults={FILE: [fault] * 3})
    frame = scene.people(N)
    with pytest.raises(error) as caught:
        enrich(scene, frame)
    assert files(scene) == 1
    scene.audit(frame, caught.value.partial, budget=0)
    assert statuses(caught.value.partial) == {"not_attempted": len(frame)}
    scene.sandbox.stop()
    scene.open()
    out = enrich(scene, frame)
    assert statuses(out) == {"completed": len(frame)}


@pytest.mark.parametrize("terms", [AT_ONCE, BY_JOB])
@pytest.mark.parametrize(("ends", "charged"), [("failed", N), ("swept", 0)])
def test_a_file_that_failed_is_told_with_what_it_cost(
    scene: Scene, terms: dict[str, Any], ends: Any, charged: int
) -> None:
    scene.open(faults={FILE: [Fault(ends=ends)]}, terms=Terms(**terms))
    frame = people(N)
    out = enrich(scene, frame, provenance=True)
    assert statuses(out) == {"failed": N}
    assert int(out["enriched_credits"].sum()) == scene.sandbox.charged == charged


def test_a_file_that_cost_more_than_its_price_stops_the_run(scene: Scene) -> None:
    scene.open(faults={FILE: [Fault(credits=N + 5)]})
    frame = people(N)
    with pytest.raises(cl.TariffError):
        enrich(scene, frame)
    assert scene.sandbox.charged == scene.sql("SELECT sum(credits) FROM outcomes")[0][0] == N + 5
    with cl.Ledger(scene.ledger) as ledger:
        assert ledger.audit()["reason"].tolist() == ["charged above the price"]


def test_whom_no_row_is_about_costs_nothing_where_the_bill_says_so(scene: Scene) -> None:
    content = (
        "email,enriched_title,status\nperson1@acme.example,CTO,completed\n,CFO,completed\nx@y.example,COO,completed"
    )
    scene.open(faults={FILE: [Fault(mutate={"csv": content, "meta.credits_used": 1}, credits=1)]})
    frame = people(3)
    out = enrich(scene, frame, provenance=True)
    assert out["enriched_status"].tolist() == ["failed", "completed", "failed"]
    assert out["enriched_credits"].fillna(0).tolist() == [0, 1, 0]


class Killer:
    """A script of faults that signals a process when the n-th request of a kind arrives."""

    def __init__(self, route: str, sign: int = signal.SIGKILL, at: int = 0) -> None:
        self.route, self.sign, self.at, self.seen = route, sign, at, 0
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


def ended(scene: Scene, killer: Killer, n: int) -> str:
    """Run n people in a process of their own until it is killed or interrupted."""
    child = scene.start(RUN, str(n), json.dumps(how()))
    killer.pid = child.pid
    out, err = child.communicate(timeout=LONG_S)
    assert (child.returncode, err) == (-signal.SIGKILL if killer.sign == signal.SIGKILL else 0, "")
    return str(out)


@pytest.mark.parametrize(("route", "told"), [(FILE, "in_doubt"), (STATUS, "completed")])
def test_killed_anywhere_a_second_run_loses_and_buys_nothing(scene: Scene, route: str, told: str) -> None:
    """Once the file was taken, its token is on disk."""
    killer = Killer(route)
    scene.open(faults=killer, terms=Terms(**BY_JOB))
    ended(scene, killer, N)
    frame = people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), files(scene)) == ({told: N}, 1)


def test_resumed_on_another_day_the_file_is_asked_for_first(scene: Scene) -> None:
    """Also by a run of csv_row, and of some of its people."""
    killer, clock = Killer(STATUS, signal.SIGINT), Clock()
    scene.open(faults=killer, terms=Terms(csv_rows_at_once=1, workflow_s=3600.0), clock=clock)
    told = json.loads(ended(scene, killer, N))
    assert told["credits_in_doubt"] == N
    clock.advance(2 * 86_400)
    frame = people(N)
    part = scene.enrich(frame[2:5], fields=FIELDS)
    assert statuses(part) == {"completed": 3}
    with cl.Ledger(scene.ledger) as ledger:
        ledger.erase("person0@acme.example")
    out = enrich(scene, frame)
    assert statuses(out) == {"completed": N - 1, "skipped": 1}
    assert (files(scene), scene.sandbox.charged) == (1, N)


def test_past_the_deadline_it_is_in_doubt_and_the_next_run_asks_first(scene: Scene) -> None:
    scene.open(terms=Terms(csv_rows_at_once=1, workflow_polls=5))
    frame = scene.people(N)
    out = enrich(scene, frame, job_timeout_s=0.001)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"in_doubt": len(frame)}
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), files(scene)) == ({"completed": len(frame)}, 1)


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(truncate_at=9), Fault(mutate={"csv": '"'}), Fault(body={})])
def test_an_answer_about_a_job_that_was_lost_is_asked_for_again(scene: Scene, fault: Fault) -> None:
    scene.open(faults={STATUS: [fault]}, terms=Terms(csv_rows_at_once=1))
    frame = scene.people(N)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), len(scene.sandbox.requests)) == ({"completed": len(frame)}, 3)


def test_a_file_larger_than_any_other_answer_is_read(scene: Scene) -> None:
    """Some 3,000 rows are more than 1 MB."""
    scene.open()
    frame = people(6_000)
    out = enrich(scene, frame)
    scene.audit(frame, out, budget=6_000)
    assert (statuses(out), len(scene.sandbox.requests)) == ({"completed": 6_000}, 1)


def test_the_estimate_tells_the_requests_and_the_surface(scene: Scene) -> None:
    scene.open()
    estimate = cl.estimate_cost(people(N), ledger=None, fields=FIELDS, service="csv_upload")
    assert (estimate.requests, estimate.at_most, estimate.surface) == (1, N, "csv_upload")
