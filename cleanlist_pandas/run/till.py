"""Who is bought next: people in their order, each with their price set aside before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import compress

import numpy as np
import numpy.typing as npt

from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.services.service import Lookup

__all__ = ["Person", "Some", "Till", "Wants", "always"]

Person = tuple[int, Lookup]
Wants = Callable[[Lookup], bool]


def always(lookup: Lookup) -> bool:
    """Say that somebody wants a look-up still."""
    return True


class Some(Collection[Person]):
    """Some of many people, made when their turn comes like these.

    Parameters
    ----------
    people : collection of (int, Lookup)
        All of them.
    chosen : ndarray of bool
        Whom of them.
    """

    def __init__(self, people: Collection[Person], chosen: npt.NDArray[np.bool_]) -> None:
        self._people, self._chosen = people, chosen
        if isinstance(people, Some):  # some of some: or each round would go through all rounds before
            self._people, self._chosen = people._people, people._chosen.copy()
            self._chosen[people._chosen] = chosen

    def __len__(self) -> int:
        return int(self._chosen.sum())

    def __contains__(self, person: object) -> bool:
        return any(person == one for one in self)

    def __iter__(self) -> Iterator[Person]:
        return compress(self._people, self._chosen)


class Till:
    """Sets prices aside, one person at a time; lives in one event loop.

    Parameters
    ----------
    budget : Budget
        What may be spent.
    price : callable
        Credits a look-up of some fields costs at most.
    people : iterable of (int, Lookup)
        Everybody who may be bought: the cheapest of them decides when nobody can be any more.
    halted : asyncio.Event
        Set when nothing more shall be sent.
    """

    def __init__(
        self,
        budget: Budget,
        price: Callable[[tuple[str, ...]], int],
        people: Iterable[Person],
        halted: asyncio.Event,
    ) -> None:
        self._budget = budget
        self._price = price
        self._halted = halted
        self.cheapest = min((self.price(lookup) for _, lookup in people), default=0)
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()
        self.passed_over = ""  # why somebody was not bought

    def price(self, lookup: Lookup) -> int:
        """Return the credits one look-up costs at most; one that an earlier run began was set aside there."""
        return 0 if lookup.job else self._price(tuple(lookup.fields))

    @property
    def is_empty(self) -> bool:
        """Whether even the cheapest look-up is too dear for what is left, and nothing can come back."""
        return bool(self.passed_over) and self._budget.left < self.cheapest

    def free(self) -> None:
        """Let whoever waits for credits look again: some came back, or the run stops."""
        self._freed.set()

    def set_aside(self, people: Collection[Person]) -> tuple[Some, Some]:
        """Set aside the prices of all who can be paid at this moment; return who can and who cannot, in their order."""
        prices = (self.price(lookup) for _, lookup in people)
        paid = np.fromiter((self._budget.reserve(price) for price in prices), np.bool_, len(people))
        return Some(people, paid), Some(people, ~paid)

    async def next_affordable(self, queue: Iterator[Person]) -> Person | None:
        """Take the next person off the queue whose price can be set aside; None when nobody is left or all stops.

        One at a time and in the queue's order, so that who is bought for a short budget depends on the order and the
        answers, and not on which worker was faster.
        """
        async with self._turn:
            while not self._halted.is_set() and not self.is_empty:
                person = next(queue, None)
                if person is None or await self._reserve(self.price(person[1])):
                    return person
        return None

    async def _reserve(self, price: int) -> bool:
        """Set a price aside, waiting for look-ups in flight to give some back; False when it is not to be had."""
        while not self._halted.is_set():
            if self._budget.reserve(price):
                return True
            if self._budget.reserved == 0:
                left = f"{self._budget.left} left of max_credits={self._budget.limit}"
                self.passed_over = f"{left}, and a look-up costs {price}"
                return False
            self._freed.clear()
            await self._freed.wait()
        return False
