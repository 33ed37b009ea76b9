"""Budgets at their edges and changed between runs; clocks that jump."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from time_machine import travel

from cleanlist_pandas.sandbox import Fault

Stage: Any = Any
N = 4
EDGES = [
    (fields, price, limit)
    for fields, price in ((["title", "seniority"], 1), (["title", "seniority", "phone"], 11))
    for limit in range(0, N * price + price + 1, 1 if price == 1 else 5)
]
EDGES += [(["title", "seniority", "phone"], 11, edge) for edge in (21, 22, 23, 32, 33, 34, 43, 44)]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_budget_is_used_up_and_never_passed(stage: Stage, concurrency: int) -> None:
    """Exactly, off by one, 0, or more than enough: it buys as many as it can pay, the second run the rest."""
    for fields, price, limit in EDGES:
        stage.open()
        frame = stage.people(N)
        rans = [stage.run(frame, fields=fields, max_credits=limit, concurrency=concurrency)]
        wrong = stage.audit(frame, rans, ceiling=limit)
        if stage.sandbox.charged != min(N, limit // price) * price:
            wrong.append(f"B: {stage.sandbox.charged} of {limit} spent")
        if bool(rans[0].warned) != (limit < N * price):
            wrong.append(f"E: warned {rans[0].warned}")
        wrong += stage.again(frame, rans, fields=fields) + stage.audit(frame, rans)
        stage.sandbox.stop()
        stage.figures.add("budget at its edges", 1, wrong)
        assert not wrong, (fields, limit, wrong)


@pytest.mark.parametrize(
    "limits", [(0, 1, 2), (1, 1, 1, 1), (2, 0, 9), (3, 1), (1, 9, 0), (0, 0, 0), (4, 4), (2, 1, 0, 1)]
)
@pytest.mark.parametrize(
    "fault",
    [None, Fault(reset="after_charge"), Fault(status=500), Fault(status=422)],
    ids=["none", "charged reset", "500", "422"],
)
def test_a_budget_that_changes_between_runs(stage: Stage, limits: tuple[int, ...], fault: Fault | None) -> None:
    """Each run spends at most its own; what is in doubt of an earlier one is not paid from a later one."""
    stage.open()
    frame = stage.people(N)
    stage.plans = {stage.who(frame)[1]: fault}
    rans: list[Any] = []
    wrong: list[str] = []
    for limit in limits:
        before = stage.sandbox.charged
        rans.append(stage.run(frame, max_credits=limit, concurrency=2))
        if stage.sandbox.charged - before > limit:
            wrong.append(f"B: {stage.sandbox.charged - before} of {limit}")
        wrong += stage.audit(frame, rans, ceiling=sum(limits))
    wrong += stage.again(frame, rans) + stage.audit(frame, rans)
    stage.figures.add("budget changed between runs", 1, wrong)
    assert not wrong


@pytest.mark.parametrize("credits", [0, 1, 2, 3])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_an_account_that_runs_dry_stops_resumably(stage: Stage, credits: int, concurrency: int) -> None:
    """The service's own refusal, not a scripted one; topping it up is somebody else's job."""
    stage.open(credits=credits)
    frame = stage.people(N)
    rans = [stage.run(frame, concurrency=concurrency)]
    wrong = stage.audit(frame, rans)
    if type(rans[0].error).__name__ != "OutOfCreditsError" or stage.sandbox.charged != credits:
        wrong.append(f"{rans[0].error!r}, {stage.sandbox.charged} charged")
    rans.append(stage.resume(rans[0]))
    wrong += stage.audit(frame, rans)
    stage.figures.add("account runs dry", 1, wrong)
    assert not wrong
    assert stage.sandbox.charged == credits


# --- clocks that jump ---------------------------------------------------------------------------------------------

HOUR, YEARS = 3600.0, 10 * 365.25 * 86400


@pytest.fixture
def jumps() -> Iterator[Any]:
    """Move the wall clock, and put it right at the end."""
    moved: list[Any] = []

    def jump(seconds: float) -> None:
        while moved:
            moved.pop().stop()
        moved.append(travel(time.time() + seconds, tick=True))
        moved[-1].start()

    yield jump
    while moved:
        moved.pop().stop()


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, YEARS, -YEARS])
@pytest.mark.parametrize("meeting", ["nothing", "429", "503", "silence", "500"])
def test_a_clock_that_jumps_in_a_run_changes_nothing(stage: Stage, jumps: Any, seconds: float, meeting: str) -> None:
    """All waiting is on the monotonic clock: nothing is sent early, nothing waits for years."""
    fault = {
        "429": [Fault(status=429, retry_after="0.2")],
        "503": [Fault(status=503, retry_after="0.2")],
        "silence": Fault(silent=True),
        "500": Fault(status=500),
    }.get(meeting)

    def jump(number: int, who: str | None, attempt: int) -> None:
        if number == 1:
            jumps(seconds)

    stage.hooks = [jump]
    want = {"silence": "in_doubt", "500": "in_doubt"}.get(meeting, "completed")
    stage.plans = {}

    def not_early(ran: Any) -> list[str]:
        at_s = [one.arrived_s for one in stage.sandbox.requests if one.email == stage.who(ran.out)[0]]
        return [] if len(at_s) < 2 or at_s[1] - at_s[0] >= 0.2 else ["sent before the time named"]

    rows = [(meeting, fault, want, None)]
    stage.play("clock jumps", rows, well=2, n=1, timeout_s=1.0, hit=not_early, concurrency=2, max_age=None)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, YEARS, -YEARS])
def test_a_clock_that_jumps_between_runs_sells_no_fresh_answer_twice(stage: Stage, jumps: Any, seconds: float) -> None:
    """With `max_age=None` an answer stands whatever the clock says; what is in doubt stays so."""
    stage.open()
    frame = stage.people(4)
    stage.plans = {stage.who(frame)[0]: Fault(status=500)}
    rans = [stage.run(frame, max_age=None)]
    jumps(seconds)
    wrong = stage.audit(frame, rans) + stage.again(frame, rans, max_age=None) + stage.audit(frame, rans)
    stage.figures.add("clock jumps", 1, wrong)
    assert not wrong
