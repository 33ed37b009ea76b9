"""The table of `run.retry`, row by row, and the quota that ends a dead service's run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cleanlist_pandas.run.retry import Next, RetryQuota, StopKind, Verdict, backoff_s, judge, wait_before
from cleanlist_pandas.services.reply import Lost, LostBy, Reply

AGAIN, READ, REFUSED, IN_DOUBT, STOP = Next.AGAIN, Next.READ, Next.REFUSED, Next.IN_DOUBT, Next.STOP


def reply(status: int, body: Any = b"", **more: Any) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, body=content, **more)


@pytest.mark.parametrize("by", LostBy)
def test_a_request_that_left_and_was_not_answered_is_in_doubt(by: LostBy) -> None:
    """Whatever broke it: once a byte was sent, only the caller may send it again."""
    assert judge(Lost(by, sent=True)) == Verdict(next=IN_DOUBT, reason=by)


@pytest.mark.parametrize("by", [by for by in LostBy if by is not LostBy.TLS])
def test_a_request_that_never_left_may_go_again(by: LostBy) -> None:
    """Not one byte sent is not one credit spent."""
    assert judge(Lost(by, sent=False)) == Verdict(next=AGAIN, reason=by)


def test_a_refused_certificate_stops_the_run() -> None:
    """A server that cannot prove who it is gets no second try, and nothing was charged."""
    verdict = judge(Lost(LostBy.TLS, sent=False))
    assert verdict == Verdict(next=STOP, stop=StopKind.SERVICE, reason=LostBy.TLS, charged_maybe=False)


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


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"", ""),
        (404, {"status": "not_found"}, ""),
        (429, {"detail": "slower"}, "HTTP 429 slower"),
        (500, RETRYABLE, "HTTP 500 internal"),
        (402, {"detail": "none left"}, "HTTP 402 none left"),
        (401, {"detail": "who are you"}, "HTTP 401 who are you"),
        (302, b"", "HTTP 302 (a redirect)"),
        (404, b"", "HTTP 404: no such path there; there are csv_row at /v1 and v2 at /api/v2 and legacy_v1 at /api/v1/public, see service="),
        (422, {"detail": "no"}, "HTTP 422 no"),
        (500, b"<html>", "HTTP 500"),
    ],
)
def test_a_reason_says_what_came_back(status: int, body: Any, reason: str) -> None:
    """In words a person can read, and nothing where all went well."""
    assert judge(reply(status, body)).reason == reason


def test_a_reason_repeats_the_request_id_and_no_address() -> None:
    """What a person is told helps support and shows nobody's address."""
    body = {"error": {"code": "bad", "problem": "jane@acme.example is odd", "request_id": "req_1"}}
    assert judge(reply(400, body)).reason == "HTTP 400 bad (address) is odd req_1"


@pytest.mark.parametrize(("attempt", "most_s"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 20), (10, 20), (10_000, 20)])
def test_backoff_doubles_up_to_a_ceiling(attempt: int, most_s: float) -> None:
    """Full jitter: anything from 0 up to 1 s, doubling, never above 20 s, for any number of attempts."""
    waits = [backoff_s(attempt) for _ in range(400)]
    assert 0 <= min(waits) < 0.1 * most_s
    assert 0.9 * most_s < max(waits) <= most_s


@pytest.mark.parametrize("wait_s", [0.0, 0.25, 3600.0])
@pytest.mark.parametrize("throttled", [True, False])
def test_a_time_that_was_named_is_waited_for_exactly(wait_s: float, throttled: bool) -> None:
    """However often it was asked."""
    assert wait_before(7, Verdict(next=AGAIN, wait_s=wait_s, throttled=throttled)) == wait_s


@pytest.mark.parametrize(
    ("attempt", "throttled", "least_s", "most_s"), [(2, False, 0, 1), (4, False, 0, 4), (5, True, 1, 8)]
)
def test_where_no_time_was_named_our_own_backoff_counts(
    attempt: int, throttled: bool, least_s: float, most_s: float
) -> None:
    """At least a second after a 429."""
    waits = [wait_before(attempt, Verdict(next=AGAIN, throttled=throttled)) for _ in range(400)]
    assert least_s <= min(waits) <= least_s + 0.1 * most_s
    assert 0.9 * most_s < max(waits) <= most_s


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


@pytest.mark.parametrize(("left", "cost", "alive"), [(3, 2, True), (2, 2, False), (1, 2, False), (11, 10, True)])
def test_a_quota_is_empty_at_0(left: int, cost: int, alive: bool) -> None:
    """And not before."""
    assert RetryQuota(left=left).drain(cost) is alive


def test_a_quota_gains_one_with_each_useful_answer() -> None:
    """So that a service that fails half of the time is left in the end."""
    quota = RetryQuota(left=5)
    quota.refill()
    assert quota.left == 6


def test_a_path_that_is_not_there_names_the_surfaces_there_are() -> None:
    """Somebody's key may be for another one."""
    verdict = judge(reply(404, {"detail": "Not Found"}))
    assert verdict.stop is StopKind.SERVICE
    assert verdict.reason.endswith("no such path there; there are csv_row at /v1 and v2 at /api/v2 and legacy_v1 at /api/v1/public, see service=")


@pytest.mark.parametrize(
    ("retry_after_ms", "wait_s"), [(1500, 1.5), (0, 0.0), (None, None), ("soon", None), (-1, None)]
)
def test_a_wait_is_told_in_the_body_too(retry_after_ms: Any, wait_s: float | None) -> None:
    """In milliseconds; the header counts where both are there."""
    body = {"error": {"code": "rate_limited", "retryable": True, "retry_after_ms": retry_after_ms}}
    assert judge(reply(429, body)).wait_s == wait_s
    assert judge(reply(429, body, retry_after_s=2.0)).wait_s == 2.0
