"""A frame in parts: who is in each part, and the answers of all put on the rows of each. Pure: it may run anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.fields import FIELDS, FieldName, RowStatus, Source
from cleanlist_pandas.frame.addresses import cell_texts
from cleanlist_pandas.frame.arrays import SOURCE_DTYPE, STATUS_DTYPE, Array, Ints, Kinds, first_rows
from cleanlist_pandas.frame.columns import Columns, find_columns
from cleanlist_pandas.frame.existing import OTHERS, label, read_existing, read_replaced
from cleanlist_pandas.frame.join import assign, merged
from cleanlist_pandas.frame.keys import HINTS, Keys, Reason, read, row_texts
from cleanlist_pandas.frame.needs import Bits, bits_of
from cleanlist_pandas.frame.texts import as_mask

__all__ = [
    "Layout",
    "answers_of",
    "columns_of_people",
    "frame_of_people",
    "join_part",
    "merge_people",
    "people_of_part",
    "read_people",
]

_TEXT: Final = pa.large_string()
_MALFORMED: Final = pa.scalar("@", _TEXT)  # stands for a cell that is not blank and no text
_HINT: Final = "hint: {}"  # labels that no column of the caller's has


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is asked of every part: plain values, which travel to any process."""

    columns: Columns
    fields: tuple[FieldName, ...]
    on_existing: str
    dtype_backend: str | None

    @property
    def kinds(self) -> Kinds:
        """Which dtypes to make."""
        return Kinds(self.dtype_backend)

    def existing(self, part: pd.DataFrame) -> dict[str, Array]:
        """Return the enriched values a part has already, by field."""
        inputs = self.columns.as_dict().values()
        return read_existing(part, self.fields, self.on_existing, self.kinds, inputs)

    def replaced(self, part: pd.DataFrame) -> dict[str, Array]:
        """Return those of them that are written over once something is learnt, by field."""
        return read_replaced(part, self.fields, self.on_existing, self.kinds)


def people_of_part(
    part: pd.DataFrame, number: int, layout: Layout, worth: npt.NDArray[np.float64] | None = None
) -> pd.DataFrame:
    """Return who is in a part: one row for each distinct cell of the e-mail column and what its rows lack.

    Parameters
    ----------
    part : pandas.DataFrame
        One partition.
    number : int
        Its place among them.
    worth : ndarray of float64, optional
        What each row is worth.

    Returns
    -------
    pandas.DataFrame
        In the order in which they are first seen: ``cell`` and the hints, as text; ``lacks`` (uint16, the fields that
        are missing, as bits), ``n`` (int64, rows), ``part`` (int64); ``worth`` (float64) of all rows, if it is given.
    """
    keys = read(part, layout.columns)
    lacks = _lacks(layout.existing(part), len(part), layout)
    cells = row_texts(part, layout.columns.email)
    no_text: Any = pc.and_(cells.is_null(), pa.array(keys.reasons == Reason.MALFORMED))
    encoded: Any = pc.if_else(no_text, _MALFORMED, cells).dictionary_encode("encode")
    both = encoded.indices.to_numpy().astype(np.int64) * 2**16 + lacks
    _, first, places, n = np.unique(both, return_index=True, return_inverse=True, return_counts=True)
    worths = {} if worth is None else {"worth": np.bincount(places, weights=worth, minlength=len(first))}
    order = np.argsort(first)
    rows = first[order]
    codes = keys.codes[rows]
    person: Any = pa.array(codes, mask=codes < 0)
    texts = {"cell": encoded.dictionary.take(encoded.indices.take(pa.array(rows)))}
    texts |= {name: keys.hints[name].take(person) for name in HINTS}
    return pd.DataFrame(
        {
            **{name: pd.arrays.ArrowExtensionArray(text) for name, text in texts.items()},
            "lacks": lacks[rows],
            "n": n[order].astype(np.int64),
            "part": np.full(len(rows), number, np.int64),
            **{name: sums[order] for name, sums in worths.items()},
        }
    )


def merge_people(people: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the people of several parts, given in their order, as those of one: nobody grows with the number of parts.

    Of each distinct ``cell`` and ``lacks`` one row, where it is first seen, with that row's ``part``; ``n`` is the sum,
    and so is ``worth``.
    Of a person's names, companies and profiles the longest count, the first of equals.
    """
    cells: Any = pa.chunked_array([cell_texts(each["cell"]) for each in people]).dictionary_encode("encode")
    places = np.concatenate([np.zeros(0, np.int32), *(one.indices.to_numpy() for one in cells.chunks)])
    del cells  # of which all chunks have the same dictionary
    every = pd.concat(people, ignore_index=True)
    codes, first = _first_seen(places.astype(np.int64) * 2**16 + every["lacks"].to_numpy())
    merged = {name: every[name].array.take(first) for name in every if name not in HINTS}
    for name in [name for name in ("n", "worth") if name in merged]:
        sums = np.bincount(codes, weights=every[name].to_numpy(), minlength=len(first))
        merged[name] = sums.astype(every[name].to_numpy().dtype)
    for names in (HINTS[:2], HINTS[2:3], HINTS[3:]):  # first and last name from one row: two spellings are never mixed
        longest_first = np.argsort(-sum(_lengths(every[name]) for name in names), kind="stable")
        at = longest_first[first_rows(codes[longest_first], len(first))]
        merged |= {name: every[name].array.take(at) for name in names}
    return pd.DataFrame({name: merged[name] for name in every})


def _first_seen(values: Ints) -> tuple[Ints, Ints]:
    """Return each value's place among the different ones, in first-seen order, and where each is first."""
    encoded: Any = pa.array(values).dictionary_encode()
    codes = encoded.indices.to_numpy()
    return codes, first_rows(codes, len(encoded.dictionary))


def _lengths(column: pd.Series[Any]) -> Ints:
    """Return the number of characters of each text, 0 where there is none."""
    lengths: Any = pc.utf8_length(cell_texts(column))
    return np.asarray(pc.fill_null(lengths, 0), np.int64)


def _lacks(existing: Mapping[str, Array], n_rows: int, layout: Layout) -> Bits:
    """Return the fields that each row lacks, as bits."""
    lacks = np.full(n_rows, bits_of(layout.fields), np.uint16)
    for name, values in existing.items():
        lacks[~np.asarray(pd.isna(values))] &= ~bits_of([name])
    return lacks


def columns_of_people(layout: Layout) -> dict[str, Any]:
    """Return what ``columns=`` is for `frame_of_people`."""
    return {"email": layout.columns.email, **{name: _HINT.format(name) for name in HINTS}, "full_name": None}


def frame_of_people(people: pd.DataFrame, layout: Layout, existing: list[str]) -> pd.DataFrame:
    """Return the people of all parts as a frame to enrich.

    What a row does not lack is filled with a stand-in: its rows keep what they have.
    """
    columns: dict[Any, Any] = {
        layout.columns.email: people["cell"],
        **{_HINT.format(name): people[name] for name in HINTS},
    }
    for name in existing:
        field = FIELDS[name]
        stand_in = field.categories[0] if field.categories else 0 if field.integer else "there"
        lacking = (people["lacks"].to_numpy() & bits_of([name])) != 0
        columns[field.column] = pd.Series(layout.kinds.column(field, [stand_in], np.where(lacking, -1, 0)))
    return pd.DataFrame(columns)


def read_people(frame: pd.DataFrame, layout: Layout) -> Keys:
    """Read what `frame_of_people` returned: its keys are those of the whole frame."""
    return read(frame, find_columns(frame, columns_of_people(layout)))


def answers_of(enriched: pd.DataFrame, people: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Return what is known of each person, one row each, from the enriched frame of the people of all parts.

    Returns
    -------
    pandas.DataFrame
        ``address``, the columns to write, and ``part``: where the first row is that lacks something.
    """
    keys = read_people(enriched, layout)
    lacks = people["lacks"].to_numpy()
    out: dict[str, Any] = {"address": pd.arrays.ArrowExtensionArray(keys.addresses)}
    for name in layout.fields:  # from a row that lacked it: there stands what was learnt
        rows = np.full(keys.n_keys, -1, np.int64)
        lacking = first_rows(np.where(lacks & bits_of([name]), keys.codes, -1), keys.n_keys)
        rows[keys.codes[lacking]] = lacking
        out[FIELDS[name].column] = _spread(enriched[FIELDS[name].column], rows)
    rows = first_rows(keys.codes, keys.n_keys)
    lacking = first_rows(np.where(lacks != 0, keys.codes, -1), keys.n_keys)
    rows[keys.codes[lacking]] = lacking
    out |= {name: enriched[name].array.take(rows) for name in OTHERS if name in enriched}
    answers = pd.DataFrame({**out, "part": people["part"].to_numpy()[rows]})
    answers.attrs.update(enriched.attrs)
    return answers


def join_part(part: pd.DataFrame, answers: pd.DataFrame, number: int, layout: Layout) -> pd.DataFrame:
    """Return a part with the answers on its rows: same rows, order and index, and the columns that `join` would add.

    Somebody of whom the answers say nothing is ``not_attempted``.
    """
    keys = read(part, layout.columns)
    rows = np.append(_places(keys.addresses, cell_texts(answers["address"])), -1)[keys.codes]
    existing, replaced = layout.existing(part), layout.replaced(part)
    filled = (_lacks(existing, len(part), layout) == 0) & (keys.codes >= 0)
    status = _statuses(answers, rows, keys.codes, filled)
    is_told = np.isin(status, [_code(RowStatus.COMPLETED), _code(RowStatus.NOT_FOUND)])
    new: dict[str, Array] = {}
    for name in layout.fields:
        values = _spread(answers[FIELDS[name].column], rows)
        new[FIELDS[name].column] = merged(values, existing.get(name), replaced.get(name), is_told)
    new["enriched_status"] = pd.Categorical.from_codes(status, dtype=STATUS_DTYPE)
    if "enriched_source" in answers:
        new |= _provenance(answers, rows, filled & (status != _code(RowStatus.SKIPPED)), number)
    out = assign(part, {label(part, name): new.pop(name) for name in [*new]})
    out.attrs.update(answers.attrs)
    return out


def _places(few: pa.LargeStringArray, many: pa.LargeStringArray) -> Ints:
    """Return where each of a few addresses stands among many, -1 for nowhere; nothing stands twice on either side.

    Arrow hashes what is sought in. A part has fewer people than all parts together: they are sought in it.
    """
    found: Any = pc.index_in(many, value_set=few)
    there = np.flatnonzero(as_mask(found.is_valid()))
    places = np.full(len(few), -1, np.int64)
    places[np.asarray(found.drop_null())] = there
    return places


def _spread(column: pd.Series[Any], rows: Ints) -> Array:
    """Return a column's values on other rows, missing where that is -1."""
    values: Any = column.array.take(rows, allow_fill=True)
    return values.to_numpy() if isinstance(column.dtype, np.dtype) else values


def _statuses(answers: pd.DataFrame, rows: Ints, codes: Ints, filled: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """Return what became of each row, as codes: who is left out is so on filled rows, too."""
    of_person = np.append(answers["enriched_status"].cat.codes.to_numpy(), _code(RowStatus.NOT_ATTEMPTED))
    status = np.where(codes < 0, _code(RowStatus.SKIPPED), of_person[rows])
    status[filled & (status != _code(RowStatus.SKIPPED))] = _code(RowStatus.COMPLETED)
    return status.astype(np.int8)


def _code(status: RowStatus) -> int:
    """Return a status' place among the categories."""
    return list(RowStatus).index(status)


def _provenance(answers: pd.DataFrame, rows: Ints, filled: npt.NDArray[np.bool_], number: int) -> dict[str, Array]:
    """Return where each row's values came from; credits stand on the first row of each person in all parts."""
    told = np.where(filled, -1, rows)
    here = np.append(answers["part"].to_numpy() == number, False)
    first = first_rows(np.where(here[told], told, -1), len(answers))
    once = np.full(len(rows), -1, np.int64)
    once[first] = told[first]
    new: dict[str, Array] = {
        name: _spread(answers[name], once if name == "enriched_credits" else told)
        for name in OTHERS
        if name != "enriched_status"
    }
    source = pd.Categorical(new["enriched_source"], dtype=SOURCE_DTYPE)
    source[filled] = str(Source.EXISTING)
    return {**new, "enriched_source": source}
