"""Fixtures of the fault matrix; ``CLEANLIST_LONG=1`` runs every case instead of the choice made for CI.

``python -m pytest tests/faults`` prints its figures at the end; a whole run holds them to ``tests/figures.json``.
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
from figures import Figures

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
_figures = Figures()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the totals."""
    if _figures.cases:
        terminalreporter.write_line(f"fault matrix ({'long' if LONG else 'short'}):")
        for line in _figures.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def figures(ran_whole: Any) -> Iterator[Any]:
    """The counter printed at the end."""
    yield _figures
    if not LONG and ran_whole(HERE):
        _figures.hold_to_the_file("faults")


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether every case is asked for."""
    return LONG


@pytest.fixture(scope="session")
def books() -> ModuleType:
    """The helpers themselves."""
    return _books


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: Any) -> Iterator[Any]:
    """Give a test its stage and close it at the end."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with ExitStack() as stack:
        yield _books.Stage(tmp_path, stack, figures)
