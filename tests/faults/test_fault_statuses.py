"""Answers that are no success: throttling, errors before and after the charge, refusals, redirects, stops at call k."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

Stage: Any = Any
LONG = os.environ.get("CLEANLIST_LONG", "") not in ("", "0")


def groups(items: Any, size: int = 9) -> list[Any]:
    items = list(items)
    return [items[at : at + size] for at in range(0, len(items), size)]


def date(**ahead: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(**ahead), usegmt=True)


# --- sent again ---------------------------------------------------------------------------------------------------

RETRYABLE = {"error": {"code": "internal", "problem": "try again", "retryable": True}}
AT_ONCE = [
    "0",
    "0.0",
    "0.05",
    "1e-3",
    "-0",
    "  0 ",
    "000",
    "+0",
    date(days=-1),
    date(days=-9999),
    "Thu Jan  1 00:00:00 1970",
]
NO_WAIT = ["-1", "-1e400", "nan", "soon", "", "0x10", "1;2", "1, 2", "Mon, 99 Foo 2026 99:99:99 GMT", "\t", "None"]
TOO_LONG = ["3600", "1e400", "inf", "99999999999999999999", "1e300", date(hours=1), date(days=40000)]
CARRIERS = {"429": {"status": 429}, "503": {"status": 503}, "500 retryable": {"status": 500, "body": RETRYABLE}}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("values", [AT_ONCE, NO_WAIT], ids=["0 and past", "negative and garbage"])
def test_who_is_told_to_wait_is_asked_again_and_charged_once(stage: Stage, carrier: str, values: list[str]) -> None:
    """However the wait is written; what is no wait is waited for by our own rules."""
    faults = [(repr(value), Fault(**CARRIERS[carrier], retry_after=value)) for value in values]
    rows = [(f"{carrier} {name}", [fault], "completed", 1) for name, fault in faults]
    stage.play("429 and 503 with Retry-After", rows, concurrency=12)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("value", TOO_LONG)
def test_a_wait_beyond_max_wait_stops_the_run_at_once(stage: Stage, carrier: str, value: str) -> None:
    """Nothing was charged, nothing is in doubt, and the error goes on later."""
    row = (value, Fault(**CARRIERS[carrier], retry_after=value), "not_attempted", 0)
    stage.play("429 and 503 with Retry-After", [row], error=cl.ServiceError, max_wait_s=20.0)


@pytest.mark.parametrize("concurrency", [1, 2, 4] if LONG else [2, 4])
@pytest.mark.parametrize("value", ["0.3", "1", "date"])
def test_no_worker_sends_before_the_time_named(stage: Stage, books: Any, value: str, concurrency: int) -> None:
    """Not the one that was refused, nor any other."""
    when = time.time() + 2
    text = format_datetime(datetime.fromtimestamp(int(when), UTC), usegmt=True) if value == "date" else value
    fault = Fault(status=429, retry_after=text)

    def nobody_early(ran: Any) -> list[str]:
        at_s = [request.arrived_s for request in stage.sandbox.requests]
        earliest = books.monotonic_of(int(when)) if value == "date" else at_s[0] + float(value)
        early = [earliest - one for one in at_s[concurrency:] if one < earliest - 0.005]
        return [f"{early} s too early"] if early else []

    rows = [(value, [fault], "completed", 1)] * concurrency
    stage.play("429: nobody before the time named", rows, well=0, concurrency=concurrency, hit=nobody_early, n=1)


BODIES = {
    "error, retryable": {"error": {"retryable": True}},
    "error, 1 ms": {"error": {"retryable": True, "retry_after_ms": 1}},
    "error, 1.5 ms": {"error": {"code": "x", "retryable": True, "retry_after_ms": 1.5, "request_id": "r"}},
    "error, negative ms": {"error": {"retryable": True, "retry_after_ms": -5}},
    "error, text ms": {"error": {"retryable": True, "retry_after_ms": "soon"}},
    "error, null ms": {"error": {"retryable": True, "retry_after_ms": None}},
    "error, true ms": {"error": {"retryable": True, "retry_after_ms": True}},
    "error, list as code": {"error": {"retryable": True, "code": ["x"], "problem": {"a": 1}}},
}


@pytest.mark.parametrize("status", [500, 502, 504, 520, 409, 408, 418] if LONG else [500, 504, 408])
def test_an_error_that_says_it_may_be_repeated_is_repeated(stage: Stage, status: int) -> None:
    """In the envelope of the vendor's newer surfaces; whatever else it says."""
    rows = [(f"{status} {name}", [Fault(status=status, body=body)], "completed", 1) for name, body in BODIES.items()]
    stage.play("bodies that say retryable", rows, concurrency=9)


@pytest.mark.parametrize("wait_ms", [3_600_000, 10**400, 1e308])
def test_a_body_that_asks_for_hours_stops_the_run(stage: Stage, wait_ms: float) -> None:
    """As the header would."""
    body = {"error": {"retryable": True, "retry_after_ms": wait_ms}}
    row = (str(wait_ms)[:9], Fault(status=500, body=body), "not_attempted", 0)
    stage.play("bodies that say retryable", [row], error=cl.ServiceError, max_wait_s=20.0)


@pytest.mark.parametrize("status", [429, 503, 500])
@pytest.mark.parametrize("times", [2, 4] if LONG else [2])
def test_refused_several_times_and_then_taken(stage: Stage, status: int, times: int) -> None:
    """Each person is charged once, however often they were sent away."""
    again = Fault(status=status, body=RETRYABLE, retry_after="0")
    stage.play("several refusals in a row", [(str(times), [again] * times, "completed", 1)] * 4, concurrency=2)


def test_a_charged_503_costs_nothing_twice_where_the_service_knows_idempotency_keys(stage: Stage) -> None:
    """The answer itself says that trying again is right; the key is the same both times."""
    rows = [(f"{status}", [Fault(status=status, charge=True, body=RETRYABLE)], "completed", 1) for status in (500, 503)]
    stage.play("several refusals in a row", rows, service={"idempotency": True})


@pytest.mark.parametrize("share", [2, 3])
@pytest.mark.parametrize("concurrency", [1, 3, 8] if LONG else [3, 8])
def test_a_storm_passes(stage: Stage, share: int, concurrency: int) -> None:
    """Every second or third of the first requests is refused: everybody gets their answer, once."""
    storm = Fault(status=429, retry_after="0")
    lasts = 24 if LONG else 12
    stage.hooks = [lambda number, who, attempt: storm if number < lasts and number % share == 0 else None]
    stage.play("429 storm", [], well=24, concurrency=concurrency, n=24)


# --- in doubt -----------------------------------------------------------------------------------------------------

SERVER_ERRORS = [500, 501, 502, 504, 505, 506, 507, 508, 510, 511, *range(520, 528), 530, 555, 598, 599]
ERROR_BODIES: dict[str, Any] = {
    "plain": None,
    "empty": b"",
    "html": "<html><h1>Bad gateway</h1></html>",
    "not retryable": {"error": {"code": "internal", "retryable": False}},
    "half an answer": {"status": "completed", "csv_row": {"enriched_title": "CTO"}},
    "retryable in a word": {"error": {"retryable": "true"}},
    "an address": {"detail": "cannot look up zq00000@fm.example"},
}


def server_errors(long: bool) -> list[Any]:
    rows = []
    for at, status in enumerate(SERVER_ERRORS):
        for number, (name, body) in enumerate(ERROR_BODIES.items()):
            for charged in (False, True):
                if long or status in (500, 502, 504) or (at + number) % 4 == charged:
                    fault = Fault(status=status, body=body, charge=charged)
                    rows.append((f"{status} {name} {charged}", fault, "in_doubt", int(charged)))
    return rows


def test_a_server_error_before_or_after_the_charge_is_in_doubt(stage: Stage, long: bool) -> None:
    """A client cannot tell the two apart, so it asks for neither again."""
    for rows in groups(server_errors(long)):
        stage.play("5xx before and after the charge", rows)


# --- refused ------------------------------------------------------------------------------------------------------

CLIENT_ERRORS = [
    400,
    405,
    406,
    407,
    410,
    411,
    412,
    413,
    414,
    415,
    416,
    417,
    418,
    421,
    422,
    423,
    424,
    425,
    426,
    428,
    431,
    451,
    499,
]
REFUSALS: dict[str, Any] = {
    "plain": None,
    "empty": b"",
    "list": {"detail": [{"type": "value_error", "loc": ["body", "email"], "msg": "zq00000@fm.example is none"}]},
    "envelope": {"error": {"code": "invalid", "problem": "zq00000@fm.example", "retryable": False}},
    "odd": {"detail": {"a": [1]}, "error": [2]},
}


def test_a_refusal_fails_for_one_person_and_costs_nothing(stage: Stage) -> None:
    """The run goes on; tomorrow they may be asked again, not before."""
    rows = [
        (f"{status} {name}", Fault(status=status, body=body), "failed", 0)
        for status in CLIENT_ERRORS
        for name, body in REFUSALS.items()
    ]
    rows += [(f"404 {name}", Fault(status=404, body=REFUSALS[name]), "failed", 0) for name in ("list", "envelope")]
    for some in groups(rows, 20):
        stage.play("4xx for one person", some)
    doubt = [
        (f"{status} {name}", Fault(status=status, body=REFUSALS[name]), "in_doubt", 0)
        for status in (408, 409)
        for name in ("plain", "list", "envelope")
    ]
    stage.play("4xx for one person", doubt)
    miss = {"status": "not_found", "csv_row": {}, "meta": {"credits_used": 0}}
    stage.play("4xx for one person", [("404 that is a miss", Fault(status=404, body=miss), "not_found", 0)])


# --- redirects ----------------------------------------------------------------------------------------------------


@pytest.fixture
def other_host() -> Iterator[socket.socket]:
    """Another host, which must not see one connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.setblocking(False)
        yield listener


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("to", ["other", "localhost", "same", "https", "relative", "none", "odd"])
def test_a_redirect_is_never_followed(stage: Stage, other_host: socket.socket, status: int, to: str) -> None:
    """Whatever it names: the key stays, the run stops, that one person is in doubt."""
    port = other_host.getsockname()[1]
    location = {
        "other": f"http://127.0.0.1:{port}/v1/enrich/csv_row",
        "localhost": f"http://localhost:{port}/",
        "https": f"https://127.0.0.1:{port}/",
        "same": "http://127.0.0.1/v1/enrich/csv_row",
        "relative": "/v2/enrich",
        "odd": "javascript:alert(1)",
    }.get(to)

    def unseen(ran: Any) -> list[str]:
        try:
            other_host.accept()[0].close()
        except BlockingIOError:
            return [] if len(stage.sandbox.requests) == 1 else ["it was followed"]
        return ["K: the other host was called"]

    row = (f"{status} {to}", Fault(status=status, location=location), "in_doubt", 0)
    stage.play("redirect", [row], well=2, error=cl.ServiceError, hit=unseen, concurrency=1)


# --- stops at call k of n -----------------------------------------------------------------------------------------

N = 5
STOPS: dict[str, tuple[Fault, type[Exception]]] = {
    "401": (Fault(status=401), cl.AuthenticationError),
    "403": (Fault(status=403, body="<html>"), cl.AuthenticationError),
    "402": (Fault(status=402), cl.OutOfCreditsError),
    "400 broke": (Fault(status=400, body={"error": {"code": "insufficient_credits"}}), cl.OutOfCreditsError),
    "404": (Fault(status=404, body={"detail": "Not Found"}), cl.ServiceError),
    "404 page": (Fault(status=404, body="<html>"), cl.ServiceError),
}


@pytest.mark.parametrize("name", STOPS)
@pytest.mark.parametrize("k", [0, 1, N // 2, N - 1])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_stop_at_call_k_keeps_what_was_answered(stage: Stage, name: str, k: int, concurrency: int) -> None:
    """At most what was in flight follows it; nobody is in doubt."""
    fault, error = STOPS[name]
    behind = Fault(delay_s=0.1)  # until call k is answered: whoever is in flight then is counted, and asks nobody else
    stage.hooks = [lambda number, who, attempt: fault if number == k else behind if number > k else None]

    def at_most_a_round(ran: Any) -> list[str]:
        wrong = [] if len(stage.sandbox.requests) <= k + concurrency else ["too many requests after the stop"]
        if ran.summary["credits"] != stage.sandbox.charged or ran.summary["credits_in_doubt"]:
            wrong.append(f"P: the report says {json.dumps(ran.summary)}")
        return wrong

    stage.play(
        "401, 402, 403, 404 at call k of n", [], well=N, error=error, hit=at_most_a_round, n=1, concurrency=concurrency
    )
