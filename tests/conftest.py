"""No test touches a real ledger, a real key or another test's options."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import cleanlist_pandas as cl


@pytest.fixture(autouse=True)
def _nobody_at_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test an empty home, no CLEANLIST_* variables and the default options."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    for name in [name for name in os.environ if name.startswith("CLEANLIST_")]:
        monkeypatch.delenv(name)
    _reset_options()
    yield
    _reset_options()


def _reset_options() -> None:
    for name in dir(cl.options):
        setattr(cl.options, name, None)


@pytest.fixture
def examples() -> Path:
    """The folder of the sample exports."""
    return Path(__file__).parents[1] / "examples"
