"""Buckets: every row in exactly one, every person in exactly one state, the bill by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.frame.columns import Columns
from cleanlist_pandas.frame.keys import Reason, read
from cleanlist_pandas.frame.needs import Needs, bits_of
from cleanlist_pandas.plan.buckets import BUCKETS, Bucket, State, decide_people

EMAIL = Columns(email="email")
CELLS = ["a@x.example", "b@x.example", "A@x.example", None, "rubbish", "c@x.example", "b@x.example", "c@x.example"]


def keys_of(cells, suppressed=()):
    keys = read(pd.DataFrame({"email": pd.Series(cells, dtype=object)}), EMAIL)
    return keys.suppress(np.isin(keys.addresses.to_numpy(zero_copy_only=False), list(suppressed)))


def price(fields):
    return 11 if "phone" in fields else 1


def bits(n, **people):
    """Bits of each person: field names and the positions they hold for."""
    found = np.zeros(n, np.uint16)
    for name, positions in people.items():
        found[list(positions)] |= bits_of([name])
    return found


def plan_of(cells, suppressed=(), held=(), in_doubt=(), known=(), filled=(), field="title"):
    """Decide over one field."""
    keys = keys_of(cells, suppressed)
    rows = ~np.isin(np.arange(len(cells)), list(filled))
    lacking = np.unique(keys.codes[rows & (keys.codes >= 0)])
    of = {name: bits(keys.n_keys, **{field: people}) for name, people in (("k", known), ("h", held), ("d", in_doubt))}
    needs = Needs(rows, bits(keys.n_keys, **{field: lacking}))
    return decide_people(keys, [field], needs, known=of["k"], held=of["h"], doubted=of["d"], tariff=price)


def names(plan):
    return [BUCKETS[row] for row in plan.rows]


ROWS = [
    ({}, "billable billable duplicate blank malformed billable duplicate duplicate", 3),
    ({"held": [0]}, "held billable held blank malformed billable duplicate duplicate", 2),
    ({"in_doubt": [1]}, "billable in_doubt duplicate blank malformed billable in_doubt duplicate", 2),
    ({"known": [0]}, "known billable known blank malformed billable duplicate duplicate", 2),
    # one's own tables come before the ledger, an answer before a doubt
    ({"known": [0], "held": [0, 1], "in_doubt": [1, 2]}, "known held known blank malformed in_doubt held in_doubt", 0),
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
    assert len(plan.billable) == lookups
    assert sum(plan.counts().values()) == len(CELLS)


@pytest.mark.parametrize(("field", "price"), [("title", 1), ("phone", 11)])
def test_each_person_who_is_bought_has_the_price_of_what_is_asked(field, price):
    """The second is held."""
    plan = plan_of(CELLS, field=field, held=[1])
    assert plan.prices.tolist() == [price, 0, price]
    assert plan.price == price


def test_what_is_known_of_a_person_is_not_asked_again():
    """Four people lack title and phone: nothing known; the title held; the phone known; the phone in doubt."""
    keys = keys_of(["a@x.example", "b@x.example", "c@x.example", "d@x.example"])
    needs = Needs(np.ones(4, np.bool_), bits(4, title=range(4), phone=range(4)))
    how = {"held": bits(4, title=[1]), "known": bits(4, phone=[2]), "doubted": bits(4, phone=[3])}
    plan = decide_people(keys, ["title", "phone"], needs, tariff=price, **how)
    assert plan.asks.tolist() == [bits_of(["title", "phone"]), bits_of(["phone"]), *[bits_of(["title"])] * 2]
    assert plan.prices.tolist() == [11, 11, 1, 1]
    assert plan.doubtful == 10  # the last one, asked for both, would cost 11
    assert names(plan) == ["billable"] * 4


def test_a_screened_phone_is_a_look_up_of_its_own():
    """Title and phone in two steps, 1 + 11; the phone alone 11."""
    keys = keys_of(["a@x.example", "b@x.example"])
    needs = Needs(np.ones(2, np.bool_), bits(2, title=[0], phone=[0, 1]))
    none = np.zeros(2, np.uint16)
    plan = decide_people(
        keys, ["title", "phone"], needs, known=none, held=none, doubted=none, tariff=price, screened=True
    )
    assert (plan.prices.tolist(), plan.price) == ([12, 11], 12)


def test_no_rows_make_an_empty_plan():
    """And cost nothing."""
    plan = plan_of([])
    assert len(plan.billable) == sum(plan.counts().values()) == 0


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
    """Rows, states and money agree however the frame, the tables, the ledger and the list of the suppressed look."""
    cells = data.draw(st.lists(people, max_size=25))
    suppressed = data.draw(st.sets(st.sampled_from(["a@x.example", "b@x.example"])))
    keys = keys_of(cells, suppressed)
    n, fields = keys.n_keys, ["title", "phone", "icp_score"]
    each = st.lists(st.sets(st.sampled_from(fields)), min_size=n, max_size=n)
    wanted, known, held, doubted = (np.array([bits_of(of) for of in data.draw(each)], np.uint16) for _ in range(4))
    rows = (keys.codes >= 0) & (np.append(wanted, 0)[keys.codes] != 0)
    screened = data.draw(st.booleans())
    plan = decide_people(
        keys, fields, Needs(rows, wanted), known=known, held=held, doubted=doubted, tariff=price, screened=screened
    )
    told = np.array(names(plan), dtype=object)

    assert sum(plan.counts().values()) == len(cells)
    assert plan.counts()["billable"] == len(plan.billable)  # one row for each person who is bought
    assert {*keys.codes[told == "billable"].tolist()} == {*plan.billable.tolist()}
    assert {*keys.codes[told == "duplicate"]} <= {*plan.billable.tolist()}
    assert not np.any(plan.asks & (known | held | doubted | ~wanted))
    assert ((plan.asks != 0) == (plan.states == State.BILLABLE)).all()
    assert ((plan.prices > 0) == (plan.asks != 0)).all()
    assert (plan.prices <= plan.price).all()
    lacking = keys.codes[rows]
    covered = wanted & ~known & ~held & ~doubted
    assert {*lacking[(told[rows] == "billable") | (told[rows] == "duplicate")].tolist()} == {
        *np.flatnonzero(covered).tolist()
    }
    assert ((keys.reasons == Reason.SUPPRESSED) == (told == "suppressed")).all()


def test_who_cannot_be_named_is_not_bought_but_what_is_known_of_them_counts():
    """Six people who cannot: nothing known; filled; one of two fields held; all known; in doubt; and one who can be."""
    keys = keys_of([f"{name}@x.example" for name in "abcdef"])
    everybody = range(6)
    needs = Needs(~np.isin(np.arange(6), [1]), bits(6, title=set(everybody) - {1}, phone=set(everybody) - {1}))
    plan = decide_people(
        keys,
        ["title", "phone"],
        needs,
        known=bits(6, title=[3], phone=[3]),
        held=bits(6, title=[2]),
        doubted=bits(6, title=[4]),
        tariff=price,
        nameable=np.array([False] * 5 + [True]),
    )
    assert names(plan) == ["suppressed", "filled", "held", "known", "in_doubt", "billable"]
    assert plan.prices.tolist() == [0, 0, 0, 0, 0, 11]
    assert plan.n_unnamed(keys) == 1
