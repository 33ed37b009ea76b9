"""Frames of every shape through all doors: same rows, same index, the caller's frame untouched, promised dtypes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.frame.arrays import SOURCE_DTYPE, STATUS_DTYPE, Kinds

PEOPLE = [
    {"email": "jo@acme.example", "title": "CTO", "seniority": "c_level", "phone": "+1-555-0100", "icp_score": 91},
    {"email": "ann@acme.example", "title": "Buyer", "seniority": "entry"},
]
EMAILS = ["jo@acme.example", None, "JO@acme.example", "nobody@else.example", "rubbish", "ann@acme.example"]
FIELD_NAMES = ["title", "seniority", "icp_score"]
TITLES = ["CTO", None, "CTO", None, None, "Buyer"]
STATUSES = ["completed", "skipped", "completed", "not_found", "skipped", "completed"]


def leads(**more):
    return pd.DataFrame({"email": EMAILS, **more})


def titles(out, column="enriched_title"):
    return [None if pd.isna(value) else value for value in out[column]]


@contextmanager
def untouched(frame: pd.DataFrame) -> Iterator[None]:
    """Hold that a block leaves a frame as it was, to the last bit."""
    before, attrs, flags = frame.copy(deep=True), dict(frame.attrs), frame.flags.allows_duplicate_labels
    yield
    pd.testing.assert_frame_equal(frame, before, check_exact=True, check_freq=True)
    assert frame.attrs == attrs
    assert frame.flags.allows_duplicate_labels is flags
    assert frame.index.names == before.index.names


INDEXES = {
    "range": pd.RangeIndex(6),
    "range with a step": pd.RangeIndex(10, 4, -1, name="n"),
    "duplicate labels": pd.Index([5, 5, 5, 1, 1, 0]),
    "text": pd.Index(list("fedcba"), name="enriched_title"),
    "named like the e-mail column": pd.Index(range(6), name="email"),
    "multi": pd.MultiIndex.from_tuples([(1, "b"), (1, "a"), (0, "b"), (0, "b"), (2, None), (2, "z")], names=["n", "n"]),
    "times with zone": pd.date_range("2026-01-01", periods=6, freq="h", tz="Europe/Berlin"),
    "categorical": pd.CategoricalIndex(list("abcabc"), categories=list("cba"), ordered=True),
    "with NaN": pd.Index([1.0, np.nan, np.nan, 2.0, 3.0, 4.0]),
    "with None": pd.Index(["a", None, "b", "c", "d", "e"], dtype=object),
    "intervals": pd.interval_range(0, 6),
    "periods": pd.period_range("2026-01", periods=6, freq="M"),
    "arrow": pd.Index(pd.array(list("abcdef"), dtype=pd.ArrowDtype(pa.string()))),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_every_index_survives(index):
    """The index is the same, and each row has its own person's values."""
    frame = leads().set_index(index)
    with cl.sandbox(people=PEOPLE), untouched(frame):
        out = cl.enrich(frame, FIELD_NAMES)
    pd.testing.assert_index_equal(out.index, index, exact=True)
    assert titles(out) == TITLES
    assert out["enriched_status"].tolist() == STATUSES
    assert out.columns.tolist() == ["email", "enriched_title", "enriched_seniority", "icp_score", "enriched_status"]


BACKENDS = [None, "numpy_nullable", "pyarrow"]


def promised(backend):
    kinds = Kinds(backend)
    nullable = {None: "Int64", "numpy_nullable": "Int64", "pyarrow": pd.ArrowDtype(pa.int64())}[backend]
    return {
        **{field.column: kinds.dtype(field) for field in FIELDS.values()},
        "enriched_status": STATUS_DTYPE,
        "enriched_source": SOURCE_DTYPE,
        "enriched_confidence": pd.ArrowDtype(pa.float64()) if backend == "pyarrow" else "Float64",
        "enriched_at": pd.ArrowDtype(pa.timestamp("us", "UTC")) if backend == "pyarrow" else "datetime64[us, UTC]",
        "enriched_credits": nullable,
        "enriched_reason": kinds.text_dtype,
    }


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "frame",
    [leads(), leads().iloc[:0], leads().iloc[[3]], leads().iloc[[1, 4]], leads(enriched_title=[None] * 6)],
    ids=["some", "no rows", "no matches", "no addresses", "empty existing column"],
)
def test_dtypes_do_not_depend_on_the_data(frame, backend):
    """All fields and the provenance, of each backend."""
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(frame, list(FIELDS), dtype_backend=backend, provenance=True)
    assert {name: out[name].dtype for name in promised(backend)} == promised(backend)
    assert len(out) == len(frame)


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_runs_concat_to_the_same_dtypes(backend):
    """Also a run without matches and one without rows: categories stay categories."""
    with cl.sandbox(people=PEOPLE):
        parts = [
            cl.enrich(part, list(FIELDS), dtype_backend=backend, provenance=True, ledger=None)
            for part in (leads(), leads().iloc[[3]], leads().iloc[:0])
        ]
    whole = pd.concat(parts)
    assert {name: whole[name].dtype for name in promised(backend)} == promised(backend)


def test_seniority_compares():
    """Owner above C-level above VP and so on; missing compares false."""
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(leads(), ["seniority"])
    assert (out["enriched_seniority"] >= "director").tolist() == [True, False, True, False, False, False]
    assert out["enriched_seniority"].max() == "c_level"


def doors(frame):
    """Go through every door that takes a frame."""
    cl.estimate_cost(frame)
    cl.plan(frame)
    cl.check(frame)
    return cl.enrich(frame, ["title", "seniority", "phone"], provenance=True)


EMAIL_DTYPES = ["object", "string", "string[pyarrow]", "category", pd.ArrowDtype(pa.large_string())]


@pytest.mark.parametrize("dtype", EMAIL_DTYPES, ids=str)
def test_no_door_changes_the_frame(dtype):
    """Whatever the dtype of the addresses, of other columns, and of columns that are filled up."""
    frame = leads(
        x=[1, 2, 3, 4, 5, 6],
        o=[[1], {}, None, "a", 1.5, pd.NaT],
        enriched_title=["kept", *[None] * 5],
        enriched_seniority=pd.Categorical(["vp", *[None] * 5]),
    ).astype({"email": dtype})
    frame.attrs = {"mine": {"nested": [1, 2]}}
    with cl.sandbox(people=PEOPLE), untouched(frame):
        out = doors(frame)
        assert out["enriched_title"].tolist()[0] == "kept"
    pd.testing.assert_frame_equal(out[["email", "x", "o"]], frame[["email", "x", "o"]])


def test_writing_into_the_result_leaves_the_frame_alone():
    """The result shares nothing that can be written to."""
    frame = leads(x=[1, 2, 3, 4, 5, 6], enriched_title=["kept", *[None] * 5])
    with cl.sandbox(people=PEOPLE), untouched(frame):
        out = cl.enrich(frame, ["title"])
        out.loc[:, "x"] = 0
        out.loc[:, ["email", "enriched_title"]] = "gone"


def test_a_filtered_slice_is_taken_without_a_warning():
    """On pandas 2 an assignment to it would warn."""
    whole = leads(x=range(6))
    part = whole[whole["x"] > 1]
    with cl.sandbox(people=PEOPLE), untouched(whole), untouched(part):
        out = doors(part)
    assert titles(out) == TITLES[2:]
    out["x"] = 1  # neither does writing into the result


def test_a_frame_of_many_loose_columns_is_taken_without_a_warning():
    """More than 100 blocks: pandas calls that fragmented."""
    frame = leads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        for number in range(150):
            frame[f"c{number}"] = number
    with cl.sandbox(people=PEOPLE):
        out = doors(frame)
    assert titles(out) == TITLES
    assert out.columns.tolist()[:151] == frame.columns.tolist()


def test_attrs_are_kept_and_added_to():
    """The caller's own beside ours, plain enough for Parquet."""
    frame = leads()
    frame.attrs = {"source": "crm"}
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(frame, ["title"])
    assert frame.attrs == {"source": "crm"}
    assert out.attrs["source"] == "crm"
    summary = out.attrs["cleanlist"]
    assert (summary["people"], summary["credits"], summary["requests"]) == (3, 2, 3)


def test_the_result_survives_parquet(tmp_path):
    """Values, categories, order, nullable integers and attrs."""
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(leads(), list(FIELDS), provenance=True)
    out.to_parquet(tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    assert back.attrs == out.attrs
    pd.testing.assert_frame_equal(back.astype(object).fillna("-"), out.astype(object).fillna("-"))
    for name in ("enriched_seniority", "enriched_status", "enriched_source", "enriched_email_status", "icp_score"):
        assert back[name].dtype == out[name].dtype


class Leads(pd.DataFrame):
    """A subclass with a property of its own."""

    _metadata = ["owner"]  # noqa: RUF012 - pandas wants a list

    @property
    def _constructor(self):
        return Leads


def test_a_subclass_stays_one():
    """With its metadata."""
    frame = Leads({"email": EMAILS})
    frame.owner = "Kim"
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(frame, ["title"])
    assert type(out) is Leads
    assert out.owner == "Kim"
    assert titles(out) == TITLES


def test_the_flag_against_duplicate_labels_is_kept():
    """It belongs to the caller's frame."""
    frame = leads().set_flags(allows_duplicate_labels=False)
    with cl.sandbox(people=PEOPLE):
        assert cl.enrich(frame, ["title"]).flags.allows_duplicate_labels is False


COLUMNS = {
    "multi": (pd.MultiIndex.from_tuples([("in", "email"), ("in", "x")]), ("in", "email"), ("enriched_title", "")),
    "three levels": (pd.MultiIndex.from_tuples([("a", "b", "email"), ("a", "b", "x")], names=["p", "q", "r"]),
                     ("a", "b", "email"), ("enriched_title", "", "")),
    "categorical": (pd.CategoricalIndex(["email", "x"]), "email", "enriched_title"),
    "numbers": (pd.Index([0, 1]), 0, "enriched_title"),
    "mixed": (pd.Index(["email", 1.5], dtype=object), "email", "enriched_title"),
    "named": (pd.Index(["email", "x"], name="what"), "email", "enriched_title"),
    "arrow": (pd.Index(["email", "x"], dtype="string[pyarrow]"), "email", "enriched_title"),
    "times": (pd.DatetimeIndex(["2026-01-01", "2026-01-02"]), pd.Timestamp("2026-01-01"), "enriched_title"),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "email", "title"), COLUMNS.values(), ids=COLUMNS)
def test_every_kind_of_column_labels_is_taken(columns, email, title):
    """New labels fit in; under several levels the lower ones are empty; a second run finds them again."""
    frame = leads(x=range(6)).set_axis(columns, axis=1)
    with cl.sandbox(people=PEOPLE) as service, untouched(frame):
        out = cl.enrich(frame, ["title"], columns=email)
        n_sent = len(service.requests)
        again = cl.enrich(out, ["title"], columns=email)
        assert len(service.requests) == n_sent
    assert [None if pd.isna(value) else value for value in out[title]] == TITLES
    assert out.columns.tolist()[:2] == columns.tolist()
    assert out.columns.names == columns.names
    pd.testing.assert_frame_equal(again, out)


def test_unrelated_columns_may_share_a_label():
    """They come back as they were."""
    frame = pd.DataFrame([[email, n, str(n)] for n, email in enumerate(EMAILS)], columns=["email", "note", "note"])
    with cl.sandbox(people=PEOPLE), untouched(frame):
        out = doors(frame)
    pd.testing.assert_frame_equal(out.iloc[:, :3], frame)
    assert titles(out) == TITLES


def test_no_rows_send_nothing():
    """And still give all columns."""
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(leads().iloc[:0], FIELD_NAMES)
        assert service.requests == []
    assert out.shape == (0, 5)


def test_no_matches_cost_nothing():
    """Each row is not_found or skipped, each value missing."""
    frame = leads().iloc[[1, 3, 4]]
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(frame, FIELD_NAMES)
        assert service.charged == 0
    assert out["enriched_status"].tolist() == ["skipped", "not_found", "skipped"]
    assert out[["enriched_title", "enriched_seniority", "icp_score"]].isna().all(axis=None)


def test_other_people_can_follow_on_the_same_ledger():
    """A ledger that knows only others is no obstacle."""
    with cl.sandbox(people=PEOPLE) as service:
        cl.enrich(leads().iloc[[0]], ["title"])
        out = cl.enrich(leads().iloc[[5]], ["title"])
        assert titles(out) == ["Buyer"]
        assert [request.email for request in service.requests] == ["jo@acme.example", "ann@acme.example"]
