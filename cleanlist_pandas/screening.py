"""Screen, then pay for phones: ask everybody for the rest, then those whose answer passes ``phone_if=`` for a phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from cleanlist_pandas.case import Case, replan
from cleanlist_pandas.companies import buy_companies
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.purchase import buy, join_case, steps_of
from cleanlist_pandas.quote import order_of
from cleanlist_pandas.resume import Done
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.records import Run
from cleanlist_pandas.run.retry import StopKind
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Result, nothing_yet

__all__ = ["buy_screened"]

Predicate = Callable[[pd.DataFrame], Any]


def buy_screened(
    case: Case, predicate: Predicate, who: Run, budget: Budget, stop: Stop, told: Result | None = None
) -> Done:
    """Run a case in two steps, both from one budget: all but the phones, then the phones of those who pass.

    Raises
    ------
    ConfigurationError
        If the predicate does not work on a frame without answers; nothing was sent then.
    """
    rest = [name for name in case.fields if name != "phone"]
    if rest:
        screen = replan(case, rest, since=case.since)
        _passing(predicate, join_case(screen, who, [], budget, Stop()).frame)
        first = buy(screen, order_of(screen), who, budget, stop) or nothing_yet(budget)
        screen, companies = buy_companies(screen, who, budget, stop, [first])
        first, passing = _screened(predicate, screen, who, first, companies, budget)
    else:
        screen, companies = case, []
        first, passing = nothing_yet(budget), _passing(predicate, case.frame.copy())  # the copy is theirs to change
    only = None if passing is None else {"phone": passing}
    whole = replan(case, case.fields, since=case.began, own=case.seen, only=only)
    first, second = _moved(first, screen.keys.addresses, whole), None
    if screen.companies is not None and whole.companies is not None:
        companies = [_moved(step, screen.companies.keys.addresses, whole.companies) for step in companies]
    if all(step.stop is None for step in (first, *companies)):
        spent_s = sum(step.seconds for step in (first, *companies))
        second = buy(whole, order_of(whole), who, budget, stop, spent_s=spent_s)
    steps = steps_of(told, first, second or nothing_yet(budget), budget=budget)
    return join_case(whole, who, steps, budget, stop, companies)


def _screened(
    predicate: Predicate, case: Case, who: Run, result: Result, companies: Sequence[Result], budget: Budget
) -> tuple[Result, npt.NDArray[np.bool_] | None]:
    """Apply the predicate to what was answered; if it fails there, the run stops with what it has."""
    if any(step.stop is not None for step in (result, *companies)):
        return result, None
    try:
        return result, _passing(predicate, join_case(case, who, [result], budget, Stop(), companies).frame)
    except ConfigurationError as error:
        return replace(result, stop=StopKind.SCREEN, reason=str(error).rstrip(".")), None


def _passing(predicate: Predicate, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return the rows for which a predicate holds; what is missing does not."""
    index = frame.index  # before it may change the frame
    try:
        given = predicate(frame)
        told = pd.Series(given).astype("boolean")
    except BaseException as error:  # noqa: BLE001 - it is the caller's own function, and what was answered is paid for
        reason = f"{type(error).__name__}"
    else:
        moved = isinstance(given, pd.Series) and not told.index.equals(index)
        if len(told) == len(index) and not moved:
            return told.to_numpy(np.bool_, na_value=False)
        reason = "its index is not the frame's" if moved else f"{len(told):,} answers for {len(index):,} rows"
    raise ConfigurationError(f"phone_if= must give True or False for each row of the frame it is handed ({reason}).")


def _moved(result: Result, addresses: Any, case: Case) -> Result:
    """Return a result by the positions of another case: somebody may have been erased in between."""
    places = pc.index_in(addresses, value_set=case.keys.addresses).to_pylist()
    answers = {places[at]: answer for at, answer in result.answers.items() if places[at] is not None}
    rivals = {places[at]: records for at, records in result.rivals.items() if places[at] is not None}
    return replace(result, answers=answers, rivals=rivals)
