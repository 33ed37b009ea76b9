"""Pure: what happened to a request decides what comes next. This table is the money rules' heart.

==========================================================  =====================================================
what came back                                              verdict
==========================================================  =====================================================
not one byte left this machine (refused, DNS)               AGAIN
the server's certificate was refused                        STOP, nothing was sent
429, 503, any error body that says ``retryable: true``      AGAIN, after Retry-After
2xx                                                         READ: the service's module says what the answer is
401, 403                                                    STOP, authentication
402, or 400 ``insufficient_credits``                        STOP, out of credits
404 whose body says ``status: not_found``                   READ
404 that knows nothing of the path                          STOP, no such surface there
400, 404, 422 and other 4xx                                 REFUSED: failed for this person, 0 credits
3xx                                                         STOP, in doubt: never followed
408, 409, other 5xx, sent but silent, cut or unreadable     IN_DOUBT: never sent again unless the caller says so
==========================================================  =====================================================
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from cleanlist_pandas.services.reply import Lost, LostBy, Problem, Reply
from cleanlist_pandas.services.service import SURFACES, surface_at

__all__ = ["Next", "RetryQuota", "StopKind", "Verdict", "backoff_s", "judge", "wait_before"]

_PATHS = dict.fromkeys(surface.path for surface in SURFACES.values())
_OTHERS = "there are " + " and ".join(f"{surface_at(path).name} at {path}" for path in _PATHS) + ", see service="

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 20.0
FIRST_THROTTLE_S = 1.0  # pause after a 429 that names no time


class Next(StrEnum):
    """What follows."""

    READ = "read"
    AGAIN = "again"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    STOP = "stop"


class StopKind(StrEnum):
    """Why a run ends before its time."""

    AUTHENTICATION = "authentication"
    CREDITS = "credits"
    SERVICE = "service"
    THROTTLED = "throttled"
    TARIFF = "tariff"
    LEDGER = "ledger"
    INTERRUPT = "interrupt"
    BUDGET = "budget"
    TIME = "time"
    SCREEN = "screen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from one reply, and why in words a person can read."""

    next: Next
    reason: str = ""
    wait_s: float | None = None  # AGAIN: what the server asked for; None: our own backoff
    throttled: bool = False  # AGAIN: the server said "slower", so everybody waits
    stop: StopKind | None = None
    charged_maybe: bool = False  # STOP: may this request have been charged


def judge(result: Reply | Lost) -> Verdict:
    """Say what follows from what came back."""
    if isinstance(result, Lost):
        return _judge_lost(result)
    if 200 <= result.status < 300:
        return Verdict(next=Next.READ)
    return _judge_error(result, result.problem())


def _judge_lost(lost: Lost) -> Verdict:
    """No whole answer: was anything sent."""
    if lost.sent:
        return Verdict(next=Next.IN_DOUBT, reason=lost.by)
    if lost.by is LostBy.TLS:
        return Verdict(next=Next.STOP, stop=StopKind.SERVICE, reason=lost.by)
    return Verdict(next=Next.AGAIN, reason=lost.by)


def _judge_error(reply: Reply, problem: Problem) -> Verdict:
    """Judge a whole answer that is no success."""
    said = " ".join(filter(None, [f"HTTP {reply.status}", problem.code, problem.text, problem.request_id]))
    status = reply.status
    if status in (429, 503) or problem.retryable is True:
        wait_s = reply.retry_after_s if reply.retry_after_s is not None else problem.retry_after_s
        return Verdict(next=Next.AGAIN, reason=said, wait_s=wait_s, throttled=status == 429 or wait_s is not None)
    if status == 402 or problem.code == "insufficient_credits":
        return Verdict(next=Next.STOP, stop=StopKind.CREDITS, reason=said)
    if status in (401, 403):
        return Verdict(next=Next.STOP, stop=StopKind.AUTHENTICATION, reason=said)
    if 300 <= status < 400:
        return Verdict(next=Next.STOP, stop=StopKind.SERVICE, reason=f"{said} (a redirect)", charged_maybe=True)
    if status == 404 and reply.says_not_found():
        return Verdict(next=Next.READ)
    if status == 404 and (not problem.given or problem.text == "Not Found"):
        return Verdict(next=Next.STOP, stop=StopKind.SERVICE, reason=f"{said}: no such path there; {_OTHERS}")
    if 400 <= status < 500 and status not in (408, 409):
        return Verdict(next=Next.REFUSED, reason=said)
    return Verdict(next=Next.IN_DOUBT, reason=said)


def backoff_s(attempt: int) -> float:
    """Seconds before try `attempt` + 1 (attempt from 1): full jitter below 1 s, doubling up to 20 s."""
    return random.uniform(0.0, min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(attempt - 1, 9)))  # noqa: S311


def wait_before(attempt: int, verdict: Verdict) -> float:
    """Seconds before try `attempt` (from 2): what the server asked for, or our own backoff."""
    if verdict.wait_s is not None:
        return verdict.wait_s
    return max(FIRST_THROTTLE_S if verdict.throttled else 0.0, backoff_s(attempt - 1))


@dataclass(slots=True)
class RetryQuota:
    """A bucket that failures drain and successes fill: a dead service ends the run instead of being hammered.

    The idea is the retry quota of the AWS SDKs. A 429 costs nothing here: it is an orderly answer, and `pace` bounds
    how long the run may wait.
    """

    left: int = 100
    capacity: int = 100

    COST_REFUSED = 2
    COST_AGAIN = 2
    COST_IN_DOUBT = 10

    def drain(self, cost: int) -> bool:
        """Take `cost`; False once the bucket is empty."""
        self.left = max(0, self.left - cost)
        return self.left > 0

    def refill(self) -> None:
        """Credit one whole, useful answer."""
        self.left = min(self.capacity, self.left + 1)
