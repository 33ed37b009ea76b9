"""Enriched columns a frame already has: read in the promised dtypes, or refused before anything is spent."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.fields import FIELDS, Field, FieldName, normal_word
from cleanlist_pandas.frame.addresses import Bools, as_mask, cell_texts, trim
from cleanlist_pandas.frame.arrays import Array, Kinds, category

__all__ = ["OTHERS", "check_once", "label", "read_existing", "read_replaced", "typed"]

OTHERS: Final = tuple(
    f"enriched_{name}" for name in ("status", "source", "confidence", "at", "credits", "reason")
)  # written without being asked for as fields


def label(frame: pd.DataFrame, column: str) -> Hashable:
    """Return the label a new column gets; under MultiIndex columns the lower levels are empty."""
    return (column, *[""] * (frame.columns.nlevels - 1)) if frame.columns.nlevels > 1 else column


def read_existing(
    frame: pd.DataFrame, fields: Sequence[FieldName], on_existing: str, kinds: Kinds, inputs: Container[Hashable] = ()
) -> dict[str, Array]:
    """Return the enriched values the frame already has, by field; none under ``on_existing="replace"``.

    Raises
    ------
    ColumnsError
        If such a column occurs twice, is one of the `inputs` that say who to look up, holds values that its promised
        dtype cannot (they would be lost), or if ``on_existing="error"``.
    """
    present = [FIELDS[name] for name in fields if label(frame, FIELDS[name].column) in frame.columns]
    columns = [*(field.column for field in present), *OTHERS]
    check_once(frame, columns)
    for column in columns:
        if label(frame, column) in inputs:
            raise ColumnsError(f"The column {column!r} says who to look up and would be written over; rename it.")
    if present and on_existing == "error":
        names = ", ".join(field.column for field in present)
        raise ColumnsError(f'The frame already has {names}; drop them or pass on_existing="fill" or "replace".')
    return {} if on_existing == "replace" else {field.name: _read(frame, field, kinds) for field in present}


def read_replaced(frame: pd.DataFrame, fields: Sequence[FieldName], on_existing: str, kinds: Kinds) -> dict[str, Array]:
    """Return the values that ``on_existing="replace"`` writes over once something is learnt; missing is what fits not.

    They say nothing about what is wanted.
    """
    present = [FIELDS[name] for name in fields if label(frame, FIELDS[name].column) in frame.columns]
    columns = {field: frame[label(frame, field.column)] for field in present if on_existing == "replace"}
    return {field.name: typed(column, field, kinds)[0] for field, column in columns.items()}


def check_once(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Refuse a column that occurs twice: nobody can tell which of the two counts."""
    labels: list[Any] = frame.columns.tolist()
    for column in columns:
        if labels.count(label(frame, column)) > 1:
            raise ColumnsError(f"The column {column!r} occurs twice; rename or drop one of the two.")


def _read(frame: pd.DataFrame, field: Field, kinds: Kinds) -> Array:
    """Return one existing column in its promised dtype, or refuse to lose any of its values."""
    values, lost = typed(frame[label(frame, field.column)], field, kinds)
    if lost.any():
        raise ColumnsError(
            f"In the column {field.column!r} {int(lost.sum()):,} of {len(frame):,} values do not fit its type "
            f'({field.meaning}) and would be lost; rename the column, or pass on_existing="replace".'
        )
    return values


def typed(column: pd.Series[Any], field: Field, kinds: Kinds) -> tuple[Array, Bools]:
    """Return a column of a field's values in the promised dtype, and which rows hold one that does not fit it."""
    plain = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
    texts = trim(cell_texts(plain))
    column = plain.mask(as_mask(pc.equal(texts, pa.scalar("", pa.large_string()))))  # CSV's only way to say missing
    there = column.notna().to_numpy()
    column = column.mask(_unwritable(column, there & as_mask(texts.is_null())))
    values = _to_categories(texts, field) if field.categories else _to_dtype(column, field, kinds)
    return values, there & np.asarray(pd.isna(values))


def _unwritable(column: pd.Series[Any], odd: Bools) -> Bools:
    """Return which of some odd cells are text that no file can hold: it has a lone surrogate."""
    found = np.zeros(len(column), np.bool_)
    rows = np.flatnonzero(odd)
    found[rows] = [isinstance(cell, str) for cell in column.iloc[rows]]
    return found


def _to_categories(texts: pa.LargeStringArray, field: Field) -> Array:
    """Return words as categories, spelled as the service does; each distinct word is looked at once."""
    place = {normal_word(member): code for code, member in enumerate(field.categories)}
    encoded: Any = texts.dictionary_encode()
    codes = np.array([place.get(normal_word(word), -1) for word in encoded.dictionary.to_pylist()], np.int8)
    rows = np.asarray(pc.fill_null(encoded.indices.cast(pa.int64()), -1))
    return category(codes, rows, Kinds().dtype(field))


def _to_dtype(column: pd.Series[Any], field: Field, kinds: Kinds) -> Array:
    """Return numbers as nullable integers, anything else as text."""
    if not field.integer:
        is_arrow_text = isinstance(column.dtype, pd.ArrowDtype) and pd.api.types.is_string_dtype(column.dtype)
        if not is_arrow_text:  # pandas 2.2 cannot convert large_string, and text needs none
            column = column.convert_dtypes()  # 15550100.0, read beside gaps, was written 15550100
        texts = column.astype("string")
        if kinds.text_dtype == np.dtype(object):
            return texts.to_numpy(object, na_value=np.nan)
        return texts.astype(kinds.text_dtype).array
    numbers = pd.to_numeric(column.astype(object), errors="coerce").astype("Float64")
    whole = numbers.where((numbers % 1 == 0) & (numbers.abs() < 2**53))  # beyond it floats skip numbers
    return whole.astype("Int64").astype(kinds.dtype(field)).array
