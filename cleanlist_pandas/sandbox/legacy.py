"""The legacy v1 surface (``/api/v1/public``): up to 250 contacts at once, answered by status or by webhook.

Assumptions, as the vendor's pages cannot be read to the end: the shape of the status around its results, ``processing``
until the end; ``failed`` for a person nobody found; that task ids keep the contacts' order; that unknown fields are
ignored; half a credit on top of the balance, because it may be fractional; that nobody is discovered
(``prospecting_only`` is refused). Webhooks go to this machine only.
"""

from __future__ import annotations

from typing import Any

from cleanlist_pandas.sandbox.asking import Account, Ask, Routes, said
from cleanlist_pandas.sandbox.forms import Field, Refusal, form, misfit, read_form, text, words
from cleanlist_pandas.sandbox.records import Workflow
from cleanlist_pandas.sandbox.rules import Answer, refuse
from cleanlist_pandas.sandbox.seek import PRICES, Asked
from cleanlist_pandas.sandbox.v2_lists import iso
from cleanlist_pandas.sandbox.webhooks import is_loopback, log, result, summary

__all__ = ["ROUTES", "no", "too_early"]

MOST_CONTACTS = 250
NEEDED = (
    "Each contact must include linkedin_url OR first_name + last_name + (company_domain or company_name)."  # verbatim
)
_NAMES = ("email", "linkedin_url", "first_name", "last_name", "company_name", "company_domain")
_LIST = ("list_type", "Input should be a valid list")
_BULK = form(
    open=True,
    enrichment_type=words("none", "partial", "phone_only", "full", "prospecting_only", default="partial"),
    webhook_url=text(),
    contacts=Field(lambda value: None if isinstance(value, list) else _LIST, required=True, nullable=False),
)


def no(account: Account, number: int, status: int, problem: str) -> Answer:
    """Say no the way this surface does."""
    return refuse(status, problem)


def too_early(account: Account, number: int, wait_s: int) -> Answer:
    """Build the 429."""
    return refuse(429, "Rate limit exceeded", ("Retry-After", str(wait_s)))


def validate_key(account: Account, ask: Ask) -> Answer:
    """``GET /auth/validate-key``: a wrong key does not come this far."""
    user_id = f"user_{account.token('user', 0)}"
    return said(200, {"valid": True, "user_id": user_id, "organization_id": account.organization_id})


def balance(account: Account, ask: Ask) -> Answer:
    """``GET /credits/balance``."""
    return said(200, {"organization_id": account.organization_id, "credits": account.credits + 0.5})


def enrich_bulk(account: Account, ask: Ask) -> Answer:
    """``POST /enrich/bulk``: sets the most it can cost aside and starts a workflow with a task for each contact."""
    body = read_form(ask.body, _BULK)
    if not body["contacts"]:
        raise Refusal(refuse(400, "At least one contact is required"))
    if len(body["contacts"]) > MOST_CONTACTS:
        raise Refusal(refuse(400, f"Bulk enrichment supports up to {MOST_CONTACTS} contacts per request"))
    asked, kind, url = _contacts(body["contacts"]), body["enrichment_type"], body["webhook_url"]
    if kind == "prospecting_only":
        raise Refusal(refuse(400, "The sandbox discovers nobody"))
    if url is not None and not is_loopback(url):
        raise misfit(["body", "webhook_url"], "The sandbox posts to http://127.0.0.1, localhost and [::1] only")
    if not account.books.affords(PRICES[kind] * len(asked)):
        raise Refusal(refuse(402, "Insufficient credits"))
    into = account.default_list
    leads = [account.add_lead(one, into if kind == "none" else None) for one in asked]
    workflow = account.start(
        "legacy", ask.number, into, leads, kind, ends=ask.ends, credits=ask.credits, webhook_url=url
    )
    return said(
        200,
        {
            "workflow_id": workflow.workflow_id,
            "status": "processing",
            "message": "Bulk enrichment started",
            "task_ids": [task.task_id for task in workflow.tasks],
            "total_contacts": len(workflow.tasks),
        },
    )


def enrich_status(account: Account, ask: Ask) -> Answer:
    """``GET /enrich/status``: of a workflow or of one of its tasks, not of both."""
    workflow_id, task_id = ask.query.get("workflow_id"), ask.query.get("task_id")
    if (workflow_id is None) == (task_id is None):
        raise Refusal(refuse(400, "Provide exactly one of workflow_id and task_id"))
    workflow = account.workflows.get(workflow_id or "") if task_id is None else account.tasks.get(task_id)
    if workflow is None or workflow.kind != "legacy":
        raise Refusal(refuse(404, "Not found"))
    account.poll(workflow)
    return said(200, _whole(workflow) if task_id is None else _part(workflow, task_id))


def deliveries(account: Account, ask: Ask) -> Answer:
    """``GET /webhooks/deliveries``: what was tried."""
    workflow = account.workflows.get(ask.query.get("workflow_id", ""))
    if workflow is None or workflow.kind != "legacy":
        raise Refusal(refuse(404, "Not found"))
    delivery = account.deliveries.get(workflow.workflow_id)
    status = delivery.status if delivery else None
    return said(200, {"workflow_id": workflow.workflow_id, "status": status, "deliveries": log(delivery)})


def _contacts(contacts: list[Any]) -> list[Asked]:
    """Read the contacts; an address alone is not enough here."""
    wrong: list[dict[str, Any]] = []
    kept = []
    for at, contact in enumerate(contacts):
        if fault := _fault(contact):
            where, kind, message = fault
            wrong.append({"type": kind, "loc": ["body", "contacts", at, *where], "msg": message, "input": contact})
        else:
            cells = {name: (contact.get(name) or "").strip() or None for name in _NAMES}
            kept.append(Asked(domain=cells.pop("company_domain"), **cells))
    if wrong:
        raise Refusal(refuse(422, wrong))
    return kept


def _fault(contact: Any) -> tuple[list[str], str, str] | None:
    """Say what is wrong with one contact."""
    if not isinstance(contact, dict):
        return [], "dict_type", "Input should be a valid dictionary"
    for name in _NAMES:
        if not isinstance(contact.get(name), str | None):
            return [name], "string_type", "Input should be a valid string"
    has = {name for name in _NAMES if (contact.get(name) or "").strip()}
    named = {"first_name", "last_name"} <= has and has & {"company_name", "company_domain"}
    return None if "linkedin_url" in has or named else ([], "value_error", NEEDED)


def _whole(workflow: Workflow) -> dict[str, Any]:
    """Describe a workflow."""
    return {
        "workflow_id": workflow.workflow_id,
        "status": workflow.status if workflow.is_over else "processing",
        "enrichment_type": workflow.enrichment_type,
        "lead_list_id": workflow.list_id,
        "summary": summary(workflow) if workflow.is_over else None,
        "results": [result(workflow, task) for task in workflow.tasks] if workflow.is_over else [],
        "completed_at": iso(workflow.ended_s) if workflow.ended_s is not None else None,
    }


def _part(workflow: Workflow, task_id: str) -> dict[str, Any]:
    """Describe one task of a workflow."""
    [task] = [one for one in workflow.tasks if one.task_id == task_id]
    told = result(workflow, task) if workflow.is_over else None
    status = told["status"] if told else "processing"
    return {"task_id": task_id, "workflow_id": workflow.workflow_id, "status": status, "result": told}


ROUTES: Routes = {
    "/auth/validate-key": {"GET": validate_key},
    "/credits/balance": {"GET": balance},
    "/enrich/bulk": {"POST": enrich_bulk},
    "/enrich/status": {"GET": enrich_status},
    "/webhooks/deliveries": {"GET": deliveries},
}
