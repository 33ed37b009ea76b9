"""CSV files (``/v1/enrich/csv``): a file goes up, the same rows come back with columns added.

The vendor's are (https://www.cleanlist.ai/enrich/csv-files): UTF-8 with a header row, an e-mail column found by its
name, 100,000 rows at most; below 10,000 rows the answer comes at once, else there are a ``job_id`` and a webhook at the
end; input columns are kept; a row without a match comes back with empty columns and ``not_found``, and is free.

**Assumptions**, as no request and no answer with a file in it is shown: the path; that the file is a text in a JSON
body, beside ``fields`` and ``webhook_url``, both ways; ``GET`` with the job's id, which says ``processing`` until the
end; a column ``status``; one ``meta.credits_used`` for all, and a column of that name only where `Terms.csv_credits`
says so; that each row is charged, repeated or not; that exactly 10,000 rows are a job; what the webhook says.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cleanlist_pandas.sandbox.books import Charge
from cleanlist_pandas.sandbox.rules import COLUMNS, FIELDS, price
from cleanlist_pandas.sandbox.world import Person, World

__all__ = ["SURFACE", "Upload", "email_column", "read_rows"]

SURFACE = "csv_upload"
EMAIL_NAMES = frozenset({"email", "emailaddress", "workemail", "businessemail", "mail"})
FIRST_NAMES, LAST_NAMES = frozenset({"firstname", "givenname"}), frozenset({"lastname", "surname"})


@dataclass(slots=True)
class Upload:
    """One file, from its coming to its end."""

    job_id: str
    request: int
    rows: list[list[str]]  # the header is the first
    fields: frozenset[str]
    started_s: float
    tells_credits: bool = False
    ends: str | None = None
    credits: int | None = None
    webhook_url: str | None = None
    polls: int = 0
    ended_s: float | None = None
    charges: list[Charge] = field(default_factory=list)
    content: str | None = None

    @property
    def cost(self) -> int:
        """What it costs at most."""
        return price(self.fields) * (len(self.rows) - 1)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.ended_s is not None

    def end(self, world: World, now_s: float) -> None:
        """Look everybody up, write the file that comes back, and say what is charged for it."""
        self.ended_s = now_s
        header, *rows = self.rows
        at = email_column(header)
        people = [(row[at], world.look_up(row[at])) for row in rows]
        if self.ends != "swept":
            self.charges = list(self._charges(people))
        if self.ends is None:
            self.content = self._written(people)

    def _charges(self, people: Sequence[tuple[str, Person | None]]) -> Iterator[Charge]:
        """Charge for who was found; a script charges for the whole, a failure for everybody."""
        names = tuple(name for name in FIELDS if name in self.fields)
        for email, person in people[:1] if self.credits is not None else people:
            credits = price(self.fields) if self.credits is None else self.credits
            if credits and (person is not None or self.credits is not None or self.ends):
                yield Charge(
                    email=email, credits=credits, fields=names, request=self.request, surface=SURFACE,
                    workflow=self.job_id,
                )  # fmt: skip

    def _written(self, people: Sequence[tuple[str, Person | None]]) -> str:
        """Write the rows as they came, each with what was found of its person."""
        header, *rows = self.rows
        names = _places(header, FIRST_NAMES) + _places(header, LAST_NAMES)
        added = ["row_id", "input_email", "input_name", *COLUMNS.values(), "status"]
        lines: list[list[Any]] = [[*header, *added, *(["credits_used"] if self.tells_credits else [])]]
        for number, (row, (email, person)) in enumerate(zip(rows, people, strict=True), start=1):
            name = " ".join(filter(None, (row[at] for at in names))) or (person.name if person else None)
            found = [getattr(person, name) if person and name in self.fields else None for name in COLUMNS]
            cells = [*row, number, email, name, *found, "completed" if person else "not_found"]
            lines.append([*cells, *([price(self.fields) if person else 0] if self.tells_credits else [])])
        text = io.StringIO(newline="")
        csv.writer(text).writerows(lines)
        return text.getvalue()

    def told(self, **more: Any) -> dict[str, Any]:
        """Say how it is doing."""
        status = "processing" if not self.is_over else "failed" if self.ends else "completed"
        meta: dict[str, Any] = {"total_rows": len(self.rows) - 1}
        if self.is_over:
            meta["credits_used"] = sum(charge.credits for charge in self.charges)
        return {**more, "status": status, "meta": meta}

    def webhook(self) -> bytes:
        """Write what is posted at the end: not the file itself."""
        return json.dumps(self.told(event="csv.completed", job_id=self.job_id)).encode()


def read_rows(text: str) -> list[list[str]]:
    """Read a file: all of its rows as wide as the header, lines without anything left out.

    Raises
    ------
    csv.Error
        When it is no CSV.
    """
    rows = [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True) if any(row)]
    width = len(rows[0]) if rows else 0
    return [(row + [""] * width)[:width] for row in rows]


def email_column(header: Sequence[str]) -> int:
    """Return the place of the e-mail column, or -1."""
    return next(iter(_places(header, EMAIL_NAMES)), -1)


def _places(header: Sequence[str], names: frozenset[str]) -> list[int]:
    """Return the places of the columns of some names, in any case and with any marks between the words."""
    plain = ["".join(char for char in name.lower() if char.isalnum()) for name in header]
    return [at for at, name in enumerate(plain) if name in names]
