"""One line that speaks money, where somebody watches; anywhere else a line a minute in the log, at level INFO."""

from __future__ import annotations

import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from tqdm import tqdm

from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.retry import StopKind
from cleanlist_pandas.run.tally import Tally
from cleanlist_pandas.wording import n_of

__all__ = ["counting", "progress", "status_line"]

LINE: Final = "{desc} {n_fmt}/{total_fmt} people{postfix}, {remaining} left"  # no bar: the money must fit 80 columns
ENDED: Final = "{desc} {n_fmt}/{total_fmt} people{postfix}, in {elapsed}"

_ROWS: Final = "{desc} {n_fmt}/{total_fmt} rows {unit}{postfix}, {remaining} left"
_ROWS_SO_FAR: Final = "{desc} {n_fmt} rows {unit}{postfix}"
_EVERY_S: Final = 60.0
_logger: Final = logging.getLogger(__name__)

_STOPPING: Final = {
    StopKind.INTERRUPT: "stopping (once more: at once)",
    StopKind.BUDGET: "budget used up, waiting for answers",
}


def status_line(tally: Tally, budget: Budget, now_s: float, *, ended: bool = False) -> str:
    """Return the money part: credits spent of the budget, hit rate, and what holds things up, or ended them."""
    answered = tally.completed + tally.not_found
    parts = [f"{budget.settled:,}/{budget.limit:,} credits"]
    if answered:
        parts.append(f"{tally.completed / answered:.0%} found")
    if tally.in_doubt:
        parts.append(f"{tally.in_doubt:,} in doubt")
    if tally.waiting_for_others:
        parts.append(f"{tally.waiting_for_others:,} asked by another run, waiting")
    if tally.stopping is not None:  # first: a narrow terminal cuts the end off
        parts.insert(0, "stopped" if ended else _STOPPING.get(tally.stopping, "stopping, waiting for answers"))
    elif not ended and tally.waiting_until_s > now_s:
        parts.append(f"waiting {tally.waiting_until_s - now_s:.0f} s, the service asked for it")
    return ", ".join(parts)


class _Log:
    """Says something from time to time, where somebody wants it."""

    def __init__(self, every_s: float, *, show: bool) -> None:
        self._every_s = every_s if show and _logger.isEnabledFor(logging.INFO) else None
        self._next_s = time.monotonic() + every_s

    def __call__(self, text: Callable[[], str]) -> None:
        """Say it, if it is time."""
        now_s = time.monotonic()
        if self._every_s is not None and now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            _logger.info("cleanlist %s", text())


@contextmanager
def counting(
    unit: str,
    total: int | None,
    *,
    show: bool,
    credits: int | None = None,
    every_s: float = _EVERY_S,
    delay_s: float = 1.0,
) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how many rows more were, say, read, and shows how far that is, as `progress` does.

    Parameters
    ----------
    unit : str
        What is done with the rows: ``read``.
    total : int, optional
        How many there are.
    credits : int, optional
        What was spent before.
    every_s : float
        Seconds between two lines of a log.
    delay_s : float
        Seconds before anything is shown: short files need no line.
    """
    spent = "" if credits is None else f"{n_of(credits, 'credit')} spent"
    if not show or not _watched():
        log, n_rows = _Log(every_s, show=show), 0

        def count(more: int) -> None:
            nonlocal n_rows
            n_rows += more
            of = "" if total is None else f"/{total:,}"
            log(lambda: f"{n_rows:,}{of} rows {unit}" + f", {spent}" * bool(spent))

        yield count
        return
    line = _ROWS_SO_FAR if total is None else _ROWS
    look: dict[str, Any] = {"leave": False, "dynamic_ncols": True, "bar_format": line, "delay": delay_s}
    bar = _bar()(total=total, desc="cleanlist", unit=unit, postfix=spent or None, **look)

    def update(more: int) -> None:
        with suppress(OSError, ValueError):
            bar.update(more)

    try:
        yield update
    finally:
        with suppress(OSError, ValueError):
            bar.close()


@contextmanager
def progress(total: int, *, show: bool, every_s: float = _EVERY_S) -> Iterator[Callable[[Tally, Budget], None]]:
    """Give a function that shows how far a run is; where nobody watches, in the log every `every_s` seconds."""
    if not show or not _watched():
        log = _Log(every_s, show=show)

        def note(tally: Tally, budget: Budget) -> None:
            log(lambda: f"{tally.done:,}/{total:,} people, {status_line(tally, budget, time.monotonic())}")

        yield note
        return
    bar = _bar()(total=total, desc="cleanlist", leave=True, dynamic_ncols=True, bar_format=LINE)
    held_up = ""
    last: tuple[Tally, Budget] | None = None

    def update(tally: Tally, budget: Budget) -> None:
        with suppress(OSError, ValueError):  # the terminal went away: the run is worth more than its line
            nonlocal held_up, last
            last = tally, budget
            bar.set_postfix_str(status_line(tally, budget, time.monotonic()), refresh=False)
            bar.update(tally.done - bar.n)
            before, held_up = held_up, f"{tally.stopping} {tally.waiting_until_s}"
            if held_up != before:  # nothing may happen for a while: say why now
                bar.refresh()

    try:
        yield update
    finally:
        with suppress(OSError, ValueError):
            bar.bar_format = ENDED
            if last is not None:
                bar.set_postfix_str(status_line(*last, time.monotonic(), ended=True), refresh=False)
            bar.refresh()
            bar.close()


def _in_notebook() -> bool:
    """Whether this is a Jupyter kernel."""
    kernel = sys.modules.get("IPython")
    shell = kernel.get_ipython() if kernel is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _watched() -> bool:
    """Whether a person sees the line: a terminal or a notebook."""
    return _in_notebook() or bool(sys.stderr is not None and sys.stderr.isatty())


def _bar() -> Any:
    """Return the bar's class: the notebook's needs ipywidgets, without it the plain line does."""
    if _in_notebook() and importlib.util.find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm as notebook_tqdm

        return notebook_tqdm
    return tqdm
