"""A sandbox in a process of its own, so that its CPU is not ours; it tells what reached it."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

from cleanlist_pandas.sandbox import Sandbox

__all__ = ["Server"]


class Server:
    """A sandbox process for a block."""

    def __init__(self, latency_s: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", str(latency_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = self._ask()
        self.host: str = told["host"]
        self.url = f"{self.host}/v1"
        self.key: str = told["key"]

    def seen(self) -> dict[str, int]:
        """Return the requests since the last time, and the most that were served at once ever."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._ask()

    def _ask(self) -> dict[str, Any]:
        """Read a line."""
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=30)  # the end of its input is its end


def main() -> None:
    """Serve until the input ends; answer each line with what was seen since the last."""
    with Sandbox(latency_s=float(sys.argv[1])) as sandbox:
        print(json.dumps({"host": sandbox.url, "key": sandbox.api_key}), flush=True)
        told = 0
        for _ in sys.stdin:
            n, told = len(sandbox.requests) - told, len(sandbox.requests)
            print(json.dumps({"requests": n, "max_in_flight": sandbox.max_in_flight}), flush=True)


if __name__ == "__main__":
    main()
