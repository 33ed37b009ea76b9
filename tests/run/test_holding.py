"""Reading a ledger by column gives what reading it row by row gives, and means the same for who is bought."""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cleanlist_pandas.errors import LedgerError
from cleanlist_pandas.frame.needs import bits_of, names_of
from cleanlist_pandas.run.found import find_settled
from cleanlist_pandas.run.holding import hold
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.pages import Odd
from cleanlist_pandas.run.records import IN_DOUBT, RELEASED, Held, Intent, Outcome, Run, decide

DAY_US = 86_400_000_000
NOW_US = 1_000 * DAY_US
PEOPLE = [f"p{at}@acme.example" for at in range(12)]
ADDRESSES = pa.array(PEOPLE, pa.large_string())
BODIES = (b"", b'{"a": "b"}', b"it's", b'\\"', "ü“".encode(), b"\xff\x00\n", b"{" + b" " * 3_000 + b"}")
REASONS = ("", "refused", "it's \\ odd", "ü\n“")


def write(ledger: Ledger, seed: int, n: int = 60) -> None:
    """Write look-ups of all kinds, in two worlds."""
    chance = random.Random(seed)
    runs = [Run(id=f"r'{at}", world=world, service=service) for at, (world, service) in
            enumerate(itertools.product(("local", "live"), ("csv_row", "adopted", "v2")))]  # fmt: skip
    for at in range(n):
        run = chance.choice(runs)
        fields = tuple(chance.sample(["title", "seniority", "phone", "industries"], chance.randint(1, 3)))
        grant = ledger.record(run, [Intent(address=chance.choice(PEOPLE), fields=fields, price=1)], [])[0]
        if not isinstance(grant, int) or chance.random() < 0.1:
            continue
        status = chance.choice(["completed"] * 4 + ["not_found"] * 2 + ["failed", RELEASED, IN_DOUBT])
        days = chance.choice([0, 1, 5, 29, 31, 89, 91])
        outcome = Outcome(
            lookup=grant, status=status, credits=chance.choice([0, 1]), reason=chance.choice(REASONS),
            body=chance.choice(BODIES), at_us=NOW_US - days * DAY_US - at,
        )  # fmt: skip
        ledger.record(run, [], [outcome])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.mark.parametrize("seed", range(8))
def test_by_column_is_row_by_row(path: Path, seed: int) -> None:
    with Ledger(path) as ledger:
        write(ledger, seed)
        ids = ledger._sql.execute("SELECT id, address FROM lookups WHERE world = 'local' ORDER BY id").fetchall()
        found, newest = ledger.find(ADDRESSES, "local")
        records = ledger.outcomes([lookup for lookup, _ in ids])
        assert found.settled is not None
        assert list(found) == [(PEOPLE.index(address), records[lookup]) for lookup, address in ids]
        assert newest == ids[-1][0]
        assert list(ledger.find(ADDRESSES[3:5], "local")[0]) == [
            (PEOPLE.index(address) - 3, records[lookup]) for lookup, address in ids if address in PEOPLE[3:5]
        ]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("how", [{}, {"retry": True}, {"since": 40}, {"max_age": None}, {"max_age": timedelta(0)}])
def test_what_is_held_by_column_is_what_is_decided(path: Path, seed: int, how: dict[str, Any]) -> None:
    """Whatever is wanted of whom."""
    chance = random.Random(seed)
    wanted = [chance.sample(["title", "seniority", "phone"], chance.randint(0, 3)) for _ in PEOPLE]
    missing = np.array([bits_of(names) for names in wanted], np.uint16)
    ages = {"max_age": timedelta(days=90), "miss_age": timedelta(days=30), "since": None, "now_us": NOW_US, **how}
    with Ledger(path) as ledger:
        write(ledger, seed, n=25)
        found, _ = ledger.find(ADDRESSES, "local")
        held = hold(found, missing, **ages)
        expected = decide(found, lambda at: names_of(int(missing[at])), **ages)
    assert dict(held) == expected
    assert len(held) == len(expected)
    assert all(dict(held)[at] == Held(records=held[at].records) for at in held.positions.tolist())


def write_many(ledger: Ledger, n: int, *, run: str = "a", world: str = "local", body: bytes = b"{}") -> list[int]:
    """Write look-ups of different people that were answered."""
    who = Run(id=run, world=world, service="csv_row", seen=ledger.newest())
    intents = [Intent(address=f"q{at}@acme.example", fields=["title"], price=1) for at in range(n)]
    ids = [grant for grant in ledger.record(who, intents, []) if isinstance(grant, int)]
    ledger.record(who, [], [Outcome(lookup=one, status="completed", body=body, at_us=NOW_US) for one in ids])
    return ids


def test_pages_are_read_without_gap_or_overlap(path: Path) -> None:
    """Of one run and of several, over the ids of erased people, and where most look-ups are somebody else's."""
    with Ledger(path) as ledger:
        write_many(ledger, 10_500)
        for at in range(9_990, 10_010, 3):
            ledger.erase(f"q{at}@acme.example")
        write(ledger, 1)
        write_many(ledger, 10_500, run="b", world="live")
        last = write_many(ledger, 5_500, run="c")
        ids = [row[0] for row in ledger._sql.execute("SELECT id FROM lookups WHERE world = 'local' ORDER BY id")]
        addresses = pa.array([*(f"q{at}@acme.example" for at in range(10_500)), *PEOPLE], pa.large_string())
        found, newest = ledger.find(addresses, "local")
        few = ledger.find(addresses[5_400::20], "local")[0].settled
        assert found.settled is not None
        assert few is not None
    assert sorted([*found.settled.lookups.tolist(), *(one.lookup for _, one in found.others)]) == ids
    assert newest == last[-1]
    theirs = [at for at, place in zip(found.settled.lookups, found.settled.positions, strict=True) if place in
              range(5_400, len(addresses), 20)]  # fmt: skip
    assert few.lookups.tolist() == theirs


class Between:
    """A connection that lets another run write behind the first page of look-ups that is read."""

    def __init__(self, sql: Any, other: Ledger) -> None:
        self.sql, self.other = sql, other
        self.n_pages, self.wrote = 0, [0]

    def execute(self, query: str, values: Any = ()) -> Any:
        if self.n_pages == 1 and self.wrote == [0]:
            self.wrote = write_many(self.other, 12, run="other")
        self.n_pages += query.startswith("SELECT max(id)")
        return self.sql.execute(query, values)


def test_what_is_written_behind_a_page_meanwhile_is_not_passed_over(path: Path) -> None:
    with Ledger(path) as ledger, Ledger(path) as other:
        write_many(ledger, 5)
        watched = Between(ledger._sql, other)
        settled, _, newest = find_settled(watched, pa.array(["q11@acme.example"], pa.large_string()), "local")
    assert settled is not None
    assert settled.lookups.tolist() == [watched.wrote[11]] == [newest]


def test_more_bytes_than_fit_into_one_cell_of_sqlite_are_read_by_column() -> None:
    """Of 1 MB each, as the longest answers are."""
    ledger, body = Ledger.in_memory(), b"x" * 1_000_000
    ids = write_many(ledger, 230, body=body)
    addresses = pa.array([f"q{at}@acme.example" for at in range(230)], pa.large_string())
    settled, _, _ = find_settled(ledger._sql, addresses, "local")
    assert settled is not None
    assert settled.lookups.tolist() == ids
    assert {len(one) for one in settled.bodies.chunks} <= {57, 58}
    assert settled.record(229).body == body


def test_a_text_with_the_sign_that_parts_texts_is_read_row_by_row(path: Path) -> None:
    with Ledger(path) as ledger:
        run = Run(id="a", world="local", service="csv_row")
        ids = ledger.record(run, [Intent(address=PEOPLE[0], fields=["title"], price=1)], [])
        assert isinstance(ids[0], int)
        ledger.record(run, [], [Outcome(lookup=ids[0], status="failed", reason="a\x1fb")])
        found, _ = ledger.find(ADDRESSES, "local")
    assert found.settled is None
    assert [(at, one.reason) for at, one in found] == [(0, "a\x1fb")]


def test_somebody_is_held_by_column(path: Path) -> None:
    """Else the two tests above would compare nothing."""
    with Ledger(path) as ledger:
        run = Run(id="a", world="local", service="csv_row")
        ids = ledger.record(run, [Intent(address=one, fields=["title"], price=1) for one in PEOPLE], [])
        ledger.record(run, [], [Outcome(lookup=n, status="completed", at_us=NOW_US) for n in ids if isinstance(n, int)])
        ages: dict[str, Any] = {"max_age": None, "miss_age": timedelta(1), "since": None, "now_us": NOW_US}
        held = hold(ledger.find(ADDRESSES, "local")[0], np.full(12, bits_of(["title"])), **ages)
    assert (held.positions.tolist(), held.others) == (list(range(12)), {})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outcomes SET body = CAST(body AS TEXT)",
        "UPDATE outcomes SET credits = credits + 1",
        "UPDATE outcomes SET status = 'not_found'",
        "UPDATE outcomes SET checksum = checksum + 1",
        "UPDATE outcomes SET body = CAST(x'ff' || body AS BLOB)",
        "UPDATE lookups SET address = 'q' || address",
        "UPDATE lookups SET fields = 'phone'",
        "UPDATE lookups SET world = 'live'",
        "UPDATE lookups SET at_us = at_us + 0.5",
        "UPDATE lookups SET run = CAST('a' AS BLOB)",
        "UPDATE lookups SET service = 'csv_rov'",
        "UPDATE lookups SET price = 1.5",
        "UPDATE lookups SET price = 'x'",
        "UPDATE outcomes SET at_us = 9e999",
        "UPDATE outcomes SET reason = CAST('' AS BLOB)",
    ],
)
def test_a_changed_row_is_odd_by_column_and_refused_row_by_row(path: Path, change: str) -> None:
    with Ledger(path) as ledger:
        run = Run(id="a", world="local", service="csv_row")
        ids = ledger.record(run, [Intent(address=one, fields=["title"], price=1) for one in PEOPLE], [])
        done = [Outcome(lookup=n, status="completed", body=json.dumps({"n": n}).encode()) for n in ids if n]  # type: ignore[misc]
        ledger.record(run, [], done)
    with closing(sqlite3.connect(path, check_same_thread=False)) as plain:
        table = "lookup" if "outcomes" in change else "id"
        plain.execute(f"{change} WHERE {table} = 7")
        plain.commit()
        with pytest.raises(Odd):
            find_settled(plain, ADDRESSES, "local")
    with Ledger(path) as ledger, pytest.raises(LedgerError, match=r"damaged row \(look-up 7\)"):
        ledger.find(ADDRESSES, "local")
