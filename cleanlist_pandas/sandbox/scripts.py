"""Scripts of faults: which request meets which fault. Pure, but for reading a script's file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from cleanlist_pandas.sandbox.faults import Fault
from cleanlist_pandas.sandbox.world import normal_form

__all__ = ["PRESETS", "Faults", "Script", "load_faults", "make_script", "named_faults"]

Plan: TypeAlias = "Fault | Sequence[Fault | None] | None"
Scripted: TypeAlias = (
    "Sequence[Fault | None] | Mapping[str, Plan] | Callable[[int, str | None, int], Fault | None] | None"
)
Faults: TypeAlias = "str | Scripted"
"""A preset's or a file's name, a list by request number, a mapping by address, or a function."""


class Script(Protocol):
    """Anything that names the fault of a request."""

    def early(self, number: int) -> Fault | None:
        """Return the fault that the number alone decides, before anything of the request is read."""

    def fault(self, number: int, email: str | None, attempt: int) -> Fault | None:
        """Return the fault of a request that was read."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """Faults by the request's number."""

    faults: tuple[Fault | None, ...]

    def early(self, number: int) -> Fault | None:
        """Return the fault of this number."""
        return self.faults[number] if number < len(self.faults) else None

    def fault(self, number: int, email: str | None, attempt: int) -> Fault | None:
        """Return the fault of this number."""
        return self.early(number)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Faults that a function decides."""

    decide: Callable[[int, str | None, int], Fault | None]

    def early(self, number: int) -> Fault | None:
        """Return nothing: the function wants to see the address."""
        return None

    def fault(self, number: int, email: str | None, attempt: int) -> Fault | None:
        """Ask the function."""
        return self.decide(number, email, attempt)


@dataclass(frozen=True, slots=True)
class _ByAddress:
    """Faults by address: one for every attempt, or a list with one for each."""

    plans: Mapping[str, Plan]

    def __call__(self, number: int, email: str | None, attempt: int) -> Fault | None:
        """Return the fault of this attempt at this address."""
        plan = self.plans.get(normal_form(email)) if email is not None else None
        if plan is None or isinstance(plan, Fault):
            return plan
        return plan[attempt - 1] if attempt <= len(plan) else None


@dataclass(frozen=True, slots=True)
class _Preset:
    """Faults by chance: each has a share of the requests. The same address and attempt always meet the same one."""

    shares: tuple[tuple[float, Fault], ...]
    seed: int

    def __call__(self, number: int, email: str | None, attempt: int) -> Fault | None:
        """Draw this attempt's fault."""
        who = normal_form(email) if email is not None else str(number)
        source = f"{self.seed}\0fault\0{attempt}\0{who}".encode("utf-8", "surrogatepass")
        left = int.from_bytes(blake2b(source, digest_size=4).digest(), "big") / 2**32
        for share, fault in self.shares:
            left -= share
            if left < 0:
                return fault
        return None


PRESETS: dict[str, tuple[tuple[float, Fault], ...]] = {
    "flaky": (
        (0.05, Fault(status=503, retry_after="1")),
        (0.02, Fault(status=500, body={"error": {"code": "internal", "retryable": True}})),
        (0.02, Fault(status=429, retry_after="1")),
        (0.01, Fault(reset="after_body")),
    ),
    "storm": ((0.5, Fault(status=429, retry_after="1")),),
    "slow": (
        (0.20, Fault(delay_s=0.5)),
        (0.05, Fault(delay_s=3.0)),
        (0.03, Fault(drip_bytes=64, drip_s=0.2)),
        (0.02, Fault(silent=True)),
    ),
    "broken": (
        (0.04, Fault(truncate_at=100)),
        (0.04, Fault(status=200, body="<html><body>Bad gateway</body></html>", content_type="text/html")),
        (0.03, Fault(reset="after_charge")),
        (0.03, Fault(status=502, charge=True)),
        (0.03, Fault(mutate={"csv_row.enriched_seniority": "Grand Vizier", "csv_row.icp_score": "high"})),
        (0.02, Fault(delete=("meta",))),
        (0.02, Fault(echo="somebody.else@other.example")),
        (0.01, Fault(gzip_bomb_bytes=50_000_000)),
        (0.01, Fault(status=500)),
    ),
}


def make_script(faults: Faults, seed: int = 0) -> Script:
    """Turn whatever describes faults into a script.

    Parameters
    ----------
    faults : list, mapping, callable, str or None
        A list is indexed by the request's number, from 0, ``None`` in it is no fault. A mapping goes by address: a
        fault for every attempt, or a list with one for each. A callable gets the number, the address (or ``None``) and
        the attempt, from 1. Where v2 and legacy requests hold no address, their route stands in its place:
        ``"POST /api/v2/enrichment/bulk"``, ``"GET /api/v2/enrichment/status/{id}"``. A
        string is a preset or the path of a JSON file.
    seed : int, default 0
        Decides the presets' draws.

    Returns
    -------
    Script

    Raises
    ------
    ValueError
        When it is none of these: see the message.
    """
    if isinstance(faults, str):
        return make_script(named_faults(faults, seed))
    if faults is None:
        return _Listed(())
    if isinstance(faults, Mapping):
        plans = {normal_form(email): _check_plan(plan, f"faults[{email!r}]") for email, plan in faults.items()}
        return _Asked(_ByAddress(plans))
    if isinstance(faults, Sequence):
        steps = cast("Sequence[Fault | None]", faults)
        _check_plan(steps, "faults")
        return _Listed(tuple(steps))
    if callable(faults):
        return _Asked(faults)
    raise ValueError(f"faults must be a list, a mapping, a callable or a name, got {type(faults).__name__}")


def _check_plan(plan: Plan, where: str) -> Plan:
    """Refuse a plan that holds anything but faults."""
    steps = plan if isinstance(plan, Sequence) else [plan]
    for step in steps:
        if step is not None and not isinstance(step, Fault):
            raise ValueError(f"{where} must hold Fault objects or None, got {step!r}")
    return plan


def named_faults(name: str, seed: int = 0) -> Scripted:
    """Return the faults behind a preset's name or a file's path.

    Parameters
    ----------
    name : str
        ``flaky``, ``storm``, ``slow``, ``broken``, or the path of a JSON file.
    seed : int, default 0
        Decides the presets' draws.

    Raises
    ------
    ValueError
        When it is neither.
    """
    if name in PRESETS:
        return _Preset(PRESETS[name], seed)
    if not Path(name).is_file():
        raise ValueError(f"no preset and no file is called {name!r}; the presets are {', '.join(PRESETS)}")
    return load_faults(name)


def load_faults(path: str | PathLike[str]) -> Scripted:
    """Read a script from a JSON file.

    Parameters
    ----------
    path : path
        Holds a list (by request number) or an object (by address). A fault is an object with `Fault`'s parameters,
        ``null`` is none; `raw` is text, sent as UTF-8.

    Returns
    -------
    list or dict
        To hand to ``Sandbox(faults=…)``.

    Raises
    ------
    ValueError
        When the file is no JSON, or an object in it is no fault.
    """
    try:
        said = json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if isinstance(said, list):
        return [_read_fault(step, f"{path}, entry {number}") for number, step in enumerate(said)]
    if not isinstance(said, dict):
        raise ValueError(f"{path} must hold a list or an object, got {type(said).__name__}")
    return {email: _read_plan(plan, f"{path}, {email}") for email, plan in said.items()}


def _read_plan(plan: Any, where: str) -> Plan:
    """Read one fault, or a list of them."""
    return [_read_fault(step, where) for step in plan] if isinstance(plan, list) else _read_fault(plan, where)


_NAMES = frozenset(at.name for at in fields(Fault))


def _read_fault(said: Any, where: str) -> Fault | None:
    """Read one fault."""
    if said is None:
        return None
    if not isinstance(said, dict) or not said.keys() <= _NAMES:
        unknown = ", ".join(sorted(said.keys() - _NAMES)) if isinstance(said, dict) else repr(said)
        raise ValueError(f"{where}: no fault has {unknown}; a fault has {', '.join(sorted(_NAMES))}")
    if isinstance(said.get("raw"), str):
        said = {**said, "raw": said["raw"].encode()}
    try:
        return Fault(**cast("dict[str, Any]", said))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error
