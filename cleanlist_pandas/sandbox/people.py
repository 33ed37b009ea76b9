"""A world made of the user's own table: exactly these addresses are known, with exactly these answers."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from cleanlist_pandas.sandbox.world import Employer, Person, normal_form, profile_slug

__all__ = ["People", "TableWorld"]

People: TypeAlias = "str | PathLike[str] | Iterable[Mapping[str, Any]] | Any"
"""A CSV path, rows as mappings, or a data frame (anything whose ``to_dict("records")`` gives rows)."""

_TEXT = ("name", "email_status", "title", "seniority", "company", "industry", "size", "phone", "linkedin")


class TableWorld:
    """People read from a table; every other address is not found.

    Parameters
    ----------
    people : path, iterable of mappings, or data frame
        One row a person. Columns: ``email``, and any of ``email_status``, ``title``, ``seniority``, ``company``,
        ``industry``, ``size``, ``phone``, ``linkedin``, ``icp_score``, each with or without ``enriched_`` before it.
        A missing or blank cell is a field no provider found. Other columns are ignored; of two rows for one address
        the later counts.

    Raises
    ------
    ValueError
        When a row has no ``email`` or an ``icp_score`` that is no whole number: correct the table.
    """

    __slots__ = ("_people",)

    def __init__(self, people: People) -> None:
        self._people = dict(_entry(number, row) for number, row in enumerate(_rows(people)))

    def __repr__(self) -> str:
        return f"TableWorld({len(self._people)} people)"

    def look_up(self, email: str) -> Person | None:
        """Return the person of the table, or ``None``."""
        return self._people.get(normal_form(email))

    def by_profile(self, slug: str) -> tuple[str, Person] | None:
        """Return the first person of the table with this profile."""
        return self._first(lambda _, person: profile_slug(person.linkedin or "") == slug)

    def by_name(self, name: str, company: str | None, domain: str | None) -> tuple[str, Person] | None:
        """Return the first person of the table with this name at this domain or company, in any case."""

        def is_meant(address: str, person: Person) -> bool:
            here = (person.company or "").casefold() == (company or "").casefold() != ""
            return (person.name or "").casefold() == name.casefold() and (address.endswith(f"@{domain}") or here)

        return self._first(is_meant)

    def employer(self, domain: str) -> Employer | None:
        """Return where the first person of the table with this domain works."""
        found = self._first(
            lambda address, person: address.endswith(f"@{domain.lower()}") and person.company is not None
        )
        return found and Employer(found[1].company, found[1].industry, found[1].size)

    def identity(self, address: str, person: Person) -> str:
        """Return the profile, or the address of who has none."""
        return profile_slug(person.linkedin or "") or address

    def _first(self, is_meant: Callable[[str, Person], bool]) -> tuple[str, Person] | None:
        """Return the first that is meant."""
        return next(((at, person) for at, person in self._people.items() if is_meant(at, person)), None)


def _rows(people: People) -> list[dict[str, Any]]:
    """Read the rows of whatever was handed in."""
    if isinstance(people, str | PathLike):
        with Path(people).open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    if hasattr(people, "to_dict"):
        return list(people.to_dict("records"))
    return [dict(row) for row in people]


def _entry(number: int, row: Mapping[str, Any]) -> tuple[str, Person]:
    """Turn one row into an address and its person."""
    cells = {str(name).removeprefix("enriched_"): _cell(value) for name, value in row.items()}
    email = cells.get("email")
    if email is None or "@" not in str(email):
        raise ValueError(f"people: row {number} has no e-mail address; every row needs one in the column 'email'")
    found = {name: str(cells[name]) for name in _TEXT if cells.get(name) is not None}
    return normal_form(str(email)), Person(**found, icp_score=_score(number, cells.get("icp_score")))  # type: ignore[arg-type]


def _cell(value: Any) -> Any:
    """Return the cell, or ``None`` for every way a table says that there is nothing."""
    if (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    ):
        return None
    if isinstance(value, str):
        return value.strip() or None
    return value


def _score(number: int, value: Any) -> int | None:
    """Read an ICP score; data frames with gaps hold whole numbers as floats."""
    if value is None:
        return None
    try:
        score = float(value)
    except (TypeError, ValueError):
        score = math.nan
    if not score.is_integer():
        raise ValueError(f"people: row {number} has the icp_score {value!r}; give a whole number or leave it blank")
    return int(score)
