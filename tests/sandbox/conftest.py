"""A client of the sandbox made of nothing but a socket, one made of httpx, and an account asked without either."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cleanlist_pandas.sandbox import Clock, Sandbox, Terms
from cleanlist_pandas.sandbox.account import Account
from cleanlist_pandas.sandbox.asking import Ask, Handler
from cleanlist_pandas.sandbox.books import Books
from cleanlist_pandas.sandbox.forms import Refusal
from cleanlist_pandas.sandbox.people import TableWorld

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


ANN = {"email": "ann@bee.example", "name": "Ann Other", "email_status": "valid", "title": "CTO", "company": "Bee"}
ANN |= {"industry": "SaaS", "size": "11-50", "phone": "+1-650-555-0173", "linkedin": "https://linkedin.com/in/annother"}
BOB = {"email": "bob@bee.example", "name": "Bob Busy", "email_status": "risky", "title": "CFO", "company": "Bee"}
ANN_BEFORE = {**ANN, "email": "ann@old.example", "company": "Old", "phone": None, "email_status": "invalid"}


class Office:
    """One account, asked without a socket."""

    PEOPLE = (ANN, BOB, ANN_BEFORE)

    def __init__(self, credits: int | None = None, **terms: Any) -> None:
        self.clock = Clock()
        self.books = Books(credits)
        world = TableWorld(self.PEOPLE)
        self.account = Account(seed=0, world=world, books=self.books, terms=Terms(**terms), clock=self.clock)
        self.number = 0

    def ask(
        self, handler: Handler, *parts: str, body: Any = None, query: dict[str, str] | None = None, **script: Any
    ) -> tuple[int, Any]:
        """Return the status and the parsed answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.account.settle_due()
        try:
            answer = handler(self.account, Ask(number=self.number, body=raw, query=query or {}, **script), *parts)
        except Refusal as refusal:
            answer = refusal.answer
        self.number += 1
        return answer.status, json.loads(answer.body)

    def ok(self, handler: Handler, *parts: str, **more: Any) -> Any:
        """Return the answer, which has to be a good one."""
        status, said = self.ask(handler, *parts, **more)
        assert status < 300, said
        return said

    def no(self, handler: Handler, *parts: str, **more: Any) -> tuple[int, str]:
        """Return the status and the code of a refusal; where it is about a form, the place of its first fault."""
        status, said = self.ask(handler, *parts, **more)
        assert status >= 400, said
        if "error" in said:
            return status, said["error"]["code"]
        return status, "/".join(map(str, said["detail"][0]["loc"])) if status == 422 else said["detail"]

    def base64(self, content: str | bytes) -> str:
        """Write a file the way csv-import wants it."""
        return base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()


@pytest.fixture
def office() -> Callable[..., Office]:
    """Give a test its accounts."""
    return Office
