"""The books: every request that came, every credit that was charged. Written by one thread, readable from all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cleanlist_pandas.sandbox.faults import Fault

__all__ = ["Books", "Charge", "RequestRecord", "Reservation", "Totals"]

SURFACES = ("csv_row", "csv_upload", "v2", "legacy")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request as it was received, and what became of it. Holds no API key.

    Attributes
    ----------
    number : int
        Position among all requests, from 0; scripts of faults count the same way.
    method, path : str
        Empty where the connection ended before they were read.
    raw : bytes
        The body as it came; `body` and `fields` are read from it.
    email : str or None
        The address asked for, as sent.
    idempotency_key : str or None
        The ``Idempotency-Key`` header.
    arrived_s : float
        When its first byte came, in monotonic seconds.
    key_ok : bool
        Whether the right API key was shown.
    status : int or None
        The status that was answered; ``None`` while the request is served, and where no status left.
    fault : Fault or None
        The scripted fault that was applied.
    replayed : bool
        Whether this repeated an ``Idempotency-Key`` and got the stored answer.
    """

    number: int
    arrived_s: float
    method: str = ""
    path: str = ""
    raw: bytes = field(default=b"", repr=False)
    email: str | None = None
    idempotency_key: str | None = None
    key_ok: bool = False
    status: int | None = None
    fault: Fault | None = None
    replayed: bool = False

    @property
    def body(self) -> Any:
        """The parsed JSON body, or ``None``. Parsed anew at each use: keeping it would cost memory in long runs."""
        try:
            return json.loads(self.raw)
        except (ValueError, RecursionError):
            return None

    @property
    def fields(self) -> tuple[str, ...] | None:
        """The field names that were asked for, as sent, or ``None``."""
        body = self.body
        names = body.get("fields") if isinstance(body, dict) else None
        return tuple(names) if isinstance(names, list) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Credits taken for one look-up.

    Attributes
    ----------
    email : str
        The address asked for; where none was given, the profile, the name or the domain that was.
    credits : int
        What was taken.
    fields : tuple of str
        What it was taken for.
    request : int
        The number of the request that caused it.
    surface : str
        ``csv_row``, ``csv_upload``, ``v2`` or ``legacy``.
    workflow : str or None
        The workflow it was settled with, on the surfaces that have them.
    """

    email: str
    credits: int
    fields: tuple[str, ...]
    request: int
    surface: str = "csv_row"
    workflow: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Credits set aside for a workflow, and what became of them: ``None`` while it runs.

    Attributes
    ----------
    workflow, surface : str
        Whose they are.
    request : int
        The number of the request that started it.
    credits : int
        What was set aside.
    charged, refunded : int or None
        What was taken and what was given back when it ended.
    """

    workflow: str
    surface: str
    request: int
    credits: int
    charged: int | None = None
    refunded: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Credits of one surface: set aside in all, charged in all, given back in all, and still set aside."""

    reserved: int = 0
    charged: int = 0
    refunded: int = 0
    open: int = 0


class Books:
    """What the service wrote down.

    Parameters
    ----------
    credits : int or None
        Credits on the account at the start; ``None`` for an account that never runs dry.
    """

    def __init__(self, credits: int | None = None) -> None:
        self._credits = credits
        self.requests: list[RequestRecord] = []
        self.charges: list[Charge] = []
        self.charged = 0
        self.held = 0
        self._reservations: dict[str, Reservation] = {}
        self.connections = 0
        self.in_flight = 0
        self.max_in_flight = 0

    @property
    def credits_left(self) -> int | None:
        """Credits left, or ``None`` where they have no end; what is set aside is not left.

        A scripted overcharge can take it below 0.
        """
        return None if self._credits is None else self._credits - self.charged - self.held

    @property
    def reservations(self) -> list[Reservation]:
        """Every reservation so far, in the order of its making."""
        return list(self._reservations.values())

    def open(self, arrived_s: float) -> int:
        """Begin a request; return its number."""
        number = len(self.requests)
        self.requests.append(RequestRecord(number=number, arrived_s=arrived_s))
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        return number

    def note(self, number: int, **facts: Any) -> None:
        """Write down what became known of a request."""
        self.requests[number] = replace(self.requests[number], **facts)

    def close(self) -> None:
        """End a request."""
        self.in_flight -= 1

    def charge(self, charge: Charge) -> None:
        """Take credits."""
        self.charges.append(charge)
        self.charged += charge.credits

    def reserve(self, reservation: Reservation) -> None:
        """Set credits aside."""
        self._reservations[reservation.workflow] = reservation
        self.held += reservation.credits

    def settle(self, workflow: str, charges: Iterable[Charge]) -> Reservation:
        """End a reservation: book the charges, give back the rest."""
        before = self._reservations[workflow]
        self.held -= before.credits
        charged = 0
        for charge in charges:
            self.charge(charge)
            charged += charge.credits
        ended = replace(before, charged=charged, refunded=max(0, before.credits - charged))
        self._reservations[workflow] = ended
        return ended

    def totals(self, surface: str | None = None) -> Totals:
        """Add up one surface, or all."""
        kept = [held for held in self.reservations if surface in (None, held.surface)]
        return Totals(
            reserved=sum(held.credits for held in kept),
            charged=sum(charge.credits for charge in list(self.charges) if surface in (None, charge.surface)),
            refunded=sum(held.refunded or 0 for held in kept),
            open=sum(held.credits for held in kept if held.charged is None),
        )

    def by_surface(self) -> dict[str, object]:
        """Return the totals of each surface as plain JSON, for other processes."""
        return {surface: asdict(self.totals(surface)) for surface in SURFACES}

    def affords(self, credits: int) -> bool:
        """Say whether the account can pay a look-up's worst case."""
        left = self.credits_left
        return left is None or left >= credits

    def read_out(self) -> dict[str, object]:
        """Return the totals as plain JSON, for other processes."""
        return {
            "requests": len(self.requests),
            "charged": self.charged,
            "charges": [[charge.email, charge.credits] for charge in list(self.charges)],
            "credits_left": self.credits_left,
            "max_in_flight": self.max_in_flight,
            "connections": self.connections,
        }
