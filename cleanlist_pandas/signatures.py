"""The keyword options of the doors, spelled out once: for type checkers, for Shift-Tab, and in the docstrings."""

from __future__ import annotations

import difflib
import functools
import inspect
import os
from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, Protocol, TypedDict, TypeVar

from cleanlist_pandas.errors import CleanlistError, ConfigurationError, RunStoppedError
from cleanlist_pandas.frame.tables import Table, is_table
from cleanlist_pandas.option_table import OPTIONS
from cleanlist_pandas.plan.findings import SKIPPABLE

if TYPE_CHECKING:
    import pandas as pd

    from cleanlist_pandas.plan.document import Plan
    from cleanlist_pandas.run.ledger import Ledger

__all__ = [
    "ArrowTable",
    "CheckOptions",
    "CollectOptions",
    "EnrichOptions",
    "PilotOptions",
    "PlanOptions",
    "SubmitOptions",
    "Where",
    "discreet",
    "door",
    "handing_back",
]

PathLike = str | os.PathLike[str]


class ArrowTable(Protocol):
    """A pandas frame or any other table with the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None, /) -> object:
        """Return the capsule of a stream of record batches."""
        ...


class Where(TypedDict, total=False):
    """Which columns say who to look up."""

    columns: Hashable | Mapping[str, Hashable]


class CheckOptions(Where, total=False):
    """Where to look, and what kind of columns to make."""

    dtype_backend: Literal["numpy_nullable", "pyarrow"] | None


class BuyOptions(Where, total=False):
    """What decides who would be bought, and how much may be spent."""

    known: ArrowTable | PathLike | Iterable[ArrowTable | PathLike] | None
    suppress: PathLike | Iterable[str] | pd.DataFrame | None
    skip: Iterable[str] | str | None
    max_age: int | str | timedelta | None
    on_existing: Literal["fill", "replace", "error"]
    in_doubt: Literal["hold", "retry"]
    ledger: PathLike | Ledger | None
    service: Literal["csv_row", "csv_upload", "v2", "v2_people", "v2_list", "legacy_v1"] | None
    base_url: str
    rate_per_minute: float | None
    max_credits: int | None


class PlanOptions(BuyOptions, total=False):
    """What else a plan tells."""

    priority: Any
    phone_if: Callable[[pd.DataFrame], Any] | None
    price_per_credit: float | None


class RunOptions(TypedDict, total=False):
    """What decides how a run goes."""

    api_key: str | None
    concurrency: int
    timeout_s: float
    connect_timeout_s: float
    max_wait_s: float
    max_seconds: float | None
    poll_s: float
    job_timeout_s: float
    keep_list: bool
    progress: bool
    dtype_backend: Literal["numpy_nullable", "pyarrow"] | None
    provenance: bool


class SubmitOptions(BuyOptions, RunOptions, total=False):
    """All that `submit` takes."""

    webhook_url: str | None
    priority: Any
    plan: Plan | PathLike | None


class CollectOptions(Where, RunOptions, total=False):
    """All that `collect` takes."""

    known: ArrowTable | PathLike | Iterable[ArrowTable | PathLike] | None
    suppress: PathLike | Iterable[str] | pd.DataFrame | None
    skip: Iterable[str] | str | None
    max_age: int | str | timedelta | None
    on_existing: Literal["fill", "replace", "error"]
    ledger: PathLike | Ledger | None
    base_url: str
    rate_per_minute: float | None


class PilotOptions(BuyOptions, RunOptions, total=False):
    """All that `pilot` takes."""

    webhook_url: str | None


class EnrichOptions(PlanOptions, RunOptions, total=False):
    """All that `enrich` takes."""

    webhook_url: str | None
    plan: Plan | PathLike | None


_OF_THE_CALL: Final = {
    "columns": (
        "Hashable or mapping, optional",
        'The e-mail column, or a mapping that names more: ``{"email": "Work E-mail", "company": "Firma"}``; the roles '
        "are email, first_name, last_name, full_name, company and linkedin_url. Left out, they are found by name and "
        "content.",
    ),
    "known": (
        "DataFrame, path or list of them, optional",
        "Tables that hold ``enriched_`` columns already: earlier results, the web app's exports. What they know is "
        "used before anything is bought, field by field; what ``enriched_at`` dates as older than `max_age` is not.",
    ),
    "suppress": (
        "path or iterable of str, optional",
        "Addresses and domains that are never sent, or a file of them. A domain stands for all addresses at it "
        "and below it.",
    ),
    "skip": (
        "str or iterable of str, optional",
        'Classes found by `check` that shall not be bought, such as ``{"disposable", "role-based"}``. They are '
        f"{', '.join(SKIPPABLE)}. Who is of several classes is left out for any of them. None: nobody is left out.",
    ),
    "max_credits": (
        "int, optional",
        "Credits the run may spend at most; by default what `estimate_cost` calls `at_most`. With less, people are "
        "bought in the order of `priority`, or of their rows, and the rest is ``not_attempted``.",
    ),
    "priority": (
        "column or array-like, optional",
        "What each row is worth, in any unit from 0 up. Whoever has the most expected worth for a credit is bought "
        "first: the worth of all rows a person fills, times the hit rate of their kind of mail domain, by the price.",
    ),
    "phone_if": (
        "callable, optional",
        "Buys phones only where it holds: it is handed the frame with all else that was asked for and gives True or "
        'False for each row, ``lambda d: d.enriched_seniority >= "director"``. Everybody costs 1 credit then, and '
        "those who pass 11 more (10 on v2).",
    ),
    "plan": (
        "Plan or path, optional",
        "What `plan` decided, or the file it was saved in. The run is refused if the people, the fields, the tariff or "
        "the budget changed, or while another one goes by it; all that the ledger saw spent on its people since it was "
        "made counts against its budget.",
    ),
}

P = ParamSpec("P")
R = TypeVar("R")


def door(options: type) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a function that takes ``**options`` the real names: in its signature, its docstring and its errors."""
    every: frozenset[str] = getattr(options, "__optional_keys__", frozenset())
    names = [name for name in (*_OF_THE_CALL, *OPTIONS) if name in every]

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @discreet
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            _check_names(function.__name__, kwargs, {*names, *signature.parameters})
            first = args[0] if args else kwargs.get("df")
            if not (takes_frame and is_table(first)):
                return function(*args, **kwargs)
            table = Table(first)
            given = signature.bind_partial(*args, **kwargs).arguments
            given["df"] = table.frame()
            if "dtype_backend" in names:
                given["dtype_backend"] = "pyarrow"  # what is written on the rows stays in Arrow, too
            return handing_back(function, table.like)(**given)  # type: ignore[call-arg]

        written = inspect.signature(function)
        takes_frame = "df" in written.parameters
        positional = [p for p in written.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        keywords = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_default(name)) for name in names]
        signature = written.replace(parameters=[*positional, *keywords])
        checked.__signature__ = signature  # type: ignore[attr-defined]
        checked.__doc__ = inspect.cleandoc(function.__doc__ or "").replace("{options}", _parameters(names))
        return checked

    return decorate


def handing_back(function: Callable[P, R], like: Callable[[Any], Any]) -> Callable[P, R]:
    """Let a door return, and its errors carry, frames like the one that was handed in."""

    @functools.wraps(function)
    def back(*args: P.args, **kwargs: P.kwargs) -> Any:
        with _errors(like):
            return like(function(*args, **kwargs))

    @functools.wraps(function)
    async def back_async(*args: P.args, **kwargs: P.kwargs) -> Any:
        coroutine: Any = function(*args, **kwargs)
        with _errors(like):
            return like(await coroutine)

    return back_async if inspect.iscoroutinefunction(function) else back  # type: ignore[return-value]


@contextmanager
def _errors(like: Callable[[Any], Any]) -> Iterator[None]:
    """Let the error of a run that ended early carry such frames, and the run that goes on with it return them."""
    try:
        yield
    except RunStoppedError as error:
        error.hand_back(like, lambda resume: discreet(handing_back(resume, like)))
        raise


def discreet(function: Callable[P, R]) -> Callable[P, R]:
    """Let our errors leave a door without the frames they passed: tools that print locals would show key and people.

    Arguments are emptied, not deleted: IPython says that it failed where they are missing.
    """

    @functools.wraps(function)
    def shut(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True  # IPython and pytest end with the caller's own line
        failure: CleanlistError
        try:
            return function(*args, **kwargs)
        except CleanlistError as error:
            failure = error.with_traceback(None)
        args, kwargs = (), {}  # type: ignore[assignment]
        try:
            raise failure
        finally:
            del failure

    @functools.wraps(function)
    async def shut_async(*args: P.args, **kwargs: P.kwargs) -> Any:
        __tracebackhide__ = True
        coroutine: Any = function(*args, **kwargs)
        args, kwargs = (), {}  # type: ignore[assignment]
        return await _discreetly(coroutine)

    is_async = inspect.iscoroutinefunction(inspect.unwrap(function))
    return shut_async if is_async else shut  # type: ignore[return-value]


async def _discreetly(coroutine: Coroutine[Any, Any, R]) -> R:
    """Await a door's coroutine in the same manner."""
    __tracebackhide__ = True
    failure: CleanlistError
    try:
        return await coroutine
    except CleanlistError as error:
        failure = error.with_traceback(None)
    coroutine = None  # type: ignore[assignment]
    try:
        raise failure
    finally:
        del failure


def _default(name: str) -> Any:
    """Return what stands behind ``=`` in a signature."""
    return OPTIONS[name].default if name in OPTIONS else None


def _parameters(names: Iterable[str]) -> str:
    """Return the options as a numpydoc parameter list."""
    lines = []
    for name in names:
        kind, meaning = _OF_THE_CALL.get(name) or (OPTIONS[name].type, OPTIONS[name].meaning)
        lines += [f"{name} : {kind}", f"    {meaning}"]
    return "\n".join(lines)


def _check_names(function: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse a keyword that does not exist, naming the closest one."""
    known = sorted(known)
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known)}."
            raise ConfigurationError(f"{function}() has no option {name!r}; {hint}")
