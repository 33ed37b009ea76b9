"""Start, stop and what is left behind: nothing."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from cleanlist_pandas.sandbox import Fault, Sandbox


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hit_rate": 1.1}, "hit_rate is a share between 0 and 1, got 1.1"),
        ({"hit_rate": float("nan")}, "hit_rate"),
        ({"latency_s": -0.1}, "latency_s is in seconds"),
        ({"latency_s": float("inf")}, "latency_s is in seconds"),
        ({"credits": -1}, "credits is a whole number"),
        ({"credits": 1.5}, "credits is a whole number"),
        ({"credits": True}, "credits is a whole number"),
        ({"rate_per_minute": 0}, "rate_per_minute is above 0"),
        ({"port": 70_000}, "port is 0 to 65535"),
        ({"faults": "no-such-preset"}, "no preset and no file"),
        ({"people": [{"title": "CEO"}]}, "no e-mail address"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sandbox(**arguments)


def test_the_key_depends_on_the_seed_only() -> None:
    assert Sandbox(seed=1).api_key == Sandbox(seed=1).api_key != Sandbox(seed=2).api_key
    assert Sandbox(seed=1).api_key.startswith("clnl_sandbox_")


def test_before_it_starts_there_is_no_address() -> None:
    sandbox = Sandbox()
    assert repr(sandbox) == "<Sandbox not started: 0 requests, 0 credits charged>"
    with pytest.raises(RuntimeError, match="start it"):
        _ = sandbox.url
    sandbox.stop()


def test_it_shows_its_address_and_counts() -> None:
    with Sandbox() as sandbox:
        assert repr(sandbox) == f"<Sandbox {sandbox.url}: 0 requests, 0 credits charged>"
        with pytest.raises(RuntimeError, match="already running"):
            sandbox.start()


def test_nothing_is_left_when_it_stops() -> None:
    threads = threading.active_count()
    with Sandbox() as sandbox:
        port = int(sandbox.url.rsplit(":", 1)[1])
    sandbox.stop()
    assert threading.active_count() == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    gc.collect()  # A socket or a loop left open would warn here, and warnings are errors.


def test_it_can_start_again_and_keeps_its_books(wire: Any) -> None:
    sandbox = wire.start()
    wire.ask_and_close(sandbox)
    sandbox.stop()
    with sandbox:
        wire.ask_and_close(sandbox)
    assert len(sandbox.requests) == 2


def test_a_taken_port_is_said_by_start() -> None:
    with Sandbox() as sandbox:
        other = Sandbox(port=int(sandbox.url.rsplit(":", 1)[1]))
        with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
            other.start()
        assert repr(other).startswith("<Sandbox not started")


@pytest.mark.parametrize(
    "fault", [Fault(silent=True), Fault(delay_s=3600), Fault(drip_bytes=1, drip_s=3600), Fault(flood_bytes=-1)]
)
def test_it_stops_while_requests_hang(wire: Any, fault: Fault) -> None:
    reached = threading.Event()

    def script(number: int, email: str | None, attempt: int) -> Fault | None:
        reached.set()
        return fault

    with Sandbox(faults=script, hit_rate=1.0) as sandbox, wire.connected(sandbox) as hanging:
        hanging.sendall(wire.request(sandbox))
        with wire.connected(sandbox) as idle:
            assert reached.wait(30)
            sandbox.stop()
            assert wire.hear(idle).data == b""
            wire.hear(hanging)
    gc.collect()


def test_it_stops_while_a_request_is_half_sent(wire: Any) -> None:
    with Sandbox() as sandbox, wire.connected(sandbox) as hanging:
        hanging.sendall(wire.request(sandbox)[:30])
        sandbox.stop()
        assert wire.hear(hanging).data == b""


def test_it_stops_while_connections_are_coming_in(wire: Any) -> None:
    """A connection taken in the very moment of the stop is closed like all others."""
    for _ in range(20):
        with ExitStack() as stack:
            sandbox = stack.enter_context(Sandbox())
            burst = [stack.enter_context(wire.connected(sandbox)) for _ in range(10)]
            sandbox.stop()
            assert {wire.hear(connection).data for connection in burst} == {b""}
    gc.collect()


def test_many_clients_at_once_are_all_served(wire: Any) -> None:
    sandbox = wire.start()

    def work(name: int) -> None:
        with wire.connected(sandbox) as connection:
            for i in range(20):
                connection.sendall(wire.request(sandbox, f"a{i}@b{name}.example"))
                assert connection.recv(65_536).startswith(b"HTTP/1.1 200")

    workers = [threading.Thread(target=work, args=(name,)) for name in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (len(sandbox.requests), sandbox.charged, sandbox.connections) == (320, 320, 16)
    assert {record.status for record in sandbox.requests} == {200}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    code = (
        "from cleanlist_pandas.sandbox import Sandbox, run_forever\n"
        "sandbox = Sandbox(hit_rate=1.0)\n"
        "run_forever(sandbox, lambda s: print(s.url, s.api_key, flush=True))\n"
        "print(sandbox.charged, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url, key = process.stdout.readline().split()
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client:
            assert client.post("/v1/enrich/csv_row", json={"email": "a@b.example"}).status_code == 200
            assert client.get("/sandbox/books").json()["charges"] == [["a@b.example", 1]]
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
    assert (out.strip(), err, process.returncode) == ("1", "", 0)


def test_the_room_imports_nothing_of_the_house() -> None:
    folder = Path(__file__).parents[2] / "cleanlist_pandas" / "sandbox"
    for path in folder.glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(("from cleanlist_pandas", "import cleanlist_pandas")):
                assert "cleanlist_pandas.sandbox" in line, f"{path.name}: {line}"
