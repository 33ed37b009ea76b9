"""No test touches a real ledger, a real key or another test's options."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="session")
def ran_whole(request: pytest.FixtureRequest) -> Callable[[Path], bool]:
    """Tell, at the end, whether all tests of a folder were asked for and ran, and none failed or was skipped."""
    config, session = request.config, request.session

    def ran_whole(folder: Path) -> bool:
        asked = [(config.invocation_params.dir / arg).resolve() for arg in config.args]
        chosen = any(config.getoption(name, None) for name in ("keyword", "markexpr", "lf", "deselect", "ignore"))
        skipped = config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", ())
        missed = any((config.rootpath / one.fspath).is_relative_to(folder) for one in skipped)
        well = session.exitstatus == 0 and not session.testsfailed
        return well and not chosen and not missed and any(path in (folder, *folder.parents) for path in asked)

    return ran_whole
