"""What one request brought back: plain values, no I/O.

A request ends as a `Reply` (a whole answer of the server) or as `Lost` (anything else). What follows from either is
decided in `run.retry`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

from cleanlist_pandas.fields import normal_word
from cleanlist_pandas.wording import host_of

__all__ = ["COMPANY_NOT_FOUND", "Lost", "LostBy", "Problem", "Reply", "parse_retry_after_s", "plain_text"]

COMPANY_NOT_FOUND: Final = "company_not_found"


class LostBy(StrEnum):
    """Why no whole answer came back."""

    CONNECT = "no connection could be made"
    TLS = "the server's certificate was not accepted"
    TIMEOUT = "no answer in time"
    RESET = "the connection broke"
    TOO_LARGE = "the answer was larger than any can be"
    ENCODED = "the answer came compressed although that was not asked for"
    CANCELLED = "stopped while waiting for the answer"


@dataclass(frozen=True, slots=True)
class Lost:
    """No whole answer came back.

    Parameters
    ----------
    by : LostBy
        What went wrong.
    sent : bool
        False only if not one byte of the request left this machine: then nothing can have been charged.
    """

    by: LostBy
    sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer of the server."""

    status: int
    body: bytes
    retry_after_s: float | None = None

    def json(self) -> Any:
        """Return the body as JSON, or None where it is none."""
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return None

    def says_not_found(self) -> bool:
        """Whether the body's own status, or its error's code, says that nobody was found."""
        content = self.json()
        said = isinstance(content, dict) and normal_word(content.get("status")) == "not_found"
        return said or self.problem().code == COMPANY_NOT_FOUND

    def problem(self) -> Problem:
        """Return what an error body says, in either of the vendor's two shapes."""
        content = self.json()
        if not isinstance(content, dict):
            return Problem()
        error = content.get("error")
        if isinstance(error, dict):
            return _problem_of_error(error)
        return _problem_of_detail(content.get("detail"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error body, reduced to what decides something or helps a person."""

    code: str = ""
    text: str = ""
    retryable: bool | None = None
    retry_after_s: float | None = None
    request_id: str = ""
    given: bool = False  # whether the body was an error body at all


def _problem_of_error(error: Mapping[str, Any]) -> Problem:
    """Read ``{"error": {"code", "problem", "retryable", "retry_after_ms", "request_id"}}``."""
    retryable = error.get("retryable")
    return Problem(
        code=plain_text(error.get("code")),
        text=plain_text(error.get("problem") or error.get("message")),
        retryable=retryable if isinstance(retryable, bool) else None,
        retry_after_s=_wait_of_ms(error.get("retry_after_ms")),
        request_id=plain_text(error.get("request_id")),
        given=True,
    )


def _problem_of_detail(detail: Any) -> Problem:
    """Read ``{"detail": "text"}`` or ``{"detail": [{"msg": …}]}``; the echo of our input is left out."""
    if isinstance(detail, str):
        return Problem(text=plain_text(detail), given=True)
    if isinstance(detail, list):
        texts = [plain_text(item.get("msg")) for item in detail[:3] if isinstance(item, dict)]
        return Problem(text="; ".join(filter(None, texts)), given=True)
    return Problem()


def plain_text(text: Any) -> str:
    """At most 200 printable characters, without addresses: words that hold an @, and what follows a URL's host."""
    if not isinstance(text, str):
        return ""
    words = (host_of(word) if "@" not in word and "%40" not in word else "(address)" for word in text[:400].split())
    return "".join(char for char in " ".join(words)[:200] if char.isprintable())


def _no_constant(name: str) -> Any:
    """Refuse NaN and Infinity: they are not JSON."""
    raise ValueError(name)


def parse_retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (RFC 9110, 10.2.3): a number of seconds or an HTTP date.

    None where the header is missing or says nothing sensible; 0 for a date that has passed.
    """
    if not value:
        return None
    try:
        return _wait(float(value))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def _wait(seconds: float) -> float | None:
    """Seconds as a wait, or None for what is no wait (negative, NaN); infinity stays: it means never."""
    return None if math.isnan(seconds) or seconds < 0 else float(seconds)


def _wait_of_ms(value: Any) -> float | None:
    """Milliseconds as seconds to wait; None for what is no number. JSON's integers may be larger than any float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _wait(max(-1.0, min(value, 1e300)) / 1000)
