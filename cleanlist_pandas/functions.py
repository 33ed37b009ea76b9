"""The doors as typed functions: each puts the four verbs together, read, plan, run, join."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

import pandas as pd

from cleanlist_pandas import checks
from cleanlist_pandas.case import Done, execute, own_view, prepare, same_call
from cleanlist_pandas.ending import LIMITS, error_for, notices, warn
from cleanlist_pandas.fields import FieldName
from cleanlist_pandas.last import remember
from cleanlist_pandas.plan.buckets import Plan
from cleanlist_pandas.plan.check import check_frame
from cleanlist_pandas.plan.estimate import CostEstimate
from cleanlist_pandas.run import bridge
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.signatures import EnrichOptions, PlanOptions, Where, discreet, door

__all__ = ["aenrich", "check", "enrich", "estimate_cost", "plan"]

Fields = Iterable[FieldName] | FieldName | None


@door(PlanOptions)
def estimate_cost(df: pd.DataFrame, fields: Fields = None, **options: Unpack[PlanOptions]) -> CostEstimate:
    """Tell what `enrich` would cost at most, before it runs.

    Sends nothing and needs no key; reads the ledger if there is one.

    Parameters
    ----------
    df : pandas.DataFrame
        Contacts, one a row; not changed.
    fields : str or iterable of str, optional
        What to ask for: email_status, title, seniority, company, industry, size, phone, linkedin, icp_score. By
        default all but phone. A look-up costs 1 credit, 11 if phone is among them; a miss is free.
    {options}

    Returns
    -------
    CostEstimate
        Rows by bucket, unique look-ups, and the most credits a run can cost.

    Raises
    ------
    ConfigurationError
        For an unknown field or a bad option; the message names the right ones.
    ColumnsError
        If it is unclear which column holds the addresses: name it with ``columns=``.
    LedgerError
        If the ledger cannot be trusted.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> leads = pd.DataFrame({"email": ["jo@acme.example", "JO@acme.example ", "ann@acme.example", "n/a"]})
    >>> leads.cleanlist.estimate_cost(fields=["title"])
    At most 2 credits: 2 look-ups at 1 credit. Misses are free.
    Addresses in 'email'; fields: title
    <BLANKLINE>
            1 blank      no address
            1 duplicate  a further row of somebody billable
            2 billable   would be looked up
            4 rows       saved 1 credit (duplicate 1)
    """
    with prepare(df, fields, options, create=False) as case:
        return case.estimate


@door(PlanOptions)
def plan(df: pd.DataFrame, fields: Fields = None, **options: Unpack[PlanOptions]) -> Plan:
    """Decide who would be bought. Sends nothing and needs no key; reads the ledger if there is one.

    Parameters
    ----------
    df : pandas.DataFrame
        Contacts, one a row; not changed.
    fields : str or iterable of str, optional
        As for `estimate_cost`.
    {options}

    Returns
    -------
    Plan
        The decision itself; ``plan.estimate`` shows it to a person.

    Raises
    ------
    ConfigurationError, ColumnsError, LedgerError
        As `estimate_cost`.
    """
    with prepare(df, fields, options, create=False) as case:
        return replace(case.plan, estimate=case.estimate)


@door(EnrichOptions)
def enrich(df: pd.DataFrame, fields: Fields = None, **options: Unpack[EnrichOptions]) -> pd.DataFrame:
    """Look every person up once and put what is learnt on all of their rows.

    May spend up to `max_credits` credits, by default what `estimate_cost` calls ``at_most``. Works in scripts, under a
    running event loop and in notebooks.

    Parameters
    ----------
    df : pandas.DataFrame
        Contacts, one a row; not changed.
    fields : str or iterable of str, optional
        What to ask for: email_status, title, seniority, company, industry, size, phone, linkedin, icp_score. By
        default all but phone. A look-up costs 1 credit, 11 if phone is among them; a miss is free.
    {options}

    Returns
    -------
    pandas.DataFrame
        A new frame: same rows, same order, same index; a column for each field (``enriched_title``, …), then
        ``enriched_status``. E-mail status and status are categories, seniority an ordered category, ``icp_score`` a
        nullable integer, the others text; the dtypes do not depend on the data.

    Raises
    ------
    ConfigurationError
        For a bad option, an unknown field, or no key; nothing was sent.
    ColumnsError
        If it is unclear which column holds the addresses: name it with ``columns=``.
    LedgerError
        If the ledger cannot be trusted or written; nothing more is sent.
    RunStoppedError
        If the run ended early (key refused, out of credits, service down, interrupt). It carries ``.partial``,
        ``.report`` and ``.resume()``. A budget or time limit of your own is no error: the frame comes back with a
        warning and ``not_attempted`` rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> leads = pd.DataFrame({"email": ["kim@acme.example", "KIM@acme.example ", "n/a"]})
    >>> with cl.sandbox(people=[{"email": "kim@acme.example", "title": "CTO", "seniority": "c_level"}]):
    ...     leads.cleanlist.enrich(fields=["title", "seniority"])[["enriched_title", "enriched_status"]]
      enriched_title enriched_status
    0            CTO       completed
    1            CTO       completed
    2            NaN         skipped
    """
    frame = own_view(df)
    return _finish(bridge.call(partial(_enrich, frame, fields, options)), frame, fields, options)


@door(EnrichOptions)
async def aenrich(df: pd.DataFrame, fields: Fields = None, **options: Unpack[EnrichOptions]) -> pd.DataFrame:
    """Do the same as `enrich` for code that awaits; the same engine, options, result and errors.

    May spend up to `max_credits` credits. The caller's event loop is not held up. A cancelled task stops the run as
    Ctrl-C does: nothing more is sent, answers under way are kept in the ledger; ``last_run()`` has the frame.

    Parameters
    ----------
    df : pandas.DataFrame
        Contacts, one a row; not changed.
    fields : str or iterable of str, optional
        As for `enrich`.
    {options}

    Returns
    -------
    pandas.DataFrame
        As `enrich`.
    """
    frame = own_view(df)
    return _finish(await bridge.call_async(partial(_enrich, frame, fields, options)), frame, fields, options)


@door(Where)
def check(df: pd.DataFrame, **options: Unpack[Where]) -> pd.DataFrame:
    """Judge each row's address. Free and offline.

    Parameters
    ----------
    df : pandas.DataFrame
        Contacts, one a row; not changed.
    {options}

    Returns
    -------
    pandas.DataFrame
        Same index: ``address`` (text, as it would be sent) and ``verdict`` (category: ok, duplicate, malformed, blank).

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> cl.check(pd.DataFrame({"email": ["Jo <JO@acme.example>", "jo@acme.example", "jo@acme"]}))
               address    verdict
    0  jo@acme.example         ok
    1  jo@acme.example  duplicate
    2              NaN  malformed
    """
    return check_frame(df, options.get("columns"))


def _enrich(df: pd.DataFrame, fields: Fields, options: EnrichOptions, stop: Stop) -> Done:
    """Do all the work of `enrich` in the run's own thread."""
    max_credits = checks.credits_limit(options.get("max_credits"))
    with prepare(df, fields, options, create=True) as case:
        done = execute(case, max_credits, stop)
    remember(done.frame, done.report)
    return done


def _finish(done: Done, df: pd.DataFrame, fields: Fields, options: EnrichOptions) -> pd.DataFrame:
    """Return the frame, with a warning or as an error if the run ended early."""
    result = done.result
    stop = result.stop if result else None
    if result is not None and stop is not None and stop not in LIMITS:
        started_s = time.monotonic() - result.seconds
        detail = str(result.failure) if result.failure else result.reason

        @discreet
        def resume(**how: Any) -> pd.DataFrame:
            merged: dict[str, Any] = {**options, **same_call(done, started_s), **how}
            return enrich(df, fields, **merged)

        raise error_for(stop, done.frame, done.report, detail, resume)
    for notice in notices(done.report, stop):
        warn(notice)
    return done.frame
