"""A type checker finds what a call would be refused for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

REPOSITORY = Path(__file__).parents[2]
CALLS = {
    'cl.enrich(leads, fields=["title", "phone"])': "",
    'cl.enrich(leads, "phone")': "",
    'cl.check(leads, ["enriched_title", "icp_score"])': "",
    'cl.estimate_cost(leads, fields=["titel"])': "Literal['titel']",
    'cl.plan(leads, "enriched_fone")': "Literal['enriched_fone']",
    'cl.enrich(leads, ["title"], in_doubt="rety")': "Literal['rety']",
    "cl.pilot(leads, max_credit=3)": 'did you mean "max_credits"?',
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What mypy says of each line of a file of calls."""
    file = tmp_path_factory.mktemp("types") / "calls.py"
    head = [
        "import pandas as pd",
        "import cleanlist_pandas as cl",
        'leads = pd.DataFrame({"email": ["jo@acme.example"]})',
    ]
    file.write_text("\n".join([*head, *CALLS]))
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-pretty", "--hide-error-context", str(file)],
        cwd=REPOSITORY,
        env={**os.environ, "MYPYPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    lines = [line.split(":", 2) for line in ran.stdout.splitlines() if ": error:" in line]
    return {int(number): message for _, number, message in lines}, len(head)


@pytest.mark.parametrize(("n", "call"), list(enumerate(CALLS, 1)), ids=list(CALLS))
def test_mypy_finds_a_typo_and_nothing_else(told, n, call):
    messages, n_head = told
    message = messages.get(n_head + n, "")
    assert CALLS[call] in message
    assert bool(CALLS[call]) == bool(message)
