"""People whom another run is asking about at this moment: wait for its answer instead of paying for a second one.

What its answer does not cover is asked for afterwards, and nothing else: no field of a person is bought twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from cleanlist_pandas.run.records import Claim, Record, Run
from cleanlist_pandas.services.service import Lookup

__all__ = ["Rivals"]

POLL_S = 0.2


@dataclass(slots=True)
class Rivals:
    """Claims of other runs on people of this one.

    Parameters
    ----------
    who : Run
        This run.
    look : callable
        Reads the present state of look-ups from the ledger.
    """

    who: Run
    look: Callable[[Iterable[int]], dict[int, Record]]
    waiting: dict[int, tuple[Lookup, Claim]] = field(default_factory=dict)
    answered: dict[int, tuple[Record, ...]] = field(default_factory=dict)  # by position, oldest first

    def add(self, position: int, lookup: Lookup, claim: Claim) -> None:
        """Remember that another run was faster with this person."""
        self.waiting[position] = (lookup, claim)

    async def settle(
        self, halted: asyncio.Event, tell: Callable[[int], None], max_wait_s: float
    ) -> list[tuple[int, Lookup]]:
        """Wait until every claim has an answer, or its owner is gone, or `halted`; return what nobody asked after all.

        A claim whose owner died is in doubt for this run as for every other, and so are all that are left when nothing
        came for `max_wait_s` seconds: their owner may be stopped for good.
        """
        free: list[tuple[int, Lookup]] = []
        deadline_s, n_waiting = time.monotonic() + max_wait_s, len(self.waiting)
        while self.waiting:
            records = self.look([claim.lookup for _, claim in self.waiting.values()])
            for position, (lookup, claim) in list(self.waiting.items()):
                record = records.get(claim.lookup)
                if record is None or record.is_void:
                    self.who.disown(claim)
                    free.append((position, lookup))
                elif record.status != "" or time.monotonic() > deadline_s:
                    self.answered[position] = (*self.answered.get(position, ()), record)
                    if rest := tuple(name for name in lookup.fields if name not in record.fields):
                        free.append((position, replace(lookup, fields=rest)))
                else:
                    continue
                del self.waiting[position]
            tell(len(self.waiting))
            if len(self.waiting) < n_waiting:
                deadline_s, n_waiting = time.monotonic() + max_wait_s, len(self.waiting)
            if not self.waiting or halted.is_set():
                break
            try:
                await asyncio.wait_for(halted.wait(), POLL_S)
            except TimeoutError:
                continue
        return free
