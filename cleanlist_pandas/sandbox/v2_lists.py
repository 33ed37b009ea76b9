"""v2 lead lists: make, look at, delete, and page through their leads.

Assumptions: leads that wait for an enrichment are shown, with what was uploaded and without an address; a cursor is the
number of the next lead, and a wrong one is a 400; there are no folders, so every ``folder_id`` is unknown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cleanlist_pandas.sandbox.asking import Account, Ask
from cleanlist_pandas.sandbox.forms import form, read_form, text
from cleanlist_pandas.sandbox.records import Lead, LeadList
from cleanlist_pandas.sandbox.rules import Answer
from cleanlist_pandas.sandbox.seek import PROVIDER, Asked, Found, profile_url
from cleanlist_pandas.sandbox.v2_says import enveloped, fail

__all__ = [
    "CREATE",
    "create_list",
    "delete_list",
    "described",
    "get_list",
    "iso",
    "leads_page",
    "list_lists",
    "the_list",
]

CREATE = form(name=text(required=True, shortest=1, longest=200), description=text(), folder_id=text())


def the_list(account: Account, ask: Ask, list_id: str) -> LeadList:
    """Return a list, or refuse."""
    found = account.lists.get(list_id)
    if found is None:
        raise fail(account, ask, 404, "not_found", "There is no such list.")
    return found


def create_list(account: Account, ask: Ask) -> Answer:
    """``POST /lead-lists``: 201 for a new one, 200 for the one that has the name already, in any case."""
    body = read_form(ask.body, CREATE)
    if body["folder_id"] is not None:
        raise fail(account, ask, 404, "not_found", "There is no such folder.")
    reused = account.list_named(body["name"])
    kept = reused or account.add_list(body["name"], body["description"])
    return enveloped(account, _detail(account, kept, reused=reused is not None), 200 if reused else 201)


def list_lists(account: Account, ask: Ask) -> Answer:
    """``GET /lead-lists``."""
    lists, limit, start = list(account.lists.values()), ask.whole("limit", 50, 100), _start(account, ask)
    rows = [
        {
            "list_id": one.list_id,
            "name": one.name,
            "lead_count": len(one.leads),
            "folder_id": None,
            "created_at": iso(one.created_s),
            "owner_name": None,
            "visibility": "private",
        }
        for one in lists[start : start + limit]
    ]
    return enveloped(account, {"lists": rows, "total": len(lists), "cursor": _next(start + limit, len(lists))})


def get_list(account: Account, ask: Ask, list_id: str) -> Answer:
    """``GET /lead-lists/{id}``."""
    return enveloped(account, _detail(account, the_list(account, ask, list_id)))


def delete_list(account: Account, ask: Ask, list_id: str) -> Answer:
    """``DELETE /lead-lists/{id}``: the list goes, its leads stay in the workspace."""
    gone = the_list(account, ask, list_id)
    if gone.protected:
        raise fail(account, ask, 403, "list_protected", "This list cannot be deleted.")
    del account.lists[list_id]
    return enveloped(account, {"list_id": list_id, "deleted": True})


def leads_page(account: Account, ask: Ask, list_id: str) -> Answer:
    """``GET /lead-lists/{id}/leads``: a page of leads in the order of their coming."""
    ids, limit, start = list(the_list(account, ask, list_id).leads), ask.whole("limit", 100, 500), _start(account, ask)
    page = ids[start : start + limit]
    body = {
        "list_id": list_id,
        "leads": [lead_row(account.leads[lead_id]) for lead_id in page],
        "total": len(ids),
        "cursor": _next(start + limit, len(ids)),
    }
    return enveloped(account, body, task_id=f"cl-task_{account.token('cohort', ask.number)}")


def described(asked: Asked, found: Found | None) -> dict[str, Any]:
    """Describe a person by what was found, and where nothing was by what was sent.

    Parameters
    ----------
    asked : Asked
        What was sent.
    found : Found or None
        What was found; a look-up for the phone alone describes nobody.
    """
    person = found.person if found is not None and found.email else None
    name = (person.name if person else None) or asked.name
    first, _, last = (name or "").partition(" ")
    return {
        "first_name": first or None,
        "last_name": last or None,
        "full_name": name,
        "title": (person.title if person else None) or asked.title,
        "company": (person.company if person else None) or asked.company_name,
        "linkedin_url": (person.linkedin if person else None) or profile_url(asked.linkedin_url),
    }


def lead_row(lead: Lead) -> dict[str, Any]:
    """Write one lead: no e-mail status, seniority, industry, size or score, and nothing that tells its row."""
    return {
        "lead_id": lead.lead_id,
        **described(lead.asked, lead.found),
        "email": lead.email,
        "phone": lead.phone,
        "location": lead.asked.location,
        "provider": PROVIDER if lead.found is not None else None,
    }


def _detail(account: Account, one: LeadList, *, reused: bool = False) -> dict[str, Any]:
    """Describe a list."""
    leads = [account.leads[lead_id] for lead_id in one.leads]
    return {
        "list_id": one.list_id,
        "name": one.name,
        "description": one.description,
        "lead_count": len(leads),
        "enriched_count": sum(lead.found is not None for lead in leads),
        "folder_id": None,
        "created_at": iso(one.created_s),
        "reused": reused,
    }


def iso(time_s: float) -> str:
    """Write a time."""
    return datetime.fromtimestamp(time_s, UTC).isoformat()


def _start(account: Account, ask: Ask) -> int:
    """Read the cursor."""
    cursor = ask.query.get("cursor", "0")
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise fail(account, ask, 400, "invalid_cursor", "This cursor was not given here.")
    return int(cursor)


def _next(end: int, total: int) -> str | None:
    """Return the cursor of the next page, if there is one."""
    return str(end) if end < total else None
