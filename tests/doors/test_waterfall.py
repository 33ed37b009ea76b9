"""Free first: one's own tables, then the ledger, then the service, and each field is paid for once."""

from __future__ import annotations

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

NAMES = ("jo", "ann", "kim")
PEOPLE = [
    {"email": f"{name}@acme.example", "title": f"{name}'s title", "company": "Acme", "phone": "+1-555-0100"}
    for name in NAMES
]
JO, ANN, KIM, NOBODY = (f"{name}@acme.example" for name in (*NAMES, "nobody"))
LEADS = pd.DataFrame({"email": [JO, ANN, KIM, NOBODY, JO.upper()]})
WHERE = ["title", "phone"]


def plain(column):
    return [None if pd.isna(value) else value for value in column]


def asked(service):
    return [(charge.email, charge.fields) for charge in service.charges]


def test_what_one_knows_is_not_bought():
    """Whole people are known; of others only the rest is asked for, at its own price."""
    known = pd.DataFrame({"mail": [JO, ANN], "enriched_title": ["mine", None], "enriched_phone": ["1", "2"]})
    with cl.sandbox(people=PEOPLE) as service:
        shown = cl.estimate_cost(LEADS, WHERE, known=known)
        assert shown.buckets["known"] == 2
        assert (shown.prices, shown.at_most, shown.savings["partly"]) == ({1: 1, 11: 2}, 23, 10)
        out = cl.enrich(LEADS, WHERE, known=known, provenance=True)
        assert asked(service) == [(ANN, ("title",)), (KIM, ("title", "phone"))]
    assert plain(out["enriched_title"]) == ["mine", "ann's title", "kim's title", None, "mine"]
    assert plain(out["enriched_phone"]) == ["1", "2", "+1-555-0100", None, "1"]
    assert plain(out["enriched_source"]) == ["known", "api", "api", "api", "known"]
    assert out["enriched_status"].tolist() == ["completed"] * 3 + ["not_found", "completed"]
    assert int(out["enriched_credits"].sum()) == service.charged == 12


def test_tables_may_be_files(tmp_path):
    """A result of enrich written down, and an export of the web app."""
    with cl.sandbox(people=PEOPLE):
        cl.enrich(LEADS[:1], WHERE).to_parquet(tmp_path / "one.parquet")
    pd.DataFrame({"Email": [ANN], "enriched_title": ["a"], "enriched_phone": ["2"]}).to_csv(tmp_path / "two.csv")
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(LEADS[:2], WHERE, known=[tmp_path / "one.parquet", str(tmp_path / "two.csv")])
        assert service.requests == []
    assert plain(out["enriched_title"]) == ["jo's title", "a"]


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (7, "known= must be a frame or a path"),
        ([7], "known= holds a int"),
        ("nowhere.csv", "no such file"),
        (pd.DataFrame({"email": [JO]}), "no enriched column"),
    ],
)
def test_a_table_that_is_none_is_refused_before_anything_is_sent(known, message):
    """By what is wrong with it."""
    with cl.sandbox(people=PEOPLE) as service:
        with pytest.raises(cl.ConfigurationError, match=message):
            cl.enrich(LEADS, WHERE, known=known)
        assert service.requests == []


def test_a_held_answer_with_phone_serves_a_request_without():
    """And one without phone is completed by a look-up of the phone alone."""
    with cl.sandbox(people=PEOPLE) as service:
        cl.enrich(LEADS[:1], WHERE)
        cl.enrich(LEADS[1:2], ["title"])
        assert cl.estimate_cost(LEADS[:1], ["title"]).at_most == 0
        assert cl.estimate_cost(LEADS[1:2], WHERE).at_most == 11
        out = cl.enrich(LEADS[:2], WHERE, provenance=True)
        assert asked(service) == [(JO, ("title", "phone")), (ANN, ("title",)), (ANN, ("phone",))]
    assert plain(out["enriched_title"]) == ["jo's title", "ann's title"]
    assert plain(out["enriched_phone"]) == ["+1-555-0100"] * 2
    assert plain(out["enriched_source"]) == ["ledger", "api"]
    assert plain(out["enriched_credits"]) == [0, 11]


def test_a_miss_of_the_upgrade_takes_nothing_away():
    """The title stays; the row is completed, as far as it goes."""
    people = [{"email": JO, "title": "CTO"}]
    with cl.sandbox(people=people, faults=[None, Fault(body={"status": "not_found", "meta": {"credits_used": 0}})]):
        cl.enrich(LEADS[:1], ["title"])
        out = cl.enrich(LEADS[:1], WHERE)
    assert (plain(out["enriched_title"]), plain(out["enriched_phone"])) == (["CTO"], [None])
    assert out["enriched_status"].tolist() == ["completed"]


def test_what_is_in_doubt_is_left_out_of_the_next_question():
    """A phone that may have been paid for is not asked again beside a title."""
    with cl.sandbox(people=PEOPLE, faults=[Fault(reset="after_charge")]) as service:
        first = cl.enrich(LEADS[:1], ["phone"])
        assert first["enriched_status"].tolist() == ["in_doubt"]
        shown = cl.estimate_cost(LEADS[:1], WHERE)
        assert shown.prices == {1: 1}
        out = cl.enrich(LEADS[:1], WHERE)
        assert asked(service) == [(JO, ("phone",)), (JO, ("title",))]
        assert (plain(out["enriched_title"]), out["enriched_status"].tolist()) == (["jo's title"], ["in_doubt"])
        assert cl.estimate_cost(LEADS[:1], WHERE).buckets["in_doubt"] == 1
        again = cl.enrich(LEADS[:1], WHERE, in_doubt="retry")
    assert (plain(again["enriched_phone"]), again["enriched_status"].tolist()) == (["+1-555-0100"], ["completed"])


def test_a_budget_too_small_keeps_what_is_held():
    """Not attempted says there is more to be had; the values that are known stand."""
    with cl.sandbox(people=PEOPLE):
        cl.enrich(LEADS[:1], ["title"])
        with pytest.warns(cl.CleanlistWarning, match="not_attempted"):
            out = cl.enrich(LEADS[:1], WHERE, max_credits=10)
    assert (plain(out["enriched_title"]), out["enriched_status"].tolist()) == (["jo's title"], ["not_attempted"])


def test_what_is_in_doubt_is_no_saving():
    """Three phones may have been paid for: the titles cost 3 more, and only the duplicate's whole price is saved."""
    with cl.sandbox(people=PEOPLE, faults=[Fault(reset="after_charge")] * 3):
        cl.enrich(LEADS[:3], ["phone"])
        shown = cl.estimate_cost(LEADS.iloc[[0, 1, 2, 4]], WHERE)
    assert (shown.at_most, shown.saved, shown.doubtful, shown.naive) == (3, 11, 30, 44)
    assert shown.savings["partly"] == 0


def test_whoever_is_too_dear_is_passed_over_for_the_others():
    """12 credits: 11 for the first, none left for the second who costs 11, 1 for the third."""
    known = pd.DataFrame({"email": [KIM], "enriched_phone": ["3"]})
    with cl.sandbox(people=PEOPLE) as service:
        with pytest.warns(cl.CleanlistWarning, match="1 left of max_credits=12, and a look-up costs 11"):
            out = cl.enrich(LEADS[:3], WHERE, known=known, max_credits=12)
        assert service.charged == 12
    assert out["enriched_status"].tolist() == ["completed", "not_attempted", "completed"]
