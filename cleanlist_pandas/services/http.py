"""The only door to the network: one request at a time over one connection of its own.

Why httpcore, on which httpx stands, and no client or pool: httpx's pool scans all connections for each request and its
keep-alive loses some of them, while a connection a worker costs the same at 200 in flight as at 10; and with a pool and
httpx's own layer around it that connection takes a quarter more CPU. httpx says whom to trust and reads a proxy's
address. Why no redirects, no compression and a cap on the body: a key must not follow a redirect, and a 194 kB gzip
answer can inflate to 425 MB.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import httpcore
import httpx

from cleanlist_pandas.checks import Secret, base_url
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.services.proxies import as_sent, proxy_for
from cleanlist_pandas.services.reply import Lost, LostBy, Reply, parse_retry_after_s
from cleanlist_pandas.services.service import Request

__all__ = ["Connection", "Network"]

KEEPALIVE_S = 4.0  # below the five seconds after which common servers hang up
SHORTEST_KEY_BYTES = 20
USER_AGENT = b"cleanlist-pandas"

Transport = httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool


class Network:
    """Opens connections to one service with one key; they share one TLS context."""

    def __init__(self, *, url: str, api_key: Secret, timeout_s: float, connect_timeout_s: float) -> None:
        self.base_url = base_url(url)
        self._key = api_key
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._tls = _trusted() if self.base_url.startswith("https:") else None
        self._proxy = proxy_for(self.base_url)

    def __repr__(self) -> str:
        """Show the address, never the key."""
        return f"Network({self.base_url!r})"

    def connect(self) -> Connection:
        """Return a connection, which dials when it is first used."""
        return Connection(self)

    def transport(self) -> Transport:
        """Return what holds at most one connection, and dials when it is first used."""
        if self._proxy is None:
            origin = _address(self.base_url)[0].origin
            return httpcore.AsyncHTTPConnection(origin, self._tls, keepalive_expiry=KEEPALIVE_S)
        return httpcore.AsyncConnectionPool(
            self._tls,
            proxy=self._proxy,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=KEEPALIVE_S,
        )

    def request(self, said: Request, trace: Callable[..., Any]) -> httpcore.Request:
        """Return the request; the key is put in here and nowhere else."""
        limit = self._timeout_s + said.patience_s
        url, host = _address(self.base_url + said.path)
        headers = [
            (b"Host", host),
            (b"Authorization", b"Bearer " + self._key.reveal().encode()),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", USER_AGENT),
        ]
        if said.body:
            headers.append((b"Content-Type", b"application/json"))
        if said.body or said.method == "POST":
            headers.append((b"Content-Length", b"%d" % len(said.body)))
        if said.idempotency_key:
            headers.append((b"Idempotency-Key", said.idempotency_key.encode()))
        return httpcore.Request(
            said.method.encode(),
            url,
            headers=headers,
            content=said.body or None,
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


class _UnwantedError(Exception):
    """A request must not leave any more."""


class _Trace:
    """Remembers whether a request may have left this machine, and keeps the service's words out of the log.

    What is wanted no more when the connection stands does not leave.
    """

    __slots__ = ("_dialled", "_wanted", "sent")

    def __init__(self, wanted: Callable[[], bool] | None) -> None:
        self.sent = self._dialled = False
        self._wanted = wanted

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        self._dialled |= event == "connection.connect_tcp.started"
        # To a proxy httpcore sends a CONNECT first, which holds nothing of ours.
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            if self._dialled and self._wanted is not None and not self._wanted():
                raise _UnwantedError
            self.sent = True
        # httpcore logs the same mapping at DEBUG next; a service may repeat in its headers whom it was asked about.
        if event.startswith("http11.receive_response_") and not event.endswith(".started"):
            info.clear()


class Connection:
    """One connection, used by one worker; thrown away on anything but a whole answer."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._transport: Transport | None = None
        self._trusted = True
        self.unanswered = False  # whether the newest request may have left and no whole answer came

    def distrust(self) -> None:
        """Dial anew before the next request: what is read from this connection may answer another one."""
        self._trusted = False

    async def send(self, said: Request, wanted: Callable[[], bool] | None = None) -> Reply | Lost:
        """Send one request and read its whole answer, up to its limit, within the total deadline.

        Where it dials first, the request may be `wanted` no more when that is done: then nothing leaves.
        """
        trace = _Trace(wanted)
        outcome: Reply | LostBy = LostBy.CANCELLED
        try:
            async with asyncio.timeout(self._network.timeout_s + said.patience_s):
                outcome = await self._exchange(self._network.request(said, trace), said.max_bytes)
        except TimeoutError:
            outcome = LostBy.TIMEOUT
        except _UnwantedError:
            outcome = LostBy.CANCELLED
        except Exception as error:  # noqa: BLE001 - the border: every foreign error becomes one of our words here
            outcome = _lost_by(error)
        finally:
            self.unanswered = trace.sent and not isinstance(outcome, Reply)
            if not isinstance(outcome, Reply):
                await self.close()
        return outcome if isinstance(outcome, Reply) else Lost(outcome, sent=trace.sent)

    async def _exchange(self, request: httpcore.Request, max_bytes: int) -> Reply | LostBy:
        """Do one round trip."""
        if not self._trusted or _is_stale(self._transport):
            await self.close()
        if self._transport is None:
            self._transport = self._network.transport()
        response = await self._transport.handle_async_request(request)
        is_success = 200 <= response.status < 300
        try:
            content = await _read(response, max_bytes)
        finally:
            await response.aclose()
        if isinstance(content, LostBy):
            if is_success:
                return content
            self.distrust()  # of an error the status alone decides, but its rest must not be read as the next answer
            content = b""
        elif _has_more(self._transport) or (request.url.scheme == b"https" and _has_more_encrypted(response)):
            self.distrust()
        return Reply(
            status=response.status,
            body=self._network.masked(content, is_answer=is_success),
            retry_after_s=parse_retry_after_s(_header(response, b"retry-after"), datetime.now(UTC)),
        )

    async def close(self) -> None:
        """Hang up; the next request dials anew."""
        transport, self._transport, self._trusted = self._transport, None, True
        if transport is not None:
            # Closing is cleaning up: what goes wrong in it, TLS goodbyes mostly, changes nothing.
            with contextlib.suppress(Exception):
                await transport.aclose()


def _trusted() -> ssl.SSLContext:
    """Return whom to trust: whom ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` names, else certifi's list."""
    try:
        return httpx.create_ssl_context()
    except OSError:
        pass
    raise ConfigurationError(
        "The certificates named by SSL_CERT_FILE cannot be read; nothing was sent. Name a PEM file, or unset it."
    )


@lru_cache(maxsize=64)  # most requests go to one path
def _address(url: str) -> tuple[httpcore.URL, bytes]:
    """Return an address as it goes on the wire, and its Host."""
    parsed = httpx.URL(url)
    return as_sent(parsed), parsed.netloc


def _is_stale(transport: Transport | None) -> bool:
    """Whether a connection was idle for too long, or the server hung up; a pool sees to that itself."""
    return isinstance(transport, httpcore.AsyncHTTPConnection) and (transport.is_closed() or transport.has_expired())


def _header(response: httpcore.Response, name: bytes) -> str:
    """Return a header's value, several of them as one list; empty if there is none."""
    values = [value.strip() for key, value in response.headers if key.lower() == name]
    return b", ".join(values).decode("latin-1")


async def _read(response: httpcore.Response, max_bytes: int) -> bytes | LostBy:
    """Read a body as it is, up to a limit."""
    if _header(response, b"content-encoding").lower() not in ("", "identity"):
        return LostBy.ENCODED
    content = bytearray()
    async for chunk in response.aiter_stream():
        content += chunk
        if len(content) > max_bytes:
            return LostBy.TOO_LARGE
    return bytes(content)


def _has_more(transport: Any) -> bool:
    """Whether bytes came behind an answer: httpcore keeps them, shows them to nobody, and reads the next answer there.

    It has no public way to ask. Where a later version keeps them elsewhere, this says no, and its test fails.
    """
    for connection in getattr(transport, "connections", [transport]):
        while (inner := getattr(connection, "_connection", None)) is not None:  # the line itself is further inside
            connection = inner
        parser = getattr(connection, "_h11_state", None)
        if parser is not None and parser.trailing_data[0]:
            return True
    return False


def _has_more_encrypted(response: httpcore.Response) -> bool:
    """Whether there is more behind an answer that came over TLS: it is read record by record, and may come at once."""
    try:
        response.extensions["network_stream"].get_extra_info("ssl_object").read(1)
        return True  # if that was nothing, the server has said goodbye
    except ssl.SSLError as error:
        return not isinstance(error, ssl.SSLWantReadError)


def _lost_by(error: Exception) -> LostBy:
    """Name a foreign error in our words, most specific first."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return LostBy.TLS
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.TimeoutException):
        return LostBy.CONNECT if isinstance(error, httpcore.ConnectTimeout) else LostBy.TIMEOUT
    if isinstance(error, httpcore.ConnectError | httpcore.ProxyError):
        return LostBy.CONNECT
    return LostBy.RESET
