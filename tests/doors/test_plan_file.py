"""A plan as a file: read by a person, applied later, refused when it is no longer the same."""

from __future__ import annotations

import dataclasses
import json

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

LEADS = pd.DataFrame(
    {"email": [f"p{n}@acme.example" for n in range(8)] + ["P0@acme.example", "n/a"], "deal": range(10)}
)


@pytest.fixture
def path(tmp_path):
    """Where the plan is kept."""
    return tmp_path / "plan.json"


def test_a_saved_plan_is_the_same_plan(path):
    """Every number of it, the order and the frontier."""
    plan = cl.plan(LEADS, ["title", "phone"], priority="deal", max_credits=30, price_per_credit=0.03)
    plan.save(path)
    loaded = cl.Plan.load(path)
    assert loaded == plan
    assert repr(loaded) == repr(plan)
    assert loaded.fields == ("title", "phone")
    pd.testing.assert_frame_equal(loaded.frontier(), plan.frontier())
    assert (loaded.ceiling, loaded.budget, loaded.lookups) == (88, 30, 8)


def test_a_person_can_read_it_and_finds_nobody_in_it(path):
    """The price is among its first lines; no address and no key anywhere."""
    with cl.option_context(api_key="clnl_invented_000000000000"):
        cl.plan(LEADS, ["title"]).save(path)
    text = path.read_text()
    assert json.loads(text)["at_most"] == 8
    assert '"at_most": 8' in "".join(text.splitlines()[:6])
    assert "@" not in text
    assert "clnl" not in text


def test_a_run_by_a_plan_is_the_run_that_was_planned(path):
    """Fields and budget come from it."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.plan(LEADS, ["title"], max_credits=5).save(path)
        with pytest.warns(cl.CleanlistWarning, match="max_credits=5"):
            out = cl.enrich(LEADS, plan=path)
        assert "enriched_title" in out
        assert service.charged == 5


def test_what_a_pilot_spent_before_does_not_count_against_its_budget():
    """However short before: the ledger knows microseconds."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.pilot(LEADS, 4, ["title"])
        cl.enrich(LEADS, plan=cl.plan(LEADS, ["title"], max_credits=4))
        assert service.charged == 8


def test_a_plan_of_the_best_first_is_refused_without_their_order(path):
    """The file knows nobody, so the order has to be given again; not where the budget is enough for all."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.plan(LEADS, ["title"], priority="deal", max_credits=3).save(path)
        with pytest.raises(cl.ConfigurationError, match="give priority= as it was given to plan"):
            cl.enrich(LEADS, plan=path)
        assert not service.requests
        with pytest.warns(cl.CleanlistWarning, match="max_credits=3"):
            out = cl.enrich(LEADS, plan=path, priority="deal")
        assert sorted(out.index[out.enriched_status == "completed"]) == [0, 6, 7, 8]  # p0 is worth 0 and 8
        cl.enrich(LEADS, plan=cl.plan(LEADS, ["title"], priority="deal"))


def test_what_is_left_of_a_plan_of_the_best_first_needs_their_order_too():
    """3 of 5 credits spent, 5 people left: the last 2 credits are not for the first rows."""
    with cl.sandbox(hit_rate=1.0, faults=[None] * 3 + [Fault(status=402)]) as service:
        plan = cl.plan(LEADS, ["title"], priority="deal", max_credits=5)
        with pytest.raises(cl.OutOfCreditsError):
            cl.enrich(LEADS, plan=plan, priority="deal", concurrency=1)
        with pytest.raises(cl.ConfigurationError, match="give priority= as it was given to plan"):
            cl.enrich(LEADS, plan=plan)
        assert service.charged == 3


def test_all_that_was_spent_since_counts_against_its_budget():
    """Running by the same plan again goes on with what is left: the budget is one for all runs."""
    with cl.sandbox(hit_rate=1.0) as service:
        plan = cl.plan(LEADS, ["title"], max_credits=6)
        with pytest.warns(cl.CleanlistWarning, match="not_attempted"):
            cl.enrich(LEADS[::-1], plan=plan)
        with pytest.warns(cl.CleanlistWarning, match="max_credits=0"):
            cl.enrich(LEADS, plan=plan)
        assert service.charged == 6


def test_what_was_spent_before_it_was_made_does_not_count():
    """Not even a moment before."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.pilot(LEADS, 3, ["title"])
        cl.enrich(LEADS, plan=cl.plan(LEADS, ["title"], max_credits=5))
        assert service.charged == 8


def test_its_budget_is_one_for_a_run_that_is_gone_on_with_too():
    """3 spent before the account was empty, 3 by another run, nothing left to go on with."""
    with cl.sandbox(hit_rate=1.0, faults=[None, None, None, Fault(status=402)]) as service:
        plan = cl.plan(LEADS, ["title"], max_credits=6)
        with pytest.raises(cl.OutOfCreditsError) as caught:
            cl.enrich(LEADS, plan=plan, concurrency=1)
        for going_on in (lambda: cl.enrich(LEADS, plan=plan), caught.value.resume):
            with pytest.warns(cl.CleanlistWarning, match="not_attempted"):
                going_on()
            assert service.charged == 6


@pytest.mark.parametrize("kept", [True, False])
def test_two_runs_by_one_plan_at_a_time_are_refused(kept):
    """Each would spend its whole budget."""
    caught = []

    def try_another(number, who, attempt):
        with pytest.raises(
            cl.ConfigurationError, match="Another run by this plan is going on; nothing was sent"
        ) as one:
            cl.enrich(LEADS, plan=plan, ledger=ledger)
        caught.append(one)

    with cl.sandbox(hit_rate=1.0, faults=try_another) as service, cl.Ledger() as file:
        ledger = file.path if kept else cl.Ledger.in_memory()
        plan = cl.plan(LEADS, ["title"], max_credits=5)
        with pytest.warns(cl.CleanlistWarning, match="max_credits=5"):
            cl.enrich(LEADS, plan=plan, ledger=ledger, concurrency=1)
        assert (service.charged, len(caught)) == (5, 5)


def test_an_interrupted_run_by_a_plan_is_gone_on_with(path):
    """Less to do than planned is no reason to refuse, and resume() knows the plan's fields and what is left."""
    with cl.sandbox(hit_rate=1.0, credits=3) as service:
        cl.plan(LEADS, ["title"]).save(path)
        with pytest.raises(cl.OutOfCreditsError) as caught:
            cl.enrich(LEADS, plan=path, concurrency=1)
        assert caught.value.report.credits == 3
        with pytest.raises(cl.OutOfCreditsError):
            cl.enrich(LEADS, plan=path)
        with pytest.raises(cl.OutOfCreditsError) as again:
            caught.value.resume()
        assert again.value.report.budget == 5
        assert service.charged == 3


@pytest.mark.parametrize(
    ("frame", "fields", "options", "reason"),
    [
        (LEADS[:5], None, {}, r"the people changed \(8 then, 5 now\)"),
        (LEADS.replace("p1@acme.example", "q1@acme.example"), None, {}, "the people changed"),
        (LEADS, ["title", "company"], {}, "it is for title"),
        (LEADS, ["phone"], {}, "it is for title"),
        (LEADS, None, {"max_credits": 7}, "its budget is 4 credits"),
    ],
)
def test_what_changed_is_refused_before_anything_is_sent(path, frame, fields, options, reason):
    """With every reason named."""
    with cl.sandbox() as service:
        cl.plan(LEADS, ["title"], max_credits=4).save(path)
        with pytest.raises(cl.ConfigurationError, match=reason):
            cl.enrich(frame, fields, plan=path, **options)
        assert service.requests == []


@pytest.mark.parametrize("fields", [["title", "phone"], ["phone", "title"], ["phone"]])
@pytest.mark.parametrize("planned", [True, False])
def test_a_plan_knows_whether_phones_are_screened(planned, fields):
    """Without phone_if= a run would buy phones that were to be left out."""
    screen = {"phone_if": lambda d: d["email"].notna()}
    with cl.sandbox() as service:
        plan = cl.plan(LEADS, ["title", "phone"] if len(fields) == 2 else fields, **(screen if planned else {}))
        reason = f"it is for a run {'with' if planned else 'without'} phone_if="
        with pytest.raises(cl.ConfigurationError, match=reason):
            cl.enrich(LEADS, fields, plan=plan, **({} if planned else screen))
        assert service.requests == []
        cl.enrich(LEADS, fields, plan=plan, **(screen if planned else {}))


def test_a_plan_that_would_cost_more_now_is_refused(path):
    """Somebody was held then and is not any more; another tariff."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.enrich(LEADS[:3], ["title"])
        cl.plan(LEADS, ["title"]).save(path)
        with pytest.raises(cl.ConfigurationError, match="may cost 8 credits now, 5 were planned"):
            cl.enrich(LEADS, plan=path, max_age=0)
        changed = json.loads(path.read_text())
        changed["estimate"]["credits_per_lookup"] = 2
        path.write_text(json.dumps(changed))
        with pytest.raises(cl.ConfigurationError, match="a look-up cost 2 credits then and 1 now"):
            cl.enrich(LEADS, plan=path)
        assert service.charged == 3


def test_rows_in_another_order_are_the_same_people(path):
    """Somebody may have sorted the file."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.plan(LEADS, ["title"]).save(path)
        cl.enrich(LEADS.sort_values("deal", ascending=False), plan=path)
        assert service.charged == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no plan at"),
        ("", "is no plan that this package saved"),
        ("[]", "is no plan"),
        ('{"cleanlist_plan": 1}', "is no plan"),
        ('{"cleanlist_plan": "x"}', "is no plan"),
        ('{"cleanlist_plan": 2}', "was written by a newer version"),
        (b"\xff\xfe\x00", "is no plan"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(path, content, message):
    """Before anything is sent."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with cl.sandbox() as service:
        with pytest.raises(cl.ConfigurationError, match=message):
            cl.enrich(LEADS, plan=path)
        assert service.requests == []


def edited(path, part, value):
    """Write another value into a plan; `None` for a part of its own takes it out."""
    content = json.loads(path.read_text())
    *above, name = part.split(".")
    place = content[above[0]] if above else content
    place[name] = value
    path.write_text(json.dumps(content))


OF_THE_ESTIMATE = [field.name for field in dataclasses.fields(cl.CostEstimate) if field.name not in ("rows", "column")]
PARTS = ["at_most", "queue", "rows", "buckets", "made_at", "people", "estimate", "queue.price", "queue.worth", "more"]


@pytest.mark.parametrize("part", [*PARTS, *(f"estimate.{name}" for name in OF_THE_ESTIMATE)])
@pytest.mark.parametrize("value", ["nonsense", -1, [], float("nan"), {"price": [1], "x": 2}])
def test_a_plan_with_a_part_that_is_wrong_is_none(path, part, value):
    """Its numbers must be numbers and add up: nothing it says can be nonsense."""
    cl.plan(LEADS, ["title"]).save(path)
    edited(path, part, value)
    with pytest.raises(cl.ConfigurationError, match="is no plan that this package saved, or was changed"):
        cl.Plan.load(path)


@pytest.mark.parametrize(
    ("part", "value"),
    [("made_at", "2026-11-20T09:00:00"), ("queue.price", [0, 2, *[1] * 6]), ("estimate.max_credits", 2.5)],
)
def test_values_that_only_look_right_are_refused(path, part, value):
    """A time of no zone, a free look-up, half a credit."""
    cl.plan(LEADS, ["title"]).save(path)
    edited(path, part, value)
    with pytest.raises(cl.ConfigurationError, match="is no plan"):
        cl.Plan.load(path)


def test_its_budget_may_be_changed_by_hand(path):
    """Whoever is to pay may grant less."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.plan(LEADS, ["title"]).save(path)
        edited(path, "estimate.max_credits", 3)
        with pytest.warns(cl.CleanlistWarning, match="max_credits=3"):
            cl.enrich(LEADS, plan=path)
        assert service.charged == 3


def test_a_plan_is_refused_where_it_cannot_be_written(tmp_path):
    """A folder that is not there."""
    with pytest.raises(cl.ConfigurationError, match="cannot be written"):
        cl.plan(LEADS, ["title"]).save(tmp_path / "nowhere" / "plan.json")
    with pytest.raises(cl.ConfigurationError, match="plan= must be a Plan"):
        cl.enrich(LEADS, plan=7)


def test_the_times_of_a_plan_are_utc():
    """Wherever it was made."""
    made_at = pd.Timestamp(cl.plan(LEADS, ["title"]).made_at)
    assert str(made_at.tz) in ("UTC", "+00:00", "tzutc()")
