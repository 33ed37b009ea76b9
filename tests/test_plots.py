"""Pictures in the manner of pandas."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

import cleanlist_pandas as cl
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.plots import Bars, draw_bars

ROOT = Path(cl.__file__).parents[1]
LEADS = pd.DataFrame({"email": [f"p{n}@acme.example" for n in range(60)]})
KINDS = ["status", "seniority", "coverage"]


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    """Draw without a screen, and leave no figure open."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def out() -> pd.DataFrame:
    """A frame that a run made."""
    with cl.sandbox():
        return LEADS.cleanlist.enrich(["title", "seniority", "phone"], ledger=None)


@pytest.fixture(scope="module")
def pilot() -> cl.Pilot:
    """A third of them asked."""
    with cl.sandbox():
        return LEADS.cleanlist.pilot(20, fields=["title", "phone"], ledger=None)


def bars(ax: Axes) -> dict[str, float]:
    """Return the bars by their names, from the top down."""
    names = [label.get_text() for label in ax.get_yticklabels()]
    lengths = dict(zip(names, [bar.get_width() for bar in ax.patches], strict=True))
    low, high = ax.get_ylim()
    assert low > high  # the first one at the top
    return lengths


def test_people_by_status(out):
    """As many bars as statuses, each with its number."""
    report = out.cleanlist.report()
    ax = report.plot()
    assert isinstance(ax, Axes)
    assert bars(ax) == dict(report.statuses)
    assert [text.get_text() for text in ax.texts] == [str(n) for n in report.statuses.values()]
    assert ax.get_xlabel() == "people"


def test_people_by_seniority(out):
    """Highest at the top, also those of whom there is none."""
    report = out.cleanlist.report()
    ax = report.plot("seniority")
    assert bars(ax) == report.seniorities.to_dict()
    assert next(iter(bars(ax))) == "owner"
    assert ax.get_xlabel() == "completed people"


def test_share_of_people_with_each_field(out):
    """Of the whole, with the whole in the picture."""
    report = out.cleanlist.report()
    ax = report.plot(kind="coverage")
    assert bars(ax) == report.coverage["share"].to_dict()
    assert ax.get_xlim() == (0, 1.2)
    assert [text.get_text() for text in ax.texts] == [f"{share:.0%}" for share in report.coverage["share"]]


def test_credits_by_time():
    """Rising to the bill; the last point is the last charge."""
    with cl.sandbox(hit_rate=1.0) as service:
        frame = LEADS.cleanlist.enrich(["title", "phone"], provenance=True)
        report = frame.cleanlist.report()
        ax = report.plot("spend")
        (line,) = ax.get_lines()
        x, y = line.get_xdata(), line.get_ydata()
        assert (x[0], y[0], y[-1], len(x)) == (0, 0, service.charged, 61)
    assert all(before <= after for before, after in itertools.pairwise(x))
    assert [after - before for before, after in itertools.pairwise(y)] == [11] * 60
    assert ax.get_ylabel() == "credits charged"
    assert report.plot("spend", ax=ax, color="red") is ax


def test_credits_by_time_need_provenance(out):
    """And a charge: nothing is drawn from nothing."""
    with pytest.raises(ConfigurationError, match=r"needs enrich\(provenance=True\)"):
        out.cleanlist.report().plot("spend")
    with cl.sandbox(hit_rate=0.0):
        missed = LEADS.cleanlist.enrich(["title"], provenance=True)
    with pytest.raises(ConfigurationError, match="a run that was charged for something"):
        missed.cleanlist.report().plot("spend")


@pytest.mark.parametrize("kind", KINDS)
def test_axes_of_ones_own_are_drawn_on(out, kind):
    """And given back; no further figure is made."""
    _, (left, right) = plt.subplots(1, 2)
    assert out.cleanlist.report().plot(kind, ax=right) is right
    assert (len(left.patches), len(right.patches) > 0, len(plt.get_fignums())) == (0, True, 1)


def test_without_axes_each_picture_has_its_own_figure(out):
    """Never the one that happens to be current."""
    first = out.cleanlist.report().plot()
    second = out.cleanlist.report().plot()
    assert first.figure is not second.figure


@pytest.mark.parametrize("kind", KINDS)
def test_no_style_is_set_and_nothing_shown(out, kind, monkeypatch):
    """The same options afterwards; colours are the caller's."""
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("plt.show was called"))
    before = dict(mpl.rcParams)
    ax = out.cleanlist.report().plot(kind, color="tab:red")
    assert dict(mpl.rcParams) == before
    assert {bar.get_facecolor() for bar in ax.patches} == {mpl.colors.to_rgba("tab:red")}


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_frame_has_a_picture(kind):
    """Of nobody."""
    with cl.sandbox():
        nobody = LEADS.iloc[:0].cleanlist.enrich(["title", "seniority"], ledger=None).cleanlist.report()
    assert all(bar.get_width() == 0 for bar in nobody.plot(kind).patches)
    nobody.plot(kind).figure.canvas.draw()


def test_a_pilot_shows_its_rates_with_their_intervals(pilot):
    """Each number behind the end of its interval."""
    ax = pilot.plot()
    assert isinstance(ax, Axes)
    assert bars(ax) == pilot.rates["rate"].to_dict()
    spans = ax.containers[0].lines[2][0].get_segments()
    assert [span[:, 0].tolist() for span in spans] == pytest.approx(pilot.rates[["low", "high"]].to_numpy())
    assert [text.get_text() for text in ax.texts] == [f"{rate:.0%}" for rate in pilot.rates["rate"]]
    assert ax.get_xlabel() == "share of 20 people asked, with 95 % intervals"


def test_a_plan_shows_its_frontier_and_where_the_budget_cuts():
    """Solid as far as the budget will probably reach, faint behind."""
    plan = LEADS.assign(worth=range(60)).cleanlist.plan("title", priority="worth", max_credits=20)
    sums = plan.frontier()
    ax = plan.plot()
    within, beyond, likely, sure, budget = ax.lines
    assert (within.get_alpha(), beyond.get_alpha()) == (None, 0.35)
    assert [*within.get_ydata(), *beyond.get_ydata()[1:]] == [0, *sums["worth"]]
    assert [*within.get_xdata(), *beyond.get_xdata()[1:]] == [0, *sums["expected"]]
    assert within.get_xdata()[-1] == likely.get_xdata()[0] == 20
    assert sure.get_xdata()[0] == 10
    assert budget.get_xdata() == [20, 20]
    assert [text.get_text() for text in ax.texts] == ["40 people likely", "20 people sure", " budget 20 "]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("credits, expected", "worth, expected")


def test_a_plan_without_worth_and_limit_is_one_line_of_rows():
    """Nothing is cut."""
    ax = LEADS.cleanlist.plan("title").plot(c="tab:red")
    (line,) = ax.lines
    assert line.get_xydata()[-1].tolist() == [30, 30]
    assert line.get_color() == "tab:red"
    assert (ax.get_ylabel(), list(ax.texts)) == ("rows filled, expected", [])


def test_two_plans_share_axes():
    """Each in its own colour, whose parts agree."""
    _, ax = plt.subplots()
    for fields in ("title", "phone"):
        assert LEADS.cleanlist.plan(fields, max_credits=20).plot(ax=ax, label=fields) is ax
    assert [line.get_label() for line in ax.lines if not line.get_label().startswith("_")] == ["title", "phone"]
    assert [mpl.colors.same_color(line.get_color(), ax.lines[0].get_color()) for line in ax.lines] == [
        *[True] * 5,
        *[False] * 5,
    ]


@pytest.mark.parametrize("n", [0, 1, 60])
@pytest.mark.parametrize("budget", [0, 1, None])
def test_every_plan_has_a_picture(n, budget):
    """Also of nobody, and for nothing."""
    LEADS.iloc[:n].cleanlist.plan("title", max_credits=budget).plot().figure.canvas.draw()


def test_a_pilot_of_nobody_has_a_picture():
    """All its intervals are whole."""
    with cl.sandbox():
        ax = LEADS.iloc[:0].cleanlist.pilot(fields="title", ledger=None).plot()
    ax.figure.canvas.draw()
    assert all(bar.get_width() == 0 for bar in ax.patches)


@pytest.mark.parametrize("made", ["pilot", "plan"])
def test_pictures_of_pilot_and_plan_have_pandas_manners(pilot, made, monkeypatch):
    """On the caller's axes, in the caller's colour and style; nothing is shown."""
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("plt.show was called"))
    drawn = pilot if made == "pilot" else LEADS.cleanlist.plan("title", max_credits=20)
    _, ax = plt.subplots()
    before = dict(mpl.rcParams)
    assert drawn.plot(ax=ax, color="tab:red") is ax
    assert dict(mpl.rcParams) == before
    assert len(plt.get_fignums()) == 1
    colours = [bar.get_facecolor() for bar in ax.patches] or [line.get_color() for line in ax.lines]
    assert {mpl.colors.to_hex(colour) for colour in colours} == {mpl.colors.to_hex("tab:red")}


def test_drawing_twice_on_the_same_axes_does_not_turn_them():
    """The first bar stays at the top."""
    ax = draw_bars(Bars(counts={"a": 1, "b": 2}, label="people"))
    draw_bars(Bars(counts={"a": 1, "b": 2}, label="people"), ax=ax)
    low, high = ax.get_ylim()
    assert low > high


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (
            "senority",
            r"no plot of kind 'senority'; did you mean 'seniority'\? the kinds are status, .*, spend\.",
        ),
        ("pie", r"no plot of kind 'pie'; the kinds are"),
        (None, r"no plot of kind None; the kinds are"),
    ],
)
def test_an_unknown_kind_is_told(out, kind, told):
    """With the closest one, and all."""
    with pytest.raises(ConfigurationError, match=told):
        out.cleanlist.report().plot(kind)


def test_what_the_frame_does_not_have_is_told(out):
    """By the column to ask for, or the report to take."""
    with pytest.raises(ConfigurationError, match=r"no column to draw kind='seniority' from; ask for it with enrich"):
        out.drop(columns="enriched_seniority").cleanlist.report().plot("seniority")
    with cl.sandbox():
        LEADS.cleanlist.enrich("title", ledger=None)
    assert isinstance(cl.last_run().report.plot(), Axes)
    with pytest.raises(ConfigurationError, match=r"did not look into its frame"):
        cl.last_run().report.plot("coverage")


def test_without_matplotlib_the_extra_is_named(out, monkeypatch):
    """And nothing else of the package needs it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigurationError, match=r'pip install "cleanlist-pandas\[plot\]"') as caught:
        out.cleanlist.report().plot()
    assert caught.value.__suppress_context__
    assert out.cleanlist.report()._repr_html_()


def test_matplotlib_is_not_imported_before_it_is_needed():
    """It takes a second."""
    code = "import sys, cleanlist_pandas; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
