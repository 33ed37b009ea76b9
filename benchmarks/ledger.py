"""The ledger: CPU an answer, a million answers read back; and a finished run of a million people again."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

import cleanlist_pandas as cl
from benchmarks.lookups import FIELDS
from benchmarks.measure import Table, in_turn, measure
from cleanlist_pandas.fields import FieldName
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.records import Intent, Outcome, Run

__all__ = ["ledger"]

NOWHERE = "http://127.0.0.1:9/v1"  # a finished run asks nobody


def emails_of(people: int) -> list[str]:
    """Return invented addresses."""
    return [f"person{i}@firm{i % 5003}.example" for i in range(people)]


def body_of(number: int, email: str) -> bytes:
    """Return an answer as the service writes it; every fifth person is not known."""
    if number % 5 == 0:
        return json.dumps(
            {"status": "not_found", "csv_row": {"input_email": email}, "meta": {"credits_used": 0}}
        ).encode()
    row = {"input_email": email, "enriched_title": f"Title {number % 900}", "enriched_seniority": "director"}
    row |= {"enriched_company": f"Company {number % 50_000}, Inc."}
    meta = {"credits_used": 1, "confidence": 0.93, "request_id": f"req_{number:012d}"}
    return json.dumps({"status": "completed", "csv_row": row, "meta": meta}).encode()


def write(path: Path, emails: list[str], bodies: list[bytes], group: int, fields: Sequence[FieldName] = FIELDS) -> None:
    """Write intents and answers as a run does: of one group what was answered, of the next what is to be sent."""
    with Ledger(path) as opened:
        run = Run(id="benchmark", world="local", service="csv_row")
        with opened.start(run):
            outcomes: list[Outcome] = []
            for at in range(0, len(emails), group):
                intents = [Intent(address=one, fields=fields, price=1) for one in emails[at : at + group]]
                ids = [grant for grant in opened.record(run, intents, outcomes) if isinstance(grant, int)]
                outcomes = [
                    Outcome(lookup=lookup, status="not_found" if (at + k) % 5 == 0 else "completed",
                            credits=int((at + k) % 5 != 0), body=bodies[at + k])
                    for k, lookup in enumerate(ids)
                ]  # fmt: skip
            opened.record(run, [], outcomes)


def again(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Run again what is finished."""
    return cl.enrich(frame, FIELDS, base_url=NOWHERE, api_key="benchmark", ledger=path, progress=False)


def ledger(people: int, rounds: int, groups: tuple[int, ...] = (16, 64, 256)) -> Iterator[Table]:
    """Measure writing in groups, reading back, and a finished run."""
    with tempfile.TemporaryDirectory() as folder:
        few = max(1, people // 20)
        emails, bodies = emails_of(few), [body_of(i, email) for i, email in enumerate(emails_of(few))]
        rows = []
        for group in groups:
            took = [measure(lambda g=group, n=n: write(Path(folder) / f"{g}-{n}.sqlite3", emails, bodies, g))
                    for n in range(rounds)]  # fmt: skip
            rows.append(
                [f"{group}", *(f"{statistics.median(each) / few * 1e6:.1f}" for each in zip(*took, strict=True))]
            )
        title = f"Ledger, {few:,} intents and answers written at full durability"
        yield Table(title, ["in a group", "wall µs an answer", "CPU µs an answer"], rows)

        whole = Path(folder) / "whole.sqlite3"
        emails = emails_of(people)
        write(whole, emails, [body_of(i, email) for i, email in enumerate(emails)], 1_000)
        frame, addresses = pd.DataFrame({"email": emails}), pa.array(emails, pa.large_string())
        requests: set[int] = set()

        def read_back() -> object:
            with Ledger(whole) as opened:
                return opened.find(addresses, "local")

        def run_again() -> object:
            out = again(whole, frame)
            requests.add(out.attrs["cleanlist"]["requests"])
            return out

        took_s = in_turn({"the ledger read back": read_back, "a finished run again": run_again}, rounds)
        yield Table(
            f"{people:,} answers in the ledger; requests of the run: {', '.join(map(str, sorted(requests)))}",
            ["what", "wall s", "CPU s", "µs a person"],
            [
                [name, f"{one.wall_s:.2f}", f"{one.cpu_s:.2f}", f"{one.wall_s / people * 1e6:.2f}"]
                for name, one in took_s.items()
            ],
        )
