"""The price that is likely: against arithmetic by hand and against drawing it many times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.frame.mail_domains import DomainClass, classify
from cleanlist_pandas.plan.expect import HitRates, expect

BUSINESS, FREE = DomainClass.BUSINESS, DomainClass.FREE_MAIL


def test_an_address_is_at_a_company_or_at_a_free_mail_host():
    """A host below a free-mail host, or with its name in it, is none."""
    addresses = ["a@acme.example", "b@gmail.com", "c@web.de", "gmail.com@acme.example", "d@mail.gmail.com"]
    classes = classify(pa.array(addresses, pa.large_string()))
    assert classes.tolist() == [BUSINESS, FREE, FREE, BUSINESS, BUSINESS]


def test_without_a_history_it_is_half_of_at_most_and_may_be_nearly_anything():
    """A uniform prior knows nothing."""
    shown = expect(np.zeros(1000, np.int8), np.full(1000, 11), HitRates())
    assert shown.credits == pytest.approx(5500)
    assert (shown.low, shown.high) == (pytest.approx(265, abs=60), pytest.approx(10_735, abs=60))
    assert shown.history == 0


def test_each_kind_of_domain_has_its_own_rate():
    """79 of 98 at companies were found, none of 8 at free-mail hosts: 0.8 and 0.1."""
    rates = HitRates(found={BUSINESS: 79}, missed={BUSINESS: 19, FREE: 8})
    assert rates.of(np.array([BUSINESS, FREE], np.int8)).tolist() == [pytest.approx(0.8), pytest.approx(0.1)]
    shown = expect(np.array([BUSINESS, BUSINESS, FREE], np.int8), np.array([1, 11, 11]), rates)
    assert shown.credits == pytest.approx(0.8 * 12 + 0.1 * 11)
    assert shown.history == 106


def test_nobody_costs_nothing():
    """With an interval of nothing."""
    shown = expect(np.zeros(0, np.int8), np.zeros(0, np.int64), HitRates())
    assert (shown.credits, shown.low, shown.high) == (0, 0, 0)


@pytest.mark.parametrize(("found", "missed"), [(30, 10), (400, 100), (5, 60)])
def test_nine_of_ten_bills_lie_in_the_interval(found, missed):
    """Bills drawn from the same posterior, with two prices."""
    rates = HitRates(found={BUSINESS: found}, missed={BUSINESS: missed})
    prices = np.array([1, 11] * 150)
    shown = expect(np.zeros(len(prices), np.int8), prices, rates)
    rng = np.random.default_rng(7)
    chances = rng.beta(found + 1, missed + 1, 4000)
    bills = (rng.random((4000, len(prices))) < chances[:, None]) @ prices
    assert bills.mean() == pytest.approx(shown.credits, rel=0.03)
    assert np.mean((bills >= shown.low) & (bills <= shown.high)) == pytest.approx(0.9, abs=0.03)


def test_a_person_counts_once_however_often_they_were_asked():
    """Phones that are bought in look-ups of their own must not promise more hits."""
    people = [{"email": f"p{n}@acme.example", "title": "CTO", "phone": "+1-555-0100"} for n in range(2)]
    leads = pd.DataFrame({"email": [f"p{n}@acme.example" for n in range(6)]})
    with cl.sandbox(people=people):
        cl.enrich(leads, ["title", "phone"], phone_if=lambda d: d["enriched_title"].notna())
        shown = cl.estimate_cost(pd.DataFrame({"email": ["new@acme.example"]}))
    assert (shown.history, shown.expected) == (6, pytest.approx(3 / 8))
