"""Earlier exports as answers that were paid for: what the ledger is told of people it never asked about. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cleanlist_pandas.fields import FIELDS, RowStatus, normal_word
from cleanlist_pandas.frame.known import Export

__all__ = ["Adopted", "adopted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """One person's earlier answer: which fields it settles, when it was given, and the same as the service says it."""

    address: str = field(repr=False)
    fields: tuple[str, ...]
    status: RowStatus
    at_us: int
    body: bytes = field(repr=False)


def adopted(export: Export, as_of_us: int) -> Iterator[Adopted]:
    """Return what an export settles, by person; those it knows nothing of are left out.

    Where ``enriched_status`` says that somebody was asked, every enriched column of the export was asked for, and an
    empty one need not be asked again; without it only what is there counts. What cannot be read settles nothing.
    """
    addresses: list[Any] = export.addresses.to_pylist()
    names = tuple(export.values)
    dated = np.where(export.at_us == np.iinfo(np.int64).min, as_of_us, export.at_us).tolist()
    words = [None] * len(addresses) if export.statuses is None else export.statuses.tolist()
    for at, address in enumerate(addresses):
        cells: dict[str, Any] = {name: export.values[name][at] for name in names}
        values = {name: cell for name, cell in cells.items() if _is_answer(name, cell)}
        silent = {name for name in names if pd.isna(cells[name]) and not export.unread[name][at]}
        settled = tuple(name for name in names if name in values or name in silent)
        word = normal_word(words[at])
        if values:
            asked = settled if word == "completed" else tuple(values)
            yield _adopted(address, asked, RowStatus.COMPLETED, dated[at], values)
        missed = tuple(name for name in settled if name not in values)
        if word == "not_found" and missed:  # perhaps beside what is known of their company
            yield _adopted(address, missed, RowStatus.NOT_FOUND, dated[at], {})


def _is_answer(name: str, cell: Any) -> bool:
    """Whether the service may have said so: a score of one's own making is none."""
    return not pd.isna(cell) and (not FIELDS[name].integer or 0 <= cell <= 100)


def _adopted(address: str, fields: tuple[str, ...], status: RowStatus, at_us: int, values: dict[str, Any]) -> Adopted:
    """Return one answer in the service's words."""
    row = {FIELDS[name].column: int(value) if FIELDS[name].integer else str(value) for name, value in values.items()}
    content = {"status": str(status), "csv_row": row, "meta": {"credits_used": 0}}
    return Adopted(address=address, fields=fields, status=status, at_us=at_us, body=json.dumps(content).encode())
