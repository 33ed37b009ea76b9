"""The doors as typed functions: each puts the four verbs together, read, plan, run, join."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TypeVar, Unpack, cast

import pandas as pd

from cleanlist_pandas import checks
from cleanlist_pandas.calls import finish, run_enrich, run_pilot
from cleanlist_pandas.case import prepare
from cleanlist_pandas.changes import diff
from cleanlist_pandas.fields import ColumnName, FieldName, parse_fields
from cleanlist_pandas.frame.arrays import Kinds
from cleanlist_pandas.plan.check import check_frame
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.plan.estimate import CostEstimate
from cleanlist_pandas.plan.pilot import Pilot
from cleanlist_pandas.quote import estimate_of, plan_of
from cleanlist_pandas.reports import report
from cleanlist_pandas.resume import own_call
from cleanlist_pandas.run import bridge
from cleanlist_pandas.settings import resolve, unset
from cleanlist_pandas.signatures import ArrowTable, CheckOptions, EnrichOptions, PilotOptions, PlanOptions, door
from cleanlist_pandas.surfaces import SERVICES

__all__ = ["aenrich", "check", "diff", "enrich", "estimate_cost", "pilot", "plan", "report"]

Fields = Iterable[FieldName | ColumnName] | FieldName | ColumnName | None
F = TypeVar("F", bound=ArrowTable)


@door(PlanOptions)
def estimate_cost(df: ArrowTable, fields: Fields = None, **options: Unpack[PlanOptions]) -> CostEstimate:
    """Tell what `enrich` would cost at most, before it runs.

    Sends nothing and needs no key; reads the ledger if there is one.

    Parameters
    ----------
    df : pandas.DataFrame or Arrow table
        Contacts, one a row; not changed. An Arrow table is anything with the Arrow PyCapsule interface: a Polars
        frame, a DuckDB relation, a PyArrow table or reader.
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
    Expected about 1 (0 to 2 in 9 of 10 cases), a guess: no history yet.
    The free tier's 30 credits a month cover it.
    Addresses in 'email'; fields: title
    <BLANKLINE>
            1 blank      no address
            1 duplicate  a further row of somebody billable
            2 billable   would be looked up
            4 rows       saved 1 credit (duplicate 1)
    """
    with prepare(_frame(df), fields, options, create=False) as case:
        return estimate_of(case)


@door(PlanOptions)
def plan(df: ArrowTable, fields: Fields = None, **options: Unpack[PlanOptions]) -> Plan:
    """Decide who would be bought, in which order. Sends nothing and needs no key; reads the ledger if there is one.

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
        The decision itself: ``.estimate`` for a person, ``.frontier()`` for what each budget would bring,
        ``.save(path)`` to keep it. ``enrich(plan=…)`` holds a run to it.

    Raises
    ------
    ConfigurationError, ColumnsError, LedgerError
        As `estimate_cost`.
    """
    with prepare(_frame(df), fields, options, create=False) as case:
        return plan_of(case)


@door(EnrichOptions)
def enrich(df: F, fields: Fields = None, **options: Unpack[EnrichOptions]) -> F:
    """Look every person up once and put what is learnt on all of their rows.

    May spend up to `max_credits` credits, by default what `estimate_cost` calls ``at_most``. Works in scripts, under a
    running event loop and in notebooks.

    Parameters
    ----------
    df : pandas.DataFrame or Arrow table
        Contacts, one a row; not changed. See `estimate_cost`.
    fields : str or iterable of str, optional
        What to ask for: email_status, title, seniority, company, industry, size, phone, linkedin, icp_score. By
        default all but phone. A look-up costs 1 credit, 11 if phone is among them; a miss is free.
    {options}

    Returns
    -------
    pandas.DataFrame, or a table of the kind that was handed in
        A new frame: same rows, same order, same index; a column for each field (``enriched_title``, …), then
        ``enriched_status``. E-mail status and status are categories, seniority an ordered category, ``icp_score`` a
        nullable integer, the others text; the dtypes do not depend on the data. A Polars frame comes back as one, its
        new categories as Enum; other Arrow tables, also DuckDB relations and readers, as a pyarrow.Table.

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
    call = own_call(df, fields, options)
    frame: F = finish(bridge.call(partial(run_enrich, *call)), run_enrich, EnrichOptions, *call)
    return frame


@door(EnrichOptions)
async def aenrich(df: F, fields: Fields = None, **options: Unpack[EnrichOptions]) -> F:
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
    call = own_call(df, fields, options)
    done = await bridge.call_async(partial(run_enrich, *call))
    frame: F = finish(done, run_enrich, EnrichOptions, *call)
    return frame


@door(CheckOptions)
def check(df: F, fields: Fields = None, **options: Unpack[CheckOptions]) -> F:
    """Judge each row's address before it is paid for. Free and offline.

    Nothing is changed or left out by a verdict; ``enrich(skip={"disposable", "role-based"})`` acts on them.

    Parameters
    ----------
    df : pandas.DataFrame
        Contacts, one a row; not changed.
    fields : str or iterable of str, optional
        What a look-up would ask for: it decides the credits at stake. As for `estimate_cost`.
    {options}

    Returns
    -------
    pandas.DataFrame
        Same rows, order and index; the dtypes do not depend on the data. ``address`` (text): as it would be sent.
        ``verdict`` (category): the most serious finding. ``reason`` (text): all findings in words, and how the address
        was written (``mailto:``, a dot at the end, IDN). ``suggestion`` (text): the address that may have been meant.
        ``duplicate_of`` (Int64): the position, from 0, of the first row of the same person, missing on that row itself;
        ``reason`` says in what they differ. ``credits`` (Int64): what a look-up would cost at most, on the first row of
        each person, else 0; what the ledger holds is not taken off, `estimate_cost` does that.

    Notes
    -----
    The verdicts, the most serious first: ``blank`` and ``malformed`` are never bought. ``placeholder``: test@test.com,
    noreply@ and the like. ``reserved``: a domain no mail reaches, such as .example (RFC 2606, RFC 6761). ``homoglyph``:
    alphabets mixed in a word, or letters that only look Latin; it stays a person of its own. ``near-miss``: a domain
    one slip away from a much used free-mail domain or, if it is rare, from one that 30 people of the frame have.
    ``disposable``: a throw-away mailbox; some sixty well-known domains, and ten thousand with
    ``pip install 'cleanlist-pandas[lists]'``. ``role-based``: info@, sales@. ``several``: more addresses in the cell;
    as a class to skip, people who stand in no cell alone. ``free-mail``: gmail.com and the like. ``duplicate``, ``ok``.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> emails = ["Invented.Jo@gmial.com", "invented.jo@gmial.com", "invented@mailinator.com", "info@acme.test", "jo@"]
    >>> found = cl.check(pd.DataFrame({"email": emails}))
    >>> found[["verdict", "suggestion", "duplicate_of", "credits"]]
          verdict             suggestion  duplicate_of  credits
    0   near-miss  invented.jo@gmail.com          <NA>        1
    1   near-miss  invented.jo@gmail.com             0        0
    2  disposable                    NaN          <NA>        1
    3    reserved                    NaN          <NA>        1
    4   malformed                    NaN          <NA>        0
    >>> found.reason[3]
    'a reserved domain, no mail reaches it (RFC 2606, RFC 6761); a mailbox of a function, not of a person'
    """
    kinds = Kinds(resolve("dtype_backend", options.get("dtype_backend", unset)).value)
    price = SERVICES[resolve("service").value].price(parse_fields(fields))
    return cast("F", check_frame(_frame(df), options.get("columns"), price=price, kinds=kinds))


@door(PilotOptions)
def pilot(
    df: ArrowTable, n: int = 50, fields: Fields = None, *, seed: int = 0, **options: Unpack[PilotOptions]
) -> Pilot:
    """Ask a fair sample of the people first, to know what a full run will find and cost.

    May spend at most `n` look-ups, or `max_credits` credits if that is less. The answers stay in the ledger: the full
    run does not pay for them again.

    Parameters
    ----------
    df : pandas.DataFrame
        Contacts, one a row; not changed.
    n : int, default 50
        People to ask at most, drawn at random from those a full run would buy, business and free-mail domains in
        proportion; never the first rows.
    fields : str or iterable of str, optional
        As for `enrich`.
    seed : int, default 0
        The same people and seed give the same sample.
    {options}

    Returns
    -------
    Pilot
        How many were found and have each field, with 95 % intervals, and what that means for all.

    Raises
    ------
    ConfigurationError, ColumnsError, LedgerError, RunStoppedError
        As `enrich`.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> leads = pd.DataFrame({"email": [f"person{n}@acme.example" for n in range(400)]})
    >>> with cl.sandbox():
    ...     leads.cleanlist.pilot(100, fields=["title", "phone"])
    100 of 400 people asked for 858 credits; a full run pays for the others.
    All of them: about 3,432 credits (3,032 to 3,740 with 95 % probability), at most 4,400.
    <BLANKLINE>
      78% found        69% to 85%: about 312 people
      74% title        65% to 82%: about 296 people
      44% phone        35% to 54%: about 176 people
    """
    n = checks.count("n", 1, 1_000_000)(n)
    seed = checks.count("seed", 0, 2**63)(seed)
    call = own_call(df, fields, options)
    work = partial(run_pilot, n=n, seed=seed)
    found: Pilot = finish(bridge.call(partial(work, *call)), work, PilotOptions, *call)
    return found


def _frame(df: ArrowTable) -> pd.DataFrame:
    """Return the pandas frame that the door has made of any table by now."""
    return cast("pd.DataFrame", df)
