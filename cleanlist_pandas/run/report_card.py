"""How a report looks: its card and its pictures. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cleanlist_pandas.cards import Card, Table
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.contents import Contents
from cleanlist_pandas.plan.expect import wilson
from cleanlist_pandas.plots import Bars, Curve
from cleanlist_pandas.run.findings import share
from cleanlist_pandas.wording import n_of

if TYPE_CHECKING:
    from cleanlist_pandas.run.report import RunReport

__all__ = ["bars_of", "card_of", "contents_of", "curve_of"]


def contents_of(report: RunReport) -> Contents:
    """Return what was counted in a report's frame.

    Raises
    ------
    ConfigurationError
        If the report was made by the run itself.
    """
    if report.contents is None:
        raise ConfigurationError(
            "This report was made by the run and did not look into its frame; out.cleanlist.report() does."
        )
    return report.contents


def card_of(report: RunReport) -> Card:
    """Return what a person is shown of a report."""
    people = ", ".join(f"{n:,} {status.replace('_', ' ')}" for status, n in report.statuses.items() if n)
    lines = [f"{n_of(report.people, 'person', 'people')}: {people or 'none'}."]
    if report.companies_not_attempted:
        lines.append(f"{n_of(report.companies_not_attempted, 'company', 'companies')} not attempted.")
    if report.credits_in_doubt:
        lines.append(
            f"{n_of(report.credits_in_doubt, 'credit')} in doubt: sent and never answered, perhaps charged; "
            'not sent again unless in_doubt="retry".'
        )
    lines += [f"{n:,} × {note}" for note, n in report.notes.items()]
    if report.stopped:
        lines.append(f"Stopped early: {report.stopped}.")
    contents = report.contents
    spent = f"{report.credits:,} of at most {n_of(report.budget, 'credit')} spent"
    return Card(
        label="Report of a run",
        title=f"{spent}, {n_of(report.requests, 'request')}.",
        lines=lines if contents is None else [*lines, *_about_frame(report, contents)],
        points=report.findings,
        tables=[] if contents is None else _tables(report, contents),
    )


def _about_frame(report: RunReport, contents: Contents) -> list[str]:
    """Say how many were found, and what the tables count."""
    lines = [f"Hit rate: {share(report.found, report.asked)}."] if report.asked else []
    if contents.unit == "rows":
        lines.append("No column of addresses was found: rows are counted; name it with report(columns=…).")
    elif not report.is_whole:
        lines.append(f"This frame holds {contents.n:,} of the run's {report.people:,} people: these are counted.")
    elif report.asked and not report.rates:
        lines.append("Hit rates by mail domain need enrich(provenance=True): some values were there before.")
    return lines


def _tables(report: RunReport, contents: Contents) -> list[Table]:
    """Return the tables that have rows."""
    n, unit = contents.completed, contents.unit
    tables = [
        _domains(report),
        _table(f"Coverage of {n:,} completed {unit}", "field", unit, contents.coverage, n),
        _table("Seniority", "level", unit, contents.seniorities),
        _table("E-mail status", "status", unit, contents.email_statuses),
    ]
    return [table for table in tables if table.rows]


def _table(caption: str, name: str, unit: str, counts: Mapping[str, int], n: int | None = None) -> Table:
    """Return counts and their shares of `n`; without `n` of their sum, and without what does not occur."""
    shown = counts if n is not None else {word: n_word for word, n_word in counts.items() if n_word}
    whole = (sum(counts.values()) if n is None else n) or 1
    return Table(
        caption=caption,
        head=(name, unit, "share"),
        rows=[(word, f"{n_word:,}", f"{n_word / whole:.0%}") for word, n_word in shown.items()],
        text="{1:>9} {0:<22}{2:>5}",
        numbers=frozenset({1, 2}),
    )


def _domains(report: RunReport) -> Table:
    """Return who was found by kind of mail domain."""
    rows = []
    for kind, rate in report.rates.items():
        low, high = wilson(rate.found, rate.asked)
        found = f"{rate.found / rate.asked:.0%}"
        rows.append((kind, f"{rate.asked:,}", f"{rate.found:,}", found, f"{low:.0%} to {high:.0%}"))
    return Table(
        caption="Hit rate by mail domain",
        head=("domain", "people", "found", "hit rate", "95 % interval"),
        rows=rows,
        text="{1:>9} {0:<22}{3:>5} found ({2}; 95 % interval {4})",
        numbers=frozenset({1, 2, 3, 4}),
    )


def bars_of(report: RunReport, kind: str) -> Bars:
    """Return what one kind of picture shows."""
    if kind == "status":
        return Bars(counts={word: n for word, n in report.statuses.items() if n}, label="people")
    contents = contents_of(report) if kind in ("seniority", "coverage") else None
    if contents is not None and kind == "seniority" and contents.seniorities:
        return Bars(counts=dict(reversed(list(contents.seniorities.items()))), label=f"completed {contents.unit}")
    if contents is not None and kind == "coverage" and contents.coverage:
        label = f"share of {contents.completed:,} completed {contents.unit}"
        return Bars(counts=contents.coverage, label=label, whole=contents.completed)
    raise ConfigurationError(_why_not(kind, known=contents is not None))


def curve_of(report: RunReport) -> Curve:
    """Return what was charged in the course of a run."""
    spend = contents_of(report).spend
    if not spend:
        raise ConfigurationError(
            "The frame does not tell what was charged when, so there is no plot of kind 'spend': it needs "
            "enrich(provenance=True), and a run that was charged for something."
        )
    seconds, credits = zip(*spend, strict=True)
    return Curve(x=seconds, y=credits, labels=("seconds since the first charge", "credits charged"))


def _why_not(kind: str, *, known: bool) -> str:
    """Say why there is no picture."""
    if known:
        return f"The frame has no column to draw kind={kind!r} from; ask for it with enrich(fields=…)."
    kinds = ("status", "seniority", "coverage", "spend")
    close = difflib.get_close_matches(str(kind), kinds, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"A report has no plot of kind {kind!r}; {hint}the kinds are {', '.join(kinds)}."
