"""What leaves and through which door: heads on the wire, proxies and TLS, all on sockets of this machine."""

from __future__ import annotations

import asyncio
import base64
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest
import trustme

import cleanlist_pandas as cl
from cleanlist_pandas.checks import secret
from cleanlist_pandas.services.http import Network
from cleanlist_pandas.services.reply import Lost, LostBy, Reply
from cleanlist_pandas.services.service import Request

HOST = "api.acme.example"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https", "all", "no"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            monkeypatch.delenv(name, raising=False)


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def network(url: str) -> Network:
    return Network(url=url, api_key=secret("key-of-a-test-0123456789"), timeout_s=10, connect_timeout_s=10)


class Service:
    """Answers every request alike and keeps the heads and how many connections there were."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.heads, self.connections = answers or (ANSWER,), list[bytes](), 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await head_of(reader)
                self.heads.append(head)
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
                for answer in self.answers:  # each in a record of its own, where there is TLS
                    writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Proxy:
    """Takes CONNECT for any host and leads to one port; or refuses."""

    def __init__(self, port: int, refusal: bytes = b"") -> None:
        self.port, self.refusal, self.heads = port, refusal, list[bytes]()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await head_of(reader))
        writer.write(self.refusal or b"HTTP/1.1 200 Connected\r\n\r\n")
        if self.refusal:
            writer.close()
            return
        inner, outer = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(self._pass(reader, outer), self._pass(inner, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serve(handler: Streams, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve for a block, at the port that is returned, and see everybody off."""
    guests: set[asyncio.Task[None]] = set()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        guests.add(task)
        await handler(reader, writer)

    async with await asyncio.start_server(welcome, "127.0.0.1", 0, ssl=tls) as server:
        yield int(server.sockets[0].getsockname()[1])
        await asyncio.wait_for(asyncio.gather(*guests), 10)


async def ask(network: Network, *requests: Request) -> list[Reply | Lost]:
    connection = network.connect()
    try:
        return [await connection.send(request) for request in requests]
    finally:
        await connection.close()


def plainly(service: Service, *requests: Request, path: str = "/v1") -> list[Reply | Lost]:
    async def run() -> list[Reply | Lost]:
        async with serve(service) as port:
            return await ask(network(f"http://127.0.0.1:{port}{path}"), *requests)

    return asyncio.run(run())


def lines(head: bytes) -> dict[str, str]:
    first, *rest = head.decode().rstrip().split("\r\n")
    return {"": first} | dict(line.split(": ", 1) for line in rest)


def test_a_head_holds_what_a_request_needs_and_nothing_else():
    service = Service()
    plainly(service, Request(path="/enrich/csv_row", body=b'{"email": 1}', idempotency_key="abc"))
    said = lines(service.heads[0])
    assert said.pop("Host").startswith("127.0.0.1:")
    assert said == {
        "": "POST /v1/enrich/csv_row HTTP/1.1",
        "Authorization": "Bearer key-of-a-test-0123456789",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "cleanlist-pandas",
        "Content-Type": "application/json",
        "Content-Length": "12",
        "Idempotency-Key": "abc",
    }


def test_a_post_without_a_body_says_so_and_a_get_says_nothing():
    service = Service()
    plainly(service, Request(path="/a"), Request(method="GET", path="/b?x=1%2F2"))
    said = [lines(head) for head in service.heads]
    assert [one.get("Content-Length") for one in said] == ["0", None]
    assert said[1][""] == "GET /v1/b?x=1%2F2 HTTP/1.1"
    assert service.connections == 1


def test_a_path_that_holds_what_no_line_may_is_escaped():
    service = Service()
    plainly(service, Request(method="GET", path="/é x"))
    assert lines(service.heads[0])[""] == "GET /v1/%C3%A9%20x HTTP/1.1"


@pytest.mark.parametrize("heads", [b"Content-Encoding: gzip", b"Content-Encoding: identity\r\ncontent-encoding: br"])
def test_an_answer_that_is_packed_is_not_read(heads):
    answer = ANSWER.replace(b"Content-Length", heads + b"\r\nContent-Length")
    assert plainly(Service(answer), Request(path="/a")) == [Lost(LostBy.ENCODED, sent=True)]


def test_what_comes_behind_an_answer_is_read_by_nobody():
    service = Service(ANSWER + ANSWER)
    plainly(service, Request(path="/a"), Request(path="/b"))
    assert service.connections == 2


class Tunnel:
    """A service with a certificate behind a proxy, as seen from both."""

    name = "HTTPS_PROXY"

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, *answers: bytes, refusal: bytes = b""):
        authority = trustme.CA()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(self._tls)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        self._setenv, self._refusal = monkeypatch.setenv, refusal
        self.service = Service(*answers)
        self.proxy = Proxy(0)

    def ask(self, named: str, *requests: Request) -> list[Reply | Lost]:
        """Send requests with a proxy named so; `{}` stands for where it is."""

        async def run() -> list[Reply | Lost]:
            async with serve(self.service, self._tls) as port:
                self.proxy = Proxy(port, self._refusal)
                async with serve(self.proxy) as way:
                    self._setenv(self.name, named.format(f"127.0.0.1:{way}"))
                    return await ask(network(f"https://{HOST}/v1"), *requests)

        return asyncio.run(run())


@pytest.mark.parametrize("named", ["http://{}", "{}", "http://us%40er:pass%20word@{}"])
def test_a_proxy_is_told_the_host_and_never_the_key(monkeypatch, tmp_path, named):
    tunnel = Tunnel(monkeypatch, tmp_path)
    replies = tunnel.ask(named, Request(path="/a", body=b"{}"), Request(path="/b", body=b"{}"))
    assert [reply.status for reply in replies if isinstance(reply, Reply)] == [200, 200]
    assert len(tunnel.proxy.heads) == tunnel.service.connections == 1  # kept for both
    said = lines(tunnel.proxy.heads[0])
    assert said[""] == f"CONNECT {HOST}:443 HTTP/1.1"
    assert "Authorization" not in said
    shown = base64.b64encode(b"us@er:pass word").decode()
    assert said.get("Proxy-Authorization") == (f"Basic {shown}" if "@" in named else None)
    assert [lines(head)["Host"] for head in tunnel.service.heads] == [HOST, HOST]


@pytest.mark.parametrize("answers", [(ANSWER + ANSWER,), (ANSWER, ANSWER)])
def test_what_comes_behind_an_answer_through_a_proxy_is_read_by_nobody(monkeypatch, tmp_path, answers):
    tunnel = Tunnel(monkeypatch, tmp_path, *answers)
    tunnel.ask("http://{}", Request(path="/a"), Request(path="/b"))
    assert tunnel.service.connections == 2


def test_a_proxy_that_refuses_has_sent_nothing(monkeypatch, tmp_path):
    tunnel = Tunnel(monkeypatch, tmp_path, refusal=b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
    assert tunnel.ask("http://{}", Request(path="/a")) == [Lost(LostBy.CONNECT, sent=False)]


@pytest.mark.parametrize("named", ["ftp://proxy.example:21", "http://", "http://proxy.example:port", "://"])
def test_a_proxy_that_is_none_is_named_before_anything_is_sent(monkeypatch, named):
    monkeypatch.setenv("HTTPS_PROXY", named)
    with pytest.raises(
        cl.ConfigurationError, match=r"HTTPS_PROXY or ALL_PROXY cannot be used; nothing was sent.*http://proxy"
    ):
        network(f"https://{HOST}/v1")


def test_a_socks_proxy_without_its_package_is_named_before_anything_is_sent(monkeypatch):
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")
    with pytest.raises(cl.ConfigurationError, match=r"nothing was sent. Type: pip install socksio"):
        network(f"https://{HOST}/v1")


def test_what_httpcore_logs_of_a_socks_proxy_is_without_its_password(monkeypatch):
    """It logs all that it tells the proxy, at DEBUG, the user and the password with it."""
    monkeypatch.setitem(sys.modules, "socksio", ModuleType("socksio"))
    sys.modules["socksio"].__spec__ = ModuleSpec("socksio", None)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://somebody:password@proxy.example:1080")
    proxy = network(f"https://{HOST}/v1")._proxy
    assert proxy is not None
    assert proxy.auth == (b"somebody", b"password")
    assert "password" not in repr(proxy.auth)


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_certificates_that_cannot_be_read_are_named_before_anything_is_sent(monkeypatch, tmp_path, content):
    path = tmp_path / "ca.pem"
    path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(cl.ConfigurationError, match=r"named by SSL_CERT_FILE cannot be read; nothing was sent"):
        network(f"https://{HOST}/v1")


def test_a_proxy_for_all_is_one_for_https_where_that_has_none(monkeypatch, tmp_path):
    tunnel = Tunnel(monkeypatch, tmp_path)
    tunnel.name = "ALL_PROXY"
    assert [reply.status for reply in tunnel.ask("http://{}", Request(path="/a")) if isinstance(reply, Reply)] == [200]
    assert len(tunnel.proxy.heads) == 1
    monkeypatch.setenv("HTTPS_PROXY", "http://")
    with pytest.raises(cl.ConfigurationError):
        network(f"https://{HOST}/v1")
