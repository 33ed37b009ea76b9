"""A request as the v2 and legacy surfaces see it, and the plain parts of their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cleanlist_pandas.sandbox.account import Account
from cleanlist_pandas.sandbox.forms import misfit
from cleanlist_pandas.sandbox.rules import Answer

__all__ = ["Account", "Ask", "Handler", "Routes", "route", "said"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request that may be answered: the key was right and the limits were kept.

    Attributes
    ----------
    number : int
        Its position among all requests.
    body : bytes
        As it came.
    query : dict
        The last value of each name in the query.
    host : str
        The ``Host`` it was sent to; addresses in answers point there.
    credits : int or None
        What a script charges instead of the price.
    ends : str or None
        How a script ends the workflow that this request starts.
    idempotency_key : str or None
        The header, where the sandbox honours it.
    """

    number: int
    body: bytes = b""
    query: dict[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    credits: int | None = None
    ends: str | None = None
    idempotency_key: str | None = None

    def whole(self, name: str, default: int, largest: int) -> int:
        """Read a whole number of the query, from 1."""
        value = self.query.get(name)
        if value is None:
            return default
        if not value.isascii() or not value.isdigit():
            raise misfit(["query", name], "Input should be a valid integer", "int_parsing")
        if not 1 <= int(value[:9]) <= largest:
            raise misfit(["query", name], f"Input should be from 1 to {largest}", "less_than_equal")
        return int(value)


Handler: TypeAlias = "Callable[..., Answer]"
"""Takes the account, the request, and the parts of the path that stand in braces."""

Routes: TypeAlias = "dict[str, dict[str, Handler]]"
"""Path without its prefix → method → what answers it."""


def said(status: int, body: dict[str, Any], *headers: tuple[str, str]) -> Answer:
    """Build a JSON answer."""
    return Answer(status, json.dumps(body).encode(), headers)


def route(routes: Routes, path: str) -> tuple[str, dict[str, Handler], list[str]] | None:
    """Find what a path leads to.

    Returns
    -------
    tuple or None
        The template, its methods, and the parts that stand in its braces.
    """
    parts = path.split("/")
    for template, methods in routes.items():
        wanted = template.split("/")
        if len(wanted) != len(parts):
            continue
        pairs = list(zip(wanted, parts, strict=True))
        if all(part if name[:1] == "{" else name == part for name, part in pairs):
            return template, methods, [part for name, part in pairs if name[:1] == "{"]
    return None
