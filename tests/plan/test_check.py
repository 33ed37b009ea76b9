"""Check: a verdict a row, offline."""

from __future__ import annotations

import pandas as pd
import pytest

import cleanlist_pandas as cl

CELLS = ["Jo <JO@acme.example>", "jo@acme.example", "jo@acme", "", None, "-", "ann@acme.example"]
VERDICTS = ["ok", "duplicate", "malformed", "blank", "blank", "blank", "ok"]
ADDRESSES = ["jo@acme.example", "jo@acme.example", None, None, None, None, "ann@acme.example"]


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_each_row_gets_a_verdict_and_its_address(dtype):
    """Whatever the dtype; the first of somebody is ok, the others are duplicates."""
    found = cl.check(pd.DataFrame({"email": pd.Series(CELLS, dtype=object).astype(dtype)}))
    assert found.verdict.tolist() == VERDICTS
    assert [None if pd.isna(a) else a for a in found.address] == ADDRESSES
    assert found.address.dtype == pd.Series(["a"]).dtype
    assert list(found.verdict.cat.categories) == ["ok", "duplicate", "malformed", "blank"]


def test_the_index_is_the_frames():
    """Also a strange one."""
    frame = pd.DataFrame({"email": CELLS}, index=pd.Index([1, 1, None, 2.5, 3, 3, 4], name="verdict"))
    pd.testing.assert_index_equal(cl.check(frame).index, frame.index, exact=True)


def test_no_rows_give_no_verdicts():
    """In the same dtypes."""
    frame = pd.DataFrame({"email": CELLS})
    pd.testing.assert_series_equal(cl.check(frame.iloc[:0]).dtypes, cl.check(frame).dtypes)


def test_the_column_can_be_named():
    """As for enrich."""
    frame = pd.DataFrame({"a": ["x@a.example"], "b": ["y@a.example"]})
    assert cl.check(frame, columns="b").address.tolist() == ["y@a.example"]


def test_verdicts_agree_with_the_estimate():
    """ok is what would be bought."""
    frame = pd.DataFrame({"email": CELLS})
    verdicts = cl.check(frame).verdict.value_counts()
    buckets = cl.estimate_cost(frame).buckets
    for verdict, bucket in {
        "ok": "billable",
        "duplicate": "duplicate",
        "malformed": "malformed",
        "blank": "blank",
    }.items():
        assert verdicts[verdict] == buckets[bucket]
