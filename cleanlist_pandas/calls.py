"""What the doors that spend do: prepare, run, join, and tell an early end. The docstrings are in `functions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from cleanlist_pandas.case import Case, prepare
from cleanlist_pandas.companies import buy_companies, companies_at, people_to_ask
from cleanlist_pandas.ending import LIMITS, error_for, notices, warn
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.frame.mail_domains import classify
from cleanlist_pandas.last import remember
from cleanlist_pandas.plan.buckets import Ints
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.plan.pilot import Pilot, draw
from cleanlist_pandas.purchase import buy, collect, join_case, new_run, steps_of
from cleanlist_pandas.quote import agreed_budget, order_of
from cleanlist_pandas.resume import Done, own_call, same_call
from cleanlist_pandas.run import bridge
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.records import Run
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Result
from cleanlist_pandas.screening import buy_screened
from cleanlist_pandas.signatures import door

__all__ = ["budget_of", "buy_all", "finish", "run_enrich", "run_pilot"]

Work = Callable[..., Done]
"""All the work of a door: takes a call, the switch that stops it, and the run it goes on with."""


def run_enrich(
    frame: pd.DataFrame, fields: Any, options: Mapping[str, Any], stop: Stop, before: Done | None = None
) -> Done:
    """Do all the work of `enrich`, in the run's own thread."""
    plan: Plan | None = options.get("plan")
    names = fields if plan is None or fields is not None else plan.fields
    with (
        prepare(frame, names, options, create=True, before=before) as planned,
        agreed_budget(planned, plan, begun=before is not None) as limit,
    ):
        who, budget = new_run(planned), budget_of(limit, before)
        case, told = collect(planned, who, stop)
        if told is not None and told.stop is not None:
            done = join_case(case, who, steps_of(told, budget=budget), budget, stop)
        elif case.screened:
            done = buy_screened(case, options["phone_if"], who, budget, stop, told)
        else:
            done = buy_all(case, who, budget, stop, told)
    remember(done.frame, done.report)
    return done


def budget_of(limit: int, before: Done | None) -> Budget:
    """Return a run's budget; what it spends is gone from the one it goes on with, too."""
    return Budget(limit, before=before.result.budget if before and before.result else None)


def buy_all(case: Case, who: Run, budget: Budget, stop: Stop, told: Result | None) -> Done:
    """Run a case: the people in one step, then their companies."""
    result = buy(case, order_of(case), who, budget, stop, spent_s=told.seconds if told else 0.0)
    steps = steps_of(told, result, budget=budget)
    case, companies = buy_companies(case, who, budget, stop, steps)
    return join_case(case, who, steps, budget, stop, companies)


def run_pilot(
    frame: pd.DataFrame,
    fields: Any,
    options: Mapping[str, Any],
    stop: Stop,
    before: Done | None = None,
    *,
    n: int,
    seed: int,
) -> Done:
    """Do all the work of `pilot`, in the run's own thread; one that is gone on with asks for the rest of its number."""
    begun = before.pilot if before else None
    with prepare(frame, fields, options, create=True, before=before) as planned:
        who = new_run(planned)
        case, told = collect(planned, who, stop)
        everybody = people_to_ask(case)
        left = n - begun.n if begun else n
        sample = draw(everybody, classify(case.keys.addresses.take(everybody)), left, seed)
        price = int(case.decision.prices[sample].sum())
        if case.companies is not None:
            price += int(case.companies.decision.prices[companies_at(case, sample)].sum())
        budget = budget_of(price if case.max_credits is None else min(price, case.max_credits), before)
        goes_on, asked = told is None or told.stop is None, sample[case.decision.prices[sample] > 0]
        result = buy(case, asked, who, budget, stop, spent_s=told.seconds if told else 0.0) if goes_on else None
        steps = steps_of(told, result, budget=budget)
        case, companies = buy_companies(case, who, budget, stop, steps, sample)
        done = join_case(case, who, steps, budget, stop, companies)
    remember(done.frame, done.report)
    pilot = _pilot_of(case, done, sample, len(everybody), budget.settled)
    if begun is not None and begun.fields == pilot.fields:
        pilot = begun.gone_on_with(pilot)
    return replace(done, pilot=pilot)


def _pilot_of(case: Case, done: Done, sample: Ints, people: int, credits: int) -> Pilot:
    """Return what a sample said."""
    asked = [done.answers[at] for at in sample.tolist()]
    asked = [answer for answer in asked if answer.status in (RowStatus.COMPLETED, RowStatus.NOT_FOUND)]
    return Pilot(
        n=len(asked),
        people=people,
        fields=case.fields,
        found=sum(answer.status is RowStatus.COMPLETED for answer in asked),
        filled={name: sum(name in answer.values for answer in asked) for name in map(str, case.fields)},
        credits=credits,
        at_most=case.ceiling,
        stopped=done.report.stopped,
        frame=done.frame,
    )


def finish(done: Done, work: Work, kind: type, frame: pd.DataFrame, fields: Any, options: Mapping[str, Any]) -> Any:
    """Return what a call brought, with a warning or as an error if it ended early.

    Parameters
    ----------
    done : Done
        What the work brought.
    work : callable
        The work itself, to go on with.
    kind : type
        The options that going on takes.
    frame, fields, options
        The call, as `own_call` gives it.
    """
    result = done.result
    stop = result.stop if result else None
    if result is not None and stop is not None and stop not in LIMITS:

        @door(kind)
        def resume(fields: Any = done.fields, **how: Any) -> Any:
            again = own_call(frame, fields, {**same_call(done, options), **how})
            return finish(bridge.call(partial(work, *again, before=done)), work, kind, *again)

        detail = str(result.failure) if result.failure else result.reason
        raise error_for(stop, done.frame, done.report, detail, resume)
    for notice in notices(done.report, stop, result.balance if result else None):
        warn(notice)
    return next(made for made in (done.job, done.pilot, done.frame) if made is not None)
