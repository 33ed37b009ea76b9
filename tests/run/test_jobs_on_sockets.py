"""submit and collect, over real sockets: sent once, fetched whenever and wherever, and the books agree."""

from __future__ import annotations

import json
import os
import pickle
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Clock, Fault, Terms

Scene: Any = Any
N = 9
LONG_S = 60.0  # no test waits for it
FIELDS = ["company"]
FILE = "POST /v1/enrich/csv"
PATHS = {"csv_upload": "/v1", "v2": "/api/v2", "v2_list": "/api/v2", "legacy_v1": "/api/v1/public"}
SLOW = {"csv_rows_at_once": 1, "workflow_s": 3600.0}
SPENDS = ("/enrich/csv", "/enrichment/person", "/enrichment/bulk", "/enrich/bulk")


def how(scene: Scene, way: str = "csv_upload", **more: Any) -> dict[str, Any]:
    options = {name: value for name, value in scene.how().items() if name != "fields"}
    return {**options, "base_url": scene.sandbox.url + PATHS[way], "poll_s": 0.01, **more}


def submit(scene: Scene, frame: pd.DataFrame, way: str = "csv_upload", **more: Any) -> cl.Job:
    return cl.submit(frame, **{"fields": FIELDS, "service": way, **how(scene, way), **more})


def collect(scene: Scene, frame: pd.DataFrame, job: Any, way: str = "csv_upload", **more: Any) -> pd.DataFrame:
    return cl.collect(frame, job, **how(scene, way, **more))


def people(n: int = N) -> pd.DataFrame:
    emails = [f"person{at}@acme.example" for at in range(n)]
    return pd.DataFrame({"Email": emails, "First name": "Jo", "Last name": "Do", "Company": "Acme"})


def statuses(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame["enriched_status"].value_counts()
    return {str(name): int(n) for name, n in counts.items() if n}


def orders(scene: Scene) -> int:
    return sum(one.method == "POST" and one.path.endswith(SPENDS) for one in scene.sandbox.requests)


@pytest.mark.parametrize("way", PATHS)
def test_submitted_now_and_collected_when_it_is_done(scene: Scene, way: str) -> None:
    """Collecting too early says who is still worked on, and costs nothing; nobody is ever sent again."""
    clock = Clock()
    scene.open(hit_rate=0.6, terms=Terms(**SLOW), clock=clock)
    frame = people()
    job = submit(scene, frame, way)
    n_orders = orders(scene)
    assert (job.people, job.credits, job.fields, scene.sandbox.charged) == (N, N, ("company",), 0)
    early = collect(scene, frame, job, way, wait=False)
    assert statuses(early) == {"in_doubt": N}
    clock.advance(3600)
    out = collect(scene, frame, job, way, provenance=True)
    scene.audit(frame, out, budget=N)
    charged = scene.sandbox.charged
    assert statuses(out).keys() == {"completed", "not_found"}
    assert int(out["enriched_credits"].sum()) == out.attrs["cleanlist"]["credits"] == charged
    assert out.attrs["cleanlist"]["run_id"] == job.run
    n_requests = len(scene.sandbox.requests)
    again = collect(scene, frame, job, way)
    pd.testing.assert_frame_equal(again, out[list(again.columns)])
    enriched = cl.enrich(frame, FIELDS, service=way, **how(scene, way))
    pd.testing.assert_frame_equal(enriched, again)
    assert len(scene.sandbox.requests) - n_requests <= 1  # of legacy v1 and v2 nothing, or a balance
    assert (orders(scene), scene.sandbox.charged) == (n_orders, charged)
    with cl.Ledger(scene.ledger) as ledger:
        assert ledger.audit().empty


def test_a_file_that_is_answered_at_once_is_in_the_ledger_when_it_is_submitted(scene: Scene) -> None:
    scene.open()
    frame = scene.people(N)
    job = submit(scene, frame)
    out = collect(scene, frame, job)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), len(scene.sandbox.requests)) == ({"completed": len(frame)}, 1)
    assert job.credits == scene.sandbox.charged == N


def test_waiting_goes_on_as_long_as_it_takes(scene: Scene) -> None:
    scene.open(terms=Terms(csv_rows_at_once=1, workflow_polls=4))
    frame = people()
    job = submit(scene, frame)
    assert statuses(collect(scene, frame, job, wait=False)) == {"in_doubt": N}
    assert statuses(collect(scene, frame, job)) == {"completed": N}


SUBMIT = """
people = pd.read_json(sys.argv[1])
options = json.loads(sys.argv[2])
job = cl.submit(people, ["company"], service="csv_upload", **options)
job.save(sys.argv[3])
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_submitted_by_a_process_that_is_killed_and_collected_by_another(scene: Scene, tmp_path: Path) -> None:
    """By the file of the job, which holds nobody and no key."""
    scene.open(terms=Terms(csv_rows_at_once=1, workflow_polls=1))
    frame = people()
    frame.to_json(tmp_path / "people.json")
    options = json.dumps({**how(scene), "ledger": str(scene.ledger)})
    child = scene.start(SUBMIT, str(tmp_path / "people.json"), options, str(tmp_path / "job.json"))
    _, err = child.communicate(timeout=LONG_S)
    assert (child.returncode, err) == (-signal.SIGKILL, "")
    said = (tmp_path / "job.json").read_text()
    assert "@" not in said
    assert scene.sandbox.api_key not in said
    out = collect(scene, frame, tmp_path / "job.json")
    scene.audit(frame, out, budget=N)
    assert (statuses(out), orders(scene)) == ({"completed": N}, 1)


def test_the_job_knows_its_ledger(scene: Scene) -> None:
    scene.open()
    frame = people()
    job = submit(scene, frame)
    elsewhere = {name: value for name, value in how(scene).items() if name != "ledger"}
    assert statuses(cl.collect(frame, job, **elsewhere)) == {"completed": N}


def test_a_job_is_small_and_plain(scene: Scene, tmp_path: Path) -> None:
    scene.open()
    job = submit(scene, people())
    assert pickle.loads(pickle.dumps(job)) == job
    job.save(tmp_path / "job.json")
    assert cl.Job.load(tmp_path / "job.json") == job
    assert repr(job) == (
        "Job: 9 people submitted to csv_upload for company, at most 9 credits; collect(job) brings the answers."
    )


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": "cleanlist-pandas job 1"}', '{"format": "plan"}', None]
)
def test_what_is_no_job_is_refused(scene: Scene, tmp_path: Path, content: str | None) -> None:
    scene.open()
    if content is not None:
        (tmp_path / "job.json").write_text(content)
    told = r"no job at .*job\.json" if content is None else r"is no job that Job\.save wrote; nothing was asked"
    with pytest.raises(cl.ConfigurationError, match=told):
        collect(scene, people(), tmp_path / "job.json")
    with pytest.raises(cl.ConfigurationError, match="job must be what submit"):
        collect(scene, people(), 7)
    assert not scene.sandbox.requests


def test_a_job_that_cannot_be_saved_is_still_there(scene: Scene, tmp_path: Path) -> None:
    scene.open()
    job = submit(scene, people())
    with pytest.raises(cl.ConfigurationError, match="is in the ledger all the same"):
        job.save(tmp_path / "nowhere" / "job.json")


def test_the_frame_may_be_in_another_order_and_hold_others_too(scene: Scene) -> None:
    scene.open()
    frame = people()
    job = submit(scene, frame)
    n_requests = len(scene.sandbox.requests)
    out = collect(scene, frame[::-1], job)
    assert statuses(out) == {"completed": N}
    more = collect(scene, people(N + 2), job)
    assert statuses(more) == {"completed": N, "not_attempted": 2}
    assert len(scene.sandbox.requests) == n_requests


def test_a_frame_that_lacks_somebody_is_refused(scene: Scene) -> None:
    scene.open()
    job = submit(scene, people())
    with pytest.raises(cl.ConfigurationError, match="about 9 people, and this frame about 8, not the same; nothing"):
        collect(scene, people()[1:], job)
    with pytest.raises(cl.ConfigurationError, match="nothing was asked"):
        collect(scene, pd.DataFrame({"Email": ["x@y.example"]}), job)


def test_who_was_erased_meanwhile_is_left_out(scene: Scene) -> None:
    clock = Clock()
    scene.open(terms=Terms(**SLOW), clock=clock)
    frame = people()
    job = submit(scene, frame)
    with cl.Ledger(scene.ledger) as ledger:
        ledger.erase("person0@acme.example")
    clock.advance(3600)
    out = collect(scene, frame, job)
    assert statuses(out) == {"completed": N - 1, "skipped": 1}
    assert out["enriched_status"].iloc[0] == "skipped"


def test_another_ledger_or_service_knows_nothing_of_the_job(scene: Scene, tmp_path: Path) -> None:
    scene.open()
    frame = people()
    job = submit(scene, frame)
    with pytest.raises(cl.ConfigurationError, match="does not know this job; nothing was asked"):
        collect(scene, frame, job, ledger=tmp_path / "other.sqlite3")
    with pytest.raises(cl.ConfigurationError, match="local service and this call speaks to a live one"):
        collect(scene, frame, job, base_url="https://api.cleanlist.ai/v1")
    assert len(scene.sandbox.requests) == 1
    assert not (tmp_path / "other.sqlite3").exists()


def test_without_a_key_nobody_is_asked_about(scene: Scene) -> None:
    scene.open(terms=Terms(**SLOW))
    frame = people()
    job = submit(scene, frame)
    with pytest.raises(cl.ConfigurationError, match="No API key"):
        cl.collect(frame, job, **{**how(scene), "api_key": None})


def test_a_ledger_in_memory_that_is_handed_in_lasts(scene: Scene) -> None:
    scene.open(terms=Terms(csv_rows_at_once=1))
    frame = people()
    ledger = cl.Ledger.in_memory()
    job = submit(scene, frame, ledger=ledger)
    assert job.ledger == ""
    assert statuses(collect(scene, frame, job, ledger=ledger)) == {"completed": N}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"service": "csv_row"}, r"csv_row answers at once, so nothing was sent: call enrich\(\)"),
        ({"ledger": None}, "With ledger=None nothing would be left to collect by, so nothing was sent"),
        ({"phone_if": lambda d: d}, r"submit\(\) has no option 'phone_if'"),
        ({"api_key": None}, "No API key, so nothing was sent"),
    ],
)
def test_what_cannot_be_collected_is_not_sent(scene: Scene, options: dict[str, Any], said: str) -> None:
    scene.open()
    with pytest.raises(cl.ConfigurationError, match=said):
        submit(scene, people(), **options)
    assert not scene.sandbox.requests


@pytest.mark.parametrize("emails", [[], [None, "n/a"]])
def test_of_nobody_there_is_a_job_too(scene: Scene, emails: list[Any]) -> None:
    scene.open()
    frame = pd.DataFrame({"Email": pd.Series(emails, dtype="string")})
    job = submit(scene, frame, columns="Email")
    assert (job.people, job.credits) == (0, 0)
    out = collect(scene, frame, job, columns="Email")
    assert out["enriched_status"].tolist() == ["skipped"] * len(emails)
    assert not scene.sandbox.requests


def test_who_is_held_is_not_submitted(scene: Scene) -> None:
    scene.open()
    frame = people()
    submit(scene, frame)
    job = submit(scene, frame)
    assert (job.credits, orders(scene)) == (0, 1)
    assert statuses(collect(scene, frame, job)) == {"completed": N}
    with pytest.raises(cl.ConfigurationError, match="not the same"):
        collect(scene, people(N + 1), job)


def test_whom_the_budget_does_not_reach_is_not_attempted(scene: Scene) -> None:
    scene.open(terms=Terms(csv_rows_at_once=1))
    frame = people()
    with pytest.warns(cl.CleanlistWarning, match="max_credits=4"):
        job = submit(scene, frame, max_credits=4)
    assert job.credits == 4
    out = collect(scene, frame, job)
    scene.audit(frame, out, budget=4)
    assert statuses(out) == {"completed": 4, "not_attempted": N - 4}
    rest = submit(scene, frame)
    assert rest.credits == N - 4
    assert statuses(collect(scene, frame, rest)) == {"completed": N}
    assert scene.sandbox.charged == N


def test_by_a_plan_and_the_best_first(scene: Scene, tmp_path: Path) -> None:
    scene.open()
    frame = people().assign(worth=range(N))
    options = {**how(scene), "service": "csv_upload"}
    where = {name: options[name] for name in ("base_url", "service", "ledger")}
    cl.plan(frame, FIELDS, max_credits=3, priority="worth", **where).save(tmp_path / "plan.json")
    with pytest.warns(cl.CleanlistWarning, match="Stopped early"):
        job = cl.submit(frame, plan=tmp_path / "plan.json", max_credits=3, priority="worth", **options)
    out = collect(scene, frame, job)
    assert out.index[out["enriched_status"] == "completed"].tolist() == [6, 7, 8]


def test_a_lost_file_is_in_doubt_and_stays_so(scene: Scene) -> None:
    scene.open(faults={FILE: [Fault(reset="after_charge")]})
    frame = people()
    job = submit(scene, frame)
    assert job.credits == N
    out = collect(scene, frame, job)
    scene.audit(frame, out, budget=N)
    assert (statuses(out), len(scene.sandbox.requests)) == ({"in_doubt": N}, 1)


def test_a_service_that_refuses_the_key_ends_it_and_it_can_be_gone_on_with(scene: Scene) -> None:
    scene.open(faults={FILE: [Fault(status=401)]}, terms=Terms(csv_rows_at_once=1))
    frame = people()
    with pytest.raises(cl.AuthenticationError) as caught:
        submit(scene, frame)
    job: Any = caught.value.resume()
    assert isinstance(job, cl.Job)
    assert statuses(collect(scene, frame, job)) == {"completed": N}
    assert scene.sandbox.charged == N


INTERRUPTED = """
people = pd.read_json(sys.argv[1])
try:
    cl.submit(people, ["title", "company"], service="csv_upload", **json.loads(sys.argv[2]))
except cl.RunInterrupted as error:
    print(error.report.credits_in_doubt)
    error.resume().save(sys.argv[3])
"""


def test_interrupted_while_it_is_sent_nobody_is_sent_twice(scene: Scene, tmp_path: Path) -> None:
    """The file that is on its way is taken, and its job is on disk; going on sends the other."""
    pid: list[int] = []

    def interrupt(number: int, who: str | None, attempt: int) -> None:
        if who == FILE and attempt == 1:
            os.kill(pid[0], signal.SIGINT)

    scene.open(faults=interrupt, terms=Terms(csv_rows_at_once=1), latency_s=0.5)
    frame = people()
    frame["enriched_title"] = ["CTO"] * 4 + [None] * (N - 4)  # those lack one field less: two files
    frame.to_json(tmp_path / "people.json")
    options = json.dumps({**how(scene), "ledger": str(scene.ledger), "concurrency": 1})
    child = scene.start(INTERRUPTED, str(tmp_path / "people.json"), options, str(tmp_path / "job.json"))
    pid.append(child.pid)
    out, err = child.communicate(timeout=LONG_S)
    assert (child.returncode, err, out) == (0, "", "4\n")
    told = collect(scene, frame, tmp_path / "job.json")
    assert (statuses(told), orders(scene), scene.sandbox.charged) == ({"completed": N}, 2, N)


def test_a_table_comes_back_as_it_was_handed_in(scene: Scene) -> None:
    polars = pytest.importorskip("polars")
    scene.open()
    frame = polars.from_pandas(people())
    out = collect(scene, frame, submit(scene, frame))
    assert isinstance(out, polars.DataFrame)
    assert out["enriched_status"].to_list() == ["completed"] * N
