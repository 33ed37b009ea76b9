"""Files part by part: what comes out is what the whole frame would give, and nobody is bought twice for it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.cli import main
from cleanlist_pandas.errors import CleanlistError, ColumnsError, ConfigurationError
from cleanlist_pandas.files import read_frame, write_frame
from cleanlist_pandas.run.progress import counting
from cleanlist_pandas.sinks import Seen, open_sink
from cleanlist_pandas.sources import open_source
from cleanlist_pandas.stream import read_stream

FIELDS = ["title", "seniority", "icp_score"]
NEW = ["enriched_title", "enriched_seniority", "icp_score", "enriched_reason"]
PART_ROWS = [1, 2, 7, None]
ROOT = Path(cl.__file__).parents[1]


def leads(n_rows=60, n_people=13):
    """Contacts in many spellings, some of them partly known, in no order."""
    rng = np.random.default_rng(3)
    who = rng.integers(0, n_people, n_rows)
    spellings = ("p{}@acme{}.example", " P{}@ACME{}.example", "Jo <p{}@acme{}.example>", "p{}@acme{}.example; x@x.test")
    mails = [spellings[row % 4].format(one, one % 5) for row, one in enumerate(who)]
    return pd.DataFrame(
        {
            "ZIP": [f"{row:05}" for row in range(n_rows)],
            "Email": [("n/a", "", "no address")[row % 3] if row % 13 == 0 else mail for row, mail in enumerate(mails)],
            "Company": [("Acme", "Acme, Inc.", "")[row % 3] for row in range(n_rows)],
            "deal": [str(row % 5 * 10) for row in range(n_rows)],
            "enriched_title": ["=Boss" if one % 3 == 0 and (row % 2 or one % 2) else "" for row, one in enumerate(who)],
            "icp_score": ["50" if one % 6 == 0 else "" for one in who],
        }
    )


def stream(source, out, fields=FIELDS, part_rows=None, **options):
    """Do what the shell does."""
    with open_source(str(source), str(out)) as opened:
        read = read_stream(opened, fields, options, output=str(out), part_rows=part_rows)
        made = cl.enrich(read.whole.frame, read.whole.layout.fields, **read.whole.options)
        read.write(read.whole.answers(made), str(out), credits=0, show=False)
    return read


def in_memory(source, out, fields=FIELDS, **options):
    """Do it with the whole frame."""
    write_frame(cl.enrich(read_frame(str(source)), fields, **options), str(out), NEW)


@pytest.fixture
def service():
    with cl.sandbox() as running:
        yield running


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "leads.csv"
    leads().to_csv(path, index=False)
    return path


HOW = [
    {},
    {"provenance": True},
    {"on_existing": "replace", "provenance": True},
    {"suppress": ["acme3.example"], "skip": "several", "provenance": True},
    {"columns": {"email": "Email", "company": None}},
    {"known": pd.DataFrame({"email": ["p1@acme1.example"], "enriched_title": ["Known"]}), "provenance": True},
]


@pytest.mark.parametrize("how", HOW, ids=[" ".join(how) for how in HOW])
@pytest.mark.parametrize("part_rows", PART_ROWS)
def test_a_csv_file_is_the_one_that_a_frame_gives(tmp_path, source, service, part_rows, how):
    """Byte for byte, after the same look-ups, however long the parts."""
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    in_memory(source, whole, ledger=tmp_path / "1", **how)
    asked = sorted(request.email for request in service.requests)
    stream(source, parts, part_rows=part_rows, ledger=tmp_path / "2", **how)
    again = sorted(request.email for request in service.requests[len(asked) :])
    assert again == asked
    assert len(set(asked)) == len(asked) > 3
    if "provenance" in how:  # the times are those of the ledger
        in_memory(source, whole, ledger=tmp_path / "2", **how)
        stream(source, parts, part_rows=part_rows, ledger=tmp_path / "2", **how)
    assert parts.read_bytes() == whole.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.filterwarnings("ignore::cleanlist_pandas.CleanlistWarning")
@pytest.mark.parametrize("part_rows", PART_ROWS)
def test_the_best_people_of_the_whole_file_come_first(tmp_path, source, service, part_rows):
    """Their rows are worth what they are in all parts together; the bill stands on the first row of each."""
    how = {"priority": "deal", "max_credits": 4, "concurrency": 1}
    in_memory(source, tmp_path / "whole.csv", ["title"], ledger=tmp_path / "1", **how)
    asked = [request.email for request in service.requests]
    stream(source, tmp_path / "parts.csv", ["title"], part_rows=part_rows, ledger=tmp_path / "2", **how)
    assert [request.email for request in service.requests[len(asked) :]] == asked
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("what", [{}, {"priority": "deal"}, {"skip": "several", "max_credits": 3}])
@pytest.mark.parametrize("part_rows", [2, None])
def test_estimate_and_plan_are_those_of_the_frame(source, part_rows, what):
    """Each row counts."""
    then = cl.plan(read_frame(str(source)), FIELDS, **what)
    with open_source(str(source)) as opened:
        plan = read_stream(opened, FIELDS, what, part_rows=part_rows).whole.plan()
    assert plan.estimate == then.estimate
    assert sum(plan.estimate.buckets.values()) == 60
    assert (plan.digest, plan.people) == (then.digest, then.people)
    pd.testing.assert_frame_equal(plan.queue, then.queue)
