"""From people who are paid for to an order that is taken: filed, priced, written down, sent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.run.batch import STILL, Batch, drop, halt_for, settle, talk
from cleanlist_pandas.run.outcome import ERASED, NO_ANSWER
from cleanlist_pandas.run.records import IN_DOUBT, PENDING, RELEASED, Outcome
from cleanlist_pandas.run.retry import Next, RetryQuota, StopKind
from cleanlist_pandas.run.traffic import Line, Sent
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import (
    BatchService,
    Ended,
    Filed,
    Halt,
    Job,
    Request,
)

if TYPE_CHECKING:
    from cleanlist_pandas.run.engine import Engine

__all__ = ["order"]

ORDERS: Final = 3  # times an order that was lost on the way, or whose quote ran out, is sent


async def order(engine: Engine, service: BatchService, batch: Batch, line: Line) -> bool:
    """File, price, write down and order a batch; whether it was taken, or can be looked for where that is not known.

    If not, it came to nothing or is in doubt.
    """
    list_id: str | None = None
    for _ in range(ORDERS):
        if list_id is None and batch.people:
            list_id = await _file(engine, service, batch, line)
        if list_id is None or not batch.people:
            break
        asked = await talk(engine, service.order([lookup for _, lookup in batch.people], list_id), line)
        if isinstance(asked, Halt) or asked is None:
            halt_for(engine, asked)
            break
        is_written = await _intend(engine, batch) and await _note_before(engine, service, batch, list_id)
        sent = await _send(engine, service, batch, asked, list_id, line) if is_written else None
        if batch.fate == RELEASED and (sent is None or sent.result is None) and not engine.traffic.halted.is_set():
            _take_out_erased(engine, batch)
            await drop(service, line, list_id)
            list_id = None  # somebody may not be asked about, and the list holds them
            continue
        reply = None if sent is None else sent.reply
        tokens = () if reply is None else service.read_order(reply, list_id, len(batch.people))
        if reply is not None and tokens:
            _take(engine, batch, tokens, _end_in(service, reply, tokens[0]))
            if batch.told is None:
                engine.begun.update(job.lookup for job in batch.jobs.values())
                await engine.note(*batch.jobs.values())
            return True
        if sent is not None and sent.verdict.next is Next.STOP:
            engine.traffic.halt(sent.verdict.stop or StopKind.SERVICE, sent.verdict.reason)
        if sent is None or sent.verdict.next is not Next.REFUSED or batch.fate == IN_DOUBT:
            return batch.fate == IN_DOUBT and bool(batch.jobs)
        if not _set_refused(engine, service, batch, sent) and not service.surface.orders_once:  # with a new quote
            _cannot_order(engine, batch)
            break
    else:
        _cannot_order(engine, batch)
    if list_id and batch.fate == RELEASED and not engine.limits.keep_list:
        await drop(service, line, list_id)
    return False


async def _send(
    engine: Engine, service: BatchService, batch: Batch, order: Request, list_id: str, line: Line
) -> Sent | None:
    """Send an order, and where that can be charged once only, again if it was lost; return what came of the last."""
    sent: Sent | None = None

    def is_wanted() -> bool:  # whoever is erased while an order waits is not ordered, nor is anybody with them
        return not engine.erased(*(batch.numbers[at] for at, _ in batch.people))

    for _ in range(ORDERS):
        if not await line.wait(engine.traffic.halted) or not is_wanted():
            break
        batch.is_leaving = True
        sent = await line.send(order, until=engine.traffic.halted, wanted=is_wanted)
        batch.is_leaving, batch.reason = False, sent.verdict.reason
        is_taken = sent.reply is not None and service.read_order(sent.reply, list_id, len(batch.people))
        is_lost = sent.verdict.next in (Next.IN_DOUBT, Next.READ) or sent.verdict.charged_maybe
        if is_taken or sent.result is None or not is_lost:
            break
        batch.fate, batch.reason = IN_DOUBT, sent.verdict.reason or NO_ANSWER
        line.connection.distrust()
        goes_on = engine.traffic.drain(RetryQuota.COST_IN_DOUBT, batch.reason)
        if not (service.surface.orders_once and goes_on) or sent.verdict.next is Next.STOP:
            break
    return sent


def _take_out_erased(engine: Engine, batch: Batch) -> None:
    """Book those who were erased since their intent: the others are filed and ordered again without them."""
    gone = engine.erased(*(batch.numbers[at] for at, _ in batch.people))
    for person in [*batch.people]:
        number = batch.numbers[person[0]]
        if number in gone:
            settle(engine, batch, person, Outcome(lookup=number, status=RELEASED), ERASED)
            batch.people.remove(person)
            del batch.numbers[person[0]]


def _cannot_order(engine: Engine, batch: Batch) -> None:
    """End the run: what is refused would be refused again."""
    engine.traffic.halt(StopKind.SERVICE, f"people cannot be ordered together: {batch.reason}")


def _set_refused(engine: Engine, service: BatchService, batch: Batch, sent: Sent) -> bool:
    """Book those whom a refusal of all is about: the others are ordered again without them. Whether there are any."""
    assert isinstance(sent.result, Reply)  # noqa: S101 - a verdict of refused is about a reply
    refused = service.read_refusal(sent.result, len(batch.people))
    kept = [person for at, person in enumerate(batch.people) if at not in refused]
    for at, reason in refused.items():
        person = batch.people[at]
        answer = Answer(status=RowStatus.FAILED, reason=reason)
        number = batch.numbers[person[0]]
        settle(engine, batch, person, Outcome(lookup=number, status=answer.status, reason=reason), answer)
    batch.people = kept
    return bool(refused)


async def _file(engine: Engine, service: BatchService, batch: Batch, line: Line) -> str | None:
    """Put the people of a batch into a list; whom it does not take are left for a question of their own."""
    for part in range(2):
        lookups = [lookup for _, lookup in batch.people]
        name = f"cleanlist-pandas {uuid.uuid4().hex}"  # never used before: an import under a used key is not done again
        filed = await talk(engine, service.file(lookups, name), line)
        if not isinstance(filed, Filed):
            halt_for(engine, filed)
            return None
        if filed.skipped is not None:
            _set_apart(batch, filed.skipped)
            return filed.list_id
        await drop(service, line, filed.list_id)
        _set_apart(batch, {at for at, lookup in enumerate(lookups) if part or not _is_told_apart(lookup.hints)})
        if not batch.people:
            break
    return None


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
    n_people = len(batch.people)
    asked = [person for person in batch.people if person[0] not in batch.numbers]
    batch.people = [person for person in batch.people if person[0] in batch.numbers]  # `intend` lets go of the others
    for person, number in zip(asked, await engine.intend(asked), strict=True):
        if number is not None:
            batch.numbers[person[0]] = number
            batch.people.append(person)
    return len(batch.people) == n_people


def _end_in(service: BatchService, reply: Reply, token: str) -> Ended | None:
    """Return how a batch ended, if the reply to its order says so."""
    status = service.read_status(reply, token) if service.surface.people_at_once else None
    return status if isinstance(status, Ended) else None


def _take(engine: Engine, batch: Batch, tokens: Sequence[str], told: Ended | None) -> None:
    """Keep by what the service tells the end; whose end is told has no other chance to be read."""
    batch.told = told
    batch.fate, batch.reason = (PENDING, STILL) if told is None else (IN_DOUBT, NO_ANSWER)
    _set_tokens(batch, tokens)


def _set_tokens(batch: Batch, tokens: Sequence[str]) -> None:
    """Give everybody in a batch their token."""
    at_us = time.time_ns() // 1000
    batch.jobs = {
        at: Job(lookup=batch.numbers[at], token=token, at_us=at_us)
        for (at, _), token in zip(batch.people, tokens, strict=True)
    }


async def _note_before(engine: Engine, service: BatchService, batch: Batch, list_id: str) -> bool:
    """Write down by what an order is looked for whose answer is lost, where anything tells; False if that failed."""
    if tokens := service.read_order(None, list_id, len(batch.people)):
        _set_tokens(batch, tokens)
    return not tokens or await engine.note(*batch.jobs.values())
