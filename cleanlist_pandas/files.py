"""Frames from files and back: CSV, TSV, Parquet, ``-`` for standard input or output, and what else pandas reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pandas.api.types import is_object_dtype

from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.tables import is_table, to_pandas
from cleanlist_pandas.replacing import replaced
from cleanlist_pandas.sinks import AT_ONCE, Seen, open_sink
from cleanlist_pandas.sources import PARQUET, TEXT, read_frame

__all__ = [
    "check_apart",
    "check_output",
    "check_place",
    "known_tables",
    "read_frame",
    "write_frame",
    "write_json",
]


def check_output(frame: pd.DataFrame, name: str, *sources: str, is_parquet: bool = False) -> None:
    """Refuse, before anything is bought, an output that could not be written, or is one of the files it is made of.

    Parameters
    ----------
    is_parquet : bool
        Whether the frame came as Parquet: its columns are handed on to Parquet as they are, whatever pandas makes of
        them.

    Raises
    ------
    ConfigurationError
        If the kind of file cannot be written or not with these columns, the folder is missing or closed, or it is one
        of the `sources`.
    """
    check_place(name, *sources)
    suffix = ".parquet" if name.endswith("/") else Path(name).suffix.lower()
    if name == "-" or suffix in TEXT:
        return
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise ConfigurationError(f"{name}: cannot hold two columns named {twice!r}; end it in .csv, or rename one.")
    if suffix != ".xlsx" and not (is_parquet and suffix in PARQUET):
        try:
            pa.Table.from_pandas(frame.loc[:, [is_object_dtype(kind) for kind in frame.dtypes]])
        except pa.ArrowException:
            raise ConfigurationError(f"{name}: cannot hold columns of mixed types; end it in .csv.") from None


def check_place(name: str, *sources: str) -> None:
    """Refuse an output that could not be written whatever is in it, or is one of the files it is made of."""
    if name == "-":
        if sys.stdout is None:
            raise ConfigurationError("Standard output is closed; name a file with -o.")
        return
    path = Path(name).resolve()
    suffix = path.suffix.lower()
    is_known = suffix in {*TEXT, *PARQUET, *AT_ONCE} and (suffix != ".xlsx" or find_spec("openpyxl"))
    if not name.endswith("/") and not is_known:
        raise ConfigurationError(f"{name}: files of this kind cannot be written; end it in .csv or .parquet.")
    if way_out := _other_place(name, path):
        raise ConfigurationError(f"{name}: cannot be written there; {way_out}.")
    check_apart(name, *sources)


def _other_place(name: str, path: Path) -> str:
    """Return what to name instead of a place that cannot be written; nothing of one that can."""
    if name.endswith("/"):
        if path.exists() and not _is_ours(path):
            return "it holds other things than Parquet files that were written here; name a new folder"
    elif path.is_dir():
        return f"it is a folder; name a file, or {name}/ for a folder of Parquet files"
    given = Path(name)  # a pipe's name leads to a place that is none: it is there by its own name only
    is_odd = given.exists() and not (given.is_file() or given.is_dir())
    is_shut = not path.parent.is_dir() or not os.access(path.parent, os.W_OK)
    return "name a file in a folder that exists, or - for standard output" if is_odd or is_shut else ""


def _is_ours(path: Path) -> bool:
    """Tell whether a folder holds nothing but what is written into folders here: it may be replaced."""
    return path.is_dir() and all(file.match("part-*.parquet") and file.is_file() for file in path.iterdir())


def check_apart(name: str, *sources: str) -> None:
    """Refuse an output that is one of the files it is made of, holds one of them, or lies in a folder of them."""
    path = Path(name)
    for source in map(Path, (source for source in sources if source != "-")):
        same = path.exists() and source.exists() and path.samefile(source)
        ours, theirs = path.resolve(), source.resolve()
        if same or ours in theirs.parents or theirs in ours.parents:
            raise ConfigurationError(f"{name}: is the input itself or in it; name another file with -o.")


def write_frame(frame: pd.DataFrame, name: str, new_columns: list[str]) -> None:
    """Write a frame, whole or not at all.

    Parameters
    ----------
    frame : pandas.DataFrame
        What to write.
    name : str
        A path, or ``-`` for CSV on standard output.
    new_columns : list of str
        Columns that hold other people's text: in CSV and Excel files what a spreadsheet would run gets a ``'`` in
        front.

    Raises
    ------
    CleanlistError
        If it cannot be written, because the disk is full for example.
    """
    seen = Seen(name)
    seen.look(frame)
    with open_sink(name, seen, new_columns) as write:
        write(frame, None)


def write_json(content: Mapping[str, Any], path: str | os.PathLike[str], what: str, advice: str = "") -> None:
    """Write a small JSON file that a person can read, whole or not at all.

    Raises
    ------
    ConfigurationError
        If it cannot be written; names `what` it would have been, and ends with the `advice`.
    """
    target, text = Path(path).expanduser(), json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    try:
        with replaced(target) as part:
            Path(part).write_text(text, encoding="utf-8")
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConfigurationError(f"The {what} cannot be written to {target} ({why}){advice}.") from None


def known_tables(known: Any) -> list[pd.DataFrame]:
    """Return the tables of known people that a call is given, read where it is a path."""
    if known is None:
        return []
    given = [known] if isinstance(known, pd.DataFrame | str | os.PathLike) or is_table(known) else known
    if not isinstance(given, Iterable):
        raise ConfigurationError("known= must be a frame or a path, or a list of them.")
    return [_table(one) for one in given]


def _table(one: Any) -> pd.DataFrame:
    """Return one table of known people."""
    if isinstance(one, pd.DataFrame):
        return one
    if is_table(one):
        return to_pandas(one)
    if isinstance(one, str | os.PathLike):
        return read_frame(str(Path(one).expanduser()))
    raise ConfigurationError(f"known= holds a {type(one).__name__}; it takes frames and paths.")
