"""A frame in parts: the people of many parts are no more than those of the whole."""

from __future__ import annotations

import pandas as pd
import pytest

from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.partitions import Layout, merge_people, people_of_part

LEADS = pd.DataFrame(
    {
        "email": ["jo@a.example", "n/a", "JO@a.example", "jo@a.example", None, "ann@a.example", "jo@a.example"],
        "first_name": ["J", None, None, "Jo", None, "Ann", "Al"],
        "last_name": ["Smith-Jones", None, None, "Li", None, None, "Smith-Jones"],
        "company": [None, None, "Acme", "Acme", None, "B", "Acme, Inc."],
        "enriched_title": [None, None, None, "CTO", None, None, None],
    }
)
LAYOUT = Layout(columns=find_columns(LEADS), fields=("title",), on_existing="fill", dtype_backend=None)


def people(n_rows, times=1):
    """Return the people of some contacts, read in parts of so many rows."""
    leads = pd.concat([LEADS] * times, ignore_index=True)
    parts = [leads.iloc[at : at + n_rows] for at in range(0, len(leads), n_rows)]
    return merge_people([people_of_part(part, number, LAYOUT) for number, part in enumerate(parts)])


@pytest.mark.parametrize("n_rows", [1, 2, 3, 7])
def test_who_is_there_does_not_depend_on_the_parts(n_rows):
    """Cells in first-seen order, each once for all that its rows lack, with the number of rows."""
    found = people(n_rows)
    rows = [("jo@a.example", 1, 2), ("JO@a.example", 1, 1), ("jo@a.example", 0, 1), ("ann@a.example", 1, 1)]
    lacks = found["lacks"].to_numpy() != 0
    with_address = found["cell"].str.contains("@").fillna(False).to_numpy(bool)
    told = zip(found["cell"], lacks.astype(int).tolist(), found["n"].tolist(), strict=True)
    assert [row for row, there in zip(told, with_address, strict=True) if there] == rows
    assert found["n"].sum() == len(LEADS)
    assert found["part"].is_monotonic_increasing


def test_the_longest_hint_counts_and_names_are_of_one_row():
    """The first of equals."""
    found = people(1)
    assert found.loc[0, ["first_name", "last_name", "company"]].tolist() == ["Al", "Smith-Jones", "Acme, Inc."]


def test_more_parts_make_no_more_people():
    """Merging again what was merged, too."""
    once, often = people(2), people(2, times=50)
    assert len(often) == len(once)
    assert often["n"].tolist() == (once["n"] * 50).tolist()
    pd.testing.assert_frame_equal(merge_people([often]), often)
