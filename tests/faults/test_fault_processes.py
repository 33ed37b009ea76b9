"""What needs a process of its own: signals at twenty moments, answers that would fill the memory, two notebooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

Stage: Any = Any
HERE = Path(__file__).parent
LONG_S = 240.0  # a bound: no test waits for it


def python(*arguments: str) -> str:
    """Run Python with this package; its one line of output."""
    package = str(Path(cl.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": package},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("half", [0, 1])
def test_interrupts_at_twenty_moments_lose_nothing(figures: Any, half: int) -> None:
    """Ctrl-C once, twice, and SIGTERM, when request 0 to 19 arrives: money safe, frame back, the next run goes on."""
    told = json.loads(python(str(HERE / "fault_signals.py"), json.dumps(list(range(half, 20, 2)))))
    figures.add("Ctrl-C once, twice, SIGTERM", told["cases"], list(told["wrong"]))
    assert not told["wrong"]


RUN = """
import json, resource, sys
import pandas as pd
import cleanlist_pandas as cl
how = json.loads(sys.argv[1])
def peak(): return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) / 1024
cl.enrich(pd.DataFrame({"Email": ["zq99990@fm.example"]}), **how)
before = peak()
out = cl.enrich(pd.DataFrame({"Email": [f"zq9999{at}@fm.example" for at in range(1, 4)]}), **how)
print(json.dumps({"grown": peak() - before, "statuses": out["enriched_status"].astype(str).tolist()}))
"""
LARGE = {
    "gzip bomb of 200 MB": {"gzip_bomb_bytes": 200_000_000},
    "100 MB body": {"flood_bytes": 100_000_000},
    "body without end": {"flood_bytes": -1},
    "100 MB of headers": {"header_bytes": 100_000_000},
    "stated 100 GB": {"content_length": 100_000_000_000, "drip_bytes": 100_000, "drip_s": 0.0},
}
if os.environ.get("CLEANLIST_LONG", "") not in ("", "0"):  # the service itself takes ten seconds to pack it
    LARGE["gzip bomb of 2 GB"] = {"gzip_bomb_bytes": 2_000_000_000, "delay_s": 0.0}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of /proc")
@pytest.mark.parametrize("name", LARGE)
def test_a_huge_answer_does_not_fill_the_memory(stage: Stage, figures: Any, name: str) -> None:
    """At most 16 MB more than an ordinary run, and its person is in doubt."""
    stage.open()
    stage.plans = {"zq99992@fm.example": Fault(**LARGE[name])}
    told = json.loads(
        python(
            "-c",
            RUN,
            json.dumps(
                {
                    key: str(value) if key == "ledger" else value
                    for key, value in stage.how(timeout_s=30.0, concurrency=1).items()
                }
            ),
        )
    )
    wrong = [] if told["grown"] <= 16 else [f"T: the peak rose by {told['grown']:.0f} MB"]
    if told["statuses"] != ["completed", "in_doubt", "completed"]:
        wrong.append(str(told["statuses"]))
    frame = stage.people(1)
    wrong += stage.audit_money(frame, 0, 4, 1)
    figures.add("huge answers", 1, wrong)
    assert not wrong


# --- notebooks ----------------------------------------------------------------------------------------------------

HEAD = """
import json, sys, warnings
sys.path.insert(0, {package!r})
warnings.simplefilter("error")
import pandas as pd, cleanlist_pandas as cl
how = json.loads({how!r})
people = pd.DataFrame({{"Email": {people!r}}})
"""
CELL = """
try:
    out = people.cleanlist.enrich(**how)
except KeyboardInterrupt as error:
    out = error.partial
print(json.dumps([out.attrs["cleanlist"]["credits"], out["enriched_status"].astype(str).tolist()]))
"""


class Notebook:
    """A Jupyter kernel of its own."""

    def __init__(self, stage: Stage, people: list[str]) -> None:
        how = {key: str(value) if key == "ledger" else value for key, value in stage.how(concurrency=2).items()}
        package = str(Path(cl.__file__).parent.parent)
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        stage.stack.callback(self.manager.shutdown_kernel, now=True)
        stage.stack.callback(self.client.stop_channels)
        self.start(HEAD.format(package=package, how=json.dumps(how), people=people))
        assert self.said() == ""

    def start(self, code: str) -> None:
        """Start a cell."""
        self.cell = self.client.execute(code, allow_stdin=False)

    def said(self) -> str:
        """Wait for the cell's end; return what it printed."""
        printed = ""
        while True:
            message = self.client.get_iopub_msg(timeout=LONG_S)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != self.cell:
                continue
            if kind == "error" or content.get("name") == "stderr":
                raise AssertionError(content)
            if kind == "status" and content["execution_state"] == "idle":
                return printed
            printed += content["text"] if kind == "stream" else ""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("stopped", [False, True])
def test_two_notebooks_on_one_ledger_pay_once_for_each_person(stage: Stage, stopped: bool) -> None:
    """Both ask for the same people at once; one may be stopped in the middle. The other gets everybody all the same."""
    n, started = 24, threading.Event()
    notebooks: list[Notebook] = []

    def both_at_work(number: int, who: str | None, attempt: int) -> Fault | None:
        started.set()
        if number == n // 2 and stopped:
            notebooks[0].manager.interrupt_kernel()
        return Fault(delay_s=0.02)

    stage.open()
    stage.hooks = [both_at_work]
    frame = stage.people(n, twice=False)
    notebooks += [Notebook(stage, stage.who(frame)) for _ in range(2)]
    notebooks[0].start(CELL)
    assert started.wait(LONG_S)
    notebooks[1].start(CELL)
    (credits, statuses), (more, all_of_them) = [json.loads(notebook.said()) for notebook in notebooks]
    wrong = [] if credits + more == stage.sandbox.charged == n else [f"B: {credits} and {more} of {n}"]
    wrong += [] if set(all_of_them) == {"completed"} else [f"R: {all_of_them}"]
    wrong += [] if stopped == ("not_attempted" in statuses) else [f"R: {statuses}"]
    wrong += stage.audit(frame, [stage.run(frame)])
    stage.figures.add("notebooks on one ledger", 1, wrong)
    assert not wrong
