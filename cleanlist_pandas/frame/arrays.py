"""Arrays of the dtypes the interface promises, whatever the data: an all-missing column is typed like a full one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from cleanlist_pandas.fields import EMAIL_STATUSES, SENIORITIES, Field, RowStatus, Source

__all__ = [
    "MISSING",
    "SOURCE_DTYPE",
    "STATUS_DTYPE",
    "Array",
    "Ints",
    "Kinds",
    "Packed",
    "category",
    "first_rows",
    "pack",
    "take",
]

Array = Any  # an ndarray or an ExtensionArray: what `DataFrame.assign` takes without looking at an index
Ints = npt.NDArray[np.int64]
Packed = Any  # a field's values per person: texts of Arrow, codes of categories as int8, or int64

# The categories have pandas' default string dtype, so that they equal the ones a person writes down.
EMAIL_STATUS_DTYPE: Final = pd.CategoricalDtype(list(EMAIL_STATUSES))
SENIORITY_DTYPE: Final = pd.CategoricalDtype(list(SENIORITIES), ordered=True)
STATUS_DTYPE: Final = pd.CategoricalDtype([str(status) for status in RowStatus])
SOURCE_DTYPE: Final = pd.CategoricalDtype([str(source) for source in Source])

MISSING: Final = np.iinfo(np.int64).min
_array: Final[Any] = pd.array  # its overloads do not know all dtypes it takes


class Kinds:
    """Makes arrays of n_rows from values of n_keys and each row's code (-1: missing).

    Parameters
    ----------
    dtype_backend : {"numpy_nullable", "pyarrow"} or None
        As in pandas' readers.
    """

    def __init__(self, dtype_backend: str | None = None) -> None:
        self._backend = dtype_backend

    @property
    def text_dtype(self) -> Any:
        """The dtype of a text column."""
        if self._backend == "pyarrow":
            return pd.ArrowDtype(pa.string())
        return pd.StringDtype() if self._backend == "numpy_nullable" else pd.Series(["a"]).dtype

    def dtype(self, field: Field) -> Any:
        """Return the dtype of a field's column."""
        if field.categories:
            return SENIORITY_DTYPE if field.ordered else EMAIL_STATUS_DTYPE
        if field.integer:
            return pd.ArrowDtype(pa.int64()) if self._backend == "pyarrow" else pd.Int64Dtype()
        return self.text_dtype

    def column(self, field: Field, values: Sequence[Any] | Packed, codes: Ints) -> Array:
        """Return one field's column: `values` per person, as they are or packed, spread over the rows."""
        packed: Any = values if isinstance(values, np.ndarray | pa.Array) else pack(field, values)
        if field.categories:
            return category(packed, codes, self.dtype(field))
        return self.integers(packed, codes) if field.integer else self.texts(packed, codes)

    def texts(self, values: Sequence[str | None] | pa.LargeStringArray, codes: Ints) -> Array:
        """Return a text column."""
        missing = codes < 0
        rows: Any = pa.array(codes, mask=missing if missing.any() else None)  # a mask makes a copy
        spread: Any = pa.array(values, pa.large_string()).take(rows)
        dtype = self.text_dtype
        if dtype == np.dtype(object):  # pandas 2: plain str objects, NaN where missing
            objects = spread.to_numpy(zero_copy_only=False)
            objects[spread.is_null().to_numpy(zero_copy_only=False)] = np.nan
            return objects
        if self._backend == "pyarrow":
            spread = spread.cast(pa.string())
        return _array(spread, dtype=dtype)

    def integers(self, values: Ints, codes: Ints) -> Array:
        """Return a nullable integer column; `MISSING` is none."""
        spread, missing = _spread(values, values == MISSING, codes)
        if self._backend == "pyarrow":
            return _array(pa.array(spread, mask=missing), dtype=pd.ArrowDtype(pa.int64()))
        return pd.arrays.IntegerArray(spread, missing)

    def floats(self, values: npt.NDArray[np.float64], codes: Ints) -> Array:
        """Return a nullable float column; NaN is none."""
        spread, missing = _spread(values, np.isnan(values), codes)
        if self._backend == "pyarrow":
            return _array(pa.array(spread, mask=missing), dtype=pd.ArrowDtype(pa.float64()))
        return pd.arrays.FloatingArray(spread, missing)

    def times(self, values_us: Ints, codes: Ints) -> Array:
        """Return a column of UTC times from microseconds since 1970; `MISSING` is none."""
        spread = np.take(np.append(values_us, MISSING), codes)
        if self._backend == "pyarrow":
            kind = pa.timestamp("us", tz="UTC")
            return _array(pa.array(spread, mask=spread == MISSING).cast(kind), dtype=pd.ArrowDtype(kind))
        return _array(spread.view("M8[us]"), dtype="datetime64[us, UTC]")  # the smallest int64 is NaT


def pack(field: Field, values: Sequence[Any]) -> Packed:
    """Return one field's values, None where there is none, as an array."""
    if field.categories:
        return _category_codes(field.categories, values)
    if field.integer:
        return np.array([MISSING if value is None else value for value in values], np.int64)
    return pa.array(values, pa.large_string())


def category(values: npt.NDArray[np.int8], codes: Ints, dtype: pd.CategoricalDtype) -> pd.Categorical:
    """Return a categorical from category codes per person, -1 for missing."""
    spread = np.take(np.append(values, np.int8(-1)), codes)
    return pd.Categorical.from_codes(spread, dtype=dtype, validate=False)


def _spread(values: Any, missing: Any, codes: Ints) -> tuple[Any, npt.NDArray[np.bool_]]:
    """Return numbers, 0 where missing, and whether they are: both per row; code -1 reaches the one that is appended."""
    known = np.append(np.where(missing, 0, values), np.zeros(1, values.dtype))
    return np.take(known, codes), np.take(np.append(missing, True), codes)


def take(values: Any, places: Ints) -> Any:
    """Return Arrow's values at some places; the same ones where that is all of them, which are not copied then."""
    whole = len(places) == len(values) and bool((places == np.arange(len(places))).all())
    return values if whole else values.take(pa.array(places))


def first_rows(codes: Ints, n_keys: int) -> Ints:
    """Return the first row of each person that has one; rows with code -1 count for nobody."""
    first = np.full(n_keys + 1, -1, np.int64)  # code -1 is the last of them
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the last write wins, and that is the first row
    return first[:-1][first[:-1] >= 0]


def _category_codes(categories: Sequence[str], values: Sequence[Any]) -> npt.NDArray[np.int8]:
    """Return each value's place among the categories, -1 for none."""
    place = {member: number for number, member in enumerate(categories)}
    return np.array([place.get(value, -1) for value in values], np.int8)
