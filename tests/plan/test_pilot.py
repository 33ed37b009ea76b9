"""A fair sample of the people, and what it says of all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cleanlist_pandas as cl
from cleanlist_pandas.plan.expect import wilson
from cleanlist_pandas.plan.pilot import draw
from cleanlist_pandas.sandbox import Fault

LEADS = pd.DataFrame(
    {"email": [f"p{n}@acme.example" for n in range(90)] + [f"q{n}@gmail.com" for n in range(30)] + ["n/a"]}
)
BOTH = ["title", "phone"]


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 0, 0, 1), (0, 10, 0, 0.278), (8, 10, 0.490, 0.943), (50, 100, 0.404, 0.596)]
)
def test_wilsons_interval(hits, n, low, high):
    """As in his paper of 1927, and in every table of it."""
    assert wilson(hits, n) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 70), st.integers(0, 9))
def test_a_sample_is_fair_and_the_same_each_time(classes, n, seed):
    """Each class in proportion, to within one; nobody twice; in their order."""
    people = np.arange(len(classes)) * 3
    kinds = np.array(classes, np.int8)
    sample = draw(people, kinds, n, seed)
    assert len(sample) == min(n, len(people))
    assert np.all(np.diff(sample) > 0)
    assert {*sample.tolist()} <= {*people.tolist()}
    for kind in {*classes}:
        share = np.count_nonzero(kinds == kind) * len(sample) / len(people)
        assert abs(np.count_nonzero(kinds[sample // 3] == kind) - share) < 1
    assert draw(people, kinds, n, seed).tolist() == sample.tolist()


def test_a_sample_is_not_the_first_rows():
    """Another seed draws another one."""
    people, kinds = np.arange(1000), np.zeros(1000, np.int8)
    first = draw(people, kinds, 50, 0)
    assert first.max() > 900
    assert first.tolist() != draw(people, kinds, 50, 1).tolist()


def test_a_pilot_pays_for_its_people_and_the_full_run_for_the_others():
    """Its numbers are those of the service's books, and everybody is paid for once."""
    with cl.sandbox() as service:
        shown = cl.pilot(LEADS, 24, BOTH)
        assert len(service.requests) == shown.n == 24
        assert (shown.people, shown.credits, shown.credits) == (120, service.charged, 11 * shown.found)
        assert sum(one.email.endswith("gmail.com") for one in service.requests) == 6
        assert shown.filled["title"] <= shown.found
        cl.enrich(LEADS, BOTH)
        assert len(service.requests) == 120
        assert len({one.email for one in service.charges}) == len(service.charges)
        low, high = shown.interval
        assert low <= service.charged <= high


def test_its_table_projects_to_all():
    """Rates, intervals and totals."""
    with cl.sandbox(hit_rate=1.0):
        shown = cl.pilot(LEADS, 30, ["title"])
    assert shown.rates.columns.tolist() == ["n", "people", "rate", "low", "high", "total", "total_low", "total_high"]
    found = shown.rates.loc["found"]
    assert (found["n"], found["people"], found["rate"], found["total"]) == (30, 30, 1.0, 120)
    assert found["total_low"] == round(120 * wilson(30, 30)[0])
    assert (shown.expected, shown.at_most) == (120, 120)
    assert repr(shown).startswith(
        "30 of 120 people asked for 30 credits; a full run pays for the others.\nAll of them:"
    )
    assert shown.to_dict()["interval"] == list(shown.interval)


def test_a_pilot_that_is_gone_on_with_twice_asks_no_more_people_and_tells_of_all():
    """4 misses, 3 misses, 3 misses: 10 people."""
    faults = [*[None] * 4, Fault(status=402), *[None] * 3, Fault(status=402)]
    with cl.sandbox(hit_rate=0.0, faults=faults) as service:
        with pytest.raises(cl.OutOfCreditsError) as first:
            cl.pilot(LEADS, 10, ["title"], concurrency=1)
        with pytest.raises(cl.OutOfCreditsError) as second:
            first.value.resume()
        shown = second.value.resume()
        assert len(service.requests) == 10 + 2
    assert (shown.n, shown.people, shown.at_most, shown.found, shown.filled) == (10, 120, 120, 0, {"title": 0})


def test_a_pilot_of_more_people_than_there_are_asks_all():
    """And one of nobody asks nobody."""
    with cl.sandbox(hit_rate=1.0) as service:
        assert cl.pilot(LEADS, 500, ["title"]).n == 120
        again = cl.pilot(LEADS, 500, ["title"])
        assert (again.n, again.people, again.credits, again.expected) == (0, 0, 0, 0)
        assert again.rates["total"].tolist() == [0, 0]
        assert service.charged == 120


def test_a_budget_of_its_own_binds_it():
    """It says why it ended early."""
    with cl.sandbox(hit_rate=1.0) as service:
        with pytest.warns(cl.CleanlistWarning, match="not_attempted"):
            shown = cl.pilot(LEADS, 20, BOTH, max_credits=33)
        assert (shown.n, service.charged) == (3, 33)
        assert "max_credits=33" in repr(shown)


def test_a_pilot_that_fails_can_be_gone_on_with(tmp_path):
    """The error is the one of enrich; resume() gives the Pilot."""
    with cl.sandbox(hit_rate=1.0, credits=5) as service:
        with pytest.raises(cl.OutOfCreditsError) as caught:
            LEADS.cleanlist.pilot(20, fields=["title"], concurrency=1, ledger=tmp_path / "ledger.sqlite3")
        assert caught.value.report.credits == service.charged == 5
    with cl.sandbox(hit_rate=1.0) as well:
        shown = caught.value.resume(base_url=f"{well.url}/v1", api_key=well.api_key)
        assert (well.charged, shown.n, shown.credits) == (15, 20, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be a whole number"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"phone_if": len}, "pilot\\(\\) has no option 'phone_if'"),
        ({"max_credits": -1}, "max_credits must be"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(arguments, message):
    """By what would be right."""
    with cl.sandbox() as service:
        with pytest.raises(cl.ConfigurationError, match=message):
            cl.pilot(LEADS, **arguments)
        assert service.requests == []
