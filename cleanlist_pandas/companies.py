"""After the people their companies, where a surface tells industry and size by company: each once, from one budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cleanlist_pandas.case import Case, look_again
from cleanlist_pandas.plan.buckets import Ints
from cleanlist_pandas.purchase import buy
from cleanlist_pandas.quote import order_of
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.records import Run
from cleanlist_pandas.run.retry import StopKind
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Result
from cleanlist_pandas.run.till import Wants
from cleanlist_pandas.services.service import Lookup

__all__ = ["buy_companies", "companies_at", "people_to_ask"]


def buy_companies(
    case: Case, who: Run, budget: Budget, stop: Stop, steps: Sequence[Result], people: Ints | None = None
) -> tuple[Case, list[Result]]:
    """Look up companies. May spend up to what `budget` has left after the `steps` before.

    Parameters
    ----------
    people : ndarray of int64, optional
        Positions of people: only their companies are bought, by default those of all.

    Returns
    -------
    Case, list of Result
        The case as it was then, and the step, if there was one.
    """
    goes_on = all(step.stop in (None, StopKind.BUDGET) for step in steps)  # a company may be cheaper than a person
    if not goes_on or case.companies is None or not len(case.companies.decision.billable):
        return case, []
    companies = look_again(case).companies  # whoever was erased meanwhile wants none
    assert companies is not None  # noqa: S101 - it is planned by the same fields
    case = replace(case, companies=companies)
    order = order_of(companies)
    if people is not None:
        order = order[np.isin(order, companies_at(case, people))]
    spent_s = sum(step.seconds for step in steps)
    step = buy(companies, order, who, budget, stop, spent_s=spent_s, wants=_is_wanted(case))
    return case, [] if step is None else [replace(step, budget=budget)]


def _is_wanted(case: Case) -> Wants:
    """Return whether, of those who want a company, somebody was not erased by now."""
    assert case.companies is not None  # noqa: S101 - the caller looked
    wanted = case.companies.needs.rows & (case.keys.codes >= 0) & (case.companies.keys.codes >= 0)
    companies, people = case.companies.keys.codes[wanted], case.keys.codes[wanted]
    order = np.argsort(companies, kind="stable")
    which, starts = np.unique(companies[order], return_index=True)
    domains: list[Any] = case.companies.keys.addresses.take(which).to_pylist()
    whose = dict(zip(domains, np.split(people[order], starts[1:]), strict=True))

    def is_wanted(lookup: Lookup) -> bool:
        return not case.ledger.is_erased(case.keys.addresses.take(whose[lookup.address])).all()

    return is_wanted


def companies_at(case: Case, people: Ints) -> Ints:
    """Return the positions of the companies that some people want."""
    if case.companies is None:
        return np.empty(0, np.int64)
    wanted = case.companies.needs.rows & np.isin(case.keys.codes, people)
    return np.unique(case.companies.keys.codes[wanted & (case.companies.keys.codes >= 0)])


def people_to_ask(case: Case) -> Ints:
    """Return the positions of the people who would be bought, or whose company would; in first-seen order."""
    people = case.decision.billable
    if case.companies is None:
        return people
    bought = np.isin(case.companies.keys.codes, case.companies.decision.billable)
    return np.union1d(people, case.keys.codes[bought & case.companies.needs.rows & (case.keys.codes >= 0)])
