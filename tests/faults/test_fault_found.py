"""Defects that the matrix found, each reduced to its smallest case."""

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


HEADS = {
    "a header": "200 OK\r\nX-Looked-Up: {who}\r\nContent-Length: 0\r\n\r\n",
    "the reason": "422 {who}\r\nContent-Length: 0\r\n\r\n",
    "a line that is no header": "200 OK\r\n{who}\r\n\r\n",
    "a chunk's length": "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{who}\r\n",
}


@pytest.mark.parametrize("where", HEADS)
def test_an_address_around_an_answers_body_is_not_logged(
    stage: Stage, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """A service may repeat there what it was asked, and httpcore logs heads, whole or broken, at DEBUG."""
    frame = stage.people(1)
    who = stage.who(frame)[0]
    stage.open(faults=[Fault(raw=f"HTTP/1.1 {HEADS[where].format(who=who)}".encode())])
    with caplog.at_level(logging.DEBUG):
        cl.enrich(frame, **stage.how())
    assert len(stage.sandbox.requests) == 1
    assert "receive_response_headers" in caplog.text, "nothing was listened to"
    assert who not in caplog.text
