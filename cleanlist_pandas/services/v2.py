"""The v2 surface, people one by one: a look-up is taken at once, worked on, and asked about until it is done.

A run makes a list of its own, asks for each person with ``POST /enrichment/person`` and for what became of each with
``GET /enrichment/status/{workflow_id}``. The workflow's id ties an answer to its request.

References
----------
docs.cleanlist.ai/mcp-api and the OpenAPI file of the vendor's Python client (read 2026-11-22). `ASSUMPTIONS` lists what
they leave open and what this client does about each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, Source, normal_word
from cleanlist_pandas.services.cells import as_object, is_foreign, read_credits, read_number, read_values
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.seniority import Levels
from cleanlist_pandas.services.service import SURFACES, Lookup, Pending, Request

__all__ = ["ASSUMPTIONS", "DONE", "FAILED", "LEVELS", "PRICES", "V2", "as_token", "kind_of"]

ASSUMPTIONS: Final = (
    "A workflow has ended when its status is completed, completed_with_errors, succeeded, success, failed, failure, "
    "error, cancelled, canceled or terminated, in any case. With any other word it is still worked on, and so it is "
    "where it is called done and neither a result nor a charge is told.",
    "`credits_charged` is what was taken in the end where it and `credits_refunded` add up to the price at most; where "
    "they are more, what was refunded was in it and is taken off.",
    "Nothing was found where `lead_id` is empty, or missing with no value beside it, where a workflow failed and "
    "nothing was charged, or where nothing was charged and nothing came of what was asked for. One that was cancelled "
    "or terminated is no miss.",
    "A failed workflow that does not say what it charged is booked at the full price.",
    "`email` may be another address of the same person: the answer counts, with a note.",
    "An `email_status` of `reliable` is `valid`.",
    "A list may be deleted once nothing is worked on for it; its people stay in the account.",
)

DONE: Final = frozenset({"completed", "completed_with_errors", "succeeded", "success"})
FAILED: Final = frozenset({"failed", "failure", "error", "cancelled", "canceled", "terminated"})
CUT_OFF: Final = frozenset({"cancelled", "canceled", "terminated"})  # nobody looked to the end: no miss
PRICES: Final = {"partial": 1, "phone_only": 10, "full": 11}
HINTS: Final = {name: name for name in ("first_name", "last_name", "linkedin_url")} | {"company": "company_name"}
LONGEST_TOKEN: Final = 200
SENIORITY_NOTE: Final = "seniority is derived from the title"

LEVELS: Final = Levels()


class V2:
    """The surface below ``{base_url}/enrichment``, with the lists and the balance it needs."""

    surface = SURFACES["v2"]

    def price(self, fields: Sequence[str]) -> int:
        """Credits one look-up of these fields costs at most."""
        return PRICES[kind_of(fields)]

    def begin(self, lookup: Lookup, list_id: str) -> Request:
        """Return the request that looks one person up. It refuses fields it does not know, and no key repeats it."""
        hints = {HINTS[name]: text for name, text in lookup.hints.items() if name in HINTS}
        said = {"lead_list_id": list_id, "email": lookup.address, "enrichment_type": kind_of(lookup.fields), **hints}
        return Request(path="/enrichment/person", body=json.dumps(said).encode())

    def follow(self, token: str) -> Request:
        """Return the request that asks what became of a look-up; its address is made here, not taken from an answer."""
        return Request(method="GET", path=f"/enrichment/status/{quote(token, safe='')}")

    def ask_balance(self) -> Request:
        """Return the request that asks for the account's credits."""
        return Request(method="GET", path="/credits/balance")

    def read_balance(self, reply: Reply) -> int | None:
        """Return the whole credits that the account has, or None if the reply does not say."""
        credits = read_number(as_object(reply.json()).get("credits"))
        return None if credits is None else int(credits)

    def make_list(self, name: str) -> Request:
        """Return the request that makes a list; the same name again is the same list."""
        return Request(path="/lead-lists", body=json.dumps({"name": name}).encode())

    def read_list(self, reply: Reply) -> str:
        """Return the list's id, or nothing if the reply has none."""
        return as_token(as_object(reply.json()).get("list_id"))

    def drop_list(self, list_id: str) -> Request:
        """Return the request that deletes a list; its people stay."""
        return Request(method="DELETE", path=f"/lead-lists/{quote(list_id, safe='')}")

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | Pending | None:
        """Return what a successful reply says about the person, or None if it is no answer. Never raises."""
        content = as_object(reply.json())
        token, word = as_token(content.get("workflow_id")), normal_word(content.get("status"))
        if not (token and word) or (lookup.job is not None and token != lookup.job.token):
            return None
        if word not in DONE | FAILED or _tells_nothing(content, word):
            return Pending(token)
        answer = self._ended(content, lookup)
        notes = (*answer.notes, *review_notes(content))
        return replace(answer, at_us=at_us, notes=notes)

    def _ended(self, content: Mapping[str, Any], lookup: Lookup) -> Answer:
        """Read the end of a workflow."""
        result, price, word = (
            as_object(content.get("result")),
            self.price(lookup.fields),
            normal_word(content["status"]),
        )
        charged = net_credits(content, price)
        booked = price if charged is None else charged
        if (word in FAILED and (booked or word in CUT_OFF)) or (charged and not result):
            unsaid = " and did not say what it charged, booked at the full price" if charged is None else ""
            return Answer(status=RowStatus.FAILED, credits=booked, reason=f"the service answered {word}{unsaid}")
        lead = result.get("lead_id")
        values, notes = ({}, []) if lead == "" else values_of(result, lookup.fields)
        failed = not FAILED.isdisjoint({word, normal_word(result.get("status"))})
        if not (values or as_token(lead)) or (charged == 0 and (failed or not values)):
            return Answer(status=RowStatus.NOT_FOUND, credits=charged or 0, source=Source.API)
        if charged is None:
            notes.append("credits_charged missing or unreadable, booked at the full price")
        if is_foreign(result.get("email"), lookup.address):
            notes.append("the answer names another address of the person")
        return Answer(
            status=RowStatus.COMPLETED,
            credits=booked,
            values=values,
            source=Source.API,
            reason=SENIORITY_NOTE if "seniority" in values else "",
            notes=tuple(notes),
        )


def _tells_nothing(content: Mapping[str, Any], word: str) -> bool:
    """Whether an end tells neither what was found nor what it cost: then it is no end yet."""
    if word in FAILED:
        return "result" not in content and "credits_charged" not in content
    return not as_object(content.get("result")) and read_credits(content.get("credits_charged")) is None


def kind_of(fields: Sequence[str]) -> str:
    """Return the enrichment type that brings some fields, and no more than they need."""
    phone = [FIELDS[name].needs_phone_price for name in fields]
    return "phone_only" if phone and all(phone) else "full" if any(phone) else "partial"


def as_token(value: Any) -> str:
    """Return an id that can stand in an address, or nothing; a dot or two would be another address."""
    usable = isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()
    return value if usable and value not in (".", "..") else ""


def net_credits(content: Mapping[str, Any], price: int, n_people: int = 1) -> int | None:
    """Return the credits that were taken in the end for some people at a price each, or None if they are not told."""
    charged, refunded = read_credits(content.get("credits_charged")), read_credits(content.get("credits_refunded")) or 0
    if charged is None or charged + refunded <= n_people * PRICES.get(
        normal_word(content.get("enrichment_type")), price
    ):
        return charged
    return max(0, charged - refunded)


def review_notes(content: Mapping[str, Any]) -> list[str]:
    """Return what a person should know of a refund."""
    pending = normal_word(content.get("refund_status")) == "pending_review"
    return ["a refund is pending review by the vendor, its credits are booked as charged"] if pending else []


def values_of(result: Mapping[str, Any], fields: Sequence[str]) -> tuple[dict[str, str | int], list[str]]:
    """Return the usable values of the fields asked for, and what was odd."""
    status = "valid" if normal_word(result.get("email_status")) == "reliable" else result.get("email_status")
    title = result.get("title")
    told = {
        "email_status": status,
        "title": title,
        "seniority": LEVELS(title) if isinstance(title, str) else None,
        "company": result.get("company"),
        "phone": result.get("phone"),
        "linkedin": result.get("linkedin_url"),
    }
    return read_values({FIELDS[name].column: value for name, value in told.items()}, fields)
