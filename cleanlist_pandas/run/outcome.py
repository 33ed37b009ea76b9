"""Pure: how the end of one look-up stands in the ledger."""

from __future__ import annotations

import time
from typing import Final

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.run.records import IN_DOUBT, RELEASED, Outcome
from cleanlist_pandas.run.retry import Next, Verdict
from cleanlist_pandas.services.reply import Lost, Reply

__all__ = ["ERASED", "NO_ANSWER", "outcome_of", "stopped"]

ERASED: Final = Answer(status=RowStatus.SKIPPED, reason="erased while this run was going on")
NO_ANSWER: Final = "the answer is no Cleanlist answer"


def outcome_of(lookup: int, verdict: Verdict, result: Reply | Lost, answer: Answer | None) -> Outcome:
    """Return what to write of a look-up that will not be sent again; without an answer it may have been charged."""
    body = result.body if isinstance(result, Reply) else b""
    if answer is not None:
        at_us = answer.at_us or time.time_ns() // 1000
        return Outcome(
            lookup=lookup, status=answer.status, credits=answer.credits, reason=answer.reason, body=body, at_us=at_us
        )
    charged_maybe = verdict.charged_maybe or verdict.next is not Next.STOP
    reason = NO_ANSWER if verdict.next is Next.READ else verdict.reason
    return Outcome(lookup=lookup, status=IN_DOUBT if charged_maybe else RELEASED, reason=reason, body=body)


def stopped(lookup: int, *, unanswered: bool) -> Outcome:
    """Return what to write of a look-up that was given up at once: in doubt if anything of it may have left."""
    if unanswered:
        return Outcome(lookup=lookup, status=IN_DOUBT, reason="stopped while being sent")
    return Outcome(lookup=lookup, status=RELEASED, reason="stopped before it was sent")
