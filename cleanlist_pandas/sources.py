"""Files of contacts, read part by part and as often as is needed: CSV, TSV, Parquet and folders of it, and more.

Text files are read as text, cell by cell: postcodes keep their zeros, and what goes in comes out.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from cleanlist_pandas.datasets import open_dataset
from cleanlist_pandas.errors import ConfigurationError

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
_BEGINNING: Final = 10_000  # bytes in which separator and length of the rows are found out
_SAID_SEPARATOR: Final = r'"?sep=([,;\t|])"?(?:\r\n|\r|\n)'  # a first line that speaks to Excel
_PART: Final = 32 * 2**20  # bytes of a part, about
_FEWEST, _MOST = 1_000, 100_000  # rows of a part
_EXACT: Final = 2**53  # below it a float tells whole numbers apart
_EMPTY: Final = "The file is empty; it needs a header row at least."


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
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else type(error).__name__


def _opened(name: str, beside: str, stack: ExitStack) -> Callable[[int | None], Iterator[Part]]:
    """Return what reads a file's parts."""
    suffix = "" if name == "-" else Path(name).suffix.lower()
    if name != "-" and (suffix in PARQUET or (Path(name).is_dir() and suffix in TEXT)):
        dataset = open_dataset(Path(name))
        return lambda n_rows: (_of_table(table) for table in dataset.tables(n_rows or _rows_of(dataset.row_bytes)))
    if suffix in _READERS:
        part = Part(whole_rows(pd.DataFrame(_READERS[suffix](name))))
        return lambda n_rows: iter([part])
    if suffix in _PACKED:
        raise ConfigurationError(f"{name}: is compressed; unpack it first, into a file or through a pipe, and name -.")
    if suffix not in TEXT:
        known = ", ".join(sorted({*filter(None, TEXT), *PARQUET, *_READERS}))
        raise ConfigurationError(f"{name}: files of this kind cannot be read; use one of {known}.")
    return _text_parts(stack.enter_context(_seekable(name, beside)))


def _sheet(name: str) -> pd.DataFrame:
    """Read the first sheet of a workbook as it is: text that looks like a number, or like nothing, stays text."""
    cells = pd.read_excel(name, header=None, dtype=object, keep_default_na=False, na_values=[""])
    if cells.empty:
        raise ConfigurationError(_EMPTY)
    header = ["" if pd.isna(label) else label for label in cells.iloc[0]]
    _check_header(header)
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


def _rows_of(row_bytes: float) -> int:
    """Return how many rows make a part."""
    return int(min(_MOST, max(_FEWEST, _PART / max(row_bytes, 1))))


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


def _text_parts(file: BinaryIO) -> Callable[[int | None], Iterator[Part]]:
    """Return what reads CSV whatever its separator and encoding."""
    encoding = _encoding(file)
    file.seek(0)
    beginning = file.read(_BEGINNING)
    text = beginning.decode(encoding, "replace")
    said = re.match(_SAID_SEPARATOR, text)
    text = text[said.end() :] if said else text
    first = re.sub(r'"[^"]*"', "", text).lstrip("\r\n")
    header_row = re.split(r"[\r\n]", first, maxsplit=1)[0]
    separator = said[1] if said else max(",;\t|", key=header_row.count)
    is_list = separator not in header_row  # of one column: a blank line is a blank cell of it
    n_skipped = (said is not None) + (_n_blank(text) if is_list else 0)
    if pd.__version__ < "3":
        _check_lengths(file, encoding, separator, n_skipped)
    n_fitting = _rows_of(len(beginning) / max(beginning.count(b"\n"), 1))

    def parts(n_rows: int | None) -> Iterator[Part]:
        file.seek(0)
        n_rows = n_rows or n_fitting
        try:
            # With a header of its own making pandas renames columns and, where rows are longer, shifts their cells.
            reader = pd.read_csv(
                file,
                sep=separator,
                encoding=encoding,
                header=None,
                dtype=str,
                keep_default_na=False,
                na_filter=False,
                skip_blank_lines=not is_list,
                skiprows=n_skipped,
                iterator=True,
            )
        except pd.errors.EmptyDataError:
            raise ConfigurationError(_EMPTY) from None
        with reader:
            cells: Any = reader.get_chunk(min(n_rows, sys.maxsize - 1) + 1)
            header = cells.iloc[0].tolist()
            _check_header(header)
            cells = cells.iloc[1:]
            while cells is not None:
                yield Part(cells.reset_index(drop=True).set_axis(header, axis=1))
                cells = _next(reader, n_rows)

    return parts


def _n_blank(text: str) -> int:
    """Return how many lines are blank before the first that is not."""
    breaks = text[: len(text) - len(text.lstrip("\r\n"))]
    return len(re.findall("\r\n|\r|\n", breaks))


def _check_lengths(file: BinaryIO, encoding: str, separator: str, n_skipped: int) -> None:
    """Refuse rows that are longer than the header: pandas 2 cuts them where it begins to read on."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(islice(text, n_skipped, None), delimiter=separator)
    try:
        n_cells = next((len(row) for row in rows if row), 0)
        long = next((row for row in rows if len(row) > n_cells), None)
        if long is not None:
            line = n_skipped + rows.line_num
            raise pd.errors.ParserError(f"Expected {n_cells} fields in line {line}, saw {len(long)}")
    except csv.Error:
        pass  # pandas says what is wrong
    finally:
        text.detach()


def _next(reader: Any, n_rows: int) -> Any:
    """Return the next rows, if there are any."""
    try:
        return reader.get_chunk(n_rows)
    except StopIteration:
        return None


def _check_header(header: list[Any]) -> None:
    """Refuse a first row that is none."""
    if any(isinstance(name, str) and re.search(r"\S@\S+\.\S", name) for name in header):
        raise ConfigurationError(
            "The first row holds an address, so it is no header; add a row of column names above it."
        )


def _encoding(file: BinaryIO) -> str:
    """Return the encoding of a text file."""
    if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(2**20):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        _refuse_damaged(file)
        return "cp1252"
    return "utf-8-sig"


def _refuse_damaged(file: BinaryIO) -> None:
    """Refuse what is UTF-8 but for a few bytes: taken for Windows-1252, each é of it would become Ã©."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    n_lines, n_foreign, n_wrong, first = 1, 0, 0, 0
    while block := file.read(2**20):
        text = decoder.decode(block)
        if not n_wrong and "\ufffd" in text:
            first = n_lines + text[: text.index("\ufffd")].count("\n")
        n_wrong += text.count("\ufffd")
        n_foreign += len(text) - len(text.encode("ascii", "ignore"))
        n_lines += text.count("\n")
    if n_foreign > 2 * n_wrong:
        raise ConfigurationError(f"Line {first} is no UTF-8, and the file is; mend the line, or save the file anew.")
