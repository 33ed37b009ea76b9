"""The pandas ends, a million rows each, in CPU seconds: keys, check, nine columns joined, two frames compared."""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import EMAIL_STATUSES, FIELDS, SENIORITIES, RowStatus, Source
from cleanlist_pandas.frame.arrays import Kinds
from cleanlist_pandas.frame.columns import Columns
from cleanlist_pandas.frame.diff import diff_frames
from cleanlist_pandas.frame.join import join
from cleanlist_pandas.frame.keys import read
from cleanlist_pandas.plan.check import check_frame


def cpu_s(work: Callable[[], object], rounds: int) -> float:
    """Return the median CPU seconds of a call."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def peak_mb() -> float:
    """Return the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def two_quarters(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two frames of the same people in different order; a tenth of all values differ."""
    rng = np.random.default_rng(0)
    words = {
        "enriched_company": [f"Company {i}, Inc." for i in range(50_000)],
        "enriched_title": [f"Title {i}" for i in range(900)],
        "enriched_seniority": list(SENIORITIES),
        "enriched_email_status": list(EMAIL_STATUSES),
        "enriched_phone": [f"+1-555-{i:07}" for i in range(rows)],
    }
    before = pd.DataFrame({"email": [f"person{i}@firm{i % 5003}.example" for i in range(rows)]})
    now = before.copy()
    for column, values in words.items():
        old, new = np.array(values, object)[rng.integers(0, len(values), (2, rows))]
        before[column] = pd.Series(old).astype(str)
        now[column] = pd.Series(np.where(rng.random(rows) < 0.1, new, old)).astype(str)
    return now.sample(frac=1, random_state=0, ignore_index=True), before


def mixed(rows: int) -> list[str]:
    """Return cells such as a CRM holds: wrapped, upper-case, mistyped, role-based, international, blank, malformed."""
    rng = np.random.default_rng(1)
    forms = ("{}", "{}", "{}", " {} ", "Person <{}>", "mailto:{}", "{}; other@firm1.example", "see notes", "")
    domains = (
        "gmail.com",
        "gmial.com",
        "mailinator.com",
        *(f"firm{i}.example" for i in range(50_000)),
        "müller.example",
    )
    people = rng.integers(0, int(rows * 0.7) + 1, rows).tolist()
    addresses = (f"{'Info' if i % 50 == 0 else f'Person{i}'}@{domains[i * 7919 % len(domains)]}" for i in people)
    return [forms[at].format(address) for at, address in zip(rng.integers(0, 9, rows).tolist(), addresses, strict=True)]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows, rounds = options.rows, options.rounds
    rng = np.random.default_rng(0)
    people = rng.integers(0, int(rows * 0.3) + 1, rows)
    for name, of_row in (("all different", np.arange(rows)), ("30 % different", people)):
        frame = pd.DataFrame({"email": [f"Person{i}@firm{i % 5003}.example" for i in of_row.tolist()]})
        before = peak_mb()
        seconds = cpu_s(lambda f=frame: read(f, Columns(email="email")), rounds)
        print(f"keys, {rows:,} rows, {name}: {seconds:.2f} s CPU, peak memory +{peak_mb() - before:.0f} MB")
    messy = pd.DataFrame({"email": mixed(rows)})
    before = peak_mb()
    seconds = cpu_s(lambda: check_frame(messy), rounds)
    print(f"check, {rows:,} mixed rows: {seconds:.2f} s CPU, peak memory +{peak_mb() - before:.0f} MB")
    keys = read(frame, Columns(email="email"))
    values = {
        "email_status": "valid",
        "seniority": "director",
        "company": "Acme",
        "industry": "SaaS",
        "size": "11-50",
        "linkedin": "https://linkedin.com/in/x",
        "icp_score": 72,
    }
    answers = [
        Answer(status=RowStatus.COMPLETED, credits=1, values={**values, "title": f"Title {i % 900}"}, source=Source.API)
        for i in range(keys.n_keys)
    ]
    fields = [name for name in FIELDS if name != "phone"]
    filled = np.zeros(rows, bool)
    before = peak_mb()
    seconds = cpu_s(lambda: join(frame, keys.codes, answers, fields, existing={}, filled=filled, kinds=Kinds()), rounds)
    print(f"join, {rows:,} rows, {keys.n_keys:,} people, 9 columns: {seconds:.2f} s CPU, +{peak_mb() - before:.0f} MB")
    now, earlier = two_quarters(rows)
    before = peak_mb()
    seconds = cpu_s(lambda: diff_frames(now, earlier), rounds)
    n_changes = len(diff_frames(now, earlier))
    print(f"diff, {rows:,} people, {n_changes:,} changes: {seconds:.2f} s CPU, +{peak_mb() - before:.0f} MB")


if __name__ == "__main__":
    main()
