"""What an address says of itself: whole columns at a time, in Python only by distinct domain."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, Final

import idna
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.frame.addresses import as_mask
from cleanlist_pandas.frame.keys import Keys
from cleanlist_pandas.frame.mail_domains import FREE_MAIL
from cleanlist_pandas.plan import lint_words as words
from cleanlist_pandas.plan.findings import BITS, Flags, Found, bits_of, flags_where
from cleanlist_pandas.plan.slips import meant_in_frame, meant_well_known

__all__ = ["leave_out", "lint"]

Texts = pa.LargeStringArray
_TEXT: Final = pa.large_string()
_AT: Final = pa.scalar("@", _TEXT)
_NULL: Final = pa.scalar(None, _TEXT)

_OTHER: Final = r"\p{Cyrillic}\p{Greek}\p{Armenian}\p{Cherokee}"
_IN_LABEL: Final = "[^@.+_-]*"
_MIXED: Final = rf"\p{{Latin}}{_IN_LABEL}[{_OTHER}]|[{_OTHER}]{_IN_LABEL}\p{{Latin}}"
_ALIKE: Final = f"[{''.join(words.LOOK_ALIKES)}]"
_LATIN: Final = str.maketrans(words.LOOK_ALIKES)


def leave_out(keys: Keys, classes: Sequence[str], times: Any = None) -> Keys:
    """Leave out the people whose address is of one of some classes. Sends nothing.

    Parameters
    ----------
    keys : Keys
        All people of a frame, so that what is frequent in it is what `check` finds frequent.
    classes : sequence of str
        From `parse_skip`, the most serious first; a row is counted for the first that fits.
    times : ndarray of int64, shape (n_rows,), optional
        How often each row is counted; by default once.
    """
    if not classes:
        return keys
    flags = lint(keys).flags | flags_where("several", _only_among_several(keys))
    of_key = np.select([flags & bits_of(name) != 0 for name in classes], range(len(classes)), -1)
    of_row = np.append(of_key, -1)[keys.codes]
    left = of_row >= 0
    counts = np.bincount(of_row[left], None if times is None else times[left], len(classes)).astype(np.int64)
    skipped = {name: n for name, n in zip(classes, counts.tolist(), strict=True) if n}
    return replace(keys.suppress(of_key >= 0), skipped=skipped)


def _only_among_several(keys: Keys) -> Any:
    """Tell who stands in no cell alone."""
    mask = np.ones(keys.n_keys, np.bool_)
    mask[keys.codes[(keys.codes >= 0) & ~keys.several]] = False
    return mask


def lint(keys: Keys) -> Found:
    """Judge each unique person's address, by itself and beside the others of the frame. Sends nothing."""
    halves: Any = pc.split_pattern(keys.addresses, "@")
    local, domain = pc.list_element(halves, 0), pc.list_element(halves, 1).dictionary_encode()
    place = domain.indices.to_numpy()
    flags, meant = _lint_domains(domain.dictionary, np.bincount(place, minlength=len(domain.dictionary)))
    flags = flags[place] | _lint_locals(local)
    flags |= flags_where("placeholder", _says_twice(local, domain))

    suggestions: Texts = pc.binary_join_element_wise(local, meant.take(domain.indices), _AT)
    foreign = (flags & (BITS["idn"] | BITS["beyond_ascii"])) != 0
    if foreign.any():
        rows: Any = pa.array(np.flatnonzero(foreign))
        alike, latin = _look_alikes(local.take(rows), domain.dictionary.take(domain.indices.take(rows)))
        flags[foreign] |= flags_where("homoglyph", alike)
        latin = pc.coalesce(suggestions.take(rows), latin)
        suggestions = pc.replace_with_mask(suggestions, pa.array(foreign), latin)
    return Found(flags, suggestions)


def _whole(patterns: Iterable[str]) -> str:
    """Return a pattern for a whole text that is one of some."""
    return rf"\A(?:{'|'.join(patterns)})\z"


_PLACEHOLDER: Final = _whole(words.PLACEHOLDERS)
_ROLE: Final = _whole(
    (*(rf"{role}[0-9]*(?:\+.*)?" for role in words.ROLES), rf"(?:{'|'.join(words.SPLIT_ROLES)})[._-].*")
)


def _lint_locals(local: Texts) -> Flags:
    """Judge what stands before the @."""
    return (
        flags_where("placeholder", as_mask(pc.match_substring_regex(local, _PLACEHOLDER)))
        | flags_where("role", as_mask(pc.match_substring_regex(local, _ROLE)))
        | flags_where("beyond_ascii", ~as_mask(pc.string_is_ascii(local)))
    )


def _says_twice(local: Texts, domain: Any) -> Any:
    """Whether both sides of the @ say the same word that is nobody's name."""
    names: Any = pc.list_element(pc.split_pattern(domain.dictionary, ".", max_splits=1), 0)
    return as_mask(pc.and_(pc.equal(local, names.take(domain.indices)), _is_in(local, words.TWICE)))


def _lint_domains(domains: Texts, n_people: Any) -> tuple[Flags, Texts]:
    """Judge distinct domains; give also the domain that each may have been meant for."""
    free = as_mask(_is_in(domains, FREE_MAIL))
    meant = meant_well_known(domains)
    own = pc.if_else(pa.array(free), _NULL, meant_in_frame(domains, n_people))
    flags = (
        flags_where("free_mail", free)
        | flags_where("reserved", as_mask(pc.match_substring_regex(domains, words.RESERVED_DOMAIN)))
        | flags_where("placeholder", as_mask(_is_in(domains, words.PLACEHOLDER_DOMAINS)))
        | flags_where("disposable", _is_at_or_below(domains, _disposable_domains()))
        | flags_where("idn", as_mask(pc.match_substring(domains, "xn--")))
        | flags_where("slip", as_mask(meant.is_valid()))
        | flags_where("own_slip", as_mask(pc.and_(own.is_valid(), meant.is_null())))
    )
    return flags, pc.coalesce(meant, own)


def _is_in(texts: Any, names: Iterable[str]) -> Any:
    """Tell which texts are among some."""
    return pc.is_in(texts, pa.array(sorted(names), _TEXT))


def _is_at_or_below(domains: Texts, names: Iterable[str]) -> Any:
    """Tell which domains are among some, or hang one or two labels below them."""
    known = pa.array(sorted(names), _TEXT)
    hit, parent = as_mask(pc.is_in(domains, known)), domains
    for _ in range(2):
        parent = pc.replace_substring_regex(parent, r"\A[^.]*\.", "")
        hit |= as_mask(pc.is_in(parent, known))
    return hit


@functools.cache
def _disposable_domains() -> frozenset[str]:
    """Return the domains of throw-away mailboxes: the maintained list if it is installed, and ours."""
    try:
        listed: Iterable[str] = import_module("disposable_email_domains").blocklist
    except ImportError:
        listed = ()
    return words.DISPOSABLE_DOMAINS.union(listed) - FREE_MAIL


def _look_alikes(local: Texts, domains: Texts) -> tuple[Any, Texts]:
    """Tell which addresses mix alphabets, or hide look-alikes among Latin letters; give their Latin reading."""
    domain: Any = domains.dictionary_encode()
    unicode: Any = pa.array([_readable(name) for name in domain.dictionary.to_pylist()], _TEXT).take(domain.indices)
    address: Any = pc.binary_join_element_wise(local, unicode, _AT)
    mixed = as_mask(pc.match_substring_regex(address, _MIXED))
    honest = as_mask(pc.match_substring_regex(pc.replace_substring_regex(address, _ALIKE, ""), f"[{_OTHER}]"))
    hidden = as_mask(pc.match_substring_regex(address, _ALIKE)) & ~honest
    hidden &= as_mask(pc.match_substring_regex(address, r"\p{Latin}"))
    alike = mixed | hidden
    latin = [text.translate(_LATIN) for text in address.filter(pa.array(alike)).to_pylist()]
    plain = pa.array([text if text.isascii() else None for text in latin], _TEXT)
    return alike, pc.replace_with_mask(pa.nulls(len(address), _TEXT), pa.array(alike), plain)


def _readable(domain: str) -> str:
    """Return a domain with its international labels as they are read."""
    return ".".join(idna.ulabel(label) if label.startswith("xn--") else label for label in domain.split("."))
