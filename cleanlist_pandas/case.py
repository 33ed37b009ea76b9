"""One call from frame to frame: read and plan, run, join; what the doors in `functions` share."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.checks import MISS_MAX_AGE
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import FieldName, RowStatus, Source, parse_fields
from cleanlist_pandas.frame.addresses import mask_suppressed
from cleanlist_pandas.frame.arrays import Array, Kinds
from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.existing import filled_rows, read_existing
from cleanlist_pandas.frame.join import join
from cleanlist_pandas.frame.keys import Keys, read
from cleanlist_pandas.frame.suppress import read_suppress
from cleanlist_pandas.plan.buckets import Plan, State, make_plan
from cleanlist_pandas.plan.estimate import CostEstimate, estimate
from cleanlist_pandas.run import engine
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.ledger import Ledger, default_path, own_path
from cleanlist_pandas.run.pace import pace_for
from cleanlist_pandas.run.progress import progress
from cleanlist_pandas.run.records import IN_DOUBT, Claim, Record, Run, decide
from cleanlist_pandas.run.report import RunReport, report_of
from cleanlist_pandas.run.retry import StopKind
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import Limits, Result, Tally
from cleanlist_pandas.services.csv_row import CsvRow, Lookup
from cleanlist_pandas.services.http import Network
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.settings import Settings

__all__ = ["Case", "Done", "execute", "own_view", "prepare", "same_call"]

SERVICES: Mapping[str, CsvRow] = {CsvRow.name: CsvRow()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A frame that was read and planned; nothing has been sent."""

    frame: pd.DataFrame = field(repr=False)
    fields: tuple[FieldName, ...]
    settings: Settings
    service: CsvRow
    ledger: Ledger
    column: Hashable
    keys: Keys
    plan: Plan
    existing: Mapping[str, Array] = field(repr=False)
    filled: npt.NDArray[np.bool_] = field(repr=False)
    records: Mapping[int, Sequence[Record]] = field(repr=False)
    seen: int

    @property
    def estimate(self) -> CostEstimate:
        """The plan as a person reads it."""
        return estimate(self.plan, self.frame.index, self.settings.rate_per_minute, self.column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a call brought."""

    frame: pd.DataFrame = field(repr=False)
    report: RunReport
    result: Result | None
    settings: Settings
    ledger: Ledger


def own_view(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of our own over the same data: the caller may change theirs while a run goes on."""
    return frame.copy(deep=False) if isinstance(frame, pd.DataFrame) else frame


def same_call(done: Done, started_s: float) -> dict[str, Any]:
    """Return the options by which a run is gone on with, whatever was set and closed around it meanwhile.

    What the first run was answered stands, even if it was told to take nothing from the ledger.
    """
    settings, result = done.settings, done.result
    own_age = timedelta(seconds=time.monotonic() - started_s + 1)
    return {
        "max_credits": result.budget.left if result else 0,
        "base_url": settings.base_url,
        "api_key": settings.api_key,
        "service": settings.service,
        "ledger": done.ledger.path or done.ledger,
        "max_age": None if settings.max_age is None else max(settings.max_age, own_age),
    }


@contextmanager
def prepare(
    frame: pd.DataFrame, fields: Iterable[str] | str | None, arguments: Mapping[str, Any], *, create: bool
) -> Iterator[Case]:
    """Check everything, read the frame and plan; with `create`, a ledger that is missing is made."""
    settings = Settings.of(arguments)
    names = parse_fields(fields)
    service = SERVICES[settings.service or CsvRow.name]
    columns = find_columns(frame, arguments.get("columns"))
    existing = read_existing(
        frame, names, settings.on_existing, Kinds(settings.dtype_backend), columns.as_dict().values()
    )
    filled = filled_rows(existing, names, len(frame))
    keys = read(frame, columns)
    keys = keys.suppress(mask_suppressed(keys.addresses, read_suppress(arguments.get("suppress"))))
    with _ledger(settings, create=create) as ledger:
        keys = keys.suppress(_erased(keys, ledger))
        found, seen = ledger.find(keys.addresses, settings.world)
        records = decide(found, names, max_age=settings.max_age, miss_age=MISS_MAX_AGE)
        # Somebody another run is asking at this moment stays billable here; the engine waits for that answer.
        doubted = [at for at, found in records.items() if found[-1].status == IN_DOUBT]
        yield Case(
            frame=frame,
            fields=names,
            settings=settings,
            service=service,
            ledger=ledger,
            column=columns.email,
            keys=keys,
            plan=make_plan(
                keys,
                names,
                price=service.price(names),
                held=[at for at, found in records.items() if not found[-1].is_open],
                in_doubt=[] if settings.in_doubt == "retry" else doubted,
                filled_rows=filled,
            ),
            existing=existing,
            filled=filled,
            records=records,
            seen=seen,
        )


def _erased(keys: Keys, ledger: Ledger) -> npt.NDArray[np.bool_]:
    """Return who was erased, from this ledger or from the one that is used when none is named: never is never."""
    mask = ledger.is_erased(keys.addresses)
    usual = own_path()
    if usual != ledger.path and usual.exists():
        with Ledger(usual) as other:
            mask |= other.is_erased(keys.addresses)
    return mask


@contextmanager
def _ledger(settings: Settings, *, create: bool) -> Iterator[Ledger]:
    """Open the ledger that the settings name; one that was handed in open stays open."""
    if isinstance(settings.ledger, Ledger):
        yield settings.ledger
        return
    path: Path | None = default_path(settings.world) if settings.ledger is ... else settings.ledger
    if path is None or not (create or path.exists()):
        yield Ledger.in_memory()  # closed when nobody holds it any more: an interrupted run may be resumed with it
        return
    with Ledger(path) as ledger:
        yield ledger


def execute(case: Case, max_credits: int | None, stop: Stop) -> Done:
    """Run a case and join what it brought. May spend up to `max_credits` credits, or the plan's ceiling."""
    budget = Budget(case.plan.ceiling if max_credits is None else max_credits)
    who = _who(case)
    result = _run(case, who, budget, stop) if case.plan.lookups else None
    answers = _answers(case, result)
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
    if stop.soft:  # too late to stop anything, but not to be told
        result = _interrupted(result, budget)
    report = report_of(who.id, answers, result, budget.limit)
    frame.attrs["cleanlist"] = report.summary()
    return Done(frame=frame, report=report, result=result, settings=case.settings, ledger=case.ledger)


def _interrupted(result: Result | None, budget: Budget) -> Result:
    """Return a result that says so: a signal that comes before or after the sending must not be swallowed."""
    if result is None:
        result = Result(
            answers={}, rivals={}, budget=budget, tally=Tally(0), seconds=0.0, stop=None, reason="", failure=None
        )
    return result if result.stop else replace(result, stop=StopKind.INTERRUPT, reason="interrupted")


def _who(case: Case) -> Run:
    """Return this run as the ledger knows it, with the people whom other runs have in hand already."""
    who = Run(id=uuid.uuid4().hex, world=case.settings.world, service=case.service.name, seen=case.seen)
    for at, (record, *_) in case.records.items():
        if record.status == "":
            claim = Claim(record.lookup, tuple(record.fields))
            who.rivals.setdefault(case.keys.addresses[at].as_py(), []).append(claim)
    return who


def _run(case: Case, who: Run, budget: Budget, stop: Stop) -> Result:
    """Start the engine in an event loop of its own."""
    settings = case.settings
    if settings.api_key is None:
        raise ConfigurationError(
            "No API key, so nothing was sent: set CLEANLIST_API_KEY or pass api_key=…; to try without a key, do it "
            "inside `with cleanlist_pandas.sandbox():`, or add --sandbox in the shell."
        )
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
        max_seconds=settings.max_seconds,
        max_wait_s=settings.max_wait_s,
    )
    with progress(case.plan.lookups, show=settings.progress) as watch, asyncio.Runner() as runner:
        return runner.run(
            engine.run(
                _lookups(case),
                service=case.service,
                network=network,
                ledger=case.ledger,
                who=who,
                budget=budget,
                pace=pace_for(settings.base_url, key_digest),
                limits=limits,
                stop=stop,
                watch=watch,
            )
        )


def _lookups(case: Case) -> Iterator[tuple[int, Lookup]]:
    """Return position and look-up of everybody to buy, in first-seen order."""
    billable = case.plan.billable
    addresses: list[Any] = case.keys.addresses.take(billable).to_pylist()
    hints: dict[str, list[Any]] = {name: values.take(billable).to_pylist() for name, values in case.keys.hints.items()}
    for number, (position, address) in enumerate(zip(billable.tolist(), addresses, strict=True)):
        known = {name: values[number] for name, values in hints.items() if values[number] is not None}
        yield position, Lookup(address=address, fields=case.fields, hints=known)


def _answers(case: Case, result: Result | None) -> list[Answer]:
    """Return one answer for each unique person, wherever it came from."""
    plain = {
        State.BILLABLE: Answer(status=RowStatus.NOT_ATTEMPTED),
        State.FILLED: Answer(status=RowStatus.COMPLETED, source=Source.EXISTING),
        State.HELD: Answer(status=RowStatus.NOT_ATTEMPTED),
        State.IN_DOUBT: Answer(status=RowStatus.IN_DOUBT, reason="sent in an earlier run and never answered"),
    }
    answers = [plain[State(state)] for state in case.plan.states.tolist()]
    for position in np.flatnonzero(case.plan.states == State.HELD).tolist():
        answers[position] = _from_records(case, position, case.records[position])
    if result is not None:
        for position, record in result.rivals.items():
            answers[position] = _from_records(case, position, [record])
        for position, answer in result.answers.items():
            answers[position] = answer
    return answers


def _from_records(case: Case, position: int, records: Sequence[Record]) -> Answer:
    """Read what is held of one person again from the bytes it came as; of several records each adds its fields."""
    first, *others = (_from_record(case, position, record) for record in records)
    for later in others:
        if later.status is RowStatus.COMPLETED and first.status is RowStatus.COMPLETED:
            first = replace(later, values={**first.values, **later.values}, notes=(*first.notes, *later.notes))
        elif later.status is RowStatus.COMPLETED:
            first = later
    return first


def _from_record(case: Case, position: int, record: Record) -> Answer:
    """Read a held answer again from the bytes it came as."""
    if record.is_open:
        return Answer(status=RowStatus.IN_DOUBT, reason="sent by another run and never answered")
    lookup = Lookup(address=case.keys.addresses[position].as_py(), fields=case.fields)
    answer = SERVICES[record.service].read(Reply(status=200, body=record.body), lookup, record.at_us)
    if answer is None:
        answer = Answer(status=RowStatus(record.status), at_us=record.at_us, reason=record.reason)
    return replace(answer, credits=0, source=Source.LEDGER)
