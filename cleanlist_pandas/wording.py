"""How numbers and web addresses are told to people."""

from __future__ import annotations

import re

__all__ = ["host_of", "n_of"]


def n_of(n: int, noun: str, plural: str = "") -> str:
    """Return a number and what it counts.

    Examples
    --------
    >>> n_of(1, "credit"), n_of(2_000, "credit"), n_of(2, "person", "people")
    ('1 credit', '2,000 credits', '2 people')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def host_of(url: str) -> str:
    """Return a web address as far as its host: what comes after may be a secret.

    Examples
    --------
    >>> host_of("https://hooks.acme.example/T0/s3cret?token=x"), host_of("http://127.0.0.1:8000")
    ('https://hooks.acme.example/…', 'http://127.0.0.1:8000')
    """
    return re.sub(r"(://[^/?#\s]*)[/?#]\S+", r"\1/…", url)
