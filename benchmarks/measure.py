"""How things are measured: in turn, in rounds, medians; wall-clock and CPU seconds of this process; the peak apart."""

from __future__ import annotations

import gc
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Table", "Took", "growth_of", "in_turn", "measure"]


class Took(NamedTuple):
    """What a call took of this process."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Table:
    """Figures as they are printed: Markdown, so that a run can be put into a README."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join([f"\n**{self.title}**\n", *(f"| {' | '.join(line)} |" for line in lines)])


def measure(work: Callable[[], object]) -> Took:
    """Run something once. What it returns is dropped only after the clocks were read."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    kept = work()
    took = Took(time.perf_counter() - wall, time.process_time() - cpu)
    del kept
    return took


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Took]:
    """Run each once a round, so that a slow minute of the machine falls on all of them; return the medians.

    Each round has its own order: who comes behind one that needed much memory pays for getting it anew.
    """
    seen: dict[str, list[Took]] = {name: [] for name in works}
    orders = random.Random(0)
    for _ in range(rounds):
        for name in orders.sample(list(works), len(works)):
            seen[name].append(measure(works[name]))
    return {
        name: Took(statistics.median(one.wall_s for one in took), statistics.median(one.cpu_s for one in took))
        for name, took in seen.items()
    }


def growth_of(prepare: Callable[..., Any], work: Callable[[Any], object], *args: Any) -> int:
    """Return the bytes by which a process of its own grew at most while it worked on what it had prepared. Linux only.

    Parameters
    ----------
    prepare, work : functions of a module
        What is made first and does not count, and what is done with it.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_grow, args=(there, prepare, work, args))
    process.start()
    try:
        return int(here.recv()) if here.poll(900) else -1
    finally:
        process.join(10)


def _grow(pipe: Any, prepare: Callable[..., Any], work: Callable[[Any], object], args: tuple[Any, ...]) -> None:
    """Send the growth."""
    prepared = prepare(*args)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    before = _kilobytes("VmRSS")
    kept = work(prepared)
    pipe.send((_kilobytes("VmHWM") - before) * 1024)
    del kept


def _kilobytes(name: str) -> int:
    """Return a line of this process's status."""
    return next(int(line.split()[1]) for line in _status() if line.startswith(name))


def _status() -> Iterator[str]:
    """Read this process's status."""
    yield from Path("/proc/self/status").read_text().splitlines()
