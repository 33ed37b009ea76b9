"""Values that are there are kept; what was paid for can be traced, row by row, to the credit."""

from __future__ import annotations

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

PEOPLE = [
    {"email": f"{name}@acme.example", "title": f"{name}'s title", "seniority": "vp", "phone": "+1-555-0100"}
    for name in ("jo", "ann", "kim")
]
JO, ANN, KIM, NOBODY = (f"{name}@acme.example" for name in ("jo", "ann", "kim", "nobody"))


def plain(column):
    return [None if pd.isna(value) else value for value in column]


def sent(service):
    return [request.email for request in service.requests]


def test_a_value_that_is_there_is_kept():
    """Only the gaps are filled; a row that lacks nothing is not bought."""
    frame = pd.DataFrame(
        {
            "email": [JO, ANN, KIM, KIM],
            "enriched_title": ["mine", "mine", None, "mine"],
            "enriched_seniority": ["owner", None, None, "entry"],
        }
    )
    with cl.sandbox(people=PEOPLE) as service:
        assert cl.estimate_cost(frame, ["title", "seniority"]).buckets["filled"] == 2
        out = cl.enrich(frame, ["title", "seniority"])
        assert sent(service) == [ANN, KIM]
    assert plain(out["enriched_title"]) == ["mine", "mine", "kim's title", "mine"]
    assert plain(out["enriched_seniority"]) == ["owner", "vp", "vp", "entry"]
    assert out["enriched_status"].tolist() == ["completed"] * 4
    assert out.columns.tolist() == [*frame.columns, "enriched_status"]


@pytest.mark.parametrize("blank", ["", "  ", None, float("nan")])
def test_blank_text_is_a_gap(blank):
    """A CSV file has no other way to say that there is nothing."""
    frame = pd.DataFrame({"email": [JO, ANN], "enriched_title": pd.Series([blank, "mine"], dtype=object)})
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, ["title"])
        assert sent(service) == [JO]
    assert out["enriched_title"].tolist() == ["jo's title", "mine"]


def test_a_miss_fills_nothing_and_loses_nothing():
    """The value that is there stays though the person is unknown."""
    frame = pd.DataFrame({"email": [NOBODY], "enriched_title": ["mine"]})
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(frame, ["title", "seniority"])
    assert out["enriched_title"].tolist() == ["mine"]
    assert out["enriched_status"].tolist() == ["not_found"]


def test_a_row_that_lacks_nothing_is_completed_whatever_its_person_is():
    """Another row of the same person was asked about, and missed."""
    frame = pd.DataFrame({"email": [NOBODY, NOBODY], "enriched_title": ["mine", None]})
    with cl.sandbox(people=PEOPLE):
        assert cl.enrich(frame, ["title"])["enriched_status"].tolist() == ["completed", "not_found"]


def test_replace_buys_everybody_and_writes_over():
    """In the place where the column stood."""
    frame = pd.DataFrame({"enriched_title": ["mine", "mine"], "email": [JO, NOBODY]})
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, ["title"], on_existing="replace")
        assert sent(service) == [JO, NOBODY]
    assert plain(out["enriched_title"]) == ["jo's title", None]
    assert out.columns.tolist() == ["enriched_title", "email", "enriched_status"]


def test_replace_keeps_what_nothing_was_learnt_of():
    """Not attempted, not asked for, no address: a value that is there is worth more than none."""
    frame = pd.DataFrame({"email": [JO, NOBODY, ANN, "n/a"], "enriched_title": ["mine"] * 4, "enriched_phone": "+1"})
    with cl.sandbox(people=PEOPLE), pytest.warns(cl.CleanlistWarning, match="Stopped early"):
        out = cl.enrich(frame, ["title"], on_existing="replace", max_credits=1, concurrency=1)
    assert out["enriched_status"].tolist() == ["completed", "not_attempted", "not_attempted", "skipped"]
    assert plain(out["enriched_title"]) == ["jo's title", "mine", "mine", "mine"]
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(frame, ["title", "phone"], on_existing="replace", phone_if=lambda d: d["email"] != JO)
    assert plain(out["enriched_title"])[:2] == ["jo's title", None]
    assert plain(out["enriched_phone"])[:2] == ["+1", None]


@pytest.mark.parametrize(
    ("column", "values", "options", "message"),
    [
        ("enriched_title", ["a", "b"], {"on_existing": "error"}, "already has enriched_title"),
        ("enriched_seniority", ["boss", "vp"], {}, "1 of 2 values do not fit.*would be lost"),
        ("icp_score", ["hot", "cold"], {}, "2 of 2 values do not fit.*would be lost"),
    ],
)
def test_what_would_be_lost_is_refused_before_anything_is_sent(column, values, options, message):
    """With fill as with error."""
    frame = pd.DataFrame({"email": [JO, ANN], column: values})
    with cl.sandbox(people=PEOPLE) as service:
        for door in (cl.estimate_cost, cl.plan, cl.enrich):
            with pytest.raises(cl.ColumnsError, match=message):
                door(frame, **options)
        assert service.requests == []


def test_a_second_run_of_the_result_sends_nothing_and_changes_nothing():
    """All dtypes and values stay."""
    frame = pd.DataFrame({"email": [JO, NOBODY, None]})
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, ["title", "seniority"])
        again = cl.enrich(out, ["title", "seniority"])
        assert len(service.requests) == 2
    pd.testing.assert_frame_equal(again, out)


def test_a_result_read_back_from_csv_is_filled_up_the_same(tmp_path):
    """Whatever pandas guesses of the columns."""
    frame = pd.DataFrame({"email": [JO, NOBODY, None]})
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, provenance=True)
        out.to_csv(tmp_path / "out.csv", index=False)
        again = cl.enrich(pd.read_csv(tmp_path / "out.csv"))
        assert len(service.requests) == 2
    new = [name for name in again if name.startswith("enriched_") or name == "icp_score"]
    values = [name for name in new if name not in ("enriched_source", "enriched_credits", "enriched_at",
                                                   "enriched_reason", "enriched_confidence")]  # fmt: skip
    pd.testing.assert_frame_equal(again[values], out[values])


def test_credits_stand_on_the_first_row_of_each_person():
    """They add up to what the service charged; misses are 0, people not asked about have none."""
    frame = pd.DataFrame({"email": [None, JO, NOBODY, JO, ANN, "rubbish", ANN]})
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, ["title", "phone"], provenance=True)
        assert out["enriched_credits"].sum() == service.charged == 22
    assert plain(out["enriched_credits"]) == [None, 11, 0, None, 11, None, None]
    assert plain(out["enriched_source"]) == [None, "api", "api", "api", "api", None, "api"]
    assert out["enriched_at"].notna().tolist() == [False, True, True, True, True, False, True]


def test_an_answer_of_the_ledger_costs_nothing_again():
    """The source says where it came from."""
    with cl.sandbox(people=PEOPLE):
        cl.enrich(pd.DataFrame({"email": [JO]}), ["title"])
        out = cl.enrich(pd.DataFrame({"email": [JO, ANN]}), ["title"], provenance=True)
    assert plain(out["enriched_source"]) == ["ledger", "api"]
    assert plain(out["enriched_credits"]) == [0, 1]


def test_a_row_that_lacked_nothing_says_so():
    """The bill stands on the first row that was bought for."""
    frame = pd.DataFrame({"email": [JO, JO, JO, ANN], "enriched_title": ["mine", None, None, "mine"]})
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, ["title"], provenance=True)
        assert out["enriched_credits"].sum() == service.charged == 1
    assert plain(out["enriched_source"]) == ["existing", "api", "api", "existing"]
    assert plain(out["enriched_credits"]) == [None, 1, None, None]
    assert plain(out["enriched_at"].isna()) == [True, False, False, True]


def test_a_charge_without_a_usable_answer_is_on_the_bill():
    """An answer about somebody else is not used, but it was charged."""
    with cl.sandbox(people=PEOPLE, faults={JO: Fault(echo=ANN)}) as service:
        out = cl.enrich(pd.DataFrame({"email": [JO, KIM]}), ["title"], provenance=True)
        assert out["enriched_credits"].sum() == service.charged == 2
    assert out["enriched_status"].tolist() == ["failed", "completed"]
    assert "another address" in out["enriched_reason"][0]
    assert plain(out["enriched_title"]) == [None, "kim's title"]


def test_no_provenance_no_columns():
    """They are asked for."""
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(pd.DataFrame({"email": [JO]}), ["title"])
    assert out.columns.tolist() == ["email", "enriched_title", "enriched_status"]


def test_a_budget_too_small_leaves_the_rest_not_attempted():
    """With a warning, in the order of the rows; the same again goes on for nothing."""
    frame = pd.DataFrame({"email": [JO, ANN, KIM, JO]})
    with cl.sandbox(people=PEOPLE) as service:
        with pytest.warns(cl.CleanlistWarning, match=r"max_credits=2.*2 credits were spent, 1 person not_attempted"):
            out = cl.enrich(frame, ["title"], max_credits=2, concurrency=1)
        assert out["enriched_status"].tolist() == ["completed", "completed", "not_attempted", "completed"]
        assert service.charged == 2
        assert cl.estimate_cost(frame, ["title"]).at_most == 1
        assert cl.enrich(frame, ["title"])["enriched_status"].tolist() == ["completed"] * 4
        assert service.charged == 3


def test_no_budget_buys_nobody():
    """0 credits is a budget."""
    with cl.sandbox(people=PEOPLE) as service:
        with pytest.warns(cl.CleanlistWarning, match="max_credits=0"):
            out = cl.enrich(pd.DataFrame({"email": [JO]}), ["title"], max_credits=0)
        assert service.requests == []
    assert out["enriched_status"].tolist() == ["not_attempted"]


def test_a_suppressed_person_is_skipped_and_never_sent():
    """By address or by domain; other people's rows are not touched by it."""
    frame = pd.DataFrame({"email": [JO, ANN, "x@no.example"]})
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, ["title"], suppress=[JO.upper(), "no.example"])
        assert sent(service) == [ANN]
    assert out["enriched_status"].tolist() == ["skipped", "completed", "skipped"]
