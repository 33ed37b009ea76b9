"""What an enriched frame holds, counted by person."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cleanlist_pandas.fields import SENIORITIES, RowStatus
from cleanlist_pandas.frame.arrays import SENIORITY_DTYPE, SOURCE_DTYPE, STATUS_DTYPE
from cleanlist_pandas.frame.contents import read_contents

API = ["api"]


def frame(**columns: list[object]) -> pd.DataFrame:
    """Return an enriched frame of these columns."""
    dtypes = {"enriched_status": STATUS_DTYPE, "enriched_seniority": SENIORITY_DTYPE, "enriched_source": SOURCE_DTYPE}
    return pd.DataFrame({name: pd.Series(values, dtype=dtypes.get(name, object)) for name, values in columns.items()})


PEOPLE = frame(
    email=["a@acme.example", "A@acme.example", "b@gmail.com", "c@gmail.com", "n/a", "d@acme.example", "e@acme.example"],
    enriched_status=["completed", "completed", "not_found", "completed", "skipped", "failed", "not_attempted"],
    enriched_title=["CTO", "CTO", None, None, None, None, None],
    enriched_seniority=["c_level", "c_level", None, "vp", None, None, None],
)


def test_people_are_counted_once():
    """Whatever rows they have; rows without an address are nobody."""
    seen = read_contents(PEOPLE, "email", API)
    assert (seen.unit, seen.n_rows, seen.n_skipped, seen.n, seen.completed) == ("people", 7, 1, 5, 2)
    assert seen.coverage == {"title": 1, "seniority": 2}
    assert seen.seniorities == {**dict.fromkeys(SENIORITIES, 0), "c_level": 1, "vp": 1}
    assert seen.email_statuses == {}
    assert seen.domains == {"business": (1, 1, 1), "free-mail": (2, 1, 2)}


def test_without_a_column_of_addresses_rows_are_counted():
    """And nothing is said of domains."""
    seen = read_contents(PEOPLE, None, API)
    assert (seen.unit, seen.n_rows, seen.n_skipped, seen.n, seen.completed) == ("rows", 7, 1, 6, 3)
    assert seen.coverage == {"title": 2, "seniority": 3}
    assert seen.domains == {}


@pytest.mark.parametrize("dtype", ["category", object, "string", "string[pyarrow]"])
def test_the_dtype_of_the_columns_plays_no_part(dtype):
    """Text, as from a CSV file, is as good as a category; unknown words are nobody's."""
    columns = ["enriched_status", "enriched_seniority"]
    assert read_contents(PEOPLE.astype(dict.fromkeys(columns, dtype)), "email", API) == read_contents(
        PEOPLE, "email", API
    )
    strange = PEOPLE.astype({"enriched_seniority": object})
    strange.loc[0, "enriched_seniority"] = "<script>"
    assert "<script>" not in read_contents(strange, "email", API).seniorities


@pytest.mark.parametrize("index", [[1] * 7, list("abcdefg"), pd.MultiIndex.from_product([[1], range(7)])])
def test_the_index_plays_no_part(index):
    """Also one with repeated labels."""
    assert read_contents(PEOPLE.set_axis(index), "email", API) == read_contents(PEOPLE, "email", API)


def test_of_a_persons_rows_the_one_that_was_not_filled_before_tells():
    """One row had everything; the person was asked for the other and not found."""
    seen = read_contents(
        frame(email=["a@acme.example"] * 2, enriched_status=["completed", "not_found"], enriched_title=["CTO", None]),
        "email",
        API,
    )
    assert (seen.n, seen.completed, seen.coverage) == (1, 0, {"title": 0})
    assert seen.domains == {"business": (1, 0, 1)}


@pytest.mark.parametrize(
    ("sources", "domains"),
    [
        (["api"], {"business": (1, 1, 1), "free-mail": (2, 1, 2)}),
        (["ledger"], {"business": (1, 1, 0), "free-mail": (2, 1, 0)}),
        (["api", "ledger"], {"business": (1, 1, 0), "free-mail": (2, 1, 0)}),
        ([], {"business": (1, 1, 0), "free-mail": (2, 1, 0)}),
        (["api", "existing"], {}),
        (["known"], {}),
    ],
)
def test_without_sources_in_the_frame_only_what_holds_for_everybody_is_said(sources, domains):
    """Values that were there before are no hits, so nothing is said where there are some."""
    assert read_contents(PEOPLE, "email", sources).domains == domains


def test_with_sources_in_the_frame_everybody_is_told_apart():
    """Filled rows count for nobody, answers of the ledger were not sent."""
    told = PEOPLE.assign(
        enriched_source=pd.Categorical(["existing", "api", "ledger", "existing", None, None, None], dtype=SOURCE_DTYPE)
    )
    assert read_contents(told, "email", ["api", "ledger", "existing"]).domains == {
        "business": (1, 1, 1),
        "free-mail": (1, 0, 0),
    }


@pytest.mark.parametrize("columns", [["email"], ["email", "enriched_status", "enriched_title", "enriched_source"]])
@pytest.mark.parametrize("n", [0, 3])
def test_frames_that_say_little(columns, n):
    """No rows, no status: nobody is counted, nothing fails."""
    seen = read_contents(PEOPLE.reindex(columns=columns).iloc[:0].reindex(range(n)), "email", API)
    assert (seen.n_rows, seen.n, seen.completed, seen.domains) == (n, 0, 0, {})
    assert seen.coverage == ({"title": 0} if "enriched_title" in columns else {})


def test_multiindex_columns():
    """Our columns stand at the top with empty lower levels."""
    wide = PEOPLE.set_axis(pd.MultiIndex.from_tuples([(name, "") for name in PEOPLE]), axis=1)
    assert read_contents(wide, ("email", ""), API) == read_contents(PEOPLE, "email", API)


def test_many_people_are_counted_right():
    """Against pandas' own groupby."""
    rng = np.random.default_rng(0)
    n = 5_000
    people = rng.integers(0, 1_500, n)
    status = rng.choice(["completed", "not_found", "failed"], 1_500)[people]
    made = frame(
        email=[f"p{who}@{'gmail.com' if who % 3 else 'acme.example'}" for who in people], enriched_status=list(status)
    )
    seen = read_contents(made, "email", API)
    once = made.drop_duplicates("email")
    hits = once["enriched_status"] == RowStatus.COMPLETED
    free = once["email"].str.endswith("gmail.com")
    asked = once["enriched_status"] != RowStatus.FAILED
    assert (seen.n, seen.completed) == (len(once), hits.sum())
    assert seen.domains["free-mail"] == ((free & asked).sum(), (free & hits).sum(), (free & asked).sum())
    assert seen.domains["business"] == ((~free & asked).sum(), (~free & hits).sum(), (~free & asked).sum())
