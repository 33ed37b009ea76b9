"""The way to the service: when a request may leave, when it is sent again, and when nothing leaves any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from cleanlist_pandas.run.pace import Pace, Turn
from cleanlist_pandas.run.retry import Next, RetryQuota, StopKind, Verdict, judge, wait_before
from cleanlist_pandas.run.tally import Limits, Tally
from cleanlist_pandas.services.http import Connection, Network
from cleanlist_pandas.services.reply import Lost, Reply
from cleanlist_pandas.services.service import Request

__all__ = ["Line", "Sent", "Traffic"]

SENT_OF_RATE: Final = 29 / 30  # at all of it a request that is a little early would be one too many
AT_ONCE: Final = (StopKind.INTERRUPT, StopKind.TIME, StopKind.LEDGER)  # these do not wait for what is worked on


@dataclass(slots=True, kw_only=True)
class Traffic:
    """What the workers of a run share; lives in one event loop.

    Parameters
    ----------
    changed : callable
        Called when the run halts, or waits for longer.
    """

    network: Network
    pace: Pace
    limits: Limits
    tally: Tally
    changed: Callable[[], None]
    quota: RetryQuota = field(default_factory=RetryQuota)
    turns: list[Turn] = field(default_factory=list)
    stop: StopKind | None = None
    reason: str = ""
    halted: asyncio.Event = field(default_factory=asyncio.Event)  # nobody else is asked about
    ended: asyncio.Event = field(default_factory=asyncio.Event)  # and nothing is sent at all
    last_answer_s: float = field(default_factory=time.monotonic)

    def halt(self, stop: StopKind, reason: str) -> None:
        """Ask about nobody else; the first reason counts, and is shown before answers come in."""
        if self.stop is None:
            self.stop, self.reason = stop, reason
            self.tally.stopping = stop
        self.halted.set()
        if stop in AT_ONCE:
            self.ended.set()
        self.changed()

    def drain(self, cost: int, reason: str) -> bool:
        """Take a failure off the quota; a service that only fails ends the run."""
        if self.quota.drain(cost):
            return True
        self.halt(StopKind.SERVICE, f"the service keeps failing: {reason}")
        return False

    @asynccontextmanager
    async def line(self, number: int) -> AsyncIterator[Line]:
        """Give a worker its connection and its place in the queue for as long as it works."""
        rate = self.limits.rate_per_minute
        turn = Turn(number, None if rate is None else rate * SENT_OF_RATE / 60)
        self.turns.append(turn)
        connection = self.network.connect()
        try:
            yield Line(self, connection, turn)
        finally:
            self.turns.remove(turn)
            for rank, other in enumerate(self.turns):  # one who was parked moves up, or nobody would work on
                other.worker = rank
            await connection.close()

    async def gather(self, work: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Let workers come to their end; if one fails, or all are stopped at once, none stays behind."""
        workers = [asyncio.create_task(each) for each in work]
        try:
            await asyncio.gather(*workers)
        except BaseException:
            self.halted.set()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise

    async def sleep(self, seconds: float, until: asyncio.Event) -> None:
        """Wait, but no longer than `until`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(until.wait(), seconds)


@dataclass(frozen=True, slots=True)
class Sent:
    """What follows from a request; without a result it came to nothing and cannot have been charged."""

    verdict: Verdict
    result: Reply | Lost | None

    @property
    def reply(self) -> Reply | None:
        """The reply that is to be read, if it is one."""
        return self.result if self.verdict.next is Next.READ and isinstance(self.result, Reply) else None


@dataclass(frozen=True, slots=True)
class Line:
    """One worker's way: a connection, and a place in the queue."""

    traffic: Traffic
    connection: Connection
    turn: Turn

    async def wait(self, until: asyncio.Event, *, again: bool = False, patient: bool = False) -> bool:
        """Wait until this worker may send; False if the run stops first."""
        pace = self.traffic.pace
        while (
            not until.is_set() and (wait_s := pace.ask(self.turn, time.monotonic(), again=again, patient=patient)) > 0
        ):
            await self.traffic.sleep(wait_s, until)
        return not until.is_set()

    async def send(self, request: Request, *, until: asyncio.Event, wanted: Callable[[], bool] | None = None) -> Sent:
        """Send a request until there is a verdict, again only where nothing can have been charged.

        Whoever waited, or dialled, may be `wanted` no more.
        """
        reason, goes_on = "stopped before it was sent", True
        attempt = 0
        while goes_on and not until.is_set():
            attempt += 1
            result = await self.connection.send(request, wanted)
            self.traffic.tally.requests += isinstance(result, Reply) or result.sent
            verdict = judge(result)
            self._note(verdict)
            if verdict.next is not Next.AGAIN:
                return Sent(verdict, result)
            reason = verdict.reason
            goes_on = await self._wait_to_retry(verdict, attempt, until) and (wanted is None or wanted())
        return Sent(Verdict(next=Next.AGAIN, reason=reason), None)

    def _note(self, verdict: Verdict) -> None:
        """Note that the service took a request, and that it answered: whatever is asked, it counts for all."""
        if verdict.next in (Next.READ, Next.REFUSED):
            self.traffic.pace.accepted()
        if verdict.next is Next.READ:
            self.traffic.last_answer_s = time.monotonic()

    async def ask(self, request: Request, *, until: asyncio.Event, patient: bool = False) -> Sent:
        """Wait for a turn of its own, `patient` for one that nobody else wants, and send what is free."""
        await self.wait(until, again=True, patient=patient)
        return await self.send(request, until=until)

    async def _wait_to_retry(self, verdict: Verdict, attempt: int, until: asyncio.Event) -> bool:
        """Wait as long as the server asked, or as backoff says; stop the run when that is too long."""
        traffic = self.traffic
        now_s, wait_s = time.monotonic(), wait_before(attempt + 1, verdict)
        if now_s + wait_s - traffic.last_answer_s > traffic.limits.max_wait_s:
            kind = StopKind.THROTTLED if verdict.throttled else StopKind.SERVICE
            traffic.halt(kind, f"no answer within max_wait_s={traffic.limits.max_wait_s:g}: {verdict.reason}")
            return False
        if verdict.throttled:
            traffic.pace.refused(now_s, wait_s)
            traffic.tally.waiting_until_s = max(traffic.tally.waiting_until_s, now_s + wait_s)
            traffic.changed()
            return await self.wait(until, again=True)
        goes_on = traffic.drain(RetryQuota.COST_AGAIN, verdict.reason)
        await traffic.sleep(wait_s if goes_on else 0.0, until)
        return goes_on
