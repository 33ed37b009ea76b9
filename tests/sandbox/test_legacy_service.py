"""The legacy v1 surface through real sockets, and webhooks to a real receiver."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from cleanlist_pandas.sandbox import Clock, Fault, Terms

V1 = "/api/v1/public"
CONTACT = {"first_name": "Ann", "last_name": "Other", "company_domain": "mirefield-foods.example"}
EMAIL = "ann.other@mirefield-foods.example"


class Receiver:
    """Takes webhooks and answers them with what it was told, at the end with 200."""

    def __init__(self, answers: list[int]) -> None:
        heard: queue.Queue[Any] = queue.Queue()
        left = iter(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = next(left, 200)
                if code:
                    self.send_response(code)
                    self.end_headers()
                heard.put((self.path, self.headers["Content-Type"], json.loads(body)))

            def log_message(self, *_: object) -> None:
                pass

        self._heard = heard
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?x=1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def hear(self) -> Any:
        """Wait for the next webhook."""
        return self._heard.get(timeout=30)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    opened: list[Receiver] = []

    def open_one(*answers: int) -> Receiver:
        opened.append(Receiver(list(answers)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def submit(client: httpx.Client, **more: Any) -> httpx.Response:
    return client.post(f"{V1}/enrich/bulk", json={"contacts": [CONTACT], **more})


def until(client: httpx.Client, workflow_id: str, status: str, attempts: int = 1) -> Any:
    """Ask for the log until it says what is waited for, but not for ever."""
    for _ in range(10_000):
        said = client.get(f"{V1}/webhooks/deliveries", params={"workflow_id": workflow_id}).json()
        if said["status"] == status and len(said["deliveries"]) >= attempts:
            return said["deliveries"]
    raise AssertionError(said)


def test_the_same_person_as_everywhere(wire: Any) -> None:
    sandbox = wire.start(seed=5)
    client = wire.client(sandbox)
    row = client.post(wire.PATH, json={"email": EMAIL}).json()["csv_row"]
    workflow_id = submit(client, contacts=[{**CONTACT, "email": EMAIL}]).json()["workflow_id"]
    [said] = client.get(f"{V1}/enrich/status", params={"workflow_id": workflow_id}).json()["results"]
    assert (said["primary_email"], said["prospect"]["headline"]) == (EMAIL, row["enriched_title"])
    company = (said["company"]["name"], said["company"]["industry"], said["company"]["headcount"])
    assert company == (row["enriched_company"], row["enriched_industry"], row["enriched_size"])
    assert [(charge.surface, charge.email) for charge in sandbox.charges] == [("csv_row", EMAIL), ("legacy", EMAIL)]


def test_the_old_prefix_has_both_surfaces(wire: Any) -> None:
    client = wire.client(wire.start(credits=3))
    assert client.get(f"{V1}/credits/balance").json()["credits"] == 3.5
    assert client.get("/api/v2/credits/balance").json()["credits"] == 3
    assert client.get(f"{V1}/whoami").json()["tier"] == "pro"
    assert client.get("/api/v2/auth/validate-key").status_code == 404


def test_errors_are_in_the_old_words(wire: Any) -> None:
    clock = Clock()
    route = f"GET {V1}/enrich/status"
    sandbox = wire.start(terms=Terms(limits=True), clock=clock, credits=0, faults={route: Fault(status=500)})
    client = wire.client(sandbox)
    wrong = client.get(f"{V1}/auth/validate-key", headers={"Authorization": "Bearer no"})
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Not authenticated"})
    assert (submit(client).status_code, submit(client).json()) == (402, {"detail": "Insufficient credits"})
    assert client.get(f"{V1}/enrich/status").json() == {"detail": "Scripted fault"}
    for _ in range(27):
        assert client.get(f"{V1}/auth/validate-key").status_code == 200
    late = client.get("/api/v2/whoami")
    assert (late.status_code, late.json()["error"]["code"]) == (429, "rate_limited")
    late = client.get(f"{V1}/auth/validate-key")
    assert (late.status_code, late.json(), late.headers["Retry-After"]) == (
        429,
        {"detail": "Rate limit exceeded"},
        "60",
    )


def test_a_webhook_comes_once(wire: Any, receiver: Any) -> None:
    hook, client = receiver(), wire.client(wire.start())
    workflow_id = submit(client, webhook_url=hook.url).json()["workflow_id"]
    path, kind, said = hook.hear()
    assert (path, kind, said["workflow_id"]) == ("/hook?x=1", "application/json", workflow_id)
    assert said["results"][0]["primary_email"] == EMAIL
    [attempt] = until(client, workflow_id, "delivered")
    assert attempt["response_code"] == 200


@pytest.mark.parametrize("path", ["a b", "\u00fc", "\x7f", "a\r\nX: y"])
def test_a_webhook_that_cannot_be_sent_holds_up_no_other(wire: Any, receiver: Any, path: str) -> None:
    hook, client = receiver(), wire.client(wire.start(clock=Clock()))
    bad = submit(client, webhook_url=f"{hook.url}{path}").json()["workflow_id"]
    good = submit(client, webhook_url=hook.url).json()["workflow_id"]
    [attempt] = until(client, bad, "retrying")
    assert (attempt["response_code"], hook.hear()[2]["workflow_id"]) == (None, good)


def test_a_webhook_waits_for_its_workflow(wire: Any, receiver: Any) -> None:
    clock, hook = Clock(), receiver()
    sandbox = wire.start(clock=clock, terms=Terms(workflow_s=3600), credits=1)
    workflow_id = submit(wire.client(sandbox), webhook_url=hook.url).json()["workflow_id"]
    assert (sandbox.charged, sandbox.credits_left, sandbox.totals("legacy").open) == (0, 0, 1)
    clock.advance(3600)
    assert hook.hear()[2]["workflow_id"] == workflow_id
    assert (sandbox.charged, len(sandbox.requests)) == (1, 1)


def test_a_webhook_is_tried_again_when_its_time_has_come(wire: Any, receiver: Any) -> None:
    clock, hook = Clock(), receiver(500, 404)
    client = wire.client(wire.start(clock=clock))
    workflow_id = submit(client, webhook_url=hook.url).json()["workflow_id"]
    first = hook.hear()
    for attempts, wait_s in enumerate((1, 2), start=1):
        until(client, workflow_id, "retrying", attempts)
        clock.advance(wait_s)
        assert hook.hear() == first
    assert [one["response_code"] for one in until(client, workflow_id, "delivered")] == [500, 404, 200]


def test_a_receiver_that_hangs_up_is_noted(wire: Any, receiver: Any) -> None:
    client = wire.client(wire.start(clock=Clock()))
    workflow_id = submit(client, webhook_url=receiver(0).url).json()["workflow_id"]
    [attempt] = until(client, workflow_id, "retrying")
    assert (attempt["response_code"], attempt["error_message"]) == (None, "RemoteProtocolError")


def test_a_receiver_that_says_nothing_is_noted(wire: Any) -> None:
    client = wire.client(wire.start(clock=Clock(), terms=Terms(webhook_timeout_s=0.05)))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/"
        workflow_id = submit(client, webhook_url=url).json()["workflow_id"]
        [attempt] = until(client, workflow_id, "retrying")
    assert (attempt["response_code"], attempt["error_message"]) == (None, "no answer in time")


def test_nobody_at_the_door_is_noted_and_given_up_after_five(wire: Any) -> None:
    class Hasty(Clock):
        """Every look at it takes a minute."""

        def __call__(self) -> float:
            return self.advance(60)

    client = wire.client(wire.start(clock=Hasty()))
    workflow_id = submit(client, webhook_url="http://127.0.0.1:1/").json()["workflow_id"]
    attempts = until(client, workflow_id, "failed")
    assert [one["error_message"] for one in attempts] == ["ConnectionRefusedError"] * 5


def test_a_sandbox_stops_with_webhooks_on_their_way(wire: Any, receiver: Any) -> None:
    sandbox = wire.start(terms=Terms(workflow_s=3600))
    submit(wire.client(sandbox), webhook_url=receiver().url)
    sandbox.stop()
    assert (sandbox.charged, sandbox.totals().open) == (0, 1)
