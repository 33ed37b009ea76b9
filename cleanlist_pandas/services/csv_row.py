"""The csv_row surface: one JSON request per person, answered at once.

References
----------
www.cleanlist.ai/enrich/csv-files (read 2026-11-22). The page shows one request, ``{"email": …}``, one answer and the
prices; `ASSUMPTIONS` lists what it leaves open and what this client does about each.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import EMAIL_STATUSES, FIELDS, SENIORITIES, RowStatus, Source, normal_word
from cleanlist_pandas.frame.addresses import normalise_one
from cleanlist_pandas.services.reply import Reply, plain_text

__all__ = ["ASSUMPTIONS", "CsvRow", "Lookup"]

ASSUMPTIONS: Final = (
    "The endpoint exists: the vendor's list of live surfaces does not name it. A 404 stops the run and says so.",
    "`fields` is a JSON list of names without the enriched_ prefix, beside `email`. It is always sent.",
    "`first_name`, `last_name`, `company` and `linkedin_url` are accepted beside `email`; the page names them as CSV "
    "columns only.",
    "Asking for a phone costs 11 credits in all even if none is found; without one a look-up costs 1.",
    "Catch-all, risky, unknown and cached answers are charged like any other.",
    "401, 402, 403, 404, 422, 429 with Retry-After, 5xx mean what they mean everywhere; the page shows no error.",
    "A miss says `not_found` as its status, in the row's status or as the e-mail status, and is free.",
    "`input_email` repeats the address that was sent. One that differs is not joined.",
    "No idempotency key is documented. One is sent and nothing relies on it.",
    "`owner` ranks above `c_level`.",
)

PATH: Final = "/enrich/csv_row"
FAILURES: Final = frozenset({"failed", "failure", "error", "invalid", "rejected", "skipped", "cancelled", "canceled"})
CREDITS_WITHOUT_PHONE: Final = 1
CREDITS_WITH_PHONE: Final = 11

_ENUMS: Final = {
    "email_status": {normal_word(member): member for member in EMAIL_STATUSES},
    "seniority": {normal_word(member): member for member in SENIORITIES},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One person to ask about, and what to ask."""

    address: str = field(repr=False)
    fields: Sequence[str]
    hints: Mapping[str, str] = field(default_factory=dict, repr=False)


class CsvRow:
    """The surface ``POST {base_url}/enrich/csv_row``."""

    name = "csv_row"
    path = PATH

    def price(self, fields: Sequence[str]) -> int:
        """Credits one look-up of these fields costs at most."""
        with_phone = any(FIELDS[name].needs_phone_price for name in fields)
        return CREDITS_WITH_PHONE if with_phone else CREDITS_WITHOUT_PHONE

    def body(self, lookup: Lookup) -> bytes:
        """Return the request's body."""
        return json.dumps({"email": lookup.address, "fields": list(lookup.fields), **lookup.hints}).encode()

    def idempotency_key(self, lookup: Lookup) -> str:
        """Return the same text for the same person and fields, in every run."""
        scope = "\n".join((self.name, lookup.address, *sorted(lookup.fields)))
        return hashlib.blake2b(scope.encode(), digest_size=16, person=b"cleanlist-pandas").hexdigest()

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | None:
        """Return what a successful reply says about the person, or None if it is no answer. Never raises."""
        content = reply.json()
        if not isinstance(content, dict):
            return None
        row, meta = _mapping(content.get("csv_row")), _mapping(content.get("meta"))
        words = {normal_word(word) for word in (content.get("status"), row.get("status"), row.get("enriched_status"))}
        missed = "not_found" in words or normal_word(row.get("enriched_email_status")) == "not_found"
        charged = _credits(meta.get("credits_used"))
        strange = words - {"", "completed"}
        done = bool(row) and (not strange or (not words & FAILURES and _says_something(row, lookup.fields)))
        if not (missed or done):
            return _unusual(words, charged, at_us)
        if _is_foreign(row.get("input_email"), lookup.address):
            credits = charged if charged is not None else self.price(lookup.fields)
            return _failed("the answer is about another address and was not used", credits, at_us)
        if missed:
            return Answer(status=RowStatus.NOT_FOUND, credits=charged or 0, at_us=at_us, source=Source.API)
        values, notes = _values(row, lookup.fields)
        notes += [f"status {plain_text(word)[:40]!r} is not a known value" for word in strange]
        if charged is None:
            notes.append("credits_used missing or unreadable, booked at the full price")
        return Answer(
            status=RowStatus.COMPLETED,
            credits=self.price(lookup.fields) if charged is None else charged,
            values=values,
            confidence=_share(meta.get("confidence")),
            at_us=at_us,
            source=Source.API,
            notes=tuple(notes),
        )


def _unusual(words: set[str], charged: int | None, at_us: int) -> Answer | None:
    """Failed if the service says so and what it charged; "processing" and nothing else, say, leaves it in doubt."""
    if charged is None or not words & FAILURES:
        return None
    return _failed(f"the service answered {', '.join(sorted(words & FAILURES))}", charged, at_us)


def _says_something(row: Mapping[str, Any], fields: Sequence[str]) -> bool:
    """Whether the row holds any value that was asked for."""
    return any(row.get(FIELDS[name].column) not in (None, "") for name in fields)


def _failed(reason: str, credits: int, at_us: int) -> Answer:
    """Return an answer that cannot be used but may have cost something."""
    return Answer(status=RowStatus.FAILED, credits=credits, at_us=at_us, reason=reason)


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _credits(value: Any) -> int | None:
    """Return whole credits from 0 up, rounded up; None for anything else."""
    number = _number(value)
    return math.ceil(number) if number is not None and 0 <= number < 1e9 else None


def _share(value: Any) -> float | None:
    """Return a number from 0 to 1, or None."""
    number = _number(value)
    return float(number) if number is not None and 0 <= number <= 1 else None


def _number(value: Any) -> int | float | None:
    """Return a finite JSON number, or None; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _is_foreign(echo: Any, address: str) -> bool:
    """Whether the answer names another address than was asked about; none named is none foreign."""
    if not isinstance(echo, str) or not echo.strip():
        return False
    same = echo.isascii() and echo.strip().lower() == address  # the common case, a thousand times cheaper
    return not same and normalise_one(echo) != address


def _values(row: Mapping[str, Any], fields: Sequence[str]) -> tuple[dict[str, str | int], list[str]]:
    """Return the usable values of the fields asked for, and what was odd; one bad field costs no other."""
    values: dict[str, str | int] = {}
    notes: list[str] = []
    for name in fields:
        raw = row.get(FIELDS[name].column)
        if raw is None or raw == "":
            continue
        value = _value(name, raw)
        if value is None:
            tellable = isinstance(raw, str) and name in _ENUMS and "@" not in raw
            shown = repr(raw[:40]) if tellable else f"a {type(raw).__name__}"
            notes.append(f"{name}: {shown} is not a known value")
        else:
            values[name] = value
    return values, notes


def _value(name: str, raw: Any) -> str | int | None:
    """Return one field's value in its own type, or None if it is not of it."""
    if FIELDS[name].integer:
        number = _number(raw)
        return int(number) if number is not None and number == int(number) and 0 <= number <= 100 else None
    if not isinstance(raw, str):
        return None
    if name in _ENUMS:
        return _ENUMS[name].get(normal_word(raw))
    text = raw.encode("utf-8", "replace").decode().strip()  # a lone surrogate cannot be written to any file
    return text or None
