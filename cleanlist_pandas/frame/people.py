"""What an enriched frame says of each of its people, once for everybody: how `diff` reads its two frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.fields import FIELDS, Field, RowStatus, normal_word
from cleanlist_pandas.frame.addresses import as_mask, cell_texts, is_blank, normalise, trim
from cleanlist_pandas.frame.arrays import first_rows
from cleanlist_pandas.frame.columns import ROLES, find_columns, pick
from cleanlist_pandas.frame.existing import label
from cleanlist_pandas.frame.keys import read

__all__ = ["People", "count_columns", "key_column", "read_people"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Texts = pa.LargeStringArray
_TEXT = pa.large_string()
_NULL = pa.scalar(None, _TEXT)

_BY_EMAIL: Final = {role: None for role in ROLES if role != "email"}
_UNANSWERED: Final = (RowStatus.SKIPPED, RowStatus.FAILED, RowStatus.IN_DOUBT, RowStatus.NOT_ATTEMPTED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class People:
    """The people of a frame, one entry each.

    Attributes
    ----------
    keys : pyarrow.LargeStringArray
        Who it is; no two are equal.
    rows : numpy.ndarray of int64
        The position of the row that `values` are from.
    values : mapping of str to pyarrow.LargeStringArray
        By field; null where nothing is known.
    answered : numpy.ndarray of bool
        Whether the row's look-up was answered: if not, its gaps say nothing.
    """

    keys: Texts
    rows: Ints
    values: dict[str, Texts]
    answered: Bools

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: Ints) -> People:
        """Give the people at some places."""
        at: Any = pa.array(places)
        return People(
            keys=self.keys.take(at),
            rows=self.rows[places],
            values={name: texts.take(at) for name, texts in self.values.items()},
            answered=self.answered[places],
        )


def count_columns(frame: pd.DataFrame, column: Hashable) -> int:
    """Count the columns of one label; hashed, because comparing labels fails where one is ``pandas.NA``."""
    labels: Counter[Hashable] = Counter(frame.columns)
    return labels[column] if isinstance(column, Hashable) else 0


def key_column(frame: pd.DataFrame, which: str, on: Hashable | None) -> Hashable:
    """Find the column that says who a row is about: `on`, or by default the e-mail column.

    Raises
    ------
    ColumnsError
        If it is not there, twice there, or not clear; `which` names the frame.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ColumnsError(
            f"For {which} a pandas DataFrame or the path of a file is needed, not {type(frame).__name__}."
        )
    if on is None:
        try:
            return find_columns(frame, _BY_EMAIL).email
        except ColumnsError as error:
            told = str(error).replace("columns=", "on=")  # the option by which it is named here
            raise ColumnsError(f"In {which}: {told}") from None
    n = count_columns(frame, on)
    if n != 1:
        raise ColumnsError(
            f"on= names {on!r}, of which {which} has {n or 'no'} column{'s' * (n > 1)}; name one that both frames have."
        )
    return on


def read_people(frame: pd.DataFrame, key: Hashable, fields: Sequence[str], *, by_email: bool) -> People:
    """Read a frame's people; of several rows for one, the first that has any value counts. Sends nothing.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any index, any dtypes; it is not changed.
    key : Hashable
        The column that says who a row is about.
    fields : sequence of str
        What to read; a field whose column is missing is null for everybody.
    by_email : bool
        Whether the key is the e-mail address, and who has none is nobody.

    Returns
    -------
    People
        In the order in which they are first seen.
    """
    if by_email:
        found = read(frame, find_columns(frame, {**_BY_EMAIL, "email": key}))
        keys, codes = found.addresses, found.codes
    else:
        encoded: Any = _identities(pick(frame, key)).dictionary_encode()
        keys, codes = encoded.dictionary, np.asarray(pc.fill_null(encoded.indices.cast(pa.int64()), -1))
    values = {name: _values(frame, FIELDS[name]) for name in fields}
    says = np.any([as_mask(texts.is_valid()) for texts in values.values()], axis=0)
    rows = first_rows(codes, len(keys))
    telling = first_rows(np.where(says, codes, -1), len(keys))
    rows[codes[telling]] = telling
    of_row: Any = pa.array(codes, mask=codes < 0)
    whole = People(
        keys=keys.take(of_row),
        rows=np.arange(len(frame)),
        values=values,
        answered=_answered(frame),
    )
    return whole.take(rows)


def _identities(column: pd.Series[Any]) -> Texts:
    """Give each row's identity: an e-mail address in its one spelling, anything else as it is written."""
    text = _texts(column)
    addresses = normalise(pc.if_else(pc.match_substring(text, "@"), text, _NULL)).addresses
    identities: Texts = pc.coalesce(addresses, text)
    return identities


def _values(frame: pd.DataFrame, field: Field) -> Texts:
    """Give one field's values as text, null where it says nothing."""
    column = label(frame, field.column)
    if column not in frame.columns:
        return pa.nulls(len(frame), _TEXT)
    texts = _texts(pick(frame, column))
    return _spelled(texts, field.categories) if field.categories else texts


def _spelled(texts: Texts, members: Iterable[str]) -> Texts:
    """Give words of an enum as the service spells them, null for words it does not have."""
    spelling = {normal_word(member): member for member in members}
    encoded: Any = texts.dictionary_encode()
    words: Any = pa.array([spelling.get(normal_word(word)) for word in encoded.dictionary.to_pylist()], _TEXT)
    spelled: Texts = words.take(encoded.indices)
    return spelled


def _answered(frame: pd.DataFrame) -> Bools:
    """Tell which rows' look-ups were answered; all, if the frame does not say."""
    column = label(frame, "enriched_status")
    if count_columns(frame, column) != 1:
        return np.ones(len(frame), np.bool_)
    return as_mask(_spelled(_texts(pick(frame, column)), _UNANSWERED).is_null())


def _texts(column: pd.Series[Any]) -> Texts:
    """Give each cell's trimmed text, null where it says nothing; numbers as they were written."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    texts = cell_texts(column)
    odd = as_mask(texts.is_null())
    odd[odd] = column[odd].notna()
    if odd.any():  # 15550100.0, read beside gaps, was written 15550100
        numbers = pd.to_numeric(column[odd], errors="coerce").convert_dtypes().astype("string")
        texts = pc.replace_with_mask(texts, pa.array(odd), cell_texts(numbers))
    text = trim(texts)
    said: Texts = pc.if_else(pa.array(is_blank(text)), _NULL, text)
    return said
