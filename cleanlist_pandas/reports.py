"""The door to a report: what the run that made a frame did, and what the frame holds."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Unpack

import pandas as pd

from cleanlist_pandas.errors import ColumnsError, ConfigurationError
from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.contents import read_contents
from cleanlist_pandas.run.report import RunReport
from cleanlist_pandas.signatures import ArrowTable, Where, door

__all__ = ["report"]


@door(Where)
def report(df: ArrowTable, **options: Unpack[Where]) -> RunReport:
    """Tell what the run that made a frame did, and what its numbers say.

    Sends nothing, needs no key and no ledger: the run is known by ``df.attrs``, which also survive Parquet.

    Parameters
    ----------
    df : pandas.DataFrame
        What `enrich` returned, in this process or another; not changed.
    {options}

    Returns
    -------
    RunReport
        Credits, requests and people by status, as the run had them. Counted in the frame: ``.coverage`` by field,
        ``.seniorities``, ``.email_statuses``, ``.domains`` (hit rate by kind of mail domain), and ``.findings``.

    Raises
    ------
    ConfigurationError
        If the frame has lost its attrs, as in a CSV file, `merge` or `groupby`, or never had them.
    ColumnsError
        If a column that ``columns=`` names is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> leads = pd.DataFrame({"email": ["kim@acme.example", "lou@gmx.de"]})
    >>> with cl.sandbox(people=[{"email": "kim@acme.example", "title": "CTO", "seniority": "c_level"}]):
    ...     out = leads.cleanlist.enrich(fields=["title", "seniority"])
    >>> out.cleanlist.report()
    1 of at most 2 credits spent, 2 requests.
    2 people: 1 completed, 1 not found.
    Hit rate: 50% (1 of 2 people).
    <BLANKLINE>
    Hit rate by mail domain
            1 business               100% found (1; 95 % interval 21% to 100%)
            1 free-mail                0% found (0; 95 % interval 0% to 79%)
    <BLANKLINE>
    Coverage of 1 completed people
            1 title                  100%
            1 seniority              100%
    <BLANKLINE>
    Seniority
            1 c_level                100%
    """
    frame: Any = df
    kind, attrs = type(frame).__name__, getattr(frame, "attrs", {})
    run = RunReport.of_summary(attrs.get("cleanlist"))
    if run is None:
        raise ConfigurationError(
            f"This {kind} does not say which run made it: enrich() did not return it, or df.attrs was lost (CSV, "
            "merge, join, groupby). Call report() on what enrich() returned, or give the frame its attrs first: "
            "df.attrs = out.attrs."
        )
    return replace(run, contents=read_contents(frame, _email(frame, options.get("columns"), run.column), run.sources))


def _email(frame: pd.DataFrame, columns: Any, asked: str) -> Hashable | None:
    """Return the column of addresses: the one named, the one the run looked up, or one that is found; else None."""
    if columns is not None:
        return find_columns(frame, columns).email
    for label in dict.fromkeys([asked or None, None]):
        with suppress(ColumnsError):
            return find_columns(frame, label).email
    return None
