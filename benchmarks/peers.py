"""Peers on the same server and frame: requests sent, wall-clock, CPU. What is not installed is said to be missing."""

from __future__ import annotations

import asyncio
import json
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import httpx
import numpy as np
import pandas as pd

from benchmarks.lookups import FIELDS, bare_loop, enrich
from benchmarks.measure import Table, measure
from benchmarks.server import Server

__all__ = ["peers"]


def frame_of(n_rows: int, n_people: int, number: int) -> pd.DataFrame:
    """Return rows of some people, everybody at least once, some in capitals or with white space."""
    rng = np.random.default_rng(0)
    people = np.append(np.arange(n_people), rng.integers(0, n_people, n_rows - n_people))
    rng.shuffle(people)
    forms = ("{}", "{}", "{}", " {}", "{} ", "P{}")
    emails = [f"person{i}.round{number}@firm{i % 97}.example" for i in people.tolist()]
    spelt = [forms[k] for k in rng.integers(0, len(forms), n_rows).tolist()]
    return pd.DataFrame({"email": [f.format(e[1:] if f[0] == "P" else e) for f, e in zip(spelt, emails, strict=True)]})


class Asker:
    """Asks about one address, with a client for each thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._own = threading.local()
        self._tls = httpx.create_ssl_context()

    def __call__(self, email: str) -> str | None:
        """Return the title."""
        if not isinstance(email, str):
            raise TypeError("one address at a time")
        client = self._own.__dict__.setdefault("client", None) or self._made()
        answer = client.post(f"{self._server.url}/enrich/csv_row", json={"email": email, "fields": FIELDS})
        title: str | None = json.loads(answer.content).get("csv_row", {}).get("enriched_title")
        return title

    def _made(self) -> httpx.Client:
        """Make this thread's client."""
        headers = {"Authorization": f"Bearer {self._server.key}"}
        self._own.client = httpx.Client(headers=headers, timeout=30, verify=self._tls)
        return self._own.client


def serial(frame: pd.DataFrame, server: Server, _: int) -> object:
    """`Series.apply`, one after the other."""
    return frame["email"].apply(Asker(server))


def threads(frame: pd.DataFrame, server: Server, concurrency: int) -> object:
    """A pool of threads over the distinct addresses, lower-cased and stripped, mapped back."""
    keys = frame["email"].str.strip().str.lower()
    distinct = keys.unique().tolist()
    with ThreadPoolExecutor(concurrency) as pool:
        titles = dict(zip(distinct, pool.map(Asker(server), distinct), strict=True))
    return frame.assign(title=keys.map(titles))


def workers(frame: pd.DataFrame, server: Server, concurrency: int) -> object:
    """The bare asyncio worker loop over the distinct addresses."""
    return asyncio.run(bare_loop(frame["email"].str.strip().str.lower().unique().tolist(), server, concurrency))


def swifter(frame: pd.DataFrame, server: Server, _: int) -> object:
    """`swifter.apply`, which tries the function on samples before it applies it."""
    import_module("swifter")
    return frame["email"].swifter.progress_bar(False).apply(Asker(server))


def openaivec(frame: pd.DataFrame, server: Server, concurrency: int) -> object:
    """The map of openaivec's asynchronous cache, which asks once for equal texts."""
    cache = import_module("openaivec._cache").AsyncBatchCache(
        batch_size=1, max_concurrency=concurrency, show_progress=False
    )

    async def ask_all() -> object:
        limits = httpx.Limits(max_connections=concurrency)
        async with httpx.AsyncClient(
            headers={"Authorization": f"Bearer {server.key}"}, limits=limits, timeout=60
        ) as client:

            async def ask(emails: list[str]) -> list[object]:
                bodies = [{"email": email, "fields": FIELDS} for email in emails]
                return [json.loads((await client.post(f"{server.url}/enrich/csv_row", json=b)).content) for b in bodies]

            return await cache.map(frame["email"].tolist(), ask)

    return asyncio.run(ask_all())


SLOW = {"serial apply": serial, "swifter": swifter}  # one at a time: a part of the rows tells the rest
QUICK = {
    "cleanlist": lambda frame, server, concurrency: enrich(frame, server, concurrency),
    "threads on uniques": threads,
    "asyncio workers on uniques": workers,
    "openaivec map": openaivec,
}


def peers(n_rows: int, n_people: int, latency_s: float, concurrency: int, part: int, rounds: int) -> Iterator[Table]:
    """Let each look up the same frame, with people of its own each time so that nothing is remembered."""
    rows = []
    with Server(latency_s) as server:
        for name, way in SLOW.items():
            frame = frame_of(n_rows, n_people, len(rows)).head(part)
            rows.append(_row(name, way, frame, server, concurrency, n_rows / len(frame)))
        seen: dict[str, list[list[str]]] = {}
        for number in range(rounds):
            for at, (name, way) in enumerate(QUICK.items()):
                frame = frame_of(n_rows, n_people, 100 + number * len(QUICK) + at)
                seen.setdefault(name, []).append(_row(name, way, frame, server, concurrency, 1))
        rows += [sorted(found, key=lambda row: row[2])[len(found) // 2] for found in seen.values()]
    rows.append(["official SDK (cleanlist-ai 2.0)", "-", "-", "-", "has no call for csv_row: v2 and legacy only"])
    yield Table(
        f"{n_rows:,} rows of {n_people:,} people at {latency_s * 1e3:g} ms, {concurrency} in flight",
        ["who", "requests", "wall s", "CPU s", "note"],
        rows,
    )


def _row(
    name: str, way: Callable[..., object], frame: pd.DataFrame, server: Server, concurrency: int, times: float
) -> list[str]:
    """Return one way's figures; of a part of the rows, what all of them would take."""
    server.seen()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the peers' own imports
            took = measure(lambda: way(frame, server, concurrency))
    except ImportError as error:
        return [name, "-", "-", "-", f"not installed ({error.name})"]
    except (TypeError, AttributeError) as error:
        return [name, "-", "-", "-", f"does not work with pandas {pd.__version__}: {error}"]
    requests = server.seen()["requests"] * times
    note = f"from {len(frame):,} rows, times {times:g}" if times > 1 else ""
    return [name, f"{requests:,.0f}", f"{took.wall_s * times:7.2f}", f"{took.cpu_s * times:.2f}", note]
