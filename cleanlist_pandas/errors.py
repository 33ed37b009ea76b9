"""Every error of this package.

::

    CleanlistError
    ├── ConfigurationError (ValueError)   something asked for is wrong; nothing was sent
    │   └── ColumnsError                  the frame's columns do not say who to look up
    ├── LedgerError (OSError)             the ledger cannot be trusted or written; nothing more is sent
    └── RunStoppedError                   a run ended early; carries .partial, .report, .resume()
        ├── AuthenticationError           the key was refused (401, 403)
        ├── OutOfCreditsError             the account is empty (402)
        ├── ServiceError                  the service is down, absent or not understood
        ├── TariffError                   a look-up was charged more than its price
        ├── LedgerStoppedError (LedgerError)     the ledger could not be written any more
        └── RunInterrupted (KeyboardInterrupt)   Ctrl-C, the kernel's stop button, SIGTERM

A look-up that fails for one person is a value (``enriched_status``), never an exception.
No message holds an API key or an address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from cleanlist_pandas.run.report import RunReport

__all__ = [
    "AuthenticationError",
    "CleanlistError",
    "CleanlistWarning",
    "ColumnsError",
    "ConfigurationError",
    "LedgerError",
    "LedgerStoppedError",
    "OutOfCreditsError",
    "RunInterrupted",
    "RunStoppedError",
    "ServiceError",
    "TariffError",
]


class CleanlistError(Exception):
    """Base of every error of this package."""


class CleanlistWarning(UserWarning):
    """Something a person should know that did not stop the run."""


class ConfigurationError(CleanlistError, ValueError):
    """Something asked for is wrong; nothing was sent and nothing spent."""


class ColumnsError(ConfigurationError):
    """The frame's columns do not say who to look up."""


class LedgerError(CleanlistError, OSError):
    """The ledger cannot be trusted or written; nothing more is sent."""


class RunStoppedError(CleanlistError):
    """A run ended early. What was paid for is in the ledger.

    Attributes
    ----------
    partial : pandas.DataFrame, table of the kind that was handed in, or None
        The caller's rows with what was answered; the rest is ``not_attempted``.
    report : RunReport or None
        What was asked, answered and spent.
    """

    def __init__(
        self,
        message: str = "",
        partial: pd.DataFrame | None = None,
        report: RunReport | None = None,
        resume: Callable[..., pd.DataFrame] | None = None,
    ) -> None:
        super().__init__(message)
        self.partial = partial
        self.report = report
        self._resume = resume

    def resume(self, **how: Any) -> pd.DataFrame:
        """Run what is left of the same call; keywords replace those of the first call.

        Spends at most what the first run's budget had left, however often it is called, unless ``max_credits`` is
        given.
        """
        if self._resume is None:
            raise ConfigurationError(
                "This error was copied or unpickled and no longer knows its run; call enrich() again with the same "
                "frame: what was answered is in the ledger and costs nothing."
            )
        return self._resume(**how)

    def hand_back(self, like: Callable[[Any], Any], going_on: Callable[[Any], Any]) -> None:
        """Carry frames of another kind, and let the run that is gone on with return them, too."""
        self.partial = like(self.partial)
        self._resume = self._resume and going_on(self._resume)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (str(self), self.partial, self.report))


class AuthenticationError(RunStoppedError):
    """The service refused the key (401 or 403)."""


class OutOfCreditsError(RunStoppedError):
    """The account has no credits left (402)."""


class ServiceError(RunStoppedError):
    """The service is down, absent at this address, or its answers are not understood."""


class TariffError(RunStoppedError):
    """A look-up was charged more than its published price."""


class LedgerStoppedError(RunStoppedError, LedgerError):
    """The ledger could not be written any more; what was answered and not written is in ``.partial`` only."""


class RunInterrupted(RunStoppedError, KeyboardInterrupt):  # noqa: N818 - it is an interrupt first
    """The person (Ctrl-C, kernel stop) or the system (SIGTERM) ended the run."""
