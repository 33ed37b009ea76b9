"""The order in which people are bought: by worth for a credit, never by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.plan.priority import buying_order, read_worth, worth_of_people

FRAME = pd.DataFrame(
    {
        "email": ["a@x.example", "b@x.example", "A@x.example", "c@gmail.com"],
        "deal": [10, 25, 20, np.nan],
        "text": ["10", " ", "20", "1e3"],
    },
    index=[3, 3, 4, 5],
)


@pytest.mark.parametrize(
    ("priority", "worth"),
    [
        ("deal", [10, 25, 20, 0]),
        ("text", [10, 0, 20, 1000]),
        (FRAME["deal"], [10, 25, 20, 0]),
        ([4, 3, 2, 1], [4, 3, 2, 1]),
        (iter([4, 3, 2, 1]), [4, 3, 2, 1]),
        (np.array([True, False, True, False]), [1, 0, 1, 0]),
        (pd.array([1, None, 3, 4], dtype="Int64"), [1, 0, 3, 4]),
        (FRAME["deal"].astype("float64[pyarrow]"), [10, 25, 20, 0]),
    ],
)
def test_worth_is_a_number_for_each_row(priority, worth):
    """Missing is worth nothing."""
    assert read_worth(FRAME, priority).tolist() == worth


@pytest.mark.parametrize(
    ("priority", "message"),
    [
        ("email", "4 cells that are no number"),
        ("dealt", "is not one column"),
        (7, "is not one column"),
        ([1, 2], "has 2 values for 4 rows"),
        (FRAME["deal"].reset_index(drop=True), "another index"),
        ([1, 2, 3, -1], "negative or infinite"),
        ([1, 2, 3, float("inf")], "negative or infinite"),
        ([None] * 4, "no number at all"),
        (pd.to_datetime(["2026-01-01"] * 4), "no number"),
        (dict.fromkeys(range(4), 1), "one number for each row, in order"),
        ({1, 2, 3, 4}, "one number for each row, in order"),
        ([1j, 2, 3, 4], "cells that are no number"),
        ([10**400, 2, 3, 4], "cells that are no number"),
        (tuple(range(1000)), "priority=tuple is not one column"),
    ],
)
def test_a_worth_that_is_none_is_refused_before_anything_is_sent(priority, message):
    """By what is wrong."""
    with pytest.raises(ConfigurationError, match=message):
        read_worth(FRAME, priority)
    with cl.sandbox() as service:
        with pytest.raises(ConfigurationError, match=message):
            cl.enrich(FRAME, ["title"], priority=priority)
        assert service.requests == []


def test_a_person_is_worth_all_rows_that_a_look_up_fills():
    """A row without a person, and one that lacks nothing, add nothing."""
    codes = np.array([0, 1, 0, -1, 1])
    fills = np.array([True, True, True, True, False])
    assert worth_of_people(codes, 3, fills, np.array([10.0, 25, 20, 99, 1000])).tolist() == [30, 25, 0]


def test_the_most_expected_worth_for_a_credit_comes_first():
    """Of equals the first seen."""
    people, hits = np.array([4, 5, 6, 7]), np.array([0.5, 1, 0.5, 1])
    order = buying_order(people, np.array([10.0, 5, 60, 55]), hits, np.array([1, 1, 1, 11]))
    assert order.tolist() == [6, 4, 5, 7]


def test_a_short_budget_buys_the_best():
    """Two of three; the third is not attempted, whatever the number of workers."""
    for concurrency in (1, 16):
        with cl.sandbox(hit_rate=1.0) as service:
            with pytest.warns(cl.CleanlistWarning, match="not_attempted"):
                out = cl.enrich(FRAME, ["title"], priority="text", max_credits=2, concurrency=concurrency)
            assert {one.email for one in service.charges} == {"c@gmail.com", "a@x.example"}
        assert out["enriched_status"].tolist() == ["completed", "not_attempted", "completed", "completed"]


def test_who_is_bought_does_not_depend_on_how_fast_answers_come():
    """40 people of two prices, most answers a miss and late ones among them: the same are asked each time."""
    frame = pd.DataFrame({"email": [f"p{n}@acme.example" for n in range(40)], "deal": [n % 7 for n in range(40)]})
    known = pd.DataFrame({"email": frame["email"][::3], "enriched_phone": "+1-555-0100"})
    asked = set()
    for latency_s, concurrency in ((0.0, 1), (0.0, 16), (0.02, 7)):
        with cl.sandbox(hit_rate=0.5, latency_s=latency_s) as service:
            with pytest.warns(cl.CleanlistWarning, match="not_attempted"):
                cl.enrich(
                    frame, ["title", "phone"], priority="deal", known=known, max_credits=60, concurrency=concurrency
                )
            asked.add(frozenset((one.email, one.fields) for one in service.charges))
    assert len(asked) == 1


def test_the_frontier_says_what_each_budget_brings():
    """Sums over the queue; where the budget cuts it."""
    plan = cl.plan(FRAME, ["phone"], priority="text", max_credits=15)
    frontier = plan.frontier()
    assert frontier["at_most"].tolist() == [11, 22, 33]
    assert frontier["expected"].tolist() == [5.5, 11, 16.5]
    assert frontier["worth"].tolist() == [500, 515, 515]
    assert frontier["rows"].tolist() == [0.5, 1.5, 2.0]
    assert frontier["within"].tolist() == ["sure", "likely", "beyond"]
    assert cl.plan(FRAME, ["title"]).frontier()["within"].tolist() == ["sure"] * 3
    assert len(cl.plan(FRAME[:0], ["title"]).frontier()) == 0
