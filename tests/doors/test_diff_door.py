"""The doors to diff: frames and files, the shell, and a real use: who changed jobs between two runs."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.cli import main
from cleanlist_pandas.files import read_frame

BEFORE = pd.DataFrame(
    {
        "Id": ["10", "11", "12"],
        "Email": ["jo@acme.example", "ann@acme.example", "old@acme.example"],
        "enriched_title": ["Buyer", "CTO", "CEO"],
        "enriched_company": ["Acme", "Acme", "Acme"],
        "enriched_phone": [None, "+1-555-0100", None],
    }
)
NOW = pd.DataFrame(
    {
        "Id": ["11", "10", "13"],
        "Email": ["Ann <ANN@acme.example>", "JO@acme.example", "new@acme.example"],
        "enriched_title": ["cto", "=HYPERLINK(1)", "Buyer"],
        "enriched_company": ["@Globex", "ACME Inc.", "Acme"],
        "enriched_phone": ["+1-555-0100", "+1-555-0199", None],
    }
)
FOUND = [
    ("ann@acme.example", "new_company", "Acme", "@Globex"),
    ("jo@acme.example", "new_title", "Buyer", "=HYPERLINK(1)"),
    ("jo@acme.example", "phone_gained", None, "+1-555-0199"),
]
COUNTS = {"new_company": 1, "promotion": 0, "new_title": 1, "phone_gained": 1, "people": 2, "only_now": 1}


def rows_of(changes):
    cells = changes.iloc[:, [0, 1, 3, 4]].astype(object)
    return [tuple(cells.where(cells.notna(), None).iloc[n]) for n in range(len(cells))]


@pytest.fixture
def files(tmp_path):
    for name, frame in (("now", NOW), ("before", BEFORE)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        frame.to_csv(tmp_path / f"{name}.tsv", index=False, sep="\t")
        frame.to_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


# --- in Python --------------------------------------------------------------------------------------------------------


def test_method_and_function_find_the_same():
    """Offline: no sandbox, no key."""
    changes = NOW.cleanlist.diff(BEFORE)
    assert rows_of(changes) == FOUND
    pd.testing.assert_frame_equal(changes, cl.diff(NOW, BEFORE))
    pd.testing.assert_frame_equal(changes, NOW.pipe(cl.diff, before=BEFORE, on=None))


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("as_path", [str, Path])
def test_files_do_as_well_as_frames(files, kind, as_path):
    """On either side."""
    now, before = (as_path(files / f"{name}.{kind}") for name in ("now", "before"))
    expected = cl.diff(NOW, BEFORE)
    for found in (cl.diff(NOW, before), cl.diff(now, before), cl.diff(now, BEFORE)):
        pd.testing.assert_frame_equal(found, expected)


def test_a_path_may_begin_at_home(files, monkeypatch):
    """As in a shell."""
    monkeypatch.setenv("HOME", str(files))
    assert rows_of(cl.diff(NOW, "~/before.csv")) == FOUND


def test_by_a_column(files):
    """Numbers that a file holds as text."""
    changes = NOW.assign(Id=[11, 10, 13]).cleanlist.diff(files / "before.csv", on="Id")
    assert changes.Id.tolist() == [11, 10, 10]
    assert "email" not in changes


def test_nobody_in_both_is_told():
    """An empty table alone would read as nothing has changed."""
    with pytest.warns(cl.CleanlistWarning, match=r"Nobody is in both frames \(3 people now, 1 before\).*on="):
        changes = cl.diff(NOW, BEFORE.tail(1))
    assert changes.empty
    assert cl.diff(NOW.head(0), BEFORE).empty  # nobody at all is no surprise


@pytest.mark.parametrize(
    ("before", "options", "told"),
    [
        ("gone.csv", {}, "gone.csv: there is no such file"),
        ("empty.csv", {}, "is empty"),
        ("before.docx", {}, "files of this kind cannot be read"),
        ("names.csv", {}, 'In the earlier frame: No e-mail column was found.*on="..."'),
        ("before.csv", {"on": "Nr"}, "on= names 'Nr', of which the frame has no column"),
        ("before.csv", {"one": "Id"}, r"diff\(\) has no option 'one'; did you mean 'on'"),
        (None, {}, "For the earlier frame a pandas DataFrame or the path of a file is needed, not NoneType"),
    ],
)
def test_bad_input_is_one_clear_error(files, monkeypatch, before, options, told):
    """A ConfigurationError, which is a ValueError too."""
    monkeypatch.chdir(files)
    Path("empty.csv").write_text("")
    Path("before.docx").write_text("x")
    Path("names.csv").write_text("Name,enriched_title\nJo,CTO\n")
    with pytest.raises(cl.ConfigurationError, match=told) as caught:
        NOW.cleanlist.diff(before, **options)
    assert "\n" not in str(caught.value)


# --- in the shell -----------------------------------------------------------------------------------------------------


def test_counts_for_a_person(files, capsys):
    """On standard error; no file is written."""
    listed = sorted(files.iterdir())
    assert main(["diff", str(files / "now.csv"), str(files / "before.parquet")]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[0].split() == ["1", "new_company"]
    assert told.err.splitlines()[-1] == "People: 2 in both files, 1 in NOW only, 1 in BEFORE only"
    assert sorted(files.iterdir()) == listed


def test_counts_for_a_machine(files, capsys):
    """On standard output."""
    assert main(["diff", str(files / "now.csv"), str(files / "before.csv"), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out).items() >= COUNTS.items()
    assert told.err == ""


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet"])
def test_changes_are_written(files, name):
    """What a spreadsheet would run is made plain in text files; the parquet file is the frame."""
    out = files / name
    assert main(["diff", str(files / "now.parquet"), str(files / "before.csv"), "-o", str(out)]) == 0
    if name == "out.parquet":
        found = pd.read_parquet(out)
        assert rows_of(found) == FOUND
        assert found["row"].dtype == pd.Int64Dtype()
        return
    found = read_frame(str(out))
    assert list(found) == list(cl.diff(NOW, BEFORE))
    assert found["after"].tolist() == ["'@Globex", "'=HYPERLINK(1)", "+1-555-0199"]
    assert found["company"].tolist() == ["'@Globex", "ACME Inc.", "ACME Inc."]
    assert found["title"].tolist() == ["cto", "'=HYPERLINK(1)", "'=HYPERLINK(1)"]
    assert found["row"].tolist() == ["0", "1", "1"]


def test_standard_input_and_output(files, monkeypatch, capsysbinary):
    """A pipe in, a pipe out, counts beside it."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((files / "now.csv").read_bytes())))
    assert main(["diff", "-", str(files / "before.csv"), "--on", "Id", "-o", "-"]) == 0
    told = capsysbinary.readouterr()
    assert told.out.splitlines()[0].startswith(b"Id,change,field,before,after,")
    assert pd.read_csv(io.BytesIO(told.out)).shape == (3, 12)
    assert b"1 new_company" in told.err


def test_nobody_in_both_is_no_traceback(files, capsys):
    """The counts say it; also where warnings are errors."""
    BEFORE.tail(1).to_csv(files / "before.csv", index=False)
    assert main(["diff", str(files / "now.csv"), str(files / "before.csv")]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "People: 0 in both files, 3 in NOW only, 1 in BEFORE only"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["now.csv", "gone.csv"], "gone.csv: there is no such file"),
        (["-", "-"], "Only one file can be standard input"),
        (["now.csv", "before.csv", "-o", "now.csv"], "is the input itself"),
        (["now.csv", "before.csv", "-o", "before.csv"], "is the input itself"),
        (["now.csv", "before.csv", "-o", "out.docx"], "cannot be written"),
        (["now.csv", "before.csv", "-o", "-", "--json"], "both want standard output"),
        (["now.csv", "before.csv", "--on", "Nr"], "on= names 'Nr'"),
        (["now.csv", "plain.csv"], "Nothing to compare"),
    ],
)
def test_wrong_usage_is_exit_code_2(files, monkeypatch, capsys, arguments, told):
    """One line on standard error, no file written."""
    monkeypatch.chdir(files)
    Path("plain.csv").write_text("Email\njo@acme.example\n")
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    assert main(["diff", *arguments]) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert (len(err.splitlines()), out) == (1, "")
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before


# --- a real use -------------------------------------------------------------------------------------------------------

FIELDS = ["company", "title", "seniority", "email_status", "phone"]
PERSON = {"company": "Acme, Inc.", "title": "Buyer", "seniority": "manager", "email_status": "valid"}
LATER = {  # what became of every tenth person, beside the changes that are to be found
    0: ({}, []),
    1: ({"company": "Globex"}, ["new_company"]),
    2: ({"company": "ACME", "title": "Director of Supply", "seniority": "director"}, ["promotion"]),
    3: ({"title": "Clerk", "seniority": "entry", "phone": "+1-404-555-0188"}, ["demotion", "phone_changed"]),
    4: ({"title": "Planner"}, ["new_title"]),
    5: ({"title": "BUYER", "company": "Acme Inc"}, []),
    6: ({"email_status": "invalid", "phone": None}, ["email_invalid", "phone_lost"]),
    7: (
        {"company": "Initech", "title": "VP", "seniority": "vp", "email_status": "invalid"},
        ["new_company", "email_invalid"],
    ),
    8: (None, ["phone_lost"]),  # not found any more
    9: ({"company": None, "title": None, "seniority": None}, []),
}


@pytest.mark.parametrize("way", ["frames", "files"])
def test_who_changed_jobs_since_last_quarter(examples, tmp_path, way):
    """A CRM export is enriched twice from services that know different things: exactly those differences are found."""
    leads = read_frame(str(examples / "hubspot_contacts.csv"))
    emails = cl.check(leads).query("credits > 0").address.tolist()
    spring = [{"email": e, **PERSON, "phone": f"+1-404-555-{n:04}"} for n, e in enumerate(emails)]
    summer = [{**p, **LATER[n % 10][0]} for n, p in enumerate(spring) if LATER[n % 10][0] is not None]
    with cl.sandbox(people=spring):
        before = leads.cleanlist.enrich(FIELDS)
    with cl.sandbox(people=summer) as service:
        now = before.sample(frac=1, random_state=1).cleanlist.enrich(FIELDS, on_existing="replace")
        assert len(service.requests) == len(emails)
    if way == "frames":
        changes = now.cleanlist.diff(before)
    else:
        before.to_parquet(tmp_path / "before.parquet")
        now.to_csv(tmp_path / "now.csv", index=False)
        arguments = [str(tmp_path / "now.csv"), str(tmp_path / "before.parquet"), "-o", str(tmp_path / "out.csv")]
        assert main(["diff", *arguments]) == 0
        changes = read_frame(str(tmp_path / "out.csv"))
    expected = {(email, kind) for n, email in enumerate(emails) for kind in LATER[n % 10][1]}
    assert set(zip(changes["email"], changes["change"], strict=True)) == expected
    assert len(changes) == len(expected) > 250
    tables = {"before": {p["email"]: p for p in spring}, "after": {p["email"]: p for p in summer}}
    for change in changes.astype(object).to_dict("records"):
        for side, table in tables.items():
            value = None if pd.isna(change[side]) or change[side] == "" else change[side]
            assert value == table.get(change["email"], {}).get(change["field"])
    for frame, row in ((now, "row"), (before, "row_before")):
        assert cl.check(frame).address.iloc[changes[row].astype(int)].tolist() == changes["email"].tolist()
