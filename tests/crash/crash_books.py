"""The three books compared: what the service charged, what the ledger holds, what the frame says."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

import cleanlist_pandas as cl
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.records import checksum
from cleanlist_pandas.sandbox import Sandbox, Terms

CONCURRENCY = 3
FIELDS = ("title", "seniority", "phone")
PEOPLE = [f"crash.person{n}@mirefield-foods.example" for n in range(8)]


def leads() -> pd.DataFrame:
    """Eleven rows of eight people: duplicates in other spellings, and one row without anybody."""
    emails = [*PEOPLE[:5], PEOPLE[1].upper(), *PEOPLE[5:], f" {PEOPLE[6]} ", None]
    return pd.DataFrame({"email": emails, "deal": range(len(emails))}, index=range(10, 10 + len(emails)))


def contacts() -> pd.DataFrame:
    """Ten rows of eight people at four companies, two of them without a name, one in two spellings."""
    emails = [f"crash.person{n}@mill{n % 4}.example" for n in range(8)]
    frame = pd.DataFrame({"email": [*emails, emails[1].upper(), None]}, index=range(10, 20))
    named = frame.index < 16
    frame["first_name"] = [f"Jo{n}" if is_named else None for n, is_named in enumerate(named)]
    frame["last_name"] = ["Do" if is_named else None for is_named in named]
    frame["company"] = ["Mill" if is_named else None for is_named in named]
    return frame


@dataclass(frozen=True, slots=True)
class Way:
    """How people are asked about: a surface, where it hangs, what it is asked for, and how it behaves."""

    service: str
    path: str
    fields: tuple[str, ...] = FIELDS
    terms: Terms = field(default_factory=lambda: Terms(workflow_polls=1))
    most: int = CONCURRENCY  # people whom one kill leaves in doubt
    frame: pd.DataFrame = field(default_factory=contacts)


CSV_ROW = Way("csv_row", "/v1", frame=leads())
WAYS = {
    "v2_list": Way("v2_list", "/api/v2", terms=Terms(email_imports=False), most=8),
    "v2_people": Way("v2_people", "/api/v2"),
    "companies": Way("v2_people", "/api/v2", ("title", "industry"), most=6),  # two people at each
    "legacy_v1": Way("legacy_v1", "/api/v1/public", ("company", "phone"), most=8),
    "csv_upload": Way("csv_upload", "/v1", terms=Terms(workflow_polls=1, csv_rows_at_once=2), most=8),
    "csv_upload at once": Way("csv_upload", "/v1", most=8),
}


@dataclass(slots=True)
class Scene:
    """One case: a service whose books survive, a ledger's path, and the frame."""

    root: Path
    service: Sandbox
    way: Way = CSV_ROW
    frame: pd.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        self.frame = self.way.frame.copy()

    @property
    def folder(self) -> Path:
        return self.root / "books"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite3"

    def case(self, **more: Any) -> dict[str, Any]:
        frame = self.root / "frame.pkl"
        self.frame.to_pickle(frame)
        env = {
            "CLEANLIST_BASE_URL": f"{self.service.url}{self.way.path}",
            "CLEANLIST_API_KEY": self.service.api_key,
            "CLEANLIST_LEDGER": str(self.ledger),
        }
        return {"do": "enrich", "frame": str(frame), "env": env, "how": self.how(), **more}

    def how(self) -> dict[str, Any]:
        """Return what victims and the tests' own runs are told alike."""
        same = {"concurrency": CONCURRENCY, "progress": False, "poll_s": 0.01}
        return {"service": self.way.service, "fields": list(self.way.fields), **same}

    def again(self) -> pd.DataFrame:
        """Run the same once more, undisturbed."""
        url = f"{self.service.url}{self.way.path}"
        return cl.enrich(self.frame, base_url=url, api_key=self.service.api_key, ledger=self.ledger, **self.how())


def rows_of(ledger: Path) -> list[dict[str, Any]]:
    """Read the ledger with nothing but sqlite3."""
    with sqlite_only(ledger) as sql:
        if not sql.execute("SELECT 1 FROM sqlite_master WHERE name = 'outcomes'").fetchone():
            return []  # ended before it was a ledger
        rows = sql.execute(
            "SELECT l.*, o.*, j.token FROM lookups l LEFT JOIN outcomes o ON o.lookup = l.id "
            "LEFT JOIN jobs j ON j.lookup = l.id ORDER BY l.id"
        )
        names = ("id", "run", "world", "service", "address", "fields", "price", "at_us", "sum",
                 "lookup", "status", "credits", "reason", "o_at_us", "body", "o_sum", "token")  # fmt: skip
        return [dict(zip(names, row, strict=True)) for row in rows]


@contextmanager
def sqlite_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database without the library."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def unsound(ledger: Path) -> list[str]:
    """What is wrong with the file itself: the library must open it, its pages fit together, its rows add up."""
    try:
        with Ledger(ledger) as opened:
            opened.stats()
        with sqlite_only(ledger) as sql:
            found = sql.execute("PRAGMA integrity_check").fetchone()[0]
        rows = rows_of(ledger)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the test reports
        return [f"the ledger cannot be used: {type(error).__name__}: {error}"]
    wrong = [] if found == "ok" else [f"integrity_check: {found}"]
    for row in rows:
        values = [row[name] for name in ("id", "run", "world", "service", "address", "fields", "price", "at_us")]
        if checksum(values) != row["sum"]:
            wrong.append(f"look-up {row['id']} has a wrong checksum")
        values = [row[name] for name in ("id", "status", "credits", "reason", "o_at_us", "body")]
        if row["lookup"] is not None and checksum(values) != row["o_sum"]:
            wrong.append(f"the outcome of look-up {row['id']} has a wrong checksum")
    return wrong


def compare_books(rows: Sequence[dict[str, Any]], charges: Sequence[Any], asked: Sequence[str]) -> list[str]:
    """Compare what the service charged and was asked with what the ledger holds."""
    wrong = []
    charged: Counter[str] = Counter(charge.email for charge in charges)
    wrong += [f"{email} was charged {n} times" for email, n in charged.items() if n > 1]
    held: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        held.setdefault(row["address"], []).append(row)
    wrong += [f"{email} was asked and is not in the ledger" for email in asked if email not in held]
    credits = {charge.email: charge.credits for charge in charges}
    for email in credits:
        known = held.get(email, [])
        if not any(row["status"] in (None, "in_doubt", "completed", "failed") for row in known):
            wrong.append(f"{email} was charged and the ledger knows no look-up of theirs that may cost something")
    for row in rows:
        if row["status"] not in ("completed", "not_found"):
            continue
        if row["credits"] != credits.get(row["address"], 0):
            wrong.append(f"look-up {row['id']}: {row['credits']} in the ledger, {credits.get(row['address'], 0)} paid")
        if _says_else(row, held):
            wrong.append(f"look-up {row['id']}: its bytes say something else than its row")
    return wrong


def _says_else(row: dict[str, Any], others: Iterable[str]) -> bool:
    """Whether the bytes of an answer are about other people or credits than its row."""
    if any(other.encode() in row["body"] for other in others if other != row["address"] and "@" in other):
        return True
    body = json.loads(row["body"])
    if row["service"] not in ("csv_row", "csv_upload"):
        return False
    return bool(body["meta"]["credits_used"] != row["credits"] or body["csv_row"]["input_email"] != row["address"])


def asked_of(service: Sandbox) -> list[str]:
    """Return everybody, or the domain of every company, that a request has ordered; as often as that was."""
    filed: dict[str, list[str]] = {}
    asked: list[str] = []
    for request in service.requests:
        body, path = request.body, request.path
        if not isinstance(body, dict):
            continue
        if path.endswith("/csv-import"):
            text = base64.b64decode(body["csv_content_base64"]).decode()
            rows = csv.DictReader(io.StringIO(text))
            filed[path.split("/")[-2]] = [row["email"] for row in rows if row["first_name"]]  # as the terms have it
        elif path.endswith("/enrichment/bulk"):
            asked += filed[body["list_id"]]
        elif path.endswith("/enrichment/company"):
            asked.append(body["domain"])
        elif path.endswith("/enrich/bulk"):
            asked += [contact["email"] for contact in body["contacts"]]
        elif path.endswith("/enrich/csv"):
            asked += [row["email"] for row in csv.DictReader(io.StringIO(body["csv"]))]
        elif request.email:
            asked.append(request.email)
    return asked


def untold(rows: Sequence[dict[str, Any]]) -> set[str]:
    """Return of whom it is on disk that they were sent, and neither what became of it nor who would tell."""
    open_ = [row for row in rows if row["lookup"] is None and (row["token"] is None or " ? " in row["token"])]
    return {row["address"] for row in [*open_, *(row for row in rows if row["status"] == "in_doubt")]}


def findable(charges: Sequence[Any]) -> set[str]:
    """Return who was found by list: whatever is on disk of the order, its list tells."""
    return {charge.email for charge in charges if (charge.workflow or "").startswith("bulk-enrich-")}


def compare_frames(
    frame: pd.DataFrame, expected: pd.DataFrame, *, given: pd.DataFrame | None = None, most: int = CONCURRENCY
) -> list[str]:
    """Compare a frame with an undisturbed run's: equal but for at most `most` people in doubt."""
    doubt = (frame["enriched_status"] == "in_doubt").to_numpy()
    people = frame.loc[doubt, "email"].str.strip().str.lower().nunique()
    wrong = [f"{people} people are in doubt"] if people > most else []
    given = leads() if given is None else given
    try:
        pd.testing.assert_frame_equal(frame[~doubt], expected[~doubt])
        pd.testing.assert_frame_equal(frame[list(given)], given)
    except AssertionError as error:
        wrong.append(f"the frame differs from an undisturbed run's: {str(error)[:300]}")
    return wrong


def audit_after(scene: Scene, expected: pd.DataFrame, *, most: int | None = None) -> list[str]:
    """Audit after a fault, run again undisturbed, and audit once more when the service has closed its books."""
    wrong, most = [], scene.way.most if most is None else most
    if scene.ledger.exists():
        wrong += unsound(scene.ledger)
        if wrong:
            return wrong
    before = rows_of(scene.ledger) if scene.ledger.exists() else []
    told_by_list = findable(scene.service.charges)
    wrong += compare_books(before, scene.service.charges, asked_of(scene.service))
    try:
        frame = scene.again()
    except Exception as error:  # noqa: BLE001
        return [*wrong, f"the second run failed: {type(error).__name__}: {error}"]
    wrong += compare_frames(frame, expected, given=scene.frame, most=most)
    wrong += told_of(frame, untold(before) - told_by_list)
    scene.service.stop()
    asked = asked_of(scene.service)
    wrong += [f"{email} was asked {n} times" for email, n in Counter(asked).items() if n > 1]
    wrong += unsound(scene.ledger)
    wrong += compare_books(rows_of(scene.ledger), scene.service.charges, asked)
    with Ledger(scene.ledger) as ledger:
        wrong += [f"audit(): {reason}" for reason in ledger.audit()["reason"]]
        if int(ledger.stats()["credits"]) > scene.service.charged:
            wrong.append("the ledger holds more credits than were charged")
    return wrong


def told_of(frame: pd.DataFrame, open_: set[str]) -> list[str]:
    """Say who is in doubt although it was on disk what became of them, or who would tell it."""
    doubt = (frame["enriched_status"] == "in_doubt").to_numpy()
    people = frame.loc[doubt, "email"].str.strip().str.lower()
    return [f"{one} is in doubt" for one in people if not open_ & {one, one.partition("@")[2]}]


# --- after a power loss ----------------------------------------------------------------------------------------------


def kept_after(notes: Sequence[dict[str, Any]]) -> tuple[dict[int, tuple[Any, ...]], set[str]]:
    """Return the rows that must be there after these notes of returned calls, and whom it must have forgotten."""
    rows: dict[int, tuple[Any, ...]] = {}
    gone: set[str] = set()
    for note in notes:
        for lookup, address in note.get("lookups", ()):
            rows[lookup] = (address, None, None, None)
        for lookup, *outcome in note.get("outcomes", ()):
            rows[lookup] = (rows[lookup][0], *outcome)
        if "erased" in note:
            gone.add(note["erased"])
            rows = {lookup: row for lookup, row in rows.items() if row[0] != note["erased"]}
    return rows, gone


def lost_power(state: dict[str, bytes], folder: Path, notes: Sequence[dict[str, Any]], done: int) -> list[str]:
    """Put a state on a disk and check it: exactly the rows whose commit had returned, or those of one more commit.

    `notes` are all calls that returned in the whole recording, `done` of them before the power was cut.
    """
    ledger = folder / "ledger.sqlite3"
    must, gone = kept_after(notes[:done])
    one_more, _ = kept_after(notes[: done + 1])
    wrong = [f"{who} is still in {name}" for who in gone for name, data in state.items() if who.encode() in data]
    if "ledger.sqlite3" not in state:
        return [*wrong, "the ledger is gone with rows that were committed"] if must or gone else wrong
    put(state, folder)
    if broken := unsound(ledger):
        return [*wrong, *broken]
    found = {row["id"]: _values(row) for row in rows_of(ledger)}
    if found not in (must, one_more):
        lost = [lookup for lookup in must if found.get(lookup) != must[lookup]]
        wrong.append(f"rows that were committed are lost or changed: {lost}" if lost else "half of a commit is there")
    with Ledger(ledger) as opened:
        people = pa.array(sorted(gone), pa.large_string())
        if not opened.is_erased(people).all():
            wrong.append("an erased person is no longer on the do-not-send list")
    return wrong


def _values(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a note tells of a row."""
    return row["address"], row["status"], row["credits"], None if row["body"] is None else zlib.crc32(row["body"])


def lost_power_in_a_run(state: dict[str, bytes], folder: Path, sent: set[str], rows: Sequence[Any]) -> list[str]:
    """Check a state of a whole enrich: everybody whose request had left is there; `rows` if it had returned."""
    ledger = folder / "ledger.sqlite3"
    if "ledger.sqlite3" not in state:
        return ["the ledger is gone after requests were sent"] if sent else []
    put(state, folder)
    wrong = unsound(ledger)
    if wrong:
        return wrong
    found = rows_of(ledger)
    missing = sent - {row["address"] for row in found}
    wrong += [f"{email} was sent and is not in the ledger" for email in sorted(missing)]
    lost = [row["id"] for row in rows if row not in found]
    return [*wrong, f"answers the caller has seen are lost: {lost}"] if lost else wrong


def put(state: dict[str, bytes], folder: Path) -> None:
    """Write a state's files into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in state.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
