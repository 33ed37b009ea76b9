"""What rows and people lack, by hand on five rows of two people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.frame.needs import bits_of, find_needs, names_of

CODES = np.array([0, 1, -1, 0, 1])
BOTH = ["title", "phone"]


@pytest.mark.parametrize(
    ("existing", "only", "rows", "people"),
    [
        ({}, {}, [True] * 5, [("title", "phone"), ("title", "phone")]),
        ({"title": ["a", "b", None, "c", None]}, {}, [True] * 5, [("phone",), ("title", "phone")]),
        (
            {"title": ["a", None, None, None, "b"], "phone": ["1", "2", None, "3", "4"]},
            {},
            [False, True, True, True, False],
            [("title",), ("title",)],
        ),
        ({"title": ["a"] * 5, "phone": ["1"] * 5}, {}, [False] * 5, [(), ()]),
        ({"title": ["a"] * 5}, {"phone": [True, False, True, False, False]}, [1, 0, 1, 0, 0], [("phone",), ()]),
        ({}, {"phone": [False] * 5}, [True] * 5, [("title",), ("title",)]),
    ],
)
def test_a_person_lacks_what_any_row_lacks(existing, only, rows, people):
    """And a row without an address lacks for nobody."""
    arrays = {name: pd.array(values, dtype="string") for name, values in existing.items()}
    masks = {name: np.array(mask) for name, mask in only.items()}
    needs = find_needs(CODES, 2, BOTH, arrays, masks)
    assert needs.rows.tolist() == rows
    assert [names_of(int(bits)) for bits in needs.people] == people


def test_bits_and_names_are_two_spellings_of_the_same():
    """For every field, and all of them fit."""
    assert [names_of(int(bits_of([name]))) for name in FIELDS] == [(name,) for name in FIELDS]
    assert names_of(int(bits_of(FIELDS))) == tuple(FIELDS)
