"""Cells that hold no address: what is wrong with each, and the address that was probably meant."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.frame.addresses import as_mask, normalise
from cleanlist_pandas.plan.findings import BITS, Flags, Found

__all__ = ["examine"]

_TEXT: Final = pa.large_string()
_MAX_CHARACTERS: Final = pa.scalar(254)

# The first that fits counts. `[^;,|]`: in a cell of several parts each is looked at for itself.
_CAUSES: Final = (
    ("exchange", r"\A/o="),
    ("no_at", r"\A[^@＠]*\z"),
    ("two_at", "@[^;,|]*@"),
    ("no_local", r"\A@"),
    ("no_domain", r"@\z"),
    ("space", r"\S[\s\p{Z}]+\S"),
    ("no_dot", r"\A[^@]+@[^.]+\z"),
    ("dots", r"\.\."),
)

# What is done to a lower-case text, in this order; what is no address after that stays without a suggestion.
_REPAIRS: Final = (
    (r"[\x{ad}\x{200b}-\x{200f}\x{2060}\x{feff}]", ""),
    (r"[\s\p{Z}]+", " "),
    (" ?[＠@][ @＠]*", "@"),
    ("[‘’´`]", "'"),
    ('[“”„«»"]', ""),
    (r"\A ?(?:e-?mail|mail|mailto) ?[:=;] ?", ""),
    (r" ?[(\[{<] ?(?:at|@) ?[)\]}>] ?|\A([^@]*[^@ ]) at ([^@ ][^@]*)\z", r"\1@\2"),
    (r" ?[(\[{<] ?(?:dot|\.) ?[)\]}>] ?| dot ", "."),
    (r" ?\([^()@]*\) ?", ""),
    (r"\A[^<>]*<([^<>]*)\z|\A([^<>]*)>\z", r"\1\2"),
    (r"(@[^ @.]+)(?: \. ?|\. )", r"\1."),
    (r"\.{2,}", "."),
    (r"\A\.|\.?(@)\.?", r"\1"),
    (r"(@[^@,;| ]+),([a-z]{2,12})\z", r"\1.\2"),
    (r"@(gmail|googlemail|yahoo|hotmail|outlook|icloud)(?:com)?\z", r"@\1.com"),
)


def examine(text: pa.LargeStringArray) -> Found:
    """Tell what is wrong with texts that are no address, lower-case and trimmed; null is what was no text."""
    encoded: Any = text.dictionary_encode("encode")
    distinct = encoded.dictionary
    return Found(_causes(distinct)[encoded.indices.to_numpy()], _repaired(distinct).take(encoded.indices))


def _causes(text: pa.LargeStringArray) -> Flags:
    """Tell what is wrong with each text."""
    flags = np.full(len(text), BITS["malformed"], np.int64)
    for name, pattern in reversed(_CAUSES):
        flags[as_mask(pc.match_substring_regex(text, pattern))] = BITS[name]
    flags[as_mask(pc.greater(pc.utf8_length(text), _MAX_CHARACTERS))] = BITS["too_long"]
    flags[as_mask(text.is_null())] = BITS["no_text"]
    return flags


def _repaired(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """Give the address that texts become by undoing the usual mistakes, null where that makes none."""
    short: Any = pc.if_else(pc.less_equal(pc.utf8_length(text), _MAX_CHARACTERS), text, pa.scalar(None, _TEXT))
    for pattern, replacement in _REPAIRS:
        short = pc.replace_substring_regex(short, pattern, replacement)
    return normalise(short).addresses
