"""Webhooks: what is told when a legacy workflow ends, how often it is tried, and the log of it. No I/O.

Assumptions: of the published waits of 1, 2, 4, 8 and 16 s, the first four lie between the five attempts, and a webhook
counts as failed 16 s after the last; any 2xx acknowledges; the log's keys.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from cleanlist_pandas.sandbox.account import Account
from cleanlist_pandas.sandbox.records import Attempt, Delivery, Task, Workflow
from cleanlist_pandas.sandbox.seek import PROVIDER
from cleanlist_pandas.sandbox.v2_lists import described, iso

__all__ = ["WAITS_S", "due", "is_loopback", "log", "note", "payload", "result", "summary"]

WAITS_S = (1, 2, 4, 8, 16)
# The surface says three words where the world knows seven.
_STATUS = {"valid": "reliable", "unknown": "unknown"}


def is_loopback(url: str) -> bool:
    """Say whether a webhook stays on this machine. The vendor asks for a public one; the sandbox reaches nobody."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1") and parts.port != 0
    except ValueError:
        return False


def due(account: Account) -> list[Delivery]:
    """Return the webhooks to send now; those that were tried often enough are given up."""
    now_s = account.clock()
    ready = [one for one in account.deliveries.values() if one.due_s is not None and one.due_s <= now_s]
    for one in ready:
        if len(one.attempts) == len(WAITS_S):
            one.status, one.due_s = "failed", None
    return [one for one in ready if one.due_s is not None]


def note(account: Account, delivery: Delivery, response_code: int | None, error: str | None = None) -> None:
    """Write down an attempt, and decide when the next one is."""
    now_s = account.clock()
    delivery.attempts.append(Attempt(now_s, response_code, error))
    if response_code is not None and 200 <= response_code < 300:
        delivery.status, delivery.due_s = "delivered", None
    else:
        delivery.status, delivery.due_s = "retrying", now_s + WAITS_S[len(delivery.attempts) - 1]


def log(delivery: Delivery | None) -> list[dict[str, Any]]:
    """Write the log of one webhook."""
    if delivery is None:
        return []
    is_good = [one.response_code is not None and one.response_code < 300 for one in delivery.attempts]
    return [
        {
            "attempt": number,
            "status": "delivered" if good else "failed",
            "response_code": one.response_code,
            "error_message": one.error,
            "attempted_at": iso(one.at_s),
        }
        for number, (one, good) in enumerate(zip(delivery.attempts, is_good, strict=True), start=1)
    ]


def payload(account: Account, delivery: Delivery) -> bytes:
    """Write what a webhook says."""
    if (upload := account.uploads.get(delivery.workflow_id)) is not None:
        return upload.webhook()
    workflow = account.workflows[delivery.workflow_id]
    write = _nested if account.terms.nested_results else result
    body = {
        "event": "enrichment.completed",
        "workflow_id": workflow.workflow_id,
        "lead_list_id": workflow.list_id,
        "enrichment_type": workflow.enrichment_type,
        "status": workflow.status,
        "summary": summary(workflow),
        "results": [write(workflow, task) for task in workflow.tasks],
        "results_limit": 250,
        "results_truncated": 0,
        "results_endpoint": f"/api/v1/public/enrich/status?workflow_id={workflow.workflow_id}",
        "completed_at": iso(workflow.ended_s or 0.0),
    }
    return json.dumps(body).encode()


def summary(workflow: Workflow) -> dict[str, int]:
    """Count a workflow's results."""
    done = sum(_status(workflow, task) == "completed" for task in workflow.tasks)
    total = len(workflow.tasks)
    return {"total": total, "successful": done, "failed": total - done, **workflow.summary}


def result(workflow: Workflow, task: Task) -> dict[str, Any]:
    """Write one result in the documented shape; there is no title but the headline, and no profile."""
    found, person = task.found, described(task.asked, task.found)
    known = found.person if found.email else None
    return {
        "task_id": task.task_id,
        "status": _status(workflow, task),
        "primary_email": found.email,
        "primary_email_status": _STATUS.get(known.email_status or "unknown", "risky") if known else None,
        "other_emails": [],
        "personal_phone_numbers": [found.phone] if found.phone else [],
        "prospect": {
            "first_name": person["first_name"],
            "last_name": person["last_name"],
            "full_name": person["full_name"],
            "headline": person["title"],
            "location": None,
        },
        "company": {
            "name": person["company"],
            "domain": task.asked.domain or (found.address or "").partition("@")[2] or None,
            "industry": known.industry if known else None,
            "headcount": known.size if known else None,
        },
    }


def _nested(workflow: Workflow, task: Task) -> dict[str, Any]:
    """Write one result in the other shape that was seen."""
    flat = result(workflow, task)
    sent = ("email", "linkedin_url", "first_name", "last_name", "company_name")
    return {
        "task_id": task.task_id,
        "status": flat["status"],
        "prospect_id": None,
        "lead_id": task.lead.lead_id if task.found.anything else None,
        "result": {
            "email": flat["primary_email"],
            "email_status": flat["primary_email_status"],
            "other_emails": [],
            "phones": flat["personal_phone_numbers"],
            "linkedin_url": described(task.asked, task.found)["linkedin_url"],
            "provider": PROVIDER if task.found.anything else None,
        },
        "input": {**{name: getattr(task.asked, name) for name in sent}, "company_domain": task.asked.domain},
        "error": None if task.found.anything else "Nothing was found.",
    }


def _status(workflow: Workflow, task: Task) -> str:
    """Say how one person's part ended."""
    is_good = task.found.anything or (workflow.enrichment_type == "none" and not workflow.ends)
    return "completed" if is_good else "failed"
