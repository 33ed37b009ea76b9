"""Numbers with their nouns."""

from __future__ import annotations

__all__ = ["n_of"]


def n_of(n: int, noun: str, plural: str = "") -> str:
    """Return a number and what it counts.

    Examples
    --------
    >>> n_of(1, "credit"), n_of(2_000, "credit"), n_of(2, "person", "people")
    ('1 credit', '2,000 credits', '2 people')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
