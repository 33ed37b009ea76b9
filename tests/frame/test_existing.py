"""Enriched columns that are there already: kept as they are in the promised dtype, or refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.frame.arrays import Kinds
from cleanlist_pandas.frame.existing import label, read_existing

NAMES = tuple(FIELDS)


def read_one(name, values, **options):
    frame = pd.DataFrame({FIELDS[name].column: values})
    return read_existing(frame, [name], options.pop("on_existing", "fill"), Kinds(**options))[name]


def plain(values):
    return [None if pd.isna(value) else value for value in list(values)]


READ = [
    ("title", ["CTO", None, "", "  "], ["CTO", None, None, None]),
    ("title", [None, None], [None, None]),
    ("title", np.array([np.nan, np.nan]), [None, None]),
    ("title", pd.array(["CTO", pd.NA], dtype="string"), ["CTO", None]),
    ("title", pd.Categorical(["CTO", None, "CTO", ""]), ["CTO", None, "CTO", None]),
    ("phone", [15550100.0, np.nan], ["15550100", None]),
    ("phone", [15550100, 2], ["15550100", "2"]),
    ("phone", ["=1", 5, None], ["=1", "5", None]),
    ("size", [1.5, np.nan], ["1.5", None]),
    ("seniority", ["VP", "c-level", " C_Level ", "", None], ["vp", "c_level", "c_level", None, None]),
    ("seniority", pd.Categorical(["vp", None], categories=["vp"]), ["vp", None]),
    ("email_status", ["Catch All", "role_based", np.nan], ["catch-all", "role-based", None]),
    ("icp_score", ["57", "57.0", "", None], [57, 57, None, None]),
    ("icp_score", [57.0, np.nan], [57, None]),
    ("icp_score", [1, 2], [1, 2]),
    ("icp_score", pd.array([1, None], dtype="Int64"), [1, None]),
]


@pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
@pytest.mark.parametrize(("name", "given", "expected"), READ)
def test_what_is_there_is_read_in_the_promised_dtype(name, given, expected, backend):
    """Whatever the reader of the file made of it."""
    found = read_one(name, given, dtype_backend=backend)
    kinds = Kinds(backend)
    assert plain(found) == expected
    assert pd.Series(found).dtype == kinds.dtype(FIELDS[name])


@pytest.mark.parametrize(
    ("name", "given", "n_lost"),
    [
        ("seniority", ["boss", "vp", "boss"], "2 of 3"),
        ("seniority", [3, "vp"], "1 of 2"),
        ("email_status", ["good"], "1 of 1"),
        ("icp_score", ["A", "1"], "1 of 2"),
        ("icp_score", [1.5, 1.0], "1 of 2"),
        ("icp_score", [np.inf, 1.0], "1 of 2"),
        ("icp_score", [1e300, 1.0], "1 of 2"),
        ("icp_score", ["99999999999999999999", "1"], "1 of 2"),
    ],
)
def test_values_that_would_be_lost_are_refused(name, given, n_lost):
    """The error counts them and says what to do."""
    with pytest.raises(ColumnsError, match=rf"{n_lost} values.*would be lost.*on_existing=\"replace\""):
        read_one(name, given)


def test_replace_reads_nothing():
    """Not even what could not be kept."""
    frame = pd.DataFrame({"enriched_seniority": ["boss"]})
    assert read_existing(frame, NAMES, "replace", Kinds()) == {}


def test_error_names_the_columns():
    """All that are there."""
    frame = pd.DataFrame({"enriched_title": ["a"], "icp_score": [1]})
    with pytest.raises(ColumnsError, match=r"already has enriched_title, icp_score"):
        read_existing(frame, NAMES, "error", Kinds())


def test_columns_not_asked_for_are_not_read():
    """A column of another name or another field is the caller's own."""
    frame = pd.DataFrame({"enriched_seniority": ["boss"], "title": ["x"]})
    assert read_existing(frame, ["title"], "fill", Kinds()) == {}


@pytest.mark.parametrize("column", ["enriched_title", "enriched_status", "enriched_credits"])
@pytest.mark.parametrize("on_existing", ["fill", "replace", "error"])
def test_a_column_to_be_written_that_occurs_twice_is_refused(column, on_existing):
    """One of the two would be written over."""
    frame = pd.DataFrame([["a", 1, 2]], columns=["email", column, column])
    with pytest.raises(ColumnsError, match=rf"'{column}' occurs twice"):
        read_existing(frame, ["title"], on_existing, Kinds())


@pytest.mark.parametrize("column", ["enriched_title", "enriched_status"])
def test_an_input_column_is_never_written_over(column):
    """Not even under replace."""
    frame = pd.DataFrame({column: ["a@x.example"]})
    with pytest.raises(ColumnsError, match="says who to look up and would be written over"):
        read_existing(frame, ["title"], "replace", Kinds(), [column, None])


def test_under_multiindex_columns_the_lower_levels_are_empty():
    """As pandas writes a flat name there."""
    frame = pd.DataFrame([["a", "CTO"]], columns=pd.MultiIndex.from_tuples([("in", "email"), ("enriched_title", "")]))
    assert label(frame, "enriched_title") == ("enriched_title", "")
    assert plain(read_existing(frame, ["title"], "fill", Kinds())["title"]) == ["CTO"]


def test_the_array_is_not_the_frames_own():
    """Writing into what was read does not change the caller's frame."""
    frame = pd.DataFrame({"enriched_title": pd.Series(["a", None], dtype=object), "icp_score": pd.array([1, None])})
    before = frame.copy(deep=True)
    for values in read_existing(frame, ["title", "icp_score"], "fill", Kinds()).values():
        values[0] = values[0] * 2
    pd.testing.assert_frame_equal(frame, before)
