"""One scene for every test that spends: a sandbox, a ledger file, a frame, and the audit that compares their books."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Sandbox

FIELDS = ["title", "seniority"]


class Scene:
    """A local Cleanlist in which everybody is known, and a ledger that outlives it."""

    FIELDS = FIELDS

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.sqlite3"
        self._stack = stack
        self.sandbox: Sandbox

    def open(self, **arguments: Any) -> Sandbox:
        """Start a sandbox, unless told otherwise one without idempotency: what a client has to survive."""
        self.sandbox = self._stack.enter_context(Sandbox(**{"hit_rate": 1.0, "idempotency": False, **arguments}))
        return self.sandbox

    def people(self, n: int) -> pd.DataFrame:
        """Return a frame with an index nobody expects, and every third person twice."""
        rows = [f"person{at}@acme.example" for at in range(n)]
        rows += [row.upper() for row in rows[::3]]
        return pd.DataFrame({"Email": rows, "note": range(len(rows))}, index=[at * 7 % 5 for at in range(len(rows))])

    def how(self, **more: Any) -> dict[str, Any]:
        """Return the options every run here has."""
        base = {"base_url": f"{self.sandbox.url}/v1", "api_key": self.sandbox.api_key, "ledger": self.ledger}
        return {**base, "timeout_s": 5.0, "progress": False, "concurrency": 4, "fields": FIELDS, **more}

    def enrich(self, frame: pd.DataFrame, **more: Any) -> pd.DataFrame:
        """Run against this scene's sandbox and ledger."""
        return cl.enrich(frame, **self.how(**more))

    def start(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a Python process that runs the code, with the same package and this scene's options as `how`."""
        told = {key: str(value) if key == "ledger" else value for key, value in self.how().items()}
        head = f"import sys, json\nimport pandas as pd\nimport cleanlist_pandas as cl\nhow = {told!r}\n"
        package = str(Path(cl.__file__).parent.parent)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", head + code, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": package},
        )
        self._stack.callback(self._end, process)
        return process

    def _end(self, process: subprocess.Popen[str]) -> None:
        """Leave no process behind."""
        if process.poll() is None:
            process.kill()
        process.communicate()

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the ledger as another program would: what a killed one left half-written is rolled back."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=rw", uri=True, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()

    def audit(self, frame: pd.DataFrame, out: pd.DataFrame | None, *, budget: int | None = None) -> None:
        """Compare the three books: the service's, the ledger's and the frame's."""
        if out is not None:
            pd.testing.assert_frame_equal(out[list(frame.columns)], frame)
        charges = self.sandbox.charges
        if budget is not None:
            assert self.sandbox.charged <= budget
        twice = {who: n for who, n in Counter((c.email, c.fields) for c in charges).items() if n > 1}
        assert not twice, "charged twice"
        if not self.ledger.exists():
            assert not charges
            return
        booked: Counter[str] = Counter()
        for address, credits in self.sql(
            "SELECT l.address, CASE WHEN coalesce(o.status, 'in_doubt') = 'in_doubt' THEN l.price ELSE o.credits END "
            "FROM lookups l LEFT JOIN outcomes o ON o.lookup = l.id"
        ):
            booked[address] += credits
        for charge in charges:
            assert booked[charge.email] >= charge.credits, "a charge that the ledger does not know"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Give a test its scene and close it at the end."""
    with ExitStack() as stack:
        yield Scene(tmp_path, stack)
