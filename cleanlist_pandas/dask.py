"""``ddf.cleanlist``: importing this registers it on Dask frames.

Who is in a frame is found on the cluster, everybody is bought once, on the client and against one ledger, and the
answers are joined in each partition. Only the second step spends: what Dask computes again, or on another worker, buys
nothing.

Examples
--------
>>> import dask.dataframe as dd
>>> import pandas as pd
>>> import cleanlist_pandas as cl
>>> import cleanlist_pandas.dask
>>> leads = pd.DataFrame({"email": ["kim@acme.example", "n/a", "KIM@acme.example"]})
>>> ddf = dd.from_pandas(leads, npartitions=2)
>>> with cl.sandbox(people=[{"email": "kim@acme.example", "title": "CTO"}]) as service:
...     out = ddf.cleanlist.enrich("title")
...     len(out), len(service.requests)
(3, 1)
>>> out.compute()[["enriched_title", "enriched_status"]]
  enriched_title enriched_status
0            CTO       completed
1            NaN         skipped
2            CTO       completed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Unpack, cast

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.dataframe.extensions import register_dataframe_accessor

from cleanlist_pandas import functions
from cleanlist_pandas.accessor import method_of
from cleanlist_pandas.errors import ColumnsError, ConfigurationError
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.frame.partitions import Layout, join_part, merge_people, people_of_part
from cleanlist_pandas.functions import Fields
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.plan.estimate import CostEstimate
from cleanlist_pandas.resume import own_call
from cleanlist_pandas.signatures import EnrichOptions, PlanOptions, door, handing_back
from cleanlist_pandas.whole import Whole, layout_of

__all__ = ["CleanlistAccessor", "enrich", "estimate_cost", "plan"]

_SAMPLE_ROWS: Final = 1_000
_SAMPLE_PARTS: Final = 10
_NO_PARTS: Final = {
    "priority": "sort the frame instead, or give the column to the plan of a pandas frame",
    "phone_if": "enrich without the phone first, then the rows that pass, with it",
}


@door(PlanOptions)
def estimate_cost(df: dd.DataFrame, fields: Fields = None, **options: Unpack[PlanOptions]) -> CostEstimate:
    """Tell what `enrich` would cost at most, before it runs.

    Sends nothing and needs no key; reads the ledger if there is one. Computes who is in the frame.

    Parameters
    ----------
    df : dask.dataframe.DataFrame
        Contacts, one a row; not changed.
    fields : str or iterable of str, optional
        As for pandas frames.
    {options}

    Returns
    -------
    CostEstimate
        As for pandas frames, but ``.rows`` has one entry for each distinct cell of addresses and what its rows lack.

    Raises
    ------
    ConfigurationError
        Also for ``priority=`` and ``phone_if=``, which Dask frames do not take.
    ColumnsError
        If it is unclear which column holds the addresses; ten partitions are looked at.
    """
    return _Whole(df, fields, options).people.estimate()


@door(PlanOptions)
def plan(df: dd.DataFrame, fields: Fields = None, **options: Unpack[PlanOptions]) -> Plan:
    """Decide who would be bought, in which order. Sends nothing and needs no key; reads the ledger if there is one.

    Parameters
    ----------
    df : dask.dataframe.DataFrame
        Contacts, one a row; not changed.
    fields : str or iterable of str, optional
        As for pandas frames.
    {options}

    Returns
    -------
    Plan
        As for pandas frames.

    Raises
    ------
    ConfigurationError, ColumnsError, LedgerError
        As `estimate_cost`.
    """
    return _Whole(df, fields, options).people.plan()


@door(EnrichOptions)
def enrich(df: dd.DataFrame, fields: Fields = None, **options: Unpack[EnrichOptions]) -> dd.DataFrame:
    """Look every person up once, now, and put what is learnt on all of their rows, when they are computed.

    May spend up to `max_credits` credits, by default what `estimate_cost` calls ``at_most``. Everybody is bought here,
    on the client: computing the result, in whole or in part, once or often, sends nothing and needs no ledger.

    Parameters
    ----------
    df : dask.dataframe.DataFrame
        Contacts, one a row; not changed.
    fields : str or iterable of str, optional
        As for pandas frames.
    {options}

    Returns
    -------
    dask.dataframe.DataFrame
        Same partitions, rows, order and index, with the columns that pandas frames get, in the same dtypes. Rows that
        are not those the people were read from, because the source changed, are ``not_attempted``.

    Raises
    ------
    ConfigurationError, ColumnsError, LedgerError
        As `estimate_cost`.
    RunStoppedError
        As for pandas frames; ``.partial`` and what ``.resume()`` returns are Dask frames.
    """
    whole = _Whole(df, fields, options)
    people = whole.people
    bought: Any = handing_back(functions.enrich, whole.like)
    return cast("dd.DataFrame", bought(people.frame, people.layout.fields, **people.options))


class _Whole:
    """A Dask frame whose people are known: what to hand to the doors, and what to make of what they return."""

    def __init__(self, df: Any, fields: Fields, options: Mapping[str, Any]) -> None:
        if not isinstance(df, dd.DataFrame):
            raise ColumnsError(
                f"Expected a Dask DataFrame, not {type(df).__name__}; use cleanlist_pandas.enrich(frame)."
            )
        for name, way_out in _NO_PARTS.items():
            if options.get(name) is not None:
                raise ConfigurationError(f"{name}= is not for Dask frames; {way_out}.")
        _, fields, options = own_call(df, fields, options)
        self._df = df
        layout = layout_of(_sample(df), fields, options)
        existing = list(layout.existing(df._meta))
        self._parts = df.to_delayed()
        parts = self._each(people_of_part, self._slim(layout, existing), layout=layout)
        self.people = Whole(people=merge_people(dask.compute(*parts)), layout=layout, existing=existing, given=options)

    def _slim(self, layout: Layout, existing: list[str]) -> list[Any]:
        """Return the partitions with no more columns than say who somebody is and what is known of them."""
        needed = {*layout.columns.as_dict().values(), *(FIELDS[name].column for name in existing)}
        parts: list[Any] = self._df[[name for name in self._df.columns if name in needed]].to_delayed()
        return parts if len(parts) == len(self._parts) else self._parts  # Dask may read several thin ones as one

    def _each(self, function: Any, parts: list[Any], *tables: Any, layout: Layout) -> list[Any]:
        """Return what a function makes of each partition and its number, not yet computed.

        Numbered by hand: ``partition_info`` starts anew in a slice of the partitions, and a frame of numbers beside
        this one makes Dask align, that is shuffle, what is computed from the result.
        """
        lazy = dask.delayed(function, pure=True)
        return [lazy(part, *tables, number, layout) for number, part in enumerate(parts)]

    def like(self, enriched: pd.DataFrame | None) -> Any:
        """Return the frame with what is known of its people."""
        if enriched is None:
            return None
        answers, layout = self.people.answers(enriched), self.people.layout
        meta = join_part(self._df._meta, answers.iloc[:0], 0, layout)
        parts = self._each(join_part, self._parts, dask.delayed(answers, traverse=False), layout=layout)
        divisions = self._df.divisions if len(parts) == self._df.npartitions else None
        with dask.config.set({"dataframe.convert-string": False}):  # the dtypes are those of the pandas door
            return dd.from_delayed(parts, meta=meta, divisions=divisions, verify_meta=False)


def _sample(df: Any) -> pd.DataFrame:
    """Return the first rows of up to ten partitions, by which the columns are told."""
    chosen = np.unique(np.linspace(0, df.npartitions - 1, min(df.npartitions, _SAMPLE_PARTS)).astype(int)).tolist()
    heads = df.partitions[chosen].map_partitions(pd.DataFrame.head, -(-_SAMPLE_ROWS // len(chosen)), meta=df._meta)
    return cast("pd.DataFrame", heads.compute())


class CleanlistAccessor:
    """Price and enrich the people in a Dask frame; see `cleanlist_pandas.dask.enrich` and its siblings."""

    def __init__(self, df: dd.DataFrame) -> None:
        self._frame = df

    estimate_cost = method_of(estimate_cost)
    plan = method_of(plan)
    enrich = method_of(enrich)


if not hasattr(dd.DataFrame, "cleanlist"):  # a second registration would warn
    register_dataframe_accessor("cleanlist")(CleanlistAccessor)
