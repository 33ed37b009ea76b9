"""Best rows first: what each row is worth, and in which order people are bought. Pure, and never by chance."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.columns import pick
from cleanlist_pandas.plan.buckets import Ints

__all__ = ["NO_WORTH", "Floats", "buying_order", "read_worth", "told_worth", "worth_of_people"]

Floats = npt.NDArray[np.float64]
NO_WORTH: Final = "priority= holds no number at all; leave it out, or name another column."


def read_worth(frame: pd.DataFrame, priority: Any) -> Floats:
    """Return each row's worth, 0 where it is missing.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contacts.
    priority : Hashable or array-like
        A column of the frame, or one number for each row; a Series must have the frame's index.

    Raises
    ------
    ConfigurationError
        If it is no column, does not fit the rows, or holds anything but numbers from 0 up, or nothing at all.
    """
    values = told_worth(frame, priority)
    if len(values) and np.isnan(values).all():
        raise ConfigurationError(NO_WORTH)
    return np.nan_to_num(values)


def told_worth(frame: pd.DataFrame, priority: Any) -> Floats:
    """Return each row's worth as it is told, NaN where it is missing, perhaps everywhere; see `read_worth`."""
    try:
        values = _numbers(_given(frame, priority))
    except (TypeError, OverflowError):  # complex numbers, and whole ones of more than 300 digits
        raise ConfigurationError("priority= holds cells that are no number; use a column of numbers.") from None
    if not np.all(values[~np.isnan(values)] >= 0) or np.isinf(values).any():
        raise ConfigurationError("priority= holds negative or infinite worths; use finite numbers from 0 up.")
    return values


def _given(frame: pd.DataFrame, priority: Any) -> pd.Series[Any]:
    """Return the worths as they were given."""
    if isinstance(priority, pd.Series):
        if not priority.index.equals(frame.index):
            raise ConfigurationError("priority= is a Series with another index than the frame; take it from the frame.")
        return priority
    if not isinstance(priority, Hashable) or isinstance(priority, Iterator):
        if not pd.api.types.is_list_like(priority, allow_sets=False) or isinstance(priority, Mapping):
            raise ConfigurationError("priority= must be a column of numbers, or one number for each row, in order.")
        priority = list(priority)
        if len(priority) != len(frame):
            raise ConfigurationError(f"priority= has {len(priority):,} values for {len(frame):,} rows; give one a row.")
        return pd.Series(priority)
    labels: list[Any] = frame.columns.tolist()
    if labels.count(priority) != 1:
        shown = repr(priority) if len(repr(priority)) <= 80 else type(priority).__name__
        raise ConfigurationError(
            f"priority={shown} is not one column of this frame; name a column of numbers, or pass a Series."
        )
    return pick(frame, priority)


def _numbers(column: pd.Series[Any]) -> Floats:
    """Return numbers, NaN where a cell says nothing; text that reads as numbers counts, as CSV files hold it."""
    blank = column.astype(object).map(lambda cell: isinstance(cell, str) and not cell.strip())
    told = column.astype(object).mask(blank.astype(bool))
    numbers = pd.to_numeric(told, errors="coerce")
    n_lost = int((told.notna() & numbers.isna()).sum())
    if n_lost or pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise ConfigurationError(f"priority= holds {n_lost:,} cells that are no number; use a column of numbers.")
    floats: Any = numbers.astype("Float64").to_numpy(np.float64, na_value=np.nan)
    return np.asarray(floats, np.float64)


def worth_of_people(codes: Ints, n_keys: int, fills: npt.NDArray[np.bool_], worth: Floats) -> Floats:
    """Return, for each person, the worth of all rows that a look-up would fill."""
    counted = fills & (codes >= 0)
    sums: Floats = np.bincount(codes[counted], weights=worth[counted], minlength=n_keys).astype(np.float64)
    return sums


def buying_order(billable: Ints, worth: Floats, hit_rates: Floats, prices: Ints) -> Ints:
    """Return the people to buy, the most expected worth for a credit first; of equals the first seen.

    Parameters
    ----------
    billable : ndarray of int64
        Positions of people, in first-seen order.
    worth, hit_rates, prices : ndarray, the same shape
        What each is worth, how likely they are found, and what they cost at most.
    """
    value = worth * hit_rates / prices
    return billable[np.argsort(-value, kind="stable")]
