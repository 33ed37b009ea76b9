"""Signals, kills and rivals: whole processes, and what is left of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

Scene: Any = Any
LONG_S = 60.0  # no test waits for it; a test that hangs shall fail one day

RUN = """
people = pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(int(sys.argv[1]))]})
how.update(json.loads(sys.argv[2]))
try:
    out = cl.enrich(people, **how)
    told = {"error": None}
except cl.RunStoppedError as error:
    out = error.partial
    told = {"error": type(error).__name__, "interrupt": isinstance(error, KeyboardInterrupt), "text": str(error)}
told["statuses"] = out["enriched_status"].astype(str).tolist()
told["summary"] = out.attrs["cleanlist"]
print(json.dumps(told))
"""


def frame(n: int) -> pd.DataFrame:
    return pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(n)]})


def start(scene: Scene, n: int, **how: Any) -> subprocess.Popen[str]:
    process: subprocess.Popen[str] = scene.start(RUN, str(n), json.dumps(how))
    return process


def told_by(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=LONG_S)
    assert process.returncode == 0, err
    assert err == ""
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told


class Signaller:
    """A script of faults that sends signals to a process when its n-th request arrives."""

    def __init__(self, at: int, *signals: int, fault: Fault | None = None) -> None:
        self.at, self.signals, self.fault = at, signals, fault
        self.pid: int | None = None

    def __call__(self, number: int, email: str | None, attempt: int) -> Fault | None:
        if number == self.at and self.pid is not None:
            for each in self.signals:
                os.kill(self.pid, each)
        return self.fault if number >= self.at else None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [0, 7])
def test_one_interrupt_lets_answers_land_and_hands_the_frame_back(scene: Scene, at: int, number: int) -> None:
    """Nothing more is sent, what is in flight is recorded, nobody is in doubt; the next run goes on from there."""
    gate = Signaller(at, number, fault=Fault(delay_s=0.2))
    scene.open(faults=gate)
    child = start(scene, 40)
    gate.pid = child.pid
    told = told_by(child)
    assert (told["error"], told["interrupt"]) == ("RunInterrupted", True)
    assert re.search("credits? w(as|ere) spent", told["text"])
    assert told["summary"]["credits"] == scene.sandbox.charged == len(scene.sandbox.requests)
    assert told["summary"]["credits_in_doubt"] == 0
    assert at + 1 <= len(scene.sandbox.requests) <= at + 8
    assert told["statuses"].count("completed") == scene.sandbox.charged
    gate.fault = None
    out = scene.enrich(frame(40))
    scene.audit(frame(40), out, budget=40)
    assert scene.sandbox.charged == 40


def test_a_second_interrupt_stops_at_once(scene: Scene) -> None:
    """Answers that never come are not waited for: they are in doubt, in the frame and on disk."""
    gate = Signaller(5, signal.SIGINT, signal.SIGTERM, fault=Fault(silent=True))  # two kinds: equal ones may merge
    scene.open(faults=gate)
    child = start(scene, 40, timeout_s=10 * LONG_S)
    gate.pid = child.pid
    told = told_by(child)
    assert told["error"] == "RunInterrupted"
    n_silent = len(scene.sandbox.requests) - scene.sandbox.charged
    assert told["summary"]["credits_in_doubt"] >= n_silent > 0
    assert told["statuses"].count("in_doubt") == told["summary"]["credits_in_doubt"]
    gate.fault = None
    out = scene.enrich(frame(40))
    scene.audit(frame(40), out, budget=40)
    assert out["enriched_status"].tolist().count("in_doubt") == told["summary"]["credits_in_doubt"]


@pytest.mark.parametrize("at", [0, 1, 6, 13])
def test_a_killed_run_is_never_paid_for_twice(scene: Scene, at: int) -> None:
    """Without idempotency: what was in flight stays in doubt, the rest is finished, each charge is in the ledger."""
    gate = Signaller(at, signal.SIGKILL, fault=Fault(delay_s=0.05))
    scene.open(faults=gate)
    child = start(scene, 14)
    gate.pid = child.pid
    child.communicate(timeout=LONG_S)
    assert child.returncode == -signal.SIGKILL
    scene.audit(frame(14), None)
    gate.pid, gate.fault = None, None
    asked = {request.email for request in scene.sandbox.requests if request.email}
    out = scene.enrich(frame(14))
    scene.audit(frame(14), out, budget=14)
    doubt = out.loc[out["enriched_status"] == "in_doubt", "Email"].tolist()
    assert doubt
    assert set(out["enriched_status"]) <= {"completed", "in_doubt"}
    with cl.Ledger(scene.ledger) as ledger:
        assert sorted(ledger.in_doubt()["address"]) == sorted(doubt)
    assert asked <= set(doubt) | {c.email for c in scene.sandbox.charges}
    assert not list(scene.folder.glob(".*lock"))


@pytest.mark.parametrize("at", [0, 6, 13])
def test_a_killed_run_that_is_told_to_retry_ends_as_an_undisturbed_one(scene: Scene, at: int) -> None:
    """With a service that knows idempotency keys: the same frame, and nobody charged twice."""
    undisturbed_folder = scene.folder / "undisturbed.sqlite3"
    gate = Signaller(at, signal.SIGKILL, fault=Fault(delay_s=0.05))
    scene.open(faults=gate, idempotency=True)
    child = start(scene, 14)
    gate.pid = child.pid
    child.communicate(timeout=LONG_S)
    gate.pid, gate.fault = None, None
    out = scene.enrich(frame(14), in_doubt="retry")
    scene.audit(frame(14), out, budget=14)
    assert scene.sandbox.charged == 14
    undisturbed = scene.enrich(frame(14), ledger=undisturbed_folder)
    pd.testing.assert_frame_equal(out, undisturbed)


@pytest.mark.parametrize("n_processes", [2, 4])
def test_processes_on_one_ledger_with_the_same_people_pay_once_for_each(scene: Scene, n_processes: int) -> None:
    """Whoever is slower waits for the other's answer; all end with the same frame."""
    scene.open(latency_s=0.02)
    children = [start(scene, 30) for _ in range(n_processes)]
    told = [told_by(child) for child in children]
    scene.audit(frame(30), None, budget=30)
    assert scene.sandbox.charged == 30
    assert sum(one["summary"]["credits"] for one in told) == 30
    assert [set(one["statuses"]) for one in told] == [{"completed"}] * n_processes


def test_whom_a_dead_rival_was_asking_about_is_in_doubt_and_not_bought(scene: Scene) -> None:
    """A run that waits for a process that dies does not wait for ever, and does not pay."""
    waiting = threading.Event()
    held: list[int] = []

    def silent_for_the_first(number: int, email: str | None, attempt: int) -> Fault | None:
        if number == 3:
            waiting.set()
        if number == 4:
            os.kill(held[0], signal.SIGKILL)
        return Fault(silent=True) if number < 4 else None

    scene.open(faults=silent_for_the_first)
    child = start(scene, 4, timeout_s=10 * LONG_S)
    held.append(child.pid)
    assert waiting.wait(LONG_S)
    out = scene.enrich(frame(8))
    scene.audit(frame(8), out, budget=8)
    assert out["enriched_status"].tolist() == ["in_doubt"] * 4 + ["completed"] * 4
    assert scene.sandbox.charged == 4


UNDER_ASYNCIO = """
import asyncio
people = pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(40)]})
async def main():
    try:
        cl.enrich(people, **how)
    except cl.RunInterrupted as error:
        print(json.dumps({"summary": error.report.summary()}))
        raise
try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
"""


def test_an_interrupt_is_heard_under_asyncio_run(scene: Scene) -> None:
    """There the first Ctrl-C is no signal to us: it asks the task to end that waits in `enrich`."""
    gate = Signaller(7, signal.SIGINT, fault=Fault(delay_s=0.2))
    scene.open(faults=gate)
    child = scene.start(UNDER_ASYNCIO)
    gate.pid = child.pid
    told = told_by(child)
    assert told["summary"]["credits"] == scene.sandbox.charged == len(scene.sandbox.requests) < 40
