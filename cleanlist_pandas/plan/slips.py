"""Domains one slip of a finger away from one that was meant: gmial.com for gmail.com."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.frame.mail_domains import FREE_MAIL
from cleanlist_pandas.plan.lint_words import OFTEN_MISTYPED

__all__ = ["meant_in_frame", "meant_well_known", "slips"]

_TEXT: Final = pa.large_string()
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_ANY: Final = f"{_LETTERS}0123456789-"

# In a frame's own domains firm1 and firm2, acme.de and acme.dk are both right, and so is all that is not very rare.
FREQUENT_PEOPLE: Final = 30
FREQUENT_DOMAINS: Final = 200
MIN_NAME: Final = 6


def slips(domain: str, stop: int, alphabet: str = _LETTERS) -> Iterator[str]:
    """Give what a domain becomes by one slip before `stop`: a letter more, less or other, or two changed about.

    The first letter is seldom missed or mistaken, and mail.com is no gmail.com.

    Examples
    --------
    >>> "acem.example" in slips("acme.example", 4), "cme.example" in slips("acme.example", 4)
    (True, False)
    """
    for at in range(1, stop + 1):
        before, letter, after = domain[:at], domain[at : at + 1], domain[at + 1 :]
        yield from (f"{before}{other}{letter}{after}" for other in alphabet)
        if at == stop or letter not in alphabet:
            continue
        yield before + after
        yield from (f"{before}{other}{after}" for other in alphabet if other != letter)
        if before[-1] in alphabet and before[-1] != letter:
            yield f"{before[:-1]}{letter}{before[-1]}{after}"


def meant_well_known(domains: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return for each distinct domain the well-known one that was meant, null for most."""
    table = _well_known()
    return pa.array(table.values(), _TEXT).take(pc.index_in(domains, pa.array(table.keys(), _TEXT)))


@functools.cache
def _well_known() -> dict[str, str]:
    """Return every slip of a well-known domain; none that is a mail provider itself."""
    table: dict[str, str] = {}
    for domain in OFTEN_MISTYPED:
        name, _, ending = domain.partition(".")
        stop = len(domain) if ending in ("com", "net") else len(name)  # hotmail.fr and hotmail.gr are both right
        table |= dict.fromkeys(slips(domain, stop, _ANY), domain)
    return {slip: domain for slip, domain in table.items() if slip not in FREE_MAIL}


def meant_in_frame(domains: pa.LargeStringArray, n_people: npt.NDArray[np.int64]) -> pa.LargeStringArray:
    """Return for each distinct domain that is rare in a frame the frequent one that was meant, null for most."""
    order = np.argsort(-n_people, kind="stable")[:FREQUENT_DOMAINS]
    order = order[n_people[order] >= FREQUENT_PEOPLE]
    table: dict[str, int] = {}
    for at in order.tolist():
        domain = domains[at].as_py()
        name = domain.rfind(".")
        if name >= MIN_NAME:
            table = dict.fromkeys(slips(domain, name), at) | table  # the most frequent one stands
    place: Any = pc.index_in(domains, pa.array(table.keys(), _TEXT))
    found = np.flatnonzero(place.is_valid())
    meant = np.array(list(table.values()), np.int64)[place.drop_null().to_numpy()]
    rare = (n_people[found] < FREQUENT_PEOPLE) & (n_people[found] * FREQUENT_PEOPLE <= n_people[meant])
    of_domain = np.full(len(domains), -1)
    of_domain[found[rare]] = meant[rare]
    return domains.take(pa.array(of_domain, mask=of_domain < 0))
