"""From a script, a thread, a running loop, a task that is cancelled and a notebook: one engine, and nothing lost."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_client.manager import start_new_kernel

import cleanlist_pandas as cl
from cleanlist_pandas.calls import finish, run_enrich
from cleanlist_pandas.run import bridge
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.recorder import Recorder
from cleanlist_pandas.run.records import RELEASED, Intent, Outcome, Run
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.sandbox import Fault
from cleanlist_pandas.signatures import EnrichOptions

Scene: Any = Any
LONG_S = 60.0


def test_enrich_works_under_a_running_loop_and_in_a_plain_thread(scene: Scene) -> None:
    """The caller's loop, or the lack of one, makes no difference to the frame."""
    scene.open()
    frame = scene.people(5)
    plain = scene.enrich(frame)

    async def inside() -> pd.DataFrame:
        out: pd.DataFrame = scene.enrich(frame, ledger=None)
        return out

    pd.testing.assert_frame_equal(asyncio.run(inside()), plain)
    results: list[pd.DataFrame] = []
    thread = threading.Thread(target=lambda: results.append(scene.enrich(frame, ledger=None)))
    thread.start()
    thread.join()
    pd.testing.assert_frame_equal(results[0], plain)


def test_aenrich_leaves_the_callers_loop_free(scene: Scene) -> None:
    """While a run waits for its answers, other tasks of the loop run."""
    free = threading.Event()

    def needs_the_loop(number: int, email: str | None, attempt: int) -> None:
        assert free.wait(LONG_S)

    scene.open(faults=needs_the_loop)
    frame = scene.people(3)

    async def both() -> pd.DataFrame:
        task = asyncio.create_task(cl.aenrich(frame, **scene.how()))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(free.set)
        return await task

    out = asyncio.run(both())
    scene.audit(frame, out, budget=3)


def test_a_cancelled_aenrich_stops_softly_and_keeps_what_lands(scene: Scene) -> None:
    """The task ends cancelled, but only after the answers under way are in the ledger."""
    arrived = threading.Event()

    def slow(number: int, email: str | None, attempt: int) -> Fault:
        arrived.set()
        return Fault(delay_s=0.1)

    scene.open(faults=slow)
    frame = scene.people(30)

    async def cancelled() -> None:
        task = asyncio.create_task(cl.aenrich(frame, **scene.how()))
        await asyncio.to_thread(arrived.wait, LONG_S)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    scene.audit(frame, cl.last_run().frame, budget=30)
    assert scene.sql("SELECT count(*), sum(credits) FROM outcomes WHERE status = 'completed'") == [
        (len(scene.sandbox.requests), scene.sandbox.charged)
    ]
    assert len(scene.sandbox.requests) <= 8


def test_two_runs_of_one_loop_share_their_people(scene: Scene) -> None:
    """Gathered on one ledger: one charge for each person."""
    scene.open(latency_s=0.02)
    frame = scene.people(9)

    async def both() -> list[pd.DataFrame]:
        return list(await asyncio.gather(*(cl.aenrich(frame, **scene.how()) for _ in range(2))))

    for out in asyncio.run(both()):
        scene.audit(frame, out, budget=9)
    assert scene.sandbox.charged == 9


@pytest.mark.parametrize("fields", [["phone", "seniority"], ["seniority", "phone", "title"], ["phone"], ["title"]])
def test_two_runs_that_ask_for_some_of_the_same_buy_it_once(scene: Scene, fields: list[str]) -> None:
    """Whoever comes second waits for what the other asks for, and buys the rest alone."""
    scene.open(latency_s=0.02)
    frame = scene.people(9)
    asked = (["title", "phone"], fields)

    async def both() -> list[pd.DataFrame]:
        runs = [cl.aenrich(frame, **scene.how(fields=each, provenance=True)) for each in asked]
        return list(await asyncio.gather(*runs))

    outs = asyncio.run(both())
    bought = Counter((charge.email, name) for charge in scene.sandbox.charges for name in charge.fields)
    assert set(bought.values()) == {1}
    assert len(bought) == 9 * len({"title", "phone", *fields})
    assert sum(int(out["enriched_credits"].sum()) for out in outs) == scene.sandbox.charged
    n_sent = len(scene.sandbox.requests)
    for out, names in zip(outs, asked, strict=True):
        scene.audit(frame, out)
        again = scene.enrich(frame, fields=names)
        pd.testing.assert_frame_equal(out[again.columns], again)
    assert len(scene.sandbox.requests) == n_sent


def test_what_another_run_asks_for_is_not_bought_by_one_without_a_budget_for_the_rest(scene: Scene) -> None:
    """Such a person is not attempted: there is more to be had."""
    asking = threading.Event()

    def slow(number: int, who: str | None, attempt: int) -> Fault:
        asking.set()
        return Fault(delay_s=0.2)

    scene.open(faults=slow)
    frame = scene.people(3)

    async def both() -> list[pd.DataFrame]:
        first = asyncio.ensure_future(cl.aenrich(frame, **scene.how(fields=["title"])))
        await asyncio.to_thread(asking.wait, LONG_S)
        return [await cl.aenrich(frame, **scene.how(fields=["title", "phone"], max_credits=11)), await first]

    with pytest.warns(cl.CleanlistWarning, match="a look-up costs 11"):
        out, _ = asyncio.run(both())
    scene.audit(frame, out, budget=3 + 11)
    assert out["enriched_status"].tolist() == ["completed", *["not_attempted"] * 2, "completed"]
    held = scene.enrich(frame, fields=["title"])["enriched_title"]
    pd.testing.assert_series_equal(out["enriched_title"], held)


def test_an_interrupt_that_comes_while_planning_sends_nothing_and_is_told(scene: Scene) -> None:
    """The error carries the untouched frame, and its `resume` does the run."""
    scene.open()
    frame = scene.people(5)
    options = scene.how()
    fields = options.pop("fields")
    stop = Stop()
    stop.press()
    done = run_enrich(frame, fields, options, stop)
    assert scene.sandbox.connections == 0
    with pytest.raises(cl.RunInterrupted) as caught:
        finish(done, run_enrich, EnrichOptions, frame, fields, options)
    assert set(caught.value.partial["enriched_status"]) == {"not_attempted"}
    assert "cl.last_run().frame" in str(caught.value)  # whoever interrupts a cell has no name for the error
    pd.testing.assert_frame_equal(cl.last_run().frame, caught.value.partial)
    scene.audit(frame, caught.value.resume(), budget=5)
    assert scene.sandbox.charged == 5


@pytest.mark.parametrize("presses", [1, 2])
def test_an_interrupt_is_told_even_where_nothing_had_to_be_sent(scene: Scene, presses: int) -> None:
    """Swallowed, it would leave a script running that was told to end; the frame in the error is whole."""
    scene.open()
    frame = scene.people(5)
    whole = scene.enrich(frame)
    options = scene.how()
    stop = Stop()
    for _ in range(presses):
        stop.press()
    done = run_enrich(frame, options.pop("fields"), options, stop)
    assert done.result is not None
    assert str(done.result.stop) == "interrupt"
    pd.testing.assert_frame_equal(done.frame, whole)


def test_somebody_elses_signal_handler_stops_the_run_before_its_error_goes_on() -> None:
    """A handler that raises must not leave a run spending in the background."""
    ended = threading.Event()

    def raises(number: int, frame: object) -> None:
        raise OverflowError("theirs")

    def work(stop: Stop) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        while not stop.soft:
            threading.Event().wait(0.001)
        ended.set()

    before = signal.signal(signal.SIGUSR1, raises)
    try:
        with pytest.raises(OverflowError, match="theirs"):
            bridge.call(work)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert ended.wait(LONG_S)


def test_an_awaited_run_hears_a_signal_that_reaches_another_thread() -> None:
    """A kernel has threads of its own: one of them may get the stop button's signal while the loop sleeps."""
    heard: list[bool] = []

    def wait_for(what: Callable[[], bool]) -> bool:
        until_s = time.monotonic() + LONG_S
        while not what() and time.monotonic() < until_s:
            threading.Event().wait(0.001)
        return what()

    def work(stop: Stop) -> None:
        main = threading.main_thread().ident or 0
        assert wait_for(lambda: sys._current_frames()[main].f_code.co_name == "select")
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        heard.append(wait_for(lambda: stop.soft))

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(bridge.call_async(work))
    assert heard == [True]


def test_handlers_are_put_back_and_others_handlers_left_alone() -> None:
    """After a run a script's own Ctrl-C works as before."""
    before = signal.getsignal(signal.SIGINT)
    bridge.call(lambda stop: None)
    assert signal.getsignal(signal.SIGINT) is before
    theirs = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        mine = signal.getsignal(signal.SIGTERM)
        assert bridge.call(lambda stop: signal.getsignal(signal.SIGTERM)) is mine
    finally:
        signal.signal(signal.SIGTERM, theirs)


@pytest.mark.parametrize("n_workers", [1, 64])
@pytest.mark.parametrize(
    ("turns", "behind"), [*((n, True) for n in range(8)), (0, False), (1, False), (2, False), (7, False)]
)
def test_an_intent_that_is_cancelled_at_any_turn_is_booked_as_never_sent(
    tmp_path: Path, turns: int, behind: bool, n_workers: int
) -> None:
    """Waiting (`behind` another commit), written, or granted in the same turn: nobody is in doubt who was not sent."""

    async def cancelled(ledger: Ledger, run: Run) -> None:
        recorder = Recorder(ledger, run, n_workers)
        before = 0
        if behind:
            [first] = await recorder.intend(Intent(address="first@b.example", fields=("title",), price=1))
            assert isinstance(first, int)
            recorder.settle(Outcome(lookup=first, status=RELEASED))
            before = 1
        task = asyncio.create_task(recorder.intend(Intent(address="a@b.example", fields=("title",), price=1)))
        task.add_done_callback(lambda _: None)
        if turns == 7:  # the very turn in which it is granted
            while ledger.stats()["lookups"] == before:
                await asyncio.sleep(0)
        for _ in range(turns % 7):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await recorder.close()

    run = Run(id="a", world="local", service="csv_row")
    with Ledger(tmp_path / "l.sqlite3") as ledger:
        with ledger.start(run):
            asyncio.run(cancelled(ledger, run))
        stats = ledger.stats()
        assert stats["in_doubt"] == 0
        assert stats["lookups"] == stats["released"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestNotebook:
    """A real Jupyter kernel."""

    def run(self, client: Any, code: str) -> tuple[str, str, list[str]]:
        """Run a cell; return its status, its standard output and everything else it said."""
        outputs: list[Any] = []
        reply = client.execute_interactive(code, timeout=LONG_S, output_hook=outputs.append, allow_stdin=False)
        said = [out["content"] for out in outputs if out["msg_type"] in ("stream", "error")]
        text = "".join(one["text"] for one in said if one.get("name") == "stdout")
        return reply["content"]["status"], text, [str(one) for one in said if one.get("name") != "stdout"]

    def test_enrich_works_in_a_cell_without_a_warning_and_an_interrupt_hands_the_frame_back(self, scene: Scene) -> None:
        """Sync and awaited, each also stopped by the kernel's stop button."""
        manager: Any = None

        def stop_at(number: int, email: str | None, attempt: int) -> Fault | None:
            if number in (12, 40):
                manager.interrupt_kernel()
            return Fault(delay_s=0.2) if number >= 12 else None

        scene.open(faults=stop_at)
        told = {key: str(value) if key == "ledger" else value for key, value in scene.how().items()}
        package = str(Path(cl.__file__).parent.parent)
        manager, client = start_new_kernel(kernel_name="python3")
        try:
            head = (
                f"import sys, warnings; sys.path.insert(0, {package!r}); warnings.simplefilter('error')\n"
                f"import pandas as pd, cleanlist_pandas as cl\nhow = {told!r}; how['progress'] = True\n"
                "def people(n): return pd.DataFrame({'Email': [f'p{at}@acme.example' for at in range(n)]})"
            )
            assert self.run(client, head) == ("ok", "", [])
            status, text, rest = self.run(client, "print(len(people(5).cleanlist.enrich(**how)))")
            assert (status, text) == ("ok", "5\n")
            assert not [one for one in rest if "Warning" in one]
            status, text, rest = self.run(client, "print(len(await people(8).cleanlist.aenrich(**how)))")
            assert (status, text) == ("ok", "8\n")
            status, text, rest = self.run(
                client,
                "try:\n    people(60).cleanlist.enrich(**how)\nexcept KeyboardInterrupt as error:\n"
                "    print(error.report.credits, error.report.credits_in_doubt, len(error.partial))",
            )
            assert status == "ok", rest
            credits, doubt, n_rows = map(int, text.split())
            assert (credits, doubt, n_rows) == (scene.sandbox.charged - 8, 0, 60)
            assert scene.sandbox.api_key not in json.dumps(rest)
            n_before = len(scene.sandbox.requests)
            status, text, rest = self.run(
                client,
                "import asyncio\ntry:\n    await people(300).cleanlist.aenrich(**how)\n"
                "except asyncio.CancelledError:\n    print(cl.last_run().report.stopped, len(cl.last_run().frame))",
            )
            assert (status, text) == ("ok", "interrupted 300\n"), rest
            assert n_before < len(scene.sandbox.requests) < 150
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
