"""One world on every surface: the same address is the same person, and each surface books what it says."""

from __future__ import annotations

import base64
from typing import Any

import httpx

FIRST = ("alwen", "info", "calla.umberlind", "dorvin+news", "elska", "fenna.oxlebrand", "sales", "halma.wexelholm")
DOMAINS = ("mirefield-foods.example", "coldwater.example", "gmail.com", "mailinator.com", "birchmoor-law.example")
EMAILS = [f"{local}@{domain}" for domain in DOMAINS for local in FIRST]


def by_row(client: httpx.Client, email: str) -> dict[str, Any]:
    everything = ["email_status", "title", "company", "phone", "linkedin"]
    said = client.post("/v1/enrich/csv_row", json={"email": email, "fields": everything}).json()
    return said["csv_row"] if said["status"] == "completed" else {}


def by_person(client: httpx.Client, list_id: str, email: str) -> dict[str, Any]:
    body = {"lead_list_id": list_id, "email": email, "enrichment_type": "full"}
    workflow_id = client.post("/api/v2/enrichment/person", json=body).json()["workflow_id"]
    result = client.get(f"/api/v2/enrichment/status/{workflow_id}").json()["result"]
    return result if result["lead_id"] else {}


def by_list(client: httpx.Client, list_id: str) -> dict[str, Any]:
    content = base64.b64encode("\n".join(["Email", *EMAILS]).encode()).decode()
    body = {"csv_content_base64": content, "column_mapping": {"email": "Email"}, "enrichment_type": "full"}
    client.post(f"/api/v2/lead-lists/{list_id}/csv-import", json=body)
    leads = client.get(f"/api/v2/lead-lists/{list_id}/leads", params={"limit": 500}).json()["leads"]
    return {lead["email"]: lead for lead in leads if lead["email"]}


def by_contacts(client: httpx.Client) -> dict[str, Any]:
    contacts = [{"email": email, "linkedin_url": "somebody"} for email in EMAILS]
    body = {"contacts": contacts, "enrichment_type": "full"}
    workflow_id = client.post("/api/v1/public/enrich/bulk", json=body).json()["workflow_id"]
    said = client.get("/api/v1/public/enrich/status", params={"workflow_id": workflow_id}).json()
    return {one["primary_email"]: one for one in said["results"] if one["primary_email"]}


def test_one_world_on_every_surface(wire: Any) -> None:
    sandbox = wire.start(seed=11, hit_rate=0.7)
    client = wire.client(sandbox)
    lists = [client.post("/api/v2/lead-lists", json={"name": name}).json()["list_id"] for name in ("one", "other")]
    leads, contacts, seen = by_list(client, lists[0]), by_contacts(client), 0
    for email in EMAILS:
        row, person = by_row(client, email), by_person(client, lists[1], email)
        lead, contact = leads.get(email, {}), contacts.get(email, {})
        assert bool(row) == bool(person) == bool(lead) == bool(contact)
        if not row:
            continue
        seen += 1
        number = (row["enriched_phone"] or "").replace("-", "") or None
        assert person["email_status"] == row["enriched_email_status"]
        assert person["title"] == lead["title"] == contact["prospect"]["headline"] == row["enriched_title"]
        assert person["company"] == lead["company"] == contact["company"]["name"] == row["enriched_company"]
        assert person["phone"] == lead["phone"] == number
        assert contact["personal_phone_numbers"] == ([number] if number else [])
        assert person["linkedin_url"] == lead["linkedin_url"] == row["enriched_linkedin"]
    assert 10 < seen < len(EMAILS)
    v2, legacy, rows = (sandbox.totals(surface) for surface in ("v2", "legacy", "csv_row"))
    assert (v2.reserved, legacy.reserved) == (22 * len(EMAILS), 11 * len(EMAILS))
    assert v2.charged == 2 * legacy.charged == v2.reserved - v2.refunded
    assert rows.charged == 11 * seen
    assert legacy.charged == seen + 10 * sum(bool(one["personal_phone_numbers"]) for one in contacts.values())
