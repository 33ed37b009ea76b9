"""Read a frame's people: one key for each distinct address, and for each row its key or the reason it has none."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.frame.addresses import (
    Bools,
    Reason,
    cell_texts,
    is_blank,
    mask_suppressed,
    normalise,
    normalise_distinct,
    normalise_one,
    trim,
)
from cleanlist_pandas.frame.columns import Columns, pick

__all__ = ["HINTS", "Keys", "Reason", "mask_suppressed", "normalise", "normalise_one", "read", "row_texts"]

Ints = npt.NDArray[np.int64]
_TEXT = pa.large_string()
_NULL = pa.scalar(None, _TEXT)
_EMPTY = pa.scalar("", _TEXT)

HINTS = ("first_name", "last_name", "company", "linkedin_url")
MAX_HINT_CHARACTERS = 500

_LAST_FIRST = r"(?s)\A(?P<last>[^,]*),(?P<first>.*)\z"
_FIRST_LAST = r"(?s)\A(?P<first>[^\s\p{Z}]+)(?:[\s\p{Z}]+(?P<last>.*))?\z"  # RE2's `\s` is ASCII only


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Keys:
    """Who is in a frame: ``pandas.factorize`` with a reason.

    Attributes
    ----------
    addresses : pyarrow.LargeStringArray, shape (n_keys,)
        The distinct normalised addresses, in the order they are first seen.
    codes : numpy.ndarray of int64, shape (n_rows,)
        Each row's place in `addresses`, -1 where the row has none.
    reasons : numpy.ndarray of int8, shape (n_rows,)
        A `Reason`; `Reason.USABLE` exactly where the code is not -1.
    hints : mapping of str to pyarrow.LargeStringArray, each of shape (n_keys,)
        What else the frame says of each person (`HINTS`), null where it says nothing.
    several : numpy.ndarray of bool, shape (n_rows,)
        Rows whose cell held several different addresses, of which the first was taken.
    skipped : mapping of str to int
        Rows left out by ``skip=``, by the class they were left out for.
    """

    addresses: pa.LargeStringArray
    codes: Ints
    reasons: npt.NDArray[np.int8]
    hints: Mapping[str, pa.LargeStringArray]
    several: Bools
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_several(self) -> int:
        """Number of rows whose cell held several addresses."""
        return int(self.several.sum())

    @property
    def n_keys(self) -> int:
        """Number of distinct addresses."""
        return len(self.addresses)

    @property
    def n_rows(self) -> int:
        """Number of the frame's rows."""
        return len(self.codes)

    def __len__(self) -> int:
        return self.n_keys

    def __repr__(self) -> str:
        rows = ", ".join(f"{reason.name.lower()}={n}" for reason, n in self.counts().items())
        return f"Keys(n_keys={self.n_keys}, n_rows={self.n_rows}, {rows}, n_several={self.n_several})"

    def counts(self) -> dict[Reason, int]:
        """Count the rows of each reason; the counts add up to `n_rows`."""
        return dict(zip(Reason, np.bincount(self.reasons, minlength=len(Reason)).tolist(), strict=True))

    def suppress(self, mask: Bools) -> Keys:
        """Leave out some people; their rows keep their place with code -1 and `Reason.SUPPRESSED`.

        Parameters
        ----------
        mask : numpy.ndarray of bool, shape (n_keys,)
            True for the addresses to leave out.

        Returns
        -------
        Keys
            With the remaining addresses, in the same order.
        """
        mask = np.asarray(mask, np.bool_)
        if mask.shape != (self.n_keys,):
            raise ValueError(f"mask must have shape ({self.n_keys},), one for each address, not {mask.shape}.")
        if not mask.any():
            return self
        keep = pa.array(~mask)
        moved = np.append(np.where(mask, -1, np.cumsum(~mask) - 1), -1)  # the last one is for code -1
        hit = np.append(mask, False)[self.codes]
        return replace(
            self,
            addresses=self.addresses.filter(keep),
            codes=moved[self.codes],
            reasons=np.where(hit, np.int8(Reason.SUPPRESSED), self.reasons),
            hints={name: values.filter(keep) for name, values in self.hints.items()},
        )


def read(frame: pd.DataFrame, columns: Columns) -> Keys:
    """Find the distinct people of a frame. Sends nothing.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any index, any dtypes; it is not changed.
    columns : Columns
        Which columns identify a person, from `find_columns`.

    Returns
    -------
    Keys
        Rows by position: the index plays no part.
    """
    cells, index = _distinct(pick(frame, columns.email))
    texts = cell_texts(cells)
    found, places, is_plain = normalise_distinct(texts)
    reasons, several = found.reasons[places], found.several[places]
    if texts.null_count:
        reasons[cells.notna().to_numpy() & np.asarray(texts.is_null())] = Reason.MALFORMED
    addresses, of_text = _places(found.addresses) if is_plain else _factorize(found.addresses)
    codes = places if of_text is None else of_text[places]
    if index is not None:  # -1, a missing cell, reaches the one that is appended
        several = np.append(several, False)[index]
        reasons = np.append(reasons, np.int8(Reason.BLANK))[index]
        codes = np.append(codes, -1)[index]
        used, codes = _factorize(pa.array(codes, mask=codes < 0))
        addresses = addresses.take(used)
    return Keys(
        addresses=addresses,
        codes=codes,
        reasons=reasons,
        hints=_hints(frame, columns, codes, len(addresses)),
        several=several,
    )


def _distinct(column: pd.Series[Any]) -> tuple[pd.Series[Any], Ints | None]:
    """Give the cells to read and, where a column is stored as a dictionary, each row's place among them."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return pd.Series(column.cat.categories), column.cat.codes.to_numpy().astype(np.int64)
    if isinstance(kind, pd.ArrowDtype) and isinstance(kind.pyarrow_dtype, pa.DictionaryType):
        encoded: Any = pa.array(column.array)
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
        cells = pd.Series(pd.arrays.ArrowExtensionArray(encoded.dictionary))
        return cells, np.asarray(pc.fill_null(encoded.indices.cast(pa.int64()), -1))
    return column, None


def _factorize(values: Any) -> tuple[Any, Ints]:
    """Give the distinct values in first-seen order and each one's place among them, -1 for null."""
    encoded = values.dictionary_encode()
    return encoded.dictionary, np.asarray(pc.fill_null(encoded.indices.cast(pa.int64()), -1))


def _places(values: Any) -> tuple[Any, Ints | None]:
    """Do as `_factorize` for values that are all different; without places where each value is its own."""
    if not values.null_count:
        return values, None
    there = np.asarray(values.is_valid())
    return values.drop_null(), np.where(there, np.cumsum(there) - 1, -1)


def _hints(frame: pd.DataFrame, columns: Columns, codes: Ints, n_keys: int) -> dict[str, pa.LargeStringArray]:
    """Give the fullest name, the longest company and the longest LinkedIn address the frame has for each person."""
    company = linkedin = first = last = pa.nulls(n_keys, _TEXT)
    if columns.company is not None:
        texts = _clean(frame, columns.company)
        company = texts.take(_best_rows(codes, _length(texts), n_keys))
    if columns.linkedin_url is not None:
        texts = _clean(frame, columns.linkedin_url)
        texts = pc.if_else(pc.match_substring(texts, "linkedin.com/", ignore_case=True), texts, _NULL)
        linkedin = texts.take(_best_rows(codes, _length(texts), n_keys))
    if {columns.first_name, columns.last_name, columns.full_name} != {None}:
        first, last = _names(frame, columns, codes, n_keys)
    return {"first_name": first, "last_name": last, "company": company, "linkedin_url": linkedin}


def _names(frame: pd.DataFrame, columns: Columns, codes: Ints, n_keys: int) -> tuple[Any, Any]:
    """Give each person's first and last name, both from one row so that two spellings are never mixed."""
    first = _clean(frame, columns.first_name)
    last = _clean(frame, columns.last_name)
    full = _clean(frame, columns.full_name)
    parted = _length(first) + _length(last)
    rows = _best_rows(codes, np.where(parted > 0, parted, _length(full)), n_keys)
    first, last, full = first.take(rows), last.take(rows), full.take(rows)
    whole = pc.and_(first.is_null(), last.is_null())
    split_first, split_last = _split_names(pc.if_else(whole, full, _NULL))
    return pc.coalesce(first, split_first), pc.coalesce(last, split_last)


def _split_names(full: pa.LargeStringArray) -> tuple[Any, Any]:
    """Part ``Last, First`` at the comma, any other name after its first word."""
    by_comma = pc.extract_regex(full, _LAST_FIRST)
    by_space = pc.extract_regex(full, _FIRST_LAST)
    halves = (pc.if_else(by_comma.is_valid(), by_comma.field(name), by_space.field(name)) for name in ("first", "last"))
    first, last = (trim(pc.if_else(full.is_null(), _NULL, half)) for half in halves)
    return pc.if_else(pc.equal(first, _EMPTY), _NULL, first), pc.if_else(pc.equal(last, _EMPTY), _NULL, last)


def _clean(frame: pd.DataFrame, label: Hashable | None) -> pa.LargeStringArray:
    """Give a column's trimmed texts, null where a cell says nothing, says too much or is no text."""
    if label is None:
        return pa.nulls(len(frame), _TEXT)
    cells, index = _distinct(pick(frame, label))
    text = trim(cell_texts(cells))
    unusable = is_blank(text) | (_length(text) > MAX_HINT_CHARACTERS)
    return _spread(pc.if_else(pa.array(unusable), _NULL, text), index)


def row_texts(frame: pd.DataFrame, label: Hashable) -> pa.LargeStringArray:
    """Give each row's text as it stands, null where there is none."""
    cells, index = _distinct(pick(frame, label))
    return _spread(cell_texts(cells), index)


def _spread(texts: pa.LargeStringArray, index: Ints | None) -> pa.LargeStringArray:
    """Put the texts of distinct cells on their rows."""
    places: Any = None if index is None else pa.array(index, mask=index < 0)
    return texts if places is None else texts.take(places)


def _length(text: pa.LargeStringArray) -> Ints:
    """Count each text's characters, 0 for null."""
    lengths: Any = pc.utf8_length(text)
    return np.asarray(pc.fill_null(lengths, 0), np.int64)


def _best_rows(codes: Ints, score: Ints, n_keys: int) -> Any:
    """Give each key's row of the highest score, the first of equals; null where no row scores."""
    rows = np.flatnonzero((codes >= 0) & (score > 0))
    best = np.zeros(n_keys, np.int64)
    np.maximum.at(best, codes[rows], score[rows] * len(codes) - rows)  # one number: highest score, then lowest row
    return pa.array(-best % max(len(codes), 1), mask=best == 0)
