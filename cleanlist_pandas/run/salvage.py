"""Read what can be read of a ledger, sound or damaged, without trusting or changing it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pandas as pd

from cleanlist_pandas.errors import CleanlistError, ConfigurationError, LedgerError
from cleanlist_pandas.run.ledger_file import paged
from cleanlist_pandas.run.records import checksum

__all__ = ["read_only", "readable_rows", "write_export"]

_COLUMNS: Final = ("world", "service", "address", "fields", "price", "sent_at")
_OUTCOME_COLUMNS: Final = ("status", "credits", "reason", "answered_at", "body")
_ALL: Final = (
    "SELECT l.id, l.run, l.world, l.service, l.address, l.fields, l.price, l.at_us, l.checksum, "
    "o.status, o.credits, o.reason, o.at_us, o.body, o.checksum "
    "FROM lookups l LEFT JOIN outcomes o ON o.lookup = l.id"
)
_ONE: Final = f"{_ALL} WHERE l.id = ?"
_MOST_ROWS_A_PAGE: Final = 60  # a row takes 80 bytes at least; bounds the search where the count is damaged


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file as it is: no recovery, no lock, nothing written."""
    if not path.is_file():
        raise ConfigurationError(f"There is no ledger at {path}.")
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
    try:
        yield connection
    finally:
        connection.close()


def readable_rows(connection: sqlite3.Connection) -> pd.DataFrame:
    """Return every look-up that can be read and whose checksums fit."""
    rows = [(*row[2:8], *row[9:13], _text(row[13])) for row in _rows(connection) if _is_sound(row[0], row[1:])]
    frame = pd.DataFrame(rows, columns=[*_COLUMNS, *_OUTCOME_COLUMNS])
    for name in ("sent_at", "answered_at"):
        frame[name] = pd.to_datetime(frame[name].astype("Int64"), unit="us", utc=True)
    return frame.astype({"price": "Int64", "credits": "Int64"})


def write_export(frame: pd.DataFrame, path: Path) -> int:
    """Write rows to a new file that only its owner can read, whole or not at all."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet", ".pq"):
        raise ConfigurationError(f"{path}: an export is CSV or Parquet; end its name in .csv or .parquet.")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise ConfigurationError(f"{path} exists already; name a new file.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written ({os.strerror(error.errno or 0)}).") from None
    try:
        if suffix == ".csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, index=False)
    except BaseException as error:
        path.unlink(missing_ok=True)  # half an export would stand in the way of the next
        if not isinstance(error, OSError):
            raise
        reason = os.strerror(error.errno or 0)
    else:
        return len(frame)
    raise CleanlistError(f"{path} could not be written ({reason}); name a file elsewhere.")


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Read all rows, each once; where the file breaks off, go on one by one."""
    read: set[int] = set()
    try:
        for row in paged(connection, _ALL):
            if row[0] not in read:
                yield row
            read.add(row[0])
        return
    except sqlite3.DatabaseError:
        last = _last(connection)
    for number in sorted({*range(1, last + 1)} - read):
        with suppress(sqlite3.DatabaseError):
            row = connection.execute(_ONE, (number,)).fetchone()
            if row is not None:
                yield row


def _last(connection: sqlite3.Connection) -> int:
    """Return the highest id there can be: what the file says, as far as a file of its size can hold it."""
    try:
        most = _MOST_ROWS_A_PAGE * int(connection.execute("PRAGMA page_count").fetchone()[0])
    except sqlite3.DatabaseError:
        raise LedgerError("Nothing of the ledger can be read any more; restore it from a backup.") from None
    try:
        last = int(connection.execute("SELECT max(id) FROM lookups").fetchone()[0] or 0)
        return last if last <= most else most
    except (sqlite3.DatabaseError, TypeError, ValueError):
        return most


def _is_sound(number: int, row: tuple[Any, ...]) -> bool:
    """Whether both halves of a look-up are as they were written."""
    if checksum((number, *row[:7])) != row[7]:
        return False
    return row[8] is None or checksum((number, *row[8:13])) == row[13]


def _text(body: Any) -> str | None:
    """Return an answer as text."""
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else None
