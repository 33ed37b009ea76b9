"""This process's last run, for when a cell forgot to assign it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from cleanlist_pandas.cards import Card
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.run.report import RunReport
from cleanlist_pandas.run.report_card import card_of
from cleanlist_pandas.wording import n_of

__all__ = ["LastRun", "forget", "last_run", "remember"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # frames have no truth value: it is itself only
class LastRun:
    """The frame and report of a run.

    Attributes
    ----------
    frame : pandas.DataFrame
        What `enrich` returned, or the partial frame of a run that ended early.
    report : RunReport
        What the run did.
    """

    frame: pd.DataFrame
    report: RunReport

    def __repr__(self) -> str:
        return self._card().as_text()

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        return self._card().as_html()

    def _card(self) -> Card:
        """Return what a person is shown."""
        return replace(card_of(self.report), after=[f".frame holds {n_of(len(self.frame), 'row')}."])


_last: list[LastRun] = []


def remember(frame: pd.DataFrame, report: RunReport) -> None:
    """Keep the newest run."""
    _last[:] = [
        LastRun(frame=frame.copy(deep=False), report=report)
    ]  # what happens to the one handed out is its owner's affair


def forget() -> None:
    """Keep no run: its frame may be large."""
    _last.clear()


def last_run() -> LastRun:
    """Return this process's last run: its ``.frame`` and ``.report``. Sends nothing.

    Raises
    ------
    ConfigurationError
        If there was none yet.
    """
    if not _last:
        raise ConfigurationError("No run yet in this process; call enrich() first.")
    return _last[0]
