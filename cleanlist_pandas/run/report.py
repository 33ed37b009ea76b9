"""What a run did, as a person reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.run.tally import Result
from cleanlist_pandas.wording import n_of

__all__ = ["RunReport", "report_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run in numbers; the rest is in the frame and the ledger.

    Attributes
    ----------
    run_id : str
        Under which the ledger keeps it.
    people : int
        Unique people in the frame.
    statuses : dict of str to int
        People by what became of them.
    requests : int
        Requests sent.
    credits : int
        Credits charged in this run.
    credits_in_doubt : int
        Credits perhaps charged: sent and never answered.
    budget : int
        Credits the run might spend at most.
    seconds : float
        Wall-clock time of the sending.
    stopped : str
        Why the run ended early; empty if it did not.
    notes : dict of str to int
        What was odd about usable answers, such as unknown enum values, and how often.
    """

    run_id: str
    people: int
    statuses: Mapping[str, int]
    requests: int = 0
    credits: int = 0
    credits_in_doubt: int = 0
    budget: int = 0
    seconds: float = 0.0
    stopped: str = ""
    notes: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "run_id": self.run_id,
            "people": self.people,
            "statuses": dict(self.statuses),
            "requests": self.requests,
            "credits": self.credits,
            "credits_in_doubt": self.credits_in_doubt,
            "budget": self.budget,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "notes": dict(self.notes),
        }

    def summary(self) -> dict[str, Any]:
        """Return what ``frame.attrs`` carries: small, plain JSON, so that it survives Parquet."""
        return {name: value for name, value in self.to_dict().items() if name != "notes"}

    def __repr__(self) -> str:
        people = ", ".join(f"{n:,} {status.replace('_', ' ')}" for status, n in self.statuses.items() if n)
        lines = [
            f"{self.credits:,} of at most {n_of(self.budget, 'credit')} spent, {n_of(self.requests, 'request')}.",
            f"{n_of(self.people, 'person', 'people')}: {people or 'none'}.",
        ]
        if self.credits_in_doubt:
            lines.append(
                f"{n_of(self.credits_in_doubt, 'credit')} in doubt: sent and never answered, perhaps charged; "
                'not sent again unless in_doubt="retry".'
            )
        lines += [f"{n:,} × {note}" for note, n in self.notes.items()]
        if self.stopped:
            lines.append(f"Stopped early: {self.stopped}.")
        return "\n".join(lines)


def report_of(run_id: str, answers: Iterable[Answer], result: Result | None, budget: int) -> RunReport:
    """Sum up a run; without a result nothing had to be sent."""
    answers = list(answers)
    statuses = Counter(str(answer.status) for answer in answers)
    return RunReport(
        run_id=run_id,
        people=len(answers),
        statuses={str(status): statuses[status] for status in RowStatus if statuses[status]},
        requests=result.tally.requests if result else 0,
        credits=result.budget.settled if result else 0,
        credits_in_doubt=result.budget.in_doubt if result else 0,
        budget=budget,
        seconds=result.seconds if result else 0.0,
        stopped=result.reason if result else "",
        notes=dict(Counter(note for answer in answers for note in answer.notes).most_common(20)),
    )
