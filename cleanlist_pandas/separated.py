"""Text files as tables, whatever their separator and encoding: each cell as it stands there."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO, Final

import pandas as pd

from cleanlist_pandas.errors import ConfigurationError

__all__ = ["EMPTY", "check_header", "rows_of", "text_frames"]

EMPTY: Final = "The file is empty; it needs a header row at least."
_BEGINNING: Final = 10_000  # bytes in which separator and length of the rows are found out
_SAID_SEPARATOR: Final = r'"?sep=([,;\t|])"?(?:\r\n|\r|\n)'  # a first line that speaks to Excel
_NO_TEXT: Final = (b"PAR1", b"ARRO", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")  # and Feather, workbooks, gzip
_PART: Final = 32 * 2**20  # bytes of a part, about
_FEWEST, _MOST = 1_000, 100_000  # rows of a part


def text_frames(file: BinaryIO) -> Callable[[int | None], Iterator[pd.DataFrame]]:
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
    n_fitting = rows_of(len(beginning) / max(beginning.count(b"\n"), 1))

    def parts(n_rows: int | None) -> Iterator[pd.DataFrame]:
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
            raise ConfigurationError(EMPTY) from None
        with reader:
            cells: Any = reader.get_chunk(min(n_rows, sys.maxsize - 1) + 1)
            header = cells.iloc[0].tolist()
            check_header(header)
            cells = cells.iloc[1:]
            while cells is not None:
                yield cells.reset_index(drop=True).set_axis(header, axis=1)
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


def check_header(header: list[Any]) -> None:
    """Refuse a first row that is none."""
    if any(isinstance(name, str) and re.search(r"\S@\S+\.\S", name) for name in header):
        raise ConfigurationError(
            "The first row holds an address, so it is no header; add a row of column names above it."
        )


def _encoding(file: BinaryIO) -> str:
    """Return the encoding of a text file."""
    head = file.read(4)
    is_utf_16 = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) and head != codecs.BOM_UTF32_LE
    if head.startswith(_NO_TEXT) or (b"\0" in head and not is_utf_16):
        raise ConfigurationError("This is no text in UTF-8; save it as CSV, or name a file that ends as its kind does.")
    if is_utf_16:
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


def rows_of(row_bytes: float) -> int:
    """Return how many rows make a part."""
    return int(min(_MOST, max(_FEWEST, _PART / max(row_bytes, 1))))
