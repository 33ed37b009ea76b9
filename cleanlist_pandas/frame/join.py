"""Put answers back on their rows, by position: no merge, no index, no dtype that depends on the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, FieldName, RowStatus, Source
from cleanlist_pandas.frame.arrays import SOURCE_DTYPE, STATUS_DTYPE, Array, Kinds, category, first_rows
from cleanlist_pandas.frame.existing import label

__all__ = ["assign", "join", "keep"]

Ints = npt.NDArray[np.int64]
_STATUS_CODE = {status: code for code, status in enumerate(RowStatus)}
_SOURCE_CODE: dict[Source | None, int] = {**{source: code for code, source in enumerate(Source)}, None: -1}


def join(
    frame: pd.DataFrame,
    codes: Ints,
    answers: Sequence[Answer],
    fields: Sequence[FieldName],
    *,
    existing: Mapping[str, Array],
    filled: npt.NDArray[np.bool_],
    kinds: Kinds,
    provenance: bool = False,
) -> pd.DataFrame:
    """Return the frame with what was learnt as new columns. Sends nothing.

    Parameters
    ----------
    frame : pandas.DataFrame
        The caller's frame; it is not changed.
    codes : ndarray of int64, shape (n_rows,)
        Each row's place in `answers`, -1 for rows without a usable address.
    answers : sequence of Answer, length n_keys
        What became of each unique person.
    fields : sequence of str
        The columns to add, in this order.
    existing : mapping of str to array
        Values the frame already has, which stay.
    filled : ndarray of bool, shape (n_rows,)
        Rows that lacked nothing.
    kinds : Kinds
        Which dtypes to make.
    provenance : bool
        Whether to add where the values came from.

    Returns
    -------
    pandas.DataFrame
        Same rows, order and index; the fields' columns, then ``enriched_status``.
    """
    new: dict[Any, Array] = {}
    for name in fields:
        values = kinds.column(FIELDS[name], [answer.values.get(name) for answer in answers], codes)
        new[FIELDS[name].column] = keep(existing[name], values) if name in existing else values
    new["enriched_status"] = _statuses(codes, answers, filled)
    if provenance:
        new |= _provenance(codes, answers, filled & (codes >= 0), kinds)
    return assign(frame, {label(frame, name): values for name, values in new.items()})


def assign(frame: pd.DataFrame, columns: dict[Any, Array]) -> pd.DataFrame:
    """Return a copy with all columns set: `DataFrame.assign` for labels that need not be words."""
    out = frame.copy()  # one block a dtype: pandas warns about inserting into a frame of more than 100
    for name, values in columns.items():
        out[name] = values
    return out


def keep(existing: Array, values: Array) -> Array:
    """Return new values, except where there are old ones."""
    there = ~np.asarray(pd.isna(existing))
    merged = values.copy()
    merged[there] = existing[there]
    return merged


def _statuses(codes: Ints, answers: Sequence[Answer], filled: npt.NDArray[np.bool_]) -> pd.Categorical:
    """Return what became of each row; rows without a usable address are skipped."""
    of_key = np.array([_STATUS_CODE[answer.status] for answer in answers], np.int8)
    of_row = np.append(of_key, np.int8(_STATUS_CODE[RowStatus.SKIPPED]))[codes]
    of_row[filled & (codes >= 0)] = _STATUS_CODE[RowStatus.COMPLETED]
    return pd.Categorical.from_codes(of_row, dtype=STATUS_DTYPE, validate=False)


def _provenance(
    codes: Ints, answers: Sequence[Answer], filled: npt.NDArray[np.bool_], kinds: Kinds
) -> dict[str, Array]:
    """Return where each row's values came from; credits stand on the first row of each person, so they add up."""
    from_answer = np.where(filled, -1, codes)
    first = first_rows(from_answer, len(answers))
    once = np.full(len(codes), -1, np.int64)
    once[first] = from_answer[first]
    source = category(np.array([_SOURCE_CODE[answer.source] for answer in answers], np.int8), from_answer, SOURCE_DTYPE)
    source[filled] = str(Source.EXISTING)
    return {
        "enriched_source": source,
        "enriched_confidence": kinds.floats([answer.confidence for answer in answers], from_answer),
        "enriched_at": kinds.times([answer.at_us for answer in answers], from_answer),
        "enriched_credits": kinds.integers(
            [answer.credits if answer.source or answer.credits else None for answer in answers], once
        ),
        "enriched_reason": kinds.texts([answer.reason or None for answer in answers], from_answer),
    }
