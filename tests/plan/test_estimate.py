"""The estimate as a person and as a program read it."""

from __future__ import annotations

import json
from decimal import Decimal
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.plan.buckets import BUCKETS

LEADS = pd.DataFrame(
    {"email": ["jo@acme.example", "JO@acme.example ", "ann@acme.example", "n/a", "jo@", "x@no.example"]},
    index=[7, 7, 8, 9, 10, 11],
)

REPR = """\
At most 22 credits: 2 look-ups at 11 credits. Misses are free.
Expected about 11 (0 to 22 in 9 of 10 cases), a guess: no history yet.
The free tier's 30 credits a month cover it.
Addresses in 'email'; fields: title, phone

        1 blank      no address
        1 malformed  not an address
        1 suppressed suppressed or erased, never sent
        1 duplicate  a further row of somebody billable
        2 billable   would be looked up
        6 rows       saved 11 credits (duplicate 11)
2 requests at 4 a minute: about 30 seconds."""


def test_repr_says_it_all():
    """Exactly."""
    shown = cl.estimate_cost(LEADS, ["title", "phone"], suppress="no.example", rate_per_minute=4)
    assert repr(shown) == REPR


def test_repr_of_one_and_of_nobody():
    """One of anything is told in the singular."""
    one = cl.estimate_cost(LEADS.iloc[:1], "title", rate_per_minute=1)
    none = cl.estimate_cost(LEADS.iloc[:0], "title")
    assert repr(one) == dedent(
        """\
        At most 1 credit: 1 look-up at 1 credit. Misses are free.
        Expected about 0.5 (0 to 1 in 9 of 10 cases), a guess: no history yet.
        The free tier's 30 credits a month cover it.
        Addresses in 'email'; fields: title

                1 billable   would be looked up
                1 rows       nothing to save
        1 request at 1 a minute: about 60 seconds."""
    )
    assert repr(none) == dedent(
        """\
        At most 0 credits: 0 look-ups at 1 credit. Misses are free.
        Addresses in 'email'; fields: title

                0 rows       nothing to save"""
    )


@pytest.mark.parametrize(
    ("rate", "seconds", "told"),
    [
        (None, None, None),
        (1200, 0.1, "about 0 seconds"),
        (1, 120.0, "about 2 minutes"),
        (0.01, 12_000.0, "about 3.3 hours"),
    ],
)
def test_the_time_follows_from_the_rate(rate, seconds, told):
    """2 requests; without a rate nobody can tell."""
    shown = cl.estimate_cost(LEADS.iloc[:3], rate_per_minute=rate)
    assert shown.seconds == (None if seconds is None else pytest.approx(seconds))
    assert told is None or told in repr(shown)
    assert ("a minute" in repr(shown)) is (told is not None)


@pytest.mark.parametrize("price", [0.5, Decimal("0.5"), np.float32(0.5), np.float64(0.5)])
def test_a_price_may_be_any_number(price):
    """Money is often a Decimal."""
    assert "At 0.5 a credit: at most 1.50" in repr(cl.estimate_cost(LEADS, ["title"], price_per_credit=price))


def test_to_dict_is_plain_json():
    """With every number of the page."""
    shown = cl.estimate_cost(LEADS, ["title"]).to_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert shown == {
        "rows": 6,
        "column": "email",
        "buckets": {**dict.fromkeys(BUCKETS, 0), "blank": 1, "malformed": 1, "duplicate": 1, "billable": 3},
        "fields": ["title"],
        "lookups": 3,
        "credits_per_lookup": 1,
        "at_most": 3,
        "expected": 1.5,
        "interval": [0.0, 3.0],
        "history": 0,
        "naive": 4,
        "saved": 1,
        "savings": {"filled": 0, "known": 0, "held": 0, "duplicate": 1, "partly": 0},
        "requests": 3,
        "seconds": None,
        "several": 0,
        "skipped": {},
        "doubtful": 0,
        "max_credits": None,
        "price_per_credit": None,
        "surface": "csv_row",
        "unoffered": [],
        "companies": 0,
        "company_credits": 0,
        "company_naive": 0,
        "company_doubtful": 0,
        "screened": False,
        "phones": 0,
        "phone_credits": 0,
        "break_even": None,
    }


def test_to_series_is_whole_numbers():
    """Buckets first, then prices."""
    series = cl.estimate_cost(LEADS, ["phone"]).to_series()
    assert series.dtype == "int64"
    assert series.index.tolist() == [
        *BUCKETS,
        "lookups",
        "credits_per_lookup",
        "at_most",
        "naive",
        "saved",
        "requests",
    ]
    assert series["at_most"] == 33


def test_rows_have_the_frames_index():
    """Also one with repeated labels; the buckets are its categories."""
    rows = cl.estimate_cost(LEADS).rows
    pd.testing.assert_index_equal(rows.index, LEADS.index, exact=True)
    assert rows.tolist() == ["billable", "duplicate", "billable", "blank", "malformed", "billable"]
    assert list(rows.cat.categories) == list(BUCKETS)


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        (None, 1),
        ("title", 1),
        ("phone", 11),
        (["phone", "title"], 11),
        (["enriched_phone"], 11),
        (["icp_score", "title"], 1),
    ],
)
def test_only_the_phone_costs_more(fields, price):
    """1 credit a look-up, 11 with a phone."""
    assert cl.estimate_cost(LEADS, fields).credits_per_lookup == price


def test_the_default_fields_leave_out_the_phone():
    """All others, in the order of the page."""
    fields = cl.estimate_cost(LEADS).fields
    assert fields == ("email_status", "title", "seniority", "company", "industry", "size", "linkedin", "icp_score")


def test_estimates_can_be_compared():
    """By their numbers."""
    assert cl.estimate_cost(LEADS) == cl.estimate_cost(LEADS)
    assert cl.estimate_cost(LEADS) != cl.estimate_cost(LEADS.iloc[:2])


def test_a_plan_shows_its_estimate():
    """The same as estimate_cost."""
    plan = cl.plan(LEADS, ["title"])
    assert plan.estimate == cl.estimate_cost(LEADS, ["title"])
    assert plan.ceiling == plan.estimate.at_most == 3


def test_an_estimate_leaves_no_ledger_behind(tmp_path):
    """Not even an empty file."""
    path = tmp_path / "ledger.sqlite3"
    cl.estimate_cost(LEADS, ledger=path)
    cl.plan(LEADS, ledger=path)
    assert list(tmp_path.iterdir()) == []


def test_an_estimate_asks_nobody():
    """Neither does a plan or a check."""
    with cl.sandbox() as service:
        cl.estimate_cost(LEADS)
        cl.plan(LEADS)
        cl.check(LEADS)
        assert service.requests == []


def test_after_a_run_the_same_people_are_held():
    """Found and not found alike; the second run costs nothing."""
    with cl.sandbox(people=[{"email": "jo@acme.example", "title": "CTO"}]) as service:
        cl.enrich(LEADS, ["title"])
        after = cl.estimate_cost(LEADS, ["title"])
        assert (after.at_most, after.lookups, after.buckets["held"], after.saved) == (0, 0, 4, 4)
        n_sent = len(service.requests)
        cl.enrich(LEADS, ["title"])
        assert len(service.requests) == n_sent == 3


def test_an_answer_without_a_field_asked_for_does_not_hold():
    """A phone was never asked for, so it has to be bought."""
    with cl.sandbox(hit_rate=1.0):
        cl.enrich(LEADS, ["title"])
        assert cl.estimate_cost(LEADS, ["title", "phone"]).at_most == 33


@pytest.mark.parametrize(
    ("n", "requests"), [(0, 0), (1, 1), (9_999, 1), (10_000, 2), (100_000, 2), (100_001, 3), (110_000, 4)]
)
def test_a_file_that_is_answered_at_once_is_one_request(n, requests):
    """A larger one takes two: it goes up, and its end is asked for."""
    emails = pd.Series([f"person{at}@acme.example" for at in range(n)], dtype=object)
    frame = pd.DataFrame({"email": emails})
    told = cl.estimate_cost(frame, ["title"], columns="email", service="csv_upload", ledger=None)
    assert told.requests == requests
