"""The shell on long files: peak memory and time of a process that enriches CSV and Parquet, people held and new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from benchmarks.ledger import NOWHERE, emails_of, write
from benchmarks.lookups import FIELDS
from benchmarks.measure import Table
from benchmarks.server import Server
from cleanlist_pandas.fields import parse_fields

__all__ = ["streams"]

TEXT = pa.large_string()
ROWS_AT_ONCE = 500_000


def body_of(number: int, email: str) -> bytes:
    """Return an answer as the service writes it, with all fields; every fifth person is not known."""
    if number % 5 == 0:
        known: dict[str, Any] = {"status": "not_found", "csv_row": {"input_email": email}, "meta": {"credits_used": 0}}
        return json.dumps(known).encode()
    row = {
        "input_email": email,
        "enriched_email_status": "valid",
        "enriched_title": f"Title {number % 900}",
        "enriched_seniority": "director",
        "enriched_company": f"Company {number % 50_000}, Inc.",
        "enriched_industry": f"Industry {number % 80}",
        "enriched_size": "201-500",
        "enriched_linkedin": f"https://www.linkedin.com/in/person-{number}",
        "icp_score": number % 101,
    }
    meta = {"credits_used": 1, "confidence": 0.93, "request_id": f"req_{number:012d}", "cached": False}
    return json.dumps({"status": "completed", "csv_row": row, "meta": meta}).encode()


def tables(n_rows: int, n_people: int) -> Iterator[pa.Table]:
    """Return contacts, a tenth of them in another spelling, no row like another."""
    rng = np.random.default_rng(0)
    for at in range(0, n_rows, ROWS_AT_ONCE):
        n = min(ROWS_AT_ONCE, n_rows - at)
        people = rng.integers(0, n_people, n)
        start = pa.array(["person", "Person"], TEXT).take(pa.array((rng.random(n) < 0.1).astype(int)))
        yield pa.table(
            {
                "id": pa.array([f"{row:09}" for row in range(at, at + n)], TEXT),
                "Email": _joined(start, people, "@firm", people % 5003, ".example"),
                "First name": _joined("First", people % 3000),
                "Company": _joined("Company ", people % 50_000, ", Inc."),
                "Note": _joined("Met at booth ", people % 40, " on the second day, wants a call"),
            }
        )


def _joined(*parts: Any) -> Any:
    """Return texts put together."""
    texts = [pa.scalar(one, TEXT) if isinstance(one, str) else pa.array(one).cast(TEXT) for one in parts]
    join: Any = pc.binary_join_element_wise
    return join(*texts, pa.scalar("", TEXT))


def write_files(folder: Path, n_rows: int, n_people: int) -> None:
    """Write the same contacts as CSV and Parquet."""
    writers: list[Any] = []
    for table in tables(n_rows, n_people):
        writers = writers or [
            pa_csv.CSVWriter(folder / "in.csv", table.schema),
            pq.ParquetWriter(folder / "in.parquet", table.schema),
        ]
        for writer in writers:
            writer.write_table(table)
    for writer in writers:
        writer.close()


def run(arguments: Sequence[str], url: str = NOWHERE, key: str = "benchmark") -> tuple[float, float, int]:
    """Run the shell command; return seconds, peak memory in bytes, and the requests of the run."""
    env = {**os.environ, "CLEANLIST_BASE_URL": url, "CLEANLIST_API_KEY": key}
    command = [sys.executable, "-m", "cleanlist_pandas", *arguments, "--json"]
    start = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        out, err = child.stdout, child.stderr
        assert out is not None
        assert err is not None
        said = out.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(err.read().decode())
    return time.perf_counter() - start, usage.ru_maxrss * 1024, int(json.loads(said)["requests"])


def streams(n_rows: int, n_people: int, n_bought: int) -> Iterator[Table]:
    """Measure each way in and out once, and a first run."""
    yield held(n_rows, n_people)
    yield bought(10 * n_bought, n_bought)


def bought(n_rows: int, n_people: int) -> Table:
    """Buy people one by one and by files, from a service that answers at once."""
    rows = []
    with tempfile.TemporaryDirectory() as name, Server(0.0) as server:
        folder = Path(name)
        write_files(folder, n_rows, n_people)
        for service in ("csv_row", "csv_upload"):
            asked = ["enrich", str(folder / "in.parquet"), "-o", str(folder / "out.parquet"), "--service", service]
            asked += ["--ledger", str(folder / service), "--max-credits", f"{n_people}", "--fields", ",".join(FIELDS)]
            seconds, peak, requests = run([*asked, "--concurrency", "50"], server.url, server.key)
            rows.append([service, f"{seconds:.0f}", f"{peak / 2**30:.2f}", f"{requests:,}"])
    return Table(
        f"`enrich` of a Parquet file of {n_rows:,} rows with {n_people:,} people, none of them held, Parquet out",
        ["asked of", "wall s", "peak memory, GiB", "requests"],
        rows,
    )


def held(n_rows: int, n_people: int) -> Table:
    """Enrich files whose people are held."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emails = emails_of(n_people)
        write(
            folder / "ledger", emails, [body_of(i, email) for i, email in enumerate(emails)], 1_000, parse_fields(None)
        )
        write_files(folder, n_rows, n_people)
        rows = []
        for source, target in (("csv", "csv"), ("csv", "parquet"), ("parquet", "parquet"), ("parquet", "folder/")):
            out = str(folder / "out") + ("/" if target == "folder/" else f".{target}")
            asked = ["enrich", str(folder / f"in.{source}"), "-o", out, "--ledger", str(folder / "ledger")]
            seconds, peak, requests = run(asked)
            rows.append(
                [
                    f"{source} to {target}",
                    f"{seconds:.0f}",
                    f"{seconds / n_rows * 1e6:.1f}",
                    f"{peak / 2**30:.2f}",
                    f"{requests}",
                ]
            )
        return Table(
            f"`enrich` of files of {n_rows:,} rows with {n_people:,} people, all of them held",
            ["what", "wall s", "µs a row", "peak memory, GiB", "requests"],
            rows,
        )
