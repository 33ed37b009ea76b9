"""The v2 surface (``/api/v2``): who may ask, what is where. Shapes are those of the vendor's own schema.

Built are identity, credits, quotes, lead lists, csv-import and enrichment; smart agents, export, cohorts and key
management are not, and answer 404. A body that does not fit is a 422 with ``detail``, as the schema says; the vendor's
page about errors has a 400 ``validation_error`` instead, so a client has to take either.
"""

from __future__ import annotations

from cleanlist_pandas.sandbox.asking import Account, Ask, Routes
from cleanlist_pandas.sandbox.rules import Answer
from cleanlist_pandas.sandbox.v2_enrich import enrich_company, enrich_list, enrich_person, workflow_status
from cleanlist_pandas.sandbox.v2_import import csv_import
from cleanlist_pandas.sandbox.v2_lists import create_list, delete_list, get_list, leads_page, list_lists
from cleanlist_pandas.sandbox.v2_quotes import estimate
from cleanlist_pandas.sandbox.v2_says import enveloped

__all__ = ["ROUTES"]

SCOPES = ("credits:read", "enrich:read", "enrich:write", "lists:read", "lists:write")
FEATURES = ("data_source_csv_upload", "enrich_email", "enrich_phone")


def whoami(account: Account, ask: Ask) -> Answer:
    """``GET /whoami``."""
    return enveloped(
        account,
        {
            "user_email": "s***@sandbox.example",
            "user_id": f"user_{account.token('user', 0)}",
            "user_name": None,
            "organization_id": account.organization_id,
            "organization_name": "Sandbox",
            "auth_type": "api_key",
            "scopes": list(SCOPES),
            "tier": "pro",
            "appsumo_tier": None,
            "features": list(FEATURES),
        },
    )


def balance(account: Account, ask: Ask) -> Answer:
    """``GET /credits/balance``: whole credits, never below 0."""
    return enveloped(account, {"organization_id": account.organization_id, "credits": account.credits})


ROUTES: Routes = {
    "/whoami": {"GET": whoami},
    "/credits/balance": {"GET": balance},
    "/credits/estimate": {"POST": estimate},
    "/lead-lists": {"GET": list_lists, "POST": create_list},
    "/lead-lists/{id}": {"GET": get_list, "DELETE": delete_list},
    "/lead-lists/{id}/leads": {"GET": leads_page},
    "/lead-lists/{id}/csv-import": {"POST": csv_import},
    "/enrichment/person": {"POST": enrich_person},
    "/enrichment/bulk": {"POST": enrich_list},
    "/enrichment/company": {"POST": enrich_company},
    "/enrichment/status/{id}": {"GET": workflow_status},
}
