"""The rules of the service: what a request may say, what a look-up costs, how fast one may ask. Pure.

The envelope of the answers, the credit prices and "not found costs nothing" are the vendor's
(https://www.cleanlist.ai/enrich/csv-files). Everything else of this surface is **an assumption of the sandbox**, as
the vendor publishes none of it:

* all status codes other than 200 and the bodies that go with them, and the order in which they are checked
  (404, 405, 401, 429, 400, 422, 402);
* the names in ``fields`` (the columns without ``enriched_``; the columns' own names work too), and that leaving
  ``fields`` out means everything but the phone;
* that a found person costs 11 credits when the phone was asked for, even where no phone was found;
* ``Retry-After`` in whole seconds, and the token bucket behind it;
* that ``input_name`` repeats the name that was sent, and else gives the name that was found.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cleanlist_pandas.sandbox.world import Person, normal_form

__all__ = [
    "COLUMNS",
    "DEFAULT_FIELDS",
    "FIELDS",
    "Answer",
    "Bucket",
    "LookUp",
    "envelope",
    "price",
    "read_fields",
    "read_look_up",
    "refuse",
]

FIELDS = ("email_status", "title", "seniority", "company", "industry", "size", "phone", "linkedin", "icp_score")
DEFAULT_FIELDS = tuple(name for name in FIELDS if name != "phone")
COLUMNS = {name: name if name == "icp_score" else f"enriched_{name}" for name in FIELDS}
_BY_ANY_NAME = {**{name: name for name in FIELDS}, **{column: name for name, column in COLUMNS.items()}}

PRICE = 1
PRICE_WITH_PHONE = 11
PROVIDERS = 15
LONGEST_EMAIL = 320


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it shall go out."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class LookUp:
    """One valid request: whom to look up and which fields to give."""

    email: str
    fields: frozenset[str]
    name: str | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", normal_form(self.email))


def refuse(status: int, detail: object, *headers: tuple[str, str]) -> Answer:
    """Build the answer that says no."""
    return Answer(status, json.dumps({"detail": detail}).encode(), headers)


def price(fields: frozenset[str]) -> int:
    """Return the credits a found person costs: 11 with the phone among the fields, else 1."""
    return PRICE_WITH_PHONE if "phone" in fields else PRICE


def read_look_up(raw: bytes) -> LookUp | Answer:
    """Read a request's body.

    Parameters
    ----------
    raw : bytes
        The body as it came.

    Returns
    -------
    LookUp or Answer
        The look-up, or the refusal: 400 for what is no JSON, 422 for JSON that asks for nothing sensible.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return refuse(400, "There was an error parsing the body")
    if not isinstance(body, dict):
        return _invalid(["body"], "Input should be an object")
    email = body.get("email")
    if "email" not in body:
        return _invalid(["body", "email"], "Field required", "missing")
    if not isinstance(email, str) or not _is_address(email):
        return _invalid(["body", "email"], "value is not a valid email address")
    fields = read_fields(body.get("fields"))
    return fields if isinstance(fields, Answer) else LookUp(email, fields, _read_name(body))


def _invalid(where: list[str | int], message: str, kind: str = "value_error") -> Answer:
    """Build the 422 that names the place."""
    return refuse(422, [{"type": kind, "loc": where, "msg": message}])


def _is_address(email: str) -> bool:
    """Say whether a text has the shape of an address; the length comes first, it is what costs time."""
    if len(email) > LONGEST_EMAIL or email.split() != [email]:
        return False
    local, _, domain = email.partition("@")
    return bool(local) and "@" not in domain and "." in domain and all(domain.split("."))


def read_fields(names: Any) -> frozenset[str] | Answer:
    """Read the field names, in either spelling."""
    if names is None:
        return frozenset(DEFAULT_FIELDS)
    if not isinstance(names, list) or not names:
        return _invalid(["body", "fields"], "Input should be a list of at least one field name")
    for position, name in enumerate(names):
        if not isinstance(name, str) or name not in _BY_ANY_NAME:
            return _invalid(["body", "fields", position], f"Unknown field; the fields are: {', '.join(FIELDS)}")
    return frozenset(_BY_ANY_NAME[name] for name in names)


def _read_name(body: dict[str, Any]) -> str | None:
    """Join the names that were sent, if any."""
    parts = [body.get("first_name"), body.get("last_name")]
    return " ".join(part for part in parts if isinstance(part, str) and part) or None


def envelope(look_up: LookUp, person: Person | None, *, answer_id: str, credits: int) -> bytes:
    """Write the answer to a look-up, exactly in the vendor's shape.

    Parameters
    ----------
    look_up : LookUp
        What was asked; the address is repeated as it was sent.
    person : Person or None
        Who was found.
    answer_id : str
        The answer's identity, ``ev_`` and more.
    credits : int
        Credits to state as used.

    Returns
    -------
    bytes
        JSON. Fields that were not asked for, or not found, are ``null``.
    """
    found = (
        {column: getattr(person, name) if name in look_up.fields else None for name, column in COLUMNS.items()}
        if person
        else dict.fromkeys(COLUMNS.values())
    )
    row = {"row_id": 1, "input_email": look_up.email, "input_name": look_up.name or (person.name if person else None)}
    meta = {
        "credits_used": credits,
        "providers_queried": PROVIDERS,
        "providers_matched": person.providers_matched if person else 0,
        "confidence": person.confidence if person else 0.0,
        "row_number": 1,
        "total_rows": 1,
    }
    status = "completed" if person else "not_found"
    return json.dumps({"id": answer_id, "status": status, "csv_row": {**row, **found}, "meta": meta}).encode()


class Bucket:
    """A token bucket: `rate_per_minute` on average, at most a second's worth (or one) at once.

    Parameters
    ----------
    rate_per_minute : float
        Requests a minute, above 0.
    clock : callable
        Gives monotonic seconds; handed in, so that a test can turn it.
    """

    __slots__ = ("_at", "_clock", "_per_second", "_tokens", "burst")

    def __init__(self, rate_per_minute: float, clock: Callable[[], float]) -> None:
        self._per_second = rate_per_minute / 60
        self.burst = max(1.0, self._per_second)
        self._clock = clock
        self._tokens = self.burst
        self._at = clock()

    def take(self) -> int:
        """Take one token; return 0, or the whole seconds (rounded up) until there is one."""
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        # A billionth of a token is rounding, not a reason to send somebody away.
        if self._tokens >= 1 - 1e-9:
            self._tokens -= 1
            return 0
        return max(1, math.ceil((1 - self._tokens) / self._per_second - 1e-9))
