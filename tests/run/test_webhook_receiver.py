"""The receiver on real sockets: the sandbox's own webhooks, and clients that mean no good."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.run.records import Intent, Run
from cleanlist_pandas.sandbox import Clock, Terms
from cleanlist_pandas.services.service import Job
from cleanlist_pandas.webhooks import LARGEST_BODY, receiver

Scene: Any = Any
V1 = "/api/v1/public"
PATIENCE_S = 30.0  # a test that hangs shall fail one day; no test waits for this
JO = {"first_name": "Jo", "last_name": "Do", "email": "jo@acme.example", "company_domain": "acme.example"}
SAID = json.dumps({"event": "enrichment.completed", "workflow_id": "wf_1"}).encode()


def take(ledger: cl.Ledger, workflow_id: str) -> None:
    """Write down that the service took somebody."""
    run = Run(id="run", world="local", service="legacy_v1")
    [number] = ledger.record(run, [Intent(address=JO["email"], fields=("company",), price=1)], [])
    assert isinstance(number, int)
    ledger.record(run, [], [], [Job(lookup=number, token=f"bulk {workflow_id} 1 task", at_us=1)])


def post(url: str, body: bytes = SAID, method: str = "POST", **headers: str) -> httpx.Response:
    with httpx.Client(timeout=PATIENCE_S, trust_env=False) as client:
        return client.request(method, url, content=body, headers=headers)


def speak(url: str, data: bytes, *, end: bool = False) -> bytes:
    """Send bytes and return all that is said until the connection ends."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_S) as wire:
        wire.sendall(data)
        if end:
            wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(4096), b""))


def until(client: httpx.Client, workflow_id: str, status: str, attempts: int) -> list[int]:
    """Ask the sandbox for its attempts until they have come to something, but not for ever; return their codes."""
    for _ in range(10_000):
        said = client.get(f"{V1}/webhooks/deliveries", params={"workflow_id": workflow_id}).json()
        if said["status"] == status and len(said["deliveries"]) == attempts:
            return [one["response_code"] for one in said["deliveries"]]
    raise AssertionError(said)


@pytest.mark.parametrize("known_after", [1, 4, None])
def test_the_services_own_webhook_is_taken_once_the_ledger_knows_the_workflow(
    scene: Scene, known_after: int | None
) -> None:
    """It may be faster than the ledger: then it comes again. That of somebody else comes five times in vain."""
    clock = Clock()
    sandbox = scene.open(clock=clock)
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    with (
        cl.Ledger(scene.ledger) as ledger,
        receiver(ledger) as hook,
        httpx.Client(base_url=sandbox.url, headers=headers, timeout=PATIENCE_S, trust_env=False) as client,
    ):
        order = {"contacts": [JO], "webhook_url": hook.url}
        workflow_id = client.post(f"{V1}/enrich/bulk", json=order).json()["workflow_id"]
        for attempts, wait_s in enumerate((1, 2, 4, 8, 16), start=1):
            assert until(client, workflow_id, "retrying", attempts) == [404] * attempts
            if attempts == known_after:
                take(ledger, workflow_id)
            assert not hook.wait(0)
            clock.advance(wait_s)
            if attempts == known_after:
                assert hook.wait(PATIENCE_S)
                assert until(client, workflow_id, "delivered", attempts + 1) == [*[404] * attempts, 200]
                return
        assert until(client, workflow_id, "failed", 5) == [404] * 5
        assert not hook.wait(0)


def test_each_webhook_wakes_who_waits_and_two_at_once_wake_once(scene: Scene) -> None:
    """What is refused wakes nobody."""
    with cl.Ledger(scene.ledger) as ledger, receiver(ledger) as hook:
        take(ledger, "wf_1")
        assert post(hook.url, b"{}").status_code == 400
        assert not hook.wait(0)
        assert [post(hook.url).status_code, post(f"{hook.url}any/path?x=1").status_code] == [200, 200]
        assert [hook.wait(0), hook.wait(0)] == [True, False]
        assert post(hook.url).status_code == 200
        assert hook.wait(PATIENCE_S)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "ODD"])
def test_only_posts_are_taken(scene: Scene, method: str) -> None:
    """And nothing that was sent, and nothing of the program, is in the answer."""
    with cl.Ledger(scene.ledger) as ledger, receiver(ledger) as hook:
        said = post(hook.url + "jo@acme.example", method=method)
        assert (said.status_code, said.content, "server" in said.headers) == (405, b"", False)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (LARGEST_BODY + 1), 413),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413),
        (b"POST / HTTP/9.9\r\n\r\n", 505),
        (b"POST jo@acme.example\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
    ],
    ids=lambda told: repr(told[:50]) if isinstance(told, bytes) else None,
)
def test_what_is_no_proper_request_is_refused_without_a_word(
    scene: Scene, capfd: pytest.CaptureFixture[str], head: bytes, status: int
) -> None:
    """Nor is anything said in the terminal."""
    with cl.Ledger(scene.ledger) as ledger, receiver(ledger) as hook:
        said = speak(hook.url, head, end=True)
    assert f" {status} ".encode() in said.partition(b"\r\n")[0]
    assert said.endswith(b"\r\n\r\n")
    assert b"jo@" not in said
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("data", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"])
@pytest.mark.parametrize("end", [True, False], ids=["goes away", "stays"])
def test_a_client_that_does_not_finish_holds_up_nobody_for_long(
    scene: Scene, capfd: pytest.CaptureFixture[str], data: bytes, end: bool
) -> None:
    """Whether it goes away or says nothing more, it is hung up on, and the next one is served."""
    with cl.Ledger(scene.ledger) as ledger, receiver(ledger, timeout_s=PATIENCE_S if end else 0.05) as hook:
        assert b" 200 " not in speak(hook.url, data, end=end)
    with cl.Ledger(scene.ledger) as ledger, receiver(ledger) as hook:
        take(ledger, "wf_1")
        speak(hook.url, data, end=True)
        assert post(hook.url).status_code == 200
    assert capfd.readouterr() == ("", "")


def test_a_ledger_that_cannot_be_read_is_no_refusal(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    """The service comes again."""
    ledger = cl.Ledger(scene.ledger)
    with receiver(ledger) as hook:
        ledger.close()
        assert post(hook.url).status_code == 503
    assert capfd.readouterr() == ("", "")


def test_the_port_is_free_again_at_the_end_and_may_be_chosen(scene: Scene) -> None:
    """It says where it listens, and only on this machine."""
    with cl.Ledger(scene.ledger) as ledger:
        with receiver(ledger) as hook:
            port = urlsplit(hook.url).port
            assert repr(hook) == f"Receiver('http://127.0.0.1:{port}/')"
            assert port is not None
            with pytest.raises(OSError, match="in use"), receiver(ledger, port):
                pass
        with pytest.raises(ConnectionRefusedError):
            speak(hook.url, b"")
        with receiver(ledger, port) as again:
            assert again.url == hook.url


@pytest.mark.parametrize("wrong", [{"port": -1}, {"port": 65_536}, {"port": "80"}, {"timeout_s": 0}])
def test_what_is_no_port_or_time_is_refused(scene: Scene, wrong: dict[str, Any]) -> None:
    """Before anything is opened."""
    with cl.Ledger(scene.ledger) as ledger, pytest.raises(cl.ConfigurationError), receiver(ledger, **wrong):
        pass


SURFACES = {"legacy_v1": V1, "csv_upload": "/v1"}


@pytest.mark.parametrize("name", SURFACES)
def test_what_was_submitted_is_told_and_then_collected(scene: Scene, name: str) -> None:
    """What the webhook itself holds is not looked at: the answers come from the service, and cost what they cost."""
    clock = Clock()
    sandbox = scene.open(clock=clock, terms=Terms(csv_rows_at_once=1, workflow_s=3600.0))
    emails = [f"person{at}@acme.example" for at in range(5)]
    frame = pd.DataFrame({"Email": emails, "First name": "Jo", "Last name": "Do"})
    with cl.Ledger(scene.ledger) as ledger, receiver(ledger) as hook:
        how = scene.how(base_url=sandbox.url + SURFACES[name], ledger=ledger, fields=["company"])
        job = cl.submit(frame, service=name, webhook_url=hook.url, **how)
        early = cl.collect(frame, job, wait=False, base_url=how["base_url"], api_key=how["api_key"], ledger=ledger)
        assert early["enriched_status"].tolist() == ["in_doubt"] * 5
        assert not hook.wait(0)
        clock.advance(3600)
        assert hook.wait(PATIENCE_S)
        out = cl.collect(frame, job, wait=False, base_url=how["base_url"], api_key=how["api_key"], ledger=ledger)
    scene.audit(frame, out, budget=5)
    assert out["enriched_status"].tolist() == ["completed"] * 5
    assert sandbox.charged == 5


@pytest.mark.parametrize("name", ["csv_row", "v2", "v2_people", "v2_list"])
def test_a_surface_that_posts_nothing_refuses_before_anything_is_sent(scene: Scene, name: str) -> None:
    """And shows nobody where it was to post."""
    sandbox = scene.open()
    path = "/v1" if name == "csv_row" else "/api/v2"
    how = {"base_url": sandbox.url + path, "service": name, "webhook_url": "http://127.0.0.1:9/secret"}
    with pytest.raises(cl.ConfigurationError, match=f"{name} posts no webhooks, so nothing was sent") as refused:
        scene.enrich(scene.people(3), **how)
    assert "secret" not in str(refused.value)
    assert not sandbox.requests


def test_the_real_service_is_not_told_to_post_to_this_machine(scene: Scene) -> None:
    """It could not."""
    scene.open()
    how = {"base_url": f"https://api.cleanlist.example{V1}", "service": "legacy_v1"}
    with pytest.raises(cl.ConfigurationError, match="nothing was sent"):
        scene.enrich(scene.people(3), **how, webhook_url="http://localhost:9/secret")
