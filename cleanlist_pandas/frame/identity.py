"""Whom a surface can be asked about: what a frame says of each person beside the address, one bit for each part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cleanlist_pandas.frame.keys import Keys
from cleanlist_pandas.frame.mail_domains import DomainClass, classify

__all__ = ["Parts", "Ways", "find_parts", "is_nameable", "lacking"]

Parts = npt.NDArray[np.uint8]
Ways = Sequence[Sequence[str]]
"""The ways to name a person, each of parts that are needed together; none: an address is enough."""

_WORDS: Final = {
    "linkedin_url": "a LinkedIn address",
    "first_name": "a first name",
    "last_name": "a last name",
    "company": "a company (or an address at one)",
}
_BIT: Final = {name: np.uint8(1 << place) for place, name in enumerate(_WORDS)}


def find_parts(keys: Keys) -> Parts:
    """Return, for each person, the parts that are known; an address at a business tells the company, free mail none."""
    parts = np.zeros(keys.n_keys, np.uint8)
    for name, bit in _BIT.items():
        known: Any = keys.hints[name].is_valid()
        parts[np.asarray(known)] |= bit
    parts[classify(keys.addresses) == DomainClass.BUSINESS] |= _BIT["company"]
    return parts


def is_nameable(parts: Parts, ways: Ways) -> npt.NDArray[np.bool_]:
    """Return who can be named in one of some ways."""
    needed = [sum(int(_BIT[name]) for name in way) for way in ways] or [0]
    nameable: npt.NDArray[np.bool_] = np.any([(parts & bits) == bits for bits in needed], axis=0)
    return nameable


def lacking(parts: int, ways: Ways) -> str:
    """Say what somebody lacks of each way to be named.

    Examples
    --------
    >>> lacking(0b0110, [["linkedin_url"], ["first_name", "last_name", "company"]])
    'a LinkedIn address, or a company (or an address at one)'
    """
    return ", or ".join(" and ".join(_WORDS[name] for name in way if not parts & int(_BIT[name])) for way in ways)
