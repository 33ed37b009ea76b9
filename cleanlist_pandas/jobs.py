"""The two doors for surfaces that answer later: send now, and fetch the answers then, perhaps in another process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, Unpack, cast

import pandas as pd
import pyarrow.compute as pc

from cleanlist_pandas import checks
from cleanlist_pandas.calls import budget_of, buy_all, finish
from cleanlist_pandas.case import Case, look_again, prepare
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import FieldName
from cleanlist_pandas.frame.addresses import Reason
from cleanlist_pandas.last import remember
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.plan.job import Job
from cleanlist_pandas.purchase import NO_KEY, ask_begun, join_case, new_run, steps_of
from cleanlist_pandas.purchase import collect as collect_begun
from cleanlist_pandas.quote import agreed_budget, digest_of, now_utc
from cleanlist_pandas.resume import Done, own_call
from cleanlist_pandas.run import bridge
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.run.tally import nothing_yet
from cleanlist_pandas.services.service import JobService
from cleanlist_pandas.settings import unset
from cleanlist_pandas.signatures import ArrowTable, CollectOptions, SubmitOptions, door
from cleanlist_pandas.surfaces import SERVICES

__all__ = ["collect", "submit"]

F = TypeVar("F", bound=ArrowTable)


@door(SubmitOptions)
def submit(
    df: ArrowTable, fields: Iterable[FieldName] | FieldName | None = None, **options: Unpack[SubmitOptions]
) -> Job:
    """Send everybody who is to be bought, and return without waiting for the answers; `collect` fetches them.

    May spend up to `max_credits` credits, by default what `estimate_cost` calls ``at_most``. For surfaces that answer
    later: ``service="csv_upload"``, v2 and legacy v1. It returns once all that was sent is on disk in the ledger, with
    what to ask by: from then on the process may end. What the service answers at once is in the ledger, too.

    Parameters
    ----------
    df : pandas.DataFrame or Arrow table
        Contacts, one a row; not changed. See `estimate_cost`.
    fields : str or iterable of str, optional
        As for `enrich`.
    {options}

    Returns
    -------
    Job
        For `collect`; ``.save(path)`` keeps it for another process, ``Job.load(path)`` reads it there.

    Raises
    ------
    ConfigurationError
        As `enrich`; also where the surface answers at once, or the ledger would end with this call. Nothing was sent.
    ColumnsError, LedgerError, RunStoppedError
        As `enrich`. What was sent is in the ledger: ``.resume()`` submits the rest and returns the job.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> leads = pd.DataFrame({"email": ["jo@acme.example", "JO@acme.example", "ann@acme.example"]})
    >>> with cl.sandbox():
    ...     job = leads.cleanlist.submit(["title"], service="csv_upload")
    ...     out = leads.cleanlist.collect(job)
    >>> job
    Job: 2 people submitted to csv_upload for title, at most 2 credits; collect(job) brings the answers.
    >>> out["enriched_status"].tolist()
    ['completed', 'completed', 'completed']
    """
    call = own_call(df, fields, options)
    sent: Job = finish(bridge.call(partial(run_submit, *call)), run_submit, SubmitOptions, *call)
    return sent


@door(CollectOptions)
def collect(df: F, job: Job | str | os.PathLike[str], *, wait: bool = True, **options: Unpack[CollectOptions]) -> F:
    """Ask what became of all that was submitted, and put the answers on the rows. Costs nothing.

    Reads the ledger, and asks the service about those who have no answer there. Can be done as often as one likes.

    Parameters
    ----------
    df : pandas.DataFrame or Arrow table
        The contacts that were submitted, in any order; not changed.
    job : Job or path
        What `submit` returned, or the file it was saved in.
    wait : bool, default True
        Whether to wait for answers, for up to `job_timeout_s` seconds from now. With False everybody is asked about
        once.
    {options}

    Returns
    -------
    pandas.DataFrame, or a table of the kind that was handed in
        As `enrich` would have returned it. Who has no answer yet is ``in_doubt``: collect again later. Whom the budget
        did not reach is ``not_attempted``.

    Raises
    ------
    ConfigurationError
        If the frame lacks somebody who was submitted, or the ledger does not know the job; nothing was asked.
    ColumnsError, LedgerError, RunStoppedError
        As `enrich`.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> leads = pd.DataFrame({"email": ["jo@acme.example"]})
    >>> with cl.sandbox(hit_rate=1.0):
    ...     leads.cleanlist.submit(["company"], service="csv_upload").save("job.json")
    ...     leads.cleanlist.collect("job.json", wait=False)["enriched_status"].item()
    'completed'
    """
    given, waits = _job(job), checks.flag("wait")(wait)
    call = own_call(df, given.fields, {"ledger": given.ledger or unset, **options, "service": given.service})
    work = partial(run_collect, job=given, wait=waits)
    return cast("F", finish(bridge.call(partial(work, *call)), work, CollectOptions, *call))


def run_submit(
    frame: pd.DataFrame, fields: Any, options: Mapping[str, Any], stop: Stop, before: Done | None = None
) -> Done:
    """Do all the work of `submit`, in the run's own thread."""
    plan: Plan | None = options.get("plan")
    names, began_at = fields if plan is None or fields is not None else plan.fields, now_utc()
    with (
        prepare(frame, names, options, create=True, before=before) as planned,
        agreed_budget(planned, plan, begun=before is not None) as limit,
    ):
        _check_lasting(planned)
        who, budget = new_run(planned), budget_of(limit, before)
        case, told = collect_begun(planned, who, stop, wait=False)
        if told is not None and told.stop is not None:
            done = join_case(case, who, steps_of(told, budget=budget), budget, stop)
        else:
            done = buy_all(case.at_once, who, budget, stop, told)
        if done.result is None:  # nobody was to be bought: the ledger shall know the job all the same
            with case.ledger.start(who):
                pass
        job = Job(
            run=who.id,
            service=planned.settings.service,
            world=planned.settings.world,
            fields=tuple(planned.fields),
            people=planned.keys.n_keys,
            digest=digest_of(planned.keys.addresses),
            credits=budget.settled + budget.in_doubt,
            ledger=str(planned.ledger.path or ""),
            submitted_at=began_at,
        )
    remember(done.frame, done.report)
    return replace(done, job=job, settings=planned.settings)  # whoever goes on with it takes them over


def run_collect(
    frame: pd.DataFrame,
    fields: Any,
    options: Mapping[str, Any],
    stop: Stop,
    before: Done | None = None,
    *,
    job: Job,
    wait: bool,
) -> Done:
    """Do all the work of `collect`, in the run's own thread."""
    with prepare(frame, job.fields, options, create=False, before=before) as planned:
        _check_same(planned, job)
        if planned.begun and planned.settings.api_key is None:
            raise ConfigurationError(NO_KEY)
        waited_s = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(job.submitted_at)).total_seconds())
        patient = replace(planned.settings, job_timeout_s=(planned.settings.job_timeout_s + waited_s) * wait)
        who, budget = new_run(planned), Budget(max(job.credits, _in_doubt(planned)))
        told = ask_begun(replace(planned, settings=patient), who, stop, budget)
        case = planned if told is None else look_again(planned)
        budget = replace(budget, in_doubt=_in_doubt(case))
        steps = steps_of(told or nothing_yet(budget), budget=budget)
        done = join_case(case, replace(who, id=job.run), steps, budget, stop)
    remember(done.frame, done.report)
    return done


def _in_doubt(case: Case) -> int:
    """Return the credits that were set aside for all that is in doubt of a case's people and their companies."""
    doubts = [one for held in case.held.others.values() for one in held.doubts] + [one for _, one in case.begun]
    of_people = sum(SERVICES[one.service].price(one.fields) for one in {one.lookup: one for one in doubts}.values())
    return of_people + (0 if case.companies is None else _in_doubt(case.companies))


def _check_lasting(case: Case) -> None:
    """Refuse a call whose answers come at once, or whose ledger ends with it."""
    if not isinstance(case.service, JobService):
        raise ConfigurationError(
            f"{case.service.surface.name} answers at once, so nothing was sent: call enrich(), or submit with "
            'service="csv_upload" and a key for it, or v2.'
        )
    if case.ledger.path is None and not isinstance(case.settings.ledger, Ledger):
        raise ConfigurationError(
            "With ledger=None nothing would be left to collect by, so nothing was sent: name a file with ledger=…."
        )


def _check_same(case: Case, job: Job) -> None:
    """Refuse to join a job to people it is not about, or by a ledger that does not know it."""
    if case.settings.world != job.world:
        raise ConfigurationError(
            f"The job was submitted to a {job.world} service and this call speaks to a {case.settings.world} one; "
            "nothing was asked. Give base_url= and api_key= as they were."
        )
    asked = case.ledger.asked_by(job.run)
    if asked is None:
        named = case.settings.ledger if isinstance(case.settings.ledger, Path) else case.ledger.path
        raise ConfigurationError(
            f"The ledger {named or 'in memory'} does not know this job; nothing was asked. Give ledger= as it was when "
            "it was submitted."
        )
    if digest_of(case.keys.addresses) == job.digest:
        return
    there: Any = pc.is_in(asked, value_set=case.keys.addresses)
    absent = len(asked) - (pc.sum(there).as_py() or 0)
    is_emptied = case.keys.counts()[Reason.SUPPRESSED] > 0  # who was erased since is not among those who were asked
    if absent or not (len(asked) or is_emptied):
        raise ConfigurationError(
            f"The job is about {job.people:,} people, and this frame about {case.keys.n_keys:,}, not the same; nothing "
            "was asked. Give the frame that was submitted, with the same columns=, suppress= and skip=."
        )


def _job(given: Any) -> Job:
    """Return the job a call names."""
    if isinstance(given, Job):
        return given
    if isinstance(given, str | os.PathLike):
        return Job.load(given)
    raise ConfigurationError(
        f"job must be what submit() returned, or the path it was saved to, not {type(given).__name__}."
    )
