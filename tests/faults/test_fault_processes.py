"""Faults that need a process of their own: signals at twenty moments, and answers that would fill the memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cleanlist_pandas as cl

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
    "gzip bomb of 2 GB": {"gzip_bomb_bytes": 2_000_000_000, "delay_s": 0.0},
    "100 MB body": {"flood_bytes": 100_000_000},
    "body without end": {"flood_bytes": -1},
    "100 MB of headers": {"header_bytes": 100_000_000},
    "stated 100 GB": {"content_length": 100_000_000_000, "drip_bytes": 100_000, "drip_s": 0.0},
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of /proc")
@pytest.mark.parametrize("name", LARGE)
def test_a_huge_answer_does_not_fill_the_memory(stage: Stage, figures: Any, name: str) -> None:
    """At most 16 MB more than an ordinary run, and its person is in doubt."""
    from cleanlist_pandas.sandbox import Fault

    if name == "gzip bomb of 2 GB" and not os.environ.get("CLEANLIST_LONG"):
        pytest.skip("the service itself takes ten seconds to pack it")
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
