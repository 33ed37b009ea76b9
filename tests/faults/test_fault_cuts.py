"""The answer that does not come whole: cut at every byte, reset, dripped, or never sent."""

from __future__ import annotations

from typing import Any

import pytest

from cleanlist_pandas.sandbox import Fault

Stage: Any = Any
AT_ONCE = 9  # ten look-ups in doubt and none answered would end the run: the retry quota
LONGEST = 660  # bytes of an answer, head and body
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def groups(items: Any, size: int = AT_ONCE) -> list[Any]:
    items = list(items)
    return [items[at : at + size] for at in range(0, len(items), size)]


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("part", range(6))
def test_an_answer_cut_at_any_byte_is_in_doubt_and_fills_nothing(stage: Stage, then: Any, part: int) -> None:
    """The service charged for it; not one value of it reaches the frame. From the last byte on it is whole."""
    for positions in groups(range(part * LONGEST // 6, (part + 1) * LONGEST // 6)):
        rows = [
            (f"cut at {at}", Fault(truncate_at=at, truncate_counts="answer", then=then), "in_doubt|completed", 1)
            for at in positions
        ]

        def exact(ran: Any, positions: list[int] = positions) -> list[str]:
            people = stage.who(ran.out)[: len(positions)]
            whole = [at >= stage.answer_bytes(who) for at, who in zip(positions, people, strict=True)]
            got = [ran.status(who) == "completed" for who in people]
            return [f"cut at {at}" for at, a, b in zip(positions, whole, got, strict=True) if a != b]

        stage.play(f"answer cut at each byte, then {then}", rows, hit=exact)


PLAIN = b'{"status": "completed", "csv_row": {"enriched_title": "CTO"}, "meta": {"credits_used": 1}}'


@pytest.mark.parametrize("length", [None, 100_000], ids=["no length", "a larger length"])
def test_a_body_of_unstated_length_cut_at_any_byte_is_in_doubt(stage: Stage, length: int | None) -> None:
    """The end of the connection is its end, and a half body is no JSON; with too large a length it is not whole."""
    stated = b"" if length is None else b"Content-Length: %d\r\n" % length
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + stated + b"\r\n"
    for positions in groups(range(len(PLAIN))):
        rows = [(f"at {at}", Fault(raw=head + PLAIN[:at], charge=True), "in_doubt", 1) for at in positions]
        stage.play("body cut, length unstated or wrong", rows)


def test_a_chunked_body_cut_at_any_byte_is_in_doubt(stage: Stage, long: bool) -> None:
    """Until the last chunk's end has come it is not whole."""
    whole = CHUNKED + b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (30, PLAIN[:30], len(PLAIN) - 30, PLAIN[30:])
    for positions in groups(range(0, len(whole), 1 if long else 5)):
        rows = [(f"at {at}", Fault(raw=whole[:at], charge=True), "in_doubt", 1) for at in positions]
        stage.play("chunked answer cut", rows)
    stage.play("chunked answer cut", [("whole", Fault(raw=whole, charge=True), "completed", 1)])


@pytest.mark.parametrize("reset", ["before_request", "after_headers", "after_body", "after_charge"])
@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_reset_once_the_request_has_left_is_in_doubt(stage: Stage, reset: Any, k: int, concurrency: int) -> None:
    """Whether it was charged cannot be told here, so nobody is asked again."""

    def one_in_doubt(ran: Any) -> list[str]:
        n = [ran.status(who) for who in stage.who(ran.out)].count("in_doubt")
        return [] if n == 1 else [f"{n} in doubt"]

    faults = [*[None] * k, Fault(reset=reset)]
    stage.open(faults=faults)
    frame = stage.people(4)
    rans = [stage.run(frame, concurrency=concurrency)]
    wrong = stage.audit(frame, rans) + one_in_doubt(rans[0]) + stage.again(frame, rans) + stage.audit(frame, rans)
    assert stage.sandbox.charged == 3 + (reset == "after_charge")
    stage.figures.add("connection reset", 1, wrong)
    assert not wrong


SLOW = [
    ("silent", Fault(silent=True), "in_doubt", 0),
    ("drips bytes", Fault(drip_bytes=1, drip_s=0.05), "in_doubt", 1),
    ("drips 7", Fault(drip_bytes=7, drip_s=0.1), "in_doubt", 1),
    ("drips the head only", Fault(drip_bytes=90, drip_s=1.0), "in_doubt", 1),
    ("late", Fault(delay_s=2.0), "in_doubt", 1),
    ("late 429", Fault(status=429, delay_s=2.0), "in_doubt", 0),
    ("late 500 charged", Fault(status=500, delay_s=2.0, charge=True), "in_doubt", 1),
    ("never ends", Fault(drip_bytes=3, drip_s=0.02, content_length=100_000), "in_doubt", 1),
]


@pytest.mark.parametrize("concurrency", [2, 8])
def test_slowness_ends_at_the_deadline_of_one_request(stage: Stage, concurrency: int) -> None:
    """One deadline for the whole exchange; the others go on meanwhile."""
    stage.play("slow drip and silence", SLOW, well=4, concurrency=concurrency, timeout_s=1.0)


def test_a_drip_within_the_deadline_is_an_answer(stage: Stage) -> None:
    """Slow is not wrong."""
    rows = [(f"drips {size}", Fault(drip_bytes=size, drip_s=0.001), "completed", 1) for size in (5, 17, 64, 300, 9999)]
    stage.play("slow drip and silence", rows, concurrency=6)
