"""A pilot: a fair sample of the people to buy, and what it says of all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleanlist_pandas.cards import Card, Table
from cleanlist_pandas.plan.buckets import Ints
from cleanlist_pandas.plan.expect import wilson
from cleanlist_pandas.plots import Bars, draw_bars
from cleanlist_pandas.wording import n_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Pilot", "draw"]


def draw(people: Ints, classes: npt.NDArray[np.int8], n: int, seed: int) -> Ints:
    """Draw `n` of some people, each class in proportion to its size, in their given order.

    The same people and seed give the same draw. What rounding leaves over goes to the classes it cut most.
    """
    if n >= len(people):
        return people
    rng = np.random.default_rng(seed)
    kinds, sizes = np.unique(classes, return_counts=True)
    shares = sizes * n / len(people)
    quota = np.floor(shares).astype(np.int64)
    for at in np.argsort(quota - shares, kind="stable")[: n - int(quota.sum())]:
        quota[at] += 1
    drawn = [
        rng.choice(np.flatnonzero(classes == kind), int(size), replace=False)
        for kind, size in zip(kinds, quota, strict=True)
    ]
    sample: Ints = people[np.sort(np.concatenate(drawn))]
    return sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """What a sample of the people said of all of them; its answers are in the ledger and are not paid for again.

    Attributes
    ----------
    n : int
        People asked.
    people : int
        People the whole plan would ask, those of the sample included.
    fields : tuple of str
        What was asked for.
    found : int
        People of the sample who were found.
    filled : dict of str to int
        People of the sample who have a value, by field.
    credits : int
        Credits the pilot was charged.
    at_most : int
        Credits the whole plan can cost at most, the pilot's included.
    stopped : str
        Why the pilot ended early; empty if it did not.
    """

    n: int
    people: int
    fields: tuple[str, ...]
    found: int
    filled: Mapping[str, int]
    credits: int
    at_most: int
    stopped: str = ""
    frame: pd.DataFrame = field(repr=False, compare=False, default_factory=pd.DataFrame)

    def gone_on_with(self, rest: Pilot) -> Pilot:
        """Return this pilot, which ended early, together with the rest of its sample."""
        return replace(
            self,
            n=self.n + rest.n,
            found=self.found + rest.found,
            filled={name: n + rest.filled[name] for name, n in self.filled.items()},
            credits=self.credits + rest.credits,
            stopped=rest.stopped,
            frame=rest.frame,
        )

    @property
    def rates(self) -> pd.DataFrame:
        """Share of the sample that was found, and that has each field, with 95 % Wilson intervals and totals.

        Returns
        -------
        pandas.DataFrame
            Index ``found`` and the fields; ``n``, ``people`` (int64), ``rate``, ``low``, ``high`` (float64, 0 to 1) and
            ``total``, ``total_low``, ``total_high`` (int64): people of the whole plan, as far as the sample tells.
        """
        counts = pd.Series({"found": self.found, **self.filled}, dtype="int64")
        bounds = [wilson(int(hits), self.n) for hits in counts]
        table = pd.DataFrame(
            {
                "n": self.n,
                "people": counts,
                "rate": counts / self.n if self.n else math.nan,
                "low": [low for low, _ in bounds],
                "high": [high for _, high in bounds],
            },
            index=counts.index,
        )
        totals = {
            name: (table[of] * self.people).round().fillna(0).astype("int64")
            for name, of in (("total", "rate"), ("total_low", "low"), ("total_high", "high"))
        }
        return table.assign(**totals)

    @property
    def expected(self) -> int:
        """Credits the whole plan will probably cost, the pilot's included."""
        return round(self.at_most * self.found / self.n) if self.n else 0

    @property
    def interval(self) -> tuple[int, int]:
        """Credits between which that lies with a probability of 95 %."""
        low, high = wilson(self.found, self.n)
        return math.floor(self.at_most * low), math.ceil(self.at_most * high)

    def plot(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Draw the rates with their intervals. Needs matplotlib: ``pip install "cleanlist-pandas[plot]"``.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a figure of its own.
        **kwargs
            For `matplotlib.axes.Axes.barh`, such as ``color="tab:green"``.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigurationError
            If matplotlib is missing.
        """
        rates = self.rates
        return draw_bars(
            Bars(
                counts={"found": self.found, **self.filled},
                label=f"share of {n_of(self.n, 'person', 'people')} asked, with 95 % intervals",
                whole=self.n,
                spread=list(zip(rates["low"], rates["high"], strict=True)),
            ),
            ax=ax,
            **kwargs,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values."""
        return {
            "n": self.n,
            "people": self.people,
            "fields": list(self.fields),
            "found": self.found,
            "filled": dict(self.filled),
            "credits": self.credits,
            "at_most": self.at_most,
            "expected": self.expected,
            "interval": list(self.interval),
            "stopped": self.stopped,
        }

    def __repr__(self) -> str:
        return self._card().as_text()

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        return self._card().as_html()

    def _card(self) -> Card:
        """Return what a person is shown."""
        low, high = self.interval
        rates = zip(self.rates.index, self.rates.itertuples(), strict=True)
        rows = [
            (str(name), f"{row.rate:.0%}", f"{row.low:.0%} to {row.high:.0%}", f"about {row.total:,}")
            for name, row in rates
            if self.n
        ]
        return Card(
            label="Pilot",
            title=f"{self.n:,} of {self.people:,} people asked for {n_of(self.credits, 'credit')}; a full run pays for "
            "the others.",
            lines=[
                f"All of them: about {self.expected:,} credits ({low:,} to {high:,} with 95 % probability), "
                f"at most {self.at_most:,}."
            ],
            tables=[
                Table(
                    caption="Found, and with a value",
                    head=("field", "share", "95 % interval", "people of all"),
                    rows=rows,
                    text="{1:>5} {0:<13}{2}: {3} people",
                    numbers=frozenset({1, 2, 3}),
                    titled=False,
                )
            ],
            after=[f"Stopped early: {self.stopped}."] if self.stopped else [],
        )
