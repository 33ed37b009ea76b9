"""Files of contacts, read part by part and as often as is needed: CSV, TSV, Parquet and folders of it, and more.

Text files are read as text, cell by cell: postcodes keep their zeros, and what goes in comes out.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from cleanlist_pandas.datasets import open_dataset
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.separated import EMPTY, check_header, rows_of, text_frames

__all__ = ["PARQUET", "TEXT", "Part", "Source", "open_source", "read_frame", "told", "whole_rows"]

TEXT: Final = {".csv", ".tsv", ".tab", ".txt", ""}
PARQUET: Final = {".parquet", ".pq"}
_READERS: Final[dict[str, Callable[..., Any]]] = {
    ".feather": pd.read_feather,
    ".xlsx": lambda name: _sheet(name),
    ".xls": lambda name: _sheet(name),
    ".ods": lambda name: _sheet(name),
}
_PACKED: Final = {".gz", ".bz2", ".xz", ".zst", ".zip", ".7z"}
_EXACT: Final = 2**53  # below it a float tells whole numbers apart


class Part(NamedTuple):
    """Some rows of a file, one after the other."""

    frame: pd.DataFrame
    table: pa.Table | None = None  # the same as Parquet has it: to be handed on as it is


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is open.

    Attributes
    ----------
    parts : callable
        Reads it from its beginning: all parts, of so many rows at most, by default as fit into memory well. There is
        one at least, which is empty where there are no rows.
    """

    parts: Callable[[int | None], Iterator[Part]]


def read_frame(name: str) -> pd.DataFrame:
    """Read a file of contacts whole.

    Parameters
    ----------
    name : str
        A path, or ``-`` for CSV on standard input. Of CSV files the separator (comma, semicolon, tab, bar) and the
        encoding (UTF-8, UTF-16 with its mark, else Windows-1252) are found out.

    Raises
    ------
    ConfigurationError
        If it is missing or cannot be read as a table.
    """
    with open_source(name) as source:
        (part,) = source.parts(sys.maxsize)
        return part.frame


@contextmanager
def open_source(name: str, beside: str = "-") -> Iterator[Source]:
    """Open a file of contacts, as for `read_frame`, or a folder of Parquet files.

    Parameters
    ----------
    name : str
        A path, or ``-``. What can be read only once is first copied to a file without a name, which is gone when this
        process is.
    beside : str
        In whose folder: the output's, where there must be room for as much; ``-`` where temporary files usually are.
    """
    with ExitStack() as stack:
        with told(name):
            read = _opened(name, beside, stack)

        def parts(n_rows: int | None) -> Iterator[Part]:
            with told(name):
                yield from read(n_rows)

        yield Source(parts)


@contextmanager
def told(name: str) -> Iterator[None]:
    """Tell in a sentence why a file cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise ConfigurationError(f"{name}: there is no such file.") from None
    except (OSError, ValueError, ImportError) as error:
        if isinstance(error, ConfigurationError):
            raise
        told = isinstance(error, pd.errors.ParserError | ImportError)  # these say where or what, and hold no cell
        detail = str(error).split("C error: ")[-1].strip().rstrip(".") if told else reason(error)
        raise ConfigurationError(f"{name}: cannot be read as a table ({detail}).") from None


def reason(error: Exception) -> str:
    """Return why the system refused a file, in its words; of other errors the kind only: they may quote a cell."""
    if isinstance(error, UnicodeDecodeError) and error.encoding != "utf-8":
        return "neither UTF-8 nor Windows-1252; save it as UTF-8"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else type(error).__name__


def _opened(name: str, beside: str, stack: ExitStack) -> Callable[[int | None], Iterator[Part]]:
    """Return what reads a file's parts."""
    suffix = "" if name == "-" else Path(name).suffix.lower()
    if name != "-" and (suffix in PARQUET or (Path(name).is_dir() and suffix in TEXT)):
        dataset = open_dataset(Path(name))
        return lambda n_rows: (_of_table(table) for table in dataset.tables(n_rows or rows_of(dataset.row_bytes)))
    if suffix in _READERS:
        part = Part(whole_rows(pd.DataFrame(_READERS[suffix](name))))
        return lambda n_rows: iter([part])
    if suffix in _PACKED:
        raise ConfigurationError(f"{name}: is compressed; unpack it first, into a file or through a pipe, and name -.")
    if suffix not in TEXT:
        known = ", ".join(sorted({*filter(None, TEXT), *PARQUET, *_READERS}))
        raise ConfigurationError(f"{name}: files of this kind cannot be read; use one of {known}.")
    frames = text_frames(stack.enter_context(_seekable(name, beside)))
    return lambda n_rows: map(Part, frames(n_rows))


def _sheet(name: str) -> pd.DataFrame:
    """Read the first sheet of a workbook as it is: text that looks like a number, or like nothing, stays text."""
    cells = pd.read_excel(name, header=None, dtype=object, keep_default_na=False, na_values=[""])
    if cells.empty:
        raise ConfigurationError(EMPTY)
    header = ["" if pd.isna(label) else label for label in cells.iloc[0]]
    check_header(header)
    below = cells.iloc[1:].reset_index(drop=True)
    return pd.DataFrame({at: _typed(below[at]) for at in below}).set_axis(header, axis=1)


def _typed(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Return cells with the type they have in common; whole numbers stay whole beside empty cells."""
    typed = cells.infer_objects()
    there = typed.dropna()
    is_whole = typed.dtype == np.float64 and len(there) and (there % 1 == 0).all() and there.abs().max() < _EXACT
    return typed.astype("Int64") if is_whole else typed


def whole_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose index says nothing: one with a meaning is a column."""
    plain = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    return frame if plain else frame.reset_index()


def _of_table(table: pa.Table) -> Part:
    """Return a part as pandas reads it, and as it is."""
    return Part(table.to_pandas(), table)


@contextmanager
def _seekable(name: str, beside: str) -> Iterator[BinaryIO]:
    """Open a text file so that it can be read again."""
    if name == "-" and sys.stdin is None:
        raise ConfigurationError("Standard input is closed; name a file instead of -.")
    with ExitStack() as stack:
        file: Any = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
        if name == "-" or not file.seekable():
            file = stack.enter_context(_copied(file, None if beside == "-" else Path(beside).resolve().parent))
        yield file


@contextmanager
def _copied(file: BinaryIO, folder: Path | None) -> Iterator[Any]:
    """Give a copy that has no name, in some folder or where temporary files usually are."""
    with tempfile.TemporaryFile(dir=folder) as copy:
        try:
            shutil.copyfileobj(file, copy, 2**20)
            copy.flush()
        except OSError as error:
            why = reason(error)
            raise ConfigurationError(
                f"What comes through the pipe could not be kept in {folder or tempfile.gettempdir()} to be read twice "
                f"({why}); nothing was sent. Write it to a file, and name that."
            ) from None
        yield copy
