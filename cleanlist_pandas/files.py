"""Frames from files and back: CSV, TSV, Parquet, ``-`` for standard input or output, and what else pandas reads.

Text files are read as text, cell by cell: postcodes keep their zeros, and what goes in comes out.
"""

from __future__ import annotations

import csv
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from pandas.api.types import is_object_dtype, is_string_dtype

from cleanlist_pandas.errors import CleanlistError, ConfigurationError

__all__ = ["check_apart", "check_output", "read_frame", "replaced", "write_frame"]

_TEXT: Final = {".csv", ".tsv", ".tab", ".txt", ""}
_READERS: Final[dict[str, Callable[..., Any]]] = {
    ".parquet": pd.read_parquet,
    ".pq": pd.read_parquet,
    ".feather": pd.read_feather,
    ".xlsx": pd.read_excel,
    ".xls": pd.read_excel,
    ".ods": pd.read_excel,
}
_WRITERS: Final[dict[str, str]] = {
    ".parquet": "to_parquet",
    ".pq": "to_parquet",
    ".feather": "to_feather",
    ".xlsx": "to_excel",
}

# A spreadsheet runs a cell that begins like this as a formula; phone numbers do too, and are let through.
_FORMULA: Final = r"\A[=@+\-\t\r]"
_PHONE: Final = r"\A\+?-?[0-9][0-9 ().\-]*\Z"


def read_frame(name: str) -> pd.DataFrame:
    """Read a file of contacts.

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
    try:
        suffix = "" if name == "-" else Path(name).suffix.lower()
        if suffix in _READERS:
            frame = pd.DataFrame(_READERS[suffix](name))
            plain = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
            return frame if plain else frame.reset_index()  # an index with a meaning is written as a column
        if suffix not in _TEXT:
            known = ", ".join(sorted({*filter(None, _TEXT), *_READERS}))
            raise ConfigurationError(f"{name}: files of this kind cannot be read; use one of {known}.")
        if name == "-" and sys.stdin is None:
            raise ConfigurationError("Standard input is closed; name a file instead of -.")
        return _read_text(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes())
    except FileNotFoundError:
        raise ConfigurationError(f"{name}: there is no such file.") from None
    except ConfigurationError:
        raise
    except (OSError, ValueError, ImportError) as error:
        told = isinstance(error, pd.errors.ParserError | ImportError)  # these say where or what, and hold no cell
        detail = str(error).split("C error: ")[-1].strip().rstrip(".") if told else _reason(error)
        raise ConfigurationError(f"{name}: cannot be read as a table ({detail}).") from None


def _reason(error: Exception) -> str:
    """Return why the system refused a file, in its words; of other errors the kind only: they may quote a cell."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else type(error).__name__


def _read_text(content: bytes) -> pd.DataFrame:
    """Read CSV whatever its separator and encoding."""
    encoding = _encoding(content)
    beginning = re.sub(r'"[^"]*"', "", content[:10_000].decode(encoding, "replace")).lstrip("\r\n")
    separator = max(",;\t|", key=re.split(r"[\r\n]", beginning, maxsplit=1)[0].count)
    try:
        # With a header of its own making pandas renames columns and, where rows are longer, shifts their cells.
        cells = pd.read_csv(
            BytesIO(content),
            sep=separator,
            encoding=encoding,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
        )
    except pd.errors.EmptyDataError:
        raise ConfigurationError("The file is empty; it needs a header row at least.") from None
    header = cells.iloc[0].tolist()
    if any(isinstance(name, str) and re.search(r"\S@\S+\.\S", name) for name in header):
        raise ConfigurationError(
            "The first row holds an address, so it is no header; add a row of column names above it."
        )
    return cells.iloc[1:].reset_index(drop=True).set_axis(header, axis=1)


def _encoding(content: bytes) -> str:
    """Return the encoding of a text file."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    with suppress(UnicodeDecodeError):
        content.decode("utf-8")
        return "utf-8-sig"
    return "cp1252"


def check_output(frame: pd.DataFrame, name: str, *sources: str) -> None:
    """Refuse, before anything is bought, an output that could not be written, or is one of the files it is made of.

    Raises
    ------
    ConfigurationError
        If the kind of file cannot be written or not with these columns, the folder is missing or closed, or it is one
        of the `sources`.
    """
    if name == "-":
        if sys.stdout is None:
            raise ConfigurationError("Standard output is closed; name a file with -o.")
        return
    path = Path(name).resolve()
    suffix = path.suffix.lower()
    if suffix not in {*_TEXT, *_WRITERS} or (suffix == ".xlsx" and not find_spec("openpyxl")):
        raise ConfigurationError(f"{name}: files of this kind cannot be written; end it in .csv or .parquet.")
    if (path.exists() and not path.is_file()) or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ConfigurationError(f"{name}: cannot be written there; name a file in a folder that exists.")
    if suffix in _WRITERS and not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise ConfigurationError(f"{name}: cannot hold two columns named {twice!r}; end it in .csv, or rename one.")
    if suffix in _WRITERS and suffix != ".xlsx":
        try:
            pa.Table.from_pandas(frame.loc[:, [is_object_dtype(kind) for kind in frame.dtypes]])
        except pa.ArrowException:
            raise ConfigurationError(f"{name}: cannot hold columns of mixed types; end it in .csv.") from None
    check_apart(name, *sources)


def check_apart(name: str, *sources: str) -> None:
    """Refuse an output that is one of the files it is made of."""
    path = Path(name)
    for source in sources:
        if source != "-" and path.exists() and Path(source).exists() and path.samefile(source):
            raise ConfigurationError(f"{name}: is the input itself; name another file with -o.")


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
    failure: OSError
    try:
        return _write_whole(frame, name, new_columns)
    except BrokenPipeError:  # a reader that has seen enough is no failure
        raise
    except OSError as error:
        failure = error
    where = "Standard output" if name == "-" else name
    raise CleanlistError(f"{where}: could not be written ({_reason(failure)}); name another file with -o.")


def _write_whole(frame: pd.DataFrame, name: str, new_columns: list[str]) -> None:
    """Write, a file beside the old one first, which then takes its place."""
    if name == "-":
        sys.stdout.flush()
        _write_text(_escaped(frame, new_columns), sys.stdout.buffer, ",")
        sys.stdout.flush()
        return
    with replaced(Path(name)) as part:
        _write(frame, part, Path(name).suffix.lower(), new_columns)


@contextmanager
def replaced(path: Path) -> Iterator[str]:
    """Give a file to write, which takes the place of the one at `path` when the block is done, and only then."""
    path = path.resolve()  # a link stays a link
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix or ".csv")
    os.close(handle)
    try:
        yield part
        os.chmod(part, mode)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _write(frame: pd.DataFrame, path: str, suffix: str, new_columns: list[str]) -> None:
    """Write one file of a kind."""
    if suffix in _WRITERS:
        spreadsheet = suffix == ".xlsx"
        options = {"index": False} if suffix != ".feather" else {}
        writable = _without_zones(_escaped(frame, new_columns)) if spreadsheet else frame
        getattr(writable, _WRITERS[suffix])(path, **options)
        return
    _write_text(_escaped(frame, new_columns), path, "\t" if suffix in (".tsv", ".tab") else ",")


def _write_text(frame: pd.DataFrame, target: Any, separator: str) -> None:
    """Write CSV in UTF-8; everything quoted where a cell holds what Python's csv module forgets to quote."""
    returns = any(frame.iloc[:, at].astype("string").str.contains("\r", regex=False).any() for at in _texts(frame))
    quoting: Any = csv.QUOTE_ALL if returns or any("\r" in str(name) for name in frame) else csv.QUOTE_MINIMAL
    frame.to_csv(target, index=False, sep=separator, lineterminator="\n", encoding="utf-8", quoting=quoting)


def _texts(frame: pd.DataFrame) -> list[int]:
    """Return the places of the columns that may hold text."""
    kinds = enumerate(frame.dtypes)
    return [at for at, kind in kinds if is_string_dtype(kind) or is_object_dtype(kind) or kind == "category"]


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its times in UTC without saying so: a spreadsheet knows no time zones."""
    zoned = frame.select_dtypes("datetimetz")
    return frame.assign(**{str(name): zoned[name].dt.tz_convert("UTC").dt.tz_localize(None) for name in zoned})


def _escaped(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the frame with what looks like a formula made plain text."""
    return frame.assign(**{name: frame[name].map(_plain, na_action="ignore") for name in columns if name in frame})


def _plain(cell: Any) -> Any:
    """Put a quote before a text that a spreadsheet would run."""
    if isinstance(cell, str) and re.match(_FORMULA, cell) and not re.match(_PHONE, cell):
        return "'" + cell
    return cell


def _umask() -> int:
    """Return the process's file mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
