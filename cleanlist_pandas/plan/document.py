"""The Plan: the frozen decision of who is bought in which order, to look at, to keep as a file and to hold a run to."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from cleanlist_pandas import checks
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import parse_fields
from cleanlist_pandas.files import write_json
from cleanlist_pandas.plan.buckets import BUCKETS
from cleanlist_pandas.plan.estimate import CostEstimate, bucket_series
from cleanlist_pandas.plots import Curve, draw_curve
from cleanlist_pandas.services.service import missing_on
from cleanlist_pandas.wording import n_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Plan"]

VERSION: Final = 1
_TOLD_ELSEWHERE: Final = ("rows", "surface", "unoffered")
_LETTERS: Final = "-?xfkhd=$"  # one for each bucket, in their order; what a row is, at a glance
_WITHIN: Final = pd.CategoricalDtype(["sure", "likely", "beyond"], ordered=True)
assert len(_LETTERS) == len(BUCKETS)  # noqa: S101


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Who would be bought, in which order, and for how much; nothing is sent by making one.

    Attributes
    ----------
    estimate : CostEstimate
        The same as a person reads it.
    service : str
        Which surface of the service it was made for.
    made_at : str
        When, ISO 8601, UTC. What was spent on its people since then counts against its budget.
    people : int
        Unique people in the frame.
    digest : str
        A fingerprint of who they are, not of their order.
    queue : pandas.DataFrame
        Those who would be bought, in buying order: ``price`` (int64, credits at most), ``rows`` (int64, rows filled),
        ``worth`` (float64, of those rows) and ``hit_rate`` (float64, expected). Companies follow and are not in it.
    """

    estimate: CostEstimate
    service: str
    made_at: str
    people: int
    digest: str
    queue: pd.DataFrame = field(repr=False)

    def __repr__(self) -> str:
        return repr(self.estimate)

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        return self.estimate._repr_html_()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and self._content() == other._content()

    @property
    def fields(self) -> tuple[str, ...]:
        """What would be asked for."""
        return self.estimate.fields

    @property
    def lookups(self) -> int:
        """Unique people to buy."""
        return self.estimate.lookups

    @property
    def ceiling(self) -> int:
        """Credits the plan can cost at most."""
        return self.estimate.at_most

    @property
    def budget(self) -> int:
        """Credits a run by this plan may spend: ``max_credits``, or its ceiling."""
        limit = self.estimate.max_credits
        return self.ceiling if limit is None else limit

    @property
    def is_ranked(self) -> bool:
        """Whether rows differ in worth, as ``priority=`` says; without it the order is that of the rows."""
        return not self.queue["worth"].equals(self.queue["rows"].astype("float64"))

    @property
    def name(self) -> str:
        """What tells it from other plans, whatever its file is called."""
        told = f"{self.made_at} {self.digest}"
        return f"plan-{hashlib.blake2b(told.encode(), digest_size=16).hexdigest()}"

    def frontier(self) -> pd.DataFrame:
        """Return what each budget would bring, and where this plan's budget cuts. Sends nothing.

        Returns
        -------
        pandas.DataFrame
            Indexed by the number of people bought, 1 to `lookups`, in buying order: ``at_most`` (int64, credits for so
            many), ``expected`` (float64, credits), ``rows`` and ``worth`` (float64, expected to be filled), and
            ``within`` (category): ``sure`` within the budget, ``likely`` by the expected hit rates, or ``beyond`` it.

        Examples
        --------
        >>> import pandas as pd
        >>> import cleanlist_pandas as cl
        >>> leads = pd.DataFrame({"email": ["a@a.example", "b@b.example", "c@c.example"], "deal": [10, 500, 90]})
        >>> plan = leads.cleanlist.plan(fields=["title"], priority="deal", max_credits=1)
        >>> plan.frontier()[["at_most", "expected", "worth", "within"]].rename_axis(None)
           at_most  expected  worth  within
        1        1       0.5  250.0    sure
        2        2       1.0  295.0  likely
        3        3       1.5  300.0  beyond
        """
        queue = self.queue
        sums = pd.DataFrame(
            {
                "at_most": queue["price"].cumsum(),
                "expected": (queue["price"] * queue["hit_rate"]).cumsum(),
                "rows": (queue["rows"] * queue["hit_rate"]).cumsum(),
                "worth": (queue["worth"] * queue["hit_rate"]).cumsum(),
            }
        )
        within = np.select([sums["at_most"] <= self.budget, sums["expected"] <= self.budget], [0, 1], 2)
        sums["within"] = pd.Categorical.from_codes(within.astype(np.int8), dtype=_WITHIN)
        return sums.set_index(pd.RangeIndex(1, len(sums) + 1, name="people"))

    def plot(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Draw the frontier: what the credits bring, the best first, and how far the budget reaches.

        Needs matplotlib: ``pip install "cleanlist-pandas[plot]"``. Sends nothing.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a figure of its own.
        **kwargs
            For `matplotlib.axes.Axes.plot`, such as ``color="tab:green"``.

        Returns
        -------
        matplotlib.axes.Axes
            Expected worth, or rows where no ``priority=`` was given, against expected credits. A budget below the
            ceiling is a dotted line; up to ``sure`` it suffices in any case, up to ``likely`` by the expected hit
            rates.

        Raises
        ------
        ConfigurationError
            If matplotlib is missing.
        """
        sums = self.frontier()
        short = self.budget < self.ceiling
        reach = {word: int((sums["within"] <= word).sum()) for word in ("likely", "sure")} if short else {}
        return draw_curve(
            Curve(
                x=sums["expected"].tolist(),
                y=sums["worth"].tolist(),
                labels=("credits, expected", "worth, expected" if self.is_ranked else "rows filled, expected"),
                limit=self.budget if short else None,
                marks={n: f"{n_of(n, 'person', 'people')} {word}" for word, n in reach.items()},
            ),
            ax=ax,
            **kwargs,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan to a file that a person can read; it holds no address and no key.

        Parameters
        ----------
        path : path-like
            A JSON file; one that is there is written over, whole or not at all.
        """
        write_json(self._content(), path, "plan")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a plan that `save` wrote.

        Raises
        ------
        ConfigurationError
            If there is no such file, or it is no plan.
        """
        source = Path(path).expanduser()
        try:
            content = json.loads(source.read_text(encoding="utf-8"))
            return cls._of(content)
        except FileNotFoundError:
            raise ConfigurationError(f"There is no plan at {source}; cl.plan(df, …).save(path) writes one.") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            newer = isinstance(error, _NewerVersionError)
            why = "was written by a newer version" if newer else "is no plan that this package saved, or was changed"
        raise ConfigurationError(f"{source} {why}; nothing was sent. Make a new one with cl.plan(df, …).save(path).")

    def check(self, now: Plan) -> None:
        """Refuse a run that is not the one that was planned.

        Parameters
        ----------
        now : Plan
            A plan made anew of the frame that shall be enriched. Less to do than planned is no reason to refuse: part
            of it may have been done already.

        Raises
        ------
        ConfigurationError
            If the people, the fields, the service, the tariff or the budget changed; nothing was sent.
        """
        then = self.estimate
        same_screen = then.screened == now.estimate.screened
        same_kind = same_screen and set(then.fields) == set(now.fields)
        reasons = [
            f"the people changed ({self.people:,} then, {now.people:,} now)" * (self.digest != now.digest),
            f"it is for {', '.join(then.fields)}" * (set(then.fields) != set(now.fields)),
            f"it is for service={self.service!r}" * (self.service != now.service),
            (
                f"a look-up cost {then.credits_per_lookup} credits then and {now.estimate.credits_per_lookup} now"
                * (same_kind and then.credits_per_lookup != now.estimate.credits_per_lookup)
            ),
            f"it is for a run {'with' if then.screened else 'without'} phone_if=" * (not same_screen),
            f"it may cost {now.ceiling:,} credits now, {self.ceiling:,} were planned" * (now.ceiling > self.ceiling),
            f"its budget is {self.budget:,} credits" * (now.estimate.max_credits not in (None, then.max_credits)),
        ]
        if any(reasons):
            told = "; ".join(filter(None, reasons))
            raise ConfigurationError(f"The plan does not fit this call: {told}. Nothing was sent; make a new plan.")

    def _content(self) -> dict[str, Any]:
        """Return the plan as plain JSON values, what a person wants to know first."""
        shown = {f.name: getattr(self.estimate, f.name) for f in fields(CostEstimate) if f.name not in _TOLD_ELSEWHERE}
        return {
            "cleanlist_plan": VERSION,
            "made_at": self.made_at,
            "at_most": self.ceiling,
            "service": self.service,
            "people": self.people,
            "digest": self.digest,
            "estimate": {
                **shown,
                "fields": list(self.fields),
                "interval": list(self.estimate.interval),
                "column": str(self.estimate.column),
                "prices": {str(k): v for k, v in shown["prices"].items()},
            },
            "buckets": dict(zip(_LETTERS, BUCKETS, strict=True)),
            "rows": "".join(np.array(list(_LETTERS))[self.estimate.rows.cat.codes.to_numpy()]),
            "queue": {name: self.queue[name].tolist() for name in self.queue},
        }

    @classmethod
    def _of(cls, content: Any) -> Self:
        """Return the plan of such values."""
        if content["cleanlist_plan"] > VERSION:
            raise _NewerVersionError
        shown, letters = content["estimate"], content["rows"]
        rows = bucket_series([_LETTERS.index(letter) for letter in letters], pd.RangeIndex(len(letters)))
        queue = pd.DataFrame(content["queue"]).astype(
            {"price": "int64", "rows": "int64", "worth": "float64", "hit_rate": "float64"}
        )
        estimate = CostEstimate(
            **{
                **shown,
                "rows": rows,
                "buckets": {name: shown["buckets"][name] for name in BUCKETS},
                "fields": parse_fields(shown["fields"]),
                "surface": content["service"],
                "unoffered": missing_on(content["service"], shown["fields"]),
                "prices": dict(sorted(Counter(queue["price"].tolist()).items())),
                "interval": tuple(shown["interval"]),
            }
        )
        plan = cls(
            estimate=estimate, queue=queue,
            **{name: content[name] for name in ("service", "made_at", "people", "digest")},
        )  # fmt: skip
        if not _is_sound(plan) or plan._content() != content:
            raise ValueError("the numbers do not add up")
        return plan


def _is_sound(plan: Plan) -> bool:
    """Whether the values of a plan that was read are what they should be; anything may stand in a file."""
    shown = plan.estimate
    for name in (each.name for each in fields(CostEstimate) if each.type == "int"):
        checks.count(name, 0, 2**53)(getattr(shown, name))
    for name in ("rate_per_minute", "price_per_credit", "break_even"):
        checks.positive(name, none=True)(getattr(shown, name))
    checks.credits_limit(shown.max_credits)
    checks.flag("screened")(shown.screened)
    checks.count("people", plan.lookups, 2**53)(plan.people)
    low, high = shown.interval
    return (
        0 <= low <= shown.expected <= high <= shown.at_most
        # A row of a plan may stand for several of a frame that is not in this process.
        and all(shown.buckets[str(name)] >= n for name, n in shown.rows.value_counts().items())
        and sum(shown.skipped.values()) <= shown.buckets["suppressed"]
        and shown.companies <= shown.company_credits <= shown.company_naive - shown.company_doubtful
        and bool((plan.queue["price"] > 0).all())
        and datetime.fromisoformat(plan.made_at).tzinfo is not None
    )


class _NewerVersionError(ValueError):
    """A plan of a version to come."""
