"""What `check` can find, the most serious first: each finding is one bit, with its verdict and its words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import normal_word

__all__ = [
    "BITS",
    "SKIPPABLE",
    "VERDICTS",
    "Flags",
    "Found",
    "bits_of",
    "flags_where",
    "parse_skip",
    "reason_of",
    "verdict_of",
    "words_of",
]

Flags = npt.NDArray[np.int64]


class Found(NamedTuple):
    """One entry for each text or person.

    Attributes
    ----------
    flags : numpy.ndarray of int64
        The bits of all findings.
    suggestions : pyarrow.LargeStringArray
        The address that may have been meant, null where none is known.
    """

    flags: Flags
    suggestions: pa.LargeStringArray


# name: verdict, words. What has no verdict of its own is only said.
_FINDINGS: Final[dict[str, tuple[str, str]]] = {
    "blank": ("blank", "no address"),
    "no_text": ("malformed", "not text"),
    "too_long": ("malformed", "longer than an address can be"),
    "exchange": ("malformed", "an address inside Exchange (X.500)"),
    "no_at": ("malformed", "no @"),
    "two_at": ("malformed", "more than one @"),
    "no_local": ("malformed", "nothing before the @"),
    "no_domain": ("malformed", "nothing after the @"),
    "space": ("malformed", "a space inside"),
    "no_dot": ("malformed", "a domain without a dot"),
    "dots": ("malformed", "two dots in a row"),
    "malformed": ("malformed", "not an address"),
    "placeholder": ("placeholder", "stands where somebody gave no address"),
    "reserved": ("reserved", "a reserved domain, no mail reaches it (RFC 2606, RFC 6761)"),
    "homoglyph": ("homoglyph", "two alphabets in one word, or letters that only look Latin"),
    "slip": ("near-miss", "the domain is one slip away from a well-known one"),
    "own_slip": ("near-miss", "the domain is one slip away from one that is frequent here"),
    "disposable": ("disposable", "a throw-away mailbox"),
    "role": ("role-based", "a mailbox of a function, not of a person"),
    "several": ("several", "several addresses in the cell, the first counts"),
    "free_mail": ("free-mail", "a free-mail domain"),
    "same": ("duplicate", "same as an earlier row"),
    "same_but_case": ("duplicate", "same as an earlier row but for case"),
    "same_but_space": ("duplicate", "same as an earlier row but for spaces"),
    "same_but_case_and_space": ("duplicate", "same as an earlier row but for case and spaces"),
    "same_but_idn": ("duplicate", "same as an earlier row but for the spelling of the domain (IDN)"),
    "same_but_wrapping": ("duplicate", "same as an earlier row but for the way it is written"),
    "mailto": ("", "written with mailto:"),
    "brackets": ("", "written in <>"),
    "quotes": ("", "written in quotes"),
    "final_dot": ("", "written with a dot at the end"),
    "idn": ("", "international domain (IDN), sent in its ASCII form"),
    "beyond_ascii": ("", "letters beyond ASCII before the @"),
}
BITS: Final = {name: 1 << number for number, name in enumerate(_FINDINGS)}
_PARTS: Final = tuple((BITS[name], verdict, words) for name, (verdict, words) in _FINDINGS.items())

_SERIOUS: Final = tuple(dict.fromkeys(verdict for _, verdict, _ in _PARTS if verdict))
VERDICTS: Final = ("ok", *reversed(_SERIOUS))
SKIPPABLE: Final = tuple(name for name in _SERIOUS if name not in ("blank", "malformed", "duplicate"))
_CLASSES: Final = f"the classes are {', '.join(SKIPPABLE)}."


def flags_where(name: str, mask: npt.NDArray[np.bool_]) -> Flags:
    """Return one finding's bit where a mask is true."""
    return np.where(mask, np.int64(BITS[name]), np.int64(0))


def verdict_of(flags: int) -> str:
    """Return the most serious verdict of some findings."""
    return next((verdict for bit, verdict, _ in _PARTS if verdict and flags & bit), "ok")


def reason_of(flags: int) -> str | None:
    """Return all findings in words, the most serious first, or None."""
    return "; ".join(words for bit, _, words in _PARTS if flags & bit) or None


def words_of(verdict: str) -> tuple[str, ...]:
    """Return what is said of the findings of one verdict."""
    return tuple(words for _, of, words in _PARTS if of == verdict)


def bits_of(verdict: str) -> int:
    """Return the findings that make a verdict."""
    return sum(bit for bit, of, _ in _PARTS if of == verdict)


def parse_skip(skip: Iterable[str] | str | None) -> tuple[str, ...]:
    """Return the classes that shall not be bought, the most serious first.

    Raises
    ------
    ConfigurationError
        For a name that is no such class; the message lists the right ones.
    """
    if skip is None:
        return ()
    if isinstance(skip, bytes) or not isinstance(skip, Iterable):
        raise ConfigurationError(f"skip must be class names in a set or list; {_CLASSES}")
    names = skip.split(",") if isinstance(skip, str) else list(skip)
    asked = {_class_name(name) for name in names if not (isinstance(name, str) and name == "")}
    return tuple(name for name in SKIPPABLE if name in asked)


def _class_name(name: Any) -> str:
    """Return one class as `check` spells it, or an error that lists the right ones and shows no address."""
    spelling = {normal_word(member): member for member in SKIPPABLE}
    word = normal_word(name)
    if word in spelling:
        return spelling[word]
    if word in _SERIOUS:
        raise ConfigurationError(
            f"skip={word!r} makes no difference: what is blank, malformed or a duplicate is never bought; {_CLASSES}"
        )
    if not word or "@" in word or "." in word:
        raise ConfigurationError(f"skip takes classes of addresses (addresses and domains: suppress=); {_CLASSES}")
    close = difflib.get_close_matches(word, spelling, n=1, cutoff=0.5)
    hint = f"did you mean {spelling[close[0]]!r}? " if close else ""
    raise ConfigurationError(f"{word!r} is no class to skip; {hint}{_CLASSES}")
