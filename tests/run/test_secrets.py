"""The key is in no message, repr, pickle, log or traceback of ours, and neither is anybody's address."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

Scene: Any = Any
PACKAGE = str(Path(cl.__file__).parent)

ENDS: dict[str, tuple[Any, dict[str, Any], type[Exception]]] = {
    "key refused": ([Fault(status=401)], {}, cl.AuthenticationError),
    "out of credits": ([None, Fault(status=402)], {}, cl.OutOfCreditsError),
    "redirect": ([Fault(status=302, location="http://127.0.0.1:1/")], {}, cl.ServiceError),
    "no connection": (None, {"base_url": "http://127.0.0.1:1/v1", "max_wait_s": 0.05}, cl.ServiceError),
    "tariff": ([Fault(credits=9)], {}, cl.TariffError),
    "ledger": (None, {"ledger": "/proc/nowhere/ledger.sqlite3"}, cl.LedgerError),
    "no column": (None, {"columns": "Nope"}, cl.ConfigurationError),
    "bad option": (None, {"concurrency": 0}, cl.ConfigurationError),
    "bad budget": (None, {"max_credits": -1}, cl.ConfigurationError),
    "plain http": (None, {"base_url": "http://acme.example/v1"}, cl.ConfigurationError),
}


@pytest.mark.parametrize("name", ENDS)
def test_no_error_tells_a_secret(scene: Scene, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not in its text, its repr, its report, its pickle's message, the chain behind it or the DEBUG logs."""
    faults, how, kind = ENDS[name]
    scene.open(faults=faults)
    frame = scene.people(3)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(kind) as caught:
        scene.enrich(frame, **{"api_key": scene.sandbox.api_key, **how})
    error = caught.value
    said = [str(error), repr(error), repr(error.args), caplog.text, repr(getattr(error, "report", ""))]
    for secret in (scene.sandbox.api_key, "person"):
        assert not [text for text in said if secret in text]
    assert scene.sandbox.api_key.encode() not in pickle.dumps(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


DOORS = ("accessor.py", "functions.py", "signatures.py")


def leaks(error: BaseException, *secrets: str) -> set[str]:
    """Return the files of this package whose frames show a secret to tools that print local variables."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [step for step in shown.stack if step.filename.startswith(PACKAGE)]
    return {Path(step.filename).name for step in ours if any(secret in str(step.locals) for secret in secrets)}


@pytest.mark.parametrize("name", ENDS)
def test_no_frame_of_the_engine_room_shows_a_secret(scene: Scene, name: str) -> None:
    """Tools that print local variables (pytest -l, IPython Verbose, Sentry) see neither key nor address in them."""
    faults, how, kind = ENDS[name]
    scene.open(faults=faults)
    frame = scene.people(3)
    with pytest.raises(kind) as caught:
        scene.enrich(frame, **how)
    assert leaks(caught.value, scene.sandbox.api_key, "person0") <= set(DOORS)


def test_no_frame_of_the_doors_shows_a_secret(scene: Scene) -> None:
    """The caller's own frame is theirs; ours need not repeat what it holds."""
    scene.open(faults=[Fault(status=401)])
    frame = scene.people(3)
    with pytest.raises(cl.AuthenticationError) as caught:
        scene.enrich(frame)
    assert leaks(caught.value, scene.sandbox.api_key, "person0") == set()


@pytest.mark.parametrize("door", [cl.enrich, lambda *frame, **how: asyncio.run(cl.aenrich(*frame, **how))])
def test_a_notebook_shows_the_callers_line_and_the_error(scene: Scene, door: Any) -> None:
    """One frame of ours behind it, without what was handed in, and without a complaint of IPython that it lacks it."""
    ultratb = pytest.importorskip("IPython.core.ultratb")
    scene.open(faults=[Fault(status=401)])
    with pytest.raises(cl.AuthenticationError) as caught:
        door(scene.people(3), **scene.how())
    error = caught.value
    for mode in ("Context", "Verbose"):
        shown = "".join(ultratb.FormattedTB(mode).structured_traceback(type(error), error, error.__traceback__))
        assert str(error).split(".")[0] in shown
        assert "failed resolving" not in shown


def test_the_ledger_and_its_neighbours_hold_no_key(scene: Scene) -> None:
    """Whoever copies the ledger copies no credentials."""
    scene.open()
    scene.enrich(scene.people(3))
    for file in scene.folder.iterdir():
        assert scene.sandbox.api_key.encode() not in file.read_bytes()


def test_a_run_of_debug_logs_shows_no_key_and_nobody(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """httpcore logs what it sends at DEBUG: the headers are masked there, the body is not among it."""
    caplog.set_level(logging.DEBUG)
    scene.open()
    scene.enrich(scene.people(3))
    assert scene.sandbox.api_key not in caplog.text
    assert "person" not in caplog.text
