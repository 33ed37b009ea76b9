"""The conversations: from a connection's first byte to its end, with the decisions of `routes` in the middle."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

import h11

from cleanlist_pandas.sandbox.books import Books
from cleanlist_pandas.sandbox.desk import Decision, Incoming
from cleanlist_pandas.sandbox.postman import Postman
from cleanlist_pandas.sandbox.routes import Router
from cleanlist_pandas.sandbox.rules import refuse
from cleanlist_pandas.sandbox.wire import BodyTooLarge, Line, as_json

__all__ = ["Talk"]

_AT_ONCE = 128  # Connections taken before the others are served again.


class Talk:
    """Serves every connection of a sandbox.

    Parameters
    ----------
    router : Router
        Decides what is answered.
    books : Books
        Where it is written down.
    api_keys : sequence of str
        The keys that open the service.
    latency_s : float
        Seconds that a look-up takes.
    postman : Postman
        Lets time do its work between requests.
    """

    def __init__(
        self, router: Router, books: Books, api_keys: Sequence[str], latency_s: float, postman: Postman
    ) -> None:
        self._router = router
        self._books = books
        self._keys = [key.encode() for key in api_keys]
        self._latency_s = latency_s
        self._postman = postman
        self._sockets: dict[asyncio.Task[None], socket.socket] = {}
        self._lines: dict[asyncio.Task[None], Line] = {}

    async def hang_up(self) -> None:
        """End every conversation and wait until its socket is closed."""
        await self._postman.stop()
        sockets, lines = dict(self._sockets), dict(self._lines)
        for task in sockets:
            task.cancel()
        await asyncio.gather(*sockets, return_exceptions=True)
        await asyncio.gather(*(line.abort() for line in lines.values()), return_exceptions=True)
        for connection in sockets.values():
            connection.close()  # Those whose conversation had not begun; closing twice is harmless.

    def accept(self, listener: socket.socket) -> None:
        """Take the connections that wait. Nothing is awaited, so none can get lost between two owners."""
        for _ in range(_AT_ONCE):
            try:
                connection, _address = listener.accept()
            except OSError:
                return  # None is left, or the client was faster to leave than we to accept.
            connection.setblocking(False)
            self._books.connections += 1
            task = asyncio.get_running_loop().create_task(self._converse(connection))
            self._sockets[task] = connection
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Forget a conversation; a mistake in a script is shown, not swallowed."""
        self._sockets.pop(task, None)
        self._lines.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "the sandbox could not serve a request", "exception": error}
            task.get_loop().call_exception_handler(context)

    async def _converse(self, connection: socket.socket) -> None:
        """Serve one connection's requests, one after the other."""
        line = Line(*await asyncio.open_connection(sock=connection))
        if (task := asyncio.current_task()) is not None:
            self._lines[task] = line
        # A client may go away at any time (OSError): that is its right, and the books hold what was charged.
        with suppress(OSError):
            try:
                while await line.begun():
                    if not await (self._show_books(line) if line.is_admin() else self._count_and_serve(line)):
                        break
            except h11.RemoteProtocolError:
                line.refuse(refuse(400, "Invalid HTTP request received."))
            finally:
                line.close()

    async def _show_books(self, line: Line) -> bool:
        """Answer the admin's read-out."""
        head = await line.head()
        if head is None:
            return False
        await line.body(head)
        if head.target == b"/sandbox/books":
            return line.send(as_json(self._books.read_out()))
        if head.target == b"/sandbox/surfaces":
            return line.send(as_json(self._books.by_surface()))
        if head.target == b"/sandbox/health":
            return line.send(as_json({"status": "ok"}))
        return line.send(refuse(404, "Not Found"))

    async def _count_and_serve(self, line: Line) -> bool:
        """Serve one request of the service and keep count of how many are being served."""
        number = self._books.open(time.monotonic())
        try:
            return await self._serve_one(line, number)
        finally:
            self._books.close()

    async def _serve_one(self, line: Line, number: int) -> bool:
        """Read a request, have it decided, answer it; say whether the connection goes on."""
        early = self._router.early_fault(number)
        if early is not None and early.reset == "before_request":
            self._books.note(number, fault=early)
            line.reset()
            return False
        head = await line.head()
        if head is None:
            return False
        if early is not None:
            self._books.note(number, fault=early, method=head.method.decode(), path=head.target.decode())
            line.reset()
            return False
        try:
            body = await line.body(head)
        except BodyTooLarge:
            self._books.note(number, method=head.method.decode(), path=head.target.decode(), status=413)
            line.refuse(refuse(413, "Request body too large"))
            return False
        incoming = self._incoming(head, body)
        decision = self._router.decide(number, incoming)
        self._postman.wake()
        await self._take_time(decision)
        return await self._reply(line, number, decision, with_body=incoming.method != "HEAD")

    def _incoming(self, head: h11.Request, body: bytes) -> Incoming:
        """Keep of a request what is decided on; the key itself is compared and dropped."""
        scheme, key, again, host = b"", b"", None, ""
        for name, value in head.headers:
            if name == b"authorization":
                scheme, _, key = value.partition(b" ")
            elif name == b"idempotency-key":
                again = value.decode("latin-1")
            elif name == b"host":
                host = value.decode("latin-1")
        key_ok = scheme.lower() == b"bearer" and key.strip() in self._keys
        caller = self._keys.index(key.strip()) if key_ok else 0
        return Incoming(head.method.decode(), head.target.decode("latin-1"), key_ok, again, body, caller, host)

    async def _take_time(self, decision: Decision) -> None:
        """Let the time pass that a look-up takes; one who repeats a key waits for the first to be through."""
        delay_s = decision.fault.delay_s if decision.fault is not None else 0.0
        try:
            if decision.replays is not None:
                await decision.replays.served()
            if delay_s or (self._latency_s and decision.looked_up):
                await asyncio.sleep(delay_s + (self._latency_s if decision.looked_up else 0.0))
        finally:
            if decision.own is not None:
                decision.own.done()

    async def _reply(self, line: Line, number: int, decision: Decision, *, with_body: bool) -> bool:
        """Write down the status and send the answer, whole or the way its fault says."""
        answer, fault = decision.answer, decision.fault
        if fault is None:
            self._books.note(number, status=answer.status)
            return line.send(answer, with_body=with_body)
        if fault.reset is None and not fault.silent and fault.raw is None:
            self._books.note(number, status=answer.status)
        return await line.deliver(answer, fault, with_body=with_body)
