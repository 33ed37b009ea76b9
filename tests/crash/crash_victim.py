"""A process to be killed: imports once, then forks a child for each case it is told of.

Talks JSON lines. ``{"case": {...}}`` forks a child that waits and answers ``{"pid": …}``; ``{"go": 1}`` lets it run and
answers ``{"status": …}`` when it has ended. In between a tracer can be attached to it.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import resource
import signal
import socket
import sqlite3
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

import cleanlist_pandas as cl
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.records import Intent, Outcome, Run, checksum, outcome_values

PR_SET_PTRACER = 0x59616D61
FIELDS = ("title", "seniority", "phone")


def enrich(case: dict[str, Any]) -> Callable[[], None]:
    """Buy the people of a frame; leave the frame, or the error and its partial frame, in a file."""
    frame = pd.read_pickle(case["frame"])
    result = os.open(case["result"], os.O_WRONLY | os.O_CREAT, 0o600)  # before any fault can hit it

    def do() -> None:
        told: dict[str, Any] = {"frame": None, "error": None}
        try:
            told["frame"] = cl.enrich(frame, **case["how"])
        except BaseException as error:  # noqa: BLE001 - handed over as it is
            told |= {
                "error": [kind.__name__ for kind in type(error).__mro__],
                "message": str(error),
                "partial": getattr(error, "partial", None),
            }
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.write(result, pickle.dumps(told))

    return do


def keep(case: dict[str, Any]) -> Callable[[], None]:
    """Use the ledger alone, without network: start a run, record groups, erase one person; tell each return.

    Each line is written to the marks in one system call after the ledger's call has returned.
    """
    path, pragmas = case["ledger"], case.get("pragmas")
    model = Path(case["marks"]).with_name("model.sqlite3")
    Ledger(model).close()
    marks = os.open(case["marks"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def mark(**what: Any) -> None:
        os.write(marks, json.dumps(what).encode() + b"\n")

    def do() -> None:
        ledger: Any = Ledger(path) if pragmas is None else WeakLedger(path, pragmas, model)
        number = case.get("run", 0)
        run = Run(id=f"run-{number}", world="sandbox:test", service="csv_row")
        mark(opened=True)
        with ledger.start(run):
            waiting: list[tuple[int, str]] = []
            for group in range(case.get("groups", 4)):
                outcomes = [outcome_of(lookup, address) for lookup, address in waiting]
                people = [f"p{number}-{group}-{n}@acme.example" for n in range(1 + group % 3)]
                granted = ledger.record(run, [Intent(address=one, fields=FIELDS, price=11) for one in people], outcomes)
                mark(
                    lookups=[[lookup, address] for lookup, address in zip(granted, people, strict=True)],
                    outcomes=[[o.lookup, o.status, o.credits, zlib.crc32(o.body)] for o in outcomes],
                )
                waiting = [(int(lookup), address) for lookup, address in zip(granted, people, strict=True)]
        if case.get("erase"):
            mark(erasing=case["erase"])
            ledger.erase(case["erase"])
            mark(erased=case["erase"])
        ledger.close()

    return do


def outcome_of(lookup: int, address: str) -> Outcome:
    """An answer whose size depends on the person: some span pages of the file."""
    size = 300 + zlib.crc32(address.encode()) % 9_000
    body = (address.encode() + b" ") * (size // len(address) + 1)
    return Outcome(lookup=lookup, status="completed", credits=11, body=body[:size])


class WeakLedger:
    """The library's tables, written in the library's transactions, on a connection with pragmas of our choice."""

    def __init__(self, path: str, pragmas: dict[str, str], model: Path) -> None:
        with closing(sqlite3.connect(model)) as like:
            tables = [row[0] for row in like.execute("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")]
            marks = {name: like.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")}
            salt = like.execute("SELECT salt FROM salt").fetchone()
        self._sql = sqlite3.connect(path, isolation_level=None)
        for name, value in pragmas.items():
            self._sql.execute(f"PRAGMA {name}={value}")
        if self._sql.execute("PRAGMA user_version").fetchone()[0]:
            return
        with self._transaction():
            for statement in filter(None, tables):
                self._sql.execute(statement)
            self._sql.execute("INSERT INTO salt VALUES (?)", salt)
            for name, value in marks.items():
                self._sql.execute(f"PRAGMA {name}={value}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._sql.execute("BEGIN IMMEDIATE")
        yield
        self._sql.execute("COMMIT")

    @contextmanager
    def start(self, run: Run) -> Iterator[None]:
        with self._transaction():
            self._sql.execute("INSERT INTO runs VALUES (?, ?, ?)", (run.id, os.getpid(), 0))
        yield

    def record(self, run: Run, intents: list[Intent], outcomes: list[Outcome]) -> list[int]:
        with self._transaction():
            rows = [(*values, checksum(values)) for values in map(outcome_values, outcomes)]
            self._sql.executemany("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            return [self._insert(run, intent) for intent in intents]

    def _insert(self, run: Run, intent: Intent) -> int:
        number = self._sql.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()[0] + 1
        values = (number, run.id, run.world, run.service, intent.address, ",".join(intent.fields), intent.price, 0)
        self._sql.execute("INSERT INTO lookups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, checksum(values)))
        return int(number)

    def close(self) -> None:
        self._sql.close()


def child(case: dict[str, Any], gate: int) -> None:
    """Wait until told, then do one case."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, -1, 0, 0, 0)  # any process of this user may trace it
    os.environ.update(case.get("env", {}))
    do = {"enrich": enrich, "keep": keep}[case["do"]](case)
    if (limit := case.get("file_size")) is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    os.write(gate, b"r")
    if os.read(gate, 1) == b"g":
        do()


def serve() -> None:
    """Fork a child for each case until the other side closes."""
    with cl.sandbox():  # imports all that is imported late, which under strace would take longer than the rest
        cl.enrich(pd.DataFrame({"email": ["warm.up@acme.example"]}), fields=FIELDS, progress=False)
    for line in sys.stdin:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if not pid:
            ours.close()
            status = 1
            try:
                child(json.loads(line)["case"], theirs.fileno())
                status = 0
            except BaseException as error:  # noqa: BLE001
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(status)
        theirs.close()
        ours.recv(1)
        print(json.dumps({"pid": pid}), flush=True)
        word = sys.stdin.readline()
        if word.strip() == '"go"':
            ours.send(b"g")
        ours.close()
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    serve()
