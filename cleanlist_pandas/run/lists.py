"""What a surface with lists needs around a run, before anybody is asked about and after; all of it free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cleanlist_pandas.run.retry import Next, StopKind
from cleanlist_pandas.run.traffic import Line
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import JobService, ListService

if TYPE_CHECKING:
    from cleanlist_pandas.run.engine import Engine

__all__ = ["PATIENCE", "close_account", "drop_list", "open_account"]

PATIENCE: Final = 5  # of what is free and fails, tries in a row


async def open_account(engine: Engine) -> None:
    """Where people are filed in lists, make one for this run; see first that the account is in order."""
    service = engine.service
    if isinstance(service, JobService) and any(lookup.job is None for _, lookup in engine.lookups):
        async with engine.traffic.line(0) as line:
            engine.balance = await _check_account(service, line, engine.till.cheapest)
            if isinstance(service, ListService):
                engine.list_id = await _make_list(service, line, f"cleanlist-pandas {engine.who.id}")


async def close_account(engine: Engine) -> None:
    """Delete the run's list, unless it shall be kept or the service still works for it."""
    is_done = engine.list_id and not engine.limits.keep_list and not engine.begun
    if isinstance(engine.service, ListService) and is_done and await engine.note():  # else nobody could ask again
        async with engine.traffic.line(0) as line:
            await drop_list(engine.service, line, engine.list_id)


async def _check_account(service: JobService, line: Line, cheapest: int) -> int | None:
    """Return the account's credits, or None where they are not told; halt if the key is refused or they buy nothing."""
    traffic, request = line.traffic, service.ask_balance()
    if request is None:
        return None
    sent = await line.ask(request, until=traffic.halted)
    if sent.verdict.stop is StopKind.AUTHENTICATION and not _is_about_scope(sent.result):
        traffic.halt(StopKind.AUTHENTICATION, sent.verdict.reason)
    credits = None if sent.reply is None else service.read_balance(sent.reply)
    if credits is not None and credits < cheapest:
        traffic.halt(StopKind.CREDITS, f"{credits:,} left in the account, and a look-up costs {cheapest}")
    return credits


def _is_about_scope(result: object) -> bool:
    """Whether the key may do other things, only not this."""
    return isinstance(result, Reply) and result.problem().code == "insufficient_scope"


async def _make_list(service: ListService, line: Line, name: str) -> str:
    """Return the id of a new list; halt if there is none to be had."""
    traffic, reason = line.traffic, ""
    for _ in range(PATIENCE):
        sent = await line.ask(service.make_list(name), until=traffic.halted)
        if sent.reply is not None and (list_id := service.read_list(sent.reply)):
            return list_id
        reason = sent.verdict.reason or "the answer names none"
        if sent.verdict.next is Next.STOP:
            traffic.halt(sent.verdict.stop or StopKind.SERVICE, reason)
        if sent.verdict.next in (Next.STOP, Next.REFUSED) or traffic.halted.is_set():
            break
    traffic.halt(StopKind.SERVICE, f"no list could be made: {reason}")
    return ""


async def drop_list(service: ListService, line: Line, list_id: str) -> None:
    """Delete a list, once and as it comes: one that stays harms nobody, and the run's end is told already."""
    if await line.wait(line.traffic.ended, again=True):
        await line.connection.send(service.drop_list(list_id))
        line.traffic.tally.requests += 1
