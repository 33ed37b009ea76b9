"""Files written part by part, whole or not at all: CSV, TSV, Parquet and folders of it; of other kinds at once."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import is_datetime64_any_dtype, is_object_dtype, is_string_dtype

from cleanlist_pandas.errors import CleanlistError, ConfigurationError
from cleanlist_pandas.frame.texts import as_mask, cell_texts
from cleanlist_pandas.parquet import ParquetParts
from cleanlist_pandas.replacing import replaced
from cleanlist_pandas.sources import PARQUET, TEXT, reason

__all__ = ["AT_ONCE", "Seen", "Write", "open_sink"]

Write = Callable[[pd.DataFrame, "pa.Table | None"], None]
"""Writes some rows; beside the frame, if there is one, the table it was made from."""

AT_ONCE: Final[dict[str, str]] = {".feather": "to_feather", ".xlsx": "to_excel"}

# A spreadsheet runs a cell that begins like this as a formula; phone numbers do too, and are let through.
_FORMULA: Final = r"\A[=@+\-\t\r]"
_PHONE: Final = r"\A\+?-?[0-9][0-9 ().\-]*\z"
_UNITS: Final = ("s", "ms", "us")
_UNFIT: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"  # XML has no way to write them
_SHEET_CHARACTERS, _SHEET_ROWS = 32_767, 2**20 - 1  # of a cell, and below the header


class Seen:
    """What all rows together say of how cells are written as text, so that a column is written alike in every part."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_text = _is_text(name)
        self._is_sheet = Path(name).suffix.lower() == ".xlsx"
        self._returns = False
        self._is_float: set[Any] = set()
        self._times: dict[Any, pd.Series[Any]] = {}

    def look(self, frame: pd.DataFrame) -> None:
        """Look at some rows that will be written, or at cells that will be among them.

        Raises
        ------
        ConfigurationError
            If a workbook shall hold what none can.
        """
        if self._is_sheet and any(_is_unfit(frame.iloc[:, at]) for at in _texts(frame)):
            raise ConfigurationError(
                f"{self._name}: a workbook cannot hold control characters, or more than {_SHEET_CHARACTERS:,} "
                "characters in a cell; end it in .csv."
            )
        if not self._is_text:
            return
        self._returns |= any(_has_returns(frame.iloc[:, at]) for at in _texts(frame))
        self._returns |= any("\r" in str(name) for name in frame)
        for at, kind in enumerate(frame.dtypes):
            if is_datetime64_any_dtype(kind):
                name = frame.columns[at]
                self._times[name] = _telling(pd.concat([self._times.get(name), frame.iloc[:, at]]))
            elif kind == np.float64:
                self._is_float.add(frame.columns[at])

    @property
    def quoting(self) -> Any:
        """Everything is quoted where a cell holds what Python's csv module forgets to quote."""
        return csv.QUOTE_ALL if self._returns else csv.QUOTE_MINIMAL

    def alike(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return some rows so that each column is written as it would be among all rows."""
        new: dict[Any, Any] = {}
        for name, kind in zip(frame.columns, frame.dtypes, strict=True):
            if name in self._times and is_datetime64_any_dtype(kind):
                told = self._times[name]
                every = pd.concat([told, frame[name]], ignore_index=True)
                new[name] = every.astype(str).astype(object).where(every.notna(), None).iloc[len(told) :].array
            elif name in self._is_float and isinstance(kind, np.dtype) and kind.kind in "iu":
                new[name] = frame[name].astype("float64").array
        if not new:
            return frame
        out = frame.copy()
        for name, values in new.items():
            out[name] = values
        return out


def _telling(times: Any) -> Any:
    """Return those of some times that decide how all are written: by day, or down to which fraction of a second."""
    there = times.dropna()
    odd = [there[there != there.dt.normalize()].iloc[:1]]
    odd += [there[there != there.dt.floor(unit)].iloc[:1] for unit in _UNITS]
    return pd.concat(odd)


@contextmanager
def open_sink(name: str, seen: Seen, new_columns: Sequence[str]) -> Iterator[Write]:
    """Give what writes rows to a file, which takes the place of an old one when the block is done, and only then.

    Parameters
    ----------
    name : str
        A path, ``-`` for CSV on standard output, or a folder with a ``/`` behind it for Parquet files in it.
    seen : Seen
        That has looked at all rows.
    new_columns : sequence of str
        Columns that hold other people's text: in CSV and Excel files what a spreadsheet would run gets a ``'`` in
        front.

    Raises
    ------
    CleanlistError
        If it cannot be written, because the disk is full for example.
    """
    failure: OSError
    try:
        with _opened(name, seen, new_columns) as write:
            yield write
        return
    except BrokenPipeError:  # a reader that has seen enough is no failure
        raise
    except OSError as error:
        failure = error
    where = "Standard output" if name == "-" else name
    raise CleanlistError(f"{where}: could not be written ({reason(failure)}); name another file with -o.")


@contextmanager
def _opened(name: str, seen: Seen, new_columns: Sequence[str]) -> Iterator[Write]:
    """Open what is fit for a kind of file."""
    if name == "-":
        sys.stdout.flush()
        yield _text_writer(sys.stdout.buffer, ",", seen, new_columns)
        sys.stdout.flush()
        return
    suffix = Path(name).suffix.lower()
    with replaced(Path(name), folder=name.endswith("/")) as part:
        if name.endswith("/") or suffix in PARQUET:
            with ParquetParts(part, new_columns, folder=name.endswith("/")) as parquet:
                yield parquet.write
        elif suffix in AT_ONCE:
            frames: list[pd.DataFrame] = []
            yield lambda frame, table: frames.append(frame)
            whole = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
            _write_at_once(whole, part, suffix, new_columns)
        else:
            with open(part, "wb") as file:
                yield _text_writer(file, "\t" if suffix in (".tsv", ".tab") else ",", seen, new_columns)


def _is_text(name: str) -> bool:
    """Tell whether a file is written as text."""
    return name == "-" or (not name.endswith("/") and Path(name).suffix.lower() in TEXT)


def _text_writer(file: Any, separator: str, seen: Seen, new_columns: Sequence[str]) -> Write:
    """Return what writes rows as CSV in UTF-8, the first time below their names."""
    how: Any = {"index": False, "sep": separator, "lineterminator": "\n", "encoding": "utf-8", "quoting": seen.quoting}
    names = [True]

    def write(frame: pd.DataFrame, table: Any) -> None:
        seen.alike(_escaped(frame, new_columns)).to_csv(file, header=bool(names and names.pop()), **how)

    return write


def _write_at_once(frame: pd.DataFrame, path: str, suffix: str, new_columns: Sequence[str]) -> None:
    """Write a file of a kind that is written whole."""
    if suffix == ".xlsx":
        _write_sheet(_without_zones(_escaped(frame, new_columns)), path)
    else:
        getattr(frame, AT_ONCE[suffix])(path)


def _write_sheet(frame: pd.DataFrame, path: str) -> None:
    """Write a workbook in which text is text: openpyxl takes "=1" for a formula and "#N/A" for an error."""
    if len(frame) > _SHEET_ROWS:
        raise CleanlistError(f"A workbook has no room for {len(frame):,} rows; write to a file that ends in .csv.")
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        frame.to_excel(writer, index=False)
        (sheet,) = writer.sheets.values()
        for row in sheet.iter_rows():
            for cell in row:
                cell.data_type = "s" if cell.data_type in "fe" else cell.data_type


def _texts(frame: pd.DataFrame) -> list[int]:
    """Return the places of the columns that may hold text."""
    kinds = enumerate(frame.dtypes)
    return [at for at, kind in kinds if is_string_dtype(kind) or is_object_dtype(kind) or kind == "category"]


def _has_returns(column: pd.Series[Any]) -> bool:
    """Tell whether a cell holds a carriage return."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(column.cat.categories)
    return bool(as_mask(pc.match_substring(cell_texts(column), "\r")).any())


def _is_unfit(column: pd.Series[Any]) -> bool:
    """Tell whether a workbook cannot hold a cell; bytes are written as Python writes them, which it can."""
    if is_object_dtype(column.dtype):
        column = column[[isinstance(cell, str) for cell in column]]
    texts = cell_texts(column)
    is_long = (pc.max(pc.utf8_length(texts)).as_py() or 0) > _SHEET_CHARACTERS
    return is_long or bool(as_mask(pc.match_substring_regex(texts, _UNFIT)).any())


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its times in UTC without saying so: a spreadsheet knows no time zones."""
    zoned = frame.select_dtypes("datetimetz")
    return frame.assign(**{str(name): zoned[name].dt.tz_convert("UTC").dt.tz_localize(None) for name in zoned})


def _escaped(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the frame with what looks like a formula made plain text."""
    odd = [name for name in columns if name in frame and _has_formulas(frame[name])]
    return frame.assign(**{name: frame[name].map(_plain, na_action="ignore") for name in odd})


def _has_formulas(column: pd.Series[Any]) -> bool:
    """Tell whether a spreadsheet would run a cell: few columns have any, and are looked at cell by cell."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(column.cat.categories)
    texts = cell_texts(column)
    begins: Any = texts.filter(pa.array(as_mask(pc.match_substring_regex(texts, _FORMULA))))
    return not as_mask(pc.match_substring_regex(begins, _PHONE)).all()


def _plain(cell: Any) -> Any:
    """Put a quote before a text that a spreadsheet would run."""
    if isinstance(cell, str) and re.match(_FORMULA, cell) and not re.match(_PHONE.replace(r"\z", r"\Z"), cell):
        return "'" + cell
    return cell
