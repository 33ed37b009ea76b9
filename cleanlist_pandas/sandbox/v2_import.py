"""v2 csv-import: rows into a list, enriched at once unless told otherwise.

Assumptions: 150 KB are 150,000 bytes, and more than 600 rows are refused too; a row needs what `Terms.email_imports`
says; a column that is not in the file is named as ``details.missing``; a file that is no CSV is a 400.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections import Counter
from typing import Any

from cleanlist_pandas.sandbox.asking import Account, Ask
from cleanlist_pandas.sandbox.forms import flag, form, mapping, misfit, read_form, text, words
from cleanlist_pandas.sandbox.records import Quote
from cleanlist_pandas.sandbox.rules import Answer
from cleanlist_pandas.sandbox.seek import PRICES, Asked
from cleanlist_pandas.sandbox.v2_lists import the_list
from cleanlist_pandas.sandbox.v2_quotes import verify
from cleanlist_pandas.sandbox.v2_says import enveloped, fail, too_poor
from cleanlist_pandas.sandbox.world import normal_form, profile_slug

__all__ = ["IMPORT", "LARGEST_FILE", "MOST_ROWS", "csv_import"]

LARGEST_FILE = 150_000
MOST_ROWS = 600
REMEMBERED_S = 24 * 3600
CANONICAL = frozenset(
    {
        "first_name",
        "last_name",
        "full_name",
        "email",
        "phone",
        "mobile_phone",
        "work_phone",
        "linkedin_url",
        "company_name",
        "company_domain",
        "job_title",
        "city",
        "state",
        "country",
    }
)

IMPORT = form(
    csv_content_base64=text(required=True),
    column_mapping=mapping(keys=CANONICAL, required=True),
    dispatch_enrichment=flag(True),
    enrichment_type=words("partial", "phone_only", "full"),
    quote_id=text(),
    idempotency_key=text(),
)


def csv_import(account: Account, ask: Ask, list_id: str) -> Answer:
    """``POST /lead-lists/{id}/csv-import``, checked and done in the vendor's order.

    Free by itself; ``dispatch_enrichment`` is true unless told otherwise, and spends credits.
    """
    body = read_form(ask.body, IMPORT)
    if body["dispatch_enrichment"] and body["enrichment_type"] is None:
        raise misfit(["body"], "enrichment_type is required when dispatch_enrichment is true")
    into, key = the_list(account, ask, list_id), body["idempotency_key"]
    at_s, remembered = account.imports.get(key, (0.0, None)) if key is not None else (0.0, None)
    if remembered is not None and account.clock() < at_s + REMEMBERED_S:
        # The first answer wins, also where the key comes with another list.
        return enveloped(account, {**remembered, "idempotency_replayed": True}, 201)
    rows = _rows(account, ask, body)
    kept, skipped = sift(rows, email_is_enough=account.terms.email_imports)
    kind = body["enrichment_type"] if body["dispatch_enrichment"] and kept else None
    quote = _pay(account, ask, body, list_id, len(kept)) if kind else None
    leads = [account.add_lead(asked, into) for asked in kept]
    workflow = None
    if kind:
        workflow = account.start("bulk", ask.number, into, leads, kind, ends=ask.ends, credits=ask.credits)
        if quote is not None:
            quote.used = True
    answer = {
        "list_id": list_id,
        "rows_parsed": len(rows),
        "rows_imported": len(kept),
        "rows_skipped": len(skipped),
        "skip_reasons": dict(Counter(reason for _, reason in skipped)),
        "sample_skip_rows": [row for row, _ in skipped[:10]],
        "workflow_id": workflow and workflow.workflow_id,
        "enrichment_status_url": workflow and f"/api/v2/enrichment/status/{workflow.workflow_id}",
        "idempotency_replayed": False,
    }
    if key is not None:
        account.imports[key] = (account.clock(), answer)
    return enveloped(account, answer, 201)


def _pay(account: Account, ask: Ask, body: dict[str, Any], list_id: str, rows: int) -> Quote | None:
    """Check the quote, if one was sent, and the credits."""
    kind, quote_id = body["enrichment_type"], body["quote_id"]
    quote = None
    if quote_id is not None:
        filters = {"list_id": list_id}
        quote = verify(account, ask, quote_id, tool="bulk_import_csv", filters=filters, kind=kind, row_count=rows)
    if not account.books.affords(cost := rows * PRICES[kind]):
        raise too_poor(account, ask, cost)
    return quote


def _rows(account: Account, ask: Ask, body: dict[str, Any]) -> list[dict[str, str]]:
    """Read the file: one mapping of canonical names a row, blanks left out."""
    try:
        raw = base64.b64decode(body["csv_content_base64"], validate=True)
        if len(raw) > LARGEST_FILE:
            raise fail(account, ask, 413, "payload_too_large", "The file is larger than 150 KB.", fix="Split it.")
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        wanted, header = body["column_mapping"], reader.fieldnames or []
        if missing := [column for column in wanted.values() if column not in header]:
            problem = "A mapped column is not in the file."
            raise fail(account, ask, 400, "missing_column", problem, details={"missing": missing})
        rows = [{name: (row[column] or "").strip() for name, column in wanted.items()} for row in reader]
    except (binascii.Error, UnicodeDecodeError, csv.Error):
        raise fail(account, ask, 400, "invalid_csv", "The content is no base64 of a UTF-8 CSV file.") from None
    if len(rows) > MOST_ROWS:
        raise fail(account, ask, 413, "payload_too_large", f"The file has more than {MOST_ROWS} rows.", fix="Split it.")
    return [{name: cell for name, cell in row.items() if cell} for row in rows]


def sift(rows: list[dict[str, str]], *, email_is_enough: bool) -> tuple[list[Asked], list[tuple[int, str]]]:
    """Tell the rows to keep from those to skip.

    Parameters
    ----------
    rows : list of dict
        As the file has them.
    email_is_enough : bool
        Whether a row needs nothing but an address.

    Returns
    -------
    tuple
        Whom to keep, and the skipped rows with their reasons; the header is row 1, so the first of them is row 2.
    """
    kept: list[Asked] = []
    skipped: list[tuple[int, str]] = []
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, start=2):
        asked = _asked(row)
        marks = {("duplicate_email", normal_form(asked.email))} if asked.email else set()
        if slug := profile_slug(asked.linkedin_url or ""):
            marks.add(("duplicate_linkedin", slug))
        named = bool(asked.name and (asked.company_name or asked.domain))
        if not (slug or named or (asked.email and email_is_enough)):
            skipped.append((number, "missing_required"))
        elif again := sorted(marks & seen):
            skipped.append((number, again[0][0]))
        else:
            seen |= marks
            kept.append(asked)
    return kept, skipped


def _asked(row: dict[str, str]) -> Asked:
    """Read one row."""
    place = ", ".join(row[name] for name in ("city", "state", "country") if name in row)
    return Asked(
        email=row.get("email"),
        linkedin_url=row.get("linkedin_url"),
        first_name=row.get("first_name"),
        last_name=row.get("last_name"),
        full_name=row.get("full_name"),
        company_name=row.get("company_name"),
        domain=row.get("company_domain"),
        title=row.get("job_title"),
        location=place or None,
    )
