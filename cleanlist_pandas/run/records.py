"""The rows of the ledger as values, and the pure rules over them."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

from cleanlist_pandas.services.service import Job

__all__ = [
    "ADOPTED",
    "IN_DOUBT",
    "PENDING",
    "RELEASED",
    "Claim",
    "Grant",
    "Held",
    "Intent",
    "Outcome",
    "Record",
    "Run",
    "checksum",
    "decide",
    "job_values",
    "oldest_us",
    "outcome_values",
]

RELEASED: Final = "released"  # nothing was charged: never left, or refused in a way that says so
IN_DOUBT: Final = "in_doubt"
PENDING: Final = "pending"  # in doubt, and the service will tell: nothing is written of it before that
ADOPTED: Final = "adopted"  # as service: an answer taken from an export, not from a look-up of ours
REFUSAL_AGE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A look-up about to be sent."""

    address: str = field(repr=False)
    fields: Sequence[str]
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a look-up: a row status, ``released`` or ``in_doubt``; the body as it came."""

    lookup: int
    status: str
    credits: int = 0
    reason: str = ""
    body: bytes = field(default=b"", repr=False)
    at_us: int = field(default_factory=lambda: time.time_ns() // 1000)


@dataclass(frozen=True, slots=True)
class Claim:
    """Another run sent this person's look-up first: its id, and what it asks for."""

    lookup: int
    fields: tuple[str, ...] = ()


Grant: TypeAlias = "int | Claim | None"
"""What an intent became: its id on disk, another run's claim, or nothing because the person was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the ledger holds about one person for the fields asked."""

    status: str  # a row status, in_doubt, or "" while another run is asking
    lookup: int
    run: str = ""
    service: str = ""
    fields: Sequence[str] = ()
    credits: int = 0
    reason: str = ""
    at_us: int = 0
    body: bytes = field(default=b"", repr=False)
    job: Job | None = None  # by which the service tells what became of it

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet what became of it."""
        return self.status in (IN_DOUBT, "")

    @property
    def is_void(self) -> bool:
        """Whether it was never asked: asking is no second time."""
        return self.status == RELEASED

    @property
    def is_refusal(self) -> bool:
        """Whether the service would not answer, for nothing; says nothing of what was sent before."""
        return self.status == "failed" and self.credits == 0


@dataclass(slots=True, kw_only=True)
class Run:
    """Who writes: one call of `enrich`."""

    id: str
    world: str
    service: str
    seen: int = 0  # the newest look-up this run knows of
    written: int = 0  # the newest of its own that is on disk
    rivals: dict[str, list[Claim]] = field(default_factory=dict, repr=False)  # others' look-ups since, by address

    def claim_on(self, intent: Intent) -> Claim | None:
        """Return another run's look-up that asks for some of the same: what it brings need not be bought."""
        return next((c for c in self.rivals.get(intent.address, ()) if not {*intent.fields}.isdisjoint(c.fields)), None)

    def disown(self, claim: Claim) -> None:
        """Forget a claim that came to nothing, so that this run may ask."""
        for claims in self.rivals.values():
            if claim in claims:
                claims.remove(claim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the ledger says of one person for the fields that are wanted."""

    records: tuple[Record, ...] = ()  # settled ones that count, oldest first; each brings some of the fields
    doubts: tuple[Record, ...] = ()  # sent and never answered; what they ask for is not asked again
    rivals: tuple[Record, ...] = ()  # other runs are asking for some of what is lacking at this moment
    lacking: frozenset[str] = frozenset()  # what is to be bought; nothing that a refusal of today says no to


def decide(
    found: Iterable[tuple[int, Record]],
    wanted: Callable[[int], Collection[str]],
    *,
    max_age: timedelta | None,
    miss_age: timedelta,
    retry: bool = False,
    since: int | None = None,
    own: int | None = None,
    working: Collection[int] = (),
    now_us: int | None = None,
    offered: Collection[str] | None = None,
) -> dict[int, Held]:
    """Say, for each position, what its records (oldest first) are worth; who is not in the answer lacks all.

    A field is held by the newest record that asked for it and is young enough. What an open record asks for is in doubt
    and not bought, unless `retry`. A refusal stands for a day, so that a frame whose first people are refused gets past
    them; it settles no doubt. A look-up that never left does not count. Look-ups after `since` are those of the run
    that is gone on with: their answers stand whatever clocks say. Those after `own` are of this very call: what they
    left in doubt is not sent again, nor is what the service is `working` on. An answer's age is that at `now_us`, as
    the call began. A refusal counts for those fields that are `offered`, by default all: what nobody would be asked for
    was not refused.
    """
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    paid_us, missed_us, refused_us = (oldest_us(now_us, max_age, own_age) for own_age in (None, miss_age, REFUSAL_AGE))

    def stands(record: Record) -> bool:
        oldest_us = paid_us if record.status == "completed" else refused_us if record.is_refusal else missed_us
        return record.at_us >= oldest_us or (since is not None and record.lookup > since)

    def is_retried(record: Record) -> bool:
        is_old = own is None or record.lookup <= own
        return retry and record.status == IN_DOUBT and is_old and record.lookup not in working

    people: dict[int, list[Record]] = {}
    for position, record in found:
        if not (record.is_void or is_retried(record)):
            people.setdefault(position, []).append(record)
    return {at: _choose(records, frozenset(wanted(at)), stands, offered) for at, records in people.items()}


def _choose(
    records: Sequence[Record],
    wanted: frozenset[str],
    stands: Callable[[Record], bool],
    offered: Collection[str] | None,
) -> Held:
    """Choose among one person's records."""
    counting: list[Record] = []  # these three from the newest back
    opened: list[Record] = []
    answered: list[frozenset[str]] = []
    refusal: Record | None = None
    lacking = wanted
    for record in reversed(records):
        asked = frozenset(record.fields)
        if record.is_open:
            if not any(asked <= later for later in answered):  # else asked again since, and answered
                opened.append(record)
        elif record.is_refusal:
            refusal = refusal or (record if stands(record) else None)
        else:
            answered.append(asked)
            if lacking & asked and stands(record):
                counting.append(record)
                lacking -= asked
        if not lacking:
            return Held(records=tuple(reversed(counting)))
    return _what_is_open(tuple(reversed(counting)), opened[::-1], refusal, lacking, offered)


def _what_is_open(
    counting: tuple[Record, ...],
    opened: Sequence[Record],
    refusal: Record | None,
    lacking: frozenset[str],
    offered: Collection[str] | None,
) -> Held:
    """Say what of the lacking fields may be bought."""
    newest = {name: one for one in opened for name in lacking & set(one.fields)}
    still = [one for one in opened if any(one is each for each in newest.values())]
    doubts = tuple(one for one in still if one.status == IN_DOUBT)
    rivals = tuple(one for one in still if one.status == "")
    lacking -= {name for name, one in newest.items() if one.status == IN_DOUBT}
    asks = lacking if offered is None else lacking & set(offered)
    if asks and refusal is not None and not rivals and asks <= set(refusal.fields):
        return Held(records=(*counting, refusal), doubts=doubts, lacking=lacking - asks)
    return Held(records=counting, doubts=doubts, rivals=rivals, lacking=lacking)


def oldest_us(now_us: int, *ages: timedelta | None) -> float:
    """Return from when on an answer is younger than all of some ages; None is any age."""
    limits = [age for age in ages if age is not None]
    return now_us - min(limits).total_seconds() * 1e6 if limits else -math.inf


def job_values(job: Job) -> tuple[Any, ...]:
    """Return a job as its row, without the checksum."""
    return (job.lookup, job.token, job.at_us)


def outcome_values(outcome: Outcome) -> tuple[Any, ...]:
    """Return an outcome as its row, without the checksum; words of ours become plain text, as they will be read."""
    return (outcome.lookup, str(outcome.status), outcome.credits, str(outcome.reason), outcome.at_us, outcome.body)


def checksum(values: Iterable[Any]) -> int:
    """CRC-32 over a row's values and types: catches what the disk or an editor changed silently."""
    return zlib.crc32(ascii(tuple(values)).encode())
