"""Companies on v2: industry and size by the company's domain, answered at once.

A look-up here is about a company: its address is a domain, and it always asks for both fields, because one answer for
one price brings both.

References
----------
docs.cleanlist.ai/mcp-api and the OpenAPI file of the vendor's Python client (read 2026-11-22). `ASSUMPTIONS` lists what
they leave open and what this client does about each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, Source
from cleanlist_pandas.services.cells import as_object, is_foreign, read_credits, read_values
from cleanlist_pandas.services.reply import COMPANY_NOT_FOUND, Reply
from cleanlist_pandas.services.service import SURFACES, Lookup, Request, Surface

__all__ = ["ASSUMPTIONS", "V2Company"]

ASSUMPTIONS: Final = (
    "A company that nobody knows is a 404 whose code is `company_not_found`, or an answer whose `company` is empty, "
    "and is free. Any other 404 about a company is a refusal.",
    "A company's `domain` repeats the one that was asked for, perhaps with `www.` before it, as a web address, or in "
    "its own script. An answer about another is not joined.",
)

PRICE: Final = 1
HOST: Final = re.compile(r"(?:https?://)?(?:www\.)?([^\s@/:?#]+?)\.?(?:[/:?#]\S*)?", re.IGNORECASE)


class V2Company:
    """The surface ``POST {base_url}/enrichment/company``."""

    surface = Surface(name="v2_company", path=SURFACES["v2"].path, fields=SURFACES["v2"].company_fields)

    def price(self, fields: Sequence[str]) -> int:
        """Credits one look-up costs at most, whatever it is for."""
        return PRICE

    def begin(self, lookup: Lookup, list_id: str) -> Request:
        """Return the request that looks one company up. It refuses fields it does not know, and no key repeats it."""
        return Request(path="/enrichment/company", body=json.dumps({"domain": lookup.address}).encode())

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | None:
        """Return what a reply says about the company, or None if it is no answer. Never raises."""
        content = as_object(reply.json())
        charged = read_credits(content.get("credits_charged"))
        if reply.problem().code == COMPANY_NOT_FOUND:
            return Answer(status=RowStatus.NOT_FOUND, at_us=at_us, source=Source.API)
        if not isinstance(content.get("company", False), dict | None):
            return None
        company = as_object(content["company"])
        told = {"industry": company.get("industry"), "size": company.get("employee_count_range")}
        values, notes = read_values({FIELDS[name].column: value for name, value in told.items()}, lookup.fields)
        if not company or (charged == 0 and not values):
            return Answer(status=RowStatus.NOT_FOUND, credits=charged or 0, at_us=at_us, source=Source.API)
        booked = self.price(lookup.fields) if charged is None else charged
        if _is_foreign(company.get("domain"), lookup.address):
            reason = "the answer is about another domain and was not used"
            return Answer(status=RowStatus.FAILED, credits=booked, at_us=at_us, reason=reason)
        if charged is None:
            notes.append("credits_charged missing or unreadable, booked at the full price")
        return Answer(
            status=RowStatus.COMPLETED,
            credits=booked,
            values=values,
            at_us=at_us,
            source=Source.API,
            notes=tuple(notes),
        )


def _is_foreign(echo: Any, domain: str) -> bool:
    """Whether the answer names another domain than was asked about; none named is none foreign."""
    if not isinstance(echo, str) or not echo.strip():
        return False
    host = HOST.fullmatch(echo.strip())
    return host is None or is_foreign(f"at@{host[1].lower()}", f"at@{domain.removeprefix('www.')}")
