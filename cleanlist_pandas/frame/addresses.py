"""E-mail addresses in one spelling each: whole columns at a time, by the rule in ``examples/README.md``.

Two texts become one address only if they differ in ASCII case, in white space or invisible characters around them, in
how the address is wrapped (``Name <a@b>``, ``mailto:``), or in the IDNA form of the domain. Anything more would buy one
person for another: no Gmail dots, no ``+tag`` folding, no NFKC, no lower-casing beyond ASCII.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum
from typing import Any, NamedTuple

import idna
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.texts import Bools, as_mask, cell_texts, is_blank, trim

__all__ = [
    "Bools",
    "Normalised",
    "Reason",
    "as_mask",
    "cell_texts",
    "is_blank",
    "mask_suppressed",
    "normalise",
    "normalise_distinct",
    "normalise_one",
    "trim",
]

Ints = npt.NDArray[np.int64]
_TEXT = pa.large_string()
_NULL = pa.scalar(None, _TEXT)
_AT = pa.scalar("@", _TEXT)

MAX_CELL_BYTES = pa.scalar(4_096)
MAX_ADDRESS_BYTES = pa.scalar(254)
MAX_LOCAL_BYTES = pa.scalar(64)
MAX_LABEL_CHARACTERS = 63

# `\z`, because Arrow's `$` also matches before a last line break. `|` may stand in an atom, but here it is a separator.
_ASCII_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{}~-]+"
_ANY_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{}~\p{L}\p{M}\p{N}-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"\A{_LABEL}(?:\.{_LABEL})+\z"
_PLAIN = rf"\A{_ASCII_ATOM}(?:\.{_ASCII_ATOM})*@{_LABEL}(?:\.{_LABEL})+\z"
_LOCAL_AND_DOMAIN = rf"\A(?P<local>{_ANY_ATOM}(?:\.{_ANY_ATOM})*)@(?P<domain>[^@]+)\z"
_QUOTED = r'(?s)"(?:[^"\\]|\\.)*"'
_SEPARATOR = r"[;,|\r\n]"
_WRAPPERS = {
    "single quotes": r"(?s)\A'(.*)'\z",
    "brackets": r"\A[^<>]*<([^<>]*)>\z",
    "quotes in brackets": r"(?s)\A'(.*)'\z",
    "mailto": r"(?s)\Amailto:([^?]*)(?:\?.*)?\z",
}


class Reason(IntEnum):
    """Why a row has an address to look up, or none."""

    USABLE = 0
    BLANK = 1
    MALFORMED = 2
    SUPPRESSED = 3


class Normalised(NamedTuple):
    """One entry for each text handed in.

    Attributes
    ----------
    addresses : pyarrow.LargeStringArray
        The address in its one spelling, null where there is none.
    reasons : numpy.ndarray of int8
        A `Reason`.
    several : numpy.ndarray of bool
        Whether the text held further, different addresses; the first was taken.
    """

    addresses: pa.LargeStringArray
    reasons: npt.NDArray[np.int8]
    several: Bools


def normalise(values: pa.LargeStringArray) -> Normalised:
    """Bring each text to the one spelling of its e-mail address. Sends nothing.

    Parameters
    ----------
    values : pyarrow.LargeStringArray
        Cells as they are; null is blank.

    Returns
    -------
    Normalised
        Lower-case (ASCII only) local part, ``@``, and the domain in its ASCII form (UTS 46, not transitional).
        Normalising an address again gives the same address.

    Examples
    --------
    >>> import pyarrow as pa
    >>> normalise(pa.array(["Jo <JO@Müller.example>", "n/a"], pa.large_string())).addresses.to_pylist()
    ['jo@xn--mller-kva.example', None]
    """
    found, places, _ = normalise_distinct(values)
    rows: Any = pa.array(places)
    return Normalised(found.addresses.take(rows), found.reasons[places], found.several[places])


class Distinct(NamedTuple):
    """The same once for each distinct text, in the order they are first seen.

    Attributes
    ----------
    found : Normalised
        Texts that differ in ASCII case and white space only are one here.
    places : numpy.ndarray of int64
        Each text's place in `found`.
    is_plain : bool
        Whether nobody is in it twice: there may be two texts of one address where one of them is wrapped, say.
    """

    found: Normalised
    places: Ints
    is_plain: bool


def normalise_distinct(values: pa.LargeStringArray) -> Distinct:
    """Bring each distinct text to the one spelling of its e-mail address. Sends nothing."""
    encoded: Any = _prepare(values).dictionary_encode("encode")
    text = _capped(encoded.dictionary)
    places = encoded.indices.to_numpy().astype(np.int64)
    plain = _is_plain(text)
    reasons = np.zeros(len(text), np.int8)
    several = np.zeros(len(text), np.bool_)
    if plain.all():
        return Distinct(Normalised(text, reasons, several), places, True)
    rest = pa.array(~plain)
    careful = _normalise_careful(text.filter(rest))
    reasons[~plain] = careful.reasons
    several[~plain] = careful.several
    found = Normalised(pc.replace_with_mask(text, rest, careful.addresses), reasons, several)
    return Distinct(found, places, careful.addresses.null_count == len(careful.addresses))


def normalise_one(text: str) -> str | None:
    """Bring one text to the one spelling of its e-mail address, or None if it holds none. Sends nothing."""
    return normalise(cell_texts(pd.Series([text], dtype=object))).addresses[0].as_py()


def mask_suppressed(addresses: pa.LargeStringArray, entries: Iterable[object]) -> Bools:
    """Tell which addresses a do-not-contact list names. Sends nothing.

    Parameters
    ----------
    addresses : pyarrow.LargeStringArray
        Normalised addresses.
    entries : iterable of str
        Addresses in any spelling (of several in one entry, all count), and domains: ``example.com`` or
        ``@example.com`` stands for everybody at that domain and below it. Blank entries are passed over.

    Returns
    -------
    numpy.ndarray of bool, shape (len(addresses),)

    Raises
    ------
    ConfigurationError
        When entries are neither an address nor a domain: somebody might be sent who was to be kept out.
    """
    listed = [entries] if isinstance(entries, str) else list(entries)
    cells = pd.Series(listed, dtype=object)
    text = _capped(_prepare(cell_texts(cells)))
    parts, parents = _split(text)
    named = _addresses(parts)
    domains = _ascii_domains(pc.replace_substring_regex(trim(parts), r"\A@", ""))

    understood = as_mask(pc.or_(named.is_valid(), domains.is_valid()))
    useless = cells.notna().to_numpy() & ~is_blank(text, missing=False)
    useless[parents[understood]] = False
    if useless.any():
        raise ConfigurationError(
            f"{useless.sum()} of {len(listed)} suppress= entries are neither an address nor a domain and would keep "
            "nobody out; write name@example.com or example.com."
        )
    hit = as_mask(pc.is_in(addresses, named.drop_null()))
    listed_domains: set[Any] = set(domains.drop_null().to_pylist())
    if listed_domains and len(addresses):
        own: Any = pc.list_element(pc.split_pattern(addresses, "@"), 1).dictionary_encode()
        out = [_is_at_or_below(domain, listed_domains) for domain in own.dictionary.to_pylist()]
        hit |= np.array(out, np.bool_)[own.indices.to_numpy()]
    return hit


def _is_at_or_below(domain: str, domains: Collection[str]) -> bool:
    """Whether a domain, or one it hangs below, is among some."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in domains for start in range(len(labels)))


def _prepare(values: pa.LargeStringArray) -> pa.LargeStringArray:
    """Lower ASCII case, and trim."""
    return trim(pc.ascii_lower(values))


def _capped(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """Put something short and malformed for what no address can be as long as."""
    capped: pa.LargeStringArray = pc.if_else(pc.greater(pc.binary_length(text), MAX_CELL_BYTES), _AT, text)
    return capped


def _is_plain(text: pa.LargeStringArray) -> Bools:
    """Tell which texts already are an address in its one spelling."""
    plain = pc.match_substring_regex(text, _PLAIN)
    longest: Any = pc.max(pc.binary_length(text))
    if (longest.as_py() or 0) > MAX_LOCAL_BYTES.as_py():  # else no part of any can be too long
        plain = pc.and_(plain, _is_short(text, pc.find_substring(text, "@")))
    content: Any = text.buffers()[2]
    if content is not None and _holds_xn(content):  # hardly any has one
        plain = pc.and_(plain, pc.invert(pc.match_substring(text, "xn--")))
    return as_mask(plain)


def _holds_xn(content: Any) -> bool:
    """Tell whether ``xn--`` stands anywhere in many texts: four letters at a time, four times as fast as `in`."""
    size, sought = len(content), np.frombuffer(b"xn--", np.uint32)
    fours = (np.frombuffer(content, np.uint32, max(0, size - at) // 4, min(at, size)) for at in range(4))
    return any((four == sought).any() for four in fours)


def _is_short(address: pa.LargeStringArray, local_bytes: Any) -> Any:
    """Tell which addresses keep within the lengths of RFC 5321."""
    fits = pc.less_equal(pc.binary_length(address), MAX_ADDRESS_BYTES)
    return pc.and_(fits, pc.less_equal(local_bytes, MAX_LOCAL_BYTES))


def _normalise_careful(text: pa.LargeStringArray) -> Normalised:
    """Normalise prepared texts the careful way."""
    parts, parents = _split(text)
    found = _addresses(parts)
    parents = parents[as_mask(found.is_valid())]
    found = found.drop_null()

    starts = np.flatnonzero(np.diff(parents, prepend=-1))
    first = np.full(len(text), -1)
    first[parents[starts]] = starts
    places: Any = pa.array(first, mask=first < 0)
    addresses: Any = found.take(places)

    several = np.zeros(len(text), np.bool_)
    of_parent: Any = pa.array(parents)
    several[parents[as_mask(pc.not_equal(found, addresses.take(of_parent)))]] = True
    reasons = np.where(first >= 0, Reason.USABLE, np.where(is_blank(text), Reason.BLANK, Reason.MALFORMED))
    return Normalised(addresses, reasons.astype(np.int8), several)


def _split(text: pa.LargeStringArray) -> tuple[pa.LargeStringArray, Ints]:
    """Part texts at separators outside quotes; give the parts and the place of the text each came from."""
    # A quoted string leaves one quote behind, so that `a"b"c@d` cannot turn into somebody else's `ac@d`.
    lists: Any = pc.split_pattern_regex(pc.replace_substring_regex(text, _QUOTED, '"'), _SEPARATOR)
    return lists.flatten(), pc.list_parent_indices(lists).to_numpy()


def _addresses(parts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Unwrap and check texts of one address each; null where there is none."""
    bare = trim(parts)
    for pattern in _WRAPPERS.values():
        bare = trim(pc.replace_substring_regex(bare, pattern, r"\1"))
    pieces = pc.extract_regex(bare, _LOCAL_AND_DOMAIN)
    local = pc.struct_field(pieces, "local")
    address = pc.binary_join_element_wise(local, _ascii_domains(pc.struct_field(pieces, "domain")), _AT)
    checked: pa.LargeStringArray = pc.if_else(_is_short(address, pc.binary_length(local)), address, _NULL)
    return checked


def _ascii_domains(domains: pa.LargeStringArray) -> pa.LargeStringArray:
    """Give domains in their ASCII form, without the root's dot; null where one is no domain of two labels or more."""
    encoded: Any = domains.dictionary_encode()
    distinct = encoded.dictionary
    foreign = pc.or_(pc.invert(pc.string_is_ascii(distinct)), pc.match_substring(distinct, "xn--"))
    converted = [_ascii_domain(domain) for domain in distinct.filter(foreign).to_pylist()]
    distinct = pc.replace_with_mask(distinct, foreign, pa.array(converted, _TEXT))
    distinct = pc.replace_substring_regex(distinct, r"\.\z", "")
    distinct = pc.if_else(pc.match_substring_regex(distinct, _DOMAIN), distinct, _NULL)
    spread: pa.LargeStringArray = distinct.take(encoded.indices)
    return spread


def _ascii_domain(domain: str) -> str | None:
    """Give one domain's ASCII form by UTS 46, or None."""
    try:
        mapped = idna.uts46_remap(domain, std3_rules=True, transitional=False)
        return ".".join(_ascii_label(label) for label in mapped.split("."))
    except idna.IDNAError:
        return None


def _ascii_label(label: str) -> str:
    """Give one mapped label's ASCII form; raise IDNAError if it has none."""
    if label.isascii() and not label.startswith("xn--"):
        return label
    if len(label) > MAX_LABEL_CHARACTERS:  # before Punycode, whose time grows with the square of the length
        raise idna.IDNAError("label too long")
    return idna.alabel(label).decode()  # of an A-label, idna checks what it stands for
