"""df.cleanlist.report(): what the run that made a frame did, wherever the frame has been since."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.errors import ColumnsError, ConfigurationError

ROOT = Path(cl.__file__).parents[1]
KNOWN = [
    {"email": "a@acme.example", "title": "CTO", "seniority": "c_level", "email_status": "valid"},
    {"email": "b@acme.example", "seniority": "vp", "email_status": "valid", "phone": "+1-555-0100"},
    {"email": "c@gmail.com", "title": "Clerk", "seniority": "entry", "email_status": "invalid"},
]
LEADS = pd.DataFrame(
    {"email": ["a@acme.example", "A@acme.example", "b@acme.example", "c@gmail.com", "d@gmail.com", "n/a"]},
    index=[3, 3, 4, 5, 6, 7],
)
FIELDS = ["title", "seniority", "phone", "email_status"]

TEXT = """\
33 of at most 44 credits spent, 4 requests.
4 people: 3 completed, 1 not found.
Hit rate: 75% (3 of 4 people).

Hit rate by mail domain
        2 business               100% found (2; 95 % interval 34% to 100%)
        2 free-mail               50% found (1; 95 % interval 9% to 91%)

Coverage of 3 completed people
        3 email_status           100%
        2 title                   67%
        3 seniority              100%
        1 phone                   33%

Seniority
        1 entry                   33%
        1 vp                      33%
        1 c_level                 33%

E-mail status
        2 valid                   67%
        1 invalid                 33%"""


def enriched(frame: pd.DataFrame = LEADS, **options: object) -> pd.DataFrame:
    """Return what a run in a sandbox of the known people makes."""
    with cl.sandbox(people=KNOWN):
        return cl.enrich(frame, FIELDS, **{"ledger": None, **options})


@pytest.fixture(scope="module")
def out() -> pd.DataFrame:
    """A frame that a run made."""
    return enriched()


def test_it_says_it_all(out):
    """Exactly, and the same from the function."""
    assert repr(out.cleanlist.report()) == repr(cl.report(out)) == TEXT


def test_html_and_text_say_the_same(out):
    """Every number."""
    html = out.cleanlist.report()._repr_html_()
    for word in ("33 of at most 44 credits spent", "free-mail", "34% to 100%", "Coverage of 3 completed people", "67%"):
        assert word in html


def test_it_changes_nothing_and_says_the_same_twice(out):
    """Pure."""
    before = out.copy()
    assert cl.report(out) == cl.report(out)
    pd.testing.assert_frame_equal(out, before)
    assert out.attrs == before.attrs


def test_the_numbers_as_pandas_has_them(out):
    """Typed, with the counts that value_counts() would give."""
    report = out.cleanlist.report()
    assert report.hit_rate == 0.75
    assert report.coverage.to_dict() == {
        "n": {"email_status": 3, "title": 2, "seniority": 3, "phone": 1},
        "share": {"email_status": 1.0, "title": pytest.approx(2 / 3), "seniority": 1.0, "phone": pytest.approx(1 / 3)},
    }
    assert report.seniorities[report.seniorities > 0].to_dict() == {"entry": 1, "vp": 1, "c_level": 1}
    assert report.email_statuses["valid"] == 2
    assert report.domains[["asked", "found", "rate"]].to_dict("index") == {
        "business": {"asked": 2, "found": 2, "rate": 1.0},
        "free-mail": {"asked": 2, "found": 1, "rate": 0.5},
    }


@pytest.mark.parametrize("rows", [slice(0), slice(1), slice(None)])
def test_dtypes_do_not_depend_on_the_data(out, rows):
    """Nor on whether there is any."""
    report = out.iloc[rows].cleanlist.report()
    assert report.coverage.dtypes.astype(str).to_dict() == {"n": "int64", "share": "float64"}
    assert report.seniorities.dtype == report.email_statuses.dtype == "int64"
    assert report.domains.dtypes.astype(str).tolist() == ["int64", "int64", "float64", "float64", "float64"]
    text = pd.Series(["a"]).dtype
    assert {report.coverage.index.dtype, report.seniorities.index.dtype, report.domains.index.dtype} == {text}


def test_to_dict_is_plain_json(out):
    """With the tables and the findings; that of the run itself has neither."""
    told = out.cleanlist.report().to_dict()
    assert json.loads(json.dumps(told)) == told
    assert (told["coverage"]["title"], told["findings"], told["sources"]) == (2, [], {"api": 4})
    assert told["domains"]["free-mail"] == {"asked": 2, "found": 1, "sent": 2}
    with cl.sandbox(people=KNOWN):
        cl.enrich(LEADS, FIELDS, ledger=None)
    of_run = cl.last_run().report
    assert "coverage" not in of_run.to_dict()
    assert repr(of_run) == "\n".join(TEXT.splitlines()[:2])
    with pytest.raises(ConfigurationError, match=r"out\.cleanlist\.report\(\) does"):
        _ = of_run.coverage


def test_another_process_reads_it_from_parquet(out, tmp_path):
    """Without key, ledger or network; only the sending's seconds were rounded before."""
    out.reset_index(drop=True).to_parquet(tmp_path / "out.parquet")
    code = "import sys, pandas as pd, cleanlist_pandas as cl;print(pd.read_parquet(sys.argv[1]).cleanlist.report())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "out.parquet")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.rstrip("\n"), done.stderr) == (TEXT, "")


def test_it_survives_what_attrs_survive(out):
    """Sorting, new columns, pickling, text instead of categories."""
    for frame in (
        out.sort_values("email", ascending=False),
        out.assign(x=1).rename(columns={"email": "Work E-mail"}),
        pickle.loads(pickle.dumps(out)),
        out.astype(object),
    ):
        assert repr(frame.cleanlist.report()) == TEXT


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_every_dtype_backend(backend):
    """Says the same."""
    assert repr(enriched(dtype_backend=backend).cleanlist.report()) == TEXT


def test_multiindex_columns():
    """Our columns are found at the top."""
    wide = LEADS.set_axis(pd.MultiIndex.from_tuples([("email", "work")]), axis=1)
    assert repr(enriched(wide, columns=("email", "work")).cleanlist.report(columns=("email", "work"))) == TEXT


def lost(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame without its attrs, as after a CSV file."""
    frame = frame.copy()
    frame.attrs = {}
    return frame


@pytest.mark.parametrize(
    "damage",
    [
        lost,
        lambda out: out.merge(out, on="email"),
        lambda out: LEADS,
        lambda out: [1, 2],
        lambda out: None,
    ],
)
def test_a_frame_that_lost_its_run_is_told_what_to_do(out, damage):
    """The ways out, in one sentence each."""
    damaged = damage(out)
    if isinstance(damaged, pd.DataFrame):
        damaged.attrs = {}  # pandas versions differ in what merge keeps
    with pytest.raises(ConfigurationError, match=r"does not say which run made it: .* df\.attrs = out\.attrs\."):
        cl.report(damaged)


def test_attrs_given_back_are_enough(out):
    """As the error says."""
    again = lost(out)
    again.attrs = out.attrs
    assert repr(again.cleanlist.report()) == TEXT


@pytest.mark.parametrize(
    "change",
    [
        {"statuses": {"<script>": 3}},
        {"statuses": [1]},
        {"sources": None},
        {"sources": {"elsewhere": 1}},
        {"fields": ["salary"]},
        {"fields": 3},
        {"credits": "many"},
        {"people": float("inf")},
        {"seconds": None},
    ],
)
def test_attrs_that_no_run_wrote_are_refused(out, change):
    """Not believed, and no foreign error."""
    again = lost(out)
    again.attrs = {"cleanlist": {**out.attrs["cleanlist"], **change}}
    with pytest.raises(ConfigurationError, match="does not say which run made it"):
        again.cleanlist.report()
    for other in ({}, [], "x", None, 3):
        again.attrs = {"cleanlist": other}
        with pytest.raises(ConfigurationError, match="does not say which run made it"):
            again.cleanlist.report()


def test_hostile_attrs_are_shown_harmlessly(out):
    """A Parquet file may come from anybody."""
    again = lost(out)
    again.attrs = {"cleanlist": {**out.attrs["cleanlist"], "stopped": "<script>alert(1)</script>\x1b[2J"}}
    report = again.cleanlist.report()
    assert "<script>" not in report._repr_html_()
    assert "\x1b" not in repr(report) + report._repr_html_()
    assert "Stopped early: &lt;script&gt;" in report._repr_html_()


def test_a_part_of_the_frame_says_so(out):
    """No rates, no findings: those who are not there cannot be judged."""
    part = out[out.enriched_status == "completed"].cleanlist.report()
    assert "This frame holds 3 of the run's 4 people: these are counted." in repr(part)
    assert (len(part.domains), part.findings, part.hit_rate) == (0, (), 0.75)
    assert "mail domain" not in repr(part)
    assert part.to_dict()["domains"] == {}


def test_a_frame_without_rows_or_without_addresses(out):
    """Counts what there is."""
    assert "This frame holds 0 of the run's 4 people" in repr(out.iloc[:0].cleanlist.report())
    bare = out.drop(columns="email").cleanlist.report()
    assert "No column of addresses was found: rows are counted" in repr(bare)
    assert "Coverage of 4 completed rows" in repr(bare)
    nobody = enriched(LEADS.iloc[:0]).cleanlist.report()
    assert repr(nobody) == "0 of at most 0 credits spent, 0 requests.\n0 people: none.\n\n" + "\n".join(
        ["Coverage of 0 completed people"] + [f"        0 {name:<22}   0%" for name in cl.report(out).coverage.index]
    )


def test_the_column_that_was_looked_up_is_remembered():
    """Though another one could be meant; columns= decides if it is given."""
    two = LEADS.assign(other=["x@acme.example"] * 6).rename(columns={"email": "Email", "other": "E-mail"})
    out = enriched(two, columns="Email")
    assert repr(out.cleanlist.report()) == TEXT
    assert "This frame holds 1 of the run's 4 people" in repr(out.cleanlist.report(columns="E-mail"))
    with pytest.raises(ColumnsError, match="names 'Mail'"):
        out.cleanlist.report(columns="Mail")


def test_values_that_were_there_before_are_no_hits():
    """The second run found one more; who was asked is known with provenance only."""
    first = enriched(LEADS.iloc[:3])
    again = pd.concat([first, LEADS.iloc[3:]]).astype({"enriched_phone": object})
    again["enriched_title"] = again["enriched_title"].fillna("-").where(again["email"].str.contains("acme"))
    again["enriched_phone"] = again["enriched_phone"].fillna("+1").where(again["email"].str.contains("acme"))
    plain = enriched(again).cleanlist.report()
    assert (plain.found, plain.asked, plain.sources) == (1, 2, {"api": 2, "existing": 2})
    assert "need enrich(provenance=True)" in repr(plain)
    told = enriched(again, provenance=True).cleanlist.report()
    assert told.domains[["asked", "found"]].to_dict("index") == {"free-mail": {"asked": 2, "found": 1}}


def test_answers_of_the_ledger_are_hits_that_were_not_sent(tmp_path):
    """The second run cost nothing; its rates stand, its requests could not have been saved."""
    enriched(ledger=tmp_path / "ledger.sqlite3")
    with cl.sandbox(people=KNOWN) as service:
        again = cl.enrich(LEADS, FIELDS, ledger=tmp_path / "ledger.sqlite3").cleanlist.report()
        assert service.requests == []
    assert (again.credits, again.hit_rate, again.sources) == (0, 0.75, {"ledger": 4})
    assert again.to_dict()["domains"]["free-mail"] == {"asked": 2, "found": 1, "sent": 0}


def test_findings_are_shown():
    """In the text and in the HTML, of 30 people or more."""
    many = pd.DataFrame({"email": [f"p{n}@acme.example" for n in range(40)] + [f"p{n}@gmail.com" for n in range(40)]})
    with cl.sandbox(people=[{"email": f"p{n}@acme.example", "title": "CTO"} for n in range(40)]):
        report = cl.enrich(many, "title", ledger=None).cleanlist.report()
    assert report.findings == (
        "Hit rate on free-mail domains is 0% (0 of 40 people), elsewhere 100% (40 of 40 people): leaving them out "
        "would have saved 40 requests.",
    )
    assert f"- {report.findings[0]}" in repr(report)
    assert f"<li>{report.findings[0]}</li>" in report._repr_html_()


def test_it_asks_nobody_and_leaves_no_ledger(out, tmp_path):
    """Not even an empty file."""
    with cl.sandbox() as service, cl.option_context(ledger=tmp_path / "ledger.sqlite3"):
        out.cleanlist.report()
        assert service.requests == []
    assert list(tmp_path.iterdir()) == []
