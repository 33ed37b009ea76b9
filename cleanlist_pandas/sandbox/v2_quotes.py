"""v2 quotes: what an operation will cost at most, signed, for one use within five minutes.

Assumptions: every tool that the sandbox does not offer is unknown to it; a quote that is used up is a 409, one that is
too old or for something else a 400; and a list that shrank since does not match either.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

from cleanlist_pandas.sandbox.asking import Account, Ask, said
from cleanlist_pandas.sandbox.forms import flag, form, listed, mapping, read_form, text, whole
from cleanlist_pandas.sandbox.records import Quote
from cleanlist_pandas.sandbox.rules import Answer
from cleanlist_pandas.sandbox.seek import PRICES
from cleanlist_pandas.sandbox.v2_says import fail

__all__ = ["ESTIMATE", "LIFETIME_S", "estimate", "filter_hash", "verify"]

LIFETIME_S = 300

ESTIMATE = form(
    tool=text(required=True),
    list_id=text(),
    filters=mapping(),
    row_count=whole(),
    scope=text(),
    agent_type=text(),
    include_phone=flag(False),
    provider=text(),
    sub_action=text(),
    enrichment_type=text(),
    task_id=text(),
    data_points=listed(),
    entity_ids=listed(),
    extra=mapping(),
)
# Tool → the one field that sets its price, and that its signature binds.
_PRICED_BY = {"enrich_list": "scope", "enrich_person": "enrichment_type", "bulk_import_csv": "enrichment_type"}


def filter_hash(filters: dict[str, Any] | None) -> str:
    """Return the digest that binds a quote to a list or to filters."""
    return sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()[:16] if filters else "none"


def estimate(account: Account, ask: Ask) -> Answer:
    """``POST /credits/estimate``: free, and nothing is set aside."""
    body = read_form(ask.body, ESTIMATE)
    quote = _quote(account, ask, body)
    account.quotes[quote.quote_id] = quote
    return said(
        200,
        {
            "quote_id": quote.quote_id,
            "expires_at": quote.expires_s,
            "estimated_cost": quote.cost,
            "tool": quote.tool,
            "row_count": quote.row_count,
            "filter_hash": quote.filter_hash,
            "available_credits": account.credits,
            "sufficient": account.credits >= quote.cost,
        },
    )


def verify(
    account: Account, ask: Ask, quote_id: str, *, tool: str, filters: dict[str, Any] | None, kind: str, row_count: int
) -> Quote:
    """Return the quote of an operation; the caller marks it used once the credits are set aside.

    Raises
    ------
    Refusal
        Unknown, for something else, used, too old, or lower than what the operation costs now.
    """
    quote = account.quotes.get(quote_id)
    if quote is None:
        raise fail(account, ask, 400, "invalid_quote", "This quote was not signed here.")
    if (quote.tool, quote.filter_hash, quote.enrichment_type) != (tool, filter_hash(filters), kind):
        raise fail(
            account, ask, 400, "quote_mismatch", "This quote is for another operation.", fix="Ask for a new one."
        )
    if quote.used:
        raise fail(account, ask, 409, "quote_used", "This quote was used already.", fix="Ask for a new one.")
    if account.clock() >= quote.expires_s:
        raise fail(account, ask, 400, "quote_expired", "This quote is too old.", fix="Ask for a new one.")
    if row_count * PRICES[kind] > quote.cost:
        raise fail(account, ask, 400, "spend_cap_exceeded", "This costs more by now than the quote says.")
    if row_count != quote.row_count:
        raise fail(account, ask, 400, "quote_mismatch", "This quote is for another number of rows.")
    return quote


def _quote(account: Account, ask: Ask, body: dict[str, Any]) -> Quote:
    """Price and sign an operation."""
    tool, priced_by = body["tool"], _PRICED_BY.get(body["tool"])
    if priced_by is None:
        raise fail(account, ask, 400, "unknown_tool", f"The sandbox prices {', '.join(_PRICED_BY)}, not this tool.")
    if unknown := sorted((body["extra"] or {}).keys() - {priced_by}):
        raise fail(account, ask, 400, "validation_error", f"{tool} has no {unknown[0]!r} in extra.")
    kind = _kind(account, ask, body, priced_by)
    filters, rows = body["filters"], body["row_count"] or (1 if tool == "enrich_person" else 0)
    if body["list_id"] is not None:
        # The list counts, whatever the caller says; for an import it is the list before it.
        if body["list_id"] not in account.lists:
            raise fail(account, ask, 404, "not_found", "There is no such list.")
        filters, rows = {"list_id": body["list_id"]}, len(account.lists[body["list_id"]].leads)
    issued_s, cost = int(account.clock()), rows * PRICES[kind]
    signed = json.dumps([tool, filters, kind, rows, account.organization_id, issued_s, len(account.quotes)])
    signature = hmac.new(f"{account.seed}\0quotes".encode(), signed.encode(), sha256).hexdigest()
    return Quote(f"qte_v1_{issued_s}_{signature}", tool, filter_hash(filters), kind, rows, cost, issued_s + LIFETIME_S)


def _kind(account: Account, ask: Ask, body: dict[str, Any], priced_by: str) -> str:
    """Read the enrichment that sets the price, in the spelling of its tool."""
    value = (body["extra"] or {}).get(priced_by, body[priced_by])
    if value is None:
        return "phone_only" if body["include_phone"] else "partial"
    allowed = {
        "partial": "partial",
        "full": "full",
        "phone-only" if priced_by == "scope" else "phone_only": "phone_only",
    }
    if value not in allowed:
        raise fail(account, ask, 400, "validation_error", f"{priced_by} is one of {', '.join(allowed)}.")
    return allowed[value]
