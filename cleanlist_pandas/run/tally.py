"""What bounds a run, what it counts while it goes on, and what it brought: plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.errors import LedgerError
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.records import Outcome, Record
from cleanlist_pandas.run.retry import StopKind

__all__ = ["Limits", "Result", "Tally", "nothing_yet", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds a run besides its budget."""

    concurrency: int
    rate_per_minute: float | None
    max_seconds: float | None
    max_wait_s: float
    poll_s: float
    job_timeout_s: float
    keep_list: bool


@dataclass(slots=True)
class Tally:
    """Counts while a run goes on; what the progress line shows."""

    total: int
    requests: int = 0
    completed: int = 0
    not_found: int = 0
    failed: int = 0
    in_doubt: int = 0
    skipped: int = 0
    waiting_for_others: int = 0
    waiting_until_s: float = 0.0  # monotonic; the service asked everybody to wait so long
    stopping: StopKind | None = None  # why nothing more is sent

    @property
    def done(self) -> int:
        """People whose fate is known."""
        return self.completed + self.not_found + self.failed + self.in_doubt + self.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run brought."""

    answers: Mapping[int, Answer]
    rivals: dict[int, tuple[Record, ...]]  # position -> what other runs learnt
    budget: Budget
    tally: Tally
    seconds: float
    stop: StopKind | None
    reason: str
    failure: LedgerError | None
    unwritten: tuple[Outcome, ...] = ()  # answers that are not in the ledger
    balance: int | None = None  # of the account, before anything was sent


def nothing_yet(budget: Budget) -> Result:
    """Return the result of a step that sent nothing."""
    return Result(answers={}, rivals={}, budget=budget, tally=Tally(0), seconds=0.0, stop=None, reason="", failure=None)


def total(steps: Sequence[Result]) -> Result | None:
    """Return the steps of one run as one result; it ended as the last step did that ended early."""
    if not steps:
        return None
    ended = next((step for step in reversed(steps) if step.stop is not None), steps[-1])
    return replace(
        ended,
        tally=replace(ended.tally, requests=sum(step.tally.requests for step in steps)),
        seconds=sum(step.seconds for step in steps),
        unwritten=tuple(outcome for step in steps for outcome in step.unwritten),
        balance=next((step.balance for step in steps if step.balance is not None), None),
    )
