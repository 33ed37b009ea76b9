"""Look-ups: the whole `enrich` (ledger, budget, join) beside a bare httpx worker loop that sends the same requests.

Both go to one sandbox in a process of its own, in turn, with new people each time. Reported: medians of wall-clock and
of CPU seconds of this process, and the ratio of the two. Nothing is asserted: the machine decides the seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pandas as pd

import cleanlist_pandas as cl

FIELDS = ["title", "seniority", "company"]


def start_sandbox(latency_ms: float) -> tuple[subprocess.Popen[str], str, str]:
    """Start a sandbox process; return it with its address and key."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cleanlist_pandas", "sandbox", "--latency-ms", str(latency_ms)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip().partition("=")[2]
    key = process.stdout.readline().strip().partition("=")[2]
    return process, url, key


async def bare_loop(emails: list[str], url: str, key: str, concurrency: int) -> None:
    """Do what a careful person would write: workers on one iterator, a connection each, JSON read."""
    queue = iter(emails)
    headers = {"Authorization": f"Bearer {key}"}
    tls = httpx.create_ssl_context()  # shared: one for each client would cost more than the requests

    async def worker() -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=30, verify=tls) as client:
            for email in queue:
                answer = await client.post(f"{url}/enrich/csv_row", json={"email": email, "fields": FIELDS})
                json.loads(answer.content)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


def measure(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall-clock and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Run both in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-bare", action="store_true", help="only our own")
    options = parser.parse_args()
    process, url, key = start_sandbox(options.latency_ms)
    number = 0

    def people() -> list[str]:
        nonlocal number
        number += 1
        return [f"person{i}.round{number}@firm{i % 997}.example" for i in range(options.people)]

    try:
        print(f"{options.people} people, {options.latency_ms:g} ms, medians of {options.rounds}")
        print(f"{'in flight':>9} {'what':<8} {'wall s':>8} {'CPU s':>8} {'CPU ms/look-up':>15} {'wall/ideal':>11}")
        for concurrency in options.concurrency:
            runs: dict[str, list[tuple[float, float]]] = {"bare": [], "enrich": []}
            for _ in range(options.rounds):
                if not options.skip_bare:
                    emails = people()
                    runs["bare"].append(measure(lambda e=emails, c=concurrency: asyncio.run(bare_loop(e, url, key, c))))
                frame = pd.DataFrame({"email": people()})
                with tempfile.TemporaryDirectory() as folder:
                    ledger = Path(folder) / "ledger.sqlite3"
                    runs["enrich"].append(
                        measure(
                            lambda f=frame, led=ledger, c=concurrency: cl.enrich(
                                f, FIELDS, base_url=url, api_key=key, ledger=led, concurrency=c, progress=False
                            )
                        )
                    )
            ideal = options.people * options.latency_ms / 1000 / concurrency
            medians = {}
            for what, times in runs.items():
                if times:
                    wall = statistics.median(t[0] for t in times)
                    cpu = statistics.median(t[1] for t in times)
                    medians[what] = wall, cpu
                    each_ms = cpu / options.people * 1000
                    print(f"{concurrency:>9} {what:<8} {wall:>8.2f} {cpu:>8.2f} {each_ms:>15.2f} {wall / ideal:>11.2f}")
            if len(medians) == 2:
                wall, cpu = (medians["enrich"][i] / medians["bare"][i] for i in (0, 1))
                print(f"{concurrency:>9} {'ratio':<8} {wall:>8.2f} {cpu:>8.2f}")
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
