"""Phones only for those whose answer passes: two steps, one budget, one bill."""

from __future__ import annotations

import asyncio
import sys

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

RANKS = ["entry", "director", "vp", "manager"]
PEOPLE = [
    {"email": f"p{n}@acme.example", "title": f"t{n}", "seniority": rank, "phone": f"+1-555-010{n}"}
    for n, rank in enumerate(RANKS)
]
LEADS = pd.DataFrame({"email": [one["email"] for one in PEOPLE] + ["nobody@acme.example", "P1@acme.example", "n/a"]})
FIELDS = ["title", "seniority", "phone"]


def senior(frame):
    return frame.enriched_seniority >= "director"


def plain(column):
    return [None if pd.isna(value) else value for value in column]


def test_everybody_costs_1_and_those_who_pass_11_more():
    """4 found for 1 each, 2 phones for 11 each: 26, where 44 would have been paid."""
    with cl.sandbox(people=PEOPLE) as service:
        shown = cl.estimate_cost(LEADS, FIELDS, phone_if=senior)
        assert (shown.at_most, shown.phones, shown.phone_credits, shown.requests) == (60, 5, 55, 10)
        assert shown.break_even == pytest.approx(50 / 55, abs=1e-4)
        assert "5 for 5 look-ups, then 55 for 5 phones if phone_if= holds" in repr(shown)
        assert "Expected about 30 (0 to 60 in 9 of 10 cases) if phone_if= holds for everybody, a guess" in repr(shown)
        out = cl.enrich(LEADS, FIELDS, phone_if=senior, provenance=True)
        assert service.charged == cl.last_run().report.credits == int(out["enriched_credits"].sum()) == 26
        assert cl.last_run().report.requests == len(service.requests) == 7
    assert plain(out["enriched_phone"]) == [None, "+1-555-0101", "+1-555-0102", None, None, "+1-555-0101", None]
    assert plain(out["enriched_title"]) == ["t0", "t1", "t2", "t3", None, "t1", None]
    assert out["enriched_status"].tolist() == [*["completed"] * 4, "not_found", "completed", "skipped"]
    assert plain(out["enriched_source"]) == [*["api"] * 6, None]
    assert out.columns[1:5].tolist() == ["enriched_title", "enriched_seniority", "enriched_phone", "enriched_status"]


def test_the_same_again_sends_nothing():
    """Neither step does."""
    with cl.sandbox(people=PEOPLE) as service:
        first = cl.enrich(LEADS, FIELDS, phone_if=senior)
        n_sent = len(service.requests)
        pd.testing.assert_frame_equal(cl.enrich(LEADS, FIELDS, phone_if=senior), first)
        assert len(service.requests) == n_sent


def test_max_age_0_asks_everybody_once_in_each_step():
    """The first step's answers stand for the second."""
    with cl.sandbox(people=PEOPLE, idempotency=False) as service:
        for _ in range(2):
            cl.enrich(LEADS, FIELDS, phone_if=senior, max_age=0)
        assert service.charged == 52


@pytest.mark.parametrize("options", [{"ledger": None}, {"concurrency": 1}, {"on_existing": "replace"}])
def test_it_works_with_any_ledger_and_any_options(options):
    """In memory, one at a time, over old columns."""
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(LEADS, FIELDS, phone_if=senior, **options)
        assert (service.charged, int(out["enriched_phone"].notna().sum())) == (26, 3)


def test_phones_alone_are_screened_by_what_the_frame_has():
    """Nothing has to be asked first."""
    frame = pd.DataFrame({"email": LEADS["email"][:3], "score": [1, 9, None]})
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, ["phone"], phone_if=lambda d: d["score"] > 5)
        assert (service.charged, plain(out["enriched_phone"])) == (11, [None, "+1-555-0101", None])


def test_the_predicate_cannot_change_the_callers_frame():
    """It is handed one of its own."""

    def spoil(frame):
        frame["email"] = "x"
        return frame["email"] == "y"

    before = LEADS.copy(deep=True)
    with cl.sandbox(people=PEOPLE):
        cl.enrich(LEADS, ["phone"], phone_if=spoil)
        cl.enrich(LEADS, FIELDS, phone_if=spoil)
    pd.testing.assert_frame_equal(LEADS, before)


@pytest.mark.parametrize(
    ("phone_if", "fields", "message"),
    [
        ("director", FIELDS, "must be a function"),
        (asyncio.sleep, FIELDS, "must be a function"),
        (senior, ["title"], "add 'phone' to fields="),
        (lambda d: d.no_such_column, FIELDS, "AttributeError"),
        (lambda d: [True], FIELDS, "1 answers for 7 rows"),
        (lambda d: d["email"], FIELDS, "phone_if= must give True or False"),
        (lambda d: True, FIELDS, "1 answers for 7 rows"),
        (lambda d: d.sort_values("email")["email"].notna(), FIELDS, "its index is not the frame's"),
        (lambda d: d["email"].notna().reset_index(drop=True).iloc[::-1], FIELDS, "its index is not the frame's"),
        (lambda d: d[["email"]].notna(), FIELDS, "ValueError"),
        (lambda d: sys.exit(1), FIELDS, "SystemExit"),
    ],
)
def test_a_predicate_that_does_not_work_is_refused_before_anything_is_sent(phone_if, fields, message):
    """It is tried on the frame without answers first."""
    with cl.sandbox(people=PEOPLE) as service:
        with pytest.raises(cl.ConfigurationError, match=message):
            cl.enrich(LEADS, fields, phone_if=phone_if)
        assert service.requests == []


@pytest.mark.parametrize("failure", [AssertionError, SystemExit, KeyboardInterrupt])
def test_a_predicate_that_fails_on_the_answers_loses_nothing(failure):
    """No phone is bought; the titles are in the partial frame, and resume() goes on with a better one."""

    def fragile(frame):
        if frame["enriched_title"].notna().any():
            raise failure
        return frame["enriched_title"].notna()

    with cl.sandbox(people=PEOPLE) as service:
        with pytest.raises(cl.RunStoppedError, match="No phone was bought, because phone_if= failed") as caught:
            cl.enrich(LEADS, FIELDS, phone_if=fragile, ledger=None)
        assert service.charged == caught.value.report.credits == 4
        assert plain(caught.value.partial["enriched_title"])[:4] == ["t0", "t1", "t2", "t3"]
        assert caught.value.partial["enriched_status"].tolist()[:4] == ["not_attempted"] * 4
        out = caught.value.resume(phone_if=senior)
        assert (service.charged, int(out["enriched_phone"].notna().sum())) == (26, 3)


def test_a_budget_is_one_for_both_steps():
    """4 for the titles, 11 for one phone; the other phone is not attempted."""
    with cl.sandbox(people=PEOPLE) as service:
        with pytest.warns(cl.CleanlistWarning, match="5 left of max_credits=20, and a look-up costs 11"):
            out = cl.enrich(LEADS, FIELDS, phone_if=senior, max_credits=20)
        assert service.charged == 15
    assert plain(out["enriched_phone"])[1:3] == ["+1-555-0101", None]
    assert out["enriched_status"].tolist()[1:3] == ["completed", "not_attempted"]


@pytest.mark.parametrize("k", [0, 2, 5, 6])
def test_an_account_that_runs_dry_at_any_call_loses_nothing(k):
    """Resumed with a full one, everybody has been paid for once."""
    with cl.sandbox(people=PEOPLE, faults=[None] * k + [Fault(status=402)]) as service:
        with pytest.raises(cl.OutOfCreditsError) as caught:
            cl.enrich(LEADS, FIELDS, phone_if=senior, concurrency=1, provenance=True)
        assert int(caught.value.partial["enriched_credits"].sum()) == service.charged == caught.value.report.credits
        out = caught.value.resume()
        assert (service.charged, int(out["enriched_phone"].notna().sum())) == (26, 3)


def test_a_phone_in_doubt_is_asked_for_again_by_whoever_says_so():
    """In the second step, as in a run of one."""
    faults = {"p1@acme.example": [None, Fault(reset="after_body"), None]}
    with cl.sandbox(people=PEOPLE, faults=faults) as service:
        assert cl.enrich(LEADS, FIELDS, phone_if=senior)["enriched_status"].tolist()[1] == "in_doubt"
        assert cl.enrich(LEADS, FIELDS, phone_if=senior)["enriched_status"].tolist()[1] == "in_doubt"
        out = cl.enrich(LEADS, FIELDS, phone_if=senior, in_doubt="retry")
        assert (out["enriched_status"].tolist()[1], out["enriched_phone"].tolist()[1]) == ("completed", "+1-555-0101")
        assert service.charged == 26


def test_somebody_in_doubt_after_the_first_step_is_not_sent_a_second_time():
    """Not even where doubts are to be retried: this one is this run's own."""
    with cl.sandbox(people=PEOPLE, faults={"p1@acme.example": [Fault(reset="after_charge")]}) as service:
        out = cl.enrich(LEADS, FIELDS, phone_if=senior, in_doubt="retry")
        assert sum(one.email == "p1@acme.example" for one in service.requests) == 1
    assert out["enriched_status"].tolist()[1] == "in_doubt"


def test_each_table_and_list_is_read_once(tmp_path):
    """However many steps there are: a file may be a pipe, and who is suppressed when it begins is so until it ends."""
    known, suppress = tmp_path / "known.csv", tmp_path / "never.txt"
    known.write_text("email,enriched_title\np0@acme.example,mine\n")
    suppress.write_text(f"{LEADS['email'][1]}\n")

    def spoil(frame):
        known.write_text("no table")
        suppress.unlink(missing_ok=True)
        return frame["email"].notna()

    with cl.sandbox(people=PEOPLE) as service:
        cl.enrich(LEADS, FIELDS, phone_if=spoil, known=known, suppress=suppress)
        assert LEADS["email"][1] not in {request.email for request in service.requests}
