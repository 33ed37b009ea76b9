"""The one place that spends: reserve, write the intent, send, record the answer, settle.

`concurrency` workers share one iterator of people. A look-up goes through `Engine._ask` from top to bottom;
what may be sent again is decided in `retry`, when in `pace`, and whether it can be paid in `budget`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.errors import LedgerError
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.outcome import ERASED, NO_ANSWER, outcome_of, stopped
from cleanlist_pandas.run.pace import Pace, Turn
from cleanlist_pandas.run.recorder import Recorder
from cleanlist_pandas.run.records import IN_DOUBT, RELEASED, Claim, Grant, Intent, Outcome, Run
from cleanlist_pandas.run.retry import Next, RetryQuota, StopKind, Verdict, judge, wait_before
from cleanlist_pandas.run.rivals import Rivals
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Limits, Result, Tally
from cleanlist_pandas.run.till import Till
from cleanlist_pandas.services.http import Connection, Network
from cleanlist_pandas.services.reply import Lost, Reply
from cleanlist_pandas.services.service import Lookup, Service

__all__ = ["Engine"]


@dataclass(slots=True, kw_only=True)
class Engine:
    """One run and its state; lives in one event loop, so nothing here needs a lock."""

    lookups: list[tuple[int, Lookup]]
    service: Service
    network: Network
    ledger: Ledger
    who: Run
    budget: Budget
    pace: Pace
    limits: Limits
    watch: Callable[[Tally, Budget], None]
    quota: RetryQuota = field(default_factory=RetryQuota)
    answers: dict[int, Answer] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    stop: StopKind | None = None
    reason: str = ""
    tally: Tally = field(init=False)
    recorder: Recorder = field(init=False)
    rivals: Rivals = field(init=False)
    halted: asyncio.Event = field(init=False)
    till: Till = field(init=False)
    last_answer_s: float = field(init=False)

    async def run(self, stop: Stop) -> Result:
        """Look people up, one request each, until done or told to stop. May spend up to `budget.limit` credits.

        Never raises for what the service, the network or the disk do: the result says how far it came and why it ended.
        """
        started_s = self.last_answer_s = time.monotonic()
        self.tally = Tally(len(self.lookups))
        self.watch(self.tally, self.budget)
        self.halted = asyncio.Event()
        self.till = Till(self.budget, self.service.price, self.lookups, self.halted)
        loop = asyncio.get_running_loop()
        with self.ledger.start(self.who):
            self.recorder = Recorder(self.ledger, self.who)
            self.rivals = Rivals(self.who, self.recorder.look)
            work = asyncio.create_task(self._work_through())
            stop.watch(partial(self._pressed, stop, work), loop)
            timer = self.limits.max_seconds and loop.call_later(
                self.limits.max_seconds, self._halt, StopKind.TIME, f"max_seconds={self.limits.max_seconds:g} is over"
            )
            try:
                self._pressed(stop, work)
                with suppress(asyncio.CancelledError):
                    await work
            except LedgerError:
                self._halt(StopKind.LEDGER, "the ledger cannot be read")
            finally:
                stop.watch(None)
                if timer:
                    timer.cancel()
                await self.recorder.close()
        if self.recorder.failure is not None:
            self._halt(StopKind.LEDGER, "the ledger cannot be written")
        return Result(
            answers=self.answers,
            rivals=self.rivals.answered,
            budget=self.budget,
            tally=self.tally,
            seconds=time.monotonic() - started_s,
            stop=self.stop,
            reason=self.reason,
            failure=self.recorder.failure,
            unwritten=self.recorder.unwritten,
        )

    def _pressed(self, stop: Stop, work: asyncio.Task[None]) -> None:
        """Follow the switch: softly, then at once."""
        if stop.soft:
            self._halt(StopKind.INTERRUPT, "interrupted")
        if stop.hard:
            work.cancel()

    def _halt(self, stop: StopKind, reason: str) -> None:
        """Send nothing more; the first reason counts, and is shown before answers come in."""
        if self.stop is None:
            self.stop, self.reason = stop, reason
            self.tally.stopping = stop
            self.watch(self.tally, self.budget)
        self.halted.set()
        self.till.free()

    async def _work_through(self) -> None:
        """Ask all people; then those whom another run had in hand and gave up."""
        todo = self.lookups
        while todo and not self.halted.is_set() and not self.till.is_empty:
            await self._work(iter(todo))
            todo = await self.rivals.settle(self.halted, self._tell_waiting, self.limits.max_wait_s)
        if self.till.passed_over:
            self._halt(StopKind.BUDGET, self.till.passed_over)

    def _tell_waiting(self, n_people: int) -> None:
        """Show how many people other runs are asking about."""
        self.tally.waiting_for_others = n_people
        self.watch(self.tally, self.budget)

    async def _work(self, queue: Iterator[tuple[int, Lookup]]) -> None:
        """Let the workers empty one queue."""
        n_workers = min(self.limits.concurrency, len(self.lookups))
        workers = [asyncio.create_task(self._worker(number, queue)) for number in range(n_workers)]
        try:
            await asyncio.gather(*workers)
        except BaseException:
            self.halted.set()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise

    async def _worker(self, number: int, queue: Iterator[tuple[int, Lookup]]) -> None:
        """Take people off the queue until it is empty or the run stops."""
        rate = self.limits.rate_per_minute
        turn = Turn(number, None if rate is None else rate / 60)
        self.turns.append(turn)
        connection = self.network.connect()
        try:
            while await self._my_turn(turn):
                person = await self.till.next_affordable(queue)
                if person is None:
                    self._tell_if_out_of_budget()
                    break
                await self._ask(*person, connection, turn)
                self.watch(self.tally, self.budget)
        finally:
            self.turns.remove(turn)
            for rank, other in enumerate(self.turns):  # one who was parked moves up, or nobody would work on
                other.worker = rank
            await connection.close()

    def _tell_if_out_of_budget(self) -> None:
        """Show that nobody else will be bought while answers still land."""
        if self.till.is_empty:
            self.tally.stopping = self.tally.stopping or StopKind.BUDGET
            self.watch(self.tally, self.budget)

    async def _my_turn(self, turn: Turn, *, again: bool = False) -> bool:
        """Wait until this worker may send; False if the run stops first."""
        while not self.halted.is_set() and (wait_s := self.pace.ask(turn, time.monotonic(), again=again)) > 0:
            await self._sleep(wait_s)
        return not self.halted.is_set()

    async def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than the run goes on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.halted.wait(), seconds)

    async def _ask(self, position: int, lookup: Lookup, connection: Connection, turn: Turn) -> None:
        """Take one person whose price is set aside to an outcome."""
        price = self.till.price(lookup)
        granted: Grant | LedgerError = None
        try:
            granted = await self.recorder.intend(Intent(address=lookup.address, fields=lookup.fields, price=price))
        except LedgerError as error:
            granted = error
        finally:
            if not isinstance(granted, int):  # it will not be sent, or not by this run
                self.budget.release(price)
                self.till.free()
        if not isinstance(granted, int):
            self._not_granted(position, lookup, granted)
            return
        outcome, answer = stopped(granted, unanswered=True), None
        try:
            outcome, answer = await self._send(granted, lookup, connection, turn)
        except asyncio.CancelledError:
            outcome = stopped(granted, unanswered=connection.unanswered)
            self.tally.requests += connection.unanswered
            raise
        finally:  # whatever happened: what was sent must not look as if it had never been
            self._settle(position, price, outcome, answer)

    def _not_granted(self, position: int, lookup: Lookup, granted: Claim | LedgerError | None) -> None:
        """Book a person who must not be sent: the ledger is broken, another run was faster, or they were erased."""
        if isinstance(granted, LedgerError):
            self._halt(StopKind.LEDGER, "the ledger cannot be written")
        elif granted is not None:
            self.rivals.add(position, lookup, granted)
        else:
            self.answers[position] = ERASED

    async def _send(
        self, number: int, lookup: Lookup, connection: Connection, turn: Turn
    ) -> tuple[Outcome, Answer | None]:
        """Send one look-up until there is a verdict, again only where nothing can have been charged."""
        request = self.service.begin(lookup)
        reason, attempt = "stopped before it was sent", 0
        while not self.halted.is_set():
            attempt += 1
            result = await connection.send(request)
            self.tally.requests += isinstance(result, Reply) or result.sent
            verdict = judge(result)
            if verdict.next is not Next.AGAIN:
                answer = self._learn(lookup, verdict, result, connection)
                return outcome_of(number, verdict, result, answer), answer
            reason = verdict.reason
            await self._wait_to_retry(verdict, attempt, turn)
            if self._is_erased(number):
                return Outcome(lookup=number, status=RELEASED), ERASED
        return Outcome(lookup=number, status=RELEASED, reason=reason), None

    def _is_erased(self, number: int) -> bool:
        """Whether a look-up's person was erased since it was written."""
        try:
            return number not in self.recorder.look([number])
        except LedgerError:
            self._halt(StopKind.LEDGER, "the ledger cannot be read")
            return False

    def _learn(self, lookup: Lookup, verdict: Verdict, result: Reply | Lost, connection: Connection) -> Answer | None:
        """Take in what a look-up's end says about the service and the run; return what it says about the person."""
        if verdict.next is Next.READ and isinstance(result, Reply):
            return self._read(lookup, result, connection)
        if verdict.next is Next.STOP:
            self._halt(verdict.stop or StopKind.SERVICE, verdict.reason)
        elif verdict.next is Next.REFUSED:
            self.pace.accepted()
            self._drain(RetryQuota.COST_REFUSED, verdict.reason)
            return Answer(status=RowStatus.FAILED, reason=verdict.reason)
        else:
            self._drain(RetryQuota.COST_IN_DOUBT, verdict.reason)
        return None

    def _read(self, lookup: Lookup, reply: Reply, connection: Connection) -> Answer | None:
        """Read a successful reply; one that was paid for and says nothing is a failure of the service."""
        self.last_answer_s = time.monotonic()
        self.pace.accepted()
        answer = self.service.read(reply, lookup, time.time_ns() // 1000)
        if answer is None or answer.status is RowStatus.FAILED:
            connection.distrust()  # it may be the answer to another request, and the next ones too
            self._drain(RetryQuota.COST_IN_DOUBT, NO_ANSWER if answer is None else answer.reason)
        else:
            self.quota.refill()
        price = self.service.price(lookup.fields)
        if answer is not None and answer.credits > price:
            self._halt(StopKind.TARIFF, f"a look-up priced at {price} credits was charged {answer.credits}")
        return answer

    async def _wait_to_retry(self, verdict: Verdict, attempt: int, turn: Turn) -> None:
        """Wait as long as the server asked, or as backoff says; stop the run when that is too long."""
        now_s, wait_s = time.monotonic(), wait_before(attempt + 1, verdict)
        if now_s + wait_s - self.last_answer_s > self.limits.max_wait_s:
            kind = StopKind.THROTTLED if verdict.throttled else StopKind.SERVICE
            self._halt(kind, f"no answer within max_wait_s={self.limits.max_wait_s:g}: {verdict.reason}")
        elif verdict.throttled:
            self.pace.refused(now_s, wait_s)
            self.tally.waiting_until_s = max(self.tally.waiting_until_s, now_s + wait_s)
            self.watch(self.tally, self.budget)
            await self._my_turn(turn, again=True)
        else:
            self._drain(RetryQuota.COST_AGAIN, verdict.reason)
            await self._sleep(wait_s)

    def _drain(self, cost: int, reason: str) -> None:
        """Take a failure off the quota; a service that only fails ends the run."""
        if not self.quota.drain(cost):
            self._halt(StopKind.SERVICE, f"the service keeps failing: {reason}")

    def _settle(self, position: int, price: int, outcome: Outcome, answer: Answer | None) -> None:
        """Book an outcome in all places at once: there is no await between them."""
        if outcome.status == IN_DOUBT:
            self.budget.doubt(price)
            answer = Answer(status=RowStatus.IN_DOUBT, reason=outcome.reason)
        elif outcome.status == RELEASED:
            self.budget.release(price)
        else:
            self.budget.settle(price, outcome.credits)
        self.recorder.settle(outcome)
        if answer is not None:
            self.answers[position] = answer
            setattr(self.tally, answer.status, getattr(self.tally, answer.status) + 1)
        self.till.free()
