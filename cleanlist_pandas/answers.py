"""What a look-up brought, one per unique person: the noun between `run` and `join`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cleanlist_pandas.fields import RowStatus, Source

__all__ = ["Answer"]


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
