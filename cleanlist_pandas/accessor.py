"""``df.cleanlist``: every method one call down, no logic, no state."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd

from cleanlist_pandas import functions, jobs
from cleanlist_pandas.cards import Card
from cleanlist_pandas.glance import glance
from cleanlist_pandas.signatures import discreet

__all__ = ["CleanlistAccessor", "method_of", "register"]

P = ParamSpec("P")
R = TypeVar("R")


def method_of(function: Callable[Concatenate[pd.DataFrame, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Return a door as a method of the accessor, with its signature and docstring."""

    @discreet
    @functools.wraps(function)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return function(self._frame, *args, **kwargs)

    first, *others = inspect.signature(function).parameters.values()
    method.__signature__ = inspect.Signature([first.replace(name="self", annotation=first.empty), *others])  # type: ignore[attr-defined]
    return method


class CleanlistAccessor:
    """Price, check and enrich the people in a frame; see `cleanlist_pandas.enrich` and its siblings."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __repr__(self) -> str:
        return self._glance().as_text()

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        return self._glance().as_html()

    def _glance(self) -> Card:
        """Return what a person is shown."""
        return glance(self._frame, {name: method for name, method in vars(type(self)).items() if name[0] != "_"})

    estimate_cost = method_of(functions.estimate_cost)
    plan = method_of(functions.plan)
    enrich = method_of(functions.enrich)
    aenrich = method_of(functions.aenrich)
    pilot = method_of(functions.pilot)
    check = method_of(functions.check)
    diff = method_of(functions.diff)
    report = method_of(functions.report)
    submit = method_of(jobs.submit)
    collect = method_of(jobs.collect)


def register() -> None:
    """Register ``df.cleanlist``, once: a second registration would warn."""
    if not hasattr(pd.DataFrame, "cleanlist"):
        pd.api.extensions.register_dataframe_accessor("cleanlist")(CleanlistAccessor)
