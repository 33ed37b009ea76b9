"""What a hostile reader found: each stays found."""

from __future__ import annotations

import datetime
import inspect
import warnings
from pathlib import Path

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.cli import main
from cleanlist_pandas.sandbox import Fault


def people(n: int) -> pd.DataFrame:
    return pd.DataFrame({"email": [f"p{i}@acme.example" for i in range(n)]})


def test_two_look_ups_together_hold_a_third():
    """Title bought, phone bought: title and phone are held, and nobody is charged again."""
    frame = people(4)
    with cl.sandbox(hit_rate=1.0) as service:
        cl.enrich(frame, ["title"])
        cl.enrich(frame, ["phone"])
        charged = service.charged
        out = cl.enrich(frame, ["title", "phone"], provenance=True)
        assert service.charged == charged
    assert out.enriched_title.notna().any()
    assert out.enriched_phone.notna().any()
    assert set(out.enriched_source) == {"ledger"}


def test_a_warning_points_at_the_callers_line():
    """From the function, from the accessor."""
    frame = people(3)
    with cl.sandbox(hit_rate=1.0), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cl.enrich(frame, ["title"], max_credits=1)
        frame.cleanlist.enrich(["title"], max_credits=1)
    assert [Path(one.filename).name for one in caught] == [Path(__file__).name] * 2


def test_resume_goes_on_where_the_first_call_was():
    """When the sandbox around it has been closed, its ledger is gone: nothing is asked, of nobody else either."""
    with cl.sandbox(hit_rate=1.0) as other:
        with cl.sandbox(hit_rate=1.0, credits=1) as first, pytest.raises(cl.OutOfCreditsError) as caught:
            cl.enrich(people(3), ["title"], concurrency=1)
        assert first.charged == 1
        with pytest.raises(cl.LedgerError, match="no longer holds"):
            caught.value.resume()
        with pytest.raises(cl.ServiceError, match="no connection"):
            caught.value.resume(ledger=None, max_wait_s=0.5)
        assert other.requests == []


def test_resume_does_not_ask_again_what_a_forced_refresh_was_answered():
    """``max_age=0`` is about what was held before."""
    with cl.sandbox(hit_rate=1.0, faults=[None, Fault(status=401), None, None]) as service:
        with pytest.raises(cl.AuthenticationError) as caught:
            cl.enrich(people(3), ["title"], concurrency=1, max_age=0)
        out = caught.value.resume()
        assert out.enriched_status.tolist() == ["completed"] * 3
        assert service.charged == 3


@pytest.mark.parametrize(("age", "days"), [(90.0, 90), ("90", 90), ("1.5", 1.5), (0, 0), ("30D", 30)])
def test_bare_ages_are_days(age, days):
    """pandas alone would read nanoseconds, and everything held would be bought again."""
    with cl.option_context(max_age=age):
        assert cl.options.max_age == datetime.timedelta(days=days)


@pytest.mark.parametrize("name", ["timeout_s", "max_wait_s", "connect_timeout_s", "in_doubt", "on_existing"])
def test_none_is_refused_where_it_means_nothing(name):
    """No time-out at all would be a run without end."""
    with pytest.raises(cl.ConfigurationError, match=name), cl.option_context(**{name: None}):
        pass


def test_a_key_that_the_service_repeats_is_kept_out_of_everything(tmp_path):
    """Error, frame and ledger."""
    path = tmp_path / "ledger.sqlite3"
    with cl.sandbox() as service:
        key = service.api_key
    fault = Fault(status=401, body=f'{{"detail": "Invalid API key {key} of jo%40acme.example"}}'.encode())
    with cl.sandbox(faults=[fault]), pytest.raises(cl.AuthenticationError) as caught:
        cl.enrich(people(1), ["title"], ledger=path)
    told = str(caught.value) + repr(caught.value.partial.attrs)
    assert key not in told
    assert "jo%40" not in told
    assert key.encode() not in path.read_bytes()


@pytest.mark.parametrize("key", ["clnl_invented_0000000000000001", "c"])
def test_a_key_that_an_answer_repeats_is_not_kept_and_costs_no_answer(tmp_path, key):
    """A short one may stand in any word and is left alone."""
    path = tmp_path / "ledger.sqlite3"
    row = {"enriched_title": "cto"}
    fault = Fault(
        status=200, body={"status": "completed", "csv_row": row, "meta": {"credits_used": 1}, "for": key}, charge=True
    )
    with cl.sandbox(faults=[fault]):
        out = cl.enrich(people(1), ["title"], ledger=path, api_key=key)
    assert out.enriched_title.tolist() == ["cto"]
    assert (key.encode() in path.read_bytes()) == (key == "c")


@pytest.mark.parametrize("status", [401, 429])
def test_a_compressed_error_is_judged_by_its_status(status):
    """It is an answer: nothing is in doubt."""
    fault = Fault(status=status, headers={"Content-Encoding": "gzip", "Retry-After": "0"}, body=b"\x1f\x8b rubbish")
    with cl.sandbox(hit_rate=1.0, faults=[fault]):
        try:
            out = cl.enrich(people(2), ["title"], concurrency=1)
        except cl.AuthenticationError as error:
            out = error.partial
    assert "in_doubt" not in set(out.enriched_status)


def test_the_result_shares_nothing_with_the_input_or_the_last_run():
    """``attrs`` and columns."""
    frame = people(1)
    frame.attrs["mine"] = {"a": 1}
    with cl.sandbox(hit_rate=1.0):
        out = cl.enrich(frame, ["title"])
    out.attrs["mine"]["a"] = 2
    out["more"] = 1
    assert frame.attrs == {"mine": {"a": 1}}
    assert "more" not in cl.last_run().frame


def test_whoever_is_erased_from_the_usual_ledger_is_sent_with_no_other_one_either(tmp_path):
    """Erased is erased, also for a run in memory."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.Ledger().erase("P0@acme.example")
        for ledger in (None, tmp_path / "other.sqlite3"):
            out = cl.enrich(people(2), ["title"], ledger=ledger)
            assert out.enriched_status.tolist() == ["skipped", "completed"]
        assert {request.email for request in service.requests} == {"p1@acme.example"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("trailing.csv", "email\np0@acme.example,\np1@acme.example,\n"),
        ("ragged.csv", "email\np0@acme.example,asked us to\np1@acme.example\n"),
        ("nohead.csv", "p0@acme.example\np1@acme.example\n"),
        ("list.txt", "E-Mail\np0@acme.example\np1@acme.example\n"),
    ],
)
def test_no_suppress_file_keeps_nobody_out_in_silence(tmp_path, name, content):
    """However it was saved."""
    (tmp_path / name).write_text(content)
    assert cl.estimate_cost(people(3), ["title"], suppress=tmp_path / name).buckets["suppressed"] == 2


@pytest.mark.parametrize("given", ["dnc.xlsx", "dnc.csv.gz", "lists/dnc", Path("dnc")])
def test_a_suppress_file_that_cannot_be_read_is_refused(given):
    """It is no domain."""
    with pytest.raises(cl.ConfigurationError, match="suppress file"):
        cl.estimate_cost(people(1), ["title"], suppress=given)


def test_aenrich_is_seen_to_be_awaitable():
    """By schedulers and test runners."""
    assert inspect.iscoroutinefunction(cl.aenrich)


def test_the_plan_shows_its_price():
    """And names the column that is paid for."""
    assert repr(cl.plan(people(2), ["phone"])).startswith("At most 22 credits: 2 look-ups at 11 credits.")
    assert "Addresses in 'email'" in repr(cl.plan(people(2)))


def test_a_file_without_a_header_is_refused(tmp_path, capsys):
    """Its first person would be taken for the column's name, left out, and shown."""
    path = tmp_path / "nohead.csv"
    path.write_text("jo@acme.example,Jo\nann@acme.example,Ann\n")
    assert main(["estimate", str(path)]) == 2
    told = capsys.readouterr().err
    assert "no header" in told
    assert "acme" not in told
