"""Buckets: every row in exactly one, every person in exactly one state, the bill by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.frame.columns import Columns
from cleanlist_pandas.frame.keys import Reason, read
from cleanlist_pandas.plan.buckets import BUCKETS, Bucket, State, make_plan
from cleanlist_pandas.plan.estimate import estimate

EMAIL = Columns(email="email")
CELLS = ["a@x.example", "b@x.example", "A@x.example", None, "rubbish", "c@x.example", "b@x.example", "c@x.example"]


def keys_of(cells, suppressed=()):
    keys = read(pd.DataFrame({"email": pd.Series(cells, dtype=object)}), EMAIL)
    return keys.suppress(np.isin(keys.addresses.to_numpy(zero_copy_only=False), list(suppressed)))


def plan_of(cells, suppressed=(), held=(), in_doubt=(), filled=(), price=1):
    keys = keys_of(cells, suppressed)
    mask = np.isin(np.arange(len(cells)), list(filled))
    return make_plan(keys, ["title"], price=price, held=list(held), in_doubt=list(in_doubt), filled_rows=mask)


def names(plan):
    return [BUCKETS[row] for row in plan.rows]


ROWS = [
    ({}, "billable billable duplicate blank malformed billable duplicate duplicate", 3),
    ({"held": [0]}, "held billable held blank malformed billable duplicate duplicate", 2),
    ({"in_doubt": [1]}, "billable in_doubt duplicate blank malformed billable in_doubt duplicate", 2),
    ({"held": [0, 1, 2]}, "held held held blank malformed held held held", 0),
    ({"suppressed": ["b@x.example"]}, "billable suppressed duplicate blank malformed billable suppressed duplicate", 2),
    # the first row lacks nothing: the second becomes the one that is bought
    ({"filled": [0]}, "filled billable billable blank malformed billable duplicate duplicate", 3),
    ({"filled": [0, 2]}, "filled billable filled blank malformed billable duplicate duplicate", 2),
    # rows without an address stay blank or malformed although nothing is missing in them
    ({"filled": range(8)}, "filled filled filled blank malformed filled filled filled", 0),
    # somebody whose rows lack nothing is filled, though the ledger holds them too
    ({"filled": [0, 2], "held": [0]}, "filled billable filled blank malformed billable duplicate duplicate", 2),
]


@pytest.mark.parametrize(("options", "rows", "lookups"), ROWS)
def test_each_row_is_in_its_bucket(options, rows, lookups):
    """By hand, on eight rows of three people."""
    plan = plan_of(CELLS, **options)
    assert names(plan) == rows.split()
    assert plan.lookups == len(plan.billable) == lookups
    assert sum(plan.counts().values()) == len(CELLS)


@pytest.mark.parametrize("price", [1, 11])
def test_at_most_is_the_price_of_everybody_billable(price):
    """Three people."""
    plan = plan_of(CELLS, price=price)
    assert plan.ceiling == 3 * price
    assert estimate(plan, pd.RangeIndex(8)).at_most == 3 * price


@pytest.mark.parametrize(
    ("options", "saved"),
    [
        ({}, {"duplicate": 33}),
        ({"held": [0]}, {"held": 22, "duplicate": 22}),
        ({"filled": [0, 2]}, {"filled": 22, "duplicate": 22}),
        ({"in_doubt": [1]}, {"duplicate": 22}),
        ({"suppressed": ["a@x.example", "b@x.example", "c@x.example"]}, {}),
    ],
)
def test_saved_is_counted_in_credits_by_bucket(options, saved):
    """Against one look-up at 11 credits for each row with a usable address that is not suppressed."""
    shown = estimate(plan_of(CELLS, price=11, **options), pd.RangeIndex(8))
    assert {name: n for name, n in shown.savings.items() if n} == saved
    assert shown.saved == sum(saved.values())


def test_no_rows_make_an_empty_plan():
    """And cost nothing."""
    plan = plan_of([])
    assert plan.ceiling == plan.lookups == sum(plan.counts().values()) == 0


def test_every_bucket_has_a_name_in_the_order_of_the_page():
    """As the interface lists them."""
    order = "blank malformed suppressed filled known held in_doubt duplicate billable"
    assert order.split() == list(BUCKETS)
    assert len(Bucket) == len(BUCKETS)


people = st.sampled_from(
    ["a@x.example", "A@X.example ", "b@x.example", "c@y.example", "d@y.example", None, "", "x@", 5]
)


@given(st.data())
def test_buckets_add_up_on_any_frame(data):
    """Rows, states and money agree however the frame, the ledger and the list of the suppressed look."""
    cells = data.draw(st.lists(people, max_size=25))
    suppressed = data.draw(st.sets(st.sampled_from(["a@x.example", "b@x.example"])))
    keys = keys_of(cells, suppressed)
    some = st.sets(st.integers(0, keys.n_keys - 1)) if keys.n_keys else st.just(set())
    held = data.draw(some)
    in_doubt = data.draw(some) - held
    filled = np.array(data.draw(st.lists(st.booleans(), min_size=len(cells), max_size=len(cells))), np.bool_)
    plan = make_plan(keys, ["title"], price=11, held=sorted(held), in_doubt=sorted(in_doubt), filled_rows=filled)
    shown = estimate(plan, pd.RangeIndex(len(cells)))
    rows = np.array(names(plan), dtype=object)

    assert sum(shown.buckets.values()) == len(cells)
    assert shown.rows.value_counts().to_dict() == shown.buckets
    assert shown.buckets["billable"] == shown.lookups  # one row for each person who is bought
    assert len({*keys.codes[rows == "billable"]}) == shown.lookups
    assert {*keys.codes[rows == "duplicate"]} <= {*plan.billable.tolist()}
    assert shown.at_most == 11 * shown.lookups == plan.ceiling
    usable = int((keys.codes >= 0).sum())
    doubtful = shown.buckets["in_doubt"]  # perhaps paid for: neither saved nor to be paid
    assert shown.saved + shown.at_most == 11 * (usable - doubtful)
    assert ((rows == "filled") >= (filled & (keys.codes >= 0))).all()
    assert ((keys.reasons == Reason.SUPPRESSED) == (rows == "suppressed")).all()
    for state, chosen in ((State.HELD, held), (State.IN_DOUBT, in_doubt)):
        lacking = {*keys.codes[(keys.codes >= 0) & ~filled].tolist()}
        assert {*np.flatnonzero(plan.states == state).tolist()} == chosen & lacking
