"""What a surface of the Cleanlist service is to the rest: its published facts, and what it can be asked to do.

References
----------
csv_row: www.cleanlist.ai/enrich/csv-files (read 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.services.reply import Reply

__all__ = ["HOST", "SURFACES", "Lookup", "Request", "Service", "Surface", "surface_for"]

HOST: Final = "https://api.cleanlist.ai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The published facts of one surface.

    Parameters
    ----------
    name : str
        What ``service=`` calls it, and the ledger.
    path : str
        Where it hangs below the host.
    fields : tuple of str
        What it can be asked for.
    key_prefix : str
        With what its keys begin; of a key with no known beginning nothing is concluded.
    rate_per_minute : float or None
        Requests a minute that one key may send; None where nothing is published.
    """

    name: str
    path: str
    fields: tuple[str, ...]
    key_prefix: str = ""
    rate_per_minute: float | None = None


SURFACES: Final[Mapping[str, Surface]] = {
    surface.name: surface for surface in (Surface(name="csv_row", path="/v1", fields=tuple(FIELDS)),)
}


def surface_for(key: str) -> Surface:
    """Return the surface that a key is for, by its beginning; csv_row for any that is not known."""
    known = (surface for surface in SURFACES.values() if surface.key_prefix and key.startswith(surface.key_prefix))
    return next(known, SURFACES["csv_row"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One person to ask about, and what to ask."""

    address: str = field(repr=False)
    fields: Sequence[str]
    hints: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent; host, key and all other headers are the network's."""

    method: Literal["POST", "GET", "DELETE"] = "POST"
    path: str
    body: bytes = field(default=b"", repr=False)
    idempotency_key: str = ""


class Service(Protocol):
    """How to speak to one surface. Pure: it says what to send and what an answer means."""

    surface: Surface

    def price(self, fields: Sequence[str]) -> int:
        """Credits one look-up of these fields costs at most."""

    def begin(self, lookup: Lookup) -> Request:
        """Return the request that looks one person up; the only one that may be charged."""

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | None:
        """Return what a successful reply says about the person, or None if it is no answer. Never raises."""
