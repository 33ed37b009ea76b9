"""Who is asked about, in their order: made when their turn comes, so that a million look-ups take no memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from cleanlist_pandas.case import Case
from cleanlist_pandas.frame.needs import names_of
from cleanlist_pandas.plan.buckets import Ints
from cleanlist_pandas.run.till import Person
from cleanlist_pandas.services.service import Lookup

__all__ = ["Asking", "hints_of"]

_AT_ONCE: Final = 5_000


class Asking(Collection[Person]):
    """Positions and look-ups of some people of a case.

    Parameters
    ----------
    order : ndarray of int64
        Their positions.
    """

    def __init__(self, case: Case, order: Ints) -> None:
        self._case = case
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, person: object) -> bool:
        return any(person == one for one in self)

    def __iter__(self) -> Iterator[Person]:
        for at in range(0, len(self._order), _AT_ONCE):
            yield from _lookups(self._case, self._order[at : at + _AT_ONCE])


def _lookups(case: Case, order: Ints) -> Iterator[Person]:
    """Return position and look-up of everybody to buy."""
    addresses: list[Any] = case.keys.addresses.take(order).to_pylist()
    asks = case.decision.asks[order].tolist()
    for position, address, asked, known in zip(order.tolist(), addresses, asks, hints_of(case, order), strict=True):
        yield position, Lookup(address=address, fields=names_of(asked), hints=known)


def hints_of(case: Case, people: Ints) -> Iterator[dict[str, str]]:
    """Return what is known of some people beside their addresses, by which an answer may be told to be theirs."""
    hints: dict[str, list[Any]] = {name: values.take(people).to_pylist() for name, values in case.keys.hints.items()}
    return ({name: values[n] for name, values in hints.items() if values[n] is not None} for n in range(len(people)))
