"""The service through real sockets: statuses, money, books. All codes but 200 are the sandbox's assumptions."""

from __future__ import annotations

import socket
import threading
from typing import Any

import httpx
import pytest

from cleanlist_pandas.sandbox import Fault


def look_up(client: httpx.Client, email: str, **more: Any) -> httpx.Response:
    return client.post("/v1/enrich/csv_row", json={"email": email, **more})


def test_a_hit_is_charged_and_booked(wire: Any) -> None:
    sandbox = wire.start(seed=1)
    answer = look_up(wire.client(sandbox), "Ann.Other@Mirefield-Foods.example", fields=["title", "enriched_phone"])
    said = answer.json()
    assert (answer.status_code, said["status"], said["meta"]["credits_used"]) == (200, "completed", 11)
    assert said["csv_row"]["input_email"] == "Ann.Other@Mirefield-Foods.example"
    [charge] = sandbox.charges
    assert (charge.email, charge.credits, charge.fields, charge.request) == (
        "Ann.Other@Mirefield-Foods.example",
        11,
        ("title", "phone"),
        0,
    )
    [record] = sandbox.requests
    assert (record.method, record.path, record.status, record.key_ok) == ("POST", "/v1/enrich/csv_row", 200, True)
    assert (record.email, record.fields) == ("Ann.Other@Mirefield-Foods.example", ("title", "enriched_phone"))
    assert record.body == {"email": "Ann.Other@Mirefield-Foods.example", "fields": ["title", "enriched_phone"]}


def test_a_miss_is_free(wire: Any) -> None:
    sandbox = wire.start(hit_rate=0.0)
    said = look_up(wire.client(sandbox), "a@b.example").json()
    assert (said["status"], said["meta"]["credits_used"], sandbox.charged, sandbox.charges) == ("not_found", 0, 0, [])


def test_the_users_own_people_are_the_only_ones(wire: Any) -> None:
    sandbox = wire.start(people=[{"email": "ann@b.example", "enriched_title": "CTO"}])
    client = wire.client(sandbox)
    assert look_up(client, "ANN@b.example").json()["csv_row"]["enriched_title"] == "CTO"
    assert look_up(client, "bob@b.example").json()["status"] == "not_found"


def test_names_that_were_sent_come_back(wire: Any) -> None:
    said = look_up(wire.client(wire.start()), "a@b.example", first_name="Ann", last_name="Other").json()
    assert said["csv_row"]["input_name"] == "Ann Other"


@pytest.mark.parametrize("key", [None, "", "Bearer", "Bearer wrong", "Basic {key}", "{key}"])
def test_without_the_key_nothing_is_answered(wire: Any, key: str | None) -> None:
    sandbox = wire.start()
    headers = {} if key is None else {"Authorization": key.format(key=sandbox.api_key)}
    answer = httpx.post(sandbox.url + wire.PATH, json={"email": "a@b.example"}, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert (sandbox.charged, sandbox.requests[0].key_ok) == (0, False)


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("POST", "/v1/enrich/csv_rows", 404, "Not Found"),
        ("POST", "/", 404, "Not Found"),
        ("GET", "/v1/enrich/csv_row", 405, "Method Not Allowed"),
        ("PUT", "/v1/enrich/csv_row?x=1", 405, "Method Not Allowed"),
    ],
)
def test_wrong_doors(wire: Any, method: str, path: str, status: int, detail: str) -> None:
    answer = wire.client(wire.start()).request(method, path)
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


def test_head_has_no_body_and_keeps_the_connection(wire: Any) -> None:
    sandbox = wire.start()
    client = wire.client(sandbox)
    assert client.head("/v1/enrich/csv_row").status_code == 405
    assert look_up(client, "a@b.example").status_code == 200
    assert sandbox.connections == 1


def test_bad_bodies_cost_nothing_and_keep_the_connection(wire: Any) -> None:
    sandbox = wire.start()
    client = wire.client(sandbox)
    assert client.post(wire.PATH, content=b"{").status_code == 400
    assert look_up(client, "nobody").status_code == 422
    assert look_up(client, "a@b.example", fields=["shoe_size"]).status_code == 422
    assert [record.status for record in sandbox.requests] == [400, 422, 422]
    assert sandbox.requests[0].body is None
    assert (sandbox.charged, sandbox.connections) == (0, 1)


def test_the_account_runs_dry_before_the_worst_case(wire: Any) -> None:
    sandbox = wire.start(credits=12)
    client = wire.client(sandbox)
    statuses = [look_up(client, f"p{i}@b.example", fields=["phone"]).status_code for i in range(3)]
    assert (statuses, sandbox.charged, sandbox.credits_left) == ([200, 402, 402], 11, 1)
    assert look_up(client, "q@b.example").status_code == 200
    answer = look_up(client, "r@b.example")
    assert (answer.status_code, answer.json()) == (402, {"detail": "Insufficient credits"})
    assert sandbox.credits_left == 0


def test_the_rate_limit_answers_with_whole_seconds(wire: Any) -> None:
    sandbox = wire.start(rate_per_minute=1)
    client = wire.client(sandbox)
    assert look_up(client, "a@b.example").status_code == 200
    answer = look_up(client, "c@b.example")
    assert (answer.status_code, answer.json()) == (429, {"detail": "Rate limit exceeded"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert sandbox.charged == 1


def test_a_hundred_look_ups_share_one_connection(wire: Any) -> None:
    sandbox = wire.start()
    client = wire.client(sandbox)
    for i in range(100):
        assert look_up(client, f"a{i}@b.example").status_code == 200
    assert (sandbox.connections, len(sandbox.requests), sandbox.max_in_flight) == (1, 100, 1)
    assert [record.number for record in sandbox.requests] == list(range(100))


def test_pipelined_requests_are_answered_in_order(wire: Any) -> None:
    sandbox = wire.start()
    with wire.connected(sandbox) as connection:
        first, last = wire.request(sandbox, "a@b.example"), wire.request(sandbox, "c@b.example", "Connection: close")
        connection.sendall(first + last)
        heard = wire.hear(connection).data
    assert heard.index(b"a@b.example") < heard.index(b"c@b.example")
    assert heard.count(b"HTTP/1.1 200") == 2


def test_a_request_that_comes_byte_by_byte_is_read(wire: Any) -> None:
    sandbox = wire.start()
    with wire.connected(sandbox) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in wire.request(sandbox, "a@b.example", "Connection: close"):
            connection.sendall(bytes([byte]))
        assert wire.hear(connection).data.startswith(b"HTTP/1.1 200")


def test_a_client_that_waits_for_leave_to_send_gets_it(wire: Any) -> None:
    sandbox = wire.start()
    with wire.connected(sandbox) as connection:
        whole = wire.request(sandbox, "a@b.example", "Expect: 100-continue", "Connection: close")
        head, _, body = whole.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert wire.hear(connection).data.startswith(b"HTTP/1.1 200")


def test_what_is_no_http_gets_a_400(wire: Any) -> None:
    sandbox = wire.start()
    with wire.connected(sandbox) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert wire.hear(connection).data.startswith(b"HTTP/1.1 400")


def test_a_body_past_a_megabyte_is_refused_unread(wire: Any) -> None:
    sandbox = wire.start()
    with wire.connected(sandbox) as connection:
        connection.sendall(b"POST /v1/enrich/csv_row HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n")
        assert wire.hear(connection).data.startswith(b"HTTP/1.1 413")
    assert sandbox.requests[0].status == 413


def test_a_body_of_unstated_length_is_read_up_to_a_megabyte(wire: Any) -> None:
    sandbox = wire.start()
    with wire.connected(sandbox) as connection:
        connection.sendall(b"POST /v1/enrich/csv_row HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"f4241\r\n" + b" " * 1_000_001)  # The chunk, and so the request, has no end.
        assert wire.hear(connection).data.startswith(b"HTTP/1.1 413")


def test_a_client_that_leaves_in_the_middle_is_noted(wire: Any) -> None:
    sandbox = wire.start()
    with wire.connected(sandbox) as connection:
        connection.sendall(wire.request(sandbox)[:-5])
        connection.shutdown(socket.SHUT_WR)
        wire.hear(connection)
    assert [(record.status, record.email) for record in sandbox.requests] == [(None, None)]
    assert sandbox.charged == 0


def test_a_repeated_key_is_charged_once_and_answered_the_same(wire: Any) -> None:
    sandbox = wire.start()
    client = wire.client(sandbox, **{"Idempotency-Key": "k1"})
    first, again = look_up(client, "a@b.example"), look_up(client, "A@B.example")
    assert first.content == again.content
    assert (sandbox.charged, [record.replayed for record in sandbox.requests]) == (1, [False, True])
    assert [record.idempotency_key for record in sandbox.requests] == ["k1", "k1"]


def test_a_key_used_for_another_look_up_is_refused(wire: Any) -> None:
    sandbox = wire.start()
    client = wire.client(sandbox, **{"Idempotency-Key": "k1"})
    assert look_up(client, "a@b.example").status_code == 200
    assert look_up(client, "c@b.example").status_code == 422
    assert look_up(client, "a@b.example", fields=["phone"]).status_code == 422
    assert sandbox.charged == 1


def test_without_idempotency_the_key_means_nothing(wire: Any) -> None:
    sandbox = wire.start(idempotency=False)
    client = wire.client(sandbox, **{"Idempotency-Key": "k1"})
    assert [look_up(client, "a@b.example").status_code for _ in range(3)] == [200] * 3
    assert sandbox.charged == 3
    assert not any(record.replayed for record in sandbox.requests)


def test_what_was_charged_and_lost_is_replayed(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(reset="after_charge"), None])
    assert wire.ask(sandbox, wire.EMAIL, "Idempotency-Key: k").reset
    assert sandbox.charged == 1
    heard = wire.ask(sandbox, wire.EMAIL, "Idempotency-Key: k", "Connection: close")
    assert b'"credits_used": 1' in heard.body
    assert (sandbox.charged, sandbox.requests[1].replayed) == (1, True)


def test_what_failed_before_the_charge_is_not_remembered(wire: Any) -> None:
    sandbox = wire.start(faults=[Fault(status=500), None])
    client = wire.client(sandbox, **{"Idempotency-Key": "k1"})
    assert [look_up(client, "a@b.example").status_code for _ in range(2)] == [500, 200]
    assert (sandbox.charged, sandbox.requests[1].replayed) == (1, False)


def test_a_repeated_key_waits_for_the_first_to_be_through(wire: Any) -> None:
    reached = threading.Event()

    def script(number: int, email: str | None, attempt: int) -> Fault | None:
        reached.set()  # What follows, the charge and the storing, nothing can interrupt.
        return Fault(delay_s=0.2) if number == 0 else None

    sandbox = wire.start(faults=script)
    with wire.connected(sandbox) as one, wire.connected(sandbox) as other:
        one.sendall(wire.request(sandbox, wire.EMAIL, "Idempotency-Key: k", "Connection: close"))
        assert reached.wait(30)
        other.sendall(wire.request(sandbox, wire.EMAIL, "Idempotency-Key: k", "Connection: close"))
        late = wire.hear(other)
        one.setblocking(False)
        assert one.recv(65_536).endswith(late.body)
    assert (sandbox.charged, sandbox.max_in_flight) == (1, 2)


def test_latency_comes_after_the_charge(wire: Any) -> None:
    sandbox = wire.start(latency_s=0.01)
    assert look_up(wire.client(sandbox), "a@b.example").status_code == 200
    assert sandbox.charged == 1


def test_the_books_can_be_read_from_outside_without_a_key(wire: Any) -> None:
    sandbox = wire.start(credits=5)
    look_up(wire.client(sandbox), "a@b.example")
    with httpx.Client(base_url=sandbox.url, trust_env=False) as client:
        assert client.get("/sandbox/health").json() == {"status": "ok"}
        assert client.get("/sandbox/nothing").status_code == 404
        assert client.get("/sandbox/books").json() == {
            "requests": 1,
            "charged": 1,
            "charges": [["a@b.example", 1]],
            "credits_left": 4,
            "max_in_flight": 1,
            "connections": 2,
        }
    assert len(sandbox.requests) == 1


def test_the_key_is_nowhere_in_the_books(wire: Any) -> None:
    sandbox = wire.start()
    look_up(wire.client(sandbox), "a@b.example")
    assert sandbox.api_key not in repr(sandbox) + repr(sandbox.requests) + repr(sandbox.charges)
    assert not any(sandbox.api_key.encode() in record.raw for record in sandbox.requests)
