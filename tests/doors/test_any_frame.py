"""Any table in, the like of it out: over the Arrow PyCapsule interface, without an object per row."""

from __future__ import annotations

import asyncio

import pandas as pd
import pyarrow as pa
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.frame.tables import to_pandas
from cleanlist_pandas.sandbox import Fault

ROWS = {
    "email": ["kim@acme.example", "KIM@acme.example ", "n/a", None, "lou@acme.example"],
    "land": ["x", "y", None, "x", "y"],
    "n": [1, 2, None, 4, 2**60 + 1],
}
PEOPLE = [
    {"email": "kim@acme.example", "title": "CTO", "seniority": "c_level", "icp_score": 90},
    {"email": "lou@acme.example", "title": "Buyer", "seniority": "entry"},
]
FIELDS = ["title", "seniority", "icp_score"]


def _table() -> pa.Table:
    land = pa.array(ROWS["land"]).dictionary_encode()
    return pa.table({"email": ROWS["email"], "land": land, "n": ROWS["n"]})


def _as_rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return a pandas result as plain rows, None where a value is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


@pytest.fixture
def expected():
    """What pandas gets."""
    with cl.sandbox(people=PEOPLE):
        return _as_rows(cl.enrich(pd.DataFrame({**ROWS, "n": pd.array(ROWS["n"], "Int64")}), FIELDS))


class Foreign:
    """A table of a library nobody has heard of."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "kind", [lambda t: t, lambda t: t.to_reader(1), lambda t: t.combine_chunks().to_batches()[0], Foreign]
)
def test_an_arrow_table_comes_back_as_a_table(kind, expected):
    """Its columns as they were, the new ones in types that do not depend on the data."""
    table = _table()
    with cl.sandbox(people=PEOPLE) as service:
        out = cl.enrich(kind(table), FIELDS)
        assert service.charged == 2
    assert isinstance(out, pa.Table)
    assert out.select(table.column_names).equals(table)
    assert out.to_pylist() == expected
    text, seniorities, statuses = pa.large_string(), list(cl.fields.SENIORITIES), list(cl.fields.RowStatus)
    assert out.schema.field("enriched_title").type == text
    assert out.schema.field("icp_score").type == pa.int64()
    assert out.schema.field("enriched_seniority").type == pa.dictionary(pa.int8(), text, ordered=True)
    assert out["enriched_seniority"].chunk(0).dictionary.to_pylist() == seniorities
    assert out["enriched_status"].chunk(0).dictionary.to_pylist() == statuses


def test_an_empty_table_has_the_same_types():
    table = _table()
    with cl.sandbox(people=PEOPLE) as service:
        full, empty = (cl.enrich(part, provenance=True) for part in (table, table.slice(0, 0)))
        assert len(service.requests) == 2
    assert empty.schema == full.schema
    assert empty.num_rows == 0


def test_a_polars_frame_comes_back_as_one(expected):
    """Its categories are Enums, whose order is that of the seniorities, not that of the alphabet."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(ROWS).with_columns(pl.col("land").cast(pl.Enum(["y", "x"])))
    before = frame.clone()
    with cl.sandbox(people=PEOPLE):
        assert cl.estimate_cost(frame, FIELDS).buckets == cl.estimate_cost(_table(), FIELDS).buckets
        out = cl.enrich(frame, FIELDS)
    assert isinstance(out, pl.DataFrame)
    assert out.select(frame.columns).equals(before)
    assert out.schema["land"] == pl.Enum(["y", "x"])
    assert out.schema["enriched_seniority"] == pl.Enum(list(cl.fields.SENIORITIES))
    assert out.to_dicts() == expected
    assert out.filter(pl.col("enriched_seniority") >= "director")["enriched_title"].to_list() == ["CTO", "CTO"]
    assert isinstance(cl.check(frame).schema["verdict"], pl.Enum)
    assert frame.equals(before)


def test_a_duckdb_relation_comes_back_as_a_table(expected):
    """Which the connection can read by its name; it is read once, whatever the relation says later."""
    duckdb = pytest.importorskip("duckdb")
    table = _table()
    with duckdb.connect() as connection, cl.sandbox(people=PEOPLE):
        out = cl.enrich(connection.from_arrow(table), FIELDS)
        assert isinstance(out, pa.Table)
        assert out.to_pylist() == expected
        assert connection.sql("select count(*) from out where enriched_title = 'CTO'").fetchall() == [(2,)]


def test_what_is_there_already_is_kept_and_nothing_is_bought_again():
    """Types stay, and a report knows the run by the table's metadata."""
    table = _table().replace_schema_metadata({"mine": "kept"})
    with cl.sandbox(people=PEOPLE) as service:
        once = cl.enrich(table, FIELDS[:2])
        assert cl.report(once).credits == 2
        twice = cl.enrich(once, FIELDS[:2])
        assert len(service.requests) == 2
    assert twice.equals(once)
    assert once.schema.metadata[b"mine"] == b"kept"
    assert twice.num_columns == 6


def test_tables_serve_wherever_frames_do():
    """As known=, and on both sides of diff."""
    known = pa.table({"email": ["lou@acme.example"], "enriched_title": ["Head of Supply"]})
    with cl.sandbox(people=PEOPLE):
        out = cl.enrich(_table(), "title", known=known)
        assert cl.estimate_cost(_table(), "title", known=[known]).lookups == 0  # kim is in the ledger now
        again = cl.enrich(pd.DataFrame(ROWS), "title", ledger=None)
    assert out["enriched_title"].to_pylist()[-1] == "Head of Supply"
    changes = cl.diff(out, again)
    assert isinstance(changes, pa.Table)
    assert changes.select(["email", "before", "after"]).to_pylist() == [
        {"email": "lou@acme.example", "before": "Buyer", "after": "Head of Supply"}
    ]
    assert isinstance(cl.diff(again, out), pd.DataFrame)


def test_check_returns_columns_of_its_own():
    """Also where the table has a column of the same name in the same place."""
    checked = cl.check(pa.table({"address": [" Jo@acme.test", "jo@"]}), columns="address")
    assert isinstance(checked, pa.Table)
    assert checked["address"].to_pylist() == ["jo@acme.test", None]
    assert checked["verdict"].to_pylist() == ["reserved", "malformed"]


def test_a_run_that_ends_early_carries_tables_too():
    """The partial one and those of all that go on with it."""
    with cl.sandbox(people=PEOPLE, faults=[Fault(status=401)]) as service:
        with pytest.raises(cl.AuthenticationError) as stopped:
            cl.enrich(_table(), FIELDS, concurrency=1)
        with pytest.raises(cl.AuthenticationError) as again:
            stopped.value.resume(api_key="clnl_invented_wrong")
        out = again.value.resume(api_key=service.api_key)
    for partial in (stopped.value.partial, again.value.partial):
        assert isinstance(partial, pa.Table)
        assert partial["enriched_status"].to_pylist()[0] == "not_attempted"
    assert isinstance(out, pa.Table)
    assert out["enriched_title"].to_pylist() == ["CTO", "CTO", None, None, "Buyer"]


def test_awaiting_gives_tables_too():
    with cl.sandbox(people=PEOPLE, faults=[Fault(status=401)]):
        with pytest.raises(cl.AuthenticationError) as stopped:
            asyncio.run(cl.aenrich(_table(), FIELDS, concurrency=1))
        assert isinstance(stopped.value.partial, pa.Table)
        assert isinstance(asyncio.run(cl.aenrich(_table(), FIELDS)), pa.Table)


def test_text_comes_in_over_its_arrow_buffers():
    """No object per row: pandas holds the very buffers of the table, and dictionaries are categories."""
    table = pa.table({"email": pa.array(ROWS["email"], pa.large_string()), "land": _table()["land"]})
    frame = to_pandas(table)
    assert frame["email"].dtype == pd.ArrowDtype(pa.large_string())
    mine, theirs = pa.chunked_array(pa.array(frame["email"].array)).chunk(0), table["email"].chunk(0)
    assert [b and b.address for b in mine.buffers()] == [b and b.address for b in theirs.buffers()]
    assert isinstance(frame["land"].dtype, pd.CategoricalDtype)
    assert isinstance(frame.index, pd.RangeIndex)


def test_columns_pandas_cannot_hold_go_through_untouched():
    """Views, unions, dictionaries that hold a value twice or none at all, two columns of one name, pandas' metadata."""
    odd = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), pa.array(["a", "a", None]))
    union = pa.UnionArray.from_sparse(pa.array([0, 0, 0], pa.int8()), [pa.array([1, 2, 3])])
    table = pa.table(
        [pa.array(["a@x.example", "b@x.example", None], pa.string_view()), odd, union, odd, pa.nulls(3)],
        names=["email", "odd", "union", "odd", "nulls"],
    )
    with cl.sandbox(hit_rate=1.0):
        out = cl.enrich(table, "title")
        indexed = pa.Table.from_pandas(pd.DataFrame({"email": ["a@x.example"]}, index=["k"]))
        assert cl.enrich(indexed, "title").column_names == [
            "email",
            "__index_level_0__",
            "enriched_title",
            "enriched_status",
        ]
    assert out.schema.types[:5] == table.schema.types
    assert [out.column(at).equals(table.column(at)) for at in (0, 1, 3, 4)] == [True] * 4
    assert out["enriched_title"].is_valid().to_pylist() == [True, True, False]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (pa.chunked_array([["a@x.example"]]), "Expected a table, not ChunkedArray; hand in one with named columns."),
        (pd.Series(["a@x.example"]), "not Series; write pandas.DataFrame"),
        ([["a@x.example"]], "not list; write pandas.DataFrame"),
        ("leads.csv", r"not str; read the file first, with pandas\.read_csv"),
    ],
)
def test_what_is_no_table_is_told(given, told):
    with pytest.raises(cl.ColumnsError, match=told):
        cl.enrich(given)


def test_a_dask_frame_is_told_its_own_door():
    dd = pytest.importorskip("dask.dataframe")
    ddf = dd.from_pandas(pd.DataFrame({"email": ["a@x.example"]}), npartitions=1)
    with pytest.raises(cl.ColumnsError, match=r"import cleanlist_pandas\.dask, and call its \.cleanlist\.enrich"):
        cl.enrich(ddf)


def test_a_lazy_frame_is_told_to_be_collected():
    pl = pytest.importorskip("polars")
    with pytest.raises(cl.ColumnsError, match=r"not LazyFrame; call its \.collect\(\)"):
        cl.estimate_cost(pl.LazyFrame({"email": ["a@x.example"]}))
