"""Lint before you pay: one verdict a row, offline and free."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.frame.addresses import as_mask, trim
from cleanlist_pandas.frame.arrays import Ints, Kinds, category, first_rows
from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.keys import Keys, Reason, read, row_texts
from cleanlist_pandas.plan.findings import BITS, VERDICTS, Flags, flags_where, reason_of, verdict_of, words_of
from cleanlist_pandas.plan.lint import lint
from cleanlist_pandas.plan.repairs import examine

__all__ = ["VERDICTS", "check_frame", "counts", "tell"]

Texts = pa.LargeStringArray
_VERDICT_DTYPE: Final = pd.CategoricalDtype(list(VERDICTS))

# How an address may be written; looked for only where a cell is more than the address itself.
_WRITTEN: Final = {
    "mailto": "mailto:",
    "brackets": r"<[^<>]*>",
    "quotes": r"\A'.*'\z|<'.*'>",
    "final_dot": r"[.。．｡][\s'>]*\z",
}


def check_frame(
    frame: pd.DataFrame,
    columns: Hashable | Mapping[str, Hashable] | None = None,
    *,
    price: int = 1,
    kinds: Kinds | None = None,
) -> pd.DataFrame:
    """Judge each row's address; see `cleanlist_pandas.check`."""
    kinds = kinds or Kinds()
    where = find_columns(frame, columns)
    keys = read(frame, where)
    raw = row_texts(frame, where.email)
    text = trim(pc.ascii_lower(raw))
    first = first_rows(keys.codes, keys.n_keys)
    is_first = np.zeros(keys.n_rows, np.bool_)
    is_first[first] = True

    people = lint(keys)
    malformed = np.flatnonzero(keys.reasons == Reason.MALFORMED)
    places: Any = pa.array(malformed)
    wrong = examine(text.take(places))
    flags = np.append(people.flags, np.int64(BITS["blank"]))[keys.codes] | flags_where("several", keys.several)
    flags[malformed] = wrong.flags
    flags |= _same_but(raw, keys.codes, first) | _written(text, keys)
    verdicts, reasons, which = _in_words(flags)

    of_row = keys.codes.copy()
    of_row[malformed] = keys.n_keys + np.arange(len(malformed))
    return pd.DataFrame(
        {
            "address": kinds.texts(keys.addresses, keys.codes),
            "verdict": category(verdicts, which, _VERDICT_DTYPE),
            "reason": kinds.texts(reasons, which),
            "suggestion": kinds.texts(pa.concat_arrays([people.suggestions, wrong.suggestions]), of_row),
            "duplicate_of": kinds.integers(first, np.where(is_first, -1, keys.codes)),
            "credits": kinds.integers(np.array([0, price]), is_first.astype(np.int64)),
        },
        index=frame.index,
    )


def counts(checked: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return rows and credits at stake by verdict, all of them, the most serious first."""
    table = checked["credits"].groupby(checked["verdict"], observed=False).agg(["size", "sum"]).iloc[::-1]
    return {str(verdict): {"rows": int(n), "credits": int(credits)} for verdict, n, credits in table.itertuples()}


def tell(checked: pd.DataFrame) -> str:
    """Return what a check found, in lines for a person."""
    lines = ["     rows  credits at stake"]
    for verdict, n in counts(checked).items():
        if n["rows"]:
            lines.append(f"{n['rows']:>9,} {n['credits']:>8,}  {verdict}")
    lines.append(f"{len(checked):>9,} {checked['credits'].sum():>8,}  in all")
    n_merged = int(checked["duplicate_of"].notna().sum())
    if n_merged:
        saved = n_merged * int(checked["credits"].max())
        lines.append(f"{n_merged:>9,} merged with an earlier row, {saved:,} credits less:")
        lines += [f"{n:>9,}   {words}" for words, n in _merges(checked).items() if n]
    n_suggested = int(checked["suggestion"].notna().sum())
    if n_suggested:
        lines.append(f"{n_suggested:>9,} with a suggestion; nothing was changed")
    return "\n".join(lines)


def _merges(checked: pd.DataFrame) -> dict[str, int]:
    """Return how many rows were merged into an earlier one, by what they differ in."""
    counts = checked.loc[checked["duplicate_of"].notna(), "reason"].value_counts()
    said = [(str(reason).split("; "), int(n)) for reason, n in counts.items()]
    return {words: sum(n for parts, n in said if words in parts) for words in words_of("duplicate")}


def _in_words(flags: Flags) -> tuple[npt.NDArray[np.int8], list[str | None], Ints]:
    """Return the verdicts (as category codes) and reasons of distinct findings, and each row's place among them."""
    found: Any = pa.array(flags).dictionary_encode()
    distinct = found.dictionary.to_pylist()
    verdicts = np.array([VERDICTS.index(verdict_of(each)) for each in distinct], np.int8)
    return verdicts, [reason_of(each) for each in distinct], found.indices.to_numpy().astype(np.int64)


def _same_but(raw: Texts, codes: Ints, first: Ints) -> Flags:
    """Tell in what the later rows of somebody differ from the first."""
    later = codes >= 0
    later[first] = False
    mine: Any = raw.filter(pa.array(later))
    places: Any = pa.array(first[codes[later]])
    theirs = raw.take(places)
    lower, their_lower = pc.ascii_lower(mine), pc.ascii_lower(theirs)
    closest_first = {
        "same": pc.equal(mine, theirs),
        "same_but_case": pc.equal(lower, their_lower),
        "same_but_space": pc.equal(trim(mine), trim(theirs)),
        "same_but_case_and_space": pc.equal(trim(lower), trim(their_lower)),
        "same_but_idn": _same_but_idn(lower, their_lower),
    }
    masks, bits = map(as_mask, closest_first.values()), [np.int64(BITS[name]) for name in closest_first]
    flags = np.zeros(len(codes), np.int64)
    flags[later] = np.select(list(masks), bits, np.int64(BITS["same_but_wrapping"]))
    return flags


def _same_but_idn(mine: Texts, theirs: Texts) -> Any:
    """Whether one writes the domain in ASCII and the other does not, or both in other letters than ASCII."""
    in_ascii, theirs_too = pc.match_substring(mine, "xn--"), pc.match_substring(theirs, "xn--")
    foreign = pc.invert(pc.and_(pc.string_is_ascii(mine), pc.string_is_ascii(theirs)))
    mapped, theirs_mapped = (pc.utf8_lower(_nfkc(trim(text))) for text in (mine, theirs))
    return pc.and_(foreign, pc.or_(pc.xor(in_ascii, theirs_too), pc.equal(mapped, theirs_mapped)))


def _nfkc(text: Texts) -> Any:
    """Bring texts to the Unicode form that domains are mapped to."""
    return pc.utf8_normalize(text, "NFKC")  # type: ignore[attr-defined]  # the stubs lack it


def _written(text: Texts, keys: Keys) -> Flags:
    """Tell what was around an address."""
    rows: Any = pa.array(keys.codes, mask=keys.codes < 0)
    more = as_mask(pc.not_equal(text, keys.addresses.take(rows)))
    around: Any = text.filter(pa.array(more)).dictionary_encode("encode")
    found = np.zeros(len(around.dictionary), np.int64)
    for name, pattern in _WRITTEN.items():
        found |= flags_where(name, as_mask(pc.match_substring_regex(around.dictionary, pattern)))
    flags = np.zeros(keys.n_rows, np.int64)
    flags[more] = found[around.indices.to_numpy()]
    return flags
