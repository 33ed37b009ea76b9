"""Look-ups: the whole `enrich` (ledger, budget, join) beside a bare httpx worker loop that sends the same requests."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import httpx
import pandas as pd

import cleanlist_pandas as cl
from benchmarks.measure import Table, in_turn
from benchmarks.server import Server

__all__ = ["FIELDS", "bare_loop", "enrich", "lookups"]

FIELDS = ["title", "seniority", "company"]


async def bare_loop(emails: Sequence[str], server: Server, concurrency: int) -> None:
    """Do what a careful person would write: workers on one iterator, a connection each, JSON read."""
    queue = iter(emails)
    headers = {"Authorization": f"Bearer {server.key}"}
    tls = httpx.create_ssl_context()  # shared: one for each client would cost more than the requests

    async def worker() -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=30, verify=tls) as client:
            for email in queue:
                answer = await client.post(f"{server.url}/enrich/csv_row", json={"email": email, "fields": FIELDS})
                json.loads(answer.content)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


def enrich(frame: pd.DataFrame, server: Server, concurrency: int) -> pd.DataFrame:
    """Run the whole of it, with a ledger on disk."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.sqlite3"
        return cl.enrich(
            frame, FIELDS, base_url=server.url, api_key=server.key, ledger=ledger, concurrency=concurrency,
            progress=False,
        )  # fmt: skip


def lookups(people: int, latency_s: float, concurrencies: Sequence[int], rounds: int) -> Iterator[Table]:
    """Give new people to both in turn, at each number in flight."""
    numbers = count()

    def emails() -> list[str]:
        number = next(numbers)
        return [f"person{i}.round{number}@firm{i % 997}.example" for i in range(people)]

    rows = []
    with Server(latency_s) as server:
        for concurrency in concurrencies:
            works: dict[str, Callable[[], object]] = {
                "bare": lambda c=concurrency: asyncio.run(bare_loop(emails(), server, c)),
                "enrich": lambda c=concurrency: enrich(pd.DataFrame({"email": emails()}), server, c),
            }
            took = in_turn(works, rounds)
            bare, ours, ideal_s = took["bare"], took["enrich"], people * latency_s / concurrency
            rows.append(
                [
                    f"{concurrency}",
                    f"{bare.cpu_s / people * 1e3:.2f}",
                    f"{ours.cpu_s / people * 1e3:.2f}",
                    f"{ours.cpu_s / bare.cpu_s:.2f}",
                    f"{ours.wall_s:.2f}",
                    f"{ours.wall_s / bare.wall_s:.2f}",
                    f"{ours.wall_s / ideal_s:.2f}" if ideal_s else "-",
                    f"{bare.wall_s / ideal_s:.2f}" if ideal_s else "-",
                    f"{server.seen()['max_in_flight']}",
                ]
            )
    yield Table(
        f"{people:,} look-ups at {latency_s * 1e3:g} ms, beside a bare httpx worker loop",
        ["in flight", "bare CPU ms", "enrich CPU ms", "CPU ratio", "wall s", "wall ratio", "wall / ideal",
         "bare / ideal", "most in flight"],
        rows,
    )  # fmt: skip
