"""A client of the sandbox made of nothing but a socket, and one made of httpx."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cleanlist_pandas.sandbox import Sandbox

PATH = "/v1/enrich/csv_row"
EMAIL = "selmine.pavkomor@mirefield-foods.example"
TIMEOUT_S = 30.0  # A test that hangs shall fail one day; no test waits for this.


@dataclass
class Heard:
    """What a socket gave until its end, and which end it was."""

    data: bytes
    reset: bool

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def head(self) -> str:
        return self.data.partition(b"\r\n\r\n")[0].decode("latin-1").lower()


class Wire:
    """What tests do to a sandbox, byte by byte or through httpx."""

    PATH = PATH
    EMAIL = EMAIL

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(self, **arguments: Any) -> Sandbox:
        """Start a sandbox in which everybody is known, unless told otherwise."""
        return self._stack.enter_context(Sandbox(**{"hit_rate": 1.0, **arguments}))

    def client(self, sandbox: Sandbox, **headers: str) -> httpx.Client:
        """Open an httpx client that shows the right key."""
        said = {"Authorization": f"Bearer {sandbox.api_key}", "Accept-Encoding": "identity", **headers}
        client = httpx.Client(base_url=sandbox.url, headers=said, timeout=TIMEOUT_S, trust_env=False)
        return self._stack.enter_context(client)

    def request(self, sandbox: Sandbox, email: str = EMAIL, *headers: str, **more: Any) -> bytes:
        """Write one look-up by hand."""
        body = json.dumps({"email": email, **more}).encode()
        lines = [
            f"POST {PATH} HTTP/1.1",
            "Host: sandbox",
            f"Authorization: Bearer {sandbox.api_key}",
            f"Content-Length: {len(body)}",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    @contextmanager
    def connected(self, sandbox: Sandbox) -> Iterator[socket.socket]:
        """Open one connection."""
        port = int(sandbox.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
            yield connection

    def hear(self, connection: socket.socket, limit: int = 10_000_000) -> Heard:
        """Read until the connection ends, or until the limit."""
        data = bytearray()
        while len(data) < limit:
            try:
                piece = connection.recv(65_536)
            except ConnectionResetError:
                return Heard(bytes(data), reset=True)
            if not piece:
                break
            data += piece
        return Heard(bytes(data), reset=False)

    def ask(self, sandbox: Sandbox, email: str = EMAIL, *headers: str, limit: int = 10_000_000, **more: Any) -> Heard:
        """Send one look-up on a connection of its own and hear all that comes."""
        with self.connected(sandbox) as connection:
            connection.sendall(self.request(sandbox, email, *headers, **more))
            return self.hear(connection, limit)

    def ask_and_close(self, sandbox: Sandbox, email: str = EMAIL, **more: Any) -> Heard:
        """The same, telling the server to close after its answer."""
        return self.ask(sandbox, email, "Connection: close", **more)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Give a test its sandboxes and stop them all at the end."""
    with ExitStack() as stack:
        yield Wire(stack)
