"""Keys: who is in a frame, whatever its dtypes and index."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanlist_pandas.frame.columns import Columns, find_columns
from cleanlist_pandas.frame.keys import HINTS, Reason, read

EXAMPLES = Path(__file__).parents[2] / "examples"
EXPECTED = json.loads((EXAMPLES / "expected.json").read_text())
CELLS = [
    "b@x.example",
    None,
    "A@x.example ",
    "",
    "rubbish",
    "B@X.example",
    "a@x.example;c@x.example",
    "n/a",
    "é@x.example",
]
CODES = [0, -1, 1, -1, -1, 0, 1, -1, 2]
REASONS = [Reason(r) for r in (0, 1, 0, 1, 2, 0, 0, 1, 0)]
ADDRESSES = ["b@x.example", "a@x.example", "é@x.example"]


def arrow(kind):
    return lambda cells: pd.array(pa.array(cells, pa.string()).cast(kind), dtype=pd.ArrowDtype(kind))


def chunked_dictionary(cells):
    chunks = [pa.array(part, pa.string()).dictionary_encode() for part in (cells[:4], cells[4:])]
    return pd.arrays.ArrowExtensionArray(pa.chunked_array(chunks))


DTYPES = {
    "object": lambda cells: np.array(cells, dtype=object),
    "object with NaN": lambda cells: np.array([np.nan if c is None else c for c in cells], dtype=object),
    "object with NA": lambda cells: np.array([pd.NA if c is None else c for c in cells], dtype=object),
    "object with NaT": lambda cells: np.array([pd.NaT if c is None else c for c in cells], dtype=object),
    "numpy str": lambda cells: np.array([None if c is None else np.str_(c) for c in cells], dtype=object),
    "str": lambda cells: pd.array(cells, dtype="str" if pd.__version__ >= "3" else object),
    "string[python]": lambda cells: pd.array(cells, dtype="string[python]"),
    "string[pyarrow]": lambda cells: pd.array(cells, dtype="string[pyarrow]"),
    "arrow string": arrow(pa.string()),
    "arrow large_string": arrow(pa.large_string()),
    "arrow string_view": arrow(pa.string_view()),
    "arrow binary": arrow(pa.binary()),
    "arrow large_binary": arrow(pa.large_binary()),
    "arrow dictionary": arrow(pa.dictionary(pa.int32(), pa.string())),
    "arrow chunked": lambda cells: pd.arrays.ArrowExtensionArray(pa.chunked_array([cells[:3], cells[3:]])),
    "arrow chunked dictionary": chunked_dictionary,
    "category": lambda cells: pd.Categorical(cells),
    "category with spare ones": lambda cells: pd.Categorical(
        cells, ["z@x.example", *sorted({c for c in cells if c}), ""]
    ),
    "bytes": lambda cells: np.array([None if c is None else c.encode() for c in cells], dtype=object),
    "bytes and str": lambda cells: np.array(
        [c.encode() if c and i % 2 else c for i, c in enumerate(cells)], dtype=object
    ),
}


def keys_of(cells, **others):
    return read(pd.DataFrame({"email": cells, **others}), Columns(email="email", **{role: role for role in others}))


def hints_of(keys):
    return {name: values.to_pylist() for name, values in keys.hints.items()}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_examples_give_the_promised_numbers(name):
    expected = EXPECTED[name]
    frame = pd.read_csv(EXAMPLES / name, **expected["read_csv"])
    columns = find_columns(frame)
    keys = read(frame, columns)
    counts = keys.counts()
    assert columns.email == expected["email_column"]
    assert (keys.n_rows, len(keys)) == (expected["rows"], expected["unique_lookups"])
    assert {"blank": counts[Reason.BLANK], "malformed": counts[Reason.MALFORMED]} == expected["rejected"]
    assert sum(counts.values()) == len(frame)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_text_gives_the_same_keys_in_every_dtype(dtype):
    keys = keys_of(DTYPES[dtype](CELLS))
    assert keys.addresses.to_pylist() == ADDRESSES
    assert keys.addresses.type == pa.large_string()
    assert keys.codes.tolist() == CODES
    assert keys.reasons.tolist() == REASONS
    assert (keys.codes.dtype, keys.reasons.dtype) == (np.int64, np.int8)
    assert keys.n_several == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_hints_are_read_from_every_dtype(dtype):
    names = ["Jo ", None, "n/a", "", "Al", "Joan", "Bo", "x" * 501, "Zoé"]
    assert keys_of(CELLS, first_name=DTYPES[dtype](names)).hints["first_name"].to_pylist() == ["Joan", "Bo", "Zoé"]


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([1, 2]),
        pd.Series([1.5, np.nan]),
        pd.Series([True, False]),
        pd.Series(pd.to_datetime(["2026-01-01", None])),
        pd.Series(pd.to_datetime(["2026-01-01", None])).dt.tz_localize("UTC"),
        pd.Series(pd.to_timedelta([1, None], unit="s")),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([1, 2], dtype="category"),
        pd.Series([1, None], dtype="int64[pyarrow]"),
        pd.Series([1, 2], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.int64()))),
        pd.Series(pd.period_range("2026", periods=2)),
        pd.Series(pd.interval_range(0, 2)),
        pd.Series([1, 0], dtype=pd.SparseDtype(int)),
        pd.Series([1j, 2j]),
        pd.Series([{"a": 1}, None], dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())]))),
    ],
    ids=lambda cells: str(cells.dtype),
)
def test_a_column_of_no_text_is_malformed_where_it_is_not_missing(cells):
    keys = keys_of(cells, company=cells)
    assert keys.reasons.tolist() == [Reason.BLANK if missing else Reason.MALFORMED for missing in cells.isna()]
    assert (len(keys), keys.codes.tolist()) == (0, [-1, -1])


def test_a_sparse_column_of_text_is_read():
    cells = pd.arrays.SparseArray(np.array(["a@x.example", None], dtype=object))
    assert keys_of(cells).reasons.tolist() == [Reason.USABLE, Reason.BLANK]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_missing_cells_are_blank(missing):
    keys = keys_of(np.array([missing] * 3, dtype=object))
    assert keys.reasons.tolist() == [Reason.BLANK] * 3


def test_cells_that_are_no_text_are_malformed_and_never_asked():
    class Trap:
        def __str__(self):
            raise AssertionError("asked")

        __repr__ = __len__ = __iter__ = __eq__ = __bool__ = __str__
        __hash__ = None

    cells = np.empty(11, dtype=object)
    cells[:] = [
        5,
        ["a@x.example"],
        {"a@x.example": 1},
        Trap(),
        b"\xff@x.example",
        "a\ud800@x.example",
        1.5,
        True,
        pd.NA,
        "",
        0,
    ]
    cells[10] = "b@x.example"
    keys = keys_of(cells, company=cells)
    assert keys.reasons.tolist() == [Reason.MALFORMED] * 8 + [Reason.BLANK] * 2 + [Reason.USABLE]
    assert keys.addresses.to_pylist() == ["b@x.example"]
    assert keys.hints["company"].to_pylist() == ["b@x.example"]


def test_a_category_with_cells_of_no_text_is_read_through_its_categories():
    cells = pd.Categorical(
        [5, "b@x.example", None, "a@x.example", "B@x.example"], ["a@x.example", "B@x.example", 5, "b@x.example"]
    )
    keys = keys_of(cells)
    assert keys.addresses.to_pylist() == ["b@x.example", "a@x.example"]
    assert keys.codes.tolist() == [-1, 0, -1, 1, 0]
    assert keys.reasons.tolist() == [Reason.MALFORMED, 0, Reason.BLANK, 0, 0]


@pytest.mark.parametrize(
    "index",
    [
        [5] * 9,
        pd.MultiIndex.from_product([["a"], range(9)]),
        pd.date_range("2026", periods=9, tz="Europe/Berlin"),
        pd.CategoricalIndex(list("abcabcabc")),
        [np.nan, None, *range(7)],
        pd.Index(range(9), name="email"),
    ],
    ids=["same", "multi", "dates", "category", "NaN", "named like the column"],
)
def test_the_index_plays_no_part_and_the_frame_stays_as_it_is(index):
    frame = pd.DataFrame({"email": np.array(CELLS, dtype=object)})
    frame.index = index
    before = frame.copy(deep=True)
    assert read(frame, Columns(email="email")).codes.tolist() == CODES
    pd.testing.assert_frame_equal(frame, before)


def test_multiindex_columns_and_unrelated_duplicates_are_read_by_position():
    frame = pd.DataFrame(
        [["x", "a@x.example", "y"]], columns=pd.MultiIndex.from_tuples([("n", ""), ("p", "mail"), ("n", "")])
    )
    assert read(frame, Columns(email=("p", "mail"))).addresses.to_pylist() == ["a@x.example"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_frame_without_rows_has_no_keys(dtype):
    frame = pd.DataFrame({"email": DTYPES[dtype](CELLS), "company": "x"}).iloc[:0]
    keys = read(frame, Columns(email="email", company="company", full_name="company"))
    assert (len(keys), keys.n_rows, len(keys.codes), len(keys.reasons)) == (0, 0, 0, 0)
    assert hints_of(keys) == {name: [] for name in HINTS}
    assert len(keys.suppress(np.zeros(0, bool))) == 0


def test_a_name_is_taken_whole_from_the_row_that_says_most():
    keys = keys_of(
        ["a@x.example"] * 3 + ["b@x.example"] * 2 + ["c@x.example"],
        first_name=["Jo", "Joanna", None, "Al", "Bo", 7],
        last_name=["Featherstone", "Doe", "Featherston-Doe", "Ek", "Ås", " - "],
    )
    assert hints_of(keys)["first_name"] == [None, "Al", None]
    assert hints_of(keys)["last_name"] == ["Featherston-Doe", "Ek", None]


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("Jo Doe", "Jo", "Doe"),
        ("Jo van der Doe", "Jo", "van der Doe"),
        ("Doe, Jo Ann", "Jo Ann", "Doe"),
        (" Jo\u3000Doe\xa0", "Jo", "Doe"),
        ("Jo", "Jo", None),
        ("Doe,", None, "Doe"),
        (", Jo", "Jo", None),
        ("n/a", None, None),
        (None, None, None),
    ],
)
def test_a_full_name_is_parted_where_there_is_nothing_better(full, first, last):
    keys = keys_of(["a@x.example"], full_name=[full])
    assert (keys.hints["first_name"].to_pylist(), keys.hints["last_name"].to_pylist()) == ([first], [last])


def test_a_full_name_stands_in_only_where_both_parts_are_blank():
    keys = keys_of(["a@x.example", "b@x.example"], first_name=["Jo", None], full_name=["Al Ek", "Bo Ås"])
    assert hints_of(keys)["first_name"] == ["Jo", "Bo"]
    assert hints_of(keys)["last_name"] == [None, "Ås"]


def test_company_and_linkedin_are_the_longest_and_the_first_of_equals():
    keys = keys_of(
        ["a@x.example", "A@x.example", "a@x.example", "b@x.example", None],
        company=["Acme", " Emca ", "N/A", "x" * 501, "never"],
        linkedin_url=[
            "https://x.example/in/jo-jo-jo-jo-jo-jo",
            "LinkedIn.com/in/jo",
            "linkedin.com/in/al",
            "jo",
            "linkedin.com/",
        ],
    )
    assert hints_of(keys)["company"] == ["Acme", None]
    assert hints_of(keys)["linkedin_url"] == ["LinkedIn.com/in/jo", None]


def test_a_hint_of_500_characters_is_still_read():
    assert keys_of(["a@x.example"], company=["ü" * 500]).hints["company"].to_pylist() == ["ü" * 500]


def test_suppressing_moves_the_codes_and_keeps_the_order():
    keys = keys_of(["c@x.example", "a@x.example", "", "b@x.example", "a@x.example", "?"], company=list("cazbay"))
    left = keys.suppress(np.array([False, True, False]))
    assert left.addresses.to_pylist() == ["c@x.example", "b@x.example"]
    assert left.codes.tolist() == [0, -1, -1, 1, -1, -1]
    assert left.reasons.tolist() == [0, Reason.SUPPRESSED, Reason.BLANK, 0, Reason.SUPPRESSED, Reason.MALFORMED]
    assert left.reasons.dtype == np.int8
    assert left.hints["company"].to_pylist() == ["c", "b"]
    assert (len(keys), keys.codes.tolist()) == (3, [0, 1, -1, 2, 1, -1])
    assert left.suppress(np.array([True, True])).counts()[Reason.SUPPRESSED] == 4
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        keys.suppress(np.array([True]))


def test_a_repr_counts_and_shows_nobody():
    shown = repr(keys_of(CELLS))
    assert shown == "Keys(n_keys=3, n_rows=9, usable=5, blank=3, malformed=1, suppressed=0, n_several=1)"


def test_keys_survive_pickling():
    keys = keys_of(CELLS, company=CELLS)
    again = pickle.loads(pickle.dumps(keys))
    assert again.addresses.equals(keys.addresses)
    assert hints_of(again) == hints_of(keys)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([*CELLS, "z@x.example", 5]), st.sampled_from(["", "a", "bb", "cc", None])),
        max_size=20,
    )
)
def test_keys_are_factorize_with_a_reason(rows):
    cells = np.array([cell for cell, _ in rows], dtype=object)
    companies = [company for _, company in rows]
    plain = keys_of(cells, company=np.array(companies, dtype=object))
    alone = [keys_of(np.array([cell], dtype=object)) for cell in cells]
    texts = [one.addresses[0].as_py() if len(one) else None for one in alone]
    codes, uniques = pd.factorize(np.array(texts, dtype=object))
    assert plain.codes.tolist() == codes.tolist()
    assert plain.addresses.to_pylist() == list(uniques)
    assert plain.reasons.tolist() == [one.reasons[0] for one in alone]
    said = [[c or "" for c, code in zip(companies, codes, strict=True) if code == key] for key in range(len(uniques))]
    assert plain.hints["company"].to_pylist() == [max(cs, key=len) or None for cs in said]
    as_category = keys_of(pd.Categorical(cells, list(dict.fromkeys(c for c in cells[::-1] if c is not None))))
    assert as_category.codes.tolist() == codes.tolist()
    assert as_category.addresses.equals(plain.addresses)
