"""Files part by part: what comes out is what the whole frame would give, and nobody is bought twice for it."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.cli import main
from cleanlist_pandas.errors import ColumnsError, ConfigurationError
from cleanlist_pandas.files import read_frame, write_frame
from cleanlist_pandas.run.progress import counting
from cleanlist_pandas.sinks import Seen, open_sink
from cleanlist_pandas.sources import Source, open_source
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
def test_who_is_not_reached_keeps_what_they_have(tmp_path, service, part_rows):
    """Also where the others' values are written over."""
    source, whole, parts = (tmp_path / f"{name}.csv" for name in ("leads", "whole", "parts"))
    leads().assign(enriched_title="mine").to_csv(source, index=False)
    in_memory(source, whole, ["title"], ledger=tmp_path / "1", on_existing="replace", max_credits=3)
    stream(source, parts, ["title"], part_rows=part_rows, ledger=tmp_path / "2", on_existing="replace", max_credits=3)
    assert parts.read_bytes() == whole.read_bytes()
    assert "mine" in set(pd.read_csv(parts)["enriched_title"])


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


# --- Parquet ----------------------------------------------------------------------------------------------------------


def rich(n_rows=60):
    """The same contacts, with columns of many types."""
    frame = leads(n_rows)
    days = pd.to_datetime(["2026-01-02", "2026-01-02 03:04:05.25", None, "2026-03-04 05:06:07"], format="ISO8601")
    return frame.assign(
        gaps=pd.Series([row if row > n_rows - 9 and row % 3 else None for row in range(n_rows)], dtype="Int64"),
        deal=pd.array(frame["deal"].astype(int), "Int16"),
        kind=pd.Categorical(["x", "y", "z"] * (n_rows // 3), categories=["z", "y", "x", "w"], ordered=True),
        day=pd.to_datetime(["2026-01-02"] * n_rows),
        at=days[[row * 4 // n_rows for row in range(n_rows)]],
        zoned=pd.Series(days[[row % 2 * 3 for row in range(n_rows)]]).dt.tz_localize("Europe/Berlin"),
        many=[[row, None] if row % 2 else None for row in range(n_rows)],
        share=[row / 7 for row in range(n_rows)],
        yes=[row % 2 == 0 for row in range(n_rows)],
        icp_score=pd.array([int(cell) if cell else None for cell in frame["icp_score"]], "Int64"),
    )


@pytest.fixture
def table(tmp_path):
    """As other programs write it: whole numbers with gaps, and no word of pandas but in one column of theirs."""
    made = pa.Table.from_pandas(rich(), preserve_index=False)
    path = tmp_path / "leads.parquet"
    pq.write_table(made.replace_schema_metadata({"mine": "kept"}), path, row_group_size=11)
    return path


@pytest.mark.parametrize("part_rows", PART_ROWS)
def test_parquet_keeps_its_columns_as_they_are(tmp_path, table, service, part_rows):
    """In type and value; the new ones have the dtypes of a frame, and the run is told in attrs."""
    out = tmp_path / "out.parquet"
    stream(table, out, part_rows=part_rows)
    in_memory(table, tmp_path / "whole.parquet")
    got, expected = pd.read_parquet(out), pd.read_parquet(tmp_path / "whole.parquet")
    new = ["enriched_title", "enriched_seniority", "icp_score", "enriched_status"]
    pd.testing.assert_frame_equal(got[new], expected[new])
    assert got.columns.tolist() == expected.columns.tolist()
    before, after = pq.read_table(table), pq.read_table(out)
    kept = [name for name in before.column_names if name not in new]
    assert after.select(kept).schema.equals(before.select(kept).schema)
    assert after.select(kept).equals(before.select(kept))
    assert after.schema.metadata[b"mine"] == b"kept"
    assert got.attrs["cleanlist"]["people"] == expected.attrs["cleanlist"]["people"]
    assert got.cleanlist.report().people == 13


@pytest.mark.parametrize("part_rows", [7, None])
def test_a_frame_of_pandas_comes_back_as_one(tmp_path, service, part_rows):
    """With its extension dtypes, its attrs, and its index as a column, as the whole frame would."""
    frame = rich()
    frame.attrs["mine"] = 1
    frame.to_parquet(tmp_path / "in.parquet", index=False)
    stream(tmp_path / "in.parquet", tmp_path / "out.parquet", part_rows=part_rows)
    in_memory(tmp_path / "in.parquet", tmp_path / "whole.parquet")
    got, expected = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("out", "whole"))
    assert got.attrs.keys() == {"mine", "cleanlist"}
    pd.testing.assert_frame_equal(got, expected)


INDEXES = [
    pd.RangeIndex(60, name="id"),
    pd.Index([f"k{n % 7}" for n in range(60)]),
    pd.Index([f"k{n % 7}" for n in range(60)], name="contact"),
    pd.MultiIndex.from_arrays([range(60), ["a", "b"] * 30]),
    pd.RangeIndex(5, 65),
]


@pytest.mark.parametrize("index", INDEXES, ids=["counted", "unnamed", "named", "levels", "plain"])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_index_with_a_meaning_is_a_column(tmp_path, service, index, kind):
    """Of the same name and in the same place as that of the whole frame."""
    leads().set_index(index).to_parquet(tmp_path / "in.parquet")
    stream(tmp_path / "in.parquet", tmp_path / f"parts.{kind}", part_rows=7)
    in_memory(tmp_path / "in.parquet", tmp_path / f"whole.{kind}")
    if kind == "csv":
        assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    else:
        pd.testing.assert_frame_equal(*(pd.read_parquet(tmp_path / f"{n}.parquet") for n in ("parts", "whole")))


@pytest.mark.parametrize("part_rows", PART_ROWS)
def test_cells_of_parquet_are_written_alike_in_all_parts(tmp_path, table, service, part_rows):
    """Times down to the fraction that one of them needs, whole numbers as pandas has them beside gaps."""
    stream(table, tmp_path / "parts.csv", part_rows=part_rows, provenance=True)
    in_memory(table, tmp_path / "whole.csv", provenance=True)  # sources and bill are others now
    stream(table, tmp_path / "parts.csv", part_rows=part_rows, provenance=True)
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("part_rows", PART_ROWS)
def test_text_becomes_typed_parquet(tmp_path, source, service, part_rows):
    """No part decides a type: not the one whose cells are all empty."""
    stream(source, tmp_path / "parts.parquet", part_rows=part_rows, provenance=True)
    in_memory(source, tmp_path / "whole.parquet", provenance=True)
    stream(source, tmp_path / "parts.parquet", part_rows=part_rows, provenance=True)
    pd.testing.assert_frame_equal(*(pd.read_parquet(tmp_path / f"{n}.parquet") for n in ("parts", "whole")))


def test_what_pandas_cannot_give_back_is_handed_on_as_parquet(tmp_path, service):
    """A map is pairs to pandas, which make no column again; no frame is asked to."""
    table = pa.table({"Email": ["a0@acme.example"], "tags": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))})
    pq.write_table(table, tmp_path / "in.parquet")
    for out in ("out.parquet", "out/"):
        assert main(["enrich", str(tmp_path / "in.parquet"), "-o", f"{tmp_path}/{out}", "--fields", "title"]) == 0
        assert pq.read_table(tmp_path / out)["tags"].equals(table["tags"])
    assert main(["enrich", str(tmp_path / "in.parquet"), "-o", f"{tmp_path}/out.feather", "--fields", "title"]) == 2


@pytest.mark.skipif(not hasattr(pads.ParquetFragmentScanOptions, "arrow_extensions_enabled"), reason="an older pyarrow")
@pytest.mark.parametrize("part_rows", [1, None])
def test_a_uuid_stays_one(tmp_path, service, part_rows):
    """In Parquet; in CSV it is written as people do, not as 16 bytes. Databases export their keys so."""
    names = ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"]
    keys = pa.array([uuid.UUID(name).bytes for name in names], pa.uuid())
    table = pa.table({"Email": ["a0@acme.example", "b1@acme.example"], "key": keys})
    pq.write_table(table, tmp_path / "in.parquet", store_schema=False)
    stream(tmp_path / "in.parquet", tmp_path / "out.parquet", ["title"], part_rows=part_rows)
    assert pq.read_table(tmp_path / "out.parquet").select(["Email", "key"]).equals(table)
    stream(tmp_path / "in.parquet", tmp_path / "out.csv", ["title"], part_rows=part_rows)
    assert read_frame(str(tmp_path / "out.csv"))["key"].tolist() == names


def test_bytes_that_are_no_text_are_handed_on(tmp_path, service):
    """As they are in Parquet, and as Python writes them in CSV; an estimate does not stumble over them."""
    frame = leads().assign(photo=[b"\xff\r\x00", b"", None] * 20)
    frame.to_parquet(tmp_path / "in.parquet")
    assert main(["estimate", str(tmp_path / "in.parquet")]) == 0
    stream(tmp_path / "in.parquet", tmp_path / "out.parquet", ["title"], part_rows=7)
    assert pd.read_parquet(tmp_path / "out.parquet")["photo"].tolist() == frame["photo"].tolist()
    stream(tmp_path / "in.parquet", tmp_path / "out.csv", ["title"], part_rows=7)
    assert read_frame(str(tmp_path / "out.csv"))["photo"].tolist() == [r"b'\xff\r\x00'", "b''", ""] * 20


@pytest.mark.parametrize("name", ["out.feather", "out.xlsx"])
def test_other_kinds_are_written_at_once(tmp_path, source, service, name):
    """And read so."""
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    stream(source, tmp_path / name, part_rows=7)
    expected = cl.enrich(read_frame(str(source)), FIELDS)
    assert read_frame(str(tmp_path / name))["enriched_status"].tolist() == expected["enriched_status"].tolist()
    stream(tmp_path / name, tmp_path / "again.csv", ["title"], part_rows=7)
    assert len(read_frame(str(tmp_path / "again.csv"))) == 60


# --- folders and pipes ------------------------------------------------------------------------------------------------


def test_a_folder_is_one_table_in_the_order_of_its_names(tmp_path, source, service):
    """Whoever stands in several files is asked about once; hidden files and those of other kinds are none of it."""
    folder = tmp_path / "in"
    (folder / "day=2").mkdir(parents=True)
    (folder / "day=1").mkdir()
    frame = leads()
    frame[:10].to_parquet(folder / "day=1" / "b.parquet")
    frame[10:20].drop(columns="deal").to_parquet(folder / "day=1" / "c.parquet")
    frame[20:].to_parquet(folder / "day=2" / "a.parquet")
    (folder / "_SUCCESS").write_text("")
    (folder / "day=2" / ".hidden.parquet").write_text("")
    stream(folder, tmp_path / "out.parquet", part_rows=7)
    asked = [request.email for request in service.requests]
    assert len(set(asked)) == len(asked)
    out = pd.read_parquet(tmp_path / "out.parquet")
    write_frame(cl.enrich(frame, FIELDS), str(tmp_path / "whole.parquet"), [])
    expected = pd.read_parquet(tmp_path / "whole.parquet")
    pd.testing.assert_frame_equal(out[["ZIP", *NEW[:-1]]], expected[["ZIP", *NEW[:-1]]])
    assert out["deal"].isna().tolist() == [10 <= row < 20 for row in range(60)]
    assert out["day"].tolist() == [1] * 20 + [2] * 40


def test_a_folder_whose_files_do_not_fit_together_is_refused(tmp_path, service, capsys):
    """Nothing is sent."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, deal in (("a", 1), ("b", "much")):
        pd.DataFrame({"email": ["jo@acme.example"], "deal": [deal]}).to_parquet(folder / f"{name}.parquet")
    assert main(["enrich", str(folder), "-o", str(tmp_path / "out.csv")]) == 2
    assert "its files have columns of the same name and different types" in capsys.readouterr().err
    assert service.requests == []


def test_a_folder_takes_the_place_of_one_that_was_written_here(tmp_path, source, service, capsys):
    """And of no other; its files, in the order of their names, are the rows."""
    out = tmp_path / "out"
    for _ in range(2):
        assert main(["enrich", str(source), "-o", f"{out}/", "--fields", "title", "--quiet"]) == 0
        assert [path.name for path in out.iterdir()] == ["part-00000.parquet"]
        assert pd.read_parquet(out)["ZIP"].tolist() == leads()["ZIP"].tolist()
    (out / "mine.txt").write_text("keep me")
    assert main(["enrich", str(source), "-o", f"{out}/", "--fields", "title", "--quiet"]) == 2
    assert "it holds other things than Parquet files that were written here" in capsys.readouterr().err
    assert (out / "mine.txt").read_text() == "keep me"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_has_a_new_file_every_so_many_rows(tmp_path):
    """Each of them whole by itself."""
    frame = pd.DataFrame({"email": ["jo@acme.example"] * 600_000})
    with open_sink(f"{tmp_path / 'out'}/", Seen("out/"), []) as write:
        for _ in range(3):
            write(frame, None)
    files = sorted((tmp_path / "out").iterdir())
    assert [pq.read_metadata(file).num_rows for file in files] == [1_200_000, 600_000]


@pytest.mark.parametrize("arguments", [["in", "-o", "in/"], ["in", "-o", "in/out.parquet"], ["in/", "-o", "."]])
def test_a_folder_that_is_read_is_not_written_into(tmp_path, monkeypatch, capsys, arguments):
    """Nor what it lies in replaced."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    leads().to_parquet(tmp_path / "in" / "part-0.parquet")
    with cl.sandbox() as service:
        assert main(["enrich", *arguments]) == 2
        assert service.requests == []
    assert "cleanlist-pandas: " in capsys.readouterr().err


def shell(*arguments, **more):
    command = [sys.executable, "-W", "error", "-m", "cleanlist_pandas", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **more.pop("env", {})}
    return subprocess.run(command, env=env, check=False, capture_output=True, **more)


def test_a_pipe_gives_what_a_file_gives(tmp_path, source):
    """In and out; standard input is copied beside the output, under no name that stays."""
    out = tmp_path / "out.csv"
    again = ["--sandbox", "--fields", "title,icp_score"]
    assert shell("enrich", str(source), "-o", str(out), *again).returncode == 0
    content = source.read_bytes()
    before = {path.name for path in tmp_path.iterdir()}
    for done in (
        shell("enrich", "-", "-o", "-", *again, input=content),
        shell("enrich", "/dev/stdin", "-o", "-", *again, input=content),
        shell("enrich", str(source), "-o", "-", *again),
    ):
        assert (done.returncode, done.stdout) == (0, out.read_bytes()), done.stderr
    assert shell("enrich", "-", "-o", str(tmp_path / "piped.csv"), *again, input=content).returncode == 0
    assert (tmp_path / "piped.csv").read_bytes() == out.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} - before == {"piped.csv"}


def test_known_people_may_come_through_the_pipe(source, monkeypatch, service, capsys, tmp_path):
    """They are read once, for the estimate and the run."""
    known = io.TextIOWrapper(io.BytesIO(b"email,enriched_title\np1@acme1.example,Known\n"))
    monkeypatch.setattr(sys, "stdin", known)
    out = tmp_path / "out.csv"
    assert main(["enrich", str(source), "-o", str(out), "--fields", "title", "--known", "-", "--quiet"]) == 0
    assert "Known" in read_frame(str(out))["enriched_title"].tolist()
    assert "p1@acme1.example" not in [request.email for request in service.requests]


# --- text as it comes -------------------------------------------------------------------------------------------------

TEXTS = {
    "mark": "\ufeffEmail,Näme\na0@acme.example,é\nb1@acme.example,\n".encode(),
    "utf-16": "Email\tNäme\na0@acme.example\té\nb1@acme.example\t\n".encode("utf-16"),
    "windows": "Email;Näme\na0@acme.example;é\n".encode("cp1252"),
    "short rows": b"Email,Name\na0@acme.example\nb1@acme.example,Jo\n",
    "blank rows": b"\n\nEmail,Name\n\na0@acme.example,Jo\n\n\nb1@acme.example,Jo\n",
    "a list": b"\nEmail\n\na0@acme.example\n\n\nb1@acme.example\n\n",
    "names twice": b"Email,Tag,Tag,\na0@acme.example,x,y,z\n",
    "breaks": b'Email,Name\na0@acme.example,"a\nb"\nb1@acme.example,"c\r\nd"\nc2@acme.example,x\n',
    "no rows": b"Email,Name\n",
    "no end": b"Email,Name\na0@acme.example,Jo",
}


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("part_rows", PART_ROWS)
def test_text_is_read_as_before(tmp_path, service, content, part_rows):
    """Whatever its marks, encoding, separator and gaps; a return anywhere is quoted everywhere."""
    (tmp_path / "in.csv").write_bytes(content)
    stream(tmp_path / "in.csv", tmp_path / "parts.csv", ["title"], part_rows=part_rows)
    in_memory(tmp_path / "in.csv", tmp_path / "whole.csv", ["title"])
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


REFUSED = {
    "long row": (b"Email,Name\na0@acme.example,Jo\nb1@acme.example,Jo,x\n", "Expected 2 fields in line 3, saw 3"),
    "open quote": (b'Email,Name\na0@acme.example,Jo\n"b1@acme.example,Jo\n', "EOF inside string"),
    "empty": (b"", "is empty"),
    "no header": (b"a0@acme.example,Jo\n", "so it is no header"),
}


@pytest.mark.parametrize(("content", "told"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("part_rows", [1, None])
def test_what_is_no_table_is_refused_before_anybody_is_asked(tmp_path, service, content, told, part_rows):
    """However late it shows."""
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(ConfigurationError, match=told):
        stream(tmp_path / "in.csv", tmp_path / "out.csv", part_rows=part_rows)
    assert service.requests == []
    assert not (tmp_path / "out.csv").exists()


LATER = [
    ({"on_existing": "error"}, ColumnsError, "already has enriched_title"),
    ({"max_credits": -1}, ConfigurationError, "max_credits must be"),
    ({"priority": "worth"}, ConfigurationError, "'worth' is not one column"),
    ({"priority": "Email"}, ConfigurationError, "cells that are no number"),
    ({"priority": "none"}, ConfigurationError, "holds no number at all"),
    ({"known": "gone.csv"}, ConfigurationError, "there is no such file"),
]


@pytest.mark.parametrize(("how", "error", "told"), LATER)
def test_what_cannot_be_is_told_before_anything_is_sent(tmp_path, service, how, error, told):
    """As of a frame."""
    leads().assign(none="").to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(error, match=told):
        stream(tmp_path / "in.csv", tmp_path / "out.csv", part_rows=7, **how)
    assert service.requests == []


# --- ends of all kinds ------------------------------------------------------------------------------------------------

CHILD = """
import os, signal, sys
import cleanlist_pandas as cl
from cleanlist_pandas.sources import Source, open_source
from cleanlist_pandas.stream import read_stream
source, out, reading, number = *sys.argv[1:3], *map(int, sys.argv[3:])
readings = []
with open_source(source, out) as opened:
    def parts(n_rows):
        readings.append(1)
        for at, part in enumerate(opened.parts(n_rows)):
            if (len(readings), at) == (reading, number):
                os.kill(os.getpid(), signal.SIGKILL)
            yield part
    read = read_stream(Source(parts), "title", {}, output=out, part_rows=7)
    made = cl.enrich(read.whole.frame, read.whole.layout.fields, **read.whole.options)
    read.write(read.whole.answers(made), out, credits=0, show=False)
"""


@pytest.mark.parametrize(
    ("out", "reading", "number"),
    [("out.csv", 1, 5), ("out.csv", 2, 0), ("out.csv", 2, 5), ("out.parquet", 2, 5), ("out/", 2, 5)],
)
def test_a_kill_leaves_the_old_file_and_the_next_run_pays_nothing_twice(
    tmp_path, source, service, out, reading, number
):
    """While it is read and while it is written; then all is as if nothing had happened."""
    target = tmp_path / out
    stream(
        source, target if "/" not in out else f"{target}/", ["title"], suppress=[f"acme{n}.example" for n in range(5)]
    )  # the old file
    old = pd.read_csv(target) if out.endswith("csv") else pd.read_parquet(target)
    env = {"CLEANLIST_BASE_URL": f"{service.url}/v1", "CLEANLIST_API_KEY": service.api_key, "PYTHONPATH": str(ROOT)}
    env["CLEANLIST_LEDGER"] = str(tmp_path / "ledger")
    command = [sys.executable, "-c", CHILD, str(source), f"{tmp_path}/{out}", str(reading), str(number)]
    done = subprocess.run(command, env={**os.environ, **env}, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = pd.read_csv(target) if out.endswith("csv") else pd.read_parquet(target)
    pd.testing.assert_frame_equal(left, old)
    n_asked = len(service.requests)
    assert (n_asked == 0) is (reading == 1)
    behind = list(tmp_path.glob(".out*.part-*"))
    assert len(behind) == 2 * (reading == 2)  # and its lock
    for part in behind:
        os.utime(part, (0, 0))
    stream(source, f"{tmp_path}/{out}", ["title"], ledger=tmp_path / "ledger")
    assert len({request.email for request in service.requests}) == len(service.requests) == (n_asked or 11)
    assert not list(tmp_path.glob(".out*.part-*"))
    whole = cl.enrich(read_frame(str(source)), "title", ledger=tmp_path / "ledger")
    now = read_frame(str(target))
    assert now["enriched_status"].astype(str).tolist() == whole["enriched_status"].astype(str).tolist()


def test_an_interrupt_while_rows_are_written_leaves_the_old_file(tmp_path, source, service):
    """And nothing half-written beside it."""
    (tmp_path / "out.csv").write_text("old")
    before = sorted(tmp_path.iterdir())
    with open_source(str(source)) as opened:
        readings = []

        def parts(n_rows):
            readings.append(1)
            for at, part in enumerate(opened.parts(n_rows)):
                if (len(readings), at) == (2, 3):
                    raise KeyboardInterrupt
                yield part

        read = read_stream(Source(parts), "title", {}, output=str(tmp_path / "out.csv"), part_rows=7)
        made = cl.enrich(read.whole.frame, read.whole.layout.fields, **read.whole.options)
        with pytest.raises(KeyboardInterrupt):
            read.write(read.whole.answers(made), str(tmp_path / "out.csv"), credits=0, show=False)
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_rows_are_written_says_how_to_go_on(tmp_path, number):
    """The pipe is full, so that is what it does at that moment."""
    leads(9_000).to_csv(tmp_path / "long.csv", index=False)
    command = [sys.executable, "-m", "cleanlist_pandas", "enrich", str(tmp_path / "long.csv"), "-o", "-", "--sandbox"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout.read(1_000).startswith(b"ZIP,Email,")
        child.send_signal(number)
        _, told = child.communicate(timeout=60)
    assert child.returncode == 3
    assert b"Interrupted while writing: standard output is cut off. What was answered is in the ledger: " in told
    assert b"Traceback" not in told


@contextmanager
def no_room_past(n_bytes):
    """Let no file grow longer: to a program as good as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_full_disk_loses_neither_the_old_file_nor_what_was_paid(tmp_path, service, capsys, name):
    """Several parts in; the same again with room is free."""
    out = tmp_path / name
    out.write_text("old")
    rows = pd.concat([leads(3_000)] * 4)
    rows.assign(noise=np.random.default_rng(0).random(len(rows))).to_csv(tmp_path / "in.csv", index=False)
    again = ["enrich", str(tmp_path / "in.csv"), "-o", str(out), "--fields", "title", "--quiet"]
    with no_room_past(100_000):
        assert main(again) == 1
    n_asked = len(service.requests)
    told = capsys.readouterr().err
    assert f"{out}: could not be written (File too large); name another file with -o. What was answered" in told
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert main(again) == 0
    assert len(service.requests) == n_asked > 9


def test_a_pipe_that_finds_no_room_is_refused(tmp_path, monkeypatch, service, capsys):
    """Before anybody is asked."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(leads(3_000).to_csv(index=False).encode())))
    with no_room_past(10_000):
        assert main(["enrich", "-", "-o", str(tmp_path / "out.csv"), "--quiet"]) == 2
    assert (
        f"could not be kept in {tmp_path} to be read twice (File too large); nothing was sent"
        in capsys.readouterr().err
    )
    assert service.requests == []


class Terminal(io.StringIO):
    """Somewhere a person looks at."""

    def isatty(self):
        return True


def test_rows_and_credits_are_told_on_a_terminal(monkeypatch):
    """In one line, which is gone when it is done."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    with counting("written", 300, show=True, credits=1_200, delay_s=0) as told:
        told(100)
    assert "cleanlist 0/300 rows written, 1,200 credits spent" in sys.stderr.getvalue()


def test_rows_are_told_by_the_minute_where_nobody_watches(caplog):
    """In the log, at level INFO; nothing where it is not wanted."""
    caplog.set_level("INFO", "cleanlist_pandas")
    for show, every_s in ((True, 0.0), (True, 60.0), (False, 0.0)):
        with counting("read", None, show=show, every_s=every_s) as told:
            told(100)
            told(1_000)
    assert caplog.messages == ["cleanlist 100 rows read", "cleanlist 1,100 rows read"]
