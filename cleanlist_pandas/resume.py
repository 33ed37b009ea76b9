"""What a call leaves to the one that goes on with it, and what it takes over from the one before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.errors import ConfigurationError, LedgerError
from cleanlist_pandas.fields import FieldName
from cleanlist_pandas.option_table import OPTIONS
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.plan.job import Job
from cleanlist_pandas.plan.pilot import Pilot
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.report import RunReport
from cleanlist_pandas.run.tally import Result
from cleanlist_pandas.settings import Settings

__all__ = ["Call", "Done", "own_call", "read_plan", "same_call", "take_over"]

Call = tuple[pd.DataFrame, Any, dict[str, Any]]
"""A frame, the fields asked for, and the options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a call brought."""

    frame: pd.DataFrame = field(repr=False)
    fields: tuple[FieldName, ...]
    report: RunReport
    result: Result | None
    answers: Sequence[Answer] = field(repr=False)  # one for each unique person
    settings: Settings
    ledger: Ledger
    since: int  # the newest look-up before the call, or before the one it goes on with
    newest: int  # the newest look-up that is on disk for sure
    pilot: Pilot | None = None
    job: Job | None = None


def own_call(frame: Any, fields: Any, options: Mapping[str, Any]) -> Call:
    """Return what a call was given in a form that stays as it is, for as long as it can be resumed."""
    own = {name: _lasting(value) for name, value in options.items()}
    if "plan" in own:
        own["plan"] = read_plan(own["plan"])  # its file may be written over before the run is gone on with
    return _own_view(frame), _lasting(fields), own


def _own_view(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of our own with the same data: the caller may change theirs while a run goes on.

    pandas 3 copies what is written to, and only then; before, the data must be copied now.
    """
    return frame.copy(deep=pd.__version__ < "3") if isinstance(frame, pd.DataFrame) else frame


def _lasting(given: Any) -> Any:
    """Return what can be read again: read a second time, by a run that goes on, an iterator suppresses nobody."""
    return list(given) if isinstance(given, Iterator) else given


def same_call(done: Done, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options by which a run is gone on with, whatever was set and closed around it meanwhile."""
    settings = {name: getattr(done.settings, name) for name in OPTIONS}
    left = done.result.budget.left if done.result else 0
    return {**options, **settings, "ledger": done.ledger.path or done.ledger, "max_credits": left}


def take_over(before: Done | None, ledger: Ledger) -> int | None:
    """Write what the run before could not, and return from which look-up on the ledger's answers are its own."""
    if before is None or not ledger.is_same(before.ledger):
        return None
    if ledger.newest() < before.newest:
        raise LedgerError(
            f"The ledger {ledger.path} no longer holds what this run wrote; nothing was sent, because it would be paid "
            "for again. Restore it, or call enrich() anew."
        )
    if before.result and before.result.unwritten:
        ledger.settle(before.result.unwritten)
    return before.since


def read_plan(given: Any) -> Plan | None:
    """Return the plan a call names, a Plan or a file."""
    if given is None or isinstance(given, Plan):
        return given
    if isinstance(given, str | os.PathLike):
        return Plan.load(given)
    raise ConfigurationError("plan= must be a Plan or the path of a saved one.")
