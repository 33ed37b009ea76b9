"""Read a do-not-contact list: entries as they are, or a file of them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.columns import find_columns, pick

__all__ = ["read_suppress"]

_FILES = {".csv": ",", ".tsv": "\t"}
_DATA_SUFFIXES = {".txt", ".parquet", ".xlsx", ".xls", ".ods", ".json", ".feather", ".gz", ".zip", ".pq", *_FILES}
_ENTRY = re.compile(r"\S[.@]\S")


def read_suppress(given: str | os.PathLike[str] | Iterable[str] | None) -> list[str]:
    """Return the entries of a do-not-contact list. Sends nothing.

    Parameters
    ----------
    given : path, DataFrame or iterable of str, optional
        Addresses and domains; or a file: text with one entry a line, CSV, TSV or Parquet; or a table. Of a table the
        e-mail column counts, or its only column.

    Raises
    ------
    ConfigurationError
        If the file is missing or cannot be read: nothing is sent rather than somebody who must not be.
    """
    if given is None:
        return []
    if isinstance(given, os.PathLike) or (isinstance(given, str) and _looks_like_file(given)):
        return _read_file(Path(given).expanduser())
    if isinstance(given, str):
        return [given]
    if isinstance(given, pd.DataFrame):
        return _entries(given)
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise ConfigurationError("suppress must be addresses and domains in a list or Series, or a file of them.")
    return list(given)


def _looks_like_file(text: str) -> bool:
    """Whether a text is meant as a path and not as an address or a domain."""
    path = Path(text).expanduser()
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return "@" not in text and (bool(suffixes & _DATA_SUFFIXES) or os.sep in text or path.exists())


def _read_file(path: Path) -> list[str]:
    """Read one file of entries."""
    kind = path.suffix.lower()
    if kind in _DATA_SUFFIXES - {".txt", ".parquet", *_FILES}:
        raise ConfigurationError(f"The suppress file {path} cannot be read; save it as .txt, .csv, .tsv or .parquet.")
    try:
        if kind in _FILES:
            with path.open(encoding="utf-8-sig", newline="") as file:
                entries = _entries(_table(list(csv.reader(file, delimiter=_FILES[kind]))))
        elif kind == ".parquet":
            entries = _entries(pd.read_parquet(path))
        else:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            entries = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
            entries = entries if not entries or _ENTRY.search(entries[0]) else entries[1:]  # a header line
    except FileNotFoundError:
        raise ConfigurationError(f"The suppress file {path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException, ImportError) as error:
        raise ConfigurationError(f"The suppress file {path} cannot be read ({type(error).__name__}).") from None
    if not entries:
        raise ConfigurationError(f"The suppress file {path} names nobody; leave suppress= out if that is meant.")
    return entries


def _table(rows: list[list[str]]) -> pd.DataFrame:
    """Return the rows of a text file as a frame, whether or not they have a header and however ragged they are."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    width = max(map(len, rows), default=0)
    padded = [row + [""] * (width - len(row)) for row in rows]
    has_header = bool(padded) and not any(_ENTRY.search(cell) for cell in padded[0])
    frame = pd.DataFrame(padded[has_header:], columns=padded[0] if has_header else None, dtype=object)
    used = [number for number in range(width) if frame.iloc[:, number].str.strip().any()]
    return frame.iloc[:, used].replace("", None)


def _entries(frame: pd.DataFrame) -> list[str]:
    """Return the entries of a table: its only column, or its e-mail column."""
    if frame.shape[1] == 0:
        return []
    label = frame.columns[0] if frame.shape[1] == 1 else find_columns(frame).email
    return [str(entry) for entry in pick(frame, label).dropna()]
