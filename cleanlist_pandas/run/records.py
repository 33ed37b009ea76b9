"""The rows of the ledger as values, and the pure rules over them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

__all__ = [
    "IN_DOUBT",
    "RELEASED",
    "Claim",
    "Grant",
    "Intent",
    "Outcome",
    "Record",
    "Run",
    "checksum",
    "decide",
    "outcome_values",
]

RELEASED: Final = "released"  # nothing was charged: never left, or refused in a way that says so
IN_DOUBT: Final = "in_doubt"
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
    service: str = ""
    fields: Sequence[str] = ()
    credits: int = 0
    reason: str = ""
    at_us: int = 0
    body: bytes = field(default=b"", repr=False)

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
    rivals: dict[str, list[Claim]] = field(default_factory=dict, repr=False)  # others' look-ups since, by address

    def claim_on(self, intent: Intent) -> Claim | None:
        """Return another run's look-up that answers this intent too."""
        return next((c for c in self.rivals.get(intent.address, ()) if set(intent.fields) <= set(c.fields)), None)

    def disown(self, claim: Claim) -> None:
        """Forget a claim that came to nothing, so that this run may ask."""
        for claims in self.rivals.values():
            if claim in claims:
                claims.remove(claim)


def decide(
    found: Iterable[tuple[int, Record]], fields: Sequence[str], *, max_age: timedelta | None, miss_age: timedelta
) -> dict[int, list[Record]]:
    """Say, for each position, which of its records (oldest first) count: whoever is not in the answer may be bought.

    Held is who has, for each of `fields`, a record that was asked for it and is young enough; all such records are
    returned, the newest for each field. In doubt, or being asked by another run at this moment, is who has one open
    record that asks for all that is lacking. A refusal stands for a day, so that a frame whose first people are refused
    gets past them; it settles no doubt. A look-up that never left does not count.
    """
    now_us = time.time_ns() // 1000
    people: dict[int, list[Record]] = {}
    for position, record in found:
        if not record.is_void:
            people.setdefault(position, []).append(record)
    chosen = {at: _choose(records, set(fields), now_us, max_age, miss_age) for at, records in people.items()}
    return {at: records for at, records in chosen.items() if records}


def _choose(
    records: Sequence[Record], wanted: set[str], now_us: int, max_age: timedelta | None, miss_age: timedelta
) -> list[Record]:
    """Choose among one person's records."""
    newest: dict[str, Record] = {}
    opened: list[Record] = []
    refusal: list[Record] = []
    for record in records:
        asked = set(record.fields)
        if record.is_open:
            opened.append(record)
            continue
        stands = _stands(record, now_us, max_age, miss_age)
        if record.is_refusal:
            refusal = [record] if stands and wanted <= asked else refusal
            continue
        opened = [doubt for doubt in opened if not set(doubt.fields) <= asked]  # asked again since, and answered
        if stands:
            newest |= dict.fromkeys(wanted & asked, record)
    lacking = wanted - set(newest)
    if not lacking:
        return [record for record in records if any(record is one for one in newest.values())]
    return next(([doubt] for doubt in reversed(opened) if lacking <= set(doubt.fields)), refusal)


def _stands(record: Record, now_us: int, max_age: timedelta | None, miss_age: timedelta) -> bool:
    """Whether a settled answer still stands for its person."""
    own = None if record.status == "completed" else REFUSAL_AGE if record.is_refusal else miss_age
    limits = [limit for limit in (own, max_age) if limit is not None]
    return not limits or now_us - record.at_us <= min(limits).total_seconds() * 1e6


def outcome_values(outcome: Outcome) -> tuple[Any, ...]:
    """Return an outcome as its row, without the checksum."""
    return (outcome.lookup, outcome.status, outcome.credits, outcome.reason, outcome.at_us, outcome.body)


def checksum(values: Iterable[Any]) -> int:
    """CRC-32 over a row's values: catches what the disk or an editor changed silently."""
    return zlib.crc32(b"\0".join(v if isinstance(v, bytes) else str(v).encode("utf-8", "replace") for v in values))
