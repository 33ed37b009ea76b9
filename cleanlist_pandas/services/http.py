"""The only door to the network: one request at a time over one connection of its own.

Why not a shared client: httpx's pool scans all connections for each request and its keep-alive loses some of them; a
connection a worker costs the same at 200 in flight as at 10. Why no redirects, no compression and a cap on the body: a
key must not follow a redirect, and a 194 kB gzip answer can inflate to 425 MB.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from cleanlist_pandas.checks import Secret, base_url, is_loopback
from cleanlist_pandas.services.reply import Lost, LostBy, Reply, parse_retry_after_s
from cleanlist_pandas.services.service import Request

__all__ = ["Connection", "Network"]

KEEPALIVE_S = 4.0  # below the five seconds after which common servers hang up
SHORTEST_KEY_BYTES = 20
USER_AGENT = "cleanlist-pandas"


class Network:
    """Opens connections to one service with one key; they share one TLS context."""

    def __init__(self, *, url: str, api_key: Secret, timeout_s: float, connect_timeout_s: float) -> None:
        self.base_url = base_url(url)
        self._key = api_key
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._tls: ssl.SSLContext | bool = httpx.create_ssl_context() if self.base_url.startswith("https:") else False
        self._proxy = _proxy_for(self.base_url)

    def __repr__(self) -> str:
        """Show the address, never the key."""
        return f"Network({self.base_url!r})"

    def connect(self) -> Connection:
        """Return a connection, which dials when it is first used."""
        return Connection(self)

    def transport(self) -> httpx.AsyncHTTPTransport:
        """Return a transport that holds at most one connection."""
        return httpx.AsyncHTTPTransport(
            verify=self._tls,
            http1=True,
            http2=False,
            trust_env=False,
            proxy=self._proxy,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_S),
        )

    def request(self, said: Request, trace: Callable[..., Any]) -> httpx.Request:
        """Return the request; the key is put in here and nowhere else."""
        limit = self._timeout_s + said.patience_s
        headers = {
            "Authorization": f"Bearer {self._key.reveal()}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }
        if said.body:
            headers["Content-Type"] = "application/json"
        if said.idempotency_key:
            headers["Idempotency-Key"] = said.idempotency_key
        return httpx.Request(
            said.method,
            self.base_url + said.path,
            content=said.body or None,
            headers=headers,
            extensions={
                "timeout": {"connect": self._connect_timeout_s, "read": limit, "write": limit, "pool": limit},
                "trace": trace,
            },
        )

    def masked(self, body: bytes, *, is_answer: bool) -> bytes:
        """Return a body without the key, should the service repeat it: errors are shown, and both are kept.

        An answer was paid for: a key so short that it may stand in any word is left in it.
        """
        key = self._key.reveal().encode()
        return body if is_answer and len(key) < SHORTEST_KEY_BYTES else body.replace(key, b"***")

    @property
    def timeout_s(self) -> float:
        """Seconds one request may take in all."""
        return self._timeout_s


class _Trace:
    """Remembers whether a request may have left this machine, and keeps the service's words out of the log."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent = False

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        # To a proxy httpcore sends a CONNECT first, which holds nothing of ours.
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.sent = True
        # httpcore logs the same mapping at DEBUG next; a service may repeat in its headers whom it was asked about.
        if event.startswith("http11.receive_response_") and not event.endswith(".started"):
            info.clear()


class Connection:
    """One connection, used by one worker; thrown away on anything but a whole answer."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._trusted = True
        self.unanswered = False  # whether the newest request may have left and no whole answer came

    def distrust(self) -> None:
        """Dial anew before the next request: what is read from this connection may answer another one."""
        self._trusted = False

    async def send(self, said: Request) -> Reply | Lost:
        """Send one request and read its whole answer, up to its limit, within the total deadline."""
        trace = _Trace()
        outcome: Reply | LostBy = LostBy.CANCELLED
        try:
            async with asyncio.timeout(self._network.timeout_s + said.patience_s):
                outcome = await self._exchange(self._network.request(said, trace), said.max_bytes)
        except TimeoutError:
            outcome = LostBy.TIMEOUT
        except Exception as error:  # noqa: BLE001 - the border: every foreign error becomes one of our words here
            outcome = _lost_by(error)
        finally:
            self.unanswered = trace.sent and not isinstance(outcome, Reply)
            if not isinstance(outcome, Reply):
                await self.close()
        return outcome if isinstance(outcome, Reply) else Lost(outcome, sent=trace.sent)

    async def _exchange(self, request: httpx.Request, max_bytes: int) -> Reply | LostBy:
        """Do one round trip."""
        if not self._trusted:
            await self.close()
        if self._transport is None:
            self._transport = self._network.transport()
        response = await self._transport.handle_async_request(request)
        try:
            content = await _read(response, max_bytes)
        finally:
            await response.aclose()
        if isinstance(content, LostBy):
            if response.is_success:
                return content
            self.distrust()  # of an error the status alone decides, but its rest must not be read as the next answer
            content = b""
        elif _has_more(self._transport):
            self.distrust()
        return Reply(
            status=response.status_code,
            body=self._network.masked(content, is_answer=response.is_success),
            retry_after_s=parse_retry_after_s(response.headers.get("retry-after"), datetime.now(UTC)),
        )

    async def close(self) -> None:
        """Hang up; the next request dials anew."""
        transport, self._transport, self._trusted = self._transport, None, True
        if transport is not None:
            # Closing is cleaning up: what goes wrong in it, TLS goodbyes mostly, changes nothing.
            with contextlib.suppress(Exception):
                await transport.aclose()


async def _read(response: httpx.Response, max_bytes: int) -> bytes | LostBy:
    """Read a body as it is, up to a limit."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return LostBy.ENCODED
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > max_bytes:
            return LostBy.TOO_LARGE
    return bytes(content)


def _has_more(transport: Any) -> bool:
    """Whether bytes came behind an answer: httpcore keeps them, shows them to nobody, and reads the next answer there.

    It has no public way to ask. Where a later version keeps them elsewhere, this says no, and its test fails.
    """
    for connection in transport._pool.connections:
        while (inner := getattr(connection, "_connection", None)) is not None:  # a proxy's is around the line itself
            connection = inner
        parser = getattr(connection, "_h11_state", None)
        if parser is not None and parser.trailing_data[0]:
            return True
    return False


def _lost_by(error: Exception) -> LostBy:
    """Name a foreign error in our words, most specific first."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return LostBy.TLS
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return LostBy.CONNECT if isinstance(error, httpx.ConnectTimeout) else LostBy.TIMEOUT
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return LostBy.CONNECT
    return LostBy.RESET


def _proxy_for(url: str) -> str | None:
    """Return the proxy the environment names for this address, as every other client would use."""
    parts = urlsplit(url)
    if is_loopback(url) or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)
