"""One call, read and planned: what all doors in `functions` begin with. Nothing is sent here."""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleanlist_pandas import checks
from cleanlist_pandas.checks import MISS_MAX_AGE
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import FieldName, parse_fields
from cleanlist_pandas.files import known_tables
from cleanlist_pandas.frame.addresses import mask_suppressed
from cleanlist_pandas.frame.arrays import Array, Kinds
from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.companies import company_keys, company_needs
from cleanlist_pandas.frame.existing import read_existing, read_replaced
from cleanlist_pandas.frame.identity import Parts, find_parts, is_nameable
from cleanlist_pandas.frame.keys import Keys, read
from cleanlist_pandas.frame.known import Export, Known, match_known, read_export
from cleanlist_pandas.frame.needs import Bits, Needs, bits_of, find_needs
from cleanlist_pandas.frame.suppress import read_suppress
from cleanlist_pandas.plan.buckets import NOBODY, Decision, Ints, decide_people
from cleanlist_pandas.plan.findings import parse_skip
from cleanlist_pandas.plan.lint import leave_out
from cleanlist_pandas.plan.priority import Floats, read_worth
from cleanlist_pandas.resume import Done, take_over
from cleanlist_pandas.run.holding import Holding, hold
from cleanlist_pandas.run.ledger import Ledger, default_path, own_path
from cleanlist_pandas.run.records import IN_DOUBT, Record
from cleanlist_pandas.services.service import Service
from cleanlist_pandas.settings import Settings, unset
from cleanlist_pandas.surfaces import COMPANIES, check_offer, service_of, way_for

__all__ = ["Case", "Rows", "look_again", "prepare", "read_call", "replan"]

Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a call was given, checked and read: all that is known of it without the ledger."""

    frame: pd.DataFrame = field(repr=False)
    fields: tuple[FieldName, ...]
    settings: Settings
    service: Service
    column: Hashable
    keys: Keys
    existing: Mapping[str, Array] = field(repr=False)
    replaced: Mapping[str, Array] = field(repr=False)  # values that stay only where nothing is learnt
    exports: Sequence[Export] = field(repr=False)  # the caller's tables of known people
    worth: Floats | None = field(repr=False)  # of each row
    max_credits: int | None
    screened: bool  # phones are bought in a second step, where phone_if= holds
    times: Ints | None = field(default=None, repr=False)  # how many rows of a larger frame each row stands for


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Given):
    """A call that was planned; nothing has been sent.

    Its companies, where they are looked up apart from people, are a case of their own over the same rows.
    """

    ledger: Ledger
    needs: Needs = field(repr=False)
    known: Known = field(repr=False)
    since: int | None  # look-ups after it are those of the run that is gone on with
    own: int | None  # those after it are of this very call
    began_us: int  # from which the age of answers is counted
    begun: Sequence[tuple[int, Record]] = field(default=(), repr=False)  # what the service took, in doubt so far
    working: frozenset[int] = field(default=frozenset(), repr=False)  # of it, what was asked about and has time yet
    seen: int = 0  # the newest look-up the ledger had then
    held: Holding = field(default_factory=Holding, repr=False)
    decision: Decision = field(default=NOBODY, repr=False)
    companies: Case | None = field(default=None, repr=False)

    @property
    def ceiling(self) -> int:
        """Credits the call can cost at most."""
        return int(self.decision.prices.sum()) + (self.companies.ceiling if self.companies else 0)

    @property
    def parts(self) -> Parts:
        """What is known of each person beside the address."""
        return find_parts(self.keys)

    @property
    def filled(self) -> Rows:
        """Rows that lack nothing."""
        return ~self.needs.rows

    @property
    def at_once(self) -> Case:
        """The same case, asking once about all that it sent."""
        return dataclasses.replace(self, settings=dataclasses.replace(self.settings, poll_s=0.0, job_timeout_s=0.0))

    @property
    def began(self) -> int:
        """The newest look-up before this call, or before the one it goes on with."""
        return self.seen if self.since is None else self.since


@contextmanager
def prepare(
    frame: pd.DataFrame,
    fields: Iterable[str] | str | None,
    arguments: Mapping[str, Any],
    *,
    create: bool,
    only: Mapping[str, Rows] | None = None,
    before: Done | None = None,
    since: int | None = None,
    own: int | None = None,
    began_us: int | None = None,
    times: Ints | None = None,
) -> Iterator[Case]:
    """Check everything, read the frame and plan; with `times`, each row is counted so often.

    With `create`, a ledger that is missing is made; `only` says for which rows a field is wanted at all. What the run
    `before`, which this one goes on with, was answered stands, and so does what the ledger was told after its look-up
    `since`: ``max_age=0`` is about older answers, older than `began_us`, by default now. What is in doubt after `own`
    is this call's own doing.
    """
    given = read_call(frame, fields, arguments, times)
    with _ledger(given.settings, create=create) as ledger:
        since = take_over(before, ledger) if since is None else since
        yield _plan(given, ledger, only, since=since, own=own, began_us=began_us)


def read_call(
    frame: pd.DataFrame, fields: Iterable[str] | str | None, arguments: Mapping[str, Any], times: Ints | None = None
) -> Given:
    """Check and read what a call was given."""
    settings, names = Settings.of(arguments), parse_fields(fields)
    _check_screen(arguments.get("phone_if"), names)
    max_credits, skip = checks.credits_limit(arguments.get("max_credits")), parse_skip(arguments.get("skip"))
    service = service_of(settings)
    check_offer(service, names)
    columns = find_columns(frame, arguments.get("columns"))
    priority = arguments.get("priority")
    worth = None if priority is None else read_worth(frame, priority)
    exports = [read_export(table) for table in known_tables(arguments.get("known"))]
    kinds = Kinds(settings.dtype_backend)
    existing = read_existing(frame, names, settings.on_existing, kinds, columns.as_dict().values())
    keys = leave_out(read(frame, columns), skip, times)
    return Given(
        frame=frame,
        fields=names,
        settings=settings,
        service=service,
        column=columns.email,
        keys=keys.suppress(mask_suppressed(keys.addresses, read_suppress(arguments.get("suppress")))),
        existing=existing,
        replaced=read_replaced(frame, names, settings.on_existing, kinds),
        exports=exports,
        worth=worth,
        max_credits=max_credits,
        screened=arguments.get("phone_if") is not None,
        times=times,
    )


def _plan(
    given: Given,
    ledger: Ledger,
    only: Mapping[str, Rows] | None,
    *,
    since: int | None,
    own: int | None,
    began_us: int | None,
) -> Case:
    """Plan a call by what the ledger holds."""
    keys = given.keys.suppress(_erased(given.keys, ledger, own_path(url=given.settings.base_url)))
    same = {each.name: getattr(given, each.name) for each in dataclasses.fields(given)} | {"keys": keys}
    case = Case(
        **same,
        ledger=ledger,
        needs=find_needs(keys.codes, keys.n_keys, given.fields, given.existing, only),
        known=match_known(given.exports, keys.addresses, given.fields, given.settings.max_age),
        since=since,
        own=own,
        began_us=time.time_ns() // 1000 if began_us is None else began_us,
    )
    return look_again(case)


def replan(
    case: Case,
    fields: Iterable[str],
    *,
    since: int | None,
    own: int | None = None,
    only: Mapping[str, Rows] | None = None,
) -> Case:
    """Return a plan of the same call for other fields, as the ledger has it now; nothing of it is read again."""
    given = Given(**{each.name: getattr(case, each.name) for each in dataclasses.fields(Given)})
    service, names = service_of(case.settings), parse_fields(fields)
    check_offer(service, names)
    given = dataclasses.replace(given, fields=names, service=service, screened=False)
    return _plan(given, case.ledger, only, since=since, own=own, began_us=case.began_us)


def look_again(case: Case) -> Case:
    """Return a case as the ledger has it now: who is held, in doubt, and to be bought."""
    missing = case.needs.people & ~case.known.bits
    found, seen = case.ledger.find(case.keys.addresses, case.settings.world)
    held = hold(
        found,
        missing,
        max_age=case.settings.max_age,
        miss_age=MISS_MAX_AGE,
        retry=case.settings.in_doubt == "retry",
        since=case.since,
        own=case.own,
        working=case.working,
        now_us=case.began_us,
        offered=case.service.surface.fields,
    )
    answered, doubted = _as_bits(held, missing)
    decision = decide_people(
        case.keys,
        case.fields,
        case.needs,
        known=case.known.bits,
        held=answered,
        doubted=doubted,
        offered=bits_of(case.service.surface.fields),
        nameable=is_nameable(case.parts, ways) if (ways := case.service.surface.ways) else None,
        tariff=case.service.price,
        screened=case.screened,
    )
    case = dataclasses.replace(case, service=way_for(case.service, case.settings.service, decision))
    begun = [(at, one) for at, one in found.others if one.status == IN_DOUBT and one.job is not None]
    companies = _companies(case, missing & ~answered & ~doubted)
    return dataclasses.replace(case, begun=begun, seen=seen, held=held, decision=decision, companies=companies)


def _companies(case: Case, unsaid: Bits) -> Case | None:
    """Plan the companies of a case's people: those that can tell what is `unsaid` of somebody, and may be asked."""
    service = COMPANIES.get(case.service.surface.name)
    fields = service and [name for name in case.fields if name in service.surface.fields]
    if service is None or not fields:
        return None
    keys, brought = company_keys(case.keys), service.surface.fields
    unsaid = np.where(case.ledger.is_erased(case.keys.addresses), np.uint16(0), unsaid)  # perhaps since the call began
    companies = dataclasses.replace(
        case,
        service=service,
        fields=parse_fields(brought),
        keys=keys,
        needs=company_needs(keys, case.keys, unsaid, fields, case.existing, brought=brought),
        known=match_known([], keys.addresses, fields, None),
        existing={},
        screened=False,
        companies=None,
    )
    return look_again(companies)


def _check_screen(phone_if: Any, names: Sequence[str]) -> None:
    """Refuse a screen that cannot work."""
    if phone_if is None:
        return
    if not callable(phone_if) or inspect.iscoroutinefunction(phone_if):
        raise ConfigurationError(
            'phone_if= must be a function of the frame, such as lambda d: d.enriched_seniority >= "director".'
        )
    if "phone" not in names:
        raise ConfigurationError("phone_if= decides whose phone is bought; add 'phone' to fields=, or leave it out.")


def _as_bits(held: Holding, missing: Bits) -> tuple[Bits, Bits]:
    """Return, for each person, the fields the ledger answers, and those it cannot tell about."""
    answered, doubted = np.zeros_like(missing), np.zeros_like(missing)
    answered[held.positions] = missing[held.positions]
    for at, one in held.others.items():
        unsettled = missing[at] & ~bits_of(one.lacking)
        if not one.doubts:
            answered[at] = unsettled
            continue
        in_doubt = bits_of({name for doubt in one.doubts for name in doubt.fields}) & unsettled
        by_record = bits_of({name for record in one.records for name in record.fields})
        doubted[at] = in_doubt & ~by_record
        answered[at] = unsettled & ~doubted[at]
    return answered, doubted


def _erased(keys: Keys, ledger: Ledger, usual: Path) -> Rows:
    """Return who was erased, from this ledger or from the one that is used when none is named: never is never."""
    mask: Rows = ledger.is_erased(keys.addresses)
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
    path: Path | None = default_path(settings.world) if settings.ledger is unset else settings.ledger
    if path is None or not (create or path.exists()):
        yield Ledger.in_memory()  # closed when nobody holds it any more: an interrupted run may be resumed with it
        return
    with Ledger(path) as ledger:
        yield ledger
