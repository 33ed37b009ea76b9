"""What pandas users do with frames and results: pipe, pickle, copy, subclass, Parquet, options, other dtypes."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

PEOPLE = [
    {"email": "jo@acme.example", "title": "CTO", "seniority": "c_level", "phone": "+1-555-0100", "icp_score": 91},
    {"email": "ann@acme.example", "title": "Buyer", "seniority": "entry", "icp_score": 12},
]
EMAILS = ["jo@acme.example", None, "JO@acme.example", "nobody@else.example", "rubbish", "ann@acme.example"]
FIELDS = ["title", "seniority", "icp_score"]
STATUSES = ["completed", "skipped", "completed", "not_found", "skipped", "completed"]

COPIES = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def leads(**more) -> pd.DataFrame:
    return pd.DataFrame({"email": EMAILS, "worth": range(6), **more})


class Places(pd.DataFrame):
    """A subclass in the manner of GeoDataFrame: without its geometry column it is an ordinary frame."""

    _metadata = ["crs"]  # noqa: RUF012 - pandas wants a list

    @property
    def _constructor(self):
        return _places


def _places(*args, **kwargs):
    frame = pd.DataFrame(*args, **kwargs)
    return Places(frame) if "geometry" in frame.columns else frame


# --- pipe -------------------------------------------------------------------------------------------------------------


def test_every_door_fits_into_a_chain():
    """With methods of pandas before, between and behind."""
    with cl.sandbox(people=PEOPLE):
        report = (
            leads()
            .query("worth >= 0")
            .pipe(cl.enrich, FIELDS)
            .assign(known=lambda d: d.enriched_title.notna())
            .sort_values("worth", ascending=False)
            .pipe(cl.report)
        )
        assert leads().pipe(cl.check).pipe(len) == 6
        assert leads().pipe((cl.estimate_cost, "df"), fields=FIELDS).at_most == 0  # they are held
    assert report.credits == 2
    assert report.coverage.n["title"] == 2


def test_what_comes_back_is_nobodys_view():
    """Setting a value in it warns of nothing and reaches nobody, also where a slice was handed in."""
    frame = leads()
    with cl.sandbox(people=PEOPLE):
        out = frame[frame.worth > 1].cleanlist.enrich("title")
    out["mine"] = 1
    out.loc[out.index[0], "email"] = "changed@acme.example"
    pd.testing.assert_frame_equal(frame, leads())


# --- pickle and copy --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results():
    """One of each thing that a door returns, and the frame."""
    with cl.sandbox(people=PEOPLE):
        pilot = leads().cleanlist.pilot(2, fields=FIELDS)
        out = leads().cleanlist.enrich(FIELDS, provenance=True)
        last = cl.last_run()
        job = leads().cleanlist.submit(["company"], service="csv_upload")
    return {
        "estimate": leads().cleanlist.estimate_cost(FIELDS, ledger=None),
        "plan": leads().cleanlist.plan(FIELDS, priority="worth", max_credits=2, ledger=None),
        "pilot": pilot,
        "report": out.cleanlist.report(),
        "last run": last,
        "job": job,
        "accessor": out.cleanlist,
        "frame": out,
    }


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", ["estimate", "plan", "pilot", "report", "last run", "job", "accessor"])
def test_a_result_can_be_pickled_and_copied(results, name, how):
    """It shows the same and has the same parts."""
    thing = results[name]
    again = COPIES[how](thing)
    assert type(again) is type(thing)
    assert repr(again) == repr(thing)
    if name != "job":
        assert again._repr_html_() == thing._repr_html_()
    if name not in ("last run", "accessor"):  # these hold a frame and are themselves only
        assert again == thing


@pytest.mark.parametrize("how", COPIES)
def test_a_frame_that_was_pickled_or_copied_knows_its_run(results, how):
    out = results["frame"]
    again = COPIES[how](out)
    pd.testing.assert_frame_equal(again, out)
    assert again.attrs == out.attrs
    assert repr(again.cleanlist.report()) == repr(results["report"])


def test_a_plan_that_was_pickled_holds_a_run_to_it():
    """As the one that was not."""
    with cl.sandbox(people=PEOPLE) as service:
        plan = COPIES["pickle"](leads().cleanlist.plan(FIELDS, priority="worth", max_credits=1))
        with pytest.warns(cl.CleanlistWarning, match="max_credits=1"):
            out = leads().cleanlist.enrich(plan=plan, priority="worth", max_credits=1)
        assert service.charged == 1
        with pytest.raises(cl.ConfigurationError):
            leads().iloc[:3].cleanlist.enrich(plan=plan)
    assert out["enriched_status"].tolist().count("not_attempted") == 3


def test_last_runs_are_compared_as_things():
    """A frame has no truth value, so that comparing what holds one would raise."""
    with cl.sandbox(people=PEOPLE):
        leads().cleanlist.enrich("title", ledger=None)
        one = cl.last_run()
        leads().cleanlist.enrich("title", ledger=None)
    assert one == one
    assert one != cl.last_run()


# --- every kind of frame through every door ---------------------------------------------------------------------------

FRAMES = {
    "duplicate labels": leads().set_axis([5, 5, 5, 1, 1, 0], axis=0),
    "MultiIndex rows": leads().set_axis(
        pd.MultiIndex.from_tuples([(1, "b")] * 3 + [(0, "a")] * 2 + [(2, "c")]), axis=0
    ),
    "MultiIndex columns": leads().set_axis(pd.MultiIndex.from_tuples([("in", "email"), ("in", "worth")]), axis=1),
    "subclass": Places(leads(geometry=range(6))),
    "no duplicates allowed": leads().set_flags(allows_duplicate_labels=False),
    "category": leads().astype({"email": "category"}),
    "numpy_nullable": pd.read_csv(io.StringIO(leads().to_csv(index=False)), dtype_backend="numpy_nullable"),
    "pyarrow": pd.read_csv(io.StringIO(leads().to_csv(index=False)), dtype_backend="pyarrow"),
}


@pytest.fixture(params=FRAMES)
def frame(request):
    """A frame, which no door changes."""
    given = FRAMES[request.param]
    before = given.copy(deep=True)
    yield given
    pd.testing.assert_frame_equal(given, before)


def _label(frame: pd.DataFrame, name: str):
    """Return the label of a column, whatever its level."""
    return next(label for label in frame.columns if name in label)


def _like(out: pd.DataFrame, frame: pd.DataFrame) -> bool:
    """Tell whether a result has the rows, the columns and the class of what was handed in."""
    pd.testing.assert_frame_equal(out.iloc[:, : frame.shape[1]], frame)
    return type(out) is type(frame) and [str(one) for one in out[_label(out, "enriched_status")]] == STATUSES


def test_doors_that_are_free_take_it(frame):
    """And say of each what they say of a plain one."""
    worth = _label(frame, "worth")
    assert frame.cleanlist.estimate_cost(FIELDS).buckets == leads().cleanlist.estimate_cost(FIELDS).buckets
    plan = frame.cleanlist.plan(FIELDS, priority=worth, max_credits=2)
    pd.testing.assert_frame_equal(
        plan.frontier(), leads().cleanlist.plan(FIELDS, priority="worth", max_credits=2).frontier()
    )
    checked = frame.cleanlist.check()
    assert checked["verdict"].tolist() == leads().cleanlist.check()["verdict"].tolist()
    pd.testing.assert_index_equal(checked.index, frame.index, exact=True)
    assert "'email'" in repr(frame.cleanlist)


def test_doors_that_buy_give_it_back(frame):
    """With its class, in one run after the other on one ledger; the report and `known=` read what they gave."""
    with cl.sandbox(people=PEOPLE) as service:
        assert frame.cleanlist.pilot(1, fields=FIELDS).n == 1
        out = frame.cleanlist.enrich(FIELDS, priority=_label(frame, "worth"))
        assert _like(out, frame)
        assert service.charged == 2
        assert out.cleanlist.report().coverage.n.to_dict() == {"title": 2, "seniority": 2, "icp_score": 2}
        assert out.cleanlist.enrich(FIELDS).equals(out)
        assert frame.cleanlist.estimate_cost(FIELDS, known=out, ledger=None).buckets["known"] == 3
        assert out.cleanlist.diff(out).empty
        assert len(service.requests) == 3


def test_doors_that_answer_in_two_steps_give_it_back(frame):
    """`phone_if=` is handed a frame of the class; submit and collect, and what a stopped run carries, too."""
    handed: list[type] = []

    def bosses(found: pd.DataFrame) -> pd.Series:
        handed.append(type(found))
        return found[_label(found, "enriched_seniority")] >= "vp"

    with cl.sandbox(people=PEOPLE) as service:
        assert _like(frame.cleanlist.enrich(["title", "seniority", "phone"], phone_if=bosses), frame)
        assert service.charged == 13
    assert set(handed) == {type(frame)}
    with cl.sandbox(people=PEOPLE):
        assert _like(frame.cleanlist.collect(frame.cleanlist.submit(FIELDS, service="csv_upload")), frame)
    with cl.sandbox(people=PEOPLE, faults=[None, Fault(status=402)]):
        with pytest.raises(cl.OutOfCreditsError) as stopped:
            frame.cleanlist.enrich(FIELDS, concurrency=1)
        assert type(stopped.value.partial) is type(frame)
        assert _like(stopped.value.resume(), frame)


def test_attrs_of_the_caller_stay_beside_ours_also_in_parquet(tmp_path):
    frame = leads()
    frame.attrs = {"source": "spring fair", "n": 3}
    with cl.sandbox(people=PEOPLE):
        out = frame.cleanlist.enrich(FIELDS)
    out.to_parquet(tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    assert back.attrs == out.attrs
    assert {name: back.attrs[name] for name in frame.attrs} == frame.attrs
    assert repr(back.cleanlist.report()) == repr(out.cleanlist.report())


# --- pandas' options --------------------------------------------------------------------------------------------------

DISPLAY = {
    "display.width": 20,
    "display.max_columns": 1,
    "display.max_rows": 2,
    "display.max_colwidth": 3,
    "display.precision": 1,
    "display.float_format": "{:.1f}".format,
    "display.show_dimensions": True,
    "display.html.border": 0,
}


@pytest.mark.parametrize("option", DISPLAY)
def test_display_options_cut_no_number_off(results, option):
    """What a person pays is told in full, whatever they want to see of their frames."""
    shown = {
        name: (repr(results[name]), results[name]._repr_html_()) for name in ("estimate", "plan", "pilot", "report")
    }
    with pd.option_context(option, DISPLAY[option]):
        assert {name: (repr(results[name]), results[name]._repr_html_()) for name in shown} == shown


MODES = {
    "mode.copy_on_write": [True, False, "warn"],
    "future.infer_string": [True, False],
    "future.no_silent_downcasting": [True],
    "mode.chained_assignment": ["raise"],
    "mode.string_storage": ["python", "pyarrow"],
    "compute.use_numexpr": [False],
    "compute.use_bottleneck": [False],
}


@pytest.mark.parametrize(("option", "value"), [(option, value) for option in MODES for value in MODES[option]])
def test_modes_change_no_answer(results, option, value):
    """Nothing warns, the frame is not touched, text has the dtype that pandas would give it."""
    with _mode(option, value):
        frame, before = leads(), leads()
        with cl.sandbox(people=PEOPLE):
            out = frame[frame.worth >= 0].cleanlist.enrich(FIELDS, provenance=True)
            report = out.cleanlist.report()
            again = out.assign(enriched_title=None).cleanlist.enrich(FIELDS)
            assert frame.cleanlist.estimate_cost(FIELDS, known=out, ledger=None).at_most == 1  # a miss is not known
        pd.testing.assert_frame_equal(frame, before)
        assert out["enriched_title"].dtype == pd.Series(["x"]).dtype
        assert again["enriched_title"].dtype == pd.Series(["x"]).dtype
        assert [str(one) for one in out["enriched_status"]] == STATUSES
        assert out.cleanlist.diff(again).empty
        assert report.coverage.n.to_dict() == results["report"].coverage.n.to_dict()
        assert out.cleanlist.check()["verdict"].tolist() == leads().cleanlist.check()["verdict"].tolist()


@contextmanager
def _mode(option: str, value: object) -> Iterator[None]:
    """Set one of pandas' options; pandas 3 warns of some that it has for old times' sake."""
    with warnings.catch_warnings(action="ignore"):
        before = pd.get_option(option)
        pd.set_option(option, value)
    try:
        yield
    finally:
        with warnings.catch_warnings(action="ignore"):
            pd.set_option(option, before)
