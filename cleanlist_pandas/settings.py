"""Every option with its default, its unit and who set it.

A value comes from the first of these that names it: the call's argument, the innermost open sandbox, `option_context`,
`options`, the environment, the default.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pandas as pd

from cleanlist_pandas import checks
from cleanlist_pandas.checks import Secret
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.option_table import OPTIONS, Option, unset
from cleanlist_pandas.services.service import HOST, SURFACES, Surface, surface_for
from cleanlist_pandas.wording import host_of

__all__ = [
    "OPTIONS",
    "Option",
    "Options",
    "Setting",
    "Settings",
    "option_context",
    "options",
    "resolve",
    "sandboxed",
    "show_config",
    "surface_of",
    "unset",
]


@dataclass(frozen=True, slots=True)
class Setting:
    """One resolved value and who set it."""

    value: Any
    source: str


Layer = Mapping[str, Any]

_context: ContextVar[tuple[Layer, ...]] = ContextVar("cleanlist_pandas.options", default=())

# Open sandboxes count for the whole process, in every thread and notebook cell: somebody inside a sandbox block must
# not spend real credits because a thread did not inherit a context.
_sandboxes: list[Layer] = []


class Options:
    """Defaults for this process; ``cl.options.concurrency = 8``. Setting None takes a value back.

    Examples
    --------
    >>> import cleanlist_pandas as cl
    >>> cl.options.concurrency = 8
    >>> cl.options.concurrency
    8
    >>> cl.options.concurrency = None
    >>> cl.options.concurrency
    16
    """

    def __init__(self) -> None:
        object.__setattr__(self, "_values", {})

    def __setattr__(self, name: str, value: Any) -> None:
        values: dict[str, Any] = self._values
        option = _option(name)
        if value is None:
            values.pop(name, None)
        else:
            values[name] = option.check(value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return resolve(name).value
        except ConfigurationError as error:
            raise AttributeError(str(error)) from None

    def __dir__(self) -> list[str]:
        return list(OPTIONS)

    def __repr__(self) -> str:
        return show_config()[["value", "source"]].to_string()


options = Options()


@contextmanager
def option_context(**values: Any) -> Iterator[None]:
    """Set options for a block of code, in this context (thread, task) only.

    Parameters
    ----------
    **values
        Names and values as for `options`, but None is a value here: ``ledger=None`` is memory only.

    Raises
    ------
    ConfigurationError
        For a name that is no option or a value that is none for it.

    Examples
    --------
    >>> import cleanlist_pandas as cl
    >>> with cl.option_context(concurrency=4):
    ...     cl.options.concurrency
    4
    """
    token = _context.set((_checked(values), *_context.get()))
    try:
        yield
    finally:
        _context.reset(token)


@contextmanager
def sandboxed(**values: Any) -> Iterator[None]:
    """Make a sandbox the default service of this process for a block of code; its `base_url` is its host."""
    layer = _checked(values)
    _sandboxes.append(layer)
    try:
        yield
    finally:
        _sandboxes.remove(layer)


def resolve(name: str, argument: Any = unset, *, url: str | None = None, surface: Surface | None = None) -> Setting:
    """Return the value of one option and who set it; `unset` stands for an argument that was not given.

    For a call to the service at `url` only that service's own sandbox counts: key and ledger of another are not for it.
    What nobody set may depend on the `surface`, by default the one that a call without arguments would speak to.
    """
    setting = _said(name, argument, url)
    if name == "service" and setting.value is None:
        return Setting((surface or surface_of({})).name, setting.source)
    if name == "base_url" and setting.source in ("sandbox", "default"):  # a host, at which each surface has its path
        host = HOST if setting.value is unset else setting.value
        return Setting(host + (surface or surface_of({})).path, setting.source)
    if name == "rate_per_minute" and setting.value is unset:
        at_home = checks.is_loopback(url or resolve("base_url", surface=surface).value)  # where no limit is published
        return Setting(None if at_home else (surface or surface_of({})).rate_per_minute, setting.source)
    return setting


def surface_of(arguments: Mapping[str, Any]) -> Surface:
    """Return the surface that a call speaks to: the one that was named, else the one that its key is for."""
    given = arguments.get("base_url", unset)
    url = None if given is unset else OPTIONS["base_url"].check(given)
    name = _said("service", arguments.get("service", unset), url).value
    key = _said("api_key", arguments.get("api_key", unset), url).value
    return SURFACES[name] if name else surface_for("" if key is None else key.reveal())


def _said(name: str, argument: Any, url: str | None) -> Setting:
    """Return what was said of one option, and by whom."""
    option = _option(name)
    if argument is not unset and (argument is not None or name != "api_key"):  # None: the caller has no key of its own
        return Setting(option.check(argument), "argument")
    sandboxes = [layer for layer in _sandboxes[::-1] if url is None or f"{url}/".startswith(f"{layer['base_url']}/")]
    for source, layers in (("sandbox", sandboxes), ("option_context", _context.get())):
        for layer in layers:
            if name in layer:
                return Setting(layer[name], source)
    if name in options._values:
        return Setting(options._values[name], "options")
    if option.variable and os.environ.get(option.variable, "").strip():
        try:
            return Setting(option.check(os.environ[option.variable].strip()), option.variable)
        except ConfigurationError as error:
            reason = str(error)
        raise ConfigurationError(f"The environment variable {option.variable} is not usable: {reason}")
    return Setting(option.default, "default")


def _option(name: str) -> Option:
    """Return the option of that name, or an error that names the closest."""
    if name not in OPTIONS:
        close = difflib.get_close_matches(name, OPTIONS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"the options are {', '.join(OPTIONS)}."
        raise ConfigurationError(f"{name!r} is not an option; {hint}")
    return OPTIONS[name]


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, each checked by its option."""
    return {name: _option(name).check(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All options of one call, resolved."""

    api_key: Secret | None
    base_url: str
    service: str
    ledger: Any  # a Path, an open Ledger, None for memory only, or unset: the default place
    concurrency: int
    rate_per_minute: float | None
    timeout_s: float
    connect_timeout_s: float
    max_wait_s: float
    max_seconds: float | None
    poll_s: float
    job_timeout_s: float
    keep_list: bool
    webhook_url: str | None = field(repr=False)  # it may hold a secret
    max_age: timedelta | None
    price_per_credit: float | None
    in_doubt: str
    on_existing: str
    dtype_backend: str | None
    provenance: bool
    progress: bool

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Settings:
        """Resolve every option, with a call's arguments first."""
        surface = surface_of(arguments)
        url = resolve("base_url", arguments.get("base_url", unset), surface=surface).value
        return cls(
            **{name: resolve(name, arguments.get(name, unset), url=url, surface=surface).value for name in OPTIONS}
        )

    @property
    def world(self) -> str:
        """``live`` or ``local``: invented answers never mix with paid ones."""
        return "local" if checks.is_loopback(self.base_url) else "live"


def _shown(name: str, value: Any) -> str:
    """Return a value as a person reads it."""
    if name == "webhook_url" and value is not None:
        return host_of(str(value))
    return "in your user data directory" if value is unset else str(value)


def show_config() -> pd.DataFrame:
    """Show every option, its value and who set it; the key is masked, and what follows a webhook's host. Sends nothing.

    Returns
    -------
    pandas.DataFrame
        One row an option: ``value`` (as text), ``source`` and ``meaning``.
    """
    rows = {}
    for name, option in OPTIONS.items():
        try:
            setting = resolve(name)
        except ConfigurationError as error:
            setting = Setting(f"not usable: {error}", option.variable or "")
        rows[name] = {"value": _shown(name, setting.value), "source": setting.source, "meaning": option.meaning}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("option")
