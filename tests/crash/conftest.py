"""Fixtures of the crash tests; ``CLEANLIST_LONG=1`` selects every point instead of a seeded choice.

``python -m pytest tests/crash`` prints its figures at the end; a whole run holds them to ``tests/figures.json``.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from figures import Figures


def _load(name: str) -> ModuleType:
    """Load a helper that lies beside this file."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


LONG = os.environ.get("CLEANLIST_LONG", "") not in ("", "0")
SEED = int(os.environ.get("CLEANLIST_CRASH_SEED", "20261123"))
_disk = _load("crash_disk")
_tools = SimpleNamespace(**{**vars(_load("crash_tools")), **vars(_load("crash_books"))})
_figures = Figures()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was tried."""
    if _figures.cases:
        terminalreporter.write_line(f"crash harness ({'long' if LONG else f'short, seed {SEED}'}):")
        for line in _figures.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def tools() -> SimpleNamespace:
    """Victims and audits: all that `crash_tools` and `crash_books` define."""
    return _tools


@pytest.fixture(scope="session")
def disk() -> ModuleType:
    """The model of a disk that loses power."""
    return _disk


@pytest.fixture(scope="session")
def figures(ran_whole: Callable[[Path], bool]) -> Iterator[Figures]:
    """The counter printed at the end."""
    yield _figures
    if not LONG and ran_whole(Path(__file__).parent):
        _figures.hold_to_the_file("crash", leeway=0.1)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A generator that gives each test the same choices each time."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether all points are asked for."""
    return LONG


@pytest.fixture(scope="session")
def victims() -> Iterator[Any]:
    """A process that forks victims."""
    server = _tools.Victims()
    yield server
    server.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Make a service and an empty place for a ledger; all services are stopped at the end."""
    services = []

    def make(name: str, way: Any = _tools.CSV_ROW, *, folder: bool = True, **service: Any) -> Any:
        root = tmp_path / name
        (root / "books" if folder else root).mkdir(parents=True)
        arguments = {"idempotency": False, "hit_rate": 0.8, "terms": way.terms, **service}
        services.append(_tools.Sandbox(**arguments).start())
        return _tools.Scene(root, services[-1], way)

    yield make
    for service in services:
        service.stop()


@pytest.fixture
def expected(scene: Callable[..., Any]) -> Any:
    """The frame of a run that nothing disturbs."""
    return scene("undisturbed").again()
