"""From a case to its frame: run, and join what it brought. The only part above `run` that spends."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from cleanlist_pandas.answers import Answer, at_company, combine
from cleanlist_pandas.case import Case, look_again
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import RowStatus, Source
from cleanlist_pandas.frame.arrays import Kinds, first_rows, take
from cleanlist_pandas.frame.identity import lacking
from cleanlist_pandas.frame.join import join
from cleanlist_pandas.frame.needs import bits_of, names_of
from cleanlist_pandas.frame.told import Facts, Told
from cleanlist_pandas.plan.buckets import Ints, State
from cleanlist_pandas.resume import Done
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.engine import Engine
from cleanlist_pandas.run.pace import pace_for
from cleanlist_pandas.run.progress import progress
from cleanlist_pandas.run.records import Claim, Record, Run
from cleanlist_pandas.run.report import report_of
from cleanlist_pandas.run.retry import StopKind
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Limits, Result, nothing_yet, total
from cleanlist_pandas.services.http import Network
from cleanlist_pandas.services.many import read_rows
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Lookup, batched_on, by_address
from cleanlist_pandas.surfaces import SERVICES, SHAPES

NO_KEY: Final = (
    "No API key, so nothing was sent: set CLEANLIST_API_KEY or pass api_key=…; to try without a key, do it inside "
    "`with cleanlist_pandas.sandbox():`, or add --sandbox in the shell."
)
NO_COMPANY: Final = Answer(status=RowStatus.SKIPPED, reason="a free-mail address tells no company")

__all__ = ["NO_KEY", "ask_begun", "buy", "collect", "join_case", "new_run", "steps_of"]


def new_run(case: Case) -> Run:
    """Return a run as the ledger will know it."""
    return Run(id=uuid.uuid4().hex, world=case.settings.world, service=case.service.surface.name)


def buy(case: Case, order: Ints, who: Run, budget: Budget, stop: Stop, *, spent_s: float = 0.0) -> Result | None:
    """Look people up in some order. May spend up to what `budget` has left.

    Parameters
    ----------
    order : ndarray of int64
        Positions of those to buy.
    who : Run
        On whose behalf; several steps of one call are one run, whatever each asks.
    spent_s : float
        Seconds that earlier steps took of `max_seconds`.
    """
    if not len(order):
        return None
    if case.settings.api_key is None:
        raise ConfigurationError(NO_KEY)
    _claim_rivals(case, who)
    return _run(case, list(_lookups(case, order)), who, budget, stop, spent_s)


def collect(case: Case, who: Run, stop: Stop) -> tuple[Case, Result | None]:
    """Ask what became of look-ups that an earlier run began and saw no end of; return the case as it is then.

    Free: what they cost was set aside when they were begun. What is told goes to the ledger, where it counts as new.
    """
    result = ask_begun(case, who, stop, Budget(0))
    return (case, None) if result is None else (look_again(case), replace(result, answers={}, rivals={}))


def ask_begun(case: Case, who: Run, stop: Stop, budget: Budget) -> Result | None:
    """Ask what became of look-ups that an earlier run began, and book what they cost; None where there are none."""
    path = case.service.surface.path
    mine = [(at, one) for at, one in case.begun if SERVICES[one.service].surface.path == path]
    if not mine or case.settings.api_key is None:
        return None
    hints = _hints(case, np.array([at for at, _ in mine], np.int64))
    lookups = [
        (at, Lookup(address=case.keys.addresses[at].as_py(), fields=one.fields, hints=known, job=one.job))
        for (at, one), known in zip(mine, hints, strict=True)
    ]
    asked = replace(case, service=SERVICES[batched_on(path)])  # it can ask about anybody's job
    return _run(asked, lookups, who, budget, stop, 0.0)


def _run(case: Case, lookups: list[tuple[int, Lookup]], who: Run, budget: Budget, stop: Stop, spent_s: float) -> Result:
    """Let the engine take some look-ups to their end."""
    settings, who.service = case.settings, case.service.surface.name
    assert settings.api_key is not None  # noqa: S101 - both callers looked
    network = Network(
        url=settings.base_url,
        api_key=settings.api_key,
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
    )
    key_digest = hashlib.blake2b(settings.api_key.reveal().encode(), digest_size=16).hexdigest()
    limits = Limits(
        concurrency=settings.concurrency,
        rate_per_minute=settings.rate_per_minute,
        max_seconds=None if settings.max_seconds is None else max(0.001, settings.max_seconds - spent_s),
        max_wait_s=settings.max_wait_s,
        poll_s=settings.poll_s,
        job_timeout_s=settings.job_timeout_s,
        keep_list=settings.keep_list,
    )
    with progress(len(lookups), show=settings.progress) as watch, asyncio.Runner() as runner:
        engine = Engine(
            lookups=lookups,
            service=case.service,
            network=network,
            ledger=case.ledger,
            who=who,
            budget=budget,
            pace=pace_for(settings.base_url, key_digest),
            limits=limits,
            watch=watch,
        )
        return runner.run(engine.run(stop))


def steps_of(*steps: Result | None, budget: Budget) -> list[Result]:
    """Return the steps that there were, all with the books of the whole run."""
    return [replace(step, budget=budget) for step in steps if step is not None]


def join_case(
    case: Case, who: Run, steps: Sequence[Result], budget: Budget, stop: Stop, companies: Sequence[Result] = ()
) -> Done:
    """Put what is known of everybody and their companies, and what the steps of a run brought, on their rows."""
    answers = _answers(case, who, steps)
    if case.companies is not None:
        answers = _add_companies(case, [*answers], _answers(case.companies, who, companies))
    frame = join(
        case.frame,
        case.keys.codes,
        answers,
        case.fields,
        existing=case.existing,
        filled=case.filled,
        kinds=Kinds(case.settings.dtype_backend),
        provenance=case.settings.provenance,
    )
    result = total([*steps, *companies])
    if stop.soft:  # too late to stop anything, but not to be told
        result = _interrupted(result or nothing_yet(budget))
    report = report_of(who.id, answers, result, budget.limit, fields=case.fields, column=case.column)
    frame.attrs["cleanlist"] = report.summary()
    return Done(
        frame=frame,
        fields=case.fields,
        report=report,
        result=result,
        answers=answers,
        settings=case.settings,
        ledger=case.ledger,
        since=case.began,
        newest=max(case.seen, who.written),
    )


def _interrupted(result: Result) -> Result:
    """Return a result that says so: a signal that comes before or after the sending must not be swallowed."""
    return result if result.stop else replace(result, stop=StopKind.INTERRUPT, reason="interrupted")


def _claim_rivals(case: Case, who: Run) -> None:
    """Tell a run of the people whom other runs have in hand already."""
    who.seen = max(who.seen, case.seen)
    for at, held in case.held.others.items():
        if held.rivals:
            claims = [Claim(rival.lookup, tuple(rival.fields)) for rival in held.rivals]
            who.rivals.setdefault(case.keys.addresses[at].as_py(), []).extend(claims)


def _lookups(case: Case, order: Ints) -> Iterator[tuple[int, Lookup]]:
    """Return position and look-up of everybody to buy."""
    addresses: list[Any] = case.keys.addresses.take(order).to_pylist()
    asks = case.decision.asks[order].tolist()
    for position, address, asked, known in zip(order.tolist(), addresses, asks, _hints(case, order), strict=True):
        yield position, Lookup(address=address, fields=names_of(asked), hints=known)


def _hints(case: Case, people: Ints) -> Iterator[dict[str, str]]:
    """Return what is known of some people beside their addresses, by which an answer may be told to be theirs."""
    hints: dict[str, list[Any]] = {name: values.take(people).to_pylist() for name, values in case.keys.hints.items()}
    for number in range(len(people)):
        yield {name: values[number] for name, values in hints.items() if values[number] is not None}


def _answers(case: Case, who: Run, steps: Sequence[Result]) -> Told:
    """Return one answer for each unique person, from all that is known of them."""
    plain = (Answer(status=RowStatus.NOT_ATTEMPTED), Answer(status=RowStatus.COMPLETED, source=Source.EXISTING))
    filled = case.decision.states == State.FILLED
    informed = {*case.known.values, *case.held.others}.union(
        *(step.answers for step in steps), *(s.rivals for s in steps)
    )
    by_column, at = _read_at_once(case, informed)
    left = np.zeros(len(filled), np.bool_)
    left[case.held.positions] = True
    left[at] = False
    left[[*informed]] = True
    people = np.flatnonzero(left & ~filled).tolist()
    one_by_one = {one: _answer(case, who, one, steps) for one in people} | dict(_unnamed(case))
    facts = Facts.of([*plain, *one_by_one.values()], case.fields)
    places = filled.astype(np.int64)
    places[at] = np.arange(len(facts), len(facts) + len(at))
    places[[*one_by_one]] = np.arange(len(plain), len(facts))
    return Told(Facts.joined([facts, by_column], case.fields), places)


def _read_at_once(case: Case, informed: Collection[int]) -> tuple[Facts, Ints]:
    """Read the answers of people of whom the ledger holds all there is to say; return also who they are."""
    held, settled = case.held, case.held.settled
    parts, who = [Facts.of([], case.fields)], [np.zeros(0, np.int64)]
    if settled is None:
        return parts[0], who[0]
    others = np.zeros(case.keys.n_keys, np.bool_)
    others[[*informed]] = True
    alone = ~others[held.positions]
    names: list[Any] = settled.services.dictionary.to_pylist()
    written = np.asarray(settled.services.indices)[held.rows]
    for shape in dict.fromkeys(SHAPES.values()):
        chosen = np.flatnonzero(
            alone & np.isin(written, [at for at, name in enumerate(names) if SHAPES.get(name) is shape])
        )
        rows, people = held.rows[chosen], held.positions[chosen]
        addresses: Any = take(case.keys.addresses, people)
        facts, places = read_rows(shape, take(settled.bodies, rows), addresses, settled.times_us[rows], case.fields)
        parts.append(facts)
        who.append(people[places])
    return Facts.joined(parts, case.fields), np.concatenate(who)


def _add_companies(case: Case, people: list[Answer], companies: Told) -> Told:
    """Give people what is known of their companies; what that cost stands with the first of those who wanted it."""
    assert case.companies is not None  # noqa: S101 - the caller looked
    codes, theirs = case.keys.codes, case.companies.keys.codes
    wanted = case.companies.needs.rows & (codes >= 0)
    payers = first_rows(np.where(wanted, theirs, -1), len(companies))
    paying = dict(zip(theirs[payers].tolist(), codes[payers].tolist(), strict=True))
    asks_people = bool(set(case.fields) & set(case.service.surface.fields))
    for person, company in dict(zip(codes[wanted].tolist(), theirs[wanted].tolist(), strict=True)).items():
        has_own = case.decision.states[person] != State.FILLED
        if company < 0:
            people[person] = people[person] if has_own or asks_people else NO_COMPANY
            continue
        told = companies[company]
        told = told if paying[company] == person else replace(told, credits=0)
        people[person] = at_company(people[person], told) if has_own else told
    return Told.of(people, case.fields)


def _unnamed(case: Case) -> Iterator[tuple[int, Answer]]:
    """Give who was not asked about because the frame says too little of them, and what it lacks."""
    surface, people = case.service.surface, np.flatnonzero(case.decision.states == State.UNNAMED)
    if len(people):
        for position, parts in zip(people.tolist(), case.parts[people].tolist(), strict=True):
            needs = f"{surface.name} needs {lacking(parts, surface.ways)}; on {by_address()} an address is enough"
            yield position, Answer(status=RowStatus.SKIPPED, reason=needs)


def _answer(case: Case, who: Run, position: int, steps: Sequence[Result]) -> Answer:
    """Return what all sources say of one person."""
    parts: list[Answer] = []
    if position in case.known.values:
        values, at_us = case.known.values[position], case.known.at_us.get(position)
        parts.append(Answer(status=RowStatus.COMPLETED, source=Source.KNOWN, values=values, at_us=at_us))
    heard = [step.answers[position] for step in steps if position in step.answers]
    if (held := case.held.get(position)) is not None:
        records = [one for one in (*held.records, *held.doubts) if not (heard and one.run == who.id)]
        parts += [_from_record(case, position, record) for record in records]
    parts += [_from_record(case, position, record) for step in steps for record in step.rivals.get(position, ())]
    parts += heard
    if case.decision.states[position] == State.BILLABLE and not (steps and _is_attempted(case, position, steps[-1])):
        parts.append(Answer(status=RowStatus.NOT_ATTEMPTED))
    return combine(parts)


def _is_attempted(case: Case, position: int, step: Result) -> bool:
    """Whether a person was asked for all that was to be bought, by this run or others."""
    by_others = bits_of({name for record in step.rivals.get(position, ()) for name in record.fields})
    return position in step.answers or not case.decision.asks[position] & ~by_others


def _from_record(case: Case, position: int, record: Record) -> Answer:
    """Read a held answer again from the bytes it came as."""
    if record.is_open:
        since = "another run" if record.status == "" else "an earlier run"
        return Answer(status=RowStatus.IN_DOUBT, reason=f"sent by {since} and never answered")
    lookup = Lookup(address=case.keys.addresses[position].as_py(), fields=case.fields)
    answer = SERVICES[record.service].read(Reply(status=200, body=record.body), lookup, record.at_us)
    if not isinstance(answer, Answer):
        answer = Answer(status=RowStatus(record.status), at_us=record.at_us, reason=record.reason)
    return replace(answer, credits=0, source=Source.LEDGER)
