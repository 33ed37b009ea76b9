"""How a look-up, its outcome and its job stand in the ledger's file, and how they are read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from cleanlist_pandas.run.records import IN_DOUBT, Record, checksum, job_values
from cleanlist_pandas.services.service import Job, Lookup

__all__ = ["HAS_JOB", "OPEN_JOBS", "ROWS", "as_lookup", "names_in", "read_row"]

ROWS: Final = (
    "SELECT l.id, l.run, l.world, l.service, l.address, l.fields, l.price, l.at_us, l.checksum, "
    "o.status, o.credits, o.reason, o.at_us, o.body, o.checksum, j.token, j.at_us, j.checksum "
    "FROM lookups l LEFT JOIN outcomes o ON o.lookup = l.id LEFT JOIN jobs j ON j.lookup = l.id "
    "WHERE l.id IN (SELECT value FROM json_each(?))"
)
"""All that is known of some look-ups, given as a JSON list of their ids."""

_BEGINS: Final = "FROM jobs WHERE token >= ?1 AND token < ?1 || char(1114111)"  # a range, so that the index finds it
HAS_JOB: Final = f"SELECT 1 {_BEGINS} LIMIT 1"
"""Whether a look-up has a token that begins so, whatever became of it."""
OPEN_JOBS: Final = f"SELECT lookup {_BEGINS} AND lookup NOT IN (SELECT lookup FROM outcomes)"  # noqa: S608 - constants
"""Look-ups with a token that begins so, of which nobody knows what became of them."""


def read_row(row: tuple[Any, ...], running: Mapping[str, bool]) -> Record | None:
    """Return one of `ROWS` as a record, or None if it was changed behind our back.

    Parameters
    ----------
    row : tuple
        As it was read.
    running : mapping of str to bool
        Whether the run of a look-up without an outcome is alive.
    """
    lookup, run, service, fields = row[0], row[1], row[3], names_in(row[5])
    sound = checksum(row[:8]) == row[8]
    if row[9] is None:
        job = None if row[15] is None else Job(lookup=lookup, token=row[15], at_us=row[16])
        sound = sound and (job is None or checksum(job_values(job)) == row[17])
        record = Record(
            status="" if running[run] else IN_DOUBT, lookup=lookup, run=run, service=service, fields=fields,
            reason="cut off", at_us=row[7], job=job,
        )  # fmt: skip
    else:
        sound = sound and checksum((lookup, *row[9:14])) == row[14]
        status, credits, reason, at_us, body = row[9:14]
        record = Record(
            status=status, lookup=lookup, run=run, service=service, fields=fields, credits=credits, reason=reason,
            at_us=at_us, body=body,
        )  # fmt: skip
    return record if sound else None


def as_lookup(row: tuple[Any, ...], record: Record) -> Lookup:
    """Return what was asked, and by what it is asked about, from one of `ROWS` and what was read of it."""
    return Lookup(address=row[4], fields=record.fields, job=record.job)


@cache
def names_in(fields: str) -> tuple[str, ...]:
    """Return the fields of a row; there are few different ones."""
    return tuple(fields.split(","))
