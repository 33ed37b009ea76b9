"""Bad input: the right error, in one sentence, and nothing is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

LEADS = pd.DataFrame({"email": ["jo@acme.example", "ann@acme.example"], "name": ["Jo", "Ann"]})
TWICE = pd.DataFrame([["a@x.example", "b@x.example"]], columns=["email", "email"])
TWO = pd.DataFrame({"Email": ["a@x.example"], "E-Mail": ["b@x.example"]})

BAD = {
    "unknown field": (
        LEADS,
        {"fields": "titel"},
        cl.ConfigurationError,
        "'titel' is not a field; did you mean 'title'",
    ),
    "no field": (LEADS, {"fields": []}, cl.ConfigurationError, "fields is empty"),
    "field of another type": (LEADS, {"fields": [5]}, cl.ConfigurationError, "5 is not a field"),
    "fields of another type": (LEADS, {"fields": 5}, cl.ConfigurationError, "names such as .*, not int"),
    "fields as bytes": (LEADS, {"fields": b"title"}, cl.ConfigurationError, "names such as .*, not bytes"),
    "no e-mail column": (LEADS[["name"]], {}, cl.ColumnsError, "No e-mail column"),
    "no columns": (pd.DataFrame(), {}, cl.ColumnsError, "no columns"),
    "no frame": (LEADS["email"], {}, cl.ColumnsError, "DataFrame"),
    "e-mail column twice": (TWICE, {}, cl.ColumnsError, "2 columns labelled 'email'"),
    "two e-mail columns": (TWO, {}, cl.ColumnsError, "'Email' and 'E-Mail' are equally good"),
    "column not there": (LEADS, {"columns": "mial"}, cl.ColumnsError, "'mial' for email, which is no column"),
    "unknown role": (LEADS, {"columns": {"mail": "email"}}, cl.ColumnsError, "no role 'mail'"),
    "negative budget": (LEADS, {"max_credits": -1}, cl.ConfigurationError, "max_credits must be a whole number"),
    "half a credit": (LEADS, {"max_credits": 1.5}, cl.ConfigurationError, "max_credits must be a whole number"),
    "budget as text": (LEADS, {"max_credits": "5"}, cl.ConfigurationError, "max_credits must be a whole number"),
    "budget true": (LEADS, {"max_credits": True}, cl.ConfigurationError, "max_credits must be a whole number"),
    "plain http": (LEADS, {"base_url": "http://cleanlist.test/v1"}, cl.ConfigurationError, "unencrypted; write https"),
    "unknown service": (LEADS, {"service": "v9"}, cl.ConfigurationError, "service must be 'csv_row'"),
    "missing suppress file": (LEADS, {"suppress": "gone.txt"}, cl.ConfigurationError, "there is no such file"),
    "e-mail column would be written over": (
        LEADS.rename(columns={"email": "enriched_title"}),
        {"columns": "enriched_title", "on_existing": "replace"},
        cl.ColumnsError,
        "written over",
    ),
}


@pytest.mark.parametrize(("frame", "options", "kind", "told"), BAD.values(), ids=BAD)
def test_bad_input_is_one_clear_error_and_nothing_is_sent(frame, options, kind, told):
    """Also a ValueError, for those who catch that."""
    with cl.sandbox() as service:
        with pytest.raises(kind, match=told) as caught:
            cl.enrich(frame, **options)
        assert service.requests == []
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)
    assert "@" not in str(caught.value)


@pytest.mark.parametrize("name", [n for n in BAD if not n.startswith(("negative", "half", "budget"))])
def test_the_estimate_refuses_what_the_run_would(name):
    """In the same words."""
    frame, options, kind, told = BAD[name]
    with pytest.raises(kind, match=told):
        cl.estimate_cost(frame, **options)


def test_no_key_and_no_sandbox_names_both_ways_out():
    """And keeps no trace of a look-up."""
    with pytest.raises(cl.ConfigurationError, match=r"CLEANLIST_API_KEY.*sandbox\(\)"):
        cl.enrich(LEADS)


def test_no_key_is_needed_where_nothing_is_to_be_bought():
    """A frame without addresses, or one that lacks nothing."""
    out = cl.enrich(pd.DataFrame({"email": [None, "-"]}), ["title"])
    assert out["enriched_status"].tolist() == ["skipped", "skipped"]
    out = cl.enrich(LEADS.assign(enriched_title="mine"), ["title"])
    assert out["enriched_status"].tolist() == ["completed", "completed"]


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no ledger at all" * 100)


def directory(path: Path) -> None:
    path.mkdir()


def newer(path: Path) -> None:
    """A file of SQLite's that is not ours, or not yet."""
    with cl.Ledger(path):
        pass
    content = bytearray(path.read_bytes())
    content[60:64] = (10_000).to_bytes(4, "big")  # PRAGMA user_version
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [damaged, directory, newer])
def test_a_ledger_that_cannot_be_trusted_stops_everything(tmp_path, spoil):
    """The error names the file; nothing is sent."""
    path = tmp_path / "ledger.sqlite3"
    spoil(path)
    with cl.sandbox() as service:
        with pytest.raises(cl.LedgerError, match=r"ledger\.sqlite3"):
            cl.enrich(LEADS, ledger=path)
        assert service.requests == []


def test_a_ledger_under_a_file_stops_everything(tmp_path):
    """Its folder cannot be made."""
    (tmp_path / "file").write_text("")
    with cl.sandbox() as service:
        with pytest.raises(cl.LedgerError):
            cl.enrich(LEADS, ledger=tmp_path / "file" / "ledger.sqlite3")
        assert service.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, cl.AuthenticationError), (403, cl.AuthenticationError), (402, cl.OutOfCreditsError)],
)
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_refusal_at_any_call_keeps_what_was_answered(status, kind, at):
    """The error carries the frame so far and can go on; together they pay for nobody twice."""
    frame = pd.DataFrame({"email": [f"p{n}@acme.example" for n in range(4)]})
    faults = [None] * at + [Fault(status=status)]
    with cl.sandbox(hit_rate=1.0, faults=faults) as service:
        with pytest.raises(kind, match=rf"{at} credits? w(as|ere) spent.*error\.partial") as caught:
            cl.enrich(frame, ["title"], concurrency=1)
        error = caught.value
        assert error.partial["enriched_status"].tolist() == ["completed"] * at + ["not_attempted"] * (4 - at)
        assert error.report.credits == service.charged == at
        out = error.resume()
        assert out["enriched_status"].tolist() == ["completed"] * 4
        assert service.charged == 4
    assert service.api_key not in str(error) + repr(error)
    assert "@" not in str(error)


def test_the_ledger_is_not_left_open_to_others(tmp_path):
    """Readable by its owner only."""
    path = tmp_path / "ledger.sqlite3"
    with cl.sandbox():
        cl.enrich(LEADS, ledger=path)
    assert os.stat(path).st_mode & 0o077 == 0
