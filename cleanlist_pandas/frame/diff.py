"""Compare two enriched frames of the same people: who changed jobs, whose address died, whose phone came or went.

What counts as a change errs on the quiet side: a name spelled otherwise, a title in capitals, a value that only one of
the frames has are none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.fields import FIELDS, SENIORITIES
from cleanlist_pandas.frame.addresses import as_mask
from cleanlist_pandas.frame.arrays import SENIORITY_DTYPE, Array, Kinds, category
from cleanlist_pandas.frame.columns import pick
from cleanlist_pandas.frame.existing import label
from cleanlist_pandas.frame.people import People, count_columns, key_column, read_people
from cleanlist_pandas.frame.spelling import fold, fold_company, fold_phone

__all__ = ["CHANGES", "TEXTS", "diff_frames"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Texts = pa.LargeStringArray
_TEXT = pa.large_string()

# The most important first, each with the field it is about. Of the first four a person has one at most.
CHANGES: Final = {
    "new_company": "company",
    "promotion": "seniority",
    "demotion": "seniority",
    "new_title": "title",
    "email_invalid": "email_status",
    "email_valid": "email_status",
    "phone_gained": "phone",
    "phone_changed": "phone",
    "phone_lost": "phone",
}
_FIELDS: Final = tuple(dict.fromkeys(CHANGES.values()))
_CHANGE_DTYPE: Final = pd.CategoricalDtype(list(CHANGES), ordered=True)
_FIELD_DTYPE: Final = pd.CategoricalDtype(list(_FIELDS))
TEXTS: Final = ("before", "after", "company", "title", "title_before")  # columns of text that others wrote


def diff_frames(now: pd.DataFrame, before: pd.DataFrame, on: Hashable | None = None) -> pd.DataFrame:
    """Return one row for each change of somebody who is in both frames; see `cleanlist_pandas.diff`."""
    frames = {"the frame": now, "the earlier frame": before}
    keys = {which: key_column(frame, which, on) for which, frame in frames.items()}
    common = _common_fields(frames)
    newer, older = (read_people(frame, keys[which], _FIELDS, by_email=on is None) for which, frame in frames.items())
    counts = {"only_now": len(newer), "only_before": len(older)}
    newer, older = _pair(newer, older)
    found = _find(newer, older, common)
    places = np.concatenate([np.flatnonzero(mask) for mask in found.values()])
    kinds = np.repeat([list(CHANGES).index(change) for change in found], [mask.sum() for mask in found.values()])
    changes = _table(newer.take(places), older.take(places), kinds)
    if on is not None:
        changes = _with_key(changes, now, on)
    changes.attrs["cleanlist_diff"] = {
        "people": len(newer),
        **{name: n - len(newer) for name, n in counts.items()},
    }
    return changes


def _common_fields(frames: Mapping[str, pd.DataFrame]) -> set[str]:
    """Return which fields both frames have; there must be one."""
    have = {}
    for which, frame in frames.items():
        n = {name: count_columns(frame, label(frame, FIELDS[name].column)) for name in _FIELDS}
        have[which] = [name for name in _FIELDS if n[name]]
        for name in have[which]:
            if n[name] > 1:
                raise ColumnsError(f"In {which} the column {FIELDS[name].column!r} occurs twice; rename or drop one.")
    common = set.intersection(*map(set, have.values()))
    if not common:
        columns = ", ".join(FIELDS[name].column for name in _FIELDS)
        told = " and ".join(f"{which} has {', '.join(names) or 'none'}" for which, names in have.items())
        raise ColumnsError(f"Nothing to compare: of {columns}, {told}; enrich both with the same fields first.")
    return common


def _pair(now: People, before: People) -> tuple[People, People]:
    """Give those who are in both frames, side by side, in the order of the newer one's rows."""
    there: Any = pc.index_in(now.keys, before.keys)
    places = np.flatnonzero(as_mask(there.is_valid()))
    places = places[np.argsort(now.rows[places], kind="stable")]
    of_before: Any = there.take(pa.array(places)).cast(pa.int64())
    return now.take(places), before.take(np.asarray(of_before))


def _find(now: People, before: People, common: set[str]) -> dict[str, Bools]:
    """Tell for each kind of change who has it."""
    moved = _differs(now.values["company"], before.values["company"], fold_company)
    step = _step(now.values["seniority"], before.values["seniority"])
    retitled = _differs(now.values["title"], before.values["title"], fold)
    found = {
        "new_company": moved,
        "promotion": ~moved & (step > 0),
        "demotion": ~moved & (step < 0),
        "new_title": ~moved & (step == 0) & retitled,
    }
    if "email_status" in common:
        invalid, was_invalid = (_is(side.values["email_status"], "invalid") for side in (now, before))
        found["email_invalid"] = invalid & ~was_invalid
        found["email_valid"] = was_invalid & _is(now.values["email_status"], "valid")
    if "phone" in common:
        phone, phone_before = now.values["phone"], before.values["phone"]
        has, had = as_mask(phone.is_valid()), as_mask(phone_before.is_valid())
        found["phone_gained"] = has & ~had
        found["phone_changed"] = _differs(phone, phone_before, fold_phone)
        found["phone_lost"] = ~has & had & now.answered
    return found


def _differs(now: Texts, before: Texts, folded: Callable[[Texts], Texts]) -> Bools:
    """Tell where two texts that are both there differ, and not only in spelling."""
    differs = as_mask(pc.not_equal(now, before))
    at: Any = pa.array(np.flatnonzero(differs))
    differs[differs] = as_mask(pc.not_equal(folded(now.take(at)), folded(before.take(at))))
    return differs


def _is(texts: Texts, word: str) -> Bools:
    """Tell which texts are a word."""
    return as_mask(pc.equal(texts, pa.scalar(word, _TEXT)))


def _step(now: Texts, before: Texts) -> Ints:
    """Count the levels of seniority between two, 0 where one is not known."""
    step: Any = pc.subtract(_level(now), _level(before))
    return np.asarray(pc.fill_null(step, 0), np.int64)


def _level(seniority: Texts) -> Any:
    """Give each word's place in the order of seniority, null for none."""
    return pc.index_in(seniority, pa.array(SENIORITIES, _TEXT))


def _table(now: People, before: People, kinds: Ints) -> pd.DataFrame:
    """Write changes as rows: of whom, and of which kind."""
    fields = np.array([_FIELDS.index(field) for field in CHANGES.values()])[kinds]
    return pd.DataFrame(
        {
            "email": _text(now.keys),
            "change": category(np.arange(len(CHANGES), dtype=np.int8), kinds, _CHANGE_DTYPE),
            "field": category(np.arange(len(_FIELDS), dtype=np.int8), fields, _FIELD_DTYPE),
            "before": _text(_chosen(before, fields)),
            "after": _text(_chosen(now, fields)),
            "company": _text(now.values["company"]),
            "title": _text(now.values["title"]),
            "title_before": _text(before.values["title"]),
            "seniority": _ordered(now.values["seniority"]),
            "seniority_before": _ordered(before.values["seniority"]),
            "row": pd.array(now.rows, "Int64"),
            "row_before": pd.array(before.rows, "Int64"),
        }
    )


def _chosen(people: People, fields: Ints) -> Texts:
    """Give each person's value of the field that a row is about."""
    place: Any = pa.array(fields)
    chosen: Any = pc.choose(place, *(people.values[name] for name in _FIELDS))
    return chosen  # type: ignore[no-any-return]


def _text(texts: Texts) -> Array:
    """Return texts in pandas' default dtype."""
    return Kinds().texts(texts, np.arange(len(texts)))


def _ordered(seniority: Texts) -> pd.Categorical:
    """Return words of seniority as their ordered category."""
    levels = np.asarray(pc.fill_null(_level(seniority), -1), np.int8)
    return category(levels, np.arange(len(levels)), SENIORITY_DTYPE)


def _with_key(changes: pd.DataFrame, now: pd.DataFrame, on: Hashable) -> pd.DataFrame:
    """Return the changes with the column `on`, as the frame has it, in place of the address."""
    others = changes.drop(columns="email")
    if on in others.columns:
        raise ColumnsError(f"on= names {on!r}, a column that diff() writes itself; rename it in both frames.")
    values = pick(now, on).iloc[changes["row"].to_numpy(np.int64)].array
    others.insert(0, on, values)
    return others
