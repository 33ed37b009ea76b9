"""``ddf.cleanlist``: everybody is bought once, on the client, and the frame is the one pandas gets."""

from __future__ import annotations

import os
import signal

import numpy as np
import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")
import cleanlist_pandas.dask as cld  # noqa: E402 - not without dask

FIELDS = ["title", "seniority", "icp_score"]
N_PARTS = 7


def _leads(n_rows: int = 400, n_people: int = 90) -> pd.DataFrame:
    """Return contacts in many spellings, some of them partly known, none of them in order, under a messy index."""
    rng = np.random.default_rng(5)
    people = rng.integers(0, n_people, n_rows)
    spellings = (
        "p{}@acme{}.example",
        " P{}@ACME{}.example",
        "Jo <p{}@acme{}.example>",
        "p{}@acme{}.example; x@x.example",
    )
    emails = [spellings[row % 4].format(who, who % 5) for row, who in enumerate(people)]
    return pd.DataFrame(
        {
            "Email": [
                ("n/a", None, "no address")[row % 3] if row % 13 == 0 else mail for row, mail in enumerate(emails)
            ],
            "Company": [("Acme", "Acme, Inc.", None)[row % 3] for row in range(n_rows)],
            "kind": pd.Categorical(["x", "y"] * (n_rows // 2)),
            "enriched_title": [
                "Boss" if who % 3 == 0 and (row % 2 or who % 2) else None for row, who in enumerate(people)
            ],
            "enriched_seniority": ["vp" if who % 6 == 0 else None for who in people],
            "icp_score": pd.array([50 if who % 6 == 0 else None for who in people], "Int64"),
        },
        index=pd.Index(rng.integers(0, 50, n_rows), name="id"),
    )


@pytest.fixture
def ddf():
    """The contacts in partitions, in their order."""
    return dd.from_pandas(_leads(), npartitions=N_PARTS, sort=False)


def _without_times(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[name for name in frame if name == "enriched_at"])


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"provenance": True},
        {"dtype_backend": "pyarrow", "provenance": True},
        {"dtype_backend": "numpy_nullable"},
        {"on_existing": "replace", "provenance": True},
        {"suppress": ["acme3.example"], "skip": "several", "provenance": True},
        {"columns": {"email": "Email", "company": None}},
        {"known": pd.DataFrame({"email": ["p1@acme1.example"], "enriched_title": ["Known"]}), "provenance": True},
    ],
)
def test_the_frame_is_the_one_pandas_gets(ddf, how):
    """Row by row, in dtypes, categories, index and attrs; and Dask was told the dtypes beforehand."""
    with cl.sandbox() as service:
        expected = cl.enrich(ddf.compute(), FIELDS, **how)
        asked = sorted(request.email for request in service.requests)
    with cl.sandbox() as service:
        out = ddf.cleanlist.enrich(FIELDS, **how)
        assert sorted(request.email for request in service.requests) == asked
    assert len(asked) == len(set(asked)) > 40
    got = out.compute()
    pd.testing.assert_frame_equal(_without_times(got), _without_times(expected))
    pd.testing.assert_series_equal(out.dtypes, got.dtypes)
    assert out.npartitions == ddf.npartitions
    assert got.attrs["cleanlist"]["credits"] == expected.attrs["cleanlist"]["credits"]


@pytest.mark.parametrize("what", [{}, {"suppress": ["acme3.example"], "skip": "several"}, {"max_credits": 20}])
def test_estimate_and_plan_are_those_of_pandas(ddf, what):
    """Each row counts, however few of them are brought to the client."""
    whole = ddf.compute()
    then, plan = cl.plan(whole, FIELDS, **what), ddf.cleanlist.plan(FIELDS, **what)
    assert plan.estimate == ddf.cleanlist.estimate_cost(FIELDS, **what) == then.estimate
    assert sum(plan.estimate.buckets.values()) == len(whole)
    assert plan.digest == then.digest
    pd.testing.assert_frame_equal(plan.queue, then.queue)


def test_computing_buys_nothing(ddf):
    """However often, in whole or in part, and when the service and its ledger are gone."""
    with cl.sandbox(hit_rate=1.0) as service:
        out = ddf.cleanlist.enrich(FIELDS)
        bought = len(service.requests)
        again = ddf.cleanlist.enrich(FIELDS).compute()
        assert len(service.requests) == bought == service.charged
    assert len(out) == len(again) == 400
    pd.testing.assert_frame_equal(out.compute(), again)
    pd.testing.assert_frame_equal(out.head(5), again.head(5))
    assert (out.enriched_seniority >= "director").sum().compute() == (again.enriched_seniority >= "director").sum()
    bosses = out[out.enriched_title == "Boss"].compute()
    pd.testing.assert_frame_equal(bosses, again[again.enriched_title == "Boss"])


def test_the_bill_stands_on_the_first_row_of_each(ddf):
    """Also in a slice of the partitions, and where two of them are equal."""
    twice = dd.concat([ddf, ddf])
    with cl.sandbox(hit_rate=1.0) as service:
        out = twice.cleanlist.enrich("company", provenance=True)
        charged = service.charged
    assert out.enriched_credits.sum().compute() == charged > 40
    assert out.partitions[N_PARTS:].enriched_credits.sum().compute() == 0
    one_by_one = [out.partitions[at].enriched_credits.sum().compute() for at in range(N_PARTS)]
    assert sum(one_by_one) == charged


def test_only_columns_that_matter_are_read_to_find_people(tmp_path):
    """From files that can tell them apart; all of them are there afterwards."""
    for number in range(3):
        part = pd.DataFrame({"email": [f"p{number}@x.example", "p9@x.example"], "note": ["a", "b"], "n": [1.5, 2.5]})
        part.to_parquet(tmp_path / f"{number}.parquet")
    ddf = dd.read_parquet(tmp_path)
    with cl.sandbox(hit_rate=1.0) as service:
        out = ddf.cleanlist.enrich("title").compute()
        assert len(service.requests) == 4
    pd.testing.assert_frame_equal(out[["email", "note", "n"]], ddf.compute())
    assert out.enriched_title.notna().all()


def test_a_plan_holds_the_run_to_it(tmp_path, ddf):
    """One file for pandas and Dask."""
    path = tmp_path / "plan.json"
    with cl.sandbox(hit_rate=1.0) as service:
        ddf.cleanlist.plan(["title"], max_credits=7).save(path)
        with pytest.warns(cl.CleanlistWarning, match="Stopped early"):
            out = ddf.cleanlist.enrich(plan=path)
        assert service.charged == 7
    assert out.columns[-1] == "enriched_status"
    assert set(out.enriched_status.compute().unique()) == {"completed", "skipped", "not_attempted"}


def test_a_run_that_ends_early_carries_dask_frames(ddf):
    """The partial one, and that of the run that goes on with it."""
    with cl.sandbox(hit_rate=1.0, faults=[None, None, Fault(status=401)]) as service:
        with pytest.raises(cl.AuthenticationError) as stopped:
            ddf.cleanlist.enrich("company", concurrency=1)
        out = stopped.value.resume()
        assert len(service.requests) == service.charged + 1
    assert isinstance(stopped.value.partial, dd.DataFrame)
    assert (stopped.value.partial.enriched_status == "not_attempted").sum().compute() > 300
    assert (out.enriched_status == "not_attempted").sum().compute() == 0


def test_rows_that_were_not_there_are_not_attempted(tmp_path):
    """A source that changes after the purchase is never bought behind one's back."""
    path = tmp_path / "leads.csv"
    pd.DataFrame({"email": ["a@x.example", "b@x.example"]}).to_csv(path, index=False)
    ddf = dd.from_map(pd.read_csv, [str(path)])
    with cl.sandbox(hit_rate=1.0) as service:
        out = ddf.cleanlist.enrich("title")
        pd.DataFrame({"email": ["b@x.example", "c@x.example"]}).to_csv(path, index=False)
        assert out.compute().enriched_status.tolist() == ["completed", "not_attempted"]
        assert len(service.requests) == 2


def test_partitions_may_be_empty():
    """All but one of them, and all."""
    ddf = dd.from_pandas(pd.DataFrame({"email": ["a@x.example"] * 8, "n": range(8)}), npartitions=4)
    with cl.sandbox(hit_rate=1.0) as service:
        one, none = ddf[ddf.n == 7].cleanlist.enrich("title"), ddf[ddf.n > 7].cleanlist.enrich("title")
        assert len(service.requests) == 1
    assert (len(one), len(none)) == (1, 0)
    pd.testing.assert_series_equal(one.compute().dtypes, none.compute().dtypes)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda ddf: ddf.cleanlist.enrich(priority="n"), cl.ConfigurationError, "priority= is not for Dask frames"),
        (lambda ddf: ddf.cleanlist.plan(phone_if=len), cl.ConfigurationError, "phone_if= is not for Dask frames"),
        (lambda ddf: ddf.cleanlist.enrich(max_credit=3), cl.ConfigurationError, "did you mean 'max_credits'"),
        (lambda ddf: ddf.cleanlist.enrich(columns="E-Mail"), cl.ColumnsError, "the closest are 'Email'"),
        (lambda ddf: ddf.cleanlist.enrich(on_existing="error"), cl.ColumnsError, "already has enriched_title"),
        (lambda ddf: cld.enrich(ddf.compute()), cl.ColumnsError, "Expected a Dask DataFrame, not DataFrame"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_sent(ddf, call, error, told):
    with cl.sandbox() as service:
        with pytest.raises(error, match=told):
            call(ddf)
        assert not service.requests


def test_a_killed_worker_buys_nothing(ddf, tmp_path):
    """One dies while the people are read, one while the answers are joined; each part is done again elsewhere."""
    armed = tmp_path / "armed"

    def dies_once(part: pd.DataFrame, number: pd.Series) -> pd.DataFrame:
        if number.iloc[0] == 3 and armed.exists():
            armed.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return part

    numbers = dd.from_map(lambda number: pd.Series([number]), range(N_PARTS), meta=pd.Series([0]))
    mortal = ddf.map_partitions(dies_once, numbers, meta=ddf._meta, align_dataframes=False)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path)
    )
    with cl.sandbox() as service, cluster, distributed.Client(cluster):
        armed.touch()
        out = mortal.cleanlist.enrich(FIELDS, provenance=True)
        assert not armed.exists()
        bought = len(service.requests)
        armed.touch()
        got = out.compute()
        assert not armed.exists()
        assert len(out) == 400
        assert len(service.requests) == bought
    with cl.sandbox() as service:
        expected = cl.enrich(ddf.compute(), FIELDS, provenance=True)
        assert len(service.requests) == bought
    pd.testing.assert_frame_equal(_without_times(got), _without_times(expected))
