"""Whoever is erased is in no file any more, whatever had been stored about them, and is never sent again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.records import Intent, Outcome, Run
from cleanlist_pandas.sandbox import Fault

Stage: Any = Any
PHONE = ["title", "phone", "linkedin"]


def bought(stage: Stage, frame: Any) -> None:
    """One look-up, answered."""
    stage.run(frame, fields=PHONE)


def bought_twice(stage: Stage, frame: Any) -> None:
    """Two look-ups for other fields."""
    stage.run(frame, fields=["linkedin"])
    stage.run(frame, fields=["title", "phone"])


def in_doubt(stage: Stage, frame: Any) -> None:
    """Charged, and never answered."""
    stage.plans = {stage.who(frame)[0]: Fault(reset="after_charge")}
    stage.run(frame, fields=PHONE)


def refused(stage: Stage, frame: Any) -> None:
    """With an error body that repeats the address."""
    who = stage.who(frame)[0]
    stage.plans = {who: Fault(status=422, body={"detail": f"{who} is no address"})}
    stage.run(frame, fields=PHONE)


def long_answers(stage: Stage, frame: Any) -> None:
    """Bodies that span many pages of the file."""
    run = Run(id="long", world="local", service="csv_row")
    with Ledger(stage.ledger) as ledger:
        for who in stage.who(frame):
            (number,) = ledger.record(run, [Intent(address=who, fields=PHONE, price=11)], [])
            body = f'{{"input_email": "{who}"}}'.encode() * 1_000
            ledger.record(run, [], [Outcome(lookup=int(number), status="completed", credits=11, body=body)])  # type: ignore[arg-type]


def erased_before(stage: Stage, frame: Any) -> None:
    """Erased already: once more changes nothing."""
    stage.run(frame, fields=PHONE)
    with Ledger(stage.ledger) as ledger:
        ledger.erase(stage.who(frame)[0])


def open_elsewhere(stage: Stage, frame: Any) -> None:
    """Another notebook has the same ledger open, and has read it."""
    stage.run(frame, fields=PHONE)
    other = stage.stack.enter_context(Ledger(stage.ledger))
    assert other.stats()["people"] == len(stage.who(frame))


LIVES = [bought, bought_twice, in_doubt, refused, long_answers, erased_before, open_elsewhere]


@pytest.mark.parametrize("n_others", [0, 5, 60])
@pytest.mark.parametrize("live", LIVES)
def test_an_erased_person_is_in_no_file_and_no_log(
    stage: Stage, caplog: pytest.LogCaptureFixture, live: Callable[[Stage, Any], None], n_others: int
) -> None:
    """Not in the database, its journal, what is exported or saved from it, or the DEBUG log; the others are."""
    stage.open()
    frame = stage.people(1 + n_others, twice=False)
    who, *others = stage.who(frame)
    shared = {value for other in others for value in stage.truth(other).values()}
    own = {stage.truth(who)[name] for name in ("phone", "linkedin")} - {None, *shared}
    secrets = [text.encode() for text in (who, *own)]
    with caplog.at_level(logging.DEBUG):
        live(stage, frame)
        with Ledger(stage.ledger) as ledger:
            ledger.erase(who.upper())
            ledger.export(stage.folder / "export.csv")
            ledger.export(stage.folder / "export.parquet")
        Ledger.salvage(stage.ledger, stage.folder / "salvaged.csv")
        stage.calm, n_before = True, len(stage.sandbox.requests)
        out = cl.enrich(frame, **stage.how(fields=PHONE))
    files = [path for path in stage.folder.iterdir() if path.is_file()]
    assert {"export.csv", "export.parquet", "salvaged.csv", stage.ledger.name} <= {path.name for path in files}
    wrong = [f"{path.name} holds {text!r}" for path in files for text in secrets if text in path.read_bytes().lower()]
    wrong += ["the log tells"] * (who in caplog.text.lower())
    wrong += ["sent again"] * (who in {one.email for one in stage.sandbox.requests[n_before:]})
    wrong += ["not skipped"] * (out["enriched_status"].iloc[0] != "skipped")
    stage.figures.add("erased people", 1, wrong)
    assert not wrong
    kept = (stage.folder / "export.csv").read_bytes()
    assert all(other.encode() in kept for other in others), "somebody else was erased too"
