"""The requests about CSV files: what is refused, what is answered at once, what becomes a job. See `csv_files`."""

from __future__ import annotations

import csv
from typing import Any

from cleanlist_pandas.sandbox.asking import Account, Ask, Routes, said
from cleanlist_pandas.sandbox.csv_files import Upload, email_column, read_rows
from cleanlist_pandas.sandbox.forms import Field, Refusal, form, misfit, read_form, text
from cleanlist_pandas.sandbox.rules import Answer, read_fields, refuse
from cleanlist_pandas.sandbox.webhooks import is_loopback

__all__ = ["ROUTES", "upload", "upload_status"]

_FILE = form(csv=text(required=True), fields=Field(lambda value: None), webhook_url=text())


def upload(account: Account, ask: Ask) -> Answer:
    """``POST /enrich/csv``: a file of fewer rows than `Terms.csv_rows_at_once` is answered, a larger one is a job."""
    remembered = account.upload_keys.get(ask.idempotency_key or "")
    if remembered is not None:
        if remembered[0] != ask.body:
            raise misfit(["header", "idempotency-key"], "Idempotency-Key was used for another file")
        return _answer(account, remembered[1])
    body = read_form(ask.body, _FILE)
    rows, fields, url = _rows(account, body["csv"]), read_fields(body["fields"]), body["webhook_url"]
    if isinstance(fields, Answer):
        raise Refusal(fields)
    if url is not None and not is_loopback(url):
        raise misfit(["body", "webhook_url"], "The sandbox posts to http://127.0.0.1, localhost and [::1] only")
    one = Upload(
        account.new_id("upload", "csv_"),
        ask.number,
        rows,
        fields,
        account.clock(),
        tells_credits=account.terms.csv_credits,
        ends=ask.ends,
        credits=ask.credits,
        webhook_url=url,
    )
    if not account.books.affords(one.cost):
        raise Refusal(refuse(402, "Insufficient credits"))
    account.start_upload(one)
    if ask.idempotency_key is not None:
        account.upload_keys[ask.idempotency_key] = (ask.body, one)
    return _answer(account, one)


def upload_status(account: Account, ask: Ask, job_id: str) -> Answer:
    """``GET /enrich/csv/{job_id}``: how a job is doing; in the end the file, in the shape of an answer at once."""
    one = account.uploads.get(job_id)
    if one is None or not _is_job(account, one):
        raise Refusal(refuse(404, "Job not found"))
    account.settle_due()
    told = one.told(job_id=job_id)
    one.polls += 1
    return said(200, told if one.content is None else told | {"csv": one.content})


def _answer(account: Account, one: Upload) -> Answer:
    """Answer a file that was taken."""
    if _is_job(account, one):
        return said(202, {"job_id": one.job_id, "status": "processing", "meta": {"total_rows": len(one.rows) - 1}})
    told = one.told(id=f"ev_{one.job_id.removeprefix('csv_')}")
    return said(200, told if one.content is None else told | {"csv": one.content})


def _is_job(account: Account, one: Upload) -> bool:
    """Whether a file is too large to be answered at once."""
    return len(one.rows) - 1 >= account.terms.csv_rows_at_once


def _rows(account: Account, content: Any) -> list[list[str]]:
    """Read a file, or refuse it."""
    where: list[str | int] = ["body", "csv"]
    try:
        content.encode()
        rows = read_rows(content)
    except (UnicodeEncodeError, csv.Error):
        raise misfit(where, "The file is no UTF-8 CSV") from None
    if not rows or email_column(rows[0]) < 0:
        raise misfit(where, "The file has no header with an 'email' column", "missing")
    if len(rows) == 1:
        raise misfit(where, "The file has no rows", "too_short")
    if len(rows) - 1 > account.terms.csv_rows:
        raise Refusal(refuse(413, f"The file has more than {account.terms.csv_rows:,} rows"))
    return rows


ROUTES: Routes = {"/enrich/csv": {"POST": upload}, "/enrich/csv/{id}": {"GET": upload_status}}
