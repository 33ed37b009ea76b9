"""From a case to its frame: run, and join what it brought. The only part above `run` that spends."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from cleanlist_pandas.answers import Answer, at_company, combine
from cleanlist_pandas.asking import Asking, hints_of
from cleanlist_pandas.case import Case, Rows, look_again
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import RowStatus, Source
from cleanlist_pandas.frame.arrays import Kinds, first_rows, take
from cleanlist_pandas.frame.heard import Heard, facts_of
from cleanlist_pandas.frame.identity import lacking
from cleanlist_pandas.frame.join import join
from cleanlist_pandas.frame.needs import bits_of, on_rows
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
from cleanlist_pandas.run.till import Person, Wants, always
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


def buy(
    case: Case, order: Ints, who: Run, budget: Budget, stop: Stop, *, spent_s: float = 0.0, wants: Wants = always
) -> Result | None:
    """Look people up in some order. May spend up to what `budget` has left.

    Parameters
    ----------
    order : ndarray of int64
        Positions of those to buy.
    who : Run
        On whose behalf; several steps of one call are one run, whatever each asks.
    spent_s : float
        Seconds that earlier steps took of `max_seconds`.
    wants : callable
        Whether somebody still wants a look-up, asked just before it is sent.
    """
    if not len(order):
        return None
    if case.settings.api_key is None:
        raise ConfigurationError(NO_KEY)
    _claim_rivals(case, who)
    return _run(case, Asking(case, order), who, budget, stop, spent_s, wants)


def collect(case: Case, who: Run, stop: Stop, *, wait: bool = True) -> tuple[Case, Result | None]:
    """Ask what became of look-ups that an earlier run began and saw no end of; return the case as it is then.

    Free: what they cost was set aside when they were begun. What is told goes to the ledger, where it counts as new. A
    service that has time yet works on them: they are not sent again, not even with ``in_doubt="retry"``.
    """
    result = ask_begun(case if wait else case.at_once, who, stop, Budget(0))
    if result is None:
        return case, None
    since_us = (time.time() - case.settings.job_timeout_s) * 1e6
    young = {one.lookup for _, one in case.begun if one.job and one.job.at_us > since_us}
    return look_again(replace(case, working=result.begun & young)), replace(result, answers={}, rivals={})


def ask_begun(case: Case, who: Run, stop: Stop, budget: Budget) -> Result | None:
    """Ask what became of look-ups that an earlier run began, and book what they cost; None where there are none."""
    path = case.service.surface.path
    mine = [(at, one) for at, one in case.begun if SERVICES[one.service].surface.path == path]
    if not mine or case.settings.api_key is None:
        return None
    hints = hints_of(case, np.array([at for at, _ in mine], np.int64))
    lookups = [
        (at, Lookup(address=case.keys.addresses[at].as_py(), fields=one.fields, hints=known, job=one.job))
        for (at, one), known in zip(mine, hints, strict=True)
    ]
    asked = replace(case, service=SERVICES[batched_on(path)])  # it can ask about anybody's job
    return _run(asked, lookups, who, budget, stop)


def _run(
    case: Case,
    lookups: Collection[Person],
    who: Run,
    budget: Budget,
    stop: Stop,
    spent_s: float = 0.0,
    wants: Wants = always,
) -> Result:
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
            wants=wants,
            answers=Heard(case.keys.n_keys, case.fields),
        )
        return runner.run(engine.run(stop))


def steps_of(*steps: Result | None, budget: Budget) -> list[Result]:
    """Return the steps that there were, all with the books of the whole run."""
    return [replace(step, budget=budget) for step in steps if step is not None]


def join_case(
    case: Case, who: Run, steps: Sequence[Result], budget: Budget, stop: Stop, companies: Sequence[Result] = ()
) -> Done:
    """Put what is known of everybody and their companies, and what the steps of a run brought, on their rows."""
    answers, n_left = _answers(case, who, steps), 0
    learnt = on_rows(answers.learnt(case.needs.people & bits_of(case.service.surface.fields)), case.keys.codes)
    if case.companies is not None:
        firms = _answers(case.companies, who, companies)
        learnt = learnt | on_rows(firms.learnt(case.companies.needs.people), case.companies.keys.codes)
        answers, n_left = _add_companies(case, [*answers], firms), firms.statuses()[RowStatus.NOT_ATTEMPTED]
    frame = join(
        case.frame,
        case.keys.codes,
        answers,
        case.fields,
        existing=case.existing,
        replaced=case.replaced,
        learnt=learnt,
        filled=case.filled,
        kinds=Kinds(case.settings.dtype_backend),
        provenance=case.settings.provenance,
    )
    result = total([*steps, *companies])
    if stop.soft:  # too late to stop anything, but not to be told
        result = _interrupted(result or nothing_yet(budget))
    report = report_of(
        who.id, answers, result, budget.limit, fields=case.fields, column=case.column, companies_not_attempted=n_left
    )
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


def _answers(case: Case, who: Run, steps: Sequence[Result]) -> Told:
    """Return one answer for each unique person, from all that is known of them."""
    plain = (Answer(status=RowStatus.NOT_ATTEMPTED), Answer(status=RowStatus.COMPLETED, source=Source.EXISTING))
    filled = case.decision.states == State.FILLED
    informed, heard = _informed(case, steps)
    by_column, at = _read_at_once(case, informed | heard)
    left = informed | heard
    left[case.held.positions] = True
    heard_at = np.flatnonzero(heard & ~informed & ~filled)
    alone = facts_of(steps[-1].answers if steps else {}, heard_at, case.fields)
    left[np.concatenate([at, heard_at])] = False
    people = np.flatnonzero(left & ~filled).tolist()
    one_by_one = {one: _answer(case, who, one, steps) for one in people} | dict(_unnamed(case))
    facts = Facts.of([*plain, *one_by_one.values()], case.fields)
    places = filled.astype(np.int64)
    places[at] = np.arange(len(facts), len(facts) + len(at))
    places[heard_at] = np.arange(len(heard_at)) + len(facts) + len(at)
    places[[*one_by_one]] = np.arange(len(plain), len(facts))
    return Told(Facts.joined([facts, by_column, alone], case.fields), places)


def _informed(case: Case, steps: Sequence[Result]) -> tuple[Rows, Rows]:
    """Return of whom more is known than what the last step heard or one look-up settles, and of whom that heard."""
    informed, heard = np.zeros((2, case.keys.n_keys), np.bool_)
    informed[[*case.known.values, *case.held.others, *(at for step in steps for at in step.rivals)]] = True
    informed[[at for step in steps[:-1] for at in step.answers]] = True
    if steps:
        heard[[*steps[-1].answers]] = True
        informed[case.held.positions] |= heard[case.held.positions]
    return informed, heard


def _read_at_once(case: Case, informed: Rows) -> tuple[Facts, Ints]:
    """Read the answers of people of whom the ledger holds all there is to say; return also who they are."""
    held, settled = case.held, case.held.settled
    parts, who = [Facts.of([], case.fields)], [np.zeros(0, np.int64)]
    if settled is None:
        return parts[0], who[0]
    alone = ~informed[held.positions]
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
