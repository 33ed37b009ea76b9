"""Arrays: the dtype of a column depends on the field and the backend, never on the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cleanlist_pandas.fields import EMAIL_STATUSES, FIELDS, SENIORITIES
from cleanlist_pandas.frame.arrays import EMAIL_STATUS_DTYPE, MISSING, SENIORITY_DTYPE, Kinds, first_rows

BACKENDS = [None, "numpy_nullable", "pyarrow"]
VALUES = {
    "email_status": ["valid", None, "catch-all"],
    "seniority": ["vp", None, "owner"],
    "icp_score": [0, None, 100],
    "title": ["CTO", None, "Büroleitung"],
}
CODES = np.array([2, -1, 0, 1, 2], np.int64)


def default_text():
    return pd.Series(["a"]).dtype


DTYPES = [
    ("title", None, default_text()),
    ("title", "numpy_nullable", pd.StringDtype()),
    ("title", "pyarrow", pd.ArrowDtype(pa.string())),
    ("icp_score", None, pd.Int64Dtype()),
    ("icp_score", "numpy_nullable", pd.Int64Dtype()),
    ("icp_score", "pyarrow", pd.ArrowDtype(pa.int64())),
    *[("seniority", backend, SENIORITY_DTYPE) for backend in BACKENDS],
    *[("email_status", backend, EMAIL_STATUS_DTYPE) for backend in BACKENDS],
]


@pytest.mark.parametrize(("name", "backend", "dtype"), DTYPES)
@pytest.mark.parametrize("values", ["some", "none", "nobody"])
def test_a_column_has_its_promised_dtype(name, backend, dtype, values):
    """Full, all missing, or without any person: the dtype is the same."""
    given, codes = {
        "some": (VALUES[name], CODES),
        "none": ([None], np.array([0, -1], np.int64)),
        "nobody": ([], np.array([-1, -1], np.int64)),
    }[values]
    assert pd.Series(Kinds(backend).column(FIELDS[name], given, codes)).dtype == dtype


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", VALUES)
def test_values_stand_on_their_rows(name, backend):
    """Each row has its person's value, and code -1 has none."""
    column = pd.Series(Kinds(backend).column(FIELDS[name], VALUES[name], CODES))
    there = [None if pd.isna(value) else value for value in column.tolist()]
    assert there == [VALUES[name][code] if code >= 0 else None for code in CODES]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", VALUES)
def test_no_rows_make_an_empty_column(name, backend):
    """0 rows of somebody."""
    assert len(Kinds(backend).column(FIELDS[name], VALUES[name], np.array([], np.int64))) == 0


def test_missing_text_is_nan_by_default():
    """As in any frame pandas reads itself."""
    column = Kinds().texts(["a", None], np.array([1, -1], np.int64))
    assert all(value is np.nan for value in pd.Series(column).astype(object))


@pytest.mark.parametrize("backend", BACKENDS)
def test_times_are_utc_microseconds(backend):
    """1 µs after 1970, and missing."""
    column = pd.Series(Kinds(backend).times(np.array([1, MISSING]), np.array([0, 1, -1], np.int64)))
    assert column[0] == pd.Timestamp("1970-01-01 00:00:00.000001", tz="UTC")
    assert column.isna().tolist() == [False, True, True]
    assert str(column.dtype) in ("datetime64[us, UTC]", "timestamp[us, tz=UTC][pyarrow]")


@pytest.mark.parametrize("backend", BACKENDS)
def test_floats_are_nullable(backend):
    """A missing confidence is NA, not 0."""
    column = pd.Series(Kinds(backend).floats(np.array([0.5, np.nan]), np.array([1, 0, -1], np.int64)))
    assert column.isna().tolist() == [True, False, True]
    assert column[1] == 0.5


def test_categories_are_the_pages_words_in_its_order():
    """Written out here once more, so that a changed word is noticed."""
    assert EMAIL_STATUSES == ("valid", "invalid", "risky", "catch-all", "disposable", "role-based", "unknown")
    assert SENIORITIES == ("entry", "individual_contributor", "manager", "director", "vp", "c_level", "owner")
    assert list(SENIORITY_DTYPE.categories) == list(SENIORITIES)
    assert SENIORITY_DTYPE.ordered
    assert not EMAIL_STATUS_DTYPE.ordered


def test_the_dtype_equals_the_one_a_person_writes_down():
    """The categories have pandas' default string dtype."""
    assert pd.CategoricalDtype(list(SENIORITIES), ordered=True) == SENIORITY_DTYPE
    assert EMAIL_STATUS_DTYPE.categories.dtype == pd.Index(list(EMAIL_STATUSES)).dtype


@pytest.mark.parametrize(
    ("codes", "n_keys", "rows"),
    [
        ([], 0, []),
        ([-1, -1], 0, []),
        ([1, 0, 1, -1, 0], 2, [1, 0]),
        ([2, 2], 3, [0]),  # two people without a row
        ([-1, 0, -1, 0], 1, [1]),
    ],
)
def test_first_rows_are_the_first(codes, n_keys, rows):
    """One row for each person who has any, in the order of the people."""
    assert first_rows(np.array(codes, np.int64), n_keys).tolist() == rows
