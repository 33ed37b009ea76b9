"""Many people with one order: filed and priced for nothing, reserved and written down, ordered once, followed, told.

The same rules as for one person: every price is set aside before anything is sent, every intent is on disk before the
order leaves and as late as can be, the order's token is on disk before anybody asks about it, and every answer is on
disk before anyone sees it. An order that was lost may be sent again only because its quote is good for one use.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.errors import LedgerError
from cleanlist_pandas.run.lists import PATIENCE, drop_list
from cleanlist_pandas.run.outcome import NO_ANSWER, outcome_of
from cleanlist_pandas.run.records import IN_DOUBT, PENDING, RELEASED, Outcome
from cleanlist_pandas.run.retry import Next, RetryQuota, StopKind, Verdict
from cleanlist_pandas.run.till import Person
from cleanlist_pandas.run.traffic import Line
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import BatchService, Ended, Filed, Halt, Job, Pending, Request, Talk

if TYPE_CHECKING:
    from cleanlist_pandas.run.engine import Engine

__all__ = ["work_in_batches"]

LONGEST_POLL_S: Final = 60.0
SLOWER_EACH: Final = 2.0  # of the pauses between two questions about one batch
ORDERS: Final = 3  # times an order that was lost on the way, or whose quote ran out, is sent
T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """People who are asked about together, each with their price set aside, and how far that has come."""

    people: list[Person]
    alone: list[Person] = field(default_factory=list)  # whom the list does not take
    numbers: dict[int, int] = field(default_factory=dict)  # position → look-up in the ledger
    fate: str = RELEASED  # of those who have no answer: nothing was ordered
    reason: str = "stopped before it was sent"
    is_leaving: bool = False  # the order is on its way at this moment


async def work_in_batches(engine: Engine, service: BatchService, todo: Iterable[Person]) -> list[Person]:
    """Ask about all people who can be paid for at this moment; return those who cannot, in their order."""
    batches, left = _put_together(engine, service, todo)
    queue = iter(batches)
    if left and not batches:
        engine.till.passed_over = f"{engine.budget.left} left of max_credits={engine.budget.limit}, too few for more"
        return []

    async def worker(number: int) -> None:
        async with engine.traffic.line(number) as line:
            while not engine.traffic.halted.is_set() and (batch := next(queue, None)) is not None:
                await _ask(engine, service, batch, line)
                engine.watch(engine.tally, engine.budget)

    try:
        await engine.gather([worker(number) for number in range(min(engine.limits.concurrency, len(batches)))])
    finally:
        for _, lookup in (person for batch in queue for person in batch.people):
            engine.budget.release(engine.till.price(lookup))
    return left


def _put_together(engine: Engine, service: BatchService, people: Iterable[Person]) -> tuple[list[Batch], list[Person]]:
    """Set prices aside and put people together; return the batches, and who cannot be paid now, in their order.

    Who was begun by an earlier run goes with those of the same token; else those of one kind go together.
    """
    open_ones: dict[str, Batch] = {}
    batches: list[Batch] = []
    left: list[Person] = []
    for person in people:
        lookup = person[1]
        if not engine.budget.reserve(engine.till.price(lookup)):
            left.append(person)
            continue
        token = lookup.job.token if lookup.job else ""
        together = (token if service.is_batch(token) else "") if token else service.kind_of(lookup)
        batch = open_ones.get(together)
        full = batch is not None and not token and len(batch.people) >= service.surface.people_per_batch
        if batch is None or full or not together:
            batch = open_ones[together] = Batch([])
            batches.append(batch)
        batch.people.append(person)
    return batches, left


async def _ask(engine: Engine, service: BatchService, batch: Batch, line: Line) -> None:
    """Take everybody in a batch to an outcome."""
    _, first = batch.people[0]
    together = service.is_batch(first.job.token) if first.job else bool(service.kind_of(first))
    if not together:
        await engine.ask(*batch.people[0], line)
        return
    try:
        if first.job is not None:
            batch.numbers = {at: lookup.job.lookup for at, lookup in batch.people if lookup.job}
            await _follow(engine, service, batch, first.job, line)
        else:
            job = await _order(engine, service, batch, line)
            if job is not None:
                await engine.traffic.sleep(engine.limits.poll_s, engine.traffic.ended)
                await _follow(engine, service, batch, job, line)
    except asyncio.CancelledError:
        if batch.is_leaving and line.connection.unanswered:
            batch.fate, batch.reason = IN_DOUBT, "stopped while being sent"
        raise
    finally:
        for person in batch.people:
            _settle(engine, batch, person)
        batch.people = []
    for position, lookup in batch.alone:
        await engine.ask(position, lookup, line)


def _settle(
    engine: Engine, batch: Batch, person: Person, outcome: Outcome | None = None, answer: Answer | None = None
) -> None:
    """Book what became of one person; by default what became of the batch."""
    position, lookup = person
    price, number = engine.till.price(lookup), batch.numbers.get(position)
    if number is None:  # no intent, so nothing was ordered for them
        engine.budget.release(price)
        return
    engine.settle(position, price, outcome or Outcome(lookup=number, status=batch.fate, reason=batch.reason), answer)


async def _order(engine: Engine, service: BatchService, batch: Batch, line: Line) -> Job | None:
    """File, price, write down and order a batch; return its job, or None where it came to nothing or is in doubt."""
    list_id = ""
    for attempt in range(ORDERS):
        if not list_id:
            list_id = await _file(engine, service, batch, line, attempt)
        if not list_id or not batch.people:
            return None
        order = await _talk(engine, service.order([lookup for _, lookup in batch.people], list_id), line)
        if isinstance(order, Halt) or order is None:
            _halt(engine, order)
            break
        if not await _intend(engine, batch):
            await drop_list(service, line, list_id)
            list_id = ""  # somebody may not be asked about, and the list holds them
            continue
        verdict, token = await _send(engine, service, batch, order, list_id, line)
        if token:
            return await _note(engine, batch, token)
        if verdict.next is Next.STOP:
            engine.traffic.halt(verdict.stop or StopKind.SERVICE, verdict.reason)
        if verdict.next is not Next.REFUSED or batch.fate == IN_DOUBT:
            return None
    else:
        engine.traffic.halt(StopKind.SERVICE, f"a list cannot be ordered: {batch.reason}")
    if list_id and batch.fate == RELEASED and not engine.limits.keep_list:
        await drop_list(service, line, list_id)
    return None


async def _send(
    engine: Engine, service: BatchService, batch: Batch, order: Request, list_id: str, line: Line
) -> tuple[Verdict, str]:
    """Send an order, again where it was lost on the way; return the last verdict and the token, if there is one."""
    verdict = Verdict(next=Next.AGAIN, reason=batch.reason)
    for _ in range(ORDERS):
        if not await line.wait(engine.traffic.halted):
            break
        batch.is_leaving = True
        sent = await line.send(order, until=engine.traffic.halted)
        batch.is_leaving, verdict, batch.reason = False, sent.verdict, sent.verdict.reason
        if sent.reply is not None and (token := service.read_order(sent.reply, list_id, len(batch.people))):
            return verdict, token
        if sent.result is None or not (verdict.next in (Next.IN_DOUBT, Next.READ) or verdict.charged_maybe):
            break
        batch.fate, batch.reason = IN_DOUBT, verdict.reason or NO_ANSWER
        line.connection.distrust()
        if verdict.next is Next.STOP or not engine.traffic.drain(RetryQuota.COST_IN_DOUBT, batch.reason):
            break
    return verdict, ""


async def _file(engine: Engine, service: BatchService, batch: Batch, line: Line, attempt: int) -> str:
    """Put the people of a batch into a list; whom it does not take are left for a question of their own."""
    name = f"cleanlist-pandas {engine.who.id} {batch.people[0][0]}"
    for part in range(2):
        lookups = [lookup for _, lookup in batch.people]
        filed = await _talk(engine, service.file(lookups, f"{name} {attempt}.{part}"), line)
        if not isinstance(filed, Filed):
            _halt(engine, filed)
            return ""
        if filed.skipped is not None:
            _set_apart(batch, filed.skipped)
            return filed.list_id
        await drop_list(service, line, filed.list_id)
        _set_apart(batch, {at for at, lookup in enumerate(lookups) if part or not _is_told_apart(lookup.hints)})
        if not batch.people:
            break
    return ""


def _is_told_apart(hints: Iterable[str]) -> bool:
    """Whether somebody can be filed without regard to the address."""
    return "linkedin_url" in hints or {"first_name", "last_name", "company"} <= set(hints)


def _set_apart(batch: Batch, places: Iterable[int]) -> None:
    """Ask about some people alone, after the batch."""
    apart = set(places)
    batch.alone += [person for at, person in enumerate(batch.people) if at in apart]
    batch.people = [person for at, person in enumerate(batch.people) if at not in apart]


async def _intend(engine: Engine, batch: Batch) -> bool:
    """Write that everybody in a batch is about to be ordered; False if somebody must not be, and was taken out."""
    asked = [person for person in batch.people if person[0] not in batch.numbers]
    batch.people = [person for person in batch.people if person[0] in batch.numbers]

    async def intend(person: Person) -> None:  # each for itself: what is on disk is known here whatever stops the rest
        number = await engine.intend(*person, engine.till.price(person[1]))
        if number is not None:
            batch.numbers[person[0]] = number
            batch.people.append(person)

    n_before = len(batch.people)
    await asyncio.gather(*map(intend, asked))
    return len(batch.people) == n_before + len(asked)


async def _note(engine: Engine, batch: Batch, token: str) -> Job:
    """Write the token of a batch down, for each of its people."""
    batch.fate, batch.reason = PENDING, "the service still works on it"
    at_us = time.time_ns() // 1000
    jobs = [Job(lookup=number, token=token, at_us=at_us) for number in batch.numbers.values()]
    engine.begun.update(job.lookup for job in jobs)
    try:
        await asyncio.gather(*(engine.recorder.note(job) for job in jobs))
    except LedgerError:
        engine.traffic.halt(StopKind.LEDGER, "the ledger cannot be written")
    return jobs[0]


async def _follow(engine: Engine, service: BatchService, batch: Batch, job: Job, line: Line) -> None:
    """Ask how a batch is doing until it has ended, and take in what it brought; all of it free."""
    batch.fate, batch.reason = PENDING, "the service still works on it"
    engine.begun.update(batch.numbers.values())
    ended, failures, pause_s = engine.traffic.ended, 0, engine.limits.poll_s
    deadline_s = time.monotonic() + engine.limits.job_timeout_s - max(0.0, time.time() - job.at_us / 1e6)
    while failures < PATIENCE and not ended.is_set():
        sent = await line.ask(service.follow(job.token), until=ended)
        status = None if sent.reply is None else service.read_status(sent.reply, job.token)
        if isinstance(status, Ended) and await _take_in(engine, service, batch, job, status, line):
            return
        if sent.verdict.next is Next.STOP:
            engine.traffic.halt(sent.verdict.stop or StopKind.SERVICE, sent.verdict.reason)
            return
        failures = 0 if isinstance(status, Pending) else failures + 1
        if sent.result is None or time.monotonic() >= deadline_s:
            return
        await engine.traffic.sleep(pause_s, ended)
        pause_s = min(LONGEST_POLL_S, pause_s * SLOWER_EACH)


async def _take_in(engine: Engine, service: BatchService, batch: Batch, job: Job, status: Ended, line: Line) -> bool:
    """Read what a batch that has ended brought, book it, and delete its list; False if it could not be read."""
    lookups = [lookup for _, lookup in batch.people]
    bodies = await _talk(engine, service.collect(lookups, job.token, status), line, until=engine.traffic.ended)
    if bodies is None:
        return False
    whole = service.is_whole(lookups, job.token)
    at_us = time.time_ns() // 1000
    for person, body in zip(batch.people, bodies, strict=True):
        reply, number = Reply(status=200, body=body), batch.numbers[person[0]]
        answer = service.read(reply, person[1], at_us)
        assert isinstance(answer, Answer)  # noqa: S101 - it reads what it wrote itself
        engine.check_price(person[1], answer)
        engine.begun.discard(number)
        _settle(engine, batch, person, outcome_of(number, Verdict(next=Next.READ), reply, answer), answer)
    batch.people = []
    engine.watch(engine.tally, engine.budget)
    if whole and not engine.limits.keep_list:
        await drop_list(service, line, service.list_of(job.token))
    return True


async def _talk(engine: Engine, talk: Talk[T], line: Line, until: asyncio.Event | None = None) -> T | None:
    """Lead a conversation that is free to its end; None where it could not be."""
    until = until or engine.traffic.halted
    try:
        request = next(talk)
        while True:
            for _ in range(PATIENCE):
                sent = await line.ask(request, until=until)
                if sent.reply is not None or sent.verdict.next in (Next.STOP, Next.REFUSED) or until.is_set():
                    break
                if not engine.traffic.drain(RetryQuota.COST_AGAIN, sent.verdict.reason):
                    break
            if sent.reply is None:
                if not until.is_set() or sent.verdict.next in (Next.STOP, Next.REFUSED):
                    said = sent.verdict.stop or StopKind.SERVICE
                    engine.traffic.halt(said, f"what is free was not answered: {sent.verdict.reason}")
                return None
            request = talk.send(sent.reply)
    except StopIteration as told:
        value: T = told.value
        return value
    finally:
        talk.close()


def _halt(engine: Engine, told: Halt | None) -> None:
    """End the run for what a conversation told."""
    if told is not None:
        engine.traffic.halt(StopKind(told.kind), told.reason)
