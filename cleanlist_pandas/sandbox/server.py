"""The sandbox itself: a thread, an event loop and a listening socket around the decisions of `desk`."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from hashlib import blake2b
from types import TracebackType
from typing import Self

from cleanlist_pandas.sandbox.account import Account
from cleanlist_pandas.sandbox.books import Books, Charge, RequestRecord, Reservation, Totals
from cleanlist_pandas.sandbox.desk import Desk
from cleanlist_pandas.sandbox.people import People, TableWorld
from cleanlist_pandas.sandbox.postman import Postman
from cleanlist_pandas.sandbox.routes import Router
from cleanlist_pandas.sandbox.rules import Bucket
from cleanlist_pandas.sandbox.scripts import Faults, make_script
from cleanlist_pandas.sandbox.talk import Talk
from cleanlist_pandas.sandbox.terms import Terms
from cleanlist_pandas.sandbox.world import InventedWorld

__all__ = ["Sandbox", "run_forever"]


class Sandbox:
    """A local Cleanlist with invented people, on loopback only. Costs nothing, knows nobody real.

    Its surfaces are csv_row (``POST /v1/enrich/csv_row``), CSV files (``/v1/enrich/csv``), v2 (``/api/v2``) and legacy
    v1 (``/api/v1/public``); the same address is the same person on all of them. `api_keys` are three keys of its one
    organisation; `api_key` is the first.

    ``GET /sandbox/books``, ``/sandbox/surfaces`` and ``/sandbox/health`` let other processes look inside; they ask for
    no key, which is safe because the socket is bound to 127.0.0.1 and everything behind it is invented. They are not
    counted as requests.

    Parameters
    ----------
    seed : int, default 0
        Decides the people, the key and the presets' faults.
    people : path, iterable of mappings, or data frame, optional
        Exactly these addresses are known, with these answers; `hit_rate` then has no say. See `people.TableWorld`.
    hit_rate : float, default 0.8
        Share of the addresses that are known, 0 to 1.
    latency_s : float, default 0
        Seconds before a look-up is answered. It is charged before, so a client that gives up may have paid.
    credits : int, optional
        Credits on the account. Default: no end.
    rate_per_minute : float, optional
        csv_row requests a minute, above 0, in bursts of at most one second's worth. Default: no limit. For the other
        surfaces see ``Terms(limits=True)``.
    faults : list, mapping, callable or str, optional
        Scripted faults: see `scripts.make_script`.
    port : int, default 0
        Port on 127.0.0.1; 0 lets the system choose.
    idempotency : bool, default True
        Whether a repeated ``Idempotency-Key`` gets the stored answer without a second charge. The vendor documents no
        such header; ``False`` is what a client has to survive. On csv_row and for CSV files.
    terms : Terms, optional
        How the other surfaces behave: their limits, how long a workflow takes.
    clock : callable, optional
        Gives seconds since 1970: the time that quotes, workflows, limits and repeated webhooks go by. `Clock` is one
        that a test moves by hand. Default: the system's.

    Raises
    ------
    ValueError
        When an argument is out of range: the message says which values are possible.

    Examples
    --------
    >>> from cleanlist_pandas.sandbox import Sandbox
    >>> with Sandbox(seed=7) as sandbox:
    ...     sandbox.charged
    0
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        people: People = None,
        hit_rate: float = 0.8,
        latency_s: float = 0.0,
        credits: int | None = None,
        rate_per_minute: float | None = None,
        faults: Faults = None,
        port: int = 0,
        idempotency: bool = True,
        terms: Terms | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        _check(hit_rate, latency_s, credits, rate_per_minute, port)
        self.api_key = "clnl_sandbox_" + blake2b(f"{seed}\0key".encode(), digest_size=12).hexdigest()
        self.api_keys = (self.api_key, f"{self.api_key}_2", f"{self.api_key}_3")
        self._wanted_port = port
        self._port: int | None = None
        self._books = Books(credits)
        world = InventedWorld(seed, hit_rate) if people is None else TableWorld(people)
        script = make_script(faults, seed)
        desk = Desk(
            seed=seed,
            world=world,
            books=self._books,
            script=script,
            bucket=Bucket(rate_per_minute, time.monotonic) if rate_per_minute is not None else None,
            idempotency=idempotency,
        )
        account = Account(seed=seed, world=world, books=self._books, terms=terms or Terms(), clock=clock)
        self._talk = Talk(Router(desk, account, script), self._books, self.api_keys, latency_s, Postman(account))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._stop_asked = False

    def __repr__(self) -> str:
        where = f"http://127.0.0.1:{self._port}" if self._port is not None else "not started"
        books = self._books
        return f"<Sandbox {where}: {len(books.requests)} requests, {books.charged} credits charged>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The service's address without a path: ``http://127.0.0.1:PORT``."""
        if self._port is None:
            raise RuntimeError("the sandbox has no address yet; start it with `with Sandbox() as sandbox:`")
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request received so far, in the order of arrival."""
        return list(self._books.requests)

    @property
    def charges(self) -> list[Charge]:
        """Every charge booked so far."""
        return list(self._books.charges)

    @property
    def charged(self) -> int:
        """Credits charged in all."""
        return self._books.charged

    @property
    def reservations(self) -> list[Reservation]:
        """Every reservation so far: what was set aside for a workflow, and what became of it."""
        return self._books.reservations

    def totals(self, surface: str | None = None) -> Totals:
        """Add up the credits of one surface (``csv_row``, ``csv_upload``, ``v2``, ``legacy``), or of all."""
        return self._books.totals(surface)

    @property
    def credits_left(self) -> int | None:
        """Credits left on the account, or ``None`` where they have no end."""
        return self._books.credits_left

    @property
    def max_in_flight(self) -> int:
        """The largest number of requests that were being served at once."""
        return self._books.max_in_flight

    @property
    def connections(self) -> int:
        """The number of connections accepted."""
        return self._books.connections

    def start(self) -> Self:
        """Start serving in a thread of its own; return once the port is open.

        Raises
        ------
        OSError
            When the port is taken: choose another, or 0.
        RuntimeError
            When it is already running.
        """
        if self._thread is not None:
            raise RuntimeError("the sandbox is already running; stop it first")
        self._stop_asked = False
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="cleanlist-sandbox", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop serving: close every connection, also those that hang. The books stay readable."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self.ask_to_stop()
        thread.join()

    def ask_to_stop(self) -> None:
        """Ask a running sandbox to stop, from any thread, and return at once."""
        # The mark comes first: a loop that is not yet there sees it when it comes.
        self._stop_asked = True
        loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None:
            with suppress(RuntimeError):  # It stopped by itself in this very moment.
                loop.call_soon_threadsafe(stopping.set)

    async def serve(self, on_ready: Callable[[], object] | None = None) -> None:
        """Serve in the running loop until `ask_to_stop` or a cancellation.

        Parameters
        ----------
        on_ready : callable, optional
            Called without arguments once the port is open.
        """
        self._stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        # Not asyncio's own server: closed while it takes a connection, it loses that socket (CPython 3.11).
        with socket.create_server(("127.0.0.1", self._wanted_port), backlog=1024) as listener:
            listener.setblocking(False)
            self._port = listener.getsockname()[1]
            self._loop = loop
            loop.add_reader(listener, self._talk.accept, listener)
            try:
                if on_ready is not None:
                    on_ready()
                if not self._stop_asked:
                    await self._stopping.wait()
            finally:
                self._loop = None
                loop.remove_reader(listener)
                await self._talk.hang_up()

    def _run(self, ready: Future[None]) -> None:
        """Be the thread: serve, and hand a failure to start back to whoever waits."""
        try:
            asyncio.run(self.serve(lambda: ready.set_result(None)))
        except OSError as error:
            if ready.done():
                raise
            ready.set_exception(error)
        finally:
            if not ready.done():
                ready.set_exception(RuntimeError("the sandbox ended before it was ready"))


def _check(hit_rate: float, latency_s: float, credits: int | None, rate_per_minute: float | None, port: int) -> None:
    """Refuse arguments that make no sense; each test is false for NaN too."""
    if not 0 <= hit_rate <= 1:
        raise ValueError(f"hit_rate is a share between 0 and 1, got {hit_rate!r}")
    if not 0 <= latency_s < float("inf"):
        raise ValueError(f"latency_s is in seconds, 0 or more, got {latency_s!r}")
    if credits is not None and (isinstance(credits, bool) or not isinstance(credits, int) or credits < 0):
        raise ValueError(f"credits is a whole number, 0 or more, or None for no end, got {credits!r}")
    if rate_per_minute is not None and not 0 < rate_per_minute < float("inf"):
        raise ValueError(f"rate_per_minute is above 0, or None for no limit, got {rate_per_minute!r}")
    if not 0 <= port <= 65535:
        raise ValueError(f"port is 0 to 65535, 0 lets the system choose, got {port!r}")


def run_forever(sandbox: Sandbox, on_ready: Callable[[Sandbox], object] | None = None) -> None:
    """Serve in the foreground until SIGINT or SIGTERM, then close everything and return. For the main thread only.

    Parameters
    ----------
    sandbox : Sandbox
        Not started yet.
    on_ready : callable, optional
        Called with the sandbox once its port is open.

    Raises
    ------
    OSError
        When the port is taken.
    """

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, sandbox.ask_to_stop)
        await sandbox.serve(None if on_ready is None else lambda: on_ready(sandbox))

    asyncio.run(serve())
