"""Webhooks: only what this ledger sent counts, and nothing that is posted is believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.run.records import Intent, Outcome, Run
from cleanlist_pandas.services.service import Job
from cleanlist_pandas.webhooks import LARGEST_BODY, handle, receiver

TOKENS = {"ann": "bulk wf_1 2 task_1", "ben": "bulk wf_1 2 task_2", "cat": "file job_9 12000 0", "dan": "lone_7"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[cl.Ledger]:
    """A ledger with four look-ups that were taken, of which one is told."""
    with cl.Ledger(tmp_path / "ledger.sqlite3") as opened:
        run = Run(id="run", world="live", service="legacy_v1")
        intents = [Intent(address=f"{who}@acme.example", fields=("company",), price=1) for who in TOKENS]
        numbers = [number for number in opened.record(run, intents, []) if isinstance(number, int)]
        taken = zip(numbers, TOKENS.values(), strict=True)
        opened.record(run, [], [], [Job(lookup=number, token=token, at_us=1) for number, token in taken])
        told = Outcome(lookup=numbers[2], status="completed", credits=1, reason="", body=b"{}", at_us=2)
        opened.record(run, [], [told])
        yield opened


def said(**more: Any) -> bytes:
    return json.dumps({"event": "enrichment.completed", "workflow_id": "wf_1", **more}).encode()


def test_what_this_ledger_sent_is_acknowledged_also_twice_and_when_it_is_told(ledger: cl.Ledger) -> None:
    """Whatever else is in it."""
    before = ledger.stats()
    forged = said(status="failed", results=[{"task_id": "task_1", "primary_email": "eve@evil.example"}])
    assert [handle(body, ledger) for body in (said(), said(), forged)] == [200, 200, 200]
    assert handle(b'{"event": "csv.completed", "job_id": "job_9"}', ledger) == 200
    assert ledger.stats().equals(before)


@pytest.mark.parametrize(
    "more",
    [
        {"workflow_id": "wf_2"},
        {"workflow_id": "wf_"},
        {"workflow_id": "wf_%"},
        {"workflow_id": "bulk"},
        {"workflow_id": "2"},
        {"workflow_id": "task_1"},
        {"workflow_id": "job_9"},
        {"workflow_id": "lone_7"},
        {"event": "csv.completed", "job_id": "wf_1"},
    ],
)
def test_what_it_did_not_send_is_not_found(ledger: cl.Ledger, more: dict[str, Any]) -> None:
    """Also what is only a part of an id, or one of another kind."""
    assert handle(said(**more), ledger) == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe\xfa",
        b"null",
        b'["wf_1"]',
        b"[" * 100_000,
        b"9" * 5_000,
        said(event="enrichment.started"),
        said(event=None),
        said(event=["enrichment.completed"]),
        said(event="csv.completed"),
        said(workflow_id=None),
        said(workflow_id=""),
        said(workflow_id=1),
        said(workflow_id=["wf_1"]),
        said(workflow_id="wf_1 2"),
        said(workflow_id="wf_1\x00"),
        said(workflow_id="\ud800"),
        said(workflow_id="w" * 100_000),
    ],
    ids=lambda body: repr(body[:60]),
)
def test_what_is_no_webhook_is_refused(ledger: cl.Ledger, body: bytes) -> None:
    """It raises nothing, whatever it is."""
    assert handle(body, ledger) == 400


def test_a_body_past_the_bound_is_not_read(ledger: cl.Ledger) -> None:
    """One that just fits is."""
    body = said()
    assert handle(body.ljust(LARGEST_BODY), ledger) == 200
    assert handle(body.ljust(LARGEST_BODY + 1), ledger) == 413


def test_whoever_is_erased_is_asked_about_no_more(ledger: cl.Ledger) -> None:
    """A workflow is ours as long as somebody of it is."""
    ledger.erase("ann@acme.example")
    assert handle(said(), ledger) == 200
    ledger.erase("ben@acme.example")
    assert handle(said(), ledger) == 404


@pytest.mark.parametrize("ledger", ["ledger.sqlite3", Path("ledger.sqlite3"), None])
def test_a_path_is_no_open_ledger(ledger: Any) -> None:
    with pytest.raises(cl.ConfigurationError, match="about an open ledger"):
        handle(said(), ledger)
    with pytest.raises(cl.ConfigurationError, match="about an open ledger"), receiver(ledger):
        pass
