"""A type checker finds what a call would be refused for; pyright's engine is asked too where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HEAD = """\
import pandas as pd
import cleanlist_pandas as cl
from cleanlist_pandas.accessor import CleanlistAccessor
leads = pd.DataFrame({"email": ["jo@acme.example"]})
methods = CleanlistAccessor(leads)
"""
# What mypy says of a call; nothing where it is right.
CALLS = {
    'cl.enrich(leads, fields=["title", "phone"])': "",
    'cl.enrich(leads, "phone")': "",
    'cl.check(leads, ["enriched_title", "icp_score"])': "",
    'cl.estimate_cost(leads, fields=["titel"])': "Literal['titel']",
    'cl.plan(leads, "enriched_fone")': "Literal['enriched_fone']",
    'cl.enrich(leads, ["title"], in_doubt="rety")': "Literal['rety']",
    "cl.pilot(leads, max_credit=3)": 'did you mean "max_credits"?',
    'leads.pipe(cl.enrich, "title", max_credits=3).email': "",
    'leads.pipe(cl.enrich, "titel")': "No overload variant",
    "leads.pipe(cl.enrich, max_credit=3)": "No overload variant",
    'methods.enrich(["title"], max_credits=3).email': "",
    'methods.collect("job.json", wait=False).email': "",
    'methods.enrich(fields=["titel"])': "Literal['titel']",
    "methods.pilot(50, max_credit=3)": 'did you mean "max_credits"?',
    'methods.submit("title", service="csv")': "Literal['csv']",
    'methods.estimate_cost("title").at_mots': 'maybe "at_most"?',
}
MODULES = {"mypy": "mypy", "pyright": "basedpyright"}


def _mypy(file: Path) -> dict[int, str]:
    """What mypy says of each line."""
    arguments = ["--strict", "--no-pretty", "--hide-error-context", str(file)]
    lines = [line.split(":", 2) for line in _run("mypy", *arguments).splitlines() if ": error:" in line]
    return {int(number): message for _, number, message in lines}


def _pyright(file: Path) -> dict[int, str]:
    """What pyright says of each line, as the strictest of those that everybody can have."""
    config = {"extraPaths": [str(REPOSITORY)], "typeCheckingMode": "standard", "include": [file.name]}
    project = file.with_name("pyrightconfig.json")
    project.write_text(json.dumps(config))
    ran = _run("basedpyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(project))
    found = [one for one in json.loads(ran)["generalDiagnostics"] if one["severity"] == "error"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in found}


def _run(checker: str, *arguments: str) -> str:
    """Return what a type checker says of a file with errors."""
    ran = subprocess.run(
        [sys.executable, "-m", checker, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "MYPYPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module", params=[name for name in MODULES if find_spec(MODULES[name])])
def told(request, tmp_path_factory):
    """Which checker, and what it says of each line of a file of calls."""
    file = tmp_path_factory.mktemp("types") / "calls.py"
    file.write_text(HEAD + "\n".join(CALLS))
    return request.param, {"mypy": _mypy, "pyright": _pyright}[request.param](file)


@pytest.mark.parametrize(("n", "call"), list(enumerate(CALLS, 1)), ids=list(CALLS))
def test_a_checker_finds_a_typo_and_nothing_else(told, n, call):
    checker, messages = told
    message = messages.get(HEAD.count("\n") + n, "")
    assert bool(CALLS[call]) == bool(message), message
    if checker == "mypy":
        assert CALLS[call] in message
