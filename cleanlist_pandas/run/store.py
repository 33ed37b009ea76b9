"""What a run asks of the ledger: who is held, may this one be sent, here is what became of them.

A look-up is one row when it is about to leave and one more when its fate is known. These are never changed. What is not
yet known of a look-up whose process is gone is *in doubt*: it may have been charged.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.errors import ConfigurationError, LedgerError
from cleanlist_pandas.run.adopt import Adopted
from cleanlist_pandas.run.found import Found, find_settled
from cleanlist_pandas.run.lease import Lease, lease_is_held
from cleanlist_pandas.run.ledger_file import (
    PAGE_ROWS,
    damaged_row,
    open_file,
    open_memory,
    paged,
    transaction,
    translated,
)
from cleanlist_pandas.run.pages import Odd
from cleanlist_pandas.run.records import (
    Claim,
    Grant,
    Intent,
    Outcome,
    Record,
    Run,
    checksum,
    job_values,
    outcome_values,
)
from cleanlist_pandas.run.rows import HAS_JOB, OPEN_JOBS, ROWS, as_lookup, names_in, read_row
from cleanlist_pandas.services.service import Job, Lookup

__all__ = ["Store"]


class Store:
    """An open ledger as a run sees it.

    Parameters
    ----------
    path : Path or None
        The file, made if missing; None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._sql: sqlite3.Connection = open_memory() if path is None else open_file(path)
        self._pid = os.getpid()
        self._finalizer = weakref.finalize(self, _close, self._sql, self._pid)
        self._last_id = 0
        self._lock = threading.RLock()  # one connection, perhaps used by several runs of this process
        self._leases: dict[str, Lease] = {}  # of those runs; in memory nothing else tells that they are alive
        self._salt: bytes = self._sql.execute("SELECT salt FROM salt").fetchone()[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path) if self.path else 'in memory'!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the object cannot be used afterwards."""
        self._finalizer()

    def is_same(self, other: Store) -> bool:
        """Whether both write to one ledger, so that an id means the same look-up in both."""
        return self is other or (self.path is not None and self.path == other.path)

    def newest(self) -> int:
        """Return the id of the newest look-up there ever was; ids are never used twice."""
        with self._reading():
            return self._newest()

    def is_erased(self, addresses: pa.LargeStringArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return, for each address, whether its person was erased."""
        with self._reading():
            digests = {row[0] for row in self._sql.execute("SELECT digest FROM erased")}
        if not digests:
            return np.zeros(len(addresses), bool)
        return np.array([self._digest(one or "") in digests for one in addresses.to_pylist()], np.bool_)

    def find(self, addresses: pa.LargeStringArray, world: str) -> tuple[Found, int]:
        """Return all look-ups of these people, oldest first, and the newest id there is."""
        with self._reading():
            try:
                settled, others, newest = find_settled(self._sql, addresses, world)
            except Odd:
                settled, (others, newest) = None, self._find_row_by_row(addresses, world)
            records = self._records([lookup for _, lookup in others])
        # A row may have been erased between the two readings: then nobody holds it.
        return Found(settled, [(at, records[lookup]) for at, lookup in others if lookup in records]), newest

    def _find_row_by_row(self, addresses: pa.LargeStringArray, world: str) -> tuple[list[tuple[int, int]], int]:
        """Return (position, id) of all look-ups of these people; say which row is damaged if one is."""
        rows = [(row[0], row[4]) for row in self._sound_lookups() if row[2] == world]
        place: Any = pc.index_in(pa.array([address for _, address in rows], pa.large_string()), value_set=addresses)
        found = zip(place.to_pylist(), (lookup for lookup, _ in rows), strict=True)
        return [(at, lookup) for at, lookup in found if at is not None], rows[-1][0] if rows else 0

    def asked_by(self, run: str) -> pa.LargeStringArray | None:
        """Return whom a run asked about, companies left out; None if this ledger knows no such run."""
        with self._reading():
            if not self._sql.execute("SELECT 1 FROM runs WHERE run = ?", (run,)).fetchone():
                return None
            whom = "SELECT DISTINCT address FROM lookups WHERE run = ? AND instr(address, '@')"
            return pa.array([row[0] for row in self._sql.execute(whom, (run,))], pa.large_string())

    def outcomes(self, lookups: Iterable[int]) -> dict[int, Record]:
        """Return what is known now of look-ups another run made; those it is still asking have no status."""
        with self._reading():
            return self._records(list(lookups))

    def has_job(self, beginning: str) -> bool:
        """Whether the service took a look-up under a token that begins so, told by now or not."""
        with self._reading():
            return self._sql.execute(HAS_JOB, (beginning,)).fetchone() is not None

    def taken_with(self, beginning: str) -> list[Lookup]:
        """Return the look-ups that the service took under a token that begins so, and whose end is not known."""
        with self._reading():
            rows = self._rows([row[0] for row in self._sql.execute(OPEN_JOBS, (beginning,))])
            return [as_lookup(row, self._record(row, {row[1]: False})) for row in rows.values()]

    def record(
        self, run: Run, intents: Sequence[Intent], outcomes: Sequence[Outcome], jobs: Sequence[Job] = ()
    ) -> list[Grant]:
        """Write intents, jobs and outcomes, all or none, durably; give each intent its id or why it must not be sent.

        Outcomes and jobs may be written twice: a commit that failed may have reached the disk all the same. A look-up's
        newest job counts. Those whose person was erased meanwhile are dropped.
        """
        if intents and run.id in self._leases:
            self._leases[run.id].renew()
        with self._writing():
            self._settle(outcomes)
            self._sql.executemany(
                "INSERT OR REPLACE INTO jobs SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM lookups WHERE id = ?1)",
                [(*values, checksum(values)) for values in map(job_values, jobs)],
            )
            if intents:
                self._look_around(run)
                self._last_id = self._newest()
            grants = [self._grant(run, intent) for intent in intents]
        run.written = max([run.written, *(grant for grant in grants if isinstance(grant, int))])
        return grants

    def take_in(self, run: Run, answers: Sequence[Adopted]) -> int:
        """Write answers that were given elsewhere, all or none; return of how many people they were news.

        Who is erased stays erased; what the ledger has been told already, at that time or later, is not told again.
        """
        addresses = pa.array([answer.address for answer in answers], pa.large_string())
        erased = self.is_erased(addresses)
        known: dict[str, list[Record]] = {}
        for at, record in self.find(addresses, run.world)[0]:
            known.setdefault(answers[at].address, []).append(record)
        news = [
            answer
            for at, answer in enumerate(answers)
            if not erased[at] and not any(_covers(record, answer) for record in known.get(answer.address, ()))
        ]
        with self._writing():
            self._last_id = self._newest()
            for answer in news:
                lookup = self._insert(run, Intent(address=answer.address, fields=answer.fields, price=0))
                outcome = Outcome(lookup=lookup, status=answer.status, body=answer.body, at_us=answer.at_us)
                self._settle([outcome])
        return len({answer.address for answer in news})

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes that could not be written when their run ended."""
        with self._writing():
            self._settle(outcomes)

    @contextmanager
    def start(self, run: Run) -> Iterator[None]:
        """Hold the run's lease for a block: as long as it is held, its look-ups are being asked, not in doubt."""
        with self._holding(run.id):
            with self._writing():
                self._sql.execute(
                    "INSERT OR IGNORE INTO runs VALUES (?, ?, ?)", (run.id, os.getpid(), time.time_ns() // 1000)
                )
            yield

    @contextmanager
    def alone(self, plan: str) -> Iterator[None]:
        """Let no other run go by a plan for a block."""
        if self._is_alive(plan):
            raise ConfigurationError(
                "Another run by this plan is going on; nothing was sent. Wait until it has ended, then run this again: "
                "it goes on with what is left of the plan's budget."
            )
        with self._holding(plan):
            yield

    @contextmanager
    def _holding(self, name: str) -> Iterator[None]:
        """Hold the lease of a run or a plan for a block."""
        with Lease(self.path, name) as lease:
            self._leases[name] = lease
            try:
                yield
            finally:
                del self._leases[name]

    def _is_alive(self, name: str) -> bool:
        """Whether a run, or one by a plan, is going on, here or in another process."""
        return name in self._leases or lease_is_held(self.path, name)

    def _settle(self, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes."""
        self._sql.executemany(
            "INSERT OR IGNORE INTO outcomes SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 "
            "WHERE EXISTS (SELECT 1 FROM lookups WHERE id = ?1)",
            [(*values, checksum(values)) for values in map(outcome_values, outcomes)],
        )

    def _look_around(self, run: Run) -> None:
        """Note the look-ups that other runs wrote since this one looked last."""
        rows = self._sql.execute(
            "SELECT id, address, fields FROM lookups WHERE id > ? AND run != ? AND world = ?",
            (run.seen, run.id, run.world),
        )
        for lookup, address, fields in rows:
            run.rivals.setdefault(address, []).append(Claim(lookup, names_in(fields)))
            run.seen = max(run.seen, lookup)

    def _newest(self) -> int:
        newest: int = self._sql.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()[0]
        return newest

    def _grant(self, run: Run, intent: Intent) -> Grant:
        """Write one intent, unless its person was erased meanwhile or another run was faster."""
        digest = self._digest(intent.address)
        if self._sql.execute("SELECT 1 FROM erased WHERE digest = ?", (digest,)).fetchone():
            return None
        return run.claim_on(intent) or self._insert(run, intent)

    def _insert(self, run: Run, intent: Intent) -> int:
        """Write one intent."""
        fields = ",".join(intent.fields)
        self._last_id += 1  # ours to give: the checksum covers it too, so that no row can take another one's answer
        values = (
            self._last_id, run.id, run.world, run.service, intent.address, fields, intent.price, time.time_ns() // 1000,
        )  # fmt: skip
        self._sql.execute("INSERT INTO lookups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, checksum(values)))
        run.seen = self._last_id
        return self._last_id

    def _sound_lookups(self) -> Iterator[tuple[Any, ...]]:
        """Read all look-ups, each checked: one whose address was changed would be bought again."""
        columns = "id, run, world, service, address, fields, price, at_us, checksum"
        for row in paged(self._sql, f"SELECT {columns} FROM lookups l"):  # noqa: S608 - constants
            if checksum(row[:8]) != row[8]:
                raise damaged_row(self.path, row[0])
            yield row

    def _records(self, lookups: Sequence[int]) -> dict[int, Record]:
        """Read look-ups and their outcomes by id, each checked against its checksum."""
        rows = self._rows(lookups)
        running = {run: self._is_alive(run) for run in {row[1] for row in rows.values() if row[9] is None}}
        # A run writes and then lets go: what was open before it was seen to be gone may not be any more.
        rows |= self._rows([lookup for lookup, row in rows.items() if row[9] is None and not running[row[1]]])
        return {lookup: self._record(row, running) for lookup, row in rows.items()}

    def _rows(self, lookups: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """Read look-ups and their outcomes by id, page by page."""
        pages = (json.dumps(lookups[at : at + PAGE_ROWS]) for at in range(0, len(lookups), PAGE_ROWS))
        return {row[0]: row for page in pages for row in self._sql.execute(ROWS, (page,)).fetchall()}

    def _record(self, row: tuple[Any, ...], running: dict[str, bool]) -> Record:
        """Return one row as a record, or refuse a row that was changed behind our back."""
        record = read_row(row, running)
        if record is None:
            raise damaged_row(self.path, row[0])
        return record

    def _digest(self, address: str) -> bytes:
        """Return the salted hash by which an erased person is recognised."""
        return hashlib.blake2b(address.encode(), key=self._salt, digest_size=32).digest()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        if os.getpid() != self._pid:  # SQLite's locks and ours do not survive a fork
            raise LedgerError(
                f"The ledger {self.path or 'in memory'} was opened in another process; nothing was sent. Open it anew "
                "in this one, with cl.Ledger(…), or pass its path."
            )
        with self._lock, translated(self.path):
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._reading(), transaction(self._sql):
            yield


def _covers(record: Record, answer: Adopted) -> bool:
    """Whether a record says all that an answer given elsewhere does, and as late."""
    settled = not record.is_open and not record.is_void and not record.is_refusal
    return settled and set(answer.fields) <= set(record.fields) and record.at_us >= answer.at_us


def _close(connection: sqlite3.Connection, pid: int) -> None:
    """Close a ledger; not in a forked child, which would roll back what its parent is writing."""
    if os.getpid() == pid:
        connection.close()
