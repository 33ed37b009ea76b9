"""Memory that is given back between steps that need it in other sizes; without it a long file takes twice as much."""

from __future__ import annotations

import ctypes
import gc
import sys

import pyarrow as pa

__all__ = ["give_back", "tidy"]


def tidy() -> None:
    """Give back what Arrow's allocator keeps for later."""
    pa.default_memory_pool().release_unused()


def give_back() -> None:
    """Give back all that nobody uses.

    Tasks and futures that refer to one another are freed by the collector only, and glibc keeps what is freed between
    what is not.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
    tidy()
