"""Defects that the matrix found, each reduced to its smallest case; strict, so that a repair is noticed here."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

Stage: Any = Any
PACKAGE = str(Path(cl.__file__).parent)


def test_an_error_out_of_resume_shows_no_key_in_its_frames(stage: Stage) -> None:
    """Tools that print local variables show it when `error.resume()` fails too."""
    stage.open(faults=[Fault(status=402), Fault(status=402)])
    frame = stage.people(1)
    first: Any = stage.run(frame, concurrency=1).error
    second: Any = stage.call(first.resume).error
    assert isinstance(second, cl.OutOfCreditsError)
    shown = traceback.TracebackException.from_exception(second, capture_locals=True)
    ours = [step for step in shown.stack if step.filename.startswith(PACKAGE)]
    assert not [step.name for step in ours if stage.key in str(step.locals)]


@pytest.mark.xfail(strict=True, reason="httpcore logs the answer's headers at DEBUG as they came")
def test_an_address_in_an_answers_header_is_not_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """A service may repeat in a header what it was asked."""
    frame = stage.people(1)
    who = stage.who(frame)[0]
    stage.open(faults=[Fault(headers={"X-Looked-Up": who})])
    with caplog.at_level(logging.DEBUG):
        cl.enrich(frame, **stage.how())
    assert who not in caplog.text
