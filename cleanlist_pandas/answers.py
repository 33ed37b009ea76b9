"""What a look-up brought, one per unique person: the noun between `run` and `join`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cleanlist_pandas.fields import RowStatus, Source

__all__ = ["Answer", "at_company", "combine"]

_UNENDED: Final = (RowStatus.IN_DOUBT, RowStatus.NOT_ATTEMPTED, RowStatus.FAILED)  # the worst first
_NEAREST: Final = (Source.API, Source.LEDGER, Source.KNOWN, Source.EXISTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one person's look-up.

    Parameters
    ----------
    status : RowStatus
        What became of it.
    credits : int
        Credits this run was charged for it; 0 when it came from the ledger.
    values : mapping of str to str or int
        Field name to value; a field that is missing or unreadable is not in it.
    confidence : float or None
        The service's own confidence, 0 to 1.
    at_us : int or None
        When it was answered, microseconds since 1970, UTC.
    source : Source or None
        Where it came from; None where nothing was learnt.
    reason : str
        Why, where it did not complete. Never holds an address.
    notes : tuple of str
        What was odd about a usable answer, such as an unknown enum value.
    """

    status: RowStatus
    credits: int = 0
    values: Mapping[str, str | int] = field(default_factory=dict, repr=False)
    confidence: float | None = None
    at_us: int | None = None
    source: Source | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


def combine(parts: Sequence[Answer]) -> Answer:
    """Make one answer of what several sources say of a person, the newest last.

    Of two values for a field the newer counts, but before all a value of the user's own tables. In doubt is who is in
    doubt for anything; else the newest part decides, except that a miss takes nothing away. Source, time and confidence
    are those of the service, before the ledger, before the user's own tables.
    """
    if len(parts) == 1:
        return parts[0]
    values: dict[str, str | int] = {}
    for part in (*parts, *(part for part in parts if part.source is Source.KNOWN)):
        values |= part.values
    newest = parts[-1]
    decisive = next((part for part in parts if part.status is RowStatus.IN_DOUBT), newest)
    completed = [part for part in reversed(parts) if part.status is RowStatus.COMPLETED]
    if decisive.status is RowStatus.NOT_FOUND and completed:
        decisive = completed[0]
    told = [part for part in completed or reversed(parts) if part.source is not None]
    nearest = min(told, key=lambda part: _NEAREST.index(part.source), default=newest)
    return Answer(
        status=decisive.status,
        credits=sum(part.credits for part in parts),
        values=values,
        confidence=nearest.confidence,
        at_us=nearest.at_us,
        source=nearest.source,
        reason=decisive.reason,
        notes=tuple(note for part in parts for note in part.notes),
    )


def at_company(person: Answer, company: Answer) -> Answer:
    """Give a person what is known of their company; what is known of the person counts before it.

    The status is the person's: who was not found stays so beside the industry of their company, and who was answered
    beside a company that was not attempted. Only where the company's look-up is in doubt or failed, and the person's
    fared better, the row says that. Whoever was erased meanwhile gets nothing but the bill.
    """
    credits = person.credits + company.credits
    if person.status is RowStatus.SKIPPED:
        return replace(person, credits=credits)
    deciding = (person,) if company.status is RowStatus.NOT_ATTEMPTED else (person, company)
    decisive = min(deciding, key=lambda one: (*_UNENDED, one.status).index(one.status))
    told = [one for one in (person, company) if one.source is not None]
    nearest = min(told, key=lambda one: _NEAREST.index(one.source), default=person)
    return Answer(
        status=decisive.status,
        credits=credits,
        values={**company.values, **person.values},
        confidence=nearest.confidence,
        at_us=nearest.at_us,
        source=nearest.source,
        reason=decisive.reason,
        notes=(*person.notes, *company.notes),
    )
