"""The vocabulary: which fields there are, what their columns are called and hold, and what they cost.

References
----------
Field names, enum members and prices: www.cleanlist.ai/enrich/csv-files and its sibling pages (read 2026-11-22).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, get_args

from cleanlist_pandas.errors import ConfigurationError

__all__ = [
    "EMAIL_STATUSES",
    "FIELDS",
    "SENIORITIES",
    "ColumnName",
    "Field",
    "FieldName",
    "RowStatus",
    "Source",
    "normal_word",
    "parse_fields",
]

FieldName = Literal[
    "email_status", "title", "seniority", "company", "industry", "size", "phone", "linkedin", "icp_score"
]
ColumnName = Literal[
    "enriched_email_status",
    "enriched_title",
    "enriched_seniority",
    "enriched_company",
    "enriched_industry",
    "enriched_size",
    "enriched_phone",
    "enriched_linkedin",
]

EMAIL_STATUSES: Final = ("valid", "invalid", "risky", "catch-all", "disposable", "role-based", "unknown")

# Lowest first. The vendor lists "entry through c_level" and names owner apart; owner above c_level is our reading.
SENIORITIES: Final = ("entry", "individual_contributor", "manager", "director", "vp", "c_level", "owner")


class RowStatus(StrEnum):
    """What became of a row: the categories of ``enriched_status``."""

    COMPLETED = "completed"
    NOT_FOUND = "not_found"
    SKIPPED = "skipped"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    NOT_ATTEMPTED = "not_attempted"


class Source(StrEnum):
    """Where a row's values came from: the categories of ``enriched_source``."""

    API = "api"
    LEDGER = "ledger"
    KNOWN = "known"
    EXISTING = "existing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that can be asked for."""

    name: FieldName
    meaning: str
    categories: tuple[str, ...] = ()  # empty: not an enum
    ordered: bool = False
    integer: bool = False
    needs_phone_price: bool = False

    @property
    def column(self) -> str:
        """The service's own name for it, which is the column's name too."""
        return self.name if self.name == "icp_score" else f"enriched_{self.name}"


FIELDS: Final[dict[str, Field]] = {
    field.name: field
    for field in (
        Field(name="email_status", meaning="can mail be delivered there", categories=EMAIL_STATUSES),
        Field(name="title", meaning="current job title, normalised by the service"),
        Field(name="seniority", meaning="level of the title", categories=SENIORITIES, ordered=True),
        Field(name="company", meaning="current employer"),
        Field(name="industry", meaning="the employer's industry"),
        Field(name="size", meaning="the employer's headcount range"),
        Field(name="phone", meaning="direct dial or mobile, as the service writes it", needs_phone_price=True),
        Field(name="linkedin", meaning="address of the LinkedIn profile"),
        Field(name="icp_score", meaning="0 to 100, where the account has ICP criteria", integer=True),
    )
}
assert tuple(FIELDS) == get_args(FieldName)  # noqa: S101 - one list, written twice for type checkers
assert {field.column for field in FIELDS.values()} == {*get_args(ColumnName), "icp_score"}  # noqa: S101


def parse_fields(fields: Iterable[str] | str | None) -> tuple[FieldName, ...]:
    """Names as asked for, in that order, without the ``enriched_`` prefix and without repeats.

    ``None`` stands for every field that costs 1 credit a look-up: all but ``phone``.
    """
    if fields is None:
        return tuple(field.name for field in FIELDS.values() if not field.needs_phone_price)
    if isinstance(fields, bytes) or not isinstance(fields, str | Iterable):
        raise ConfigurationError(f'fields must be names such as ["title"], not {type(fields).__name__}.')
    asked = fields.split(",") if isinstance(fields, str) else list(fields)
    if not asked:
        raise ConfigurationError(f"fields is empty; name at least one of {', '.join(FIELDS)}.")
    return tuple(dict.fromkeys(_field_name(name) for name in asked))


def _field_name(name: object) -> FieldName:
    """One field's name, or an error that lists the right ones."""
    short = name.strip().lower().removeprefix("enriched_") if isinstance(name, str) else name
    if isinstance(short, str) and short in FIELDS:
        return FIELDS[short].name
    close = difflib.get_close_matches(str(short), FIELDS, n=1) if isinstance(short, str) else []
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ConfigurationError(f"{name!r} is not a field; {hint}the fields are {', '.join(FIELDS)}.")


def normal_word(word: Any) -> str:
    """A word of an enum without regard to case, spaces, hyphens or underscores around and inside it."""
    if not isinstance(word, str):
        return ""
    return "_".join(word[:100].casefold().replace("-", " ").replace("_", " ").split())
