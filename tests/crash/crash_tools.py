"""Victims under strace, and the points at which to hit them."""

from __future__ import annotations

import json
import os
import pickle
import random
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import cleanlist_pandas as cl

TIMEOUT_S = 60  # a case takes a fraction of a second; a process that hangs is ended and the test fails
HERE = Path(__file__).parent

WRITING = (
    "pwrite64", "write", "pwritev", "writev", "fdatasync", "fsync", "ftruncate", "truncate", "fallocate", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat", "open", "openat", "creat",
    "fchmod", "chmod", "fchmodat", "rmdir",
)  # fmt: skip


def strace_path() -> str:
    """Return strace. Without it nothing here is proved: in CI that is an error, elsewhere a skip that says so."""
    found = shutil.which("strace")
    if found is not None:
        return found
    said = "The crash tests need strace and it is not there: apt-get install strace"
    if os.environ.get("CI"):
        raise RuntimeError(said)
    raise pytest.skip.Exception(said)


@dataclass(frozen=True, slots=True)
class Call:
    """One system call on the ledger's files: its name, its how-manieth of that name, and the file."""

    name: str
    number: int
    target: str

    def __str__(self) -> str:
        return f"{self.name} {self.number} on {self.target}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a victim ended: exit code (negative: signal), the trace, and what an enrich told."""

    code: int
    trace: str = field(repr=False)
    told: dict[str, Any] | None = field(default=None, repr=False)

    def killed_on(self, folder: Path) -> bool:
        """Whether it was killed at a call on a folder's files."""
        cut_off = [line for line in self.trace.splitlines() if line.endswith(("<unfinished ...>", "= ?"))]
        return self.code == -9 and any(str(folder) in line for line in cut_off)

    def failed_on(self, folder: Path) -> bool:
        """Whether a call on a folder's files was made to fail."""
        return any(str(folder) in line for line in self.trace.splitlines() if line.endswith("(INJECTED)"))


class Victims:
    """One process that has imported everything, and forks a victim for each case."""

    def __init__(self) -> None:
        self._strace = strace_path()
        quiet = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        quiet["PYTHONPATH"] = str(Path(cl.__file__).parents[1])
        env = {name: value for name, value in os.environ.items() if not name.startswith("CLEANLIST_")} | quiet
        self._server = subprocess.Popen(
            [sys.executable, str(HERE / "crash_victim.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
        )

    def close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        try:
            self._server.wait(TIMEOUT_S)
        finally:
            self._server.kill()
            self._server.stdout.close()
            self._server.wait()

    def run(self, case: dict[str, Any], *options: str, folder: Path, traced: bool = True) -> Ended:
        """Run one case to its end, under strace with these options."""
        trace, result = folder / "trace", folder / "told"
        pid = self._ask({"case": {"result": str(result), **case}})["pid"]
        tracer = None
        try:
            if traced:
                tracer = self._attach(pid, trace, options)
            code = self._ask("go")["status"]
        finally:
            if tracer is not None:
                try:
                    tracer.wait(TIMEOUT_S)
                finally:
                    tracer.kill()
                    tracer.wait()
                    assert tracer.stderr is not None
                    tracer.stderr.close()
        told = pickle.loads(result.read_bytes()) if result.exists() and result.stat().st_size else None
        result.unlink(missing_ok=True)
        return Ended(code, trace.read_text(errors="replace") if traced else "", told)

    def _attach(self, pid: int, trace: Path, options: Sequence[str]) -> subprocess.Popen[str]:
        command = [self._strace, "-f", "-y", "-o", str(trace), *options, "-p", str(pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        line = tracer.stderr.readline()
        if "attached" not in line:
            tracer.kill()
            raise RuntimeError(f"strace cannot attach to a process: {line} {tracer.stderr.read()}")
        return tracer

    def _ask(self, what: Any) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(what).encode() + b"\n")
        self._server.stdin.flush()
        with _deadline(self._server):
            line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the server of victims ended or took too long")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def _deadline(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process if a block takes too long, so that reading from it returns."""
    timer = threading.Timer(TIMEOUT_S, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


_LINE = re.compile(r"^(\d+)\s+(\w+)\((.*)$")


def calls_on(trace: str, folder: Path) -> list[Call]:
    """Return every writing call on files of a folder, numbered as strace's injector counts: per thread and name."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for line in trace.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        thread, name, rest = match.groups()
        seen[thread, name] += 1
        if str(folder) not in rest.split(" = ")[0]:
            continue
        if name in ("open", "openat") and "O_CREAT" not in rest:
            continue
        path = re.search(re.escape(str(folder)) + r"(/[^\s\">]*)?", rest)
        found.append(Call(name, seen[thread, name], Path(path.group()).name if path else "?"))
    return found


def calls_named(trace: str, *names: str) -> list[Call]:
    """Return every call of these names, numbered the same way."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for match in filter(None, map(_LINE.match, trace.splitlines())):
        thread, name, _ = match.groups()
        seen[thread, name] += 1
        if name in names:
            found.append(Call(name, seen[thread, name], "the network"))
    return found


def in_turn(points: Sequence[Any], n: int | None, rng: random.Random) -> list[Any]:
    """Return all points in order, or shuffled: then a test goes on until its fault has hit at `n` of them."""
    return list(points) if n is None else rng.sample(points, len(points))
