"""The way in: which surface a request is for, and what is the same on all that keep an account."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote

from cleanlist_pandas.sandbox import legacy, uploads, v2, v2_says
from cleanlist_pandas.sandbox.account import Account
from cleanlist_pandas.sandbox.asking import Ask, Handler, Routes, route
from cleanlist_pandas.sandbox.desk import Decision, Desk, Incoming
from cleanlist_pandas.sandbox.faults import Fault, shape
from cleanlist_pandas.sandbox.forms import Refusal
from cleanlist_pandas.sandbox.rules import Answer, refuse
from cleanlist_pandas.sandbox.scripts import Script
from cleanlist_pandas.sandbox.world import normal_form

__all__ = ["Router"]


@dataclass(frozen=True, slots=True)
class Surface:
    """One surface: where it is, what it answers, and how it says no."""

    prefix: str
    routes: Routes
    no: Callable[[Account, int, int, str], Answer]
    too_early: Callable[[Account, int, int], Answer]


@dataclass(frozen=True, slots=True)
class Door:
    """What one request leads to."""

    surface: Surface
    name: str
    methods: dict[str, Handler]
    parts: tuple[str, ...]


def _too_early(account: Account, number: int, wait_s: int) -> Answer:
    """Build the 429 of v2."""
    problem = "Too many requests: 60 a minute for the organisation, 30 for each key."
    return v2_says.error(account, number, 429, "rate_limited", problem, retry_after_s=wait_s)


V2 = Surface("/api/v2", v2.ROUTES, v2_says.status_error, _too_early)
FILES = Surface("/v1", uploads.ROUTES, legacy.no, legacy.too_early)
LEGACY = Surface("/api/v1/public", legacy.ROUTES, legacy.no, legacy.too_early)
# The vendor mounts the handlers of v2 under the old prefix as well.
SURFACES = (FILES, V2, LEGACY, replace(V2, prefix=LEGACY.prefix))


class Router:
    """Decides every request: those for one csv_row at the `Desk`, all others here.

    A script's mapping goes by the address in the body, as it does for csv_row; a request without one goes by its route,
    ``"POST /api/v2/lead-lists/{id}/csv-import"``.

    Parameters
    ----------
    desk : Desk
        Decides csv_row.
    account : Account
        What the other surfaces share.
    script : Script
        Which request meets which fault.
    """

    def __init__(self, desk: Desk, account: Account, script: Script) -> None:
        self._desk = desk
        self._account = account
        self._script = script
        self._attempts: Counter[str] = Counter()

    def early_fault(self, number: int) -> Fault | None:
        """Return the fault that takes effect before the request is read."""
        return self._desk.early_fault(number)

    def decide(self, number: int, incoming: Incoming) -> Decision:
        """Answer one request, and book it."""
        path, _, query = incoming.path.partition("?")
        door = _door(path)
        if door is None and not path.startswith("/api/"):
            return self._desk.decide(number, incoming)
        self._account.settle_due()
        email = _email(incoming.body)
        subject = email or f"{incoming.method} {door.name if door else path}"
        self._attempts[normal_form(subject)] += 1
        fault = self._script.fault(number, subject, self._attempts[normal_form(subject)])
        ask = Ask(
            number=number,
            body=incoming.body,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            host=incoming.host,
            credits=fault.credits if fault else None,
            ends=fault.ends if fault else None,
            idempotency_key=incoming.idempotency_key if self._desk.honours_keys else None,
        )
        answer = self._refusal(number, incoming, door)
        has_effect = answer is None and (fault is None or fault.charges)
        if door is not None and has_effect:
            answer = self._do(door.methods[incoming.method], ask, door.parts)
        surface = door.surface if door else V2
        answer = answer or surface.no(self._account, number, 503, "A script kept this request from having any effect.")
        if fault is not None:
            wording = surface.no(self._account, number, fault.status, "Scripted fault") if fault.status else None
            answer = shape(_without_rows(fault), answer, wording.body if wording else None)
        self._account.books.note(
            number,
            method=incoming.method,
            path=incoming.path,
            raw=incoming.body,
            email=email,
            idempotency_key=incoming.idempotency_key,
            key_ok=incoming.key_ok,
            fault=fault,
        )
        return Decision(answer, fault, looked_up=has_effect)

    def _refusal(self, number: int, incoming: Incoming, door: Door | None) -> Answer | None:
        """Return the refusal that does not depend on the body, if there is one."""
        if door is None:
            return refuse(404, "Not Found")
        if incoming.method not in door.methods:
            return refuse(405, "Method Not Allowed", ("Allow", ", ".join(door.methods)))
        if not incoming.key_ok:
            return door.surface.no(self._account, number, 401, "Not authenticated")
        wait_s = self._desk.wait_s() if door.surface is FILES else self._account.wait_s(incoming.caller)
        return door.surface.too_early(self._account, number, wait_s) if wait_s else None

    def _do(self, handler: Handler, ask: Ask, parts: tuple[str, ...]) -> Answer:
        """Have a request answered."""
        try:
            return handler(self._account, ask, *parts)
        except Refusal as refusal:
            return refusal.answer


def _door(path: str) -> Door | None:
    """Find what a path leads to; where two surfaces share a prefix the first that has the path counts."""
    for surface in SURFACES:
        if path.startswith(f"{surface.prefix}/") and (found := route(surface.routes, path[len(surface.prefix) :])):
            template, methods, parts = found
            return Door(surface, surface.prefix + template, methods, tuple(unquote(part) for part in parts))
    return None


def _without_rows(fault: Fault) -> Fault:
    """Take out what only an answer of csv_row has: the presets know no other."""
    kept = {path: value for path, value in (fault.mutate or {}).items() if not path.startswith("csv_row.")}
    return replace(fault, echo=None, mutate=kept)


def _email(body: bytes) -> str | None:
    """Return the address that a body asks for."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    email = said.get("email") if isinstance(said, dict) else None
    return email if isinstance(email, str) else None
