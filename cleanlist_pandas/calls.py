"""What the doors that spend do: prepare, run, join, and tell an early end. The docstrings are in `functions`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import pandas as pd

from cleanlist_pandas.case import Case, prepare
from cleanlist_pandas.ending import LIMITS, error_for, notices, warn
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.frame.mail_domains import classify
from cleanlist_pandas.last import remember
from cleanlist_pandas.plan.pilot import Pilot, draw
from cleanlist_pandas.purchase import Done, buy, join_case, new_run
from cleanlist_pandas.quote import agreed_budget, order_of, read_plan
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.records import Run
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Result
from cleanlist_pandas.screening import buy_screened
from cleanlist_pandas.signatures import discreet

__all__ = ["finish", "run_enrich", "run_pilot"]

Names = Iterable[str] | str | None


def run_enrich(frame: pd.DataFrame, fields: Names, options: Mapping[str, Any], stop: Stop) -> Done:
    """Do all the work of `enrich`, in the run's own thread."""
    plan = read_plan(options.get("plan"))
    names = fields if plan is None or fields is not None else plan.fields
    with prepare(frame, names, options, create=True) as case:
        who, budget = new_run(case), Budget(agreed_budget(case, plan))
        done = buy_screened(case, options, who, budget, stop) if case.screened else _buy_all(case, who, budget, stop)
    remember(done.frame, done.report)
    return done


def _buy_all(case: Case, who: Run, budget: Budget, stop: Stop) -> Done:
    """Run a case in one step."""
    result = buy(case, order_of(case), who, budget, stop)
    return join_case(case, who, [result] if result else [], budget, stop)


def run_pilot(
    frame: pd.DataFrame, n: int, fields: Names, seed: int, options: Mapping[str, Any], stop: Stop
) -> tuple[Done, Pilot]:
    """Do all the work of `pilot`, in the run's own thread."""
    with prepare(frame, fields, options, create=True) as case:
        everybody = case.decision.billable
        sample = draw(everybody, classify(case.keys.addresses.take(everybody)), n, seed)
        price = int(case.decision.prices[sample].sum())
        budget = Budget(price if case.max_credits is None else min(price, case.max_credits))
        who = new_run(case)
        result = buy(case, sample, who, budget, stop)
        done = join_case(case, who, [result] if result else [], budget, stop)
    remember(done.frame, done.report)
    asked = [done.answers[at] for at in sample.tolist()]
    asked = [answer for answer in asked if answer.status in (RowStatus.COMPLETED, RowStatus.NOT_FOUND)]
    return done, Pilot(
        n=len(asked),
        people=len(everybody),
        fields=case.fields,
        found=sum(answer.status is RowStatus.COMPLETED for answer in asked),
        filled={name: sum(name in answer.values for answer in asked) for name in map(str, case.fields)},
        credits=budget.settled,
        at_most=int(case.decision.prices.sum()),
        stopped=done.report.stopped,
        frame=done.frame,
    )


def finish(done: Done, again: Callable[..., Any], options: Mapping[str, Any]) -> pd.DataFrame:
    """Return the frame, with a warning or as an error if the run ended early.

    Parameters
    ----------
    done : Done
        What the run brought.
    again : callable
        The door itself, with the frame; it is called with the fields and options to go on with.
    options : mapping
        What the call was given.
    """
    result = done.result
    stop = result.stop if result else None
    if result is not None and stop is not None and stop not in LIMITS:
        left = _to_go_on(done, result)
        kept = {name: value for name, value in options.items() if name != "plan"}  # its budget is in max_credits now

        @discreet
        def resume(**how: Any) -> Any:
            return again(**{"fields": done.fields, **kept, **left, **how})

        detail = str(result.failure) if result.failure else result.reason
        raise error_for(stop, done.frame, done.report, detail, resume)
    for notice in notices(done.report, stop):
        warn(notice)
    return done.frame


def _to_go_on(done: Done, result: Result) -> dict[str, Any]:
    """Return the options by which a run is gone on with, whatever was set and closed around it meanwhile.

    What the first run was answered stands, even if it was told to take nothing from the ledger.
    """
    settings = done.settings
    own_age = timedelta(seconds=result.seconds + 1)
    return {
        "max_credits": result.budget.left,
        "base_url": settings.base_url,
        "api_key": settings.api_key,
        "service": settings.service,
        "ledger": done.ledger.path or done.ledger,
        "max_age": None if settings.max_age is None else max(settings.max_age, own_age),
    }
