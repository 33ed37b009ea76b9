"""How a run that ended early is told: one's own limits as a warning, everything else as an error with the frame."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from cleanlist_pandas.errors import (
    AuthenticationError,
    CleanlistWarning,
    LedgerStoppedError,
    OutOfCreditsError,
    RunInterrupted,
    RunStoppedError,
    ServiceError,
    TariffError,
)
from cleanlist_pandas.run.report import RunReport
from cleanlist_pandas.run.retry import StopKind

__all__ = ["LIMITS", "error_for", "notices", "told_in_shell", "warn"]


@dataclass(frozen=True, slots=True)
class _Ending:
    """How one kind of ending is told."""

    error: type[RunStoppedError]
    happened: str
    advice: str  # for Python; in the shell the advice is always to run the same command again


_ENDINGS: Final = {
    StopKind.AUTHENTICATION: _Ending(
        AuthenticationError,
        "The service refused the API key",
        "Check CLEANLIST_API_KEY or call error.resume(api_key=…)",
    ),
    StopKind.CREDITS: _Ending(
        OutOfCreditsError, "The account is out of credits", "Top it up, then call error.resume()"
    ),
    StopKind.SERVICE: _Ending(
        ServiceError, "The service could not be used", "Check base_url and its status, then call error.resume()"
    ),
    StopKind.THROTTLED: _Ending(
        ServiceError,
        "The service kept asking to wait",
        "Call error.resume() in a few minutes, perhaps with a lower rate_per_minute=",
    ),
    StopKind.TARIFF: _Ending(
        TariffError,
        "A look-up was charged more than its price",
        "Ask the vendor before you call error.resume(); cl.Ledger().audit() lists it",
    ),
    StopKind.LEDGER: _Ending(
        LedgerStoppedError, "The ledger could not be written", "Mend that, then call error.resume()"
    ),
    StopKind.SCREEN: _Ending(
        RunStoppedError,
        "No phone was bought, because phone_if= failed on the answers",
        "Mend it, then call error.resume(phone_if=…)",
    ),
    StopKind.INTERRUPT: _Ending(
        RunInterrupted, "The run was interrupted", "Go on with error.resume() or by running it again"
    ),
}
LIMITS: Final = (StopKind.BUDGET, StopKind.TIME)
_PACKAGE: Final = str(Path(__file__).parent)


def error_for(
    stop: StopKind, partial: pd.DataFrame, report: RunReport, detail: str, resume: Callable[..., pd.DataFrame]
) -> RunStoppedError:
    """Return the error of a run that ended early: what happened, what was spent, what to type next."""
    ending = _ENDINGS[stop]
    doubt = f", {report.credits_in_doubt:,} more are in doubt" if report.credits_in_doubt else ""
    spent = f"{report.credits:,} credits were spent{doubt}; what was answered is kept in error.partial and the ledger"
    why = "" if stop is StopKind.INTERRUPT else f" ({detail})"
    message = f"{ending.happened}{why}. {spent}. {ending.advice}."
    return ending.error(message, partial, report, resume)


def told_in_shell(error: RunStoppedError) -> str:
    """Return the same for somebody who types commands; the report beside it says what was spent."""
    happened = str(error).partition(". ")[0]
    return f"{happened}. Run the same command again to go on: what was answered is not paid for twice."


def warn(message: str) -> None:
    """Warn at the line of the caller's own code, however deep in this package we are."""
    depth, frame = 2, sys._getframe(1)  # 1 would be this function, 2 is its caller
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, CleanlistWarning, stacklevel=depth)


def notices(report: RunReport, stop: StopKind | None) -> list[str]:
    """Return what a person should know of a run that was not an error."""
    found: list[Any] = []
    if stop in LIMITS:
        left = report.statuses.get("not_attempted", 0)
        found.append(
            f"Stopped early: {report.stopped}. {report.credits:,} credits were spent, {left:,} people are "
            "not_attempted; run it again to go on, what was answered costs nothing."
        )
    if report.notes:
        odd = "; ".join(f"{n} × {note}" for note, n in list(report.notes.items())[:3])
        found.append(f"The service sent odd values; what could not be used is kept raw in the ledger: {odd}.")
    return found
