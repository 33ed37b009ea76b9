"""Check: a verdict a row, offline."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cleanlist_pandas as cl
from cleanlist_pandas.plan.findings import SKIPPABLE, VERDICTS, words_of

# Only outside the reserved domains is anything ok; nothing of this is ever sent.
CELLS = [
    "Jo <JO@invented-acme.com>",
    "jo@invented-acme.com",
    "jo@acme",
    "",
    None,
    "-",
    "ann@invented-acme.com",
    "ann@acme.example",
    "info@invented-acme.com",
    5,
]
VERDICTS_OF_CELLS = ["ok", "duplicate", "malformed", *["blank"] * 3, "ok", "reserved", "role-based", "malformed"]
ADDRESSES = [
    *["jo@invented-acme.com"] * 2,
    *[None] * 4,
    "ann@invented-acme.com",
    "ann@acme.example",
    "info@invented-acme.com",
    None,
]


def checked(*cells, **options):
    return cl.check(pd.DataFrame({"email": pd.Series(cells, dtype=object)}), columns="email", **options)


def listed(column):
    return [None if pd.isna(cell) else cell for cell in column]


@pytest.mark.parametrize("dtype", [object, "string", "category", pd.ArrowDtype(pa.large_string())], ids=str)
def test_each_row_gets_a_verdict_and_its_address(dtype):
    """Whatever the dtype; the first of somebody is judged for the address, the others are duplicates."""
    cells = CELLS[:-1]
    found = cl.check(pd.DataFrame({"email": pd.Series(cells, dtype=object).astype(dtype)}))
    assert found.verdict.tolist() == VERDICTS_OF_CELLS[:-1]
    assert listed(found.address) == ADDRESSES[:-1]
    assert listed(found.duplicate_of) == [None, 0, *[None] * 7]
    assert found.credits.tolist() == [1, 0, 0, 0, 0, 0, 1, 1, 1]


def test_what_is_no_text_is_malformed():
    """And said to be."""
    found = checked(*CELLS)
    assert found.verdict.tolist() == VERDICTS_OF_CELLS
    assert found.reason[9] == "not text"


@pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
@pytest.mark.parametrize("cells", [CELLS, [], [None], ["rubbish"], ["jo@acme.example"]], ids=len)
def test_dtypes_do_not_depend_on_the_data(cells, backend):
    """Text as the backend has it, Int64, and pinned categories."""
    found = checked(*cells, dtype_backend=backend)
    texts = {None: pd.Series(["a"]).dtype, "numpy_nullable": pd.StringDtype(), "pyarrow": pd.ArrowDtype(pa.string())}
    whole = pd.ArrowDtype(pa.int64()) if backend == "pyarrow" else pd.Int64Dtype()
    assert found.dtypes.to_dict() == {
        "address": texts[backend],
        "verdict": pd.CategoricalDtype(list(VERDICTS)),
        "reason": texts[backend],
        "suggestion": texts[backend],
        "duplicate_of": whole,
        "credits": whole,
    }


def test_the_verdicts_are_these():
    """From nothing found to the most serious."""
    order = "ok duplicate free-mail several role-based disposable near-miss homoglyph reserved placeholder"
    assert [*order.split(), "malformed", "blank"] == list(VERDICTS)
    assert {*SKIPPABLE} == {*VERDICTS} - {"ok", "duplicate", "malformed", "blank"}


def test_the_index_is_the_frames():
    """Also a strange one; `duplicate_of` counts positions, whatever the labels."""
    cells = ["a@acme.example", "b@acme.example", "B@acme.example", None]
    frame = pd.DataFrame({"email": cells}, index=pd.Index([1, 1, None, 2.5], name="verdict"))
    found = cl.check(frame)
    pd.testing.assert_index_equal(found.index, frame.index, exact=True)
    assert listed(found.duplicate_of) == [None, None, 1, None]


def test_the_column_can_be_named():
    """As for enrich."""
    frame = pd.DataFrame({"a": ["x@a.example"], "b": ["y@a.example"]})
    assert cl.check(frame, columns="b").address.tolist() == ["y@a.example"]


@pytest.mark.parametrize(("fields", "price"), [(None, 1), ("title", 1), (["title", "phone"], 11)])
def test_credits_are_what_a_look_up_would_cost_at_most(fields, price):
    """Once for each person."""
    assert checked("jo@acme.example", "JO@acme.example", "jo@", fields=fields).credits.tolist() == [price, 0, 0]


MERGED = [
    ("jo@acme.example", "jo@acme.example", "same as an earlier row"),
    ("jo@acme.example", "Jo@ACME.example", "same as an earlier row but for case"),
    (" jo@acme.example", "jo@acme.example\u200b\n", "same as an earlier row but for spaces"),
    (" JO@acme.example", "jo@acme.example\xa0", "same as an earlier row but for case and spaces"),
    (
        "jo@müller.example",
        "jo@xn--mller-kva.example",
        "same as an earlier row but for the spelling of the domain (IDN)",
    ),
    ("JO@MÜLLER.example", "jo@mu\u0308ller.example", "same as an earlier row but for the spelling of the domain (IDN)"),
    ("jo@müller.example", "Jo <jo@müller.example>", "same as an earlier row but for the way it is written"),
    ("jo@acme.example", "mailto:jo@acme.example", "same as an earlier row but for the way it is written"),
    ("jo@acme.example.", "jo@acme.example", "same as an earlier row but for the way it is written"),
    ("jo@acme.example; al@acme.example", "jo@acme.example", "same as an earlier row but for the way it is written"),
]


@pytest.mark.parametrize(("first", "later", "words"), MERGED)
def test_a_merged_row_says_into_which_and_by_what(first, later, words):
    """Compared with the first row of the same person, wherever it stands."""
    found = checked("x@acme.example", first, None, later)
    assert listed(found.duplicate_of) == [None, None, None, 1]
    assert words in found.reason[3].split("; ")
    assert not {*words_of("duplicate")} & {*str(found.reason[1]).split("; ")}


MAILTO, BRACKETS, DOT = "written with mailto:", "written in <>", "written with a dot at the end"
IDN = "international domain (IDN), sent in its ASCII form"
WRITTEN = [
    ("mailto:jo@acme.example?subject=x", [MAILTO]),
    ("Jo <mailto:jo@acme.example>", [MAILTO, BRACKETS]),
    ("Jo <jo@acme.example>", [BRACKETS]),
    ("'jo@acme.example'", ["written in quotes"]),
    ("jo@acme.example.", [DOT]),
    ("<jo@acme.example.>", [BRACKETS, DOT]),
    ("jo@müller.example", [IDN]),
    ("jo@xn--mller-kva.example", [IDN]),
    ("zoë@acme.example", ["letters beyond ASCII before the @"]),
    ("jo@acme.example; al@acme.example", ["several addresses in the cell, the first counts"]),
    ("see card, jo@acme.example", []),
    (" JO@acme.example ", []),
]


@pytest.mark.parametrize(("cell", "said"), WRITTEN)
def test_the_reason_says_how_an_address_was_written(cell, said):
    """Beside what is said of the address itself; case and spaces are not worth a word."""
    assert checked(cell).reason[0].split("; ") == ["a reserved domain, no mail reaches it (RFC 2606, RFC 6761)", *said]


BAD = [
    ("555-0147", "no @", None),
    ("/o=Labs/ou=Group (X)/cn=jo", "an address inside Exchange (X.500)", None),
    ("@acme.example", "nothing before the @", None),
    ("jo@", "nothing after the @", None),
    ("jo@acme", "a domain without a dot", None),
    ("j o@acme.example", "a space inside", None),
    ("Dr. Jo@@acme.example", "more than one @", None),
    ("a@b@acme.example", "more than one @", None),
    ("x" * 300, "longer than an address can be", None),
    ("jo@-acme.example", "not an address", None),
    ("jo@@acme.example", "more than one @", "jo@acme.example"),
    ("o'brien@@acme.example", "more than one @", "o'brien@acme.example"),
    ("o’brien@acme.example", "not an address", "o'brien@acme.example"),
    ("Jo <jo@@acme.example>", "more than one @", "jo@acme.example"),
    ("jo(at)acme.example", "no @", "jo@acme.example"),
    ("JO [at] acme [dot] example", "no @", "jo@acme.example"),
    ("jo at acme dot example", "no @", "jo@acme.example"),
    ("see jo at acme dot example", "no @", None),
    ("jo @ acme.example", "a space inside", "jo@acme.example"),
    ("jo@acme. example", "a space inside", "jo@acme.example"),
    ("jo@acme..example", "two dots in a row", "jo@acme.example"),
    ("jo.@acme.example", "not an address", "jo@acme.example"),
    ("jo@acme,example", "a domain without a dot", "jo@acme.example"),
    ("jo@acme,example-is-long", "a domain without a dot", None),
    ("jo@acme.example>", "not an address", "jo@acme.example"),
    ("<jo@acme.example", "not an address", "jo@acme.example"),
    ("jo@acme.example (work)", "a space inside", "jo@acme.example"),
    ("“jo@acme.example”", "not an address", "jo@acme.example"),
    ("jo＠acme.example", "not an address", "jo@acme.example"),
    ("j\u200bo@acme.example", "not an address", "jo@acme.example"),
    ("E-Mail: jo@acme.example", "a space inside", "jo@acme.example"),
    ("invented.jo@gmail", "a domain without a dot", "invented.jo@gmail.com"),
    ("invented.jo@gmailcom", "a domain without a dot", "invented.jo@gmail.com"),
]


def test_what_is_malformed_is_told_with_a_repair_where_one_is_plain():
    """In one frame, so that neighbours could change each other."""
    found = checked(*(cell for cell, _, _ in BAD))
    assert found.verdict.unique().tolist() == ["malformed"]
    assert found.reason.tolist() == [reason for _, reason, _ in BAD]
    assert listed(found.suggestion) == [suggestion for _, _, suggestion in BAD]
    assert found.credits.sum() == 0


ANY_CELL = st.one_of(
    st.sampled_from([*CELLS, *(cell for pair in MERGED for cell in pair[:2]), *(cell for cell, _, _ in BAD)]),
    st.sampled_from(
        ["a@gmail.com", "a@gmial.com", "info@gmail.com", "test@test.com", "а@acme.example", "x@y.z; a@b.c"]
    ),
    st.text(max_size=12),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ANY_CELL, max_size=15), st.sampled_from(["title", "phone"]))
def test_a_check_agrees_with_the_estimate(cells, field):
    """The credits at stake are its "at most"; blank, malformed and merged rows are its buckets."""
    frame = pd.DataFrame({"email": pd.Series(cells, dtype=object)})
    found = cl.check(frame, field, columns="email")
    shown = cl.estimate_cost(frame, field, columns="email", ledger=None)
    buckets = shown.rows.tolist()
    assert int(found.credits.sum()) == shown.at_most
    assert (found.credits > 0).tolist() == [bucket == "billable" for bucket in buckets]
    assert found.duplicate_of.notna().tolist() == [bucket == "duplicate" for bucket in buckets]
    for verdict in ("blank", "malformed"):
        assert (found.verdict == verdict).tolist() == [bucket == verdict for bucket in buckets]
    assert found.address.isna().tolist() == [bucket in ("blank", "malformed") for bucket in buckets]
    later = found[found.duplicate_of.notna()]
    firsts = found.address.iloc[later.duplicate_of.to_numpy(np.int64)]
    assert firsts.tolist() == later.address.tolist()
    assert (found.reason.isna() <= (found.verdict == "ok")).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY_CELL, max_size=12))
def test_a_row_says_what_it_says_alone_unless_it_is_merged(cells):
    """Neighbours change nothing else."""
    together = checked(*cells)
    unmerged = together[together.duplicate_of.isna()]
    for position, cell in enumerate(cells):
        if position in unmerged.index:
            pd.testing.assert_series_equal(unmerged.loc[position], checked(cell).loc[0], check_names=False)


def test_the_frame_is_not_changed():
    """Nor are its attrs taken over into something that is no enriched frame."""
    frame = pd.DataFrame({"email": ["jo@acme.example"]})
    before = frame.copy(deep=True)
    cl.check(frame)
    pd.testing.assert_frame_equal(frame, before)
