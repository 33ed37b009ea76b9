"""Ways to lose money, answers or somebody's trust that a hostile reader tried; each failed once."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from time_machine import travel

import cleanlist_pandas as cl
from cleanlist_pandas.calls import run_enrich
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.sandbox import Fault

Scene: Any = Any
N = 6
LONG_S = 60.0  # a bound: no test waits for it


def people(n: int = N) -> pd.DataFrame:
    return pd.DataFrame({"Email": [f"person{at}@acme.example" for at in range(n)]})


def asked(scene: Scene) -> list[str]:
    return [request.email for request in scene.sandbox.requests]


# --- the way on ------------------------------------------------------------------------------------------------------


def test_what_can_be_read_only_once_still_counts_when_a_run_is_resumed(scene: Scene) -> None:
    """A generator that was read to its end would keep nobody out, and ask for nothing."""
    scene.open(faults=[Fault(status=402)])
    how = scene.how(
        concurrency=1, suppress=(f"person{at}@acme.example" for at in (1, 4)), fields=(name for name in ["title"])
    )
    with pytest.raises(cl.OutOfCreditsError) as caught:
        cl.enrich(people(), **how)
    assert (caught.value.resume()["enriched_status"] == "skipped").tolist() == [at in (1, 4) for at in range(N)]
    assert not {"person1@acme.example", "person4@acme.example"} & set(asked(scene))


def test_a_run_is_resumed_with_its_own_ledger_wherever_the_process_has_gone(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path means the folder of the call: another ledger there would buy everybody again."""
    scene.open(faults=[None, None, Fault(status=402)])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cl.OutOfCreditsError) as caught:
        scene.enrich(people(), concurrency=1, ledger="leads.sqlite3")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert set(caught.value.resume()["enriched_status"]) == {"completed"}
    assert scene.sandbox.charged == N
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("hours", [[1, 2], [-1, 1], [1, -1]])
def test_a_forced_refresh_asks_for_nobody_twice_however_often_and_late_it_is_resumed(
    scene: Scene, hours: list[int]
) -> None:
    """Between error and resume a laptop sleeps, or its clock is set; the first run's answers stand in the third too."""
    scene.open(faults=[None, None, Fault(status=401), None, Fault(status=401)])
    scene.enrich(people(1), concurrency=1)  # held from before: asked again below, once
    with pytest.raises(cl.AuthenticationError) as first:
        scene.enrich(people(), concurrency=1, max_age=0)
    with travel(datetime.now(UTC) + timedelta(hours=hours[0])), pytest.raises(cl.AuthenticationError) as second:
        first.value.resume()
    with travel(datetime.now(UTC) + timedelta(hours=hours[1])):
        out = second.value.resume(ledger=str(scene.ledger))
    assert set(out["enriched_status"]) == {"completed"}
    assert scene.sandbox.charged == 1 + N


def test_a_run_is_resumed_as_it_was_set_up_although_the_block_around_it_is_left(scene: Scene) -> None:
    """A rate it was told to keep to, what it does about doubts, and the columns it gives."""
    scene.open(faults=[None, Fault(status=402)])
    how = scene.how()
    one_by_one = cl.option_context(concurrency=how.pop("concurrency") // 4, provenance=True, dtype_backend="pyarrow")
    with pytest.raises(cl.OutOfCreditsError) as caught, one_by_one:
        cl.enrich(people(), **how)
    out = caught.value.resume()
    assert out.dtypes.equals(caught.value.partial.dtypes)
    assert scene.sandbox.max_in_flight == 1


def test_resuming_one_error_again_and_again_spends_its_budget_once(scene: Scene) -> None:
    """A loop around ``error.resume()`` that keeps the first error is the loop people write."""
    refused = Fault(status=402)
    scene.open(faults=[None, refused, None, refused, refused, Fault(reset="after_charge"), refused])
    with pytest.raises(cl.OutOfCreditsError) as first:
        scene.enrich(people(), concurrency=1, max_credits=4)
    budgets = []
    for _ in range(3):
        with pytest.raises(cl.OutOfCreditsError) as again:
            first.value.resume()
        budgets.append(again.value.report.budget)
    assert budgets == [3, 2, 2]
    with pytest.warns(cl.CleanlistWarning, match="0 left of max_credits=1"):
        first.value.resume()
    assert scene.sandbox.charged == 4


def test_what_a_broken_ledger_could_not_take_is_written_when_the_run_is_resumed(scene: Scene) -> None:
    """A full disk must not cost the answers that were paid for when it filled up."""

    def rename(old: str, new: str) -> None:
        with closing(sqlite3.connect(scene.ledger, timeout=10)) as connection, connection:
            connection.execute(f"ALTER TABLE {old} RENAME TO {new}")

    scene.open(faults=lambda number, email, attempt: rename("outcomes", "gone") if number == 3 else None)
    frame = people()
    with pytest.raises(cl.LedgerStoppedError, match=r"kept in error\.partial, and error\.resume") as caught:
        scene.enrich(frame, concurrency=2)
    assert caught.value.report.credits == scene.sandbox.charged >= 4
    with pytest.raises(cl.LedgerError):
        caught.value.resume()
    rename("gone", "outcomes")
    out = caught.value.resume()
    scene.audit(frame, out, budget=N)
    assert set(out["enriched_status"]) == {"completed"}


# --- answers that are somebody else's --------------------------------------------------------------------------------


def test_a_service_that_mixes_people_up_is_not_paid_to_the_end(scene: Scene) -> None:
    """Each look-up is charged and none can be used: ten in a row are enough."""
    scene.open(faults=lambda number, email, attempt: Fault(echo="else@other.example"))
    frame = people(200)
    with pytest.raises(cl.ServiceError, match="keeps failing: the answer is about another address") as caught:
        scene.enrich(frame)
    scene.audit(frame, caught.value.partial)
    assert caught.value.report.credits == scene.sandbox.charged <= 10 + 4


def test_a_connection_that_brought_somebody_elses_answer_is_not_used_again(scene: Scene) -> None:
    """If it is one answer behind, so are all the next."""
    scene.open(faults=[None, Fault(echo="else@other.example"), None])
    scene.enrich(people(4), concurrency=1)
    assert scene.sandbox.connections == 2


# --- who must not be sent --------------------------------------------------------------------------------------------


def test_whoever_is_erased_while_waiting_to_be_sent_again_is_not(scene: Scene) -> None:
    """A Retry-After leaves two minutes for it."""

    def erase_and_refuse(number: int, email: str | None, attempt: int) -> Fault | None:
        if number > 0:
            return None
        with cl.Ledger(scene.ledger) as ledger:
            ledger.erase("person0@acme.example")
        return Fault(status=429, retry_after="0")

    scene.open(faults=erase_and_refuse)
    frame = people(3)
    out = scene.enrich(frame, concurrency=1, max_credits=2)
    assert out["enriched_status"].tolist() == ["skipped", "completed", "completed"]
    assert asked(scene) == [f"person{at}@acme.example" for at in range(3)]
    assert b"person0" not in scene.ledger.read_bytes()


# --- stopped before anything left ------------------------------------------------------------------------------------


def test_who_stops_at_once_while_nothing_is_connected_leaves_nobody_in_doubt(scene: Scene) -> None:
    """A doubt is for good: it must not come of an impatient Ctrl-C in front of a dead network."""
    scene.open()
    cl.Ledger(scene.ledger).close()
    frame, stop = people(3), Stop()
    with closing(socket.socket()) as full, ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # a full queue drops the first packet of whoever comes next
            filler = stack.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        how = scene.how(base_url=f"http://127.0.0.1:{full.getsockname()[1]}/v1", concurrency=2)
        fields = how.pop("fields")

        def stop_at_once() -> None:
            while scene.sql("SELECT count(*) FROM lookups") != [(2,)]:
                threading.Event().wait(0.01)
            stop.press()
            stop.press()

        thread = threading.Thread(target=stop_at_once)
        thread.start()
        done = run_enrich(frame, fields, how, stop)
        thread.join()
    assert (done.report.credits_in_doubt, done.report.requests) == (0, 0)
    assert scene.sql("SELECT status, count(*) FROM outcomes GROUP BY 1") == [("released", 2)]
    scene.audit(frame, scene.enrich(frame), budget=3)


def test_a_report_counts_the_requests_that_left(scene: Scene) -> None:
    """Tries to connect are none; those that were told to come again, or cut off, are."""
    scene.open(faults=[Fault(status=429, retry_after="0"), Fault(reset="after_headers")])
    out = scene.enrich(people(), concurrency=1)
    assert out.attrs["cleanlist"]["requests"] == len(scene.sandbox.requests) == N + 1
    scene.sandbox.stop()
    with pytest.raises(cl.ServiceError) as caught:
        scene.enrich(people(N + 2), max_wait_s=0.1)
    assert caught.value.report.requests == 0


# --- several runs at once --------------------------------------------------------------------------------------------


def beside(
    scene: Scene,
    work: Callable[[], pd.DataFrame],
    meanwhile: Callable[[], pd.DataFrame],
    steps: Sequence[Callable[[], object]] = (),
) -> list[pd.DataFrame]:
    """Do something while a run goes on in a thread: one step at each of its first requests, then the rest beside it."""
    arrived, results = threading.Event(), []

    def slow(number: int, email: str | None, attempt: int) -> Fault:
        if number < len(steps):
            steps[number]()
        else:
            arrived.set()
        return Fault(delay_s=0.2)

    scene.open(faults=slow)
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    assert arrived.wait(LONG_S)
    results.append(meanwhile())
    thread.join()
    return results


@pytest.mark.parametrize("in_doubt", ["hold", "retry"])
def test_two_runs_may_share_a_ledger_in_memory(scene: Scene, in_doubt: str) -> None:
    """Whom the first is asking is neither in doubt for the second nor, with ``in_doubt="retry"``, paid for twice."""
    frame = people()
    with Ledger.in_memory() as ledger:
        first, second = beside(
            scene,
            lambda: scene.enrich(frame, ledger=ledger),
            lambda: scene.enrich(frame, ledger=ledger, in_doubt=in_doubt),
        )
        assert len(ledger.in_doubt()) == 0
    pd.testing.assert_frame_equal(first, second)
    assert set(second["enriched_status"]) == {"completed"}
    assert scene.sandbox.charged == N


@pytest.mark.parametrize("in_doubt", ["hold", "retry"])
def test_a_lock_file_that_is_cleaned_away_is_made_again(scene: Scene, in_doubt: str) -> None:
    """Without it the run looks dead, and whom it is asking in doubt."""

    def clean() -> None:
        for lock in scene.folder.glob(".*.lock"):
            lock.unlink()

    frame = people()
    first, second = beside(
        scene,
        lambda: scene.enrich(frame, concurrency=1),
        lambda: scene.enrich(frame, in_doubt=in_doubt),
        steps=[clean],
    )
    pd.testing.assert_frame_equal(first, second)
    assert scene.sandbox.charged == N
    assert not list(scene.folder.glob(".*.lock"))


def test_an_open_ledger_does_not_go_into_a_forked_process(scene: Scene) -> None:
    """SQLite forbids it: a lock that another thread held at the fork is held for good there."""
    scene.open()
    child = scene.start(
        """
import os
with cl.Ledger(how.pop("ledger")) as ledger:
    if (pid := os.fork()) == 0:
        try:
            cl.enrich(pd.DataFrame({"Email": ["person0@acme.example"]}), ledger=ledger, **how)
        except cl.LedgerError as error:
            print(error, flush=True)
        ledger.close()
        os._exit(0)
    os.waitpid(pid, 0)
    print(ledger.stats()["lookups"])
"""
    )
    out, err = child.communicate(timeout=LONG_S)
    assert err == ""
    assert "opened in another process; nothing was sent. Open it anew" in out
    assert out.splitlines()[-1] == "0"
    assert scene.sandbox.requests == []


# --- the sandbox and the world outside -------------------------------------------------------------------------------


def test_a_call_to_another_service_is_outside_the_sandbox_around_it(scene: Scene, monkeypatch: Any) -> None:
    """What it pays for must not go with the sandbox's ledger, and who was erased outside must not be sent."""
    scene.open()
    monkeypatch.setenv("CLEANLIST_LEDGER", str(scene.ledger))
    monkeypatch.setenv("CLEANLIST_API_KEY", scene.sandbox.api_key)
    with cl.Ledger() as ledger:
        ledger.erase("person1@acme.example")
    with cl.sandbox(seed=1) as around:
        for ledger_of_the_call in ({}, {"ledger": None}):
            out = cl.enrich(people(3), "title", base_url=f"{scene.sandbox.url}/v1", **ledger_of_the_call)
            assert out["enriched_status"].tolist() == ["completed", "skipped", "completed"]
        cl.enrich(people(3), "title", base_url=f"{around.url}/v1/")
        assert len(around.requests) == 3
    assert scene.sql("SELECT count(*) FROM outcomes") == [(2,)]
    assert set(asked(scene)) == {"person0@acme.example", "person2@acme.example"}


def test_the_caller_may_change_their_frame_while_a_run_goes_on(scene: Scene) -> None:
    """In place, too: another address in the result's row would get the first one's data."""
    frame = people()
    before = frame.copy(deep=True)

    def change(number: int, email: str | None, attempt: int) -> None:
        frame.iloc[3, 0] = "somebody.else@acme.example"

    scene.open(faults=change)
    out = scene.enrich(frame, concurrency=1)
    scene.audit(before, out, budget=N)
    assert frame.iloc[3, 0] not in asked(scene)


@pytest.mark.parametrize("restored", [True, False])
def test_a_ledger_that_was_taken_away_during_a_run_buys_nobody_again(scene: Scene, restored: bool) -> None:
    """Deleted, or replaced by an older copy: the run stops, and going on would pay for its people a second time."""
    scene.open()
    scene.enrich(people(1))
    copy = scene.ledger.read_bytes()

    def take_away(number: int, email: str | None, attempt: int) -> None:
        if number == 3:
            scene.ledger.unlink()
            if restored:
                scene.ledger.write_bytes(copy)

    scene.sandbox.stop()
    scene.open(faults=take_away)
    with pytest.raises(cl.LedgerStoppedError) as caught:
        scene.enrich(people(), concurrency=1)
    assert scene.sandbox.charged == 4
    with pytest.raises(cl.LedgerError, match="no longer holds what this run wrote"):
        caught.value.resume()
    assert scene.sandbox.charged == 4
