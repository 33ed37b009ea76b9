"""How the v2 surface talks: the envelope of its answers and of its errors. Pure.

The keys are the vendor's. The codes that its pages do not name are **assumptions**: ``unauthorized``, ``not_found``,
``rate_limited``, ``payload_too_large``, ``quote_expired``, ``quote_used``, ``quote_mismatch``, ``invalid_quote``,
``empty_list``, ``invalid_csv``, ``unknown_tool``, ``company_not_found``, ``invalid_cursor``, ``internal``.
"""

from __future__ import annotations

from typing import Any

from cleanlist_pandas.sandbox.asking import Account, Ask, said
from cleanlist_pandas.sandbox.forms import Refusal
from cleanlist_pandas.sandbox.rules import Answer

__all__ = ["enveloped", "error", "fail", "status_error", "too_poor"]

_CODES = {
    400: "validation_error",
    401: "unauthorized",
    403: "insufficient_scope",
    404: "not_found",
    413: "payload_too_large",
}


def enveloped(account: Account, fields: dict[str, Any], status: int = 200, *, task_id: str | None = None) -> Answer:
    """Build an answer in the envelope that most of them have."""
    head = {
        "task_id": task_id,
        "timestamp_ms": int(account.clock() * 1000),
        "agent_instructions": None,
        "usage": None,
        "message": None,
    }
    return said(status, {**head, **fields})


def error(
    account: Account,
    number: int,
    status: int,
    code: str,
    problem: str,
    *,
    fix: str | None = None,
    retry_after_s: int | None = None,
    retryable: bool = False,
    **more: Any,
) -> Answer:
    """Build an error: code, problem, retryable, docs_url and request_id are always there."""
    body: dict[str, Any] = {
        "code": code,
        "problem": problem,
        "cause": None,
        "fix": fix,
        "retryable": retryable or retry_after_s is not None,
        "retry_after_ms": None if retry_after_s is None else 1000 * retry_after_s,
        "docs_url": f"https://docs.cleanlist.ai/errors/{code.replace('_', '-')}",
        "request_id": f"req_{account.token('request', number)}",
        **more,
    }
    headers = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
    return said(status, {"error": body}, *headers)


def status_error(account: Account, number: int, status: int, problem: str) -> Answer:
    """Build the error of a status, for those that a script gives."""
    return error(account, number, status, _CODES.get(status, "internal"), problem, retryable=status in (429, 503))


def fail(account: Account, ask: Ask, status: int, code: str, problem: str, **more: Any) -> Refusal:
    """Build an error to be raised."""
    return Refusal(error(account, ask.number, status, code, problem, **more))


def too_poor(account: Account, ask: Ask, cost: int) -> Refusal:
    """Build the 400 that says the credits do not suffice; it is no 402 here."""
    left = account.credits
    return fail(
        account,
        ask,
        400,
        "insufficient_credits",
        f"This needs {cost} credits and {left} are left.",
        fix="Buy credits or ask for less.",
        estimated_cost_credits=cost,
        available_credits=left,
        shortfall_credits=max(0, cost - left),
        suggested_actions=["top_up", "reduce_rows"],
    )
