"""What one request brought back: time to wait and error bodies, from any bytes."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.run.retry import judge
from cleanlist_pandas.services.reply import Reply, parse_retry_after_s

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("3600", 3600.0),
        ("1.5", 1.5),
        ("1e400", math.inf),
        ("-1", None),
        ("nan", None),
        ("soon", None),
        ("7 seconds", None),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 13:00:30 +0100", 30.0),
        ("Mon, 23 Nov 2026 12:00:30 -0000", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 0001 00:00:00 GMT", 0.0),
        ("Mon, 32 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_what_a_retry_after_header_says(header: str | None, seconds: float | None) -> None:
    """Seconds or a date; a date that passed is 0; what is no time says nothing."""
    assert parse_retry_after_s(header, NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,5} [A-Z][a-z]{2} \d{1,9} \d+:\d+:\d+ [+-]?\w{1,9}"))
def test_no_retry_after_header_raises(header: str) -> None:
    """Any text is a wait of 0 or more, or none at all."""
    seconds = parse_retry_after_s(header, NOW)
    assert seconds is None or seconds >= 0


def problem(body: Any) -> Any:
    return Reply(status=400, body=body if isinstance(body, bytes) else json.dumps(body).encode()).problem()


def test_the_envelope_with_a_code_is_read() -> None:
    """``{"error": …}`` gives code, text, retryable, wait and request id."""
    said = problem(
        {
            "error": {
                "code": "rate_limited",
                "problem": "Too fast",
                "retryable": True,
                "retry_after_ms": 250,
                "request_id": "req_9",
            }
        }
    )
    assert (said.code, said.text, said.retryable, said.retry_after_s, said.request_id, said.given) == (
        "rate_limited",
        "Too fast",
        True,
        0.25,
        "req_9",
        True,
    )


@pytest.mark.parametrize(
    ("body", "text", "given_"),
    [
        ({"detail": "Not Found"}, "Not Found", True),
        ({"detail": [{"msg": "Field required", "loc": ["body"]}, {"msg": "bad"}]}, "Field required; bad", True),
        ({"detail": [{"msg": word} for word in "abcd"]}, "a; b; c", True),
        ({"detail": [{"loc": []}, "x", None]}, "", True),
        ({"detail": "for jane%40acme.example only"}, "for (address) only", True),
        ({"detail": "https://hooks.example/T0/key?a=b is down"}, "https://hooks.example/… is down", True),
        ({"detail": "see(http://127.0.0.1:9?key)"}, "see(http://127.0.0.1:9/…", True),
        ({"detail": "x" * 500}, "x" * 200, True),
        ({"detail": "x " * 500}, "x " * 100, True),
        ({"detail": " " * 399 + "xy"}, "x", True),
        ({"detail": 5}, "", False),
        ({}, "", False),
        ([], "", False),
        (b"<html>", "", False),
        (b"", "", False),
        (b"\xff\xfe{", "", False),
        ({"error": {"message": "old name"}}, "old name", True),
        ({"error": "text"}, "", False),
        ({"error": {"problem": "jane@acme.example\u202e \ud800 odd"}}, "(address)  odd", True),
    ],
)
def test_the_other_envelope_and_what_is_none(body: Any, text: str, given_: bool) -> None:
    """``{"detail": …}`` gives its text; our input, addresses, secrets and unprintable characters are left out."""
    said = problem(body)
    assert (said.text, said.given) == (text, given_)


@pytest.mark.parametrize("word", ["true", 1, 0, None, [], {}])
def test_only_true_and_false_say_whether_to_try_again(word: Any) -> None:
    """A word that merely looks like it may come from anywhere."""
    assert problem({"error": {"retryable": word}}).retryable is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_calls_json_is_none(number: str) -> None:
    """Such an answer is not whole, whatever else it says."""
    assert Reply(status=200, body=b'{"csv_row": {"icp_score": %s}}' % number.encode()).json() is None


@pytest.mark.parametrize(
    ("number", "seconds"),
    [("250", 0.25), ("0", 0.0), ("-1", None), ("true", None), ('"5"', None), ("null", None), ("NaN", None)],
)
def test_a_wait_in_milliseconds(number: str, seconds: float | None) -> None:
    """Only a number from 0 up is a wait."""
    assert problem(b'{"error": {"retry_after_ms": %s}}' % number.encode()).retry_after_s == seconds


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e999"])
def test_a_wait_beyond_every_float_is_a_very_long_one(number: str) -> None:
    """JSON's numbers have no bound; ours may not overflow on them."""
    assert problem(b'{"error": {"retry_after_ms": %s}}' % number.encode()).retry_after_s > 1e9
    assert problem(b'{"error": {"retry_after_ms": -%s}}' % number.encode()).retry_after_s is None


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ERROR = st.dictionaries(
    st.sampled_from(["code", "problem", "message", "retryable", "retry_after_ms", "request_id"]), JSON | st.integers()
)


@given(
    st.integers(100, 999),
    st.binary()
    | st.fixed_dictionaries({"error": ERROR | JSON}).map(lambda x: json.dumps(x).encode())
    | st.fixed_dictionaries({"detail": JSON}).map(lambda x: json.dumps(x).encode()),
)
def test_no_answer_of_a_server_raises(status: int, body: bytes) -> None:
    """Any status with any body has a verdict, and a reason that can be printed and shows no address."""
    verdict = judge(Reply(status=status, body=body))
    assert "@" not in verdict.reason
    verdict.reason.encode()


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 50_000, b"1" * 5_000, b"\xef\xbb\xbf{}"])
def test_json_made_to_break_parsers_is_no_json(body: bytes) -> None:
    """Deep nesting and endless numbers end in None, not in a crash."""
    assert Reply(status=200, body=body).json() is None
