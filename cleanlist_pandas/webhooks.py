"""What the service posts when a workflow or a file has ended: a handler for your own web app, and a small receiver.

Webhooks are not signed and anybody can post one. So nothing of it is believed or kept: one that is about a workflow of
this ledger says that `collect` may be worth calling now, and what that brings is asked of the service itself.

References
----------
docs.cleanlist.ai on webhooks (read 2026-11-22): one POST of JSON when a workflow ends, acknowledged within 10 s by any
2xx, else tried five times in all; the same may arrive twice. How the end of a CSV file is told is assumed.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import Any, Final

from cleanlist_pandas import checks
from cleanlist_pandas.errors import ConfigurationError, LedgerError
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.services.cells import as_object
from cleanlist_pandas.services.v2 import as_token

__all__ = ["LARGEST_BODY", "Receiver", "handle", "receiver"]

LARGEST_BODY: Final = 1_000_000  # bytes
# Event → where it tells its id, and with what word the tokens of that surface begin.
_EVENTS: Final = {"enrichment.completed": ("workflow_id", "bulk"), "csv.completed": ("job_id", "file")}


def handle(body: bytes, ledger: Ledger) -> int:
    """Return the HTTP status to answer a webhook with. Sends nothing, writes nothing, may be called twice.

    Reads the ledger and returns at once. A workflow that was taken this very moment may not be in the ledger yet: then
    it is 404, and the service tries again after a second.

    Parameters
    ----------
    body : bytes
        The body of the POST, as it came.
    ledger : Ledger
        The one that the run or `submit` used.

    Returns
    -------
    int
        200 if it is about a workflow or file that this ledger sent, whether that is told by now or not; 404 if about
        any other; 400 if it is no such JSON; 413 if it is larger than 1,000,000 bytes.

    Raises
    ------
    ConfigurationError
        If it is no open ledger.
    LedgerError
        If the ledger cannot be read. Answer with 503 then: the service tries again.

    Examples
    --------
    >>> import cleanlist_pandas as cl
    >>> from cleanlist_pandas import webhooks
    >>> with cl.Ledger("leads.sqlite3") as ledger:
    ...     webhooks.handle(b'{"event": "enrichment.completed", "workflow_id": "of-somebody-else"}', ledger)
    404
    """
    _check_open(ledger)
    if len(body) > LARGEST_BODY:
        return 413
    try:
        said = as_object(json.loads(body))
    except (ValueError, RecursionError):
        return 400
    event = said.get("event")
    name, word = _EVENTS.get(event if isinstance(event, str) else "", ("", ""))
    told = as_token(said.get(name))
    if not told or " " in told:  # an id with a space could reach into the rest of a token
        return 400
    return 200 if ledger.has_job(f"{word} {told} ") else 404


class Receiver:
    """Listens on this machine while its block lasts.

    Attributes
    ----------
    url : str
        Where webhooks are to be posted.
    """

    def __init__(self, server: _Server) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}/"
        self._heard = server.heard

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def wait(self, timeout_s: float) -> bool:
        """Wait until something that the ledger sent has ended; False if nothing has after so many seconds.

        Several that came since the last call count as one.
        """
        heard = self._heard.wait(timeout_s)
        if heard:
            self._heard.clear()
        return heard


@contextmanager
def receiver(ledger: Ledger, port: int = 0, *, timeout_s: float = 2.0) -> Iterator[Receiver]:
    """Answer webhooks on this machine for a block of code, by `handle`. Sends nothing, writes nothing.

    It listens at 127.0.0.1 only, which a service elsewhere cannot reach: it is for the sandbox, and for what passes on
    to it what a public address got. It serves one connection after the other, only ``POST``, with bodies up to
    1,000,000 bytes; 503 where the ledger cannot be read.

    Parameters
    ----------
    ledger : Ledger
        The one that the run or `submit` uses, open.
    port : int, default 0
        Where to listen; 0 lets the system choose.
    timeout_s : float, default 2
        Seconds a connection may take in all; the service waits 10 for its answer.

    Yields
    ------
    Receiver
        With its ``url``, and ``wait(timeout_s)``.

    Raises
    ------
    ConfigurationError
        If the port or the time is none, or it is no open ledger.
    OSError
        If the port is taken.

    Examples
    --------
    >>> import cleanlist_pandas as cl
    >>> from cleanlist_pandas import webhooks
    >>> with cl.Ledger("leads.sqlite3") as ledger, webhooks.receiver(ledger) as hook:
    ...     hook.wait(0.01)
    False
    """
    _check_open(ledger)
    longest_s = checks.positive("timeout_s")(timeout_s)
    assert longest_s is not None  # noqa: S101 - None is refused
    with _Server(ledger, checks.count("port", 0, 65_535)(port), longest_s) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="cleanlist-webhooks", daemon=True)
        thread.start()
        try:
            yield Receiver(server)
        finally:
            server.shutdown()
            thread.join()


def _check_open(ledger: Any) -> None:
    """Refuse what is no ledger: a path would be opened for each webhook."""
    if not isinstance(ledger, Ledger):
        raise ConfigurationError(f"Webhooks are about an open ledger, cl.Ledger(path), not a {type(ledger).__name__}.")


class _Server(TCPServer):
    """One connection after the other: what a service posts once for 250 people needs no more."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, ledger: Ledger, port: int, longest_s: float) -> None:
        self.ledger = ledger
        self.longest_s = longest_s
        self.heard = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away or took too long."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request with a status and no more."""

    server: _Server

    def setup(self) -> None:
        """Let the connection end when its time is up, wherever it stands then: it may come byte by byte."""
        super().setup()
        self._alarm = threading.Timer(self.server.longest_s, _hang_up, [self.connection])
        self._alarm.daemon = True
        self._alarm.start()

    def finish(self) -> None:
        """Let go of the connection."""
        self._alarm.cancel()
        super().finish()

    def do_POST(self) -> None:
        """Take a webhook."""
        told = self.headers.get("Content-Length", "")
        if not told.isdecimal():
            self._answer(411)
        elif len(told) > len(str(LARGEST_BODY)) or int(told) > LARGEST_BODY:
            self._answer(413)
        elif len(body := self.rfile.read(int(told))) == int(told):
            self._answer(self._judge(body))

    def _judge(self, body: bytes) -> int:
        """Return the status, and wake who waits for what it is about."""
        try:
            status = handle(body, self.server.ledger)
        except LedgerError:
            return 503
        if status == 200:
            self.server.heard.set()
        return status

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no POST or no HTTP, without repeating any of it."""
        self._answer(405 if code == 501 else code)

    def _answer(self, status: int) -> None:
        """Send a status without a body, and end the connection."""
        self.close_connection = True
        self.request_version = self.protocol_version  # of a first line that cannot be read it is one without statuses
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing anywhere."""


def _hang_up(connection: socket.socket) -> None:
    """End a connection from another thread: whoever reads from it reads its end."""
    with suppress(OSError):  # it has ended in this very moment
        connection.shutdown(socket.SHUT_RDWR)
