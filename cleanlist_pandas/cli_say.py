"""How the shell's door speaks: to people on standard error, to machines on standard output, and by exit code."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from typing import Any, Final

__all__ = ["DONE", "FAILED", "STOPPED", "WRONG", "say", "say_json"]

DONE: Final = 0
FAILED: Final = 1
WRONG: Final = 2
STOPPED: Final = 3


def say(text: str, options: argparse.Namespace | None = None) -> None:
    """Tell a person, unless they asked for quiet or have gone away."""
    if sys.stderr is not None and not getattr(options, "quiet", False):
        with suppress(OSError):  # what was paid for is written all the same
            print(text, file=sys.stderr, flush=True)


def say_json(content: Any) -> None:
    """Tell a machine."""
    print(json.dumps(content), flush=True)
