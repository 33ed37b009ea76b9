"""How the surfaces behave that keep an account, and the time they go by: everything a test may want to set."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass

__all__ = ["Clock", "Terms", "Window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What these surfaces do where the vendor leaves it open, or where a test wants it otherwise.

    Parameters
    ----------
    limits : bool, default False
        Whether the documented limits hold: 60 requests a minute for the organisation and 30 for each key, over both
        surfaces together. How the vendor counts is unknown; here it is any 60 seconds on the sandbox's clock.
    workflow_s : float, default 0
        Seconds, on the sandbox's clock, that an enrichment takes.
    workflow_polls : int, default 0
        Status requests that an enrichment outlives: with 2 the third one finds it ended.
    email_imports : bool, default True
        Whether csv-import keeps a row with nothing but an e-mail address. The vendor's rule is unknown; with ``False``
        a row needs a profile, or a name and a company, or it is skipped as ``missing_required``.
    nested_results : bool, default False
        Whether webhooks carry the second of the two shapes seen: ``result`` and ``input`` inside each result.
    webhook_timeout_s : float, default 10
        Seconds, by the system's clock, within which a webhook has to be acknowledged.
    csv_rows_at_once : int, default 10,000
        Rows from which on a CSV file is a job; one of fewer rows is answered at once.
    csv_rows : int, default 100,000
        Rows that a CSV file may have at most.
    csv_credits : bool, default False
        Whether a CSV file comes back with a column of what each row cost.

    Raises
    ------
    ValueError
        When a number is below 0.
    """

    limits: bool = False
    workflow_s: float = 0.0
    workflow_polls: int = 0
    email_imports: bool = True
    nested_results: bool = False
    webhook_timeout_s: float = 10.0
    csv_rows_at_once: int = 10_000
    csv_rows: int = 100_000
    csv_credits: bool = False

    def __post_init__(self) -> None:
        for name in ("workflow_s", "workflow_polls", "webhook_timeout_s", "csv_rows_at_once", "csv_rows"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {value!r}")


class Clock:
    """A clock that stands still until it is moved, for ``Sandbox(clock=…)``; any thread may move it.

    Parameters
    ----------
    now_s : float, default 1_800_000_000
        Seconds since 1970.

    Examples
    --------
    >>> from cleanlist_pandas.sandbox import Clock
    >>> clock = Clock(100.0)
    >>> clock.advance(5)
    105.0
    >>> clock()
    105.0
    """

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Return the time."""
        return self._now_s

    def __repr__(self) -> str:
        return f"Clock({self._now_s!r})"

    def advance(self, seconds: float) -> float:
        """Move on, and return the new time."""
        with self._lock:
            self._now_s += seconds
        return self._now_s


class Window:
    """At most `limit` requests in any `seconds`. Those that were sent away do not count.

    Parameters
    ----------
    limit : int
        Requests.
    seconds : float, default 60
        The window's length.
    """

    __slots__ = ("_limit", "_seconds", "_times")

    def __init__(self, limit: int, seconds: float = 60.0) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: deque[float] = deque()

    def wait_s(self, now_s: float) -> int:
        """Return 0 where a request may come now, or the whole seconds until it may."""
        while self._times and self._times[0] <= now_s - self._seconds:
            self._times.popleft()
        if len(self._times) < self._limit:
            return 0
        return max(1, math.ceil(self._times[0] + self._seconds - now_s))

    def take(self, now_s: float) -> None:
        """Count a request."""
        self._times.append(now_s)
