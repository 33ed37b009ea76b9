"""One line that speaks money, where somebody watches; nothing anywhere else."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from tqdm import tqdm

from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.retry import StopKind
from cleanlist_pandas.run.tally import Tally

__all__ = ["progress", "status_line"]

LINE: Final = "{desc} {n_fmt}/{total_fmt} people{postfix}, {remaining} left"  # no bar: the money must fit 80 columns
ENDED: Final = "{desc} {n_fmt}/{total_fmt} people{postfix}, in {elapsed}"

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


@contextmanager
def progress(total: int, *, show: bool) -> Iterator[Callable[[Tally, Budget], None]]:
    """Give a function that shows how far a run is; it shows nothing if `show` is False or nobody watches."""
    if not show or not _watched():
        yield lambda tally, budget: None
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
