"""CSV files: up to 100,000 people in one request, answered at once or by a job. Pure.

What the page documents is how a file is treated; the form of the requests is ours, here and nowhere else: `_upload`,
`follow`, `_file_of` and `_rows_of`. What is kept of each person is their row in the shape of a csv_row answer, so that
it is read like one, now and out of the ledger.

References
----------
www.cleanlist.ai/enrich/csv-files (read 2026-11-22). `ASSUMPTIONS` lists what it leaves open.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, normal_word
from cleanlist_pandas.frame.addresses import normalise_one
from cleanlist_pandas.services.cells import as_object, csv_of, read_credits, spread_credits
from cleanlist_pandas.services.csv_row import CsvRow
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import SURFACES, Ended, Filed, Halt, Lookup, Pending, Request, Talk
from cleanlist_pandas.services.v2 import DONE, FAILED, as_token

__all__ = ["ASSUMPTIONS", "CsvUpload"]

ASSUMPTIONS: Final = (
    "A file goes to `POST /enrich/csv` as the text `csv` of a JSON body, beside `fields` as csv_row has them. It comes "
    "back in the same form, at once, or from `GET /enrich/csv/{job_id}`, which answers with another `status` before.",
    "The file that comes back has the columns of a csv_row and `status`; `input_email`, or else the column that was "
    "sent, says whose a row is. Its place says it only where two rows name one address.",
    "A row without a status whose enrichment columns are all empty is a miss.",
    "`meta.credits_used` is what the whole file cost. A column `credits_used` is what its rows did; without one a row "
    "that was found is booked at its price.",
    "A file that failed and does not say what it cost is booked at the full price of everybody in it.",
    "A file whose answer was lost may have been charged, and nothing tells its job: it is never sent again.",
    "A webhook is JSON that says `csv.completed` as its `event`, and the `job_id`.",
)

COLUMNS: Final = ("email", "first_name", "last_name", "company", "linkedin_url")
TOKEN: Final = re.compile(r"(file (\S+) ([0-9]+)) ([0-9]+)")
NO_JOB: Final = "-"
UNTOLD: Final = "the file that came back has no row of them that can be read"
LARGEST_ANSWER: Final = 100_000_000  # bytes; a row of the page's sample has 300
PATIENCE_S: Final = 0.06  # a row: five times what the page says of 10,000
LONGEST_PATIENCE_S: Final = 600.0
Row = Mapping[str, Any]


class CsvUpload(CsvRow):
    """The files at ``{base_url}/enrich/csv``; the end of one is told at `webhook_url`, too."""

    surface = SURFACES["csv_upload"]

    def __init__(self, webhook_url: str = "") -> None:
        self.webhook_url = webhook_url

    def kind_of(self, lookup: Lookup) -> str:
        """Return the fields: one file has the same for all."""
        return ",".join(lookup.fields)

    def file(self, lookups: Sequence[Lookup], name: str) -> Talk[Filed | Halt]:
        """Nothing is filed here: the order is the file."""
        yield from ()
        return Filed(list_id="", skipped=frozenset())

    def order(self, lookups: Sequence[Lookup], list_id: str) -> Talk[Request | Halt]:
        """Return the request that looks everybody up."""
        yield from ()
        return self.upload(lookups, self.webhook_url)

    def upload(self, lookups: Sequence[Lookup], webhook_url: str = "") -> Request:
        """Return the request that sends a file of people, all for the same fields, and says whom to tell the end."""
        said = {"csv": _file_of(lookups), "fields": list(lookups[0].fields)}
        body = json.dumps(said | ({"webhook_url": webhook_url} if webhook_url else {})).encode()
        again = hashlib.blake2b(body, digest_size=16, person=b"cleanlist-pandas").hexdigest()
        return _patient(Request(path="/enrich/csv", body=body, idempotency_key=again), len(lookups))

    def follow(self, token: str) -> Request:
        """Return the request that asks what became of a job; in the end it brings the file."""
        _, job_id, n_rows, _ = _parts(token)
        return _patient(Request(method="GET", path=f"/enrich/csv/{quote(job_id, safe='')}"), int(n_rows))

    def ask_balance(self) -> None:
        """The page tells no way to ask for the account's credits."""

    def read_balance(self, reply: Reply) -> None:
        """Return nothing: it is not asked for."""

    def read_order(self, reply: Reply | None, list_id: str, n_people: int) -> Sequence[str]:
        """Return each person's token: job, number of rows and place; a file that came back at once has no job."""
        content = as_object(reply.json() if reply else None)
        job_id = NO_JOB if _word(content) in DONE | FAILED else as_token(content.get("job_id"))
        tokens = [f"file {job_id} {n_people} {at}" for at in range(n_people)]
        return tokens if tokens and TOKEN.fullmatch(tokens[0]) else []

    def read_refusal(self, reply: Reply, n_people: int) -> Mapping[int, str]:
        """Return nobody: a file is refused as a whole."""
        return {}

    def batch_of(self, token: str) -> str:
        """Return job and number of rows of a token."""
        told = TOKEN.fullmatch(token)
        return told[1] if told else ""

    def is_whole(self, lookups: Sequence[Lookup], token: str) -> bool:
        """Whether these are all the people of a file."""
        return len(lookups) == int(_parts(token)[2])

    def list_of(self, token: str) -> str:
        """Return no list."""
        return ""

    def read_status(self, reply: Reply, token: str) -> Ended | Pending | None:
        """Return how a file is doing, or None if the reply is no answer."""
        content = as_object(reply.json())
        word, job_id = _word(content), _parts(token)[1]
        if not word or (job_id != NO_JOB and content.get("job_id", job_id) != job_id):
            return None
        if word not in DONE | FAILED:
            return Pending(token)
        credits = read_credits(as_object(content.get("meta")).get("credits_used"))
        return Ended(credits=credits, failed=word in FAILED, reply=reply)

    def collect(self, lookups: Sequence[Lookup], token: str, ended: Ended) -> Talk[Sequence[bytes | None] | None]:
        """Return each person's row as a csv_row answer, of whom there is none what that cost; None if it is no file."""
        yield from ()
        rows = _rows_of(as_object(ended.reply.json()).get("csv"), ended.failed)
        if rows is None:
            return None
        answers = [_answer(row) for row in _joined(rows, lookups)]
        costs = [self._cost(answer, lookup, ended) for answer, lookup in zip(answers, lookups, strict=True)]
        if ended.credits is not None and self.is_whole(lookups, token):
            untold = [answer is None for answer in answers]
            price = self.price(lookups[0].fields)
            costs = list(spread_credits(ended.credits, [cost or 0 for cost in costs], untold, price))
        return [_body(answer, cost, ended.failed) for answer, cost in zip(answers, costs, strict=True)]

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | None:
        """Return what is kept of a person, as of a csv_row answer. Never raises."""
        answer = super().read(reply, lookup, at_us)
        if answer is not None and answer.status is RowStatus.FAILED and "untold" in as_object(reply.json()):
            return replace(answer, reason=UNTOLD)
        return answer

    def _cost(self, answer: dict[str, Any] | None, lookup: Lookup, ended: Ended) -> int | None:
        """Return what a row says it cost, or its price; None where nothing tells it."""
        if answer is None:
            return self.price(lookup.fields) if ended.failed and ended.credits is None else None
        told = read_credits(_number(answer["csv_row"].get("credits_used")))
        return (self.price(lookup.fields) * (answer["status"] != "not_found")) if told is None else told


def _patient(request: Request, n_rows: int) -> Request:
    """Return a request that may take as long, and bring as much, as a file of that many rows."""
    return Request(
        method=request.method,
        path=request.path,
        body=request.body,
        idempotency_key=request.idempotency_key,
        patience_s=min(LONGEST_PATIENCE_S, PATIENCE_S * n_rows),
        max_bytes=LARGEST_ANSWER,
    )


def _parts(token: str) -> tuple[str, str, str, str]:
    """Return batch, job, number of rows and place of a token."""
    told = TOKEN.fullmatch(token)
    assert told is not None  # noqa: S101 - who asks looked with batch_of, or made it
    return told[1], told[2], told[3], told[4]


def _word(content: Mapping[str, Any]) -> str:
    """Return the status of an answer; one that has a file and says nothing is completed, one that has none is not."""
    word, has_file = normal_word(content.get("status")), isinstance(content.get("csv"), str)
    if word in DONE and not has_file:
        return ""
    return word or ("completed" if has_file else "")


def _file_of(lookups: Sequence[Lookup]) -> str:
    """Return people as a CSV file with a header."""
    rows = ((lookup.address, *(lookup.hints.get(name, "") for name in COLUMNS[1:])) for lookup in lookups)
    return csv_of(COLUMNS, rows).decode()


def _rows_of(content: Any, failed: bool) -> list[Row] | None:
    """Return the rows of a file that came back, without empty cells; None if it is none. A failure may have none.

    A last row that is shorter than the header was cut: nobody knows what it would have said.
    """
    if failed and not isinstance(content, str):
        return []
    try:
        lines = list(csv.reader(io.StringIO(content.removeprefix("\ufeff"), newline=""), strict=True))
    except csv.Error:
        return None
    header, *rows = [line for line in lines if line] or [[]]
    names = [normal_word(name) for name in header]
    whole = rows[:-1] if rows and len(rows[-1]) < len(names) else rows
    return [{name: cell for name, cell in zip(names, row, strict=False) if name and cell} for row in whole]


def _joined(rows: Sequence[Row], lookups: Sequence[Lookup]) -> list[Row | None]:
    """Return each person's row by the address it repeats; of two, that at their place. One about nobody is nobody's."""
    owners = {lookup.address: at for at, lookup in enumerate(lookups)}
    joined: list[Row | None] = [None] * len(lookups)
    for number, row in enumerate(rows):
        echo = row.get("input_email") or row.get("email") or ""
        at = owners.get(echo)
        at = owners.get(normalise_one(echo) or "") if at is None else at
        if at is None:
            continue
        job = lookups[at].job
        place = _number(row.get("row_id")) or number + 1
        if joined[at] is None or (job is not None and int(_parts(job.token)[3]) == place - 1):
            joined[at] = row
    return joined


def _answer(row: Row | None) -> dict[str, Any] | None:
    """Return a row as a csv_row answer, or None where it says nothing that can be read."""
    if row is None:
        return None
    kept = {name: cell for name, cell in row.items() if name not in COLUMNS}
    kept.setdefault("input_email", row.get("email"))
    for field in FIELDS.values():
        if field.integer and field.column in kept:
            number = _number(kept[field.column])
            kept[field.column] = kept[field.column] if number is None else number
    says_something = any(field.column in kept for field in FIELDS.values())
    words = {normal_word(kept.pop(name, "")) for name in ("status", "enriched_status")} - {""}
    missed = "not_found" in words or normal_word(kept.get("enriched_email_status")) == "not_found"
    if missed or not (words or says_something):
        return {"status": "not_found", "csv_row": kept}
    if not says_something and words & FAILED:
        return {"status": "failed", "csv_row": kept}
    return {"status": "completed", "csv_row": kept} if says_something or words & DONE else None


def _body(answer: dict[str, Any] | None, cost: int | None, failed: bool) -> bytes | None:
    """Return what is kept of a person, or None where it is not known what became of them."""
    if answer is None and cost is None:
        return None
    told = answer or {"status": "failed", "csv_row": {}} | ({} if failed else {"untold": True})
    return json.dumps({**told, "meta": {"credits_used": cost}}).encode()


def _number(cell: Any) -> float | None:
    """Return the number in a cell, or None; JSON can write no other than a finite one."""
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
