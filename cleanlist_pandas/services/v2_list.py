"""The v2 surface, people by list: filed, priced, ordered and looked up together; few requests for many people.

Each batch has a list of its own: ``csv-import`` files it for nothing, ``/credits/estimate`` prices it, and
``/enrichment/bulk`` orders it; only that may be charged. A quote is good for one use, so an order that was lost on the
way is sent again with the same quote and cannot be charged twice. A lead is joined by its e-mail address, then by its
LinkedIn profile, never by its position.

References
----------
docs.cleanlist.ai/mcp-api and the OpenAPI file of the vendor's Python client (read 2026-11-22).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, Source, normal_word
from cleanlist_pandas.services.cells import as_object, csv_of, read_credits, spread_credits
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import SURFACES, Ended, Filed, Halt, Lookup, Pending, Request, Talk
from cleanlist_pandas.services.v2 import (
    DONE,
    FAILED,
    HINTS,
    LEVELS,
    PRICES,
    SENIORITY_NOTE,
    V2,
    as_token,
    kind_of,
    net_credits,
    review_notes,
    values_of,
)

__all__ = ["ASSUMPTIONS", "V2List"]

ASSUMPTIONS: Final = (
    "csv-import keeps a row with nothing but an address. Rows it skips are asked about one by one; where it skips more "
    "than it names, so is everybody who has no profile, and no name with a company.",
    "A lead's `email` is the address that was filed, in any case; else its profile tells who it is. Who has no lead "
    "that tells was not found.",
    "`/enrichment/bulk` with a quote that was used is refused and costs nothing.",
    "A found address costs 1 and a found phone 10; where that does not add up to `credits_charged`, the rest is booked "
    "on people who have no lead, or taken off.",
    "All leads are there, with what was found, once the workflow has ended and says what it charged.",
    "Where the answer to an order was lost, a lead of its list that names a `provider` was found, and all others may "
    "be worked on still.",
)

PAGE_ROWS: Final = 500
LARGEST_FILE: Final = 150_000
MOST_PAGES: Final = 50
TRIES: Final = 5
TOKEN: Final = re.compile(r"list (\S+) (\S+) ([0-9]+)")
LOST: Final = "?"  # in the place of a workflow, whose own would be quoted
COLUMNS: Final = ("email", *HINTS.values())
T = TypeVar("T")
UNTOLD: Final = "charged with its list, and no answer tells it is theirs"


class V2List(V2):
    """The lists below ``{base_url}/lead-lists``; who cannot be asked about in one is asked about as on v2."""

    surface = SURFACES["v2_list"]

    def kind_of(self, lookup: Lookup) -> str:
        """Return the enrichment type; a phone alone tells nobody's address, so nobody could be told by it."""
        kind = kind_of(lookup.fields)
        return "" if kind == "phone_only" else kind

    def file(self, lookups: Sequence[Lookup], name: str) -> Talk[Filed | Halt]:
        """Put people into a list of their own; spends nothing."""
        list_id = yield from _until_told(self.make_list(name), lambda reply: self.read_list(reply) or None)
        if not list_id:
            return Halt(kind="service", reason="no list could be made: the answer names none")
        said = {
            "csv_content_base64": base64.b64encode(_file_of(lookups)).decode(),
            "column_mapping": {column: column for column in COLUMNS},
            "dispatch_enrichment": False,
            "idempotency_key": name,
        }
        path = f"/lead-lists/{quote(list_id, safe='')}/csv-import"
        content = yield from _until_told(Request(path=path, body=json.dumps(said).encode()), _read_import)
        if content is None or content.get("workflow_id"):
            return Halt(kind="service", reason="the answer to an import is none")
        n_skipped, rows = read_credits(content["rows_skipped"]), content.get("sample_skip_rows")
        named = {row - 2 for row in rows or () if isinstance(row, int) and 0 <= row - 2 < len(lookups)}
        return Filed(list_id=list_id, skipped=frozenset(named) if len(named) == n_skipped else None)

    def order(self, lookups: Sequence[Lookup], list_id: str) -> Talk[Request | Halt]:
        """Price the list and return the request that looks up everybody in it."""
        kind = kind_of(lookups[0].fields)
        said = {"tool": "enrich_list", "list_id": list_id, "scope": kind}
        content = yield from _until_told(Request(path="/credits/estimate", body=json.dumps(said).encode()), _read_quote)
        if content is None:
            return Halt(kind="service", reason="the answer to a quote is none")
        cost = read_credits(content["estimated_cost"]) or 0
        if cost > PRICES[kind] * len(lookups):
            return Halt(
                kind="tariff", reason=f"{len(lookups)} look-ups at {PRICES[kind]} were quoted at {cost} credits"
            )
        if content.get("sufficient") is False:
            return Halt(kind="credits", reason=f"the account does not hold the {cost} credits of the next list")
        order = {"list_id": list_id, "quote_id": content["quote_id"], "scope": kind}
        return Request(path="/enrichment/bulk", body=json.dumps(order).encode())

    def read_order(self, reply: Reply | None, list_id: str, n_people: int) -> Sequence[str]:
        """Return the token of what was ordered, the same for all: list, workflow and number of people."""
        workflow = quote(as_token(as_object(reply.json()).get("workflow_id")), safe="") if reply else LOST
        token = f"list {quote(list_id, safe='')} {workflow} {n_people}"
        return [token] * n_people if TOKEN.fullmatch(token) else []

    def read_refusal(self, reply: Reply, n_people: int) -> Mapping[int, str]:
        """Return nobody: an order is refused for its quote, not for somebody in the list."""
        return {}

    def batch_of(self, token: str) -> str:
        """Return the token itself where it is that of a batch."""
        return token if TOKEN.fullmatch(token) else ""

    def is_whole(self, lookups: Sequence[Lookup], token: str) -> bool:
        """Whether these are all the people of a batch."""
        return len(lookups) == int(_parts(token)[2])

    def list_of(self, token: str) -> str:
        """Return the list of a batch."""
        return _parts(token)[0]

    def follow(self, token: str) -> Request:
        """Return the request that asks how a batch, or one person's look-up, is doing."""
        if _is_lost(token):
            return _page(self.list_of(token))
        return super().follow(_parts(token)[1] if self.batch_of(token) else token)

    def read_status(self, reply: Reply, token: str) -> Ended | Pending | None:
        """Return how a batch is doing, or None if the reply is no answer."""
        content = as_object(reply.json())
        if _is_lost(token):
            return Ended(credits=None, final=False, reply=reply) if isinstance(content.get("leads"), list) else None
        workflow, word = as_token(content.get("workflow_id")), normal_word(content.get("status"))
        if not word or workflow != _parts(token)[1]:
            return None
        if word not in DONE | FAILED:
            return Pending(token)
        charged = net_credits(content, PRICES["full"], int(_parts(token)[2]))
        if charged is None and word in DONE:
            return Pending(token)  # not booked yet: what it will cost must not be missed
        return Ended(credits=charged, failed=word in FAILED, notes=tuple(review_notes(content)), reply=reply)

    def collect(self, lookups: Sequence[Lookup], token: str, ended: Ended) -> Talk[Sequence[bytes | None] | None]:
        """Page through the leads and tell whose each is; return one body for each look-up, for `read`."""
        leads: list[Mapping[str, Any]] = []
        cursor: Any = None
        seen: set[str] = set()
        while len(seen) < MOST_PAGES:
            content = as_object((yield _page(self.list_of(token), cursor)).json())
            page = content.get("leads")
            if not isinstance(page, list):
                return None
            leads += [_plain(as_object(lead)) for lead in page]
            cursor = content.get("cursor")
            if not isinstance(cursor, str) or not cursor:
                break
            if cursor in seen:
                return None
            seen.add(cursor)
        else:
            return None  # without an end nobody's absence tells anything
        if not ended.final:
            leads = [lead for lead in leads if lead.get("provider")]
        LEVELS.learn(title for lead in leads if isinstance(title := lead.get("title"), str))
        joined = _join(leads, lookups)
        worths = [*map(_worth, joined, lookups)]
        credits: Sequence[int | None] = worths
        if ended.credits is not None and self.is_whole(lookups, token):
            price = self.price(lookups[0].fields)
            credits = spread_credits(ended.credits, worths, [not lead for lead in joined], price)
        elif ended.credits is None and ended.failed:
            credits = [self.price(lookup.fields) for lookup in lookups]
        elif not ended.final or (ended.credits or 0) > sum(_worth(lead, lookups[0]) for lead in leads):
            credits = [cost if lead else None for lead, cost in zip(joined, worths, strict=True)]  # theirs, or whose?
        told = zip(joined, map(_is_found, joined, lookups), credits, strict=True)
        same = {"failed": ended.failed, "notes": ended.notes}
        return [
            None if cost is None else json.dumps({"lead": lead, "found": found, "credits": cost, **same}).encode()
            for lead, found, cost in told
        ]

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | Pending | None:
        """Return what is told of one person: of a batch by what `collect` made of it, else as on v2."""
        content = as_object(reply.json())
        if "lead" not in content:
            return super().read(reply, lookup, at_us)
        lead, credits = as_object(content["lead"]), read_credits(content.get("credits")) or 0
        if content.get("found"):
            values, notes = values_of(lead, lookup.fields)
            told = content.get("notes")
            notes += [note for note in told if isinstance(note, str)] if isinstance(told, list) else []
            reason = SENIORITY_NOTE if "seniority" in values else ""
            return Answer(
                status=RowStatus.COMPLETED, credits=credits, values=values, at_us=at_us, source=Source.API,
                reason=reason, notes=tuple(notes),
            )  # fmt: skip
        if credits or content.get("failed"):
            reason = UNTOLD if credits else "the service gave up on its list"
            return Answer(status=RowStatus.FAILED, credits=credits, at_us=at_us, reason=reason)
        return Answer(status=RowStatus.NOT_FOUND, at_us=at_us, source=Source.API)


def _until_told(request: Request, read: Callable[[Reply], T | None]) -> Talk[T | None]:
    """Ask for what is free until the answer can be read, a few times; asked twice it is done once."""
    for _ in range(TRIES):
        if (told := read((yield request))) is not None:
            return told
    return None


def _read_import(reply: Reply) -> Mapping[str, Any] | None:
    """Return the answer to an import, or None if it is none."""
    content = as_object(reply.json())
    return content if read_credits(content.get("rows_skipped")) is not None or content.get("workflow_id") else None


def _read_quote(reply: Reply) -> Mapping[str, Any] | None:
    """Return a quote, or None if it is none."""
    content = as_object(reply.json())
    quote_id = content.get("quote_id")
    told = read_credits(content.get("estimated_cost")) is not None and isinstance(quote_id, str) and quote_id
    return content if told else None


def _plain(lead: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what of a lead can be written and read again whatever it holds: a number beyond all floats cannot."""
    return {name: value for name, value in lead.items() if value is None or isinstance(value, str | int)}


def _page(list_id: str, cursor: str | None = None) -> Request:
    """Return the request for a page of a list's leads."""
    where = f"&cursor={quote(cursor, safe='')}" if cursor else ""
    return Request(method="GET", path=f"/lead-lists/{quote(list_id, safe='')}/leads?limit={PAGE_ROWS}{where}")


def _is_lost(token: str) -> bool:
    """Whether a token is that of an order nobody knows the workflow of."""
    told = TOKEN.fullmatch(token)
    return told is not None and told[2] == LOST


def _parts(token: str) -> tuple[str, str, str]:
    """Return list, workflow and number of people of a batch's token."""
    told = TOKEN.fullmatch(token)
    assert told is not None  # noqa: S101 - who asks looked with batch_of
    return unquote(told[1]), unquote(told[2]), told[3]


def _file_of(lookups: Sequence[Lookup]) -> bytes:
    """Return the people as a CSV file; without what is only known beside the address where it would be too large."""
    full = csv_of(COLUMNS, [(lookup.address, *(lookup.hints.get(name, "") for name in HINTS)) for lookup in lookups])
    if len(full) <= LARGEST_FILE:
        return full
    return csv_of(COLUMNS, [(lookup.address, *("" for _ in HINTS)) for lookup in lookups])


def _join(leads: Sequence[Mapping[str, Any]], lookups: Sequence[Lookup]) -> list[Mapping[str, Any] | None]:
    """Return each person's lead, or None: by address, then by profile; a lead that two could be is nobody's."""
    by_mail: dict[str, Mapping[str, Any]] = {}
    by_slug: dict[str, list[Mapping[str, Any]]] = {}
    for lead in leads:
        if isinstance(mail := lead.get("email"), str):
            by_mail.setdefault(mail.strip().lower(), lead)
        if slug := _slug(lead.get("linkedin_url")):
            by_slug.setdefault(slug, []).append(lead)
    joined: list[Mapping[str, Any] | None] = [by_mail.get(lookup.address.lower()) for lookup in lookups]
    taken = {id(lead) for lead in joined if lead is not None}
    for at, lookup in enumerate(lookups):
        told = by_slug.get(_slug(lookup.hints.get("linkedin_url")), []) if joined[at] is None else []
        if len(told) == 1 and id(told[0]) not in taken:
            joined[at] = told[0]
            taken.add(id(told[0]))
    return joined


def _slug(url: Any) -> str:
    """Return the name of a profile, or nothing."""
    told = re.search(r"linkedin\.com/in/([^/?#\s]+)", url, re.IGNORECASE) if isinstance(url, str) else None
    return told[1].lower() if told else ""


def _is_found(lead: Mapping[str, Any] | None, lookup: Lookup) -> bool:
    """Whether a lead holds more than what was filed: its address or its phone, which enrichment brings."""
    return lead is not None and bool(lead.get("email") or (lead.get("phone") and _wants_phone(lookup)))


def _worth(lead: Mapping[str, Any] | None, lookup: Lookup) -> int:
    """Return the credits that a lead costs by its price."""
    if not lead:
        return 0
    return PRICES["partial"] * bool(lead.get("email")) + PRICES["phone_only"] * bool(
        lead.get("phone") and _wants_phone(lookup)
    )


def _wants_phone(lookup: Lookup) -> bool:
    """Whether a phone was asked for."""
    return any(FIELDS[name].needs_phone_price for name in lookup.fields)
