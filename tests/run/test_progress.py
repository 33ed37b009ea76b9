"""The one line that speaks money."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.progress import progress, status_line
from cleanlist_pandas.run.retry import StopKind
from cleanlist_pandas.run.tally import Tally


@pytest.mark.parametrize(
    ("tally", "line"),
    [
        (Tally(9), "0/1,000 credits"),
        (Tally(9, completed=3, not_found=1), "0/1,000 credits, 75% found"),
        (Tally(9, in_doubt=2), "0/1,000 credits, 2 in doubt"),
        (Tally(9, waiting_for_others=4), "0/1,000 credits, 4 asked by another run, waiting"),
        (Tally(9, waiting_until_s=115.0), "0/1,000 credits, waiting 15 s, the service asked for it"),
        (Tally(9, stopping=StopKind.INTERRUPT), "stopping (once more: at once), 0/1,000 credits"),
        (Tally(9, stopping=StopKind.BUDGET), "budget used up, waiting for answers, 0/1,000 credits"),
        (Tally(9, stopping=StopKind.TIME), "stopping, waiting for answers, 0/1,000 credits"),
    ],
)
def test_the_line_says_what_was_spent_and_what_holds_things_up(tally: Tally, line: str) -> None:
    """And nothing else."""
    assert status_line(tally, Budget(1000), 100.0) == line


@pytest.mark.parametrize("kind", [StopKind.INTERRUPT, StopKind.BUDGET, StopKind.TIME])
def test_the_last_line_does_not_speak_of_what_is_to_come(monkeypatch: pytest.MonkeyPatch, kind: StopKind) -> None:
    """It stays where it is: what was spent, and that the run was stopped."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress(9, show=True) as watch:
        watch(Tally(9, completed=3, not_found=1, stopping=kind, waiting_until_s=1e9), Budget(1000, settled=3))
    last = terminal.getvalue().rstrip("\n").split("\r")[-1]
    assert last.rstrip() == "cleanlist 4/9 people, stopped, 3/1,000 credits, 75% found, in 00:00"


class Terminal(io.StringIO):
    """Somewhere a person looks at."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_people_money_and_time_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ending with the last state and a new line."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    tally, budget = Tally(4000), Budget(4000)
    with progress(4000, show=True) as watch:
        for _ in range(4000):
            tally.completed += 1
            budget.settled += 1
            watch(tally, budget)
    last = terminal.getvalue().rstrip("\n").split("\r")[-1]
    assert last.startswith("cleanlist 4000/4000 people, 4,000/4,000 credits, 100% found, ")
    assert len(last) <= 80
    assert terminal.getvalue().endswith("\n")


@pytest.mark.parametrize(("stream", "show"), [(io.StringIO, True), (Terminal, False)])
def test_nothing_is_shown_where_nobody_watches_or_wants_it(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], show: bool
) -> None:
    """A pipeline's log stays clean."""
    where = stream()
    monkeypatch.setattr("sys.stderr", where)
    with progress(3, show=show) as watch:
        watch(Tally(3, completed=1), Budget(3))
    assert where.getvalue() == ""


def test_a_terminal_that_goes_away_does_not_stop_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is worth more than its line."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress(3, show=True) as watch:
        terminal.close()
        watch(Tally(3, completed=1, stopping=StopKind.TIME), Budget(3))


def test_a_run_that_is_stopped_says_so_before_its_answers_come(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be long in coming, and whoever sees nothing happen presses Ctrl-C again."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    seen: list[bool] = []

    def waits_to_be_stopped(number: int, email: str | None, attempt: int) -> None:
        until_s = time.monotonic() + 4
        while "stopping" not in terminal.getvalue() and time.monotonic() < until_s:
            threading.Event().wait(0.001)
        seen.append("stopping" in terminal.getvalue())

    scene.open(faults=waits_to_be_stopped)
    with pytest.warns(cl.CleanlistWarning, match="max_seconds"):
        scene.enrich(scene.people(2), max_seconds=0.5, concurrency=1, progress=True)
    assert seen == [True]
    assert "cleanlist 0/2 people, 0/2 credits, ? left" in terminal.getvalue().split("\r")  # at once
