"""Many people with one order: filed and priced for nothing, reserved and written down, ordered once, followed, told.

The same rules as for one person: every price is set aside before anything is sent, every intent is on disk before the
order leaves and as late as can be, the order's token is on disk before anybody asks about it, and every answer is on
disk before anyone sees it. An order that was lost may be sent again only because its quote is good for one use.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.errors import LedgerError
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.run.batch import STILL, Batch, drop, settle, talk
from cleanlist_pandas.run.lists import PATIENCE
from cleanlist_pandas.run.orders import order
from cleanlist_pandas.run.outcome import ERASED, outcome_of
from cleanlist_pandas.run.records import IN_DOUBT, PENDING, Outcome
from cleanlist_pandas.run.retry import Next, StopKind, Verdict
from cleanlist_pandas.run.till import Person
from cleanlist_pandas.run.traffic import Line
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import BatchService, Ended, Lookup, Pending

if TYPE_CHECKING:
    from cleanlist_pandas.run.engine import Engine

__all__ = ["work_in_batches"]

LONGEST_POLL_S: Final = 60.0
AT_ONCE: Final = 5_000  # people of a file whose answers are held beside it
SLOWER_EACH: Final = 2.0  # of the pauses between two questions about one batch
UNTOLD: Final = "the answer says nothing of them"
UNREAD: Final = "it has ended, and what it brought cannot be read"


async def work_in_batches(engine: Engine, service: BatchService, todo: Collection[Person]) -> Collection[Person]:
    """Ask about all people who can be paid for at this moment; return those who cannot, in their order."""
    paid, left = engine.till.set_aside(todo)
    if left and not paid:
        engine.till.passed_over = f"{engine.budget.left} left of max_credits={engine.budget.limit}, too few for more"
        return []
    queue = _put_together(service, paid)

    async def worker(number: int) -> None:
        async with engine.traffic.line(number) as line:
            while not engine.traffic.halted.is_set() and (batch := next(queue, None)) is not None:
                try:
                    await _ask(engine, service, batch, line)
                finally:
                    for _, lookup in batch.alone:  # whom a stop left unasked
                        engine.budget.release(engine.till.price(lookup))
                engine.watch(engine.tally, engine.budget)

    try:
        await engine.traffic.gather([worker(number) for number in range(min(engine.limits.concurrency, len(paid)))])
    finally:
        for _, lookup in (person for batch in queue for person in batch.people):
            engine.budget.release(engine.till.price(lookup))
    return left


def _put_together(service: BatchService, people: Iterable[Person]) -> Iterator[Batch]:
    """Put people together, batch by batch as they are full, so that those who wait for their turn take no memory.

    Who was begun by an earlier run goes with those of the same token; else those of one kind go together.
    """
    open_ones: dict[str, Batch] = {}
    for person in people:
        lookup = person[1]
        token = lookup.job.token if lookup.job else ""
        together = service.batch_of(token) if token else service.kind_of(lookup)
        if not together:
            yield Batch([person])
            continue
        batch = open_ones.setdefault(together, Batch([]))
        batch.people.append(person)
        if not token and len(batch.people) == service.surface.people_per_batch:
            yield open_ones.pop(together)
    yield from open_ones.values()


async def _ask(engine: Engine, service: BatchService, batch: Batch, line: Line) -> None:
    """Take everybody in a batch to an outcome."""
    _, first = batch.people[0]
    together = service.batch_of(first.job.token) if first.job else service.kind_of(first)
    if not together:
        await engine.ask(*batch.people[0], line)
        return
    try:
        if first.job is not None:
            batch.jobs = {at: lookup.job for at, lookup in batch.people if lookup.job}
            batch.numbers = {at: job.lookup for at, job in batch.jobs.items()}
            await _follow(engine, service, batch, line)
        elif not await order(engine, service, batch, line):
            pass
        elif batch.told is not None:
            await _take_in(engine, service, batch, batch.told, line)
        else:
            await engine.traffic.sleep(engine.limits.poll_s, engine.traffic.ended)
            await _follow(engine, service, batch, line)
    except asyncio.CancelledError:
        if batch.is_leaving and line.connection.unanswered:
            batch.fate, batch.reason = PENDING if batch.jobs else IN_DOUBT, "stopped while being sent"
        raise
    finally:
        for person in batch.people:
            settle(engine, batch, person)
        batch.people = []
    while batch.alone and not engine.traffic.halted.is_set():
        await engine.ask(*batch.alone.pop(0), line)


async def _follow(engine: Engine, service: BatchService, batch: Batch, line: Line) -> None:
    """Ask how a batch is doing until it has ended, and take in what it brought; all of it free."""
    batch.fate, batch.reason = PENDING, STILL
    engine.begun.update(batch.numbers.values())
    job = batch.jobs[batch.people[0][0]]
    ended, failures, pause_s = engine.traffic.ended, 0, engine.limits.poll_s
    deadline_s = time.monotonic() + engine.limits.job_timeout_s - max(0.0, time.time() - job.at_us / 1e6)
    while failures < PATIENCE and not ended.is_set():
        sent = await line.ask(service.follow(job.token), until=ended, patient=True)
        status = None if sent.reply is None else service.read_status(sent.reply, job.token)
        if isinstance(status, Ended) and await _take_in(engine, service, batch, status, line):
            return
        if sent.verdict.next is Next.STOP:
            engine.traffic.halt(sent.verdict.stop or StopKind.SERVICE, sent.verdict.reason)
            return
        failures = 0 if isinstance(status, Pending) else failures + 1
        if sent.result is None or time.monotonic() >= deadline_s:
            return
        await engine.traffic.sleep(pause_s, ended)
        pause_s = min(LONGEST_POLL_S, pause_s * SLOWER_EACH)


async def _take_in(engine: Engine, service: BatchService, batch: Batch, status: Ended, line: Line) -> bool:
    """Read what a batch that has ended brought, book it, and delete its list; False if it is to be read again."""
    lookups = [replace(lookup, job=batch.jobs[at]) for at, lookup in batch.people]
    token = batch.jobs[batch.people[0][0]].token
    if not service.is_whole(lookups, token):
        lookups += _others(engine, service, batch, token)
    asked = service.collect(lookups, token, status)
    bodies = await talk(engine, asked, line, until=engine.traffic.ended, ordered=batch)
    if bodies is None:
        batch.reason = UNREAD
        return batch.is_refused
    at_us, fate = time.time_ns() // 1000, IN_DOUBT if status.final else PENDING
    ends = (_end_of(engine, service, *told, at_us, fate) for told in zip(lookups, bodies, strict=True))
    n_others = len(lookups) - len(batch.people)
    while part := batch.people[:AT_ONCE]:
        _book(engine, batch, part, [*islice(ends, len(part))])
        batch.people = batch.people[AT_ONCE:]
    found = [outcome for outcome, answer in ends if answer and answer.status is RowStatus.COMPLETED]
    for outcome in found:  # a miss of theirs may be one only because less is known of them here
        engine.recorder.settle(outcome)
    engine.watch(engine.tally, engine.budget)
    is_over = len(found) == n_others and service.is_whole(lookups, token) and (status.final or None not in bodies)
    if is_over and not engine.limits.keep_list and await engine.note():
        await drop(service, line, service.list_of(token))
    return True


def _book(
    engine: Engine, batch: Batch, people: Sequence[Person], ends: Sequence[tuple[Outcome, Answer | None]]
) -> None:
    """Book what is told of some people of a batch."""
    gone = engine.erased(*(outcome.lookup for outcome, answer in ends if answer))
    for person, (outcome, answer) in zip(people, ends, strict=True):
        engine.begun.discard(outcome.lookup)
        settle(engine, batch, person, outcome, ERASED if outcome.lookup in gone else answer)


def _others(engine: Engine, service: BatchService, batch: Batch, token: str) -> list[Lookup]:
    """Return who was ordered with the people of a batch and is not among them: what it cost was charged for all."""
    together, mine = service.batch_of(token), {*batch.numbers.values()}
    try:
        taken = engine.ledger.taken_with(together)
    except LedgerError:
        return []
    return [
        lookup
        for lookup in taken
        if (job := lookup.job) and job.lookup not in mine and service.batch_of(job.token) == together
    ]


def _end_of(
    engine: Engine, service: BatchService, lookup: Lookup, body: bytes | None, at_us: int, fate: str
) -> tuple[Outcome, Answer | None]:
    """Return what is told of one person of a batch that has ended."""
    assert lookup.job is not None  # noqa: S101 - it was taken
    if body is None:
        return Outcome(lookup=lookup.job.lookup, status=fate, reason=UNTOLD), None
    reply = Reply(status=200, body=body)
    answer = service.read(reply, lookup, at_us)
    assert isinstance(answer, Answer)  # noqa: S101 - it reads what it wrote itself
    engine.check_price(lookup, answer)
    return outcome_of(lookup.job.lookup, Verdict(next=Next.READ), reply, answer), answer
