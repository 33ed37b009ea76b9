"""v2 enrichment: one person, one list, one company, and how a workflow is doing.

Assumptions: a company nobody knows is a 404 ``company_not_found`` and free; the e-mail status is any of the world's
seven (the vendor's pages show ``valid``, ``risky`` and ``unknown`` as examples).
"""

from __future__ import annotations

from typing import Any

from cleanlist_pandas.sandbox.asking import Account, Ask
from cleanlist_pandas.sandbox.books import Charge
from cleanlist_pandas.sandbox.forms import flag, form, misfit, read_form, text, words
from cleanlist_pandas.sandbox.records import Workflow
from cleanlist_pandas.sandbox.rules import Answer
from cleanlist_pandas.sandbox.seek import PRICES, PROVIDER, Asked
from cleanlist_pandas.sandbox.v2_lists import described, the_list
from cleanlist_pandas.sandbox.v2_quotes import verify
from cleanlist_pandas.sandbox.v2_says import enveloped, fail, too_poor
from cleanlist_pandas.sandbox.world import Employer

__all__ = ["COMPANY", "LIST", "PERSON", "enrich_company", "enrich_list", "enrich_person", "workflow_status"]

COMPANY_PRICE = 1

PERSON = form(
    lead_list_id=text(required=True),
    email=text(),
    linkedin_url=text(),
    phone=text(),
    first_name=text(),
    last_name=text(),
    company_name=text(),
    domain=text(),
    person_id=text(),
    enrichment_type=words("partial", "phone_only", "full"),
    include_phone=flag(False),
    quote_id=text(),
)
LIST = form(
    list_id=text(required=True),
    scope=words("partial", "full", "phone-only", default="partial", nullable=False),
    quote_id=text(required=True),
)
COMPANY = form(domain=text(), company_name=text(), company_ticker=text(), company_id=text(), quote_id=text())


def enrich_person(account: Account, ask: Ask) -> Answer:
    """``POST /enrichment/person``: sets 1, 10 or 11 credits aside and starts a workflow."""
    body = read_form(ask.body, PERSON)
    names = ("email", "linkedin_url", "first_name", "last_name", "company_name", "domain")
    asked = Asked(**{name: (body[name] or "").strip() or None for name in names})
    if not (asked.email or asked.linkedin_url or body["person_id"] or asked.is_named):
        raise misfit(
            ["body"],
            "Provide email, linkedin_url or person_id, or first_name + last_name + (company_name or domain).",
        )
    into = the_list(account, ask, body["lead_list_id"])
    kind = body["enrichment_type"] or ("phone_only" if body["include_phone"] else "partial")
    quote = body["quote_id"] and verify(
        account, ask, body["quote_id"], tool="enrich_person", filters=None, kind=kind, row_count=1
    )
    if not account.books.affords(PRICES[kind]):
        raise too_poor(account, ask, PRICES[kind])
    if quote:
        quote.used = True
    known = account.leads.get(body["person_id"] or "")
    lead = known if known and not (asked.email or asked.linkedin_url) else account.add_lead(asked)
    workflow = account.start("person", ask.number, into, [lead], kind, ends=ask.ends, credits=ask.credits)
    body = {"credits_reserved": workflow.reserved, "lead_list_id": into.list_id}
    return enveloped(account, {**_started(ask, workflow), **body})


def enrich_list(account: Account, ask: Ask) -> Answer:
    """``POST /enrichment/bulk``: every lead of a list, also those that were enriched before, for a quote."""
    body = read_form(ask.body, LIST)
    into, kind = the_list(account, ask, body["list_id"]), body["scope"].replace("-", "_")
    leads = [account.leads[lead_id] for lead_id in into.leads]
    if not leads:
        raise fail(account, ask, 400, "empty_list", "There is nobody in this list.")
    filters, cost = {"list_id": into.list_id}, PRICES[kind] * len(leads)
    quote = verify(account, ask, body["quote_id"], tool="enrich_list", filters=filters, kind=kind, row_count=len(leads))
    if not account.books.affords(cost):
        raise too_poor(account, ask, cost)
    quote.used = True
    workflow = account.start("bulk", ask.number, into, leads, kind, ends=ask.ends, credits=ask.credits)
    counts = {"total_leads": len(leads), "estimated_cost": cost, "credits_reserved": workflow.reserved}
    return enveloped(account, {**_started(ask, workflow), **counts})


def enrich_company(account: Account, ask: Ask) -> Answer:
    """``POST /enrichment/company``: answered at once, for 1 credit where the company is known."""
    body = read_form(ask.body, COMPANY)
    if not any(body[name] for name in ("domain", "company_name", "company_ticker", "company_id")):
        raise misfit(["body"], "Provide domain, company_name, company_ticker or company_id.")
    if not account.books.affords(COMPANY_PRICE):
        raise too_poor(account, ask, COMPANY_PRICE)
    domain = _domain(body)
    company = account.world.employer(domain) if domain else None
    if company is None:
        raise fail(account, ask, 404, "company_not_found", "Nobody knows this company.")
    credits = COMPANY_PRICE if ask.credits is None else ask.credits
    if credits:
        charge = Charge(email=domain, credits=credits, fields=("company",), request=ask.number, surface="v2")
        account.books.charge(charge)
    return enveloped(account, {"company": _record(domain, company), "credits_charged": credits})


def _domain(body: dict[str, Any]) -> str:
    """Return the domain of the company that is asked for; a ticker alone tells none."""
    domain = body["domain"] or (body["company_id"] or "").removeprefix("company_")
    if not domain and body["company_name"]:
        domain = "-".join(body["company_name"].split()) + ".example"
    return str(domain).strip().lower()


def _record(domain: str, company: Employer) -> dict[str, Any]:
    """Describe a company; the sandbox's world knows no more than this."""
    unknown = ("employee_count", "revenue_range", "hq_location", "funding_stage", "total_funding_usd", "tech_stack")
    return {
        "company_id": f"company_{domain}",
        "name": company.name,
        "domain": domain,
        "industry": company.industry,
        "industries": [company.industry] if company.industry else None,
        "employee_count_range": company.size,
        **dict.fromkeys((*unknown, "linkedin_url")),
    }


def workflow_status(account: Account, ask: Ask, workflow_id: str) -> Answer:
    """``GET /enrichment/status/{id}``: free, and the answer only for a single person that has ended."""
    workflow = account.workflows.get(workflow_id)
    if workflow is None or workflow.kind == "legacy":
        raise fail(account, ask, 404, "not_found", "There is no such workflow.")
    account.poll(workflow)
    total, done = len(workflow.tasks), sum(task.found.anything for task in workflow.tasks)
    is_single = workflow.kind == "person" and workflow.is_over
    body = {
        "workflow_id": workflow_id,
        "status": workflow.status,
        "progress": 100 if workflow.is_over else 50 * (workflow.status == "running"),
        "total": total,
        "processed": total if workflow.is_over else 0,
        "completed": done,
        "failed": total - done if workflow.is_over else 0,
        "enrichment_type": workflow.enrichment_type,
        "lead_list_id": workflow.list_id,
        "summary": workflow.summary,
        **_bill(workflow),
        "result": _result(workflow) if is_single else None,
    }
    return enveloped(account, body)


def _started(ask: Ask, workflow: Workflow) -> dict[str, Any]:
    """Say that a workflow runs; the address to ask is under the old prefix, as in the vendor's samples."""
    poll_url = f"http://{ask.host}/api/v1/public/enrichment/status/{workflow.workflow_id}"
    return {"workflow_id": workflow.workflow_id, "status": "pending", "poll_url": poll_url}


def _bill(workflow: Workflow) -> dict[str, Any]:
    """Say what a workflow cost, once it has ended."""
    review = workflow.status == "failed" and bool(workflow.charged)
    message = "This run failed with its credits charged; a person looks into the refund." if review else None
    return {
        "refund_status": ("pending_review" if review else "not_applicable") if workflow.is_over else None,
        "refund_message": message,
        "credits_charged": workflow.charged,
        "credits_refunded": workflow.refunded or None,
    }


def _result(workflow: Workflow) -> dict[str, Any]:
    """Write what was found of a single person; an empty ``lead_id`` says that it was nothing."""
    [task] = workflow.tasks
    found = task.found
    person = described(task.asked, found)
    return {
        "lead_id": task.lead.lead_id if found.anything else "",
        "status": "completed" if found.anything else "failed",
        **(person if found.anything else dict.fromkeys(person)),
        "email": found.email,
        "email_status": found.person.email_status if found.person is not None and found.email else None,
        "phone": found.phone,
        "enrichment_type": workflow.enrichment_type,
        "provider": PROVIDER if found.anything else None,
    }
