"""The texts of a column's cells, whole columns at a time: what is text, what says nothing, what stands around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Bools", "as_mask", "cell_texts", "is_blank", "trim"]

Bools = npt.NDArray[np.bool_]
_TEXT = pa.large_string()

_WHITE = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_WHITE_WIDE = "\u2028\u2029\u202f\u205f\u3000"
_INVISIBLE = "\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_EDGES = _WHITE + _WHITE_WIDE + _INVISIBLE + _BIDI
_BLANKS = pa.array(["", "n/a", "na", "#n/a", "-", "--", "none", "null", "nan"], _TEXT)


def cell_texts(column: pd.Series[Any]) -> pa.LargeStringArray:
    """Give each cell's text, null where the cell is missing or is no text (nothing is ever ``str()``-ed)."""
    kind: Any = column.dtype
    if kind.kind in "biufcmM" or (isinstance(kind, pd.ArrowDtype) and not _is_text(kind.pyarrow_dtype)):
        return pa.nulls(len(column), _TEXT)
    try:
        texts = pa.array(column.array, _TEXT, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        # Arrow takes a column whole or not at all: one number or one lone surrogate, and each cell is asked for itself.
        texts = pa.array(np.frompyfunc(_readable, 1, 1)(np.asarray(column, dtype=object)), _TEXT)
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def is_blank(text: pa.LargeStringArray, missing: bool = True) -> Bools:
    """Tell which trimmed texts say nothing: empty or a placeholder (``N/A``); `missing` is the answer for null."""
    return as_mask(pc.if_else(text.is_null(), missing, pc.is_in(pc.ascii_lower(text), _BLANKS)))


def trim(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """Drop white space of any kind, and invisible characters, at both ends."""
    return pc.utf8_trim(text, _EDGES)


def as_mask(mask: Any) -> Bools:
    """Give an Arrow mask as a writable numpy one, null as False."""
    return np.array(pc.fill_null(mask, False), dtype=np.bool_)


def _is_text(kind: pa.DataType) -> bool:
    """Tell whether an Arrow column holds text or bytes."""
    named = str(kind.value_type if isinstance(kind, pa.DictionaryType) else kind)
    return named.removeprefix("large_").removesuffix("_view") in ("string", "binary")


def _readable(cell: object) -> str | None:
    """Give the text of a cell that Unicode can write, asking nothing of any other object."""
    try:
        if issubclass(type(cell), str):
            return str.encode(cell).decode()  # type: ignore[arg-type]
        return bytes.decode(cell) if issubclass(type(cell), bytes) else None  # type: ignore[arg-type]
    except UnicodeError:
        return None
