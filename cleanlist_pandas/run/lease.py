"""A run's lease: a lock the kernel drops when its owner dies, however it dies."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from cleanlist_pandas.errors import LedgerError

__all__ = ["Lease", "lease_is_held"]


def _lock_path(ledger: Path, run: str) -> Path:
    """Return the lock file of one run, beside its ledger."""
    return ledger.with_name(f".{ledger.name}.{run}.lock")


class Lease:
    """Held for the length of a run; a ledger in memory needs none.

    Parameters
    ----------
    ledger : Path or None
        The ledger's file.
    run : str
        The run's id.
    """

    def __init__(self, ledger: Path | None, run: str) -> None:
        self._path = None if ledger is None else _lock_path(ledger, run)
        self._lock = None if self._path is None else FileLock(self._path, mode=0o600, thread_local=False)

    def __enter__(self) -> Self:
        if self._lock is not None:
            try:
                self._lock.acquire(timeout=0)
            except (OSError, NotImplementedError):
                raise LedgerError(
                    f"No lock can be made beside the ledger ({self._path}); nothing was sent. Name a ledger in a "
                    "folder you may write to, with ledger=… or CLEANLIST_LEDGER."
                ) from None
        return self

    def renew(self) -> None:
        """Take the lock anew if its file was cleaned away: others would take this run for dead."""
        if self._lock is not None and self._path is not None and not self._path.exists():
            self._lock.release()
            self.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._lock is not None and self._path is not None:
            with suppress(OSError):  # the run is over and on disk: a file that stays costs nothing
                self._path.unlink(missing_ok=True)  # while held: nobody can take it for a dead run's in between
            self._lock.release()


def lease_is_held(ledger: Path | None, run: str) -> bool:
    """Whether a run's owner is alive. A lock file nobody holds is a dead run's, and is tidied away."""
    if ledger is None:
        return False
    path = _lock_path(ledger, run)
    if not path.exists():
        return False
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        raise LedgerError(
            f"The lock file {path} cannot be opened, so nobody can tell whether another run is asking; nothing more "
            "was sent. Remove it if no other run is going on, and run again."
        ) from None
    with suppress(OSError):
        path.unlink(missing_ok=True)
    lock.release()
    return False
