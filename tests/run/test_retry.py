"""The table of `run.retry`, row by row, and the quota that ends a dead service's run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cleanlist_pandas.run.retry import LONGEST_BACKOFF_S, Next, RetryQuota, StopKind, backoff_s, judge
from cleanlist_pandas.services.reply import Lost, LostBy, Reply

AGAIN, READ, REFUSED, IN_DOUBT, STOP = Next.AGAIN, Next.READ, Next.REFUSED, Next.IN_DOUBT, Next.STOP


def reply(status: int, body: Any = b"", **more: Any) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, body=content, **more)


@pytest.mark.parametrize("by", LostBy)
def test_a_request_that_left_and_was_not_answered_is_in_doubt(by: LostBy) -> None:
    """Whatever broke it: once a byte was sent, only the caller may send it again."""
    verdict = judge(Lost(by, sent=True))
    assert (verdict.next, verdict.stop) == (IN_DOUBT, None)


@pytest.mark.parametrize("by", [by for by in LostBy if by is not LostBy.TLS])
def test_a_request_that_never_left_may_go_again(by: LostBy) -> None:
    """Not one byte sent is not one credit spent."""
    assert judge(Lost(by, sent=False)).next is AGAIN


def test_a_refused_certificate_stops_the_run() -> None:
    """A server that cannot prove who it is gets no second try, and nothing was charged."""
    verdict = judge(Lost(LostBy.TLS, sent=False))
    assert (verdict.next, verdict.stop, verdict.charged_maybe) == (STOP, StopKind.SERVICE, False)


RETRYABLE = {"error": {"code": "internal", "retryable": True}}
BROKE = {"error": {"code": "insufficient_credits", "retryable": False}}


@pytest.mark.parametrize(
    ("status", "body", "expected", "stop", "charged_maybe"),
    [
        (200, b"", READ, None, False),
        (201, b"<html>", READ, None, False),
        (299, {"error": {}}, READ, None, False),
        (429, b"", AGAIN, None, False),
        (503, b"<html>", AGAIN, None, False),
        (500, RETRYABLE, AGAIN, None, False),
        (502, RETRYABLE, AGAIN, None, False),
        (400, RETRYABLE, AGAIN, None, False),
        (409, RETRYABLE, AGAIN, None, False),
        (401, {"detail": "Not authenticated"}, STOP, StopKind.AUTHENTICATION, False),
        (403, b"", STOP, StopKind.AUTHENTICATION, False),
        (402, {"detail": "Insufficient credits"}, STOP, StopKind.CREDITS, False),
        (402, b"", STOP, StopKind.CREDITS, False),
        (400, BROKE, STOP, StopKind.CREDITS, False),
        (400, {"error": {"code": "spend_cap_exceeded", "retryable": False}}, REFUSED, None, False),
        (403, {"error": {"code": "insufficient_scope", "retryable": False}}, STOP, StopKind.AUTHENTICATION, False),
        (404, {"error": {"code": "not_found", "problem": "No such list.", "retryable": False}}, REFUSED, None, False),
        (422, {"detail": [{"loc": ["body"], "msg": "Extra inputs", "type": "x"}]}, REFUSED, None, False),
        (403, BROKE, STOP, StopKind.CREDITS, False),
        (404, {"status": "not_found"}, READ, None, False),
        (404, {"status": "Not Found"}, READ, None, False),
        (404, b"", STOP, StopKind.SERVICE, False),
        (404, b"<html>no</html>", STOP, StopKind.SERVICE, False),
        (404, {"detail": "Not Found"}, STOP, StopKind.SERVICE, False),
        (404, {"detail": "No such person"}, REFUSED, None, False),
        (404, {"error": {"code": "person_unknown"}}, REFUSED, None, False),
        (400, {"detail": "bad value"}, REFUSED, None, False),
        (400, b"", REFUSED, None, False),
        (405, b"", REFUSED, None, False),
        (410, b"", REFUSED, None, False),
        (413, b"", REFUSED, None, False),
        (422, {"detail": [{"msg": "not an address", "input": "jane@acme.example"}]}, REFUSED, None, False),
        (451, b"", REFUSED, None, False),
        (499, b"", REFUSED, None, False),
        (408, b"", IN_DOUBT, None, False),
        (409, b"", IN_DOUBT, None, False),
        (500, b"", IN_DOUBT, None, False),
        (500, {"error": {"retryable": False}}, IN_DOUBT, None, False),
        (500, {"error": {"retryable": "true"}}, IN_DOUBT, None, False),
        (501, b"", IN_DOUBT, None, False),
        (502, b"<html>", IN_DOUBT, None, False),
        (504, b"", IN_DOUBT, None, False),
        (599, b"", IN_DOUBT, None, False),
        (600, b"", IN_DOUBT, None, False),
        (101, b"", IN_DOUBT, None, False),
        *((status, b"", STOP, StopKind.SERVICE, True) for status in (300, 301, 302, 303, 304, 307, 308)),
    ],
)
def test_what_a_whole_answer_leads_to(
    status: int, body: Any, expected: Next, stop: StopKind | None, charged_maybe: bool
) -> None:
    """The docstring's table, row by row."""
    verdict = judge(reply(status, body))
    assert (verdict.next, verdict.stop, verdict.charged_maybe) == (expected, stop, charged_maybe)


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_a_verdict_and_only_the_orderly_ones_are_sent_again(status: int) -> None:
    """Without a word from the body, 429 and 503 alone are sent again."""
    assert (judge(reply(status)).next is AGAIN) == (status in (429, 503))


@pytest.mark.parametrize(
    ("answer", "wait_s", "throttled"),
    [
        (reply(429), None, True),
        (reply(429, retry_after_s=7.0), 7.0, True),
        (reply(429, retry_after_s=0.0), 0.0, True),
        (reply(503), None, False),
        (reply(503, retry_after_s=2.0), 2.0, True),
        (reply(500, {"error": {"retryable": True, "retry_after_ms": 1500}}), 1.5, True),
        (reply(500, {"error": {"retryable": True, "retry_after_ms": 1500}}, retry_after_s=9.0), 9.0, True),
        (reply(500, {"error": {"retryable": True, "retry_after_ms": True}}), None, False),
        (reply(500, {"error": {"retryable": True, "retry_after_ms": -5}}), None, False),
    ],
)
def test_how_long_to_wait_is_what_the_server_asked(answer: Reply, wait_s: float | None, throttled: bool) -> None:
    """The header counts before the body; a named time or a 429 makes everybody wait."""
    verdict = judge(answer)
    assert (verdict.wait_s, verdict.throttled) == (wait_s, throttled)


def test_a_reason_repeats_the_request_id_and_no_address() -> None:
    """What a person is told helps support and shows nobody's address."""
    body = {"error": {"code": "bad", "problem": "jane@acme.example is odd", "request_id": "req_1"}}
    reason = judge(reply(400, body)).reason
    assert "req_1" in reason
    assert "HTTP 400" in reason
    assert "@" not in reason


@pytest.mark.parametrize("attempt", [1, 2, 5, 6, 10, 10_000])
def test_backoff_has_a_ceiling(attempt: int) -> None:
    """Full jitter below 0.5 s doubling, never above 20 s, for any number of attempts."""
    waits = [backoff_s(attempt) for _ in range(200)]
    assert min(waits) >= 0
    assert max(waits) <= min(LONGEST_BACKOFF_S, 0.5 * 2 ** min(attempt, 50))


def test_a_quota_that_only_drains_is_empty_after_ten_doubts() -> None:
    """Ten look-ups in doubt in a row end a run."""
    quota = RetryQuota()
    assert [quota.drain(RetryQuota.COST_IN_DOUBT) for _ in range(10)] == [True] * 9 + [False]


def test_a_quota_never_fills_beyond_its_capacity_nor_falls_below_0() -> None:
    """A long good time does not pay for a long bad one."""
    quota = RetryQuota(left=1)
    for _ in range(1000):
        quota.refill()
    assert quota.left == quota.capacity
    for _ in range(1000):
        quota.drain(7)
    assert quota.left == 0
    assert not quota.drain(0)


def test_a_path_that_is_not_there_names_the_surfaces_there_are() -> None:
    """Somebody's key may be for another one."""
    verdict = judge(reply(404, {"detail": "Not Found"}))
    assert verdict.stop is StopKind.SERVICE
    assert verdict.reason.endswith("no such path there; there are csv_row at /v1 and v2 at /api/v2, see service=")


@pytest.mark.parametrize(
    ("retry_after_ms", "wait_s"), [(1500, 1.5), (0, 0.0), (None, None), ("soon", None), (-1, None)]
)
def test_a_wait_is_told_in_the_body_too(retry_after_ms: Any, wait_s: float | None) -> None:
    """In milliseconds; the header counts where both are there."""
    body = {"error": {"code": "rate_limited", "retryable": True, "retry_after_ms": retry_after_ms}}
    assert judge(reply(429, body)).wait_s == wait_s
    assert judge(reply(429, body, retry_after_s=2.0)).wait_s == 2.0
