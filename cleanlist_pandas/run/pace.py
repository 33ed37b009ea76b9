"""When the next request may leave: a rate gate and an adaptive limit, shared by all runs that go on in a process.

Pure but for a lock: the time is handed in, nothing sleeps here. A refusal (429) pauses everybody, halves the number in
flight and lowers the rate: the first one to what the service was seen to accept, each later one by a tenth to a half.
Every accepted request raises both again, fast while a limit is sought, slowly once it was found.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from weakref import WeakValueDictionary

__all__ = ["Pace", "Turn", "pace_for"]

PARKED_S = 0.05  # how often a worker above the limit looks whether it may work again
SLOWER = 0.92  # of the rate that was seen to be accepted
FASTER_EACH = 0.001  # rise of the learnt rate with each accepted request
SEEKING_EACH = 0.1  # the same while the limit is not yet found
UNMET_EACH = 0.01  # the same once it was not met for so long that it may have moved
UNMET_S = 60.0
FIRST_PAUSE_S = 0.02  # pauses in a row without anything accepted last at least this long, then twice, four times …
LONGEST_PAUSE_S = 20.0
LESSON_ACCEPTED = 3  # what is learnt from fewer accepted requests, or less time, is chance
LESSON_S = 5.0
SLOWEST_PER_S = 1 / 60
SHORTEST_S = 0.001


@dataclass(slots=True)
class Turn:
    """A worker's place in the queue of its run."""

    worker: int  # its rank among those still at work, from 0: above the limit it is parked
    fastest_per_s: float | None = None  # what its run was told to keep to
    at_s: float = 0.0
    epoch: int = -1  # a slot taken before the last pause no longer counts


class Pace:
    """Decide who may send when; all times in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ceiling = 1.0  # the most workers one run has
        self._limit = math.inf
        self._rate_per_s: float | None = None  # learnt; None: never refused
        self._next_s = 0.0
        self._paused_until_s = 0.0
        self._epoch = 0
        self._window_start_s: float | None = None
        self._accepted = 0
        self._seeking = False
        self._in_vain = 0  # pauses since a request was accepted
        self._now_s = 0.0
        self._refused_s = 0.0

    def __repr__(self) -> str:
        rate = "any" if self._rate_per_s is None else f"{self._rate_per_s * 60:.0f} a minute"
        return f"Pace(in flight <= {min(self._limit, self._ceiling):.0f}, rate {rate})"

    def ask(self, turn: Turn, now_s: float, *, again: bool = False, patient: bool = False) -> float:
        """Return 0 if this worker may send now, else the seconds after which to ask again.

        A worker that has to send its request `again` is never parked: it holds a reservation others may wait for. A
        `patient` one lets all go first who want a slot: what it asks is the same later, and the answer likelier there.
        """
        with self._lock:
            self._now_s = now_s
            self._ceiling = max(self._ceiling, turn.worker + 1.0)
            if turn.worker >= self._limit and not again:
                return PARKED_S
            if now_s < self._paused_until_s:
                return self._paused_until_s - now_s
            if self._window_start_s is None:
                self._window_start_s = now_s
            rates = [rate for rate in (self._rate_per_s, turn.fastest_per_s) if rate is not None]
            return self._slot(turn, now_s, min(rates), patient) if rates else 0.0

    def _slot(self, turn: Turn, now_s: float, rate_per_s: float, patient: bool) -> float:
        """Give the worker the next free slot; return the seconds until it comes."""
        if turn.epoch != self._epoch:
            if patient and self._next_s > now_s:
                return self._next_s - now_s
            turn.at_s = max(now_s, self._next_s)
            self._next_s = turn.at_s + 1 / rate_per_s
            turn.epoch = self._epoch
        if turn.at_s > now_s:
            return turn.at_s - now_s
        turn.epoch = -1
        return 0.0

    def accepted(self) -> None:
        """Note a request that the service took."""
        with self._lock:
            self._accepted += 1
            self._in_vain = 0
            self._limit += 1 / self._limit
            if self._rate_per_s is not None:
                unmet = self._now_s - self._refused_s > UNMET_S
                self._rate_per_s *= 1 + (SEEKING_EACH if self._seeking else UNMET_EACH if unmet else FASTER_EACH)

    def refused(self, now_s: float, wait_s: float) -> None:
        """Pause everybody for `wait_s` seconds and go on more slowly; refusals of one pause count once."""
        with self._lock:
            first = now_s >= self._paused_until_s
            self._in_vain += first
            if self._in_vain > 1:
                wait_s = max(wait_s, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._in_vain - 2, 10)))
            self._paused_until_s = max(self._paused_until_s, now_s + wait_s)
            self._next_s = max(self._next_s, self._paused_until_s)
            self._refused_s = self._paused_until_s
            self._epoch += 1
            if first:
                self._limit = max(1.0, math.floor(min(self._limit, self._ceiling) / 2))
                self._slow_down()

    def _slow_down(self) -> None:
        """Learn a first rate from what was accepted a second, the pause included, or lower a known one; measure anew.

        A known rate falls by a tenth at least and by half at most, towards what was accepted. Where nothing was
        accepted there is nothing to learn: the pauses that grow see to that.
        """
        if self._window_start_s is None:
            return
        seconds = max(self._paused_until_s - self._window_start_s, SHORTEST_S)
        seen = self._accepted / seconds
        if not self._accepted:
            return
        if self._rate_per_s is None:
            self._rate_per_s, self._seeking = max(SLOWEST_PER_S, seen * SLOWER), True
        elif self._seeking or self._accepted >= LESSON_ACCEPTED or seconds >= LESSON_S:
            lower = min(self._rate_per_s * SLOWER, max(seen, self._rate_per_s / 2))
            self._rate_per_s, self._seeking = max(SLOWEST_PER_S, lower), False
        else:
            return
        self._window_start_s, self._accepted = None, 0


# Weak: what was learnt is forgotten with the last run that used it. An hour later it would be wrong, and it would count
# the idle hour as time in which nothing was accepted.
_paces: WeakValueDictionary[tuple[str, str], Pace] = WeakValueDictionary()


def pace_for(base_url: str, key_digest: str) -> Pace:
    """Return the pace that all runs going on in this process share towards one service with one key."""
    return _paces.setdefault((base_url, key_digest), Pace())
