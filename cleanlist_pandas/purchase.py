"""From a case to its frame: run, and join what it brought. The only part above `run` that spends."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from cleanlist_pandas.asking import Asking, hints_of
from cleanlist_pandas.case import Case, look_again
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.frame.arrays import Kinds
from cleanlist_pandas.frame.heard import Heard
from cleanlist_pandas.frame.join import join
from cleanlist_pandas.frame.needs import Bits, bits_of, on_rows
from cleanlist_pandas.frame.told import Told
from cleanlist_pandas.knowledge import add_companies, answers_for
from cleanlist_pandas.plan.buckets import Ints
from cleanlist_pandas.resume import Done
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.engine import Engine
from cleanlist_pandas.run.pace import pace_for
from cleanlist_pandas.run.progress import progress
from cleanlist_pandas.run.records import Claim, Run
from cleanlist_pandas.run.report import report_of
from cleanlist_pandas.run.retry import StopKind
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Limits, Result, nothing_yet, total
from cleanlist_pandas.run.till import Person, Wants, always
from cleanlist_pandas.services.http import Network
from cleanlist_pandas.services.service import Lookup, batched_on
from cleanlist_pandas.surfaces import SERVICES

NO_KEY: Final = (
    "No API key, so nothing was sent: set CLEANLIST_API_KEY or pass api_key=…; to try without a key, do it inside "
    "`with cleanlist_pandas.sandbox():`, or add --sandbox in the shell."
)

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
    working = frozenset(one.lookup for _, one in case.begun if one.job and one.job.at_us > since_us)
    return look_again(replace(case, working=working)), replace(result, answers={}, rivals={})


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
    people, firms, n_left = answers_for(case, who, steps), None, 0
    answers = people
    if case.companies is not None:
        firms = answers_for(case.companies, who, companies)
        answers, n_left = add_companies(case, [*people], firms), firms.statuses()[RowStatus.NOT_ATTEMPTED]
    frame = join(
        case.frame,
        case.keys.codes,
        answers,
        case.fields,
        existing=case.existing,
        replaced=case.replaced,
        learnt=_learnt(case, people, firms),
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


def _learnt(case: Case, people: Told, firms: Told | None) -> Bits | int:
    """Return of which fields of each row something was learnt; of none where no old value stays for want of that."""
    if not case.replaced:
        return 0
    learnt = on_rows(people.learnt(case.needs.people & bits_of(case.service.surface.fields)), case.keys.codes)
    if case.companies is None or firms is None:
        return learnt
    return np.bitwise_or(learnt, on_rows(firms.learnt(case.companies.needs.people), case.companies.keys.codes))


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
