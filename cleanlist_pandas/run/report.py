"""What a run did, as a person reads it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from cleanlist_pandas.fields import FieldName, RowStatus, Source, parse_fields
from cleanlist_pandas.frame.contents import Contents, DomainRate
from cleanlist_pandas.frame.told import Told
from cleanlist_pandas.plan.expect import wilson
from cleanlist_pandas.plots import draw_bars, draw_curve
from cleanlist_pandas.run.findings import find
from cleanlist_pandas.run.report_card import bars_of, card_of, contents_of, curve_of
from cleanlist_pandas.run.tally import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RunReport", "report_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run in numbers; the rest is in the frame and the ledger.

    What is counted in the frame (`coverage`, `seniorities`, `email_statuses`, `domains`, `findings`) is there in what
    ``df.cleanlist.report()`` returns, not in ``last_run().report`` and in that of an error.

    Attributes
    ----------
    run_id : str
        Under which the ledger keeps it.
    people : int
        Unique people in the frame.
    statuses : dict of str to int
        People by what became of them.
    sources : dict of str to int
        People by where their answer came from: api, ledger, known, existing.
    fields : tuple of str
        What was asked for.
    column : str
        The column whose addresses were looked up; empty if its label is not text.
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
    companies_not_attempted : int
        Companies that somebody wanted and nobody asked about: the rows of their people have the status of these.
    notes : dict of str to int
        What was odd about usable answers, such as unknown enum values, and how often; not kept in ``frame.attrs``.
    contents : Contents or None
        What the frame holds, if it was looked at.
    """

    run_id: str
    people: int
    statuses: Mapping[str, int]
    sources: Mapping[str, int] = field(default_factory=dict)
    fields: tuple[FieldName, ...] = ()
    column: str = ""
    requests: int = 0
    credits: int = 0
    credits_in_doubt: int = 0
    budget: int = 0
    seconds: float = 0.0
    stopped: str = ""
    companies_not_attempted: int = 0
    notes: Mapping[str, int] = field(default_factory=dict)
    contents: Contents | None = None

    @property
    def found(self) -> int:
        """People whom the service knew, now or when the ledger was told; not those whose values were there before."""
        before = sum(self.sources.get(source, 0) for source in (Source.EXISTING, Source.KNOWN))
        return self.statuses.get(RowStatus.COMPLETED, 0) - before

    @property
    def asked(self) -> int:
        """People whom the service knew or did not know."""
        return self.found + self.statuses.get(RowStatus.NOT_FOUND, 0)

    @property
    def hit_rate(self) -> float:
        """Share of those asked who were found, 0 to 1; NaN if nobody was asked."""
        return self.found / self.asked if self.asked else math.nan

    @property
    def is_whole(self) -> bool:
        """Whether the frame holds all people of the run: what is not there cannot be judged."""
        return self.contents is not None and (self.contents.unit, self.contents.n) == ("people", self.people)

    @property
    def rates(self) -> Mapping[str, DomainRate]:
        """Who was asked and found by kind of mail domain, as plain numbers; empty if that is not known."""
        return self.contents.domains if self.contents is not None and self.is_whole else {}

    @property
    def coverage(self) -> pd.DataFrame:
        """How many people have each field.

        Returns
        -------
        pandas.DataFrame
            Index ``field``; ``n`` (int64) and ``share`` (float64, 0 to 1) of the people who completed; of the rows,
            where the frame has no column of addresses.
        """
        contents = contents_of(self)
        counts = _counts(contents.coverage, "field")
        return pd.DataFrame({"n": counts, "share": counts / (contents.completed or math.nan)})

    @property
    def seniorities(self) -> pd.Series[Any]:
        """People, or rows, that completed, by seniority, lowest first (int64)."""
        return _counts(contents_of(self).seniorities, "seniority")

    @property
    def email_statuses(self) -> pd.Series[Any]:
        """People, or rows, that completed, by the status of their address (int64)."""
        return _counts(contents_of(self).email_statuses, "email_status")

    @property
    def domains(self) -> pd.DataFrame:
        """How often people were found, by kind of mail domain.

        Returns
        -------
        pandas.DataFrame
            Index ``domain``: business, free-mail. ``asked``, ``found`` (int64, people), ``rate``, ``low`` and ``high``
            (float64, 0 to 1) with the 95 % Wilson interval. Empty if not all of the run's people are in the frame, or
            if values were there before and the frame lacks ``enriched_source``, so that nobody knows who was asked.
        """
        contents_of(self)
        asked = _counts({kind: rate.asked for kind, rate in self.rates.items()}, "domain")
        bounds = [wilson(rate.found, rate.asked) for rate in self.rates.values()]
        found = pd.array([rate.found for rate in self.rates.values()], "int64")
        return pd.DataFrame(
            {
                "asked": asked,
                "found": found,
                "rate": found / asked,
                "low": pd.array([low for low, _ in bounds], "float64"),
                "high": pd.array([high for _, high in bounds], "float64"),
            }
        )

    @property
    def findings(self) -> tuple[str, ...]:
        """What a person should know, each with its evidence; none if not all of the run's people are in the frame."""
        return find(self, self.contents) if self.contents is not None and self.is_whole else ()

    def plot(self, kind: str = "status", *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Draw the report. Needs matplotlib: ``pip install "cleanlist-pandas[plot]"``.

        Parameters
        ----------
        kind : {"status", "seniority", "coverage", "spend"}
            People by what became of them; people who completed by seniority; the share of these who have each field;
            credits by time, of a frame that was made with ``provenance=True``.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a figure of its own.
        **kwargs
            For `matplotlib.axes.Axes.barh`, of ``spend`` for `plot`, such as ``color="tab:green"``.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigurationError
            For another kind, if matplotlib is missing, or if the frame has nothing of that kind.
        """
        if kind == "spend":
            return draw_curve(curve_of(self), ax=ax, **kwargs)
        return draw_bars(bars_of(self, kind), ax=ax, **kwargs)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        run = {**self.summary(), "notes": dict(self.notes)}
        if self.contents is None:
            return run
        domains = {kind: rate._asdict() for kind, rate in self.rates.items()}
        return {**run, **self.contents.to_dict(), "domains": domains, "findings": list(self.findings)}

    def summary(self) -> dict[str, Any]:
        """Return what ``frame.attrs`` carries: small, plain JSON, so that it survives Parquet."""
        return {
            "run_id": self.run_id,
            "people": self.people,
            "statuses": dict(self.statuses),
            "sources": dict(self.sources),
            "fields": list(self.fields),
            "column": self.column,
            "requests": self.requests,
            "credits": self.credits,
            "credits_in_doubt": self.credits_in_doubt,
            "budget": self.budget,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "companies_not_attempted": self.companies_not_attempted,
        }

    @classmethod
    def of_summary(cls, summary: Any) -> Self | None:
        """Return the report that made such a summary; None for anything else."""
        try:
            return cls(
                run_id=str(summary["run_id"]),
                statuses={str(RowStatus(word)): int(n) for word, n in summary["statuses"].items()},
                sources={str(Source(word)): int(n) for word, n in summary["sources"].items()},
                fields=parse_fields(summary["fields"]) if summary["fields"] else (),
                column=str(summary["column"]),
                seconds=float(summary["seconds"]),
                stopped=str(summary["stopped"]),
                people=int(summary["people"]),
                requests=int(summary["requests"]),
                credits=int(summary["credits"]),
                credits_in_doubt=int(summary["credits_in_doubt"]),
                companies_not_attempted=int(summary.get("companies_not_attempted", 0)),
                budget=int(summary["budget"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None

    def __repr__(self) -> str:
        return card_of(self).as_text()

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        return card_of(self).as_html()


def report_of(
    run_id: str,
    told: Told,
    result: Result | None,
    budget: int,
    *,
    fields: Iterable[FieldName] = (),
    column: Hashable = "",
    companies_not_attempted: int = 0,
) -> RunReport:
    """Sum up a run; without a result nothing had to be sent."""
    statuses, sources = told.statuses(), told.sources()
    return RunReport(
        run_id=run_id,
        people=len(told),
        statuses={str(status): statuses[status] for status in RowStatus if statuses[status]},
        sources={str(source): sources[source] for source in Source if sources[source]},
        fields=tuple(fields),
        column=column if isinstance(column, str) else "",
        requests=result.tally.requests if result else 0,
        credits=result.budget.settled if result else 0,
        credits_in_doubt=result.budget.in_doubt if result else 0,
        budget=budget,
        seconds=result.seconds if result else 0.0,
        stopped=result.reason if result else "",
        companies_not_attempted=companies_not_attempted,
        notes=dict(Counter(told.notes()).most_common(20)),
    )


def _counts(counts: Mapping[str, int], name: str) -> pd.Series[Any]:
    """Return counts as a Series whose dtypes do not depend on how many there are."""
    index = pd.Index(list(counts), dtype="str", name=name)
    return pd.Series(list(counts.values()), index=index, dtype="int64", name="n")
