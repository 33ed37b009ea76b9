"""What a surface of the Cleanlist service is to the rest: its published facts, and what it can be asked to do.

References
----------
csv_row: www.cleanlist.ai/enrich/csv-files (read 2026-11-22). v2: docs.cleanlist.ai/mcp-api and the OpenAPI file of the
vendor's Python client (read 2026-11-22); 30 requests a minute for a key, 60 for an organisation.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.services.reply import Reply

__all__ = [
    "HOST",
    "SURFACES",
    "BatchService",
    "Ended",
    "Filed",
    "Halt",
    "Job",
    "JobService",
    "ListService",
    "Lookup",
    "Pending",
    "Request",
    "Service",
    "Surface",
    "Talk",
    "batched_on",
    "by_address",
    "missing_on",
    "surface_at",
    "surface_for",
]

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
    company_fields : tuple of str
        What it can be asked for of a company, by its domain, in look-ups apart from those of people.
    requests_per_lookup, requests_per_run : int
        Requests that a look-up takes at least, and those around all of a run.
    people_per_batch : int
        How many people are asked about with one request; 1 where it is one by one.
    orders_once : bool
        Whether such a request that is sent twice is charged once.
    requests_per_batch : int
        Requests that people who are asked about together take at least.
    people_at_once : int
        Of fewer people than this the reply to such a request tells the end itself.
    ways : tuple of tuple of str
        How a person can be named, each way of hints that are needed together; none: an address is enough.
    """

    name: str
    path: str
    fields: tuple[str, ...]
    key_prefix: str = ""
    rate_per_minute: float | None = None
    company_fields: tuple[str, ...] = ()
    requests_per_lookup: int = 1
    requests_per_run: int = 0
    people_per_batch: int = 1
    orders_once: bool = False
    requests_per_batch: int = 0
    people_at_once: int = 0
    ways: tuple[tuple[str, ...], ...] = ()

    @property
    def offers(self) -> tuple[str, ...]:
        """What it can be asked for in all."""
        return (*self.fields, *self.company_fields)


_V2: Final = Surface(
    name="v2",
    path="/api/v2",
    fields=("email_status", "title", "seniority", "company", "phone", "linkedin"),
    key_prefix="clapi_",
    rate_per_minute=30.0,
    company_fields=("industry", "size"),
    requests_per_lookup=2,
    requests_per_run=3,
)
SURFACES: Final[Mapping[str, Surface]] = {
    surface.name: surface
    for surface in (
        Surface(name="csv_row", path="/v1", fields=tuple(FIELDS)),
        Surface(
            name="csv_upload",
            path="/v1",
            fields=tuple(FIELDS),
            people_per_batch=100_000,
            requests_per_batch=2,  # the file, and its end
            people_at_once=10_000,
        ),
        _V2,
        replace(_V2, name="v2_people", key_prefix=""),
        replace(
            _V2,
            name="v2_list",
            key_prefix="",
            fields=tuple(field for field in _V2.fields if field != "email_status"),
            orders_once=True,  # by its quote
            people_per_batch=580,  # 600 rows or 150 KB: an address has 254 bytes at most
            requests_per_batch=8,  # list, import, quote, order, its status, two pages, the list's end
        ),
        Surface(
            name="legacy_v1",
            path="/api/v1/public",
            fields=("email_status", "company", "industry", "size", "phone"),
            rate_per_minute=30.0,
            ways=(("linkedin_url",), ("first_name", "last_name", "company")),
            requests_per_run=1,
            people_per_batch=250,
            requests_per_batch=2,  # the order, and its status
        ),
    )
}


def missing_on(name: str, fields: Sequence[str]) -> tuple[str, ...]:
    """Return those of some fields that a surface does not offer."""
    return tuple(field for field in fields if field not in SURFACES[name].offers)


def by_address() -> str:
    """Return the surfaces to which an address is enough."""
    paths = dict.fromkeys(surface.path for surface in SURFACES.values() if not surface.ways)
    return " or ".join(surface_at(path).name for path in paths)


def surface_at(path: str) -> Surface:
    """Return the surface that stands for all below a path."""
    return next(surface for surface in SURFACES.values() if surface.path == path)


def batched_on(path: str) -> str:
    """Return the surface below a path that takes most people at once."""
    return max((s for s in SURFACES.values() if s.path == path), key=lambda s: s.people_per_batch).name


def surface_for(key: str) -> Surface:
    """Return the surface that a key is for, by its beginning; csv_row for any that is not known."""
    known = (surface for surface in SURFACES.values() if surface.key_prefix and key.startswith(surface.key_prefix))
    return next(known, SURFACES["csv_row"])


@dataclass(frozen=True, slots=True)
class Pending:
    """The service took a look-up and works on it; what became of it is asked with the token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A look-up that the service works on: its id in the ledger, the service's token, and since when."""

    lookup: int
    token: str = field(repr=False)
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One person to ask about, or a company by its domain, and what to ask; with a job, what was asked already."""

    address: str = field(repr=False)
    fields: Sequence[str]
    hints: Mapping[str, str] = field(default_factory=dict, repr=False)
    job: Job | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent; host, key and all other headers are the network's."""

    method: Literal["POST", "GET", "DELETE"] = "POST"
    path: str
    body: bytes = field(default=b"", repr=False)
    idempotency_key: str = ""
    patience_s: float = 0.0  # that it may take beyond the usual
    max_bytes: int = 1_000_000  # of its answer


class Service(Protocol):
    """How to speak to one surface. Pure: it says what to send and what an answer means."""

    surface: Surface

    def price(self, fields: Sequence[str]) -> int:
        """Credits one look-up of these fields costs at most."""

    def begin(self, lookup: Lookup, list_id: str) -> Request:
        """Return the request that looks one person up; the only one that may be charged."""

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | Pending | None:
        """Return what a successful reply says about the person, or None if it is no answer. Never raises."""


@runtime_checkable
class JobService(Service, Protocol):
    """A surface that answers later. All that is asked here is free."""

    def follow(self, token: str) -> Request:
        """Return the request that asks what became of a look-up; its reply is for `read`."""

    def ask_balance(self) -> Request | None:
        """Return the request that asks for the account's credits, where there is one."""

    def read_balance(self, reply: Reply) -> int | None:
        """Return the credits that the account has, or None if the reply does not say."""


@runtime_checkable
class ListService(JobService, Protocol):
    """A surface that keeps its people in lists. All that is asked here is free."""

    def make_list(self, name: str) -> Request:
        """Return the request that makes a list; sent twice it makes one."""

    def read_list(self, reply: Reply) -> str:
        """Return the list's id, or nothing if the reply has none."""

    def drop_list(self, list_id: str) -> Request:
        """Return the request that deletes a list; its people stay."""


T = TypeVar("T")
Talk: TypeAlias = Generator[Request, Reply, T]
"""What is free and takes several requests: yields each, is sent its successful reply, returns what it learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Why no more can be asked: ``credits``, ``tariff`` or ``service``, and in words."""

    kind: Literal["credits", "tariff", "service"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """People were put into a list of their own; nothing is ordered yet.

    Parameters
    ----------
    list_id : str
        The list.
    skipped : frozenset of int, or None
        Positions of those the service did not take; None where it does not say who they are.
    """

    list_id: str
    skipped: frozenset[int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A batch has ended: the credits it cost, None where they are not told; whether it went wrong, what was said."""

    credits: int | None
    failed: bool = False
    final: bool = True  # else more may be told later
    notes: tuple[str, ...] = ()
    reply: Reply


@runtime_checkable
class BatchService(JobService, Protocol):
    """A surface that is asked about many people at once. Only what `order` returns may be charged."""

    def kind_of(self, lookup: Lookup) -> str:
        """Return what people of one batch have in common; nothing for who is asked about alone."""

    def file(self, lookups: Sequence[Lookup], name: str) -> Talk[Filed | Halt]:
        """Put people into a list of their own."""

    def order(self, lookups: Sequence[Lookup], list_id: str) -> Talk[Request | Halt]:
        """Return the request that looks up everybody in the list; whether it may be sent twice, the surface says."""

    def read_order(self, reply: Reply | None, list_id: str, n_people: int) -> Sequence[str]:
        """Return everybody's token, none if the reply is no answer; without one, by what a lost order is found."""

    def read_refusal(self, reply: Reply, n_people: int) -> Mapping[int, str]:
        """Return whom a refusal of all is about, and why: the others may be ordered without them."""

    def batch_of(self, token: str) -> str:
        """Return what the tokens of one batch have in common; nothing for that of a look-up alone."""

    def read_status(self, reply: Reply, token: str) -> Ended | Pending | None:
        """Return how a batch is doing, or None if the reply is no answer."""

    def collect(self, lookups: Sequence[Lookup], token: str, ended: Ended) -> Talk[Sequence[bytes | None] | None]:
        """Return for each look-up, with its job, what `read` makes an answer of; None if a reply is no answer.

        The credits in them add up to what was charged. Of whom nothing is told there is None.
        """

    def is_whole(self, lookups: Sequence[Lookup], token: str) -> bool:
        """Whether these are all the people of a batch, so that its list is needed no more."""

    def list_of(self, token: str) -> str:
        """Return the list of a batch."""
