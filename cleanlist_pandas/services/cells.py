"""The cells of an answer, each in its own type: what any surface sends, one bad field costs no other. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cleanlist_pandas.fields import EMAIL_STATUSES, FIELDS, SENIORITIES, normal_word
from cleanlist_pandas.frame.addresses import normalise_one

__all__ = [
    "as_object",
    "csv_of",
    "is_foreign",
    "read_credits",
    "read_number",
    "read_share",
    "read_values",
    "spread_credits",
]

_ENUMS: Final = {
    "email_status": {normal_word(member): member for member in EMAIL_STATUSES},
    "seniority": {normal_word(member): member for member in SENIORITIES},
}


def as_object(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def read_credits(value: Any) -> int | None:
    """Return whole credits from 0 up, rounded up; None for anything else."""
    number = read_number(value)
    return math.ceil(number) if number is not None and 0 <= number < 1e9 else None


def read_share(value: Any) -> float | None:
    """Return a number from 0 to 1, or None."""
    number = read_number(value)
    return float(number) if number is not None and 0 <= number <= 1 else None


def is_foreign(echo: Any, address: str) -> bool:
    """Whether the answer names another address than was asked about; none named is none foreign."""
    if not isinstance(echo, str) or not echo.strip():
        return False
    same = echo.isascii() and echo.strip().lower() == address  # the common case, a thousand times cheaper
    return not same and normalise_one(echo) != address


def read_number(value: Any) -> int | float | None:
    """Return a finite JSON number, or None; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def read_values(row: Mapping[str, Any], fields: Sequence[str]) -> tuple[dict[str, str | int], list[str]]:
    """Return the usable values of the fields asked for, and what was odd; one bad field costs no other."""
    values: dict[str, str | int] = {}
    notes: list[str] = []
    for name in fields:
        raw = row.get(FIELDS[name].column)
        if raw is None or raw == "":
            continue
        value = _value(name, raw)
        if value is None:
            tellable = isinstance(raw, str) and name in _ENUMS and "@" not in raw
            shown = repr(raw[:40]) if tellable else f"a {type(raw).__name__}"
            notes.append(f"{name}: {shown} is not a known value")
        else:
            values[name] = value
    return values, notes


def _value(name: str, raw: Any) -> str | int | None:
    """Return one field's value in its own type, or None if it is not of it."""
    if FIELDS[name].integer:
        number = read_number(raw)
        return int(number) if number is not None and number == int(number) and 0 <= number <= 100 else None
    if not isinstance(raw, str):
        return None
    if name in _ENUMS:
        return _ENUMS[name].get(normal_word(raw))
    text = raw.encode("utf-8", "replace").decode().strip()  # a lone surrogate cannot be written to any file
    return text or None


def spread_credits(charged: int, credits: Sequence[int], untold: Sequence[bool], price: int) -> list[int]:
    """Return what each person cost, so that it adds up to what was charged; more goes first to who is untold of."""
    spread, rest = list(credits), charged - sum(credits)
    for at, is_untold in enumerate(untold):
        more = min(max(rest, 0), price) if is_untold else 0
        less = min(max(-rest, 0), spread[at])
        spread[at] += more - less
        rest += less - more
    spread[0] += max(rest, 0)  # above the price of all: the run stops
    return spread


def csv_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV file in which each row is one line: a line break in a cell would name somebody else."""
    text = io.StringIO(newline="")
    one_line = ([" ".join(cell.split()) for cell in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows([header, *one_line])
    return text.getvalue().encode("utf-8", "replace")
