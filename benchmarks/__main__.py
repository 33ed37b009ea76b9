"""One command for all figures: ``python -m benchmarks [section]...``; ``--small`` keeps it alive in seconds.

Nothing is asserted: the machine decides the seconds. What is compared runs in turn within one process, so the ratios of
one table mean something, and those of two tables of two days do not.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.data import data
from benchmarks.ledger import ledger
from benchmarks.lookups import lookups
from benchmarks.measure import Table
from benchmarks.peers import peers
from benchmarks.streams import streams

SECTIONS = ("data", "lookups", "peers", "ledger", "streams")
SMALL = {
    "rows": [2_000], "rounds": 1, "people": 40, "latency_ms": 1.0, "in_flight": [4], "peer_rows": 60, "peer_people": 20,
    "serial_rows": 5, "held": 400, "file_rows": 4_000, "file_people": 400, "bought": 40,
}  # fmt: skip


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"{', '.join(SECTIONS)}; all by default")
    parser.add_argument("--small", action="store_true", help="the least that runs all of it, in seconds")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000], help="data: rows of the frames")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--people", type=int, default=2_000, help="lookups: people of each round")
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument(
        "--in-flight", type=int, nargs="+", default=[10, 50, 100, 200], help="lookups: how many at once"
    )
    parser.add_argument("--peer-rows", type=int, default=10_000)
    parser.add_argument("--peer-people", type=int, default=3_000)
    parser.add_argument("--serial-rows", type=int, default=200, help="peers: rows for those who ask one at a time")
    parser.add_argument("--held", type=int, default=1_000_000, help="ledger: answers to read back")
    parser.add_argument("--file-rows", type=int, default=10_000_000, help="streams: rows of the files")
    parser.add_argument("--file-people", type=int, default=1_000_000, help="streams: people in them")
    parser.add_argument("--bought", type=int, default=100_000, help="streams: new people, a tenth of their rows")
    chosen = parser.parse_args()
    if unknown := set(chosen.sections) - {*SECTIONS}:
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    if chosen.small:
        vars(chosen).update(SMALL)
    return chosen


def tables(chosen: argparse.Namespace) -> Iterator[Table]:
    """Run the sections that were asked for."""
    sections = chosen.sections or SECTIONS
    latency_s, most = chosen.latency_ms / 1e3, min(50, max(chosen.in_flight))
    if "data" in sections:
        yield from data(chosen.rows, chosen.rounds)
    if "lookups" in sections:
        yield from lookups(chosen.people, latency_s, chosen.in_flight, chosen.rounds)
    if "peers" in sections:
        yield from peers(chosen.peer_rows, chosen.peer_people, latency_s, most, chosen.serial_rows, chosen.rounds)
    if "ledger" in sections:
        yield from ledger(chosen.held, chosen.rounds)
    if "streams" in sections:
        yield from streams(chosen.file_rows, chosen.file_people, chosen.bought)


def main() -> None:
    """Print the tables as they come."""
    chosen = options()
    versions = f"pandas {pd.__version__}, pyarrow {pa.__version__}, NumPy {np.__version__}"
    print(f"Python {platform.python_version()}, {versions}, {os.cpu_count()} cores, medians of {chosen.rounds}")
    for table in tables(chosen):
        print(table, flush=True)


if __name__ == "__main__":
    main()
