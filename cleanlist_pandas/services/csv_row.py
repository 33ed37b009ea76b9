"""The csv_row surface: one JSON request per person, answered at once.

References
----------
www.cleanlist.ai/enrich/csv-files (read 2026-11-22). The page shows one request, ``{"email": …}``, one answer and the
prices; `ASSUMPTIONS` lists what it leaves open and what this client does about each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, Source, normal_word
from cleanlist_pandas.services.cells import as_object, is_foreign, read_credits, read_share, read_values
from cleanlist_pandas.services.reply import Reply, plain_text
from cleanlist_pandas.services.service import SURFACES, Lookup, Request

__all__ = ["ASSUMPTIONS", "CsvRow"]

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


class CsvRow:
    """The surface ``POST {base_url}/enrich/csv_row``."""

    surface = SURFACES["csv_row"]

    def price(self, fields: Sequence[str]) -> int:
        """Credits one look-up of these fields costs at most."""
        with_phone = any(FIELDS[name].needs_phone_price for name in fields)
        return CREDITS_WITH_PHONE if with_phone else CREDITS_WITHOUT_PHONE

    def begin(self, lookup: Lookup, list_id: str) -> Request:
        """Return the request that looks one person up; there are no lists here."""
        return Request(path=PATH, body=self.body(lookup), idempotency_key=self.idempotency_key(lookup))

    def body(self, lookup: Lookup) -> bytes:
        """Return the request's body."""
        return json.dumps({"email": lookup.address, "fields": list(lookup.fields), **lookup.hints}).encode()

    def idempotency_key(self, lookup: Lookup) -> str:
        """Return the same text for the same person and fields, in every run."""
        scope = "\n".join((self.surface.name, lookup.address, *sorted(lookup.fields)))
        return hashlib.blake2b(scope.encode(), digest_size=16, person=b"cleanlist-pandas").hexdigest()

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | None:
        """Return what a successful reply says about the person, or None if it is no answer. Never raises."""
        content = reply.json()
        if not isinstance(content, dict):
            return None
        row, meta = as_object(content.get("csv_row")), as_object(content.get("meta"))
        words = {normal_word(word) for word in (content.get("status"), row.get("status"), row.get("enriched_status"))}
        missed = "not_found" in words or normal_word(row.get("enriched_email_status")) == "not_found"
        charged = read_credits(meta.get("credits_used"))
        strange = words - {"", "completed"}
        done = bool(row) and (not strange or (not words & FAILURES and _says_something(row, lookup.fields)))
        if not (missed or done):
            return _unusual(words, charged, at_us)
        if is_foreign(row.get("input_email"), lookup.address):
            credits = charged if charged is not None else self.price(lookup.fields)
            return _failed("the answer is about another address and was not used", credits, at_us)
        if missed:
            return Answer(status=RowStatus.NOT_FOUND, credits=charged or 0, at_us=at_us, source=Source.API)
        values, notes = read_values(row, lookup.fields)
        notes += [f"status {plain_text(word)[:40]!r} is not a known value" for word in strange]
        if charged is None:
            notes.append("credits_used missing or unreadable, booked at the full price")
        return Answer(
            status=RowStatus.COMPLETED,
            credits=self.price(lookup.fields) if charged is None else charged,
            values=values,
            confidence=read_share(meta.get("confidence")),
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
