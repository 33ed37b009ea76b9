"""``df.cleanlist`` at the end of a cell: what was found in the frame and what to type. Pure, and it never raises."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from cleanlist_pandas.cards import Card, Table
from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.existing import label

__all__ = ["glance"]


def glance(frame: pd.DataFrame, methods: Mapping[str, Callable[..., Any]]) -> Card:
    """Return what a person is shown of an accessor.

    Looks at up to 1,000 cells of a column, at no ledger and no network.
    """
    commands = Table(
        caption="What to type",
        head=("df.cleanlist", "price", "what it does"),
        rows=[(f".{name}()", *_promise(method)) for name, method in methods.items()],
        text="{0:<19}{1:<6}{2}",
        numbers=frozenset(),
    )
    try:
        title, lines, tables = _found(frame)
    except Exception:  # noqa: BLE001 - a frame may hold anything, and what shows it must not fail
        title, lines, tables = "df.cleanlist", ["The columns of this frame cannot be shown."], []
    return Card(label="df.cleanlist", title=title, lines=lines, tables=[*tables, commands])


def _found(frame: pd.DataFrame) -> tuple[str, list[str], list[Table]]:
    """Return what is known of a frame without buying or reading anything else."""
    title = f"df.cleanlist: {len(frame):,} {'row' if len(frame) == 1 else 'rows'}"
    enriched = [field.column for field in FIELDS.values() if label(frame, field.column) in frame.columns]
    lines = [f"Enriched already: {', '.join(enriched)}"] if enriched else []
    try:
        columns = find_columns(frame).as_dict()
    except ColumnsError as error:
        return title, [*lines, str(error)], []
    table = Table(
        caption="Columns that say who is who",
        head=("role", "column"),
        rows=[(role, repr(name)) for role, name in columns.items() if name is not None],
        text="{0:<19}{1}",
        numbers=frozenset(),
    )
    return title, lines, [table]


def _promise(method: Callable[..., Any]) -> tuple[str, str]:
    """Return what a method costs and does, as its docstring says it."""
    doc = inspect.getdoc(method) or ""
    summary = doc.partition("\n")[0].partition(". ")[0].removesuffix(".").replace("`", "")
    return "buys" if "May spend" in doc else "free", summary
