"""Lint before you pay: one verdict a row, offline and free."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from cleanlist_pandas.frame.addresses import Reason
from cleanlist_pandas.frame.arrays import Kinds, category, first_rows
from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.keys import read

__all__ = ["VERDICTS", "check_frame"]

VERDICTS = ("ok", "duplicate", "malformed", "blank")


def check_frame(frame: pd.DataFrame, columns: Hashable | Mapping[str, Hashable] | None = None) -> pd.DataFrame:
    """Judge each row's address; see `cleanlist_pandas.check`."""
    keys = read(frame, find_columns(frame, columns))
    verdicts = np.full(keys.n_rows, VERDICTS.index("duplicate"), np.int8)
    verdicts[first_rows(keys.codes, keys.n_keys)] = VERDICTS.index("ok")
    verdicts[keys.reasons == Reason.BLANK] = VERDICTS.index("blank")
    verdicts[keys.reasons == Reason.MALFORMED] = VERDICTS.index("malformed")
    return pd.DataFrame(
        {
            "address": Kinds().texts(keys.addresses, keys.codes),
            "verdict": category(verdicts, np.arange(keys.n_rows), pd.CategoricalDtype(list(VERDICTS))),
        },
        index=frame.index,
    )
