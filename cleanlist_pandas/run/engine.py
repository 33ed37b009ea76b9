"""The one place that spends: reserve, write the intent, send, record the answer, settle.

`concurrency` workers share one iterator of people. A look-up goes through `Engine.ask` from top to bottom;
what may be sent again is decided in `retry`, how and when in `traffic`, and whether it can be paid in `budget`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.errors import LedgerError
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.run.batches import work_in_batches
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.lists import PATIENCE, close_account, open_account
from cleanlist_pandas.run.outcome import ERASED, NO_ANSWER, outcome_of, stopped
from cleanlist_pandas.run.pace import Pace
from cleanlist_pandas.run.recorder import Recorder
from cleanlist_pandas.run.records import IN_DOUBT, PENDING, RELEASED, Claim, Grant, Intent, Outcome, Run
from cleanlist_pandas.run.retry import Next, RetryQuota, StopKind
from cleanlist_pandas.run.rivals import Rivals
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Limits, Result, Tally
from cleanlist_pandas.run.till import Person, Till, Wants, always
from cleanlist_pandas.run.traffic import Line, Sent, Traffic
from cleanlist_pandas.services.http import Network
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import BatchService, Job, JobService, Lookup, Pending, Service
from cleanlist_pandas.wording import n_of

__all__ = ["Engine"]


@dataclass(slots=True, kw_only=True)
class Engine:
    """One run and its state; lives in one event loop, so nothing here needs a lock."""

    lookups: Collection[Person]
    service: Service
    network: Network
    ledger: Ledger
    who: Run
    budget: Budget
    pace: Pace
    limits: Limits
    watch: Callable[[Tally, Budget], None]
    wants: Wants = always  # asked of each look-up just before it is sent
    answers: MutableMapping[int, Answer] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)  # look-ups that the service took and works on
    list_id: str = ""
    balance: int | None = None
    tally: Tally = field(init=False)
    traffic: Traffic = field(init=False)
    recorder: Recorder = field(init=False)
    rivals: Rivals = field(init=False)
    till: Till = field(init=False)

    async def run(self, stop: Stop) -> Result:
        """Look people up, one request each, until done or told to stop. May spend up to `budget.limit` credits.

        Never raises for what the service, the network or the disk do: the result says how far it came and why it ended.
        """
        started_s = time.monotonic()
        self.tally = Tally(len(self.lookups))
        self.traffic = Traffic(
            network=self.network, pace=self.pace, limits=self.limits, tally=self.tally, changed=self._show
        )
        self.till = Till(self.budget, self.service.price, self.lookups, self.traffic.halted)
        self._show()
        loop, halt = asyncio.get_running_loop(), self.traffic.halt
        with self.ledger.start(self.who):
            self.recorder = Recorder(self.ledger, self.who, self.limits.concurrency)
            self.rivals = Rivals(self.who, self.recorder.look)
            work = asyncio.create_task(self._work_through())
            stop.watch(partial(self._pressed, stop, work), loop)
            timer = self.limits.max_seconds and loop.call_later(
                self.limits.max_seconds, halt, StopKind.TIME, f"max_seconds={self.limits.max_seconds:g} is over"
            )
            try:
                self._pressed(stop, work)
                with suppress(asyncio.CancelledError):
                    await work
            except LedgerError:
                halt(StopKind.LEDGER, "the ledger cannot be read")
            finally:
                stop.watch(None)
                if timer:
                    timer.cancel()
                await self.recorder.close()
        if self.recorder.failure is not None:
            halt(StopKind.LEDGER, "the ledger cannot be written")
        return Result(
            answers=self.answers,
            rivals=self.rivals.answered,
            budget=self.budget,
            tally=self.tally,
            seconds=time.monotonic() - started_s,
            stop=self.traffic.stop,
            reason=self.traffic.reason,
            failure=self.recorder.failure,
            unwritten=self.recorder.unwritten,
            balance=self.balance,
        )

    def _pressed(self, stop: Stop, work: asyncio.Task[None]) -> None:
        """Follow the switch: softly, then at once."""
        if stop.soft:
            self.traffic.halt(StopKind.INTERRUPT, "interrupted")
        if stop.hard:
            work.cancel()

    def _show(self) -> None:
        """Show how the run goes, and let whoever waits for credits look again."""
        self.watch(self.tally, self.budget)
        self.till.free()

    async def _work_through(self) -> None:
        """Ask all people; then those whom another run had in hand and gave up."""
        halted = self.traffic.halted
        await open_account(self)
        todo = self.lookups
        while todo and not halted.is_set() and not self.till.is_empty:
            left: Collection[Person] = []
            if isinstance(self.service, BatchService):
                left = await work_in_batches(self, self.service, todo)
            else:
                queue = iter(todo)
                await self.traffic.gather(
                    [self._worker(number, queue) for number in range(min(self.limits.concurrency, len(todo)))]
                )
            free = await self.rivals.settle(halted, self._tell_waiting, self.limits.max_wait_s)
            todo = [*left, *free] if free else left
        if self.till.passed_over:
            self.traffic.halt(StopKind.BUDGET, self.till.passed_over)
        await close_account(self)

    def _tell_waiting(self, n_people: int) -> None:
        """Show how many people other runs are asking about."""
        self.tally.waiting_for_others = n_people
        self.watch(self.tally, self.budget)

    async def _worker(self, number: int, queue: Iterator[Person]) -> None:
        """Take people off the queue until it is empty or the run stops."""
        async with self.traffic.line(number) as line:
            while await line.wait(self.traffic.halted):
                person = await self.till.next_affordable(queue)
                if person is None:
                    if self.till.is_empty:  # nobody else will be bought while answers still land
                        self.tally.stopping = self.tally.stopping or StopKind.BUDGET
                        self._show()
                    break
                await self.ask(*person, line)
                self.watch(self.tally, self.budget)

    async def ask(self, position: int, lookup: Lookup, line: Line) -> None:
        """Take one person whose price is set aside to an outcome."""
        price = self.till.price(lookup)
        number = lookup.job.lookup if lookup.job else (await self.intend([(position, lookup)]))[0]
        if number is None:
            return
        outcome, answer = stopped(number, unanswered=True), None
        try:
            outcome, answer = await self._send(number, lookup, line)
        except asyncio.CancelledError:
            outcome = stopped(number, unanswered=line.connection.unanswered)
            self.tally.requests += line.connection.unanswered
            raise
        finally:  # whatever happened: what was sent must not look as if it had never been
            if number in self.begun and answer is None:
                outcome = Outcome(lookup=number, status=PENDING, reason="the service still works on it")
            self.settle(position, price, outcome, answer)

    async def intend(self, people: Sequence[Person]) -> Sequence[int | None]:
        """Write, all or none, that look-ups are about to leave; return their ids, or nothing for who must not be."""
        prices = [self.till.price(lookup) for _, lookup in people]
        granted: Sequence[Grant] = [None] * len(people)
        try:
            granted = await self.recorder.intend(
                *(
                    Intent(address=lookup.address, fields=lookup.fields, price=price)
                    for (_, lookup), price in zip(people, prices, strict=True)
                )
            )
        except LedgerError:  # also of nobody: those whose intents are on disk are not sent either
            self.traffic.halt(StopKind.LEDGER, "the ledger cannot be written")
            return [None] * len(people)
        finally:
            for price, grant in zip(prices, granted, strict=True):
                if not isinstance(grant, int):  # it will not be sent, or not by this run
                    self.budget.release(price)
            self.till.free()
        for (position, lookup), grant in zip(people, granted, strict=True):
            if not isinstance(grant, int):
                self._not_granted(position, lookup, grant)
        return [grant if isinstance(grant, int) else None for grant in granted]

    def _not_granted(self, position: int, lookup: Lookup, granted: Claim | None) -> None:
        """Book a person who must not be sent: another run was faster, or they were erased."""
        if granted is not None:
            self.rivals.add(position, lookup, granted)
        else:
            self.answers[position] = ERASED

    async def _send(self, number: int, lookup: Lookup, line: Line) -> tuple[Outcome, Answer | None]:
        """Send one look-up, and follow it where it is not answered at once."""
        if lookup.job is not None:
            self.begun.add(number)
            return await self._follow(lookup, lookup.job, line)
        request = self.service.begin(lookup, self.list_id)

        def is_wanted() -> bool:
            return self.wants(lookup) and not self.erased(number)

        if not self.wants(lookup):
            return Outcome(lookup=number, status=RELEASED), ERASED
        sent = await line.send(request, until=self.traffic.halted, wanted=is_wanted)
        if sent.result is None:
            erased = None if is_wanted() else ERASED
            return Outcome(lookup=number, status=RELEASED, reason="" if erased else sent.verdict.reason), erased
        learnt = self._learn(lookup, sent, line)
        if not isinstance(learnt, Pending):
            return outcome_of(number, sent.verdict, sent.result, learnt), learnt
        self.begun.add(number)
        job = Job(lookup=number, token=learnt.token, at_us=time.time_ns() // 1000)
        await self.note(job)
        await self.traffic.sleep(self.limits.poll_s, self.traffic.ended)
        return await self._follow(lookup, job, line)

    async def _follow(self, lookup: Lookup, job: Job, line: Line) -> tuple[Outcome, Answer | None]:
        """Ask what became of a look-up until the service knows; asking is free and may be done again."""
        assert isinstance(self.service, JobService)  # noqa: S101 - nobody else begins a job
        ended, failures = self.traffic.ended, 0
        waited_s = time.time() - job.at_us / 1e6
        deadline_s = time.monotonic() + self.limits.job_timeout_s - max(0.0, waited_s)
        asked = replace(lookup, job=job)
        while failures < PATIENCE and not ended.is_set():
            if self.erased(job.lookup):  # nothing more is asked or kept; its price may be charged all the same
                return Outcome(lookup=job.lookup, status=PENDING), ERASED
            sent = await line.ask(self.service.follow(job.token), until=ended, patient=True)
            learnt = None if sent.reply is None else self._read(asked, sent.reply, line)
            if isinstance(learnt, Answer) and sent.reply is not None:
                self.begun.discard(job.lookup)
                return outcome_of(job.lookup, sent.verdict, sent.reply, learnt), learnt
            if sent.verdict.next is Next.STOP:
                self.traffic.halt(sent.verdict.stop or StopKind.SERVICE, sent.verdict.reason)
                break
            failures = failures + 1 if learnt is None else 0
            if sent.result is None or time.monotonic() >= deadline_s:
                break
            if sent.reply is None:
                self.traffic.drain(RetryQuota.COST_AGAIN, sent.verdict.reason)
            await self.traffic.sleep(self.limits.poll_s, ended)
        return Outcome(lookup=job.lookup, status=PENDING), None

    async def note(self, *jobs: Job) -> bool:
        """Write down by what the service tells the end of look-ups, and all that was settled; whether that is done."""
        try:
            await self.recorder.note(*jobs)
        except LedgerError:
            self.traffic.halt(StopKind.LEDGER, "the ledger cannot be written")
        return self.recorder.failure is None

    def erased(self, *numbers: int) -> set[int]:
        """Return those look-ups whose people were erased since they were written."""
        try:
            return {*numbers} - self.recorder.look(numbers).keys()
        except LedgerError:
            self.traffic.halt(StopKind.LEDGER, "the ledger cannot be read")
            return set()

    def _learn(self, lookup: Lookup, sent: Sent, line: Line) -> Answer | Pending | None:
        """Take in what a look-up's end says about the service and the run; return what it says about the person."""
        verdict = sent.verdict
        if sent.reply is not None:
            return self._read(lookup, sent.reply, line)
        if verdict.next is Next.STOP:
            self.traffic.halt(verdict.stop or StopKind.SERVICE, verdict.reason)
        elif verdict.next is Next.REFUSED:
            self.traffic.drain(RetryQuota.COST_REFUSED, verdict.reason)
            return Answer(status=RowStatus.FAILED, reason=verdict.reason)
        else:
            self.traffic.drain(RetryQuota.COST_IN_DOUBT, verdict.reason)
        return None

    def _read(self, lookup: Lookup, reply: Reply, line: Line) -> Answer | Pending | None:
        """Read a successful reply; one that was paid for and says nothing is a failure of the service."""
        answer = self.service.read(reply, lookup, time.time_ns() // 1000)
        if isinstance(answer, Pending):
            return answer
        if answer is None or answer.status is RowStatus.FAILED:
            line.connection.distrust()  # it may be the answer to another request, and the next ones too
            cost = RetryQuota.COST_AGAIN if answer is None and lookup.job else RetryQuota.COST_IN_DOUBT
            self.traffic.drain(cost, NO_ANSWER if answer is None else answer.reason)
        else:
            self.traffic.quota.refill()
        if answer is not None:
            self.check_price(lookup, answer)
        return answer

    def check_price(self, lookup: Lookup, answer: Answer) -> None:
        """Stop where more was charged than a look-up's price: the tariff is not what we think."""
        price = self.service.price(lookup.fields)
        if answer.credits > price:
            priced = n_of(price, "credit")
            self.traffic.halt(StopKind.TARIFF, f"a look-up priced at {priced} was charged {answer.credits}")

    def settle(self, position: int, price: int, outcome: Outcome, answer: Answer | None) -> None:
        """Book an outcome in all places at once: there is no await between them."""
        if outcome.status in (IN_DOUBT, PENDING):
            self.budget.doubt(price)
            answer = answer or Answer(status=RowStatus.IN_DOUBT, reason=outcome.reason)
        elif outcome.status == RELEASED:
            self.budget.release(price)
        else:
            self.budget.settle(price, outcome.credits)
        if outcome.status != PENDING:  # of that nothing is written yet: whoever asks next writes its end
            self.recorder.settle(outcome)
        if answer is not None:
            self.answers[position] = answer
            setattr(self.tally, answer.status, getattr(self.tally, answer.status) + 1)
        self.till.free()
