"""What is known of everybody, from all there is: known tables, the ledger, and what a run brought. One answer each.

Pure: nothing is sent or bought here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from cleanlist_pandas.answers import Answer, at_company, combine
from cleanlist_pandas.case import Case, Rows
from cleanlist_pandas.fields import RowStatus, Source
from cleanlist_pandas.frame.arrays import first_rows, take
from cleanlist_pandas.frame.heard import facts_of
from cleanlist_pandas.frame.identity import lacking
from cleanlist_pandas.frame.needs import bits_of
from cleanlist_pandas.frame.told import Facts, Told
from cleanlist_pandas.plan.buckets import Ints, State
from cleanlist_pandas.run.records import Record, Run
from cleanlist_pandas.run.tally import Result
from cleanlist_pandas.services.many import read_rows
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Lookup, by_address
from cleanlist_pandas.surfaces import SERVICES, SHAPES

__all__ = ["add_companies", "answers_for"]

NO_COMPANY: Final = Answer(status=RowStatus.SKIPPED, reason="a free-mail address tells no company")


def answers_for(case: Case, who: Run, steps: Sequence[Result]) -> Told:
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
        if not len(chosen):  # to take nothing, Arrow copies all bodies together
            continue
        rows, people = held.rows[chosen], held.positions[chosen]
        addresses: Any = take(case.keys.addresses, people)
        facts, places = read_rows(shape, take(settled.bodies, rows), addresses, settled.times_us[rows], case.fields)
        parts.append(facts)
        who.append(people[places])
    return Facts.joined(parts, case.fields), np.concatenate(who)


def add_companies(case: Case, people: list[Answer], companies: Told) -> Told:
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
