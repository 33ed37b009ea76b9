"""What a ledger's rows are as pandas objects, whose dtypes do not depend on what there is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from cleanlist_pandas.run.records import IN_DOUBT, RELEASED

__all__ = ["FATE", "stats_of", "typed"]

RUNNING: Final = "running"
FATE: Final = f"coalesce(o.status, iif(l.run IN (SELECT value FROM json_each(?)), '{IN_DOUBT}', '{RUNNING}'))"  # noqa: S608 - constants
"""What became of a look-up, given the runs that are over as a JSON list."""


def stats_of(rows: Sequence[tuple[Any, ...]], people: int) -> pd.Series[Any]:
    """Return the counts of a ledger.

    Parameters
    ----------
    rows : sequence of tuple
        For each fate that there is, look-ups, credits charged and credits at worst.
    people : int
        Who was looked up.
    """
    count = {fate: n for fate, n, _, _ in rows}
    worst = {fate: int(price) for fate, _, _, price in rows}
    kinds = ("completed", "not_found", "failed", IN_DOUBT, RUNNING, RELEASED)
    return pd.Series(
        {
            "lookups": sum(count.values()),
            "people": people,
            **{kind: count.get(kind, 0) for kind in kinds},
            "credits": int(sum(credits for fate, _, credits, _ in rows if fate != IN_DOUBT)),
            **{f"credits_{kind}": worst.get(kind, 0) for kind in (IN_DOUBT, RUNNING)},
        },
        dtype="int64",
        name="ledger",
    )


def typed(frame: pd.DataFrame, time_column: str, *numbers: str) -> pd.DataFrame:
    """Return the frame with whole numbers and UTC times, also where it has no rows."""
    times = pd.to_datetime(frame[time_column].astype("int64"), unit="us", utc=True).astype("datetime64[us, UTC]")
    return frame.astype(dict.fromkeys(numbers, "int64")).assign(**{time_column: times})
