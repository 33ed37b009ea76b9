"""People who are asked about together: how far that has come, and what is free on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.run.lists import PATIENCE, drop_list
from cleanlist_pandas.run.outcome import NO_ANSWER
from cleanlist_pandas.run.records import RELEASED, Outcome
from cleanlist_pandas.run.retry import Next, RetryQuota, StopKind
from cleanlist_pandas.run.till import Person
from cleanlist_pandas.run.traffic import Line
from cleanlist_pandas.services.service import (
    BatchService,
    Ended,
    Halt,
    Job,
    ListService,
    Talk,
)

if TYPE_CHECKING:
    from cleanlist_pandas.run.engine import Engine

__all__ = ["STILL", "Batch", "drop", "halt_for", "settle", "talk"]

STILL: Final = "the service still works on it"
T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """People who are asked about together, each with their price set aside, and how far that has come."""

    people: list[Person]
    alone: list[Person] = field(default_factory=list)  # whom the list does not take
    numbers: dict[int, int] = field(default_factory=dict)  # position → look-up in the ledger
    jobs: dict[int, Job] = field(default_factory=dict)  # position → by what the service tells the end
    fate: str = RELEASED  # of those who have no answer: nothing was ordered
    reason: str = "stopped before it was sent"
    is_leaving: bool = False  # the order is on its way at this moment
    told: Ended | None = None  # how it ended, where the reply to the order said it
    is_refused: bool = False  # what it brought


def settle(
    engine: Engine, batch: Batch, person: Person, outcome: Outcome | None = None, answer: Answer | None = None
) -> None:
    """Book what became of one person; by default what became of the batch."""
    position, lookup = person
    price, number = engine.till.price(lookup), batch.numbers.get(position)
    if number is None:  # no intent, so nothing was ordered for them
        engine.budget.release(price)
        return
    engine.settle(position, price, outcome or Outcome(lookup=number, status=batch.fate, reason=batch.reason), answer)


async def drop(service: BatchService, line: Line, list_id: str) -> None:
    """Delete a list, where there are lists."""
    if list_id and isinstance(service, ListService):
        await drop_list(service, line, list_id)


async def talk(
    engine: Engine, talk: Talk[T], line: Line, until: asyncio.Event | None = None, ordered: Batch | None = None
) -> T | None:
    """Lead a conversation that is free to its end; None where it could not be, which ends the run.

    Of people already `ordered` it may be refused: who comes after them is asked about all the same.
    """
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
                if ordered is not None and sent.verdict.next is Next.REFUSED:
                    ordered.is_refused = True
                    return None
                if not until.is_set() or sent.verdict.next in (Next.STOP, Next.REFUSED):
                    said = sent.verdict.stop or StopKind.SERVICE
                    engine.traffic.halt(said, f"what is free was not answered: {sent.verdict.reason}")
                return None
            before, request = request, talk.send(sent.reply)
            if request is before and not engine.traffic.drain(RetryQuota.COST_AGAIN, NO_ANSWER):
                return None
    except StopIteration as told:
        value: T = told.value
        return value
    finally:
        talk.close()


def halt_for(engine: Engine, told: Halt | None) -> None:
    """End the run for what a conversation told."""
    if told is not None:
        engine.traffic.halt(StopKind(told.kind), told.reason)
