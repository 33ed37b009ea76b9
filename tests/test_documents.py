"""What the documents say is what happens."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.services.csv_row import ASSUMPTIONS

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def _block(marker: str) -> str:
    """Return the code block that follows a marker."""
    return re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL).group(1)


def test_the_ten_lines_print_what_the_readme_shows(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLEANLIST")}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", _block("ten lines")],
        cwd=REPOSITORY,
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.stderr == ""
    assert ran.stdout == _block("what they print")


def test_the_readme_lists_every_assumption():
    for assumption in ASSUMPTIONS:
        assert f"- {assumption}" in README.replace("\n  ", " ")


def test_the_readme_lists_every_column():
    for name, field in cl.fields.FIELDS.items():
        assert f"| `{name}` | `{field.column}` |" in README


def _modules() -> list[str]:
    return [
        module.name
        for module in pkgutil.walk_packages([str(Path(cl.__file__).parent)], "cleanlist_pandas.")
        if not module.name.endswith("__main__")
    ]


@pytest.mark.parametrize("module", ["cleanlist_pandas", *_modules()])
def test_examples_in_docstrings_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE if cl.accessor.pd.__version__ < "3" else 0
    assert doctest.testmod(importlib.import_module(module), optionflags=flags).failed == 0


def test_every_public_name_has_a_docstring():
    for name in cl.__all__:
        assert getattr(cl, name).__doc__, name
