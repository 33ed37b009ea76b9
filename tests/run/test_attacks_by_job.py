"""Ways to lose money or answers on surfaces that answer by file or job, as a hostile reader tried; each failed once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Clock, Fault, Terms

Scene: Any = Any
N = 9
PATHS = {"csv_upload": "/v1", "v2": "/api/v2", "v2_list": "/api/v2", "legacy_v1": "/api/v1/public"}


def how(scene: Scene, way: str = "csv_upload", **more: Any) -> dict[str, Any]:
    options = {name: value for name, value in scene.how().items() if name != "fields"}
    return {**options, "base_url": scene.sandbox.url + PATHS[way], "service": way, "poll_s": 0.01, **more}


def people(n: int = N) -> pd.DataFrame:
    emails = [f"person{at}@acme.example" for at in range(n)]
    return pd.DataFrame({"Email": emails, "First name": "Jo", "Last name": "Do", "Company": "Acme"})


def statuses(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame["enriched_status"].value_counts()
    return {str(name): int(n) for name, n in counts.items() if n}


def collect(scene: Scene, frame: pd.DataFrame, job: Any, way: str = "csv_upload", **more: Any) -> pd.DataFrame:
    options = how(scene, way, **more)
    del options["service"]  # the job knows it
    return cl.collect(frame, job, **options)


def orders(scene: Scene) -> int:
    spend = ("/enrich/csv", "/enrichment/person", "/enrichment/bulk", "/enrich/bulk")
    return sum(one.method == "POST" and one.path.endswith(spend) for one in scene.sandbox.requests)


# --- what is sent ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["\r", "\n", "\r\n", "\u2028", "\x0b"])
def test_no_name_can_put_somebody_else_into_a_file(scene: Scene, mark: str) -> None:
    """A line break in a name would be a row of its own: somebody suppressed could be sent, and paid for."""
    scene.open()
    frame = people(2).assign(**{"First name": f"Jo{mark}never@acme.example,Jo", "Company": f"{mark}x{mark}"})
    out = cl.enrich(frame, ["title"], suppress="never@acme.example", **how(scene))
    scene.audit(frame, out, budget=2)
    assert (statuses(out), scene.sandbox.charged) == ({"completed": 2}, 2)
    [body] = [one.body for one in scene.sandbox.requests]
    assert len(body["csv"].splitlines()) == 1 + 2


# --- what is worked on -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", PATHS)
def test_what_the_service_took_a_moment_ago_is_not_paid_for_twice(scene: Scene, way: str) -> None:
    """``in_doubt="retry"`` is about what nobody knows; the service works on this, and has been given no time yet."""
    clock = Clock()
    scene.open(terms=Terms(csv_rows_at_once=1, workflow_s=3600.0), clock=clock)
    frame = people()
    cl.submit(frame, ["company"], **how(scene, way))
    job = cl.submit(frame, ["company"], in_doubt="retry", **how(scene, way))
    clock.advance(3600)
    out = collect(scene, frame, job, way)
    scene.audit(frame, out, budget=N)
    assert (job.credits, statuses(out), scene.sandbox.charged) == (0, {"completed": N}, N)


@pytest.mark.parametrize("way", PATHS)
def test_what_took_too_long_or_was_forgotten_is_sent_again_to_who_says_so(scene: Scene, way: str) -> None:
    """And to nobody else: asking elsewhere, or with another key, brings the same answer."""
    is_gone = True

    def forget(number: int, who: str | None, attempt: int) -> Fault | None:
        is_status = (who or "").startswith("GET") and "balance" not in (who or "")
        return Fault(status=404, body={"detail": "Job not found"}) if is_gone and is_status else None

    scene.open(terms=Terms(csv_rows_at_once=1, workflow_polls=1), faults=forget)
    frame, short = people(2), {"job_timeout_s": 0.01}
    job = cl.submit(frame, ["company"], **how(scene, way))
    assert statuses(collect(scene, frame, job, way, wait=False)) == {"in_doubt": 2}
    n_orders = orders(scene)
    assert statuses(cl.enrich(frame, ["company"], **how(scene, way, **short))) == {"in_doubt": 2}
    assert orders(scene) == n_orders
    cl.submit(frame, ["company"], in_doubt="retry", **how(scene, way, **short))
    assert orders(scene) == 2 * n_orders
    is_gone = False
    assert statuses(cl.enrich(frame, ["company"], **how(scene, way))) == {"completed": 2}


# --- what is collected -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", PATHS)
def test_what_has_no_answer_yet_is_still_set_aside(scene: Scene, way: str) -> None:
    """The report of a collection says what it may cost yet, and never more than it says it can cost at most."""
    clock = Clock()
    scene.open(terms=Terms(csv_rows_at_once=1, workflow_s=3600.0), clock=clock)
    frame = people()
    job = cl.submit(frame, ["company"], **how(scene, way))
    early = collect(scene, frame, job, way, wait=False).attrs["cleanlist"]
    assert (early["credits"], early["credits_in_doubt"], early["budget"]) == (0, N, N)
    clock.advance(3600)
    late = collect(scene, frame, job, way).attrs["cleanlist"]
    assert (late["credits"], late["credits_in_doubt"], late["budget"]) == (N, 0, N)


def test_a_lost_file_is_set_aside_in_each_report(scene: Scene) -> None:
    scene.open(faults={"POST /v1/enrich/csv": [Fault(reset="after_charge")]})
    frame = people()
    job = cl.submit(frame, ["company"], **how(scene))
    told = collect(scene, frame, job).attrs["cleanlist"]
    assert (told["credits"], told["credits_in_doubt"], told["budget"]) == (0, N, N)


def test_what_another_job_of_the_same_people_cost_is_in_the_bounds_too(scene: Scene) -> None:
    clock = Clock()
    scene.open(terms=Terms(csv_rows_at_once=1, workflow_s=3600.0), clock=clock)
    frame = people()
    job = cl.submit(frame, ["title"], **how(scene))
    cl.submit(frame, ["title", "phone"], **how(scene))
    clock.advance(3600)
    told = collect(scene, frame, job).attrs["cleanlist"]
    assert told["credits"] == scene.sandbox.charged == told["budget"] == 12 * N


def test_a_job_whose_people_were_all_erased_is_collected(scene: Scene) -> None:
    scene.open(terms=Terms(csv_rows_at_once=1, workflow_s=3600.0), clock=Clock())
    frame = people(2)
    job = cl.submit(frame, ["company"], **how(scene))
    with cl.Ledger(scene.ledger) as ledger:
        for email in frame["Email"]:
            ledger.erase(email)
    assert statuses(collect(scene, frame, job)) == {"skipped": 2}


@pytest.mark.parametrize(
    "change",
    [
        {"submitted_at": "yesterday"},
        {"submitted_at": "2026-11-01T00:00:00"},
        {"submitted_at": 5},
        {"credits": "9"},
        {"credits": -1},
        {"credits": True},
        {"people": None},
        {"fields": "company"},
        {"digest": 5},
        {"more": 1},
    ],
)
def test_a_job_that_was_changed_is_none(scene: Scene, tmp_path: Path, change: dict[str, Any]) -> None:
    scene.open()
    cl.submit(people(), ["company"], **how(scene)).save(tmp_path / "job.json")
    content = json.loads((tmp_path / "job.json").read_text())
    (tmp_path / "job.json").write_text(json.dumps(content | change))
    with pytest.raises(cl.ConfigurationError, match=r"is no job that Job\.save wrote; nothing was asked"):
        collect(scene, people(), tmp_path / "job.json")


def test_a_ledger_that_is_gone_is_named(scene: Scene) -> None:
    scene.open()
    job = cl.submit(people(), ["company"], **how(scene))
    scene.ledger.unlink()
    with pytest.raises(cl.ConfigurationError, match=rf"The ledger {scene.ledger} does not know this job"):
        collect(scene, people(), job)
