"""From ordinary code, scripts and notebooks into the run's own thread, with interrupts that lose nothing.

The work runs in a thread of its own, so it does not matter whether the caller has an event loop. Ctrl-C, the kernel's
stop button and SIGTERM press the run's `Stop`: once to stop sending and let answers land, twice to stop at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from cleanlist_pandas.errors import CleanlistError
from cleanlist_pandas.run.stop import Stop

__all__ = ["call", "call_async"]

T = TypeVar("T")

LOOK_S = 0.05


def call(work: Callable[[Stop], T]) -> T:
    """Do the work in its own thread and wait for it."""
    stop = Stop()
    future: Future[T] | None = None
    try:
        with _signals_to(stop):
            future = _start(work, stop)
            del work  # it holds the caller's frame and key, which no traceback with locals shall show
            _wait_for(future, stop)
    except BaseException:  # a third interrupt, or somebody else's handler: then the run must not go on unseen
        if not stop.hard:
            stop.press()
            if future is not None:
                _wait_for(future, stop)
        raise
    return future.result()


def _wait_for(future: Future[Any], stop: Stop) -> None:
    """Wait in slices: a signal that the system hands to another thread does not wake this one to handle it.

    Under `asyncio.run` a first Ctrl-C only asks the task to end, and as long as it waits here it would not hear of it.
    """
    n_asked = _n_cancels()
    while not future.done():
        wait([future], LOOK_S)
        if _n_cancels() > n_asked:
            n_asked = _n_cancels()
            stop.press()


def _n_cancels() -> int:
    """Count how often the task that is running here, if any, was asked to end."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop
        return 0
    return 0 if task is None else task.cancelling()


async def call_async(work: Callable[[Stop], T]) -> T:
    """Do the work in its own thread and await it; a cancelled task stops the run softly and waits until it has."""
    stop = Stop()
    future = asyncio.wrap_future(_start(work, stop))
    del work
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future], timeout=LOOK_S)  # in slices, as `_wait_for`: or no signal is heard
        except asyncio.CancelledError as error:
            if future.done():
                break
            cancelled = error
            stop.press()
        except BaseException:  # the caller's loop drops this coroutine: nobody will hear of the run
            stop.press()
            raise
    if cancelled is not None:
        future.exception()  # looked at, so that asyncio does not complain about it
        raise cancelled
    return future.result()


def _start(work: Callable[[Stop], T], stop: Stop) -> Future[T]:
    """Start a thread for the work, in a copy of the caller's context so that its options count there too."""
    future: Future[T] = Future()
    context = contextvars.copy_context()

    def target() -> None:
        try:
            result = context.run(work, stop)
        except CleanlistError as error:
            future.set_exception(error.with_traceback(None))  # its message says all; our frames hold addresses
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=target, name="cleanlist-run", daemon=True).start()
    return future


@contextmanager
def _signals_to(stop: Stop) -> Iterator[None]:
    """Let interrupts press the switch for a block; a third one raises KeyboardInterrupt where it hits."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals go to the main thread; whoever owns it decides
        return

    def press(number: int, frame: FrameType | None) -> None:
        if stop.hard:
            raise KeyboardInterrupt
        stop.press()

    before: dict[signal.Signals, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if handler in (signal.default_int_handler, signal.SIG_DFL):  # anybody else's handler stays theirs
            before[number] = signal.signal(number, press)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
