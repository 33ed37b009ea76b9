"""Fixtures of the fault matrix; ``CLEANLIST_LONG=1`` runs every case instead of the choice made for CI.

``python -m pytest tests/faults`` prints its figures at the end and writes them to ``.figures.json`` beside this file
(git-ignored).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
LONG = os.environ.get("CLEANLIST_LONG", "") not in ("", "0")


def _load(name: str) -> ModuleType:
    """Load a helper that lies beside this file."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


_books = _load("fault_books")
_figures = _books.Figures()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the totals."""
    if _figures.cases:
        told = _figures.as_dict()
        form = "long" if LONG else "short"
        terminalreporter.write_line(
            f"fault matrix ({form}): {told['cases']:,} cases in {len(told['families'])} families, "
            f"{told['violations']} violations"
        )
        for family, n in told["families"].items():
            terminalreporter.write_line(f"  {n:>6,} {family}")
        for name, fact in told["facts"].items():
            terminalreporter.write_line(f"         {name}: {fact}")
        _figures.write(HERE / ".figures.json")


@pytest.fixture(scope="session")
def figures() -> Any:
    """The counter printed at the end."""
    return _figures


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether every case is asked for."""
    return LONG


@pytest.fixture(scope="session")
def books() -> ModuleType:
    """The helpers themselves."""
    return _books


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a test its stage and close it at the end."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with ExitStack() as stack:
        yield _books.Stage(tmp_path, stack, _figures)
