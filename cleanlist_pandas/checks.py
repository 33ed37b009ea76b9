"""Checks of single values: each returns the value in its final form or says in one sentence what would be right."""

from __future__ import annotations

import ipaddress
import math
import numbers
import os
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import pandas as pd

from cleanlist_pandas.errors import ConfigurationError

__all__ = ["DEFAULT_MAX_AGE", "MISS_MAX_AGE", "Secret"]

DEFAULT_MAX_AGE: Final = timedelta(days=90)
MISS_MAX_AGE: Final = timedelta(days=30)


class Secret:
    """An API key that shows itself to nobody by accident: masked repr, no pickling.

    Examples
    --------
    >>> Secret("clnl_invented_0000000000000001")
    Secret('***0001')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the key itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret('***{self._text[-4:] if len(self._text) >= 20 else ''}')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key cannot be pickled")


def secret(value: Any) -> Secret | None:
    """Check an API key: any printable ASCII text without spaces; its prefix is not looked at."""
    if value is None or isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError("api_key must be the text of your key, or None.")
    text = value.strip()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ConfigurationError("api_key holds characters that no key has; paste the key whole and alone.")
    return Secret(text)


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(value: Any) -> str:
    """Check an address: https, or http on this machine; without a trailing slash."""
    example = "'https://api.cleanlist.ai/v1'"
    if not isinstance(value, str):
        raise ConfigurationError(f"base_url must be text such as {example}.")
    try:
        parts = urlsplit(value.strip())
        strange = bool(parts.username or parts.password or parts.query or parts.fragment or parts.port == 0)
    except ValueError:
        raise ConfigurationError(f"base_url is not a web address; one reads like {example}.") from None
    if strange or not parts.hostname or parts.scheme not in ("https", "http"):
        raise ConfigurationError(f"base_url must be a scheme, a host and a path and nothing else, such as {example}.")
    if parts.scheme == "http" and not is_loopback(value):
        raise ConfigurationError(
            f"base_url {parts.scheme}://{parts.hostname} would send your key unencrypted; write https:// "
            "(http:// is for this machine only)."
        )
    return value.strip().rstrip("/")


def webhook_url(value: Any) -> str | None:
    """Check where the service is to post: https at a public host, or http on this machine. None: nowhere."""
    if value is None:
        return None
    wrong = ConfigurationError(
        "webhook_url must be a public https:// address without a user, or http:// on this machine, for the sandbox."
    )
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise wrong
    try:
        parts = urlsplit(value)
        strange = bool(parts.username or parts.password or parts.fragment or parts.port == 0)
    except ValueError:
        raise wrong from None
    at_home = parts.scheme == "http" and is_loopback(value)
    if strange or not (at_home or (parts.scheme == "https" and _is_public(parts.hostname or ""))):
        raise wrong
    return value


def _is_public(host: str) -> bool:
    """Whether a host may be one that everybody reaches; it is not looked up."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        labels = host.removesuffix(".").split(".")  # a last one in digits is an address in another notation: 127.1
        is_name = len(labels) > 1 and all(labels) and labels[-1][0].isalpha()
        return is_name and labels[-1] not in ("local", "localhost", "internal")


def ledger(value: Any) -> Any:
    """Check a ledger: a path, an open `Ledger`, or None for memory only."""
    if value is None or hasattr(value, "record"):
        return value
    if isinstance(value, str | os.PathLike) and str(value).strip():
        return Path(value).expanduser().absolute()  # a relative one must not move with the process
    raise ConfigurationError("ledger must be a path, a cl.Ledger, or None to keep it in memory for this call only.")


def age(value: Any) -> timedelta | None:
    """Check an age: whole days, a timedelta, or a text pandas reads as one."""
    try:
        span = None if value is None else _days(value) or pd.Timedelta(value)
        if span is None or span >= timedelta(0):
            return span if span is None else timedelta(seconds=span.total_seconds())
    except (ValueError, TypeError, OverflowError):
        pass
    raise ConfigurationError(
        "An age (max_age, older_than) is a number of days, a timedelta or a text such as '30D', from 0 up."
    )


def moment_us(value: Any) -> int:
    """Check a time that has passed; return it in microseconds since 1970, UTC."""
    try:
        given: Any = None if isinstance(value, numbers.Number) else value  # pandas would read nanoseconds
        moment = pd.Timestamp(given)
        moment = moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")
        if moment <= pd.Timestamp.now("UTC"):
            return int(moment.value // 1000)
    except (ValueError, TypeError, OverflowError):
        pass
    raise ConfigurationError("as_of must be a time that has passed, such as '2026-06-30'.")


def _days(value: Any) -> timedelta | None:
    """Read a bare number, also as text, as days: pandas would read nanoseconds."""
    if isinstance(value, bool) or not (_is_int(value) or isinstance(value, float | str)):
        return None
    try:
        return timedelta(days=float(value))
    except ValueError:
        return None


def credits_limit(value: Any) -> int | None:
    """Check a budget: a whole number of credits from 0 up, or None for the plan's own ceiling."""
    if value is None or (_is_int(value) and value >= 0):
        return value if value is None else int(value)
    raise ConfigurationError(
        "max_credits must be a whole number of credits from 0 up, or None for the plan's own ceiling."
    )


def count(name: str, low: int, high: int) -> Callable[[Any], int]:
    """Check a whole number between two bounds."""

    def check(value: Any) -> int:
        if _is_int(value) and low <= value <= high:
            return int(value)
        raise ConfigurationError(f"{name} must be a whole number from {low} to {high}.")

    return check


def positive(name: str, *, none: bool = False) -> Callable[[Any], float | None]:
    """Check a finite number above 0; None only where it has a meaning."""

    def check(value: Any) -> float | None:
        if value is None and none:
            return None
        number = isinstance(value, numbers.Real | Decimal) and not isinstance(value, bool)
        if number and math.isfinite(value) and value > 0:
            return float(value)
        raise ConfigurationError(f"{name} must be a number above 0{', or None' if none else ''}.")

    return check


def one_of(name: str, *choices: str, none: bool = False) -> Callable[[Any], str | None]:
    """Check a word of a closed set; None only where it has a meaning."""

    def check(value: Any) -> str | None:
        if (value is None and none) or (isinstance(value, str) and value in choices):
            return value
        raise ConfigurationError(f"{name} must be {' or '.join(map(repr, choices))}{' or None' if none else ''}.")

    return check


def flag(name: str) -> Callable[[Any], bool]:
    """Check True or False."""

    def check(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise ConfigurationError(f"{name} must be True or False.")

    return check


def _is_int(value: Any) -> bool:
    """Whether it is a whole number and not a bool; numpy's integers count."""
    return hasattr(value, "__index__") and not isinstance(value, bool)
