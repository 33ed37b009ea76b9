"""What the user's own tables know already: earlier results, and exports that hold ``enriched_`` columns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.fields import FIELDS, FieldName
from cleanlist_pandas.frame.addresses import Bools, cell_texts, is_blank, trim
from cleanlist_pandas.frame.arrays import Kinds, first_rows
from cleanlist_pandas.frame.columns import ROLES, Columns, find_columns
from cleanlist_pandas.frame.existing import check_once, label, typed
from cleanlist_pandas.frame.keys import read
from cleanlist_pandas.frame.needs import Bits, bits_of

__all__ = ["Export", "Known", "match_known", "read_export"]

_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Export:
    """One table that holds enriched columns, read by person.

    Attributes
    ----------
    addresses : pyarrow.LargeStringArray, shape (n_keys,)
        Who is in it.
    values : dict of str to ndarray of object, each of shape (n_keys,)
        What it knows, by field; None where it knows nothing. Of several rows of a person the newest that holds a value
        counts, then the first.
    at_us : ndarray of int64, shape (n_keys,)
        When the person was last answered, microseconds since 1970; the smallest number where it does not say.
    statuses : ndarray of object or None
        ``enriched_status`` of each person, if there is such a column.
    unread : dict of str to ndarray of bool, each of shape (n_keys,)
        Of whom there is a value, by field, that is none of its type.
    """

    addresses: pa.LargeStringArray
    values: dict[FieldName, npt.NDArray[np.object_]]
    unread: dict[FieldName, Bools]
    at_us: npt.NDArray[np.int64]
    statuses: npt.NDArray[np.object_] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """What several tables know of the people of a frame.

    Attributes
    ----------
    bits : ndarray of uint16, shape (n_keys,)
        The fields that are known of each person.
    values : dict of int to dict
        Values by field, by the person's position; of several tables the first one that knows counts.
    at_us : dict of int to int
        When that was answered, where a table says so.
    """

    bits: Bits
    values: dict[int, dict[str, str | int]]
    at_us: dict[int, int]


def read_export(frame: pd.DataFrame) -> Export:
    """Read a table of enriched people. Sends nothing.

    Raises
    ------
    ColumnsError
        If it has no e-mail column, or no enriched column, one of them twice, or times that are none.
    """
    columns = _who(frame)
    present = [field for field in FIELDS.values() if label(frame, field.column) in frame.columns]
    if not present:
        raise ColumnsError(
            "The table of known people has no enriched column such as enriched_title; name one that enrich() or the "
            "web app wrote."
        )
    check_once(frame, [*(field.column for field in present), "enriched_status", "enriched_at"])
    keys = read(frame, columns)
    at_us = _times(frame)
    order = np.argsort(-at_us, kind="stable")
    values, unread = {}, {}
    for field in present:
        cells, lost = typed(frame[label(frame, field.column)], field, Kinds())
        values[field.name] = _first_values(np.asarray(cells, dtype=object), keys.codes, keys.n_keys, order)
        unread[field.name] = np.zeros(keys.n_keys, np.bool_)
        unread[field.name][keys.codes[lost & (keys.codes >= 0)]] = True
    statuses = None
    if label(frame, "enriched_status") in frame.columns:
        words = frame[label(frame, "enriched_status")].astype(object).to_numpy()
        statuses = _first_values(words, keys.codes, keys.n_keys, order)
    times = np.full(keys.n_keys, _NEVER)
    usable = keys.codes >= 0
    np.maximum.at(times, keys.codes[usable], at_us[usable])
    return Export(addresses=keys.addresses, values=values, unread=unread, at_us=times, statuses=statuses)


def _who(frame: pd.DataFrame) -> Columns:
    """Find the column of addresses; what else a table says of a person is not looked at."""
    others = dict.fromkeys([role for role in ROLES if role != "email"])
    try:
        return find_columns(frame, others)
    except ColumnsError as error:
        reason = str(error).partition(";")[0]
    raise ColumnsError(
        f"The table of known people does not say who it is about ({reason}); call its column of addresses 'email'."
    )


def match_known(
    exports: Sequence[Export], addresses: pa.LargeStringArray, fields: Sequence[FieldName], max_age: timedelta | None
) -> Known:
    """Find what tables know of some people; what a table dates as older than `max_age` does not count."""
    bits = np.zeros(len(addresses), np.uint16)
    values: dict[int, dict[str, str | int]] = {}
    at_us: dict[int, int] = {}
    for export in exports:
        place: Any = pc.index_in(export.addresses, value_set=addresses)
        ours = _positions(place)
        young = ours >= 0
        if max_age is not None:
            oldest_us = time.time_ns() // 1000 - int(max_age.total_seconds() * 1e6)
            young &= (export.at_us == _NEVER) | (export.at_us >= oldest_us)
        for name in [name for name in fields if name in export.values]:
            cells = export.values[name]
            there = np.flatnonzero(young & ~pd.isna(cells) & (np.append(bits, 0)[ours] & bits_of([name]) == 0))
            for at in there.tolist():
                values.setdefault(int(ours[at]), {})[name] = cells[at]
                if export.at_us[at] != _NEVER:
                    at_us.setdefault(int(ours[at]), int(export.at_us[at]))
            bits[ours[there]] |= bits_of([name])
    return Known(bits=bits, values=values, at_us=at_us)


def _positions(places: Any) -> npt.NDArray[np.int64]:
    """Return Arrow's places as numbers, -1 where there is none."""
    return np.asarray(pc.fill_null(places.cast(pa.int64()), -1))


def _times(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return when each row was answered, now at the latest; the smallest number where it does not say."""
    if label(frame, "enriched_at") not in frame.columns:
        return np.full(len(frame), _NEVER)
    texts = frame[label(frame, "enriched_at")].astype("string")
    told = pd.to_datetime(texts, utc=True, errors="coerce", format="ISO8601").astype("datetime64[us, UTC]")
    n_lost = int((told.isna().to_numpy() & ~is_blank(trim(cell_texts(texts)))).sum())
    if n_lost:
        raise ColumnsError(
            f"In the column 'enriched_at' {n_lost:,} of {len(frame):,} values are no time such as 2026-06-30 or "
            "2026-06-30T09:00:00Z, so that nobody knows how old the answers are; convert the column, or drop it."
        )
    return np.minimum(told.to_numpy("M8[us]").view(np.int64), time.time_ns() // 1000)


def _first_values(
    cells: npt.NDArray[np.object_], codes: npt.NDArray[np.int64], n_keys: int, order: npt.NDArray[np.int64]
) -> npt.NDArray[np.object_]:
    """Return each person's first value in some order of the rows, None where no row has one."""
    cells, codes = cells[order], codes[order]
    rows = first_rows(np.where(pd.isna(cells), -1, codes), n_keys)
    found = np.full(n_keys, None, dtype=object)
    found[codes[rows]] = cells[rows]
    return found
