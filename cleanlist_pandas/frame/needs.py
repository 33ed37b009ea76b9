"""What each person still lacks: one bit for each field, so that a million people are one small array."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleanlist_pandas.fields import FIELDS, FieldName
from cleanlist_pandas.frame.arrays import Array

__all__ = ["Bits", "Needs", "bits_of", "find_needs", "names_of", "on_rows"]

Bits = npt.NDArray[np.uint16]
_BIT: Final = {name: np.uint16(1 << place) for place, name in enumerate(FIELDS)}


class Needs(NamedTuple):
    """What is wanted, by row and by person.

    Attributes
    ----------
    rows : ndarray of bool, shape (n_rows,)
        Rows that lack a value of a field that was asked for.
    people : ndarray of uint16, shape (n_keys,)
        The fields that any row of the person lacks; see `names_of`.
    """

    rows: npt.NDArray[np.bool_]
    people: Bits


def bits_of(names: Iterable[str]) -> np.uint16:
    """Return the bits of some fields."""
    return np.uint16(sum(int(_BIT[name]) for name in names))


@cache
def names_of(bits: int) -> tuple[FieldName, ...]:
    """Return the fields of some bits, in the order of the vocabulary."""
    return tuple(field.name for field in FIELDS.values() if bits & int(_BIT[field.name]))


def on_rows(bits: Bits, codes: npt.NDArray[np.int64]) -> Bits:
    """Return each row's bits, given those of people or companies; a row without one has none."""
    return np.append(bits, np.uint16(0))[codes]


def find_needs(
    codes: npt.NDArray[np.int64],
    n_keys: int,
    fields: Sequence[FieldName],
    existing: Mapping[str, Array],
    only: Mapping[str, npt.NDArray[np.bool_]] | None = None,
) -> Needs:
    """Find what rows and people lack.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_rows,)
        Each row's person, -1 for none.
    n_keys : int
        Number of people.
    fields : sequence of str
        What is asked for.
    existing : mapping of str to array
        Values the frame has already, by field.
    only : mapping of str to ndarray of bool, optional
        Rows for which a field is wanted at all, by field.
    """
    rows = np.zeros(len(codes), np.bool_)
    people = np.zeros(n_keys, np.uint16)
    for name in fields:
        lacking = _lacking(name, existing, only or {}, len(codes))
        rows |= lacking
        people[codes[lacking & (codes >= 0)]] |= _BIT[name]
    return Needs(rows, people)


def _lacking(
    name: str, existing: Mapping[str, Any], only: Mapping[str, npt.NDArray[np.bool_]], n_rows: int
) -> npt.NDArray[np.bool_]:
    """Return the rows that lack one field's value."""
    lacking = np.asarray(pd.isna(existing[name])) if name in existing else np.ones(n_rows, np.bool_)
    return lacking & only[name] if name in only else lacking
