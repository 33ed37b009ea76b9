"""A switch that asks a run to end: softly first (nothing more is sent, answers still land), then at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

__all__ = ["Stop"]


class Stop:
    """Thread-safe; pressed by a signal, a cancelled task or a limit, watched by the run."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a second signal may hit inside the first one's handler
        self._presses = 0
        self._on_press: Callable[[], None] | None = None

    @property
    def soft(self) -> bool:
        """Whether nothing more should be sent."""
        return self._presses > 0

    @property
    def hard(self) -> bool:
        """Whether even what is in flight should be left alone."""
        return self._presses > 1

    def press(self) -> None:
        """Ask once more."""
        with self._lock:
            self._presses += 1
            on_press = self._on_press
        if on_press is not None:
            on_press()

    def watch(self, on_press: Callable[[], None] | None, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Call `on_press` in an event loop at each press from now on; None to end that."""

        def tell() -> None:
            if on_press is not None and loop is not None:
                with suppress(RuntimeError):  # a loop that has ended needs no telling
                    loop.call_soon_threadsafe(on_press)

        with self._lock:
            self._on_press = tell
