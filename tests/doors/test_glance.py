"""df.cleanlist at the end of a cell: what was found, what to type; it never fails and never asks anybody."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest

import cleanlist_pandas as cl

LEADS = pd.DataFrame({"Work E-mail": ["jo@acme.example"], "Firma": ["Acme"]})


def test_it_shows_the_columns_it_found():
    """By role and label."""
    assert repr(LEADS.cleanlist).splitlines()[:5] == [
        "df.cleanlist: 1 row",
        "",
        "Columns that say who is who",
        "email              'Work E-mail'",
        "company            'Firma'",
    ]


def test_every_method_is_shown_with_its_price():
    """What buys says so in its docstring; all others are free."""
    shown = dict(line.split(maxsplit=2)[:2] for line in repr(LEADS.cleanlist).splitlines() if line.startswith("."))
    methods = [name for name in dir(LEADS.cleanlist) if not name.startswith("_")]
    assert set(shown) == {f".{name}()" for name in methods}
    needed = {"api_key", "max_credits"}
    buying = {name for name in methods if needed <= set(inspect.signature(getattr(cl, name)).parameters)}
    assert {name for name, price in shown.items() if price == "buys"} == {f".{name}()" for name in buying}
    assert "enrich" in buying


def test_the_html_says_the_same():
    """Every cell of the text."""
    html = LEADS.cleanlist._repr_html_()
    for word in ("df.cleanlist: 1 row", "&#x27;Work E-mail&#x27;", ".estimate_cost()", "Judge each row&#x27;s address"):
        assert word in html
    assert html == LEADS.cleanlist._repr_html_()


def test_columns_that_were_enriched_are_named():
    """By the names the frame has."""
    with cl.sandbox():
        out = LEADS.cleanlist.enrich(["title", "icp_score"])
    assert "Enriched already: enriched_title, icp_score" in repr(out.cleanlist)
    assert "Enriched already" not in repr(LEADS.cleanlist)


class _Rude:
    """A cell, or a label, that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")


AWKWARD = {
    "no columns": pd.DataFrame(),
    "no rows": LEADS.iloc[:0],
    "rows only": pd.DataFrame(index=[1, 1]),
    "no addresses": pd.DataFrame({"a": [1.5]}),
    "two columns of addresses": pd.DataFrame({"email": ["a@b.example"], "mail": ["a@b.example"]}),
    "a label twice": pd.DataFrame([["a@b.example"] * 2], columns=["email", "email"]),
    "MultiIndex": pd.DataFrame([["a@b.example", 1]], columns=pd.MultiIndex.from_tuples([("email", ""), ("x", 1)])),
    "missing labels": pd.DataFrame([[1, 2, 3]], columns=[None, np.nan, pd.NA]),
    "rude cells": pd.DataFrame({"email": [_Rude()]}),
    "rude label": pd.DataFrame([["a@b.example"]], columns=pd.Index([_Rude()], dtype=object)),
    "hostile label": pd.DataFrame({"<script>alert(1)</script>\x1b[2J": ["a@b.example"]}),
    "lone surrogate": pd.DataFrame([["a@b.example"]], columns=pd.Index(["email \ud800"], dtype=object)),
}


@pytest.mark.parametrize("frame", AWKWARD.values(), ids=AWKWARD)
def test_no_frame_makes_it_fail(frame):
    """And what to type is always there, with nothing that steers a page or a terminal."""
    for shown in (repr(frame.cleanlist), frame.cleanlist._repr_html_()):
        assert ".estimate_cost()" in shown
        assert all(char.isprintable() or char == "\n" for char in shown)
        shown.encode()
    assert "<script>" not in frame.cleanlist._repr_html_()


def test_an_unclear_frame_is_told_what_to_do():
    """By the error's own sentence."""
    assert "are equally good e-mail columns; choose one, e.g. columns=" in repr(
        AWKWARD["two columns of addresses"].cleanlist
    )


def test_it_asks_nobody_and_reads_no_ledger(tmp_path):
    """A ledger that cannot be read does not matter."""
    (tmp_path / "ledger.sqlite3").write_bytes(b"no ledger")
    with cl.sandbox() as service, cl.option_context(ledger=tmp_path / "ledger.sqlite3"):
        assert "estimate_cost" in repr(LEADS.cleanlist) + LEADS.cleanlist._repr_html_()
        assert service.requests == []
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite3"]
