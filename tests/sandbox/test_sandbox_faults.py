"""Each fault on a real socket: what the client meets, what the books say."""

from __future__ import annotations

import json
import threading
import zlib
from typing import Any

import httpx
import pytest

from cleanlist_pandas.sandbox import Fault

RESETS = [("before_request", 0), ("after_headers", 0), ("after_body", 0), ("after_charge", 1)]


@pytest.mark.parametrize("charge", [False, True])
def test_a_status_before_or_after_the_charge(wire: Any, charge: bool) -> None:
    fault = Fault(status=503, retry_after="soon, 1e400", headers={"X-Why": "tired"}, charge=charge)
    sandbox = wire.start(faults=[fault])
    heard = wire.ask_and_close(sandbox)
    assert heard.data.startswith(b"HTTP/1.1 503")
    assert "retry-after: soon, 1e400\r\n" in heard.head
    assert "x-why: tired\r\n" in heard.head
    assert sandbox.charged == int(charge)
    assert (sandbox.requests[0].fault, sandbox.requests[0].status) == (fault, 503)


def test_after_a_status_the_connection_goes_on(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(status=500), Fault(mutate={"status": "odd"}), None])
    client = wire.client(sandbox)
    answers = [client.post(wire.PATH, json={"email": wire.EMAIL}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 200, 200]
    assert [answer.json().get("status") for answer in answers] == [None, "odd", "completed"]
    assert sandbox.connections == 1


@pytest.mark.parametrize("body", [{"error": {"code": "internal", "retryable": True}}, "<html>", b"\xff\xfe{\x00", [1]])
def test_any_body_with_any_type(wire: Any, body: Any) -> None:
    sandbox = wire.start(faults=[Fault(status=500, body=body, content_type="text/html")])
    heard = wire.ask_and_close(sandbox)
    sent = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert heard.body == sent
    assert "content-type: text/html\r\n" in heard.head


def test_headers_that_http_forbids_are_sent_all_the_same(wire: Any) -> None:
    heard = wire.ask(wire.start(faults=[Fault(headers={"X-Odd": " \x01 "})]))
    assert "x-odd:  \x01 \r\n" in heard.head
    assert json.loads(heard.body)["status"] == "completed"


@pytest.mark.parametrize(("moment", "charged"), RESETS)
@pytest.mark.parametrize("by", ["number", "address"])
def test_a_reset_at_each_moment(wire: Any, moment: Any, charged: int, by: str) -> None:
    fault = Fault(reset=moment)
    sandbox = wire.start(faults=[fault] if by == "number" else {wire.EMAIL: fault})
    heard = wire.ask(sandbox)
    assert (heard.data, heard.reset) == (b"", True)
    assert sandbox.charged == charged
    [record] = sandbox.requests
    assert (record.fault, record.status) == (fault, None)


def test_a_reset_before_the_request_reads_nothing_of_it(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(reset="before_request")])
    wire.ask(sandbox)
    assert (sandbox.requests[0].method, sandbox.requests[0].raw) == ("", b"")


def test_httpx_sees_a_reset_as_one_of_its_errors(wire: Any) -> None:
    sandbox = wire.start(faults=[None, Fault(reset="after_charge")])
    client = wire.client(sandbox)
    client.post(wire.PATH, json={"email": wire.EMAIL})
    with pytest.raises(httpx.TransportError):
        client.post(wire.PATH, json={"email": wire.EMAIL})
    assert sandbox.charged == 2


def test_raw_bytes_are_sent_verbatim(wire: Any) -> None:
    raw = b"HTTP/1.1 200 Sure\r\nContent-Length: 3\r\n\r\n{}\x00"
    sandbox = wire.start(faults=[Fault(raw=raw), Fault(raw=raw, charge=True)])
    assert wire.ask(sandbox).data == raw
    assert sandbox.charged == 0
    assert wire.ask(sandbox).data == raw
    assert sandbox.charged == 1


def test_an_answer_cut_at_every_byte(wire: Any) -> None:
    """Nothing past the cut arrives, everything before it does, and it is charged."""
    whole = len(wire.ask_and_close(wire.start()).body)
    faults = [Fault(truncate_at=n) for n in range(whole)]
    sandbox = wire.start(faults=faults)
    lengths = [(len(heard.body), heard.reset) for heard in (wire.ask(sandbox) for _ in faults)]
    assert lengths == [(n, False) for n in range(whole)]
    assert sandbox.charged == whole


@pytest.mark.parametrize("n", [0, 5, 40, 120])
def test_a_cut_counted_from_the_status_line_may_end_in_a_reset(wire: Any, n: int) -> None:
    sandbox = wire.start(faults=[Fault(truncate_at=n, truncate_counts="answer", then="reset")])
    heard = wire.ask(sandbox)
    assert (len(heard.data), heard.reset) == (n, True)
    assert b"HTTP/1.1 200 OK\r\n".startswith(heard.data[:17])


def test_a_cut_may_go_uncharged(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(truncate_at=10, charge=False)])
    assert len(wire.ask(sandbox).body) == 10
    assert sandbox.charged == 0


@pytest.mark.parametrize("charge", [False, True])
def test_silence_lasts_until_the_client_leaves(wire: Any, charge: bool) -> None:
    sandbox = wire.start(faults=[Fault(silent=True, charge=charge)])
    with pytest.raises(httpx.ReadTimeout):
        wire.client(sandbox).post(wire.PATH, json={"email": wire.EMAIL}, timeout=0.05)
    assert (sandbox.charged, sandbox.requests[0].status) == (int(charge), None)


def test_a_dripped_answer_is_whole_in_the_end(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(drip_bytes=50, drip_s=0.0)])
    heard = wire.ask(sandbox)
    assert json.loads(heard.body)["status"] == "completed"
    assert f"content-length: {len(heard.body)}" in heard.head


def test_a_delay_comes_after_the_charge(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(delay_s=60)])
    with pytest.raises(httpx.ReadTimeout):
        wire.client(sandbox).post(wire.PATH, json={"email": wire.EMAIL}, timeout=0.05)
    assert sandbox.charged == 1


def test_the_answer_may_be_about_somebody_else(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(echo="else@other.example")])
    said = json.loads(wire.ask_and_close(sandbox).body)
    assert said["csv_row"]["input_email"] == "else@other.example"
    assert sandbox.charges[0].email == wire.EMAIL


def test_the_truth_is_changed_by_paths(wire: Any) -> None:
    changes = {
        "meta.credits_used": -1,
        "csv_row.icp_score": "high",
        "new.deep.path": None,
        "csv_row.enriched_title": [1],
    }
    fault = Fault(mutate=changes, delete=("csv_row.row_id", "id", "no.such.path"))
    said = json.loads(wire.ask_and_close(wire.start(faults=[fault])).body)
    assert (said["meta"]["credits_used"], said["csv_row"]["icp_score"], said["csv_row"]["enriched_title"]) == (
        -1,
        "high",
        [1],
    )
    assert said["new"] == {"deep": {"path": None}}
    assert "id" not in said
    assert "row_id" not in said["csv_row"]


@pytest.mark.parametrize("hit_rate", [0.0, 1.0])
def test_an_overcharge_is_booked_and_stated(wire: Any, hit_rate: float) -> None:
    sandbox = wire.start(faults=[Fault(credits=25)], hit_rate=hit_rate, credits=20)
    assert json.loads(wire.ask_and_close(sandbox).body)["meta"]["credits_used"] == 25
    assert (sandbox.charged, sandbox.credits_left) == (25, -5)


def test_a_gzip_bomb_is_small_on_the_wire(wire: Any) -> None:
    heard = wire.ask(wire.start(faults=[Fault(gzip_bomb_bytes=20_000_000)]))
    assert "content-encoding: gzip" in heard.head
    assert len(heard.body) < 100_000
    inflated = zlib.decompress(heard.body, wbits=zlib.MAX_WBITS | 16)
    assert len(inflated) > 20_000_000
    assert json.loads(inflated)["status"] == "completed"


def test_a_flood_has_the_stated_size(wire: Any) -> None:
    heard = wire.ask(wire.start(faults=[Fault(flood_bytes=3_000_000)]))
    assert json.loads(heard.body)["status"] == "completed"
    assert heard.body.endswith(b" " * 3_000_000)


def test_an_endless_flood_ends_with_its_client(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(flood_bytes=-1), None])
    assert len(wire.ask(sandbox, limit=5_000_000).data) >= 5_000_000
    assert wire.ask_and_close(sandbox).data.startswith(b"HTTP/1.1 200")


def test_a_megabyte_of_headers(wire: Any) -> None:
    heard = wire.ask_and_close(wire.start(faults=[Fault(header_bytes=1_000_000)]))
    assert len(heard.head) > 1_000_000
    assert json.loads(heard.body)["status"] == "completed"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect(wire: Any, status: int) -> None:
    heard = wire.ask_and_close(wire.start(faults=[Fault(status=status, location="http://elsewhere.example/")]))
    assert heard.data.startswith(f"HTTP/1.1 {status}".encode())
    assert "location: http://elsewhere.example/" in heard.head


@pytest.mark.parametrize("lie", [0, 10, 100_000])
def test_a_lie_about_the_length(wire: Any, lie: int) -> None:
    heard = wire.ask(wire.start(faults=[Fault(content_length=lie)]))
    assert f"content-length: {lie}\r\n" in heard.head
    assert json.loads(heard.body)["status"] == "completed"


def test_a_script_wins_over_a_refusal_and_charges_by_the_rules(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(status=500, charge=True)], credits=0)
    assert wire.ask_and_close(sandbox).data.startswith(b"HTTP/1.1 500")
    assert sandbox.charged == 0


def test_attempts_are_counted_for_each_address(wire: Any) -> None:
    seen: list[tuple[int, str | None, int]] = []

    def script(number: int, email: str | None, attempt: int) -> Fault | None:
        seen.append((number, email, attempt))
        return None

    sandbox = wire.start(faults=script)
    for email in ("a@b.example", "A@B.example", "c@b.example", "nobody"):
        wire.ask_and_close(sandbox, email)
    assert seen == [(0, "a@b.example", 1), (1, "A@B.example", 2), (2, "c@b.example", 1), (3, None, 1)]


def test_a_mistake_in_a_script_ends_the_connection_and_is_shown(wire: Any, caplog: pytest.LogCaptureFixture) -> None:
    def script(number: int, email: str | None, attempt: int) -> Fault | None:
        raise LookupError("a mistake in the script")

    sandbox = wire.start(faults=script)
    assert wire.ask(sandbox).data == b""
    sandbox.stop()
    assert "a mistake in the script" in caplog.text


def test_in_flight_counts_those_that_are_being_served(wire: Any) -> None:
    together = threading.Semaphore(0)

    def script(number: int, email: str | None, attempt: int) -> Fault | None:
        together.release()
        return Fault(silent=True)

    sandbox = wire.start(faults=script)
    with wire.connected(sandbox) as one, wire.connected(sandbox) as two, wire.connected(sandbox) as three:
        for connection in (one, two, three):
            connection.sendall(wire.request(sandbox))
            assert together.acquire(timeout=30)
    assert sandbox.max_in_flight == 3
