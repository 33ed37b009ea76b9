"""df.cleanlist: registered once, harmless on every frame, and as well documented as the functions."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.settings import OPTIONS

METHODS = ["aenrich", "check", "collect", "diff", "enrich", "estimate_cost", "pilot", "plan", "report", "submit"]
ROOT = Path(cl.__file__).parents[1]


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame(index=[1, 1]), pd.DataFrame({"x": [1]})])
def test_it_is_there_on_every_frame(frame):
    """Also on one without columns; completion builds it and must not fail."""
    assert "cleanlist" in dir(frame)
    assert set(METHODS) <= set(dir(frame.cleanlist))


def test_a_frame_without_columns_is_told_at_the_call():
    """Not before."""
    with pytest.raises(cl.ColumnsError, match="no columns"):
        pd.DataFrame().cleanlist.enrich()


def test_a_reload_registers_it_once():
    """A second registration would warn."""
    code = (
        "import importlib, cleanlist_pandas, cleanlist_pandas.accessor as a, pandas as pd;"
        "importlib.reload(a); importlib.reload(cleanlist_pandas);"
        "print(pd.DataFrame({'email': ['a@x.example']}).cleanlist.estimate_cost().at_most)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_column_of_that_name_is_still_to_be_had():
    """By its label."""
    frame = pd.DataFrame({"email": ["a@x.example"], "cleanlist": [1]})
    assert frame["cleanlist"].tolist() == [1]
    assert frame.cleanlist.estimate_cost().at_most == 1


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_functions_signature_and_docstring(name):
    """All options by name, for Shift-Tab."""
    function, method = getattr(cl, name), getattr(pd.DataFrame().cleanlist, name)
    options = list(inspect.signature(function).parameters)
    assert options[0] == "df"
    assert list(inspect.signature(method).parameters) == options[1:]
    assert inspect.getdoc(method) == inspect.getdoc(function)
    assert "{options}" not in inspect.getdoc(function)


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_is_documented(name):
    """In the docstring of the function."""
    function = getattr(cl, name)
    text = inspect.getdoc(function)
    for parameter in inspect.signature(function).parameters:
        assert f"\n{parameter} : " in text, parameter


def test_enrich_takes_every_option():
    """Keyword-only, with its true default: what is shown there can be passed."""
    parameters = inspect.signature(cl.enrich).parameters
    for name, option in OPTIONS.items():
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[name].default is option.default


@pytest.mark.parametrize("name", METHODS)
def test_a_signature_shows_what_nobody_set(name):
    """By a name, not by Python's Ellipsis, which says nothing."""
    shown = str(inspect.signature(getattr(cl, name)))
    assert "Ellipsis" not in shown
    assert ("ledger=unset" in shown) is ("ledger=" in shown)


def test_every_default_can_be_passed():
    """And changes nothing."""
    frame = pd.DataFrame({"email": ["a@x.example"]})
    defaults = {name: one.default for name, one in inspect.signature(cl.estimate_cost).parameters.items()}
    assert cl.estimate_cost(**{**defaults, "df": frame}) == cl.estimate_cost(frame)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda df: cl.enrich(df, max_credit=5), r"enrich\(\) has no option 'max_credit'; did you mean 'max_credits'"),
        (lambda df: cl.estimate_cost(df, supress=[]), r"estimate_cost\(\).*did you mean 'suppress'"),
        (lambda df: cl.check(df, colums="email"), r"check\(\).*did you mean 'columns'"),
        (lambda df: df.cleanlist.enrich(filds="title"), r"enrich\(\).*did you mean 'fields'"),
        (lambda df: asyncio.run(cl.aenrich(df, api_kee="x")), r"aenrich\(\).*did you mean 'api_key'"),
        (lambda df: cl.check(df, zzz=1), r"check\(\) has no option 'zzz'; it takes columns, df, dtype_backend, fields"),
    ],
)
def test_a_typo_in_an_option_is_told_at_the_call(call, told):
    """With the closest name, or all of them."""
    with pytest.raises(ConfigurationError, match=told):
        call(pd.DataFrame({"email": ["a@x.example"]}))


def test_methods_do_what_the_functions_do():
    """The same frame from both."""
    frame = pd.DataFrame({"email": ["a@x.example", "b@x.example"]})
    with cl.sandbox(hit_rate=1.0) as service:
        first = frame.cleanlist.enrich("title", ledger=None)
        second = frame.pipe(cl.enrich, "title", ledger=None)
        assert len(service.requests) == 4
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(frame.cleanlist.check(), cl.check(frame))
    assert frame.cleanlist.estimate_cost() == cl.estimate_cost(frame)


def test_last_run_is_the_last_run():
    """Its frame and its report."""
    frame = pd.DataFrame({"email": ["a@x.example"]})
    with cl.sandbox(hit_rate=1.0):
        out = cl.enrich(frame, "title")
    last = cl.last_run()
    assert repr(last) == f"{last.report!r}\n.frame holds 1 row."
    pd.testing.assert_frame_equal(last.frame, out)
    assert last.frame is not out  # what happens to the one handed out does not reach it
    assert (last.report.credits, last.report.requests, last.report.people) == (1, 1, 1)
    assert "a@x.example" not in repr(last)


def test_there_is_no_last_run_at_first():
    """An error that says what to type."""
    code = "import cleanlist_pandas as cl; cl.last_run()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("No run yet in this process; call enrich() first.")
