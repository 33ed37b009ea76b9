"""The plan as a person reads it: what it costs at most, and why not more."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cleanlist_pandas.plan.buckets import BUCKETS, Plan

__all__ = ["CostEstimate", "estimate"]

_MEANING = {
    "blank": "no address",
    "malformed": "not an address",
    "suppressed": "suppressed or erased, never sent",
    "filled": "nothing missing in the row",
    "known": "known from your own tables",
    "held": "answered earlier, in the ledger",
    "in_doubt": "sent earlier, never answered; not sent again",
    "duplicate": "a further row of somebody billable",
    "billable": "would be looked up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """What a run would cost; made without network and without key.

    Attributes
    ----------
    rows : pandas.Series of category
        Each row's bucket, with the frame's index.
    buckets : dict of str to int
        Rows in each bucket; they add up to ``len(df)``.
    lookups : int
        Unique people to buy, one request each.
    credits_per_lookup : int
        What one of them costs at most: 1 credit, or 11 with a phone.
    at_most : int
        Credits the run can cost at most. Misses are free, so the bill is usually lower, and it is never higher.
    saved : int
        Credits less than one look-up for each row with a usable address would cost at most.
    requests : int
        Requests to be sent if none has to be repeated.
    seconds : float or None
        How long they take at the rate limit that is set; None where there is none.
    column : Hashable
        The column whose addresses are looked up.
    several : int
        Rows whose cell held several addresses; the first of each counts.
    expected, interval : None
        Not estimated yet.
    """

    rows: pd.Series[Any] = field(repr=False, compare=False)
    buckets: dict[str, int]
    fields: tuple[str, ...]
    lookups: int
    credits_per_lookup: int
    rate_per_minute: float | None = None
    column: Hashable = None
    several: int = 0
    expected: float | None = None  # a guess needs a history of this ledger; there is none yet
    interval: tuple[float, float] | None = None

    @property
    def at_most(self) -> int:
        """Credits the run can cost at most."""
        return self.lookups * self.credits_per_lookup

    @property
    def saved(self) -> int:
        """Credits saved against one look-up for each row with a usable address."""
        return sum(self.savings.values())

    @property
    def savings(self) -> dict[str, int]:
        """Credits saved, by the bucket that saves them."""
        saving = ("filled", "known", "held", "duplicate")  # in doubt is no saving: it may have been charged
        return {name: self.buckets[name] * self.credits_per_lookup for name in saving}

    @property
    def requests(self) -> int:
        """Requests to be sent if none has to be repeated."""
        return self.lookups

    @property
    def seconds(self) -> float | None:
        """Seconds the requests take at the rate limit that is set."""
        return None if self.rate_per_minute is None else self.requests * 60 / self.rate_per_minute

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values."""
        return {
            "rows": sum(self.buckets.values()),
            "column": str(self.column),
            "buckets": dict(self.buckets),
            "fields": list(self.fields),
            "lookups": self.lookups,
            "credits_per_lookup": self.credits_per_lookup,
            "at_most": self.at_most,
            "saved": self.saved,
            "requests": self.requests,
            "seconds": self.seconds,
            "several": self.several,
            "expected": self.expected,
        }

    def to_series(self) -> pd.Series[Any]:
        """Return the whole numbers as a Series of int64: the buckets, then the prices."""
        prices = {name: getattr(self, name) for name in ("lookups", "credits_per_lookup", "at_most", "saved")}
        return pd.Series({**self.buckets, **prices}, dtype="int64", name="estimate")

    def __repr__(self) -> str:
        lines = [
            f"At most {_n(self.at_most, 'credit')}: {_n(self.lookups, 'look-up')} at "
            f"{_n(self.credits_per_lookup, 'credit')}. Misses are free.",
            f"Addresses in {self.column!r}; fields: {', '.join(self.fields)}",
            "",
            *(f"{n:>9,} {name:<11}{_MEANING[name]}" for name, n in self.buckets.items() if n),
            f"{sum(self.buckets.values()):>9,} rows       {_saved_line(self.saved, self.savings)}",
        ]
        if self.several:
            lines.append(f"{self.several:,} cells hold several addresses; the first of each counts.")
        if self.seconds is not None:
            lines.append(
                f"{_n(self.requests, 'request')} at {self.rate_per_minute:g} a minute: {_duration(self.seconds)}."
            )
        return "\n".join(lines)


def estimate(
    plan: Plan, index: pd.Index[Any], rate_per_minute: float | None = None, column: Hashable = None
) -> CostEstimate:
    """Show a plan to a person."""
    buckets = pd.Categorical.from_codes(plan.rows, dtype=pd.CategoricalDtype(list(BUCKETS)))
    return CostEstimate(
        rows=pd.Series(buckets, index=index, name="bucket"),
        buckets=plan.counts(),
        fields=plan.fields,
        lookups=plan.lookups,
        credits_per_lookup=plan.price,
        rate_per_minute=rate_per_minute,
        column=column,
        several=plan.keys.n_several,
    )


def _n(n: int, noun: str) -> str:
    """Return "1 credit", "2 credits"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _saved_line(saved: int, savings: dict[str, int]) -> str:
    """Return what is saved and by what."""
    parts = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in savings.items() if n)
    return f"saved {_n(saved, 'credit')} ({parts})" if saved else "nothing to save"


def _duration(seconds: float) -> str:
    """Return a time in the unit a person would use."""
    if seconds < 120:
        return f"about {seconds:.0f} seconds"
    return f"about {seconds / 60:.0f} minutes" if seconds < 7200 else f"about {seconds / 3600:.1f} hours"
