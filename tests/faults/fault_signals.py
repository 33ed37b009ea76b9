"""A process of its own in which runs are interrupted at chosen requests; prints what its audit found as JSON."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import tempfile
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("fault_books", Path(__file__).with_name("fault_books.py"))
    assert spec is not None
    assert spec.loader is not None
    sys.modules["fault_books"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


books = _load()
from cleanlist_pandas.sandbox import Fault  # noqa: E402

INT, TERM = signal.SIGINT, signal.SIGTERM
KINDS: dict[str, tuple[int, ...]] = {"Ctrl-C": (INT,), "Ctrl-C twice": (INT, TERM), "SIGTERM": (TERM,)}
N = 22


def interrupted(kind: str, at: int) -> list[str]:
    """Interrupt one run when its request `at` arrives; return what is wrong afterwards."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stage = books.Stage(Path(folder), stack, figures=None)
        sent: list[int] = []

        def press(number: int, who: str | None, attempt: int) -> Fault | None:
            if number == at:
                for each in KINDS[kind]:
                    sent.append(each)
                    os.kill(os.getpid(), each)
            if number >= at:
                return Fault(silent=True) if len(KINDS[kind]) > 1 else Fault(delay_s=0.1)
            return None

        stage.hooks = [press]
        stage.open()
        frame = stage.people(N)
        error: Any = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                books.cl.enrich(frame, **stage.how(timeout_s=30.0))
        except books.cl.RunInterrupted as caught:
            error = caught
        if error is None or not sent:
            return ["E: the interrupt was swallowed"]
        rans = [books.Ran(error.partial, error, error.report.to_dict(), [])]
        wrong = stage.audit(frame, rans)
        if len(stage.sandbox.requests) > at + 1 + 6:
            wrong.append("too many requests after the interrupt")
        if len(KINDS[kind]) == 1 and error.report.credits_in_doubt:
            wrong.append("in doubt although the answers could land")
        if len(KINDS[kind]) == 2 and not error.report.credits_in_doubt:
            wrong.append("silent answers and nobody in doubt")
        if signal.getsignal(INT) is not signal.default_int_handler or signal.getsignal(TERM) is not signal.SIG_DFL:
            wrong.append("the handlers were not given back")
        return wrong + stage.again(frame, rans) + stage.audit(frame, rans)


def main() -> None:
    """Do all moments that were asked for."""
    wrong: dict[str, list[str]] = {}
    n = 0
    for at in json.loads(sys.argv[1]):
        for kind in KINDS:
            n += 1
            if found := interrupted(kind, at):
                wrong[f"{kind} at request {at}"] = found
    print(json.dumps({"cases": n, "wrong": wrong}))


if __name__ == "__main__":
    main()
