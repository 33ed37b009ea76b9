"""The ledger's file: opened only where it can be trusted, private to its owner, durable at every commit.

Choices, measured: ``journal_mode=TRUNCATE`` with ``synchronous=EXTRA`` lost nothing in simulated power losses where WAL
with NORMAL lost charged rows in 220 of 510; WAL and PERSIST keep erased people in side files, and ``secure_delete``
overwrites what is deleted.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from cleanlist_pandas.errors import LedgerError

__all__ = [
    "PAGE_ROWS",
    "SCHEMA_VERSION",
    "damaged_row",
    "open_file",
    "open_memory",
    "paged",
    "transaction",
    "translated",
]

APPLICATION_ID: Final = 0x434C5044  # "CLPD"
BUSY_TIMEOUT_S: Final = 10.0
PAGE_ROWS: Final = 10_000  # read in some 50 ms

# Append-only: rows are written once and removed only by erase() and prune(). `lookups` is what was about to be sent,
# `outcomes` what came of it; a look-up without an outcome was cut off by a crash. Checksums are over a row's values.
# Ids are never used twice: an answer that lands after its person was erased must not become somebody else's.
_STEP_1 = """
CREATE TABLE runs (run TEXT PRIMARY KEY, pid INTEGER NOT NULL, at_us INTEGER NOT NULL);
CREATE TABLE lookups (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, world TEXT NOT NULL, service TEXT NOT NULL,
    address TEXT NOT NULL, fields TEXT NOT NULL, price INTEGER NOT NULL, at_us INTEGER NOT NULL,
    checksum INTEGER NOT NULL);
CREATE TABLE outcomes (
    lookup INTEGER PRIMARY KEY, status TEXT NOT NULL, credits INTEGER NOT NULL, reason TEXT NOT NULL,
    at_us INTEGER NOT NULL, body BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE erased (digest BLOB PRIMARY KEY, at_us INTEGER NOT NULL);
CREATE TABLE salt (salt BLOB NOT NULL);
INSERT INTO salt VALUES (randomblob(32));
"""

# A look-up that the service took and works on, by the token it is asked with. It has no outcome until that is known.
_STEP_2 = """
CREATE TABLE jobs (
    lookup INTEGER PRIMARY KEY, token TEXT NOT NULL, at_us INTEGER NOT NULL, checksum INTEGER NOT NULL);
CREATE INDEX job_tokens ON jobs (token);
"""

_STEPS: Final = (_STEP_1, _STEP_2)
SCHEMA_VERSION: Final = len(_STEPS)


def open_memory() -> sqlite3.Connection:
    """Return a ledger that lives as long as this object."""
    return _prepare(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))


def open_file(path: Path) -> sqlite3.Connection:
    """Open a ledger's file or create it, readable by its owner only.

    Raises
    ------
    LedgerError
        If the file is a link, a folder, somebody else's, no ledger, damaged, written by a newer version, or cannot
        be written; nothing is sent then.
    """
    try:
        _create_private(path)
        _check_owner(path)
        with suppress(FileNotFoundError):  # where there is one: SQLite would play a stranger's journal back
            _check_owner(path.with_name(f"{path.name}-journal"))
    except OSError as error:
        if isinstance(error, LedgerError):
            raise
        raise LedgerError(
            f"The ledger {path} cannot be opened ({os.strerror(error.errno or 0)}); nothing was sent. Name another "
            "file with ledger=… or CLEANLIST_LEDGER."
        ) from None
    with translated(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            return _prepare(connection, path)
        except BaseException:
            connection.close()
            raise


def _create_private(path: Path) -> None:
    """Make folder and file if missing, 0700 and 0600 from their first moment."""
    if os.path.lexists(path):
        return
    _create_folder(path.parent)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return  # another process was faster, and made the same file
    _sync_folder(path.parent)


def _create_folder(folder: Path) -> None:
    """Make a folder, 0700, and those above it, each with a durable name; one that is there may not have got it yet."""
    if not folder.parent.exists():
        _create_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(PermissionError):  # one that may be entered and not read was not made by us
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable, where the system can."""
    if os.name == "posix":  # pragma: no branch - Windows opens no folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check_owner(path: Path) -> None:
    """Refuse what is not a plain file of this user; shut others out of it."""
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode):
        raise LedgerError(f"The ledger {path} is a link or no plain file; nothing was sent. Name a file with ledger=….")
    if hasattr(os, "geteuid") and info.st_uid != os.geteuid():
        raise LedgerError(f"The ledger {path} belongs to another user; nothing was sent. Name your own with ledger=….")
    if not os.access(path, os.W_OK) or not info.st_mode & stat.S_IWUSR:
        raise LedgerError(f"The ledger {path} is read-only; nothing was sent. Make it writable or name another file.")
    if info.st_mode & 0o077:
        os.chmod(path, 0o600)


def _prepare(connection: sqlite3.Connection, path: Path | None = None) -> sqlite3.Connection:
    """Set durability, check what the file is, and bring it to this version."""
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA synchronous=EXTRA")
    # The tables first: another process may be making them, and then the marks come with them.
    n_tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if n_tables and owner != APPLICATION_ID:
        raise LedgerError(f"{path} is a database but no ledger; nothing was sent. Name another file with ledger=….")
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"The ledger {path} was written by a newer version of cleanlist_pandas; nothing was sent. Install that "
            "version to go on: another ledger would not know who was paid for."
        )
    if path is not None:
        _check_journal(connection, path)
        _check_pages(connection, path)
    if version < SCHEMA_VERSION:
        _migrate(connection)
    if connection.execute("SELECT count(*) FROM salt").fetchone()[0] != 1:
        raise _damaged(path)
    if connection.execute("SELECT 1 FROM jobs WHERE lookup NOT IN (SELECT id FROM lookups) LIMIT 1").fetchone():
        raise _damaged(path)  # such a row is written and goes with its look-up: two pages stand in each other's place
    return connection


def _check_journal(connection: sqlite3.Connection, path: Path) -> None:
    """Insist on the journal that survives a power loss."""
    mode = connection.execute("PRAGMA journal_mode=TRUNCATE").fetchone()[0]
    if mode != "truncate":
        raise LedgerError(
            f"The ledger {path} cannot be written durably there (journal: {mode}); nothing was sent. Name another file "
            "with ledger=…."
        )


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file whose pages do not fit together: a lost row would be bought again.

    ``quick_check`` takes as long and does not see that two tables have changed places, an empty one with the look-ups.
    """
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise _damaged(path)


def _migrate(connection: sqlite3.Connection) -> None:
    """Run the steps that are missing, all or none."""
    with transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have been faster
        for step in _STEPS[version:]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def paged(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """Read look-ups (`l`, its id first) page by page: whoever reads them all at once keeps runs from writing."""
    newest = 0
    page = f"{query} WHERE l.id > ? ORDER BY l.id LIMIT {PAGE_ROWS}"
    while rows := connection.execute(page, (newest,)).fetchall():
        yield from rows
        if rows[-1][0] <= newest:  # pages of the file stand in one another's place: there would be no end
            error = sqlite3.DatabaseError("rows are out of order")
            error.sqlite_errorname = "SQLITE_CORRUPT"
            raise error
        newest = rows[-1][0]


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all of a block or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path | None) -> Iterator[None]:
    """Turn SQLite's errors into ours: the border between the two."""
    failure: LedgerError | None = None
    try:
        yield
    except sqlite3.Error as error:
        failure = _failure(error, path)
    except UnicodeDecodeError:  # the same in SQLite's own words about it
        failure = _damaged(path)
    if failure is not None:  # raised outside the handler: no foreign frames, no bound values are shown with it
        raise failure from None


def _failure(error: sqlite3.Error, path: Path | None) -> LedgerError:
    """Say what a database error means for the person."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerError(
            f"The ledger {path} is locked by another program; nothing more was sent. Close that program or name "
            "another file with ledger=…."
        )
    if name.startswith("SQLITE_FULL"):
        return LedgerError(
            f"The disk of the ledger {path} is full; nothing more was sent. Free some space and run again."
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or "UTF-8" in str(error):  # text that no ledger holds
        return _damaged(path)
    if "closed database" in str(error):
        return LedgerError(f"The ledger {path} was closed; nothing more was sent. Open it again with cl.Ledger(…).")
    return LedgerError(
        f"The ledger {path} cannot be read or written ({name or 'database error'}); nothing more was sent. Name "
        "another file with ledger=…."
    )


def _damaged(path: Path | None) -> LedgerError:
    """Return the error for a file that cannot be trusted."""
    return LedgerError(
        f"The ledger {path} is damaged or no ledger; nothing was sent, because it may hold people already paid for. "
        "Restore it from a backup, or set it aside and name another file with ledger=…."
    )


def damaged_row(path: Path | None, lookup: int) -> LedgerError:
    """Return the error for a row that was changed behind our back."""
    return LedgerError(
        f"The ledger {path} holds a damaged row (look-up {lookup}); nothing was sent, because it may be a person "
        "already paid for. Restore it from a backup, or set it aside and name another with ledger=…."
    )
