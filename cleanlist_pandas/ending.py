"""How a run that ended early is told: one's own limits as a warning, everything else as an error with the frame."""

from __future__ import annotations

import re
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
from cleanlist_pandas.wording import n_of

__all__ = ["LIMITS", "error_for", "in_shell", "notices", "told_in_shell", "warn"]


@dataclass(frozen=True, slots=True)
class _Ending:
    """How one kind of ending is told: what to type next in Python and in the shell."""

    error: type[RunStoppedError]
    happened: str
    advice: str
    advice_in_shell: str


_AGAIN: Final = "run the same command again: what was answered is not paid for twice"
_ENDINGS: Final = {
    StopKind.AUTHENTICATION: _Ending(
        AuthenticationError,
        "The service refused the API key",
        "Check CLEANLIST_API_KEY or call error.resume(api_key=…)",
        f"Check CLEANLIST_API_KEY, then {_AGAIN}",
    ),
    StopKind.CREDITS: _Ending(
        OutOfCreditsError,
        "The account is out of credits",
        "Top it up, then call error.resume()",
        f"Top it up, then {_AGAIN}",
    ),
    StopKind.SERVICE: _Ending(
        ServiceError,
        "The service could not be used",
        "Check base_url and its status, then call error.resume()",
        f"Check CLEANLIST_BASE_URL and the service's status, then {_AGAIN}",
    ),
    StopKind.THROTTLED: _Ending(
        ServiceError,
        "The service kept asking to wait",
        "Call error.resume() in a few minutes, perhaps with a lower rate_per_minute=",
        f"In a few minutes, perhaps with a lower --rate-per-minute, {_AGAIN}",
    ),
    StopKind.TARIFF: _Ending(
        TariffError,
        "A look-up was charged more than its price",
        "Ask the vendor before you call error.resume(); cl.Ledger().audit() lists it",
        "Ask the vendor before you run it again; cleanlist-pandas ledger audit lists it",
    ),
    StopKind.LEDGER: _Ending(
        LedgerStoppedError,
        "The ledger could not be written",
        "Mend that, then call error.resume()",
        "Mend that, then run it again with another -o: answers that did not reach the ledger are in this file only",
    ),
    StopKind.SCREEN: _Ending(
        RunStoppedError,
        "No phone was bought, because phone_if= failed on the answers",
        "Mend it, then call error.resume(phone_if=…)",
        f"To go on, {_AGAIN}",  # the shell has no phone_if=
    ),
    StopKind.INTERRUPT: _Ending(
        RunInterrupted,
        "The run was interrupted",
        "Go on by running it again or with error.resume(); cl.last_run().frame has the rows so far, too",
        f"To go on, {_AGAIN}",
    ),
}
LIMITS: Final = (StopKind.BUDGET, StopKind.TIME)
_PACKAGE: Final = str(Path(__file__).parent)


def error_for(
    stop: StopKind, partial: pd.DataFrame, report: RunReport, detail: str, resume: Callable[..., pd.DataFrame]
) -> RunStoppedError:
    """Return the error of a run that ended early: what happened, what was spent, what to type next."""
    ending = _ENDINGS[stop]
    kept = "error.partial, and error.resume() writes it" if stop is StopKind.LEDGER else "error.partial and the ledger"
    why = "" if stop is StopKind.INTERRUPT else f" ({detail.rstrip('.')})"
    message = f"{ending.happened}{why}. {_spent(report)}; what was answered is kept in {kept}. {ending.advice}."
    return ending.error(message, partial, report, resume)


def told_in_shell(error: RunStoppedError, report: RunReport) -> str:
    """Return the same for somebody who types commands."""
    ending = next(ending for ending in _ENDINGS.values() if str(error).startswith(ending.happened))
    spent = _spent(report)
    return in_shell(f"{str(error).partition(f'. {spent}')[0]}. {spent}. {ending.advice_in_shell}.")


_OPTION: Final = re.compile(
    r"\b(columns|fields|known|suppress|skip|max_age|on_existing|in_doubt|ledger|rate_per_minute|max_credits|priority"
    r"|concurrency|max_seconds|provenance|plan|price_per_credit)=(\S?)"
)


def in_shell(text: str) -> str:
    """Return a text with its options as they are typed in the shell: ``--max-credits 5`` for ``max_credits=5``."""
    text = re.sub(r'columns=\{"(\w+)": None\}', r"--column \1=", text)
    text = text.replace("cl.plan(df, …).save(path)", "cleanlist-pandas plan FILE -o PLAN.json")
    spelt = _OPTION.sub(lambda found: f"--{found[1].replace('_', '-')}{' ' * bool(found[2])}{found[2]}", text)
    return spelt.replace("--columns", "--column")


def _spent(report: RunReport) -> str:
    """Return what a run cost, as a sentence without its stop."""
    were = "was" if report.credits == 1 else "were"
    doubt = f", {report.credits_in_doubt:,} more are in doubt" if report.credits_in_doubt else ""
    return f"{n_of(report.credits, 'credit')} {were} spent{doubt}"


def warn(message: str) -> None:
    """Warn at the line of the caller's own code, however deep in this package we are."""
    depth, frame = 2, sys._getframe(1)  # 1 would be this function, 2 is its caller
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, CleanlistWarning, stacklevel=depth)


def notices(report: RunReport, stop: StopKind | None, balance: int | None = None) -> list[str]:
    """Return what a person should know of a run that was not an error; `balance` is the account's before it."""
    found: list[Any] = []
    if balance is not None and balance < report.budget:
        found.append(
            f"The account held {n_of(balance, 'credit')} before this run, and it could have cost {report.budget:,}; "
            f"{_spent(report)}. Top it up before the next one."
        )
    if stop in LIMITS:
        left = n_of(report.statuses.get("not_attempted", 0), "person", "people")
        if report.companies_not_attempted:
            left += f" and {n_of(report.companies_not_attempted, 'company', 'companies')}"
        found.append(
            f"Stopped early: {report.stopped}. {_spent(report)}, {left} not_attempted; run it again to go on, what was "
            "answered costs nothing."
        )
    if report.notes:
        odd = "; ".join(f"{n} × {note}" for note, n in list(report.notes.items())[:3])
        found.append(f"The service sent odd values; what could not be used is kept raw in the ledger: {odd}.")
    return found
