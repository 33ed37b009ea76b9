"""Put answers back on their rows, by position: no merge, no index, no dtype that depends on the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, FieldName, RowStatus, Source
from cleanlist_pandas.frame.arrays import MISSING, SOURCE_DTYPE, STATUS_DTYPE, Array, Kinds, category, first_rows
from cleanlist_pandas.frame.existing import label
from cleanlist_pandas.frame.needs import Bits, bits_of
from cleanlist_pandas.frame.told import STATUS_CODE, Facts, Told

__all__ = ["assign", "join", "merged"]

Ints = npt.NDArray[np.int64]
NOTHING: Final[Mapping[str, Array]] = {}


def join(
    frame: pd.DataFrame,
    codes: Ints,
    answers: Sequence[Answer],
    fields: Sequence[FieldName],
    *,
    existing: Mapping[str, Array],
    filled: npt.NDArray[np.bool_],
    kinds: Kinds,
    replaced: Mapping[str, Array] = NOTHING,
    learnt: Bits | int = 0,
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
    replaced : mapping of str to array, optional
        Values the frame has already, which stay where nothing was learnt of the field.
    learnt : ndarray of uint16, shape (n_rows,), optional
        The fields of which something was learnt, be it that there is nothing.
    provenance : bool
        Whether to add where the values came from.

    Returns
    -------
    pandas.DataFrame
        Same rows, order and index; the fields' columns, then ``enriched_status``.
    """
    told = Told.of(answers, fields)
    rows = np.take(np.append(told.places, -1), codes)
    new: dict[Any, Array] = {}
    for name in fields:
        values = kinds.column(FIELDS[name], told.facts.values[name], rows)
        is_learnt = name in replaced and (learnt & bits_of([name])) != 0
        new[FIELDS[name].column] = merged(values, existing.get(name), replaced.get(name), is_learnt)
    new["enriched_status"] = _statuses(rows, told.facts, filled)
    if provenance:
        once = _firsts(np.where(filled, -1, codes), rows, len(told))
        new |= _provenance(rows, once, told.facts, filled & (codes >= 0), kinds)
    return assign(frame, {label(frame, name): new.pop(name) for name in [*new]})


def assign(frame: pd.DataFrame, columns: dict[Any, Array]) -> pd.DataFrame:
    """Return a copy with all columns set: `DataFrame.assign` for labels that need not be words.

    It takes the columns out of what it is given: pandas copies each, and nobody shall hold all of them twice.
    """
    out = frame.copy()  # one block a dtype: pandas warns about inserting into a frame of more than 100
    for name in [*columns]:
        out[name] = columns.pop(name)
    return out


def merged(
    values: Array, existing: Array | None, replaced: Array | None, learnt: npt.NDArray[np.bool_] | bool
) -> Array:
    """Return a field's new values, except where an old one stays: one that `existing` has, always, and one that is
    `replaced`, where there is none and none was learnt of.
    """
    old = replaced if existing is None else existing
    if old is None:
        return values
    stays = ~np.asarray(pd.isna(old))
    if existing is None:
        stays &= np.asarray(pd.isna(values)) & ~np.asarray(learnt)
    out = values.copy()
    out[stays] = old[stays]
    return out


def _statuses(rows: Ints, told: Facts, filled: npt.NDArray[np.bool_]) -> pd.Categorical:
    """Return what became of each row; rows without a usable address are skipped."""
    of_row = np.take(np.append(told.statuses, np.int8(STATUS_CODE[RowStatus.SKIPPED])), rows)
    of_row[filled & (rows >= 0)] = STATUS_CODE[RowStatus.COMPLETED]
    return pd.Categorical.from_codes(of_row, dtype=STATUS_DTYPE, validate=False)


def _firsts(codes: Ints, rows: Ints, n_people: int) -> Ints:
    """Return the place of each person's answer on the first row they have, and -1 on all others."""
    first = first_rows(codes, n_people)
    once = np.full(len(codes), -1, np.int64)
    once[first] = rows[first]
    return once


def _provenance(rows: Ints, once: Ints, told: Facts, filled: npt.NDArray[np.bool_], kinds: Kinds) -> dict[str, Array]:
    """Return where each row's values came from; credits stand on the first row of each person, so they add up."""
    from_answer = np.where(filled, -1, rows)
    source = category(told.sources, from_answer, SOURCE_DTYPE)
    source[filled] = str(Source.EXISTING)
    billed = np.where((told.sources >= 0) | (told.credits != 0), told.credits, MISSING)
    return {
        "enriched_source": source,
        "enriched_confidence": kinds.floats(told.confidences, from_answer),
        "enriched_at": kinds.times(told.times_us, from_answer),
        "enriched_credits": kinds.integers(billed, once),
        "enriched_reason": kinds.texts(told.reasons, from_answer),
    }
