"""Before the first byte: refused, unknown hosts, connections that never open, certificates; and crooked lines."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import trustme

import cleanlist_pandas as cl

Stage: Any = Any

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def nothing_was_spent(stage: Stage, family: str, *, n: int = 1, **how: Any) -> Any:
    """Run towards a place where nobody answers; then towards the service, which charges each person once."""
    url = stage.url
    stage.open()
    well, stage.url = stage.url, url
    frame = stage.people(2)
    rans = [stage.run(frame, **how)]
    wrong = stage.audit(frame, rans)
    if type(rans[0].error) is not cl.ServiceError:
        wrong.append(f"E: {rans[0].error!r}")
    told = rans[0].summary
    if told["credits"] or told["credits_in_doubt"] or stage.sandbox.requests:
        wrong.append(f"B: {told}")
    stage.url = well
    wrong += stage.again(frame, rans, base_url=well)
    if stage.sandbox.charged != 2:
        wrong.append(f"D: {stage.sandbox.charged} charged")
    wrong += stage.audit(frame, rans)
    stage.figures.add(family, n, wrong)
    assert not wrong
    return rans[0]


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("max_wait_s", [0.01, 0.4])
def test_a_refused_connection_stops_resumably(stage: Stage, concurrency: int, max_wait_s: float) -> None:
    """Nothing left this machine."""
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        stage.url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    nothing_was_spent(stage, "connection refused", concurrency=concurrency, max_wait_s=max_wait_s)


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 64 + ".invalid", "-.invalid"])
def test_an_unknown_host_stops_resumably(stage: Stage, host: str) -> None:
    """Nothing left this machine."""
    stage.url = f"https://{host}/v1"
    nothing_was_spent(stage, "unknown host", max_wait_s=0.2)


def test_a_connection_that_never_opens_stops_resumably(stage: Stage) -> None:
    """A full queue drops the first packet: the connect time-out, and nothing was sent."""
    with closing(socket.socket()) as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            filler = stack.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        stage.url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        nothing_was_spent(stage, "connect time-out", connect_timeout_s=0.1, max_wait_s=0.3)


# --- certificates -------------------------------------------------------------------------------------------------


class Listener:
    """Takes connections and remembers every byte that could be read, decrypted where there was a handshake."""

    def __init__(self, serve: Callable[[socket.socket], bytes]) -> None:
        self._serve = serve
        self.read: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with closing(connection), contextlib.suppress(OSError):
                connection.settimeout(2)
                self.read.append(self._serve(connection))

    def close(self) -> None:
        """Take no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def with_certificate(certificate: Any, **how: Any) -> Callable[[socket.socket], bytes]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for name, value in how.items():
        setattr(context, name, value)
    certificate.configure_cert(context)

    def serve(connection: socket.socket) -> bytes:
        try:
            with context.wrap_socket(connection, server_side=True) as inside:
                return inside.recv(65536)
        except OSError:
            return b""

    return serve


def plainly(answer: bytes) -> Callable[[socket.socket], bytes]:
    def serve(connection: socket.socket) -> bytes:
        said = connection.recv(65536)
        connection.sendall(answer)
        return said

    return serve


CERTIFICATES: dict[str, Callable[[Any], Callable[[socket.socket], bytes]]] = {
    "expired": lambda ca: with_certificate(ca.issue_cert("localhost", not_before=NOW - 9 * DAY, not_after=NOW - DAY)),
    "not yet valid": lambda ca: with_certificate(
        ca.issue_cert("localhost", not_before=NOW + DAY, not_after=NOW + 9 * DAY)
    ),
    "wrong host": lambda ca: with_certificate(ca.issue_cert("other.example")),
    "wrong host, wildcard": lambda ca: with_certificate(ca.issue_cert("*.localhost.example")),
    "unknown authority": lambda ca: with_certificate(trustme.CA().issue_cert("localhost")),
    "client authority": lambda ca: with_certificate(trustme.CA(parent_cert=None).issue_cert("127.0.0.1")),
    "unknown authority, TLS 1.2": lambda ca: with_certificate(
        trustme.CA().issue_cert("localhost"), maximum_version=ssl.TLSVersion.TLSv1_2
    ),
    "plain HTTP": lambda ca: plainly(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "rubbish": lambda ca: plainly(b"\x00\x01\x02 rubbish"),
    "an alert": lambda ca: plainly(b"\x15\x03\x03\x00\x02\x02\x28"),
    "hangs up": lambda ca: plainly(b""),
    "half a hello": lambda ca: plainly(b"\x16\x03\x03\x00\x7a\x02\x00"),
}


@pytest.fixture
def authority(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A certificate authority that this process trusts."""
    ca = trustme.CA()
    (tmp_path / "trust").mkdir()
    ca.cert_pem.write_to_path(str(tmp_path / "trust" / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trust" / "ca.pem"))
    return ca


@pytest.mark.parametrize("name", CERTIFICATES)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_server_that_cannot_be_trusted_gets_not_one_byte_of_the_request(
    stage: Stage, authority: Any, name: str, concurrency: int
) -> None:
    """Nothing is charged, nothing is in doubt, and neither key nor address was sent."""
    listener = Listener(CERTIFICATES[name](authority))
    try:
        stage.url = f"https://localhost:{listener.port}/v1"
        nothing_was_spent(stage, "TLS failure", concurrency=concurrency, max_wait_s=0.3)
    finally:
        listener.close()
    heard = b"".join(listener.read)
    assert b"Bearer" not in heard
    assert b"@fm.example" not in heard  # two letters alone may stand among random bytes
    assert stage.key.encode() not in heard
    assert listener.read, "the listener was never asked: the test proves nothing"


def test_a_trusted_certificate_is_the_control(stage: Stage, authority: Any) -> None:
    """With the right certificate the same listener is sent the key, so the tests above can fail."""
    listener = Listener(with_certificate(authority.issue_cert("localhost")))
    try:
        stage.open()
        stage.url = f"https://localhost:{listener.port}/v1"
        frame = stage.people(1)
        ran = stage.run(frame, concurrency=1, timeout_s=2.0)
    finally:
        listener.close()
    assert stage.key.encode() in b"".join(listener.read)
    assert ran.summary["credits_in_doubt"] == 1
    stage.figures.add("TLS failure", 1, stage.audit(frame, [ran]))


# --- a crooked line between us and the service --------------------------------------------------------------------


class Crooked:
    """Hands requests on to the service and does to the answers what `bend` says: it gets request and answer number."""

    def __init__(self, port: int, bend: Callable[[int, bytes], list[bytes | None]], *, eat: int | None = None) -> None:
        self._port, self._bend, self._eat = port, bend, eat
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self._n = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with closing(client), contextlib.suppress(OSError):
            while True:
                if self._eat is not None and self._n == 0:
                    self._n += 1
                    while self._eat > 0 and (got := client.recv(self._eat)):
                        self._eat -= len(got)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    return
                request = message(client)
                if not request:
                    return
                with closing(socket.create_connection(("127.0.0.1", self._port))) as service:
                    service.sendall(request)
                    answer = message(service)
                with self._lock:
                    number, self._n = self._n, self._n + 1
                for piece in self._bend(number, answer):
                    if piece is None:
                        return
                    client.sendall(piece)

    def close(self) -> None:
        """Take no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def message(connection: socket.socket) -> bytes:
    """Read one request or answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (got := connection.recv(65536)):
            return data
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        got = connection.recv(65536)
        data, body = data + got, body + got
    return data


@pytest.fixture
def crooked(stage: Stage) -> Iterator[Callable[..., None]]:
    """Put a crooked line before a service."""
    lines: list[Crooked] = []

    def put(bend: Callable[[int, bytes], list[bytes | None]], **how: Any) -> None:
        stage.open()
        lines.append(Crooked(int(stage.sandbox.url.rpartition(":")[2]), bend, **how))
        stage.url = lines[-1].url

    yield put
    for line in lines:
        line.close()


def audited(stage: Stage, family: str, n_people: int, *, in_doubt: int | None, n: int = 1, **how: Any) -> Any:
    frame = stage.people(n_people)
    rans = [stage.run(frame, **how)]
    wrong = stage.audit(frame, rans) + stage.again(frame, rans) + stage.audit(frame, rans)
    if in_doubt is not None and rans[0].summary["credits_in_doubt"] != in_doubt:
        wrong.append(f"{rans[0].summary['credits_in_doubt']} in doubt instead of {in_doubt}")
    stage.figures.add(family, n, wrong)
    assert not wrong
    return rans[0]


@pytest.mark.parametrize("eat", [0, 1, 4, 17, 60, 120, 200, 280, 330, 360])
def test_a_reset_in_the_middle_of_a_request_is_in_doubt(stage: Stage, crooked: Any, eat: int) -> None:
    """After so many of its bytes: from here it looks the same as one that was read."""
    crooked(lambda number, answer: [answer], eat=eat)
    # At 0 the reset races with the first byte: either it never left and is sent again, or it is in doubt.
    audited(stage, "reset in the middle of a request", 3, in_doubt=1 if eat else None, concurrency=1)


def test_one_byte_a_packet_is_an_answer(stage: Stage, crooked: Any) -> None:
    """How it is cut into packets says nothing."""
    crooked(lambda number, answer: [answer[at : at + 1] for at in range(len(answer))])
    ran = audited(stage, "crooked lines", 2, in_doubt=0)
    assert ran.summary["credits"] == 2


def test_hanging_up_between_two_requests_costs_nothing(stage: Stage, crooked: Any) -> None:
    """A kept-alive connection that is closed is dialled anew; nobody is charged twice."""
    crooked(lambda number, answer: [answer, None])
    audited(stage, "crooked lines", 4, in_doubt=None, concurrency=1)


NOBODYS = b'{"status": "completed", "csv_row": {"enriched_title": "Somebody else"}, "meta": {"credits_used": 1}}'
BEHIND = {
    "itself": lambda answer: answer,
    "nobody's answer": lambda answer: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(NOBODYS) + NOBODYS,
    "rubbish": lambda answer: b"}\r\n",
    "an interim answer": lambda answer: b"HTTP/1.1 102 Processing\r\n\r\n",
}


@pytest.mark.parametrize("name", BEHIND)
def test_what_comes_behind_an_answer_is_no_answer_to_the_next(stage: Stage, crooked: Any, name: str) -> None:
    """Kept on the connection it would answer the next person: with somebody else's data, if it names nobody."""
    crooked(lambda number, answer: [answer + BEHIND[name](answer)] if number in (1, 2) else [answer])
    ran = audited(stage, "crooked lines", 6, in_doubt=0, concurrency=1)
    assert set(ran.out["enriched_status"]) == {"completed"}
    assert "Somebody else" not in set(ran.out["enriched_title"])


def test_a_late_answer_is_no_answer_to_the_next(stage: Stage, crooked: Any) -> None:
    """The second person is answered with the first one's, and so on: none of them is believed."""
    late: list[bytes] = [b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"]

    def shift(number: int, answer: bytes) -> list[bytes | None]:
        late.append(answer)
        return [late[-2]]

    crooked(shift)
    audited(stage, "crooked lines", 4, in_doubt=None, concurrency=1)
