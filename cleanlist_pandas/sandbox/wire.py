"""One connection: h11 on one side, a socket on the other. It reads requests, and does to answers what a fault says."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from http import HTTPStatus

import h11

from cleanlist_pandas.sandbox.faults import Fault
from cleanlist_pandas.sandbox.rules import Answer

__all__ = ["LARGEST_BODY", "BodyTooLarge", "Line"]

LARGEST_BODY = 1_000_000
LARGEST_FILE = 100_000_000
_FILES = b"/v1/enrich/csv"
_CHUNK = 65_536
# Only to tell the admin's read-out from the service's requests before anything is counted.
ADMIN = b"GET /sandbox/"


class BodyTooLarge(Exception):  # noqa: N818 - it is a condition, and never leaves the sandbox
    """The request's body is larger than the sandbox reads."""


class Line:
    """One client's connection.

    Parameters
    ----------
    reader, writer : asyncio streams
        The two halves of the socket. asyncio already sets ``TCP_NODELAY``, and every answer is one write.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_CHUNK)

    async def begun(self) -> bool:
        """Wait for the first bytes of the next request; say whether any came."""
        return bool(self._http.trailing_data[0]) or await self._more()

    def is_admin(self) -> bool:
        """Say whether the next request asks for the admin's read-out."""
        return self._http.trailing_data[0].startswith(ADMIN)

    async def head(self) -> h11.Request | None:
        """Read a request's head, or ``None`` where the client went away first."""
        event = await self._event()
        return event if isinstance(event, h11.Request) else None

    async def body(self, head: h11.Request) -> bytes:
        """Read a request's body, 1 MB at most, of a file 100 MB."""
        largest = LARGEST_FILE if head.target == _FILES else LARGEST_BODY
        for name, value in head.headers:
            if name == b"content-length" and int(value) > largest:
                raise BodyTooLarge
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > largest:
                raise BodyTooLarge
        return bytes(body)

    def send(self, answer: Answer, *, with_body: bool = True, close: bool = False) -> bool:
        """Send a whole answer in one write; say whether the connection can serve another request."""
        headers = [*_head_lines(answer)]
        if close:
            headers.append(("Connection", "close"))
        try:
            data = self._http.send(h11.Response(status_code=answer.status, headers=headers)) or b""
            if with_body:
                data += self._http.send(h11.Data(data=answer.body)) or b""
            data += self._http.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError:
            # A script may say what HTTP forbids. It is sent all the same, and the connection ends.
            self._writer.write(_written(answer))
            return False
        self._writer.write(data)
        return self._next()

    def refuse(self, answer: Answer) -> None:
        """Send a last answer to a client that does not speak HTTP, if it can still be sent."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.send(answer, close=True)

    async def deliver(self, answer: Answer, fault: Fault, *, with_body: bool) -> bool:
        """Send an answer the way a fault says; say whether the connection can serve another request."""
        # From here on "drained" means that the kernel has every byte, so a reset cannot overtake them.
        self._writer.transport.set_write_buffer_limits(0)
        if fault.reset is not None:
            self.reset()
        elif fault.silent:
            await self._wait_for_the_end()
        elif fault.raw is not None:
            await self._write(fault.raw)
        elif fault.truncate_at is not None:
            await self._truncate(answer, fault)
        elif fault.drip_bytes is not None:
            await self._drip(_written(answer, fault.content_length), fault.drip_bytes, fault.drip_s)
        elif fault.gzip_bomb_bytes is not None:
            await self._pour(answer, _zipped(_padded(answer.body, fault.gzip_bomb_bytes)), ("Content-Encoding", "gzip"))
        elif fault.flood_bytes is not None:
            await self._pour(answer, _padded(answer.body, fault.flood_bytes))
        elif fault.content_length is not None:
            await self._write(_written(answer, fault.content_length))
        else:
            return self.send(answer, with_body=with_body)
        return False

    def reset(self) -> None:
        """End the connection with a reset: nothing that is still to be sent or read is waited for."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def close(self) -> None:
        """End the connection in order."""
        self._writer.close()

    async def abort(self) -> None:
        """End the connection at once and wait until the socket is closed."""
        self._writer.transport.abort()
        await self._writer.wait_closed()

    async def _more(self) -> bool:
        """Read what there is; an empty read is the client's end."""
        data = await self._reader.read(_CHUNK)
        self._http.receive_data(data)
        return bool(data)

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        """Return the next event of the request that is being read."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._http.send(go_on) or b"")
            await self._more()
        return event  # type: ignore[return-value]

    def _next(self) -> bool:
        """Make ready for the next request, if the client keeps the connection."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _write(self, data: bytes) -> None:
        """Write, and wait until the kernel has taken it all."""
        self._writer.write(data)
        await self._writer.drain()

    async def _wait_for_the_end(self) -> None:
        """Say nothing until the client goes away."""
        while await self._reader.read(_CHUNK):
            pass

    async def _truncate(self, answer: Answer, fault: Fault) -> None:
        """Send the beginning of an answer only."""
        whole = _written(answer, fault.content_length)
        skipped = len(whole) - len(answer.body) if fault.truncate_counts == "body" else 0
        await self._write(whole[: skipped + (fault.truncate_at or 0)])
        if fault.then == "reset":
            self.reset()

    async def _drip(self, data: bytes, size: int, pause_s: float) -> None:
        """Send an answer in pieces."""
        for at in range(0, len(data), size):
            await self._write(data[at : at + size])
            await asyncio.sleep(pause_s)

    async def _pour(self, answer: Answer, pieces: Iterator[bytes], *headers: tuple[str, str]) -> None:
        """Send a body of unstated length, piece by piece; the end of the connection is its end."""
        head = Answer(answer.status, b"", (*answer.headers, *headers), answer.content_type)
        await self._write(_written(head, -1))
        for piece in pieces:
            await self._write(piece)
            await asyncio.sleep(0)


def _head_lines(answer: Answer) -> tuple[tuple[str, str], ...]:
    """Return the headers of an ordinary answer."""
    length = str(len(answer.body))
    return (("Content-Type", answer.content_type), ("Content-Length", length), *answer.headers)


def _written(answer: Answer, length: int | None = None) -> bytes:
    """Write an answer by hand, unchecked; `length` is what to state instead of the truth, -1 states none."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {phrase}", f"Content-Type: {answer.content_type}"]
    if length != -1:
        lines.append(f"Content-Length: {len(answer.body) if length is None else length}")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines += ["Connection: close", "", ""]
    return "\r\n".join(lines).encode("utf-8") + answer.body


def _padded(body: bytes, spaces: int) -> Iterator[bytes]:
    """Give a body and then many spaces (-1: without end): still the same JSON to a client that reads it all."""
    yield body
    while spaces:
        piece = _CHUNK if spaces < 0 else min(_CHUNK, spaces)
        yield b" " * piece
        spaces -= piece if spaces > 0 else 0


def _zipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Compress piece by piece: the sandbox itself never holds the inflated body."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def as_json(value: object) -> Answer:
    """Build an ordinary JSON answer."""
    return Answer(200, json.dumps(value).encode())
