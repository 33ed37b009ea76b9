"""Real bytes on a real socket: whatever the service does, the three books agree and a second run ends the matter."""

from __future__ import annotations

import pickle
import socket
import sqlite3
import threading
import warnings
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

Scene: Any = Any
N = 9


def at_call(k: int, fault: Fault) -> list[Fault | None]:
    return [None] * k + [fault]


def statuses(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame["enriched_status"].value_counts()
    return {str(name): int(n) for name, n in counts.items() if n}


def run_again(scene: Scene, frame: pd.DataFrame, **how: Any) -> pd.DataFrame:
    """Run the same once more against the same service, now well, and compare the books."""
    out: pd.DataFrame = scene.enrich(frame, **how)
    scene.audit(frame, out)
    return out


STOPS = {
    "401": (Fault(status=401), cl.AuthenticationError),
    "403": (Fault(status=403), cl.AuthenticationError),
    "402": (Fault(status=402), cl.OutOfCreditsError),
    "400 broke": (Fault(status=400, body={"error": {"code": "insufficient_credits"}}), cl.OutOfCreditsError),
    "404": (Fault(status=404, body={"detail": "Not Found"}), cl.ServiceError),
}


@pytest.mark.parametrize("k", [0, 1, 4, N - 1])
@pytest.mark.parametrize("name", STOPS)
def test_a_refusal_for_good_at_call_k_stops_and_loses_nothing(scene: Scene, name: str, k: int) -> None:
    """At most the workers' calls follow; the frame so far, the report and the way on are in the error."""
    fault, error = STOPS[name]
    # Those in flight beside it are answered later, however late the refusal is read on a busy machine.
    scene.open(faults=[*at_call(k, fault), *[Fault(delay_s=1.0)] * 3])
    frame = scene.people(N)
    with pytest.raises(error) as caught:
        scene.enrich(frame)
    assert len(scene.sandbox.requests) <= k + 4
    scene.audit(frame, caught.value.partial, budget=N)
    assert caught.value.report.credits == scene.sandbox.charged
    assert caught.value.report.credits_in_doubt == 0
    out = caught.value.resume()
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}
    assert scene.sandbox.charged == N


def test_resume_works_again_after_a_second_failure(scene: Scene) -> None:
    """Each error knows the way on from where it stopped, with what is left of the first budget."""
    scene.open(faults=[None, Fault(status=402), None, None, Fault(status=403)])
    frame = scene.people(N)
    with pytest.raises(cl.OutOfCreditsError) as first:
        scene.enrich(frame, concurrency=1)
    with pytest.raises(cl.AuthenticationError) as second:
        first.value.resume()
    assert (first.value.report.credits, second.value.report.credits) == (1, 2)
    assert (second.value.report.budget, scene.sandbox.charged) == (N - 1, 3)
    out = second.value.resume(concurrency=2)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}


SURE = {  # sent again by itself: nothing can have been charged
    "429": Fault(status=429, retry_after="0"),
    "429 date passed": Fault(status=429, retry_after=format_datetime(datetime.now(UTC) - timedelta(days=1), True)),
    "503": Fault(status=503, retry_after="0"),
    "500 retryable": Fault(status=500, body={"error": {"retryable": True, "retry_after_ms": 1}}),
}


@pytest.mark.parametrize("name", SURE)
def test_an_orderly_refusal_is_sent_again_and_costs_nothing(scene: Scene, name: str) -> None:
    """Three in a row, on any of the workers: every person is charged once."""
    fault = SURE[name]
    scene.open(faults=[fault, None, fault, fault])
    frame = scene.people(N)
    out = scene.enrich(frame)
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}
    assert len(scene.sandbox.requests) == N + 3


DOUBT = {
    "500": (Fault(status=500), False),
    "500 charged": (Fault(status=500, charge=True), True),
    "502 charged": (Fault(status=502, charge=True), True),
    "504": (Fault(status=504), False),
    "408": (Fault(status=408), False),
    "reset before the request": (Fault(reset="before_request"), False),
    "reset after the head": (Fault(reset="after_headers"), False),
    "reset after the body": (Fault(reset="after_body"), False),
    "reset after the charge": (Fault(reset="after_charge"), True),
    "cut": (Fault(truncate_at=100), True),
    "cut in the head": (Fault(truncate_at=10, truncate_counts="answer"), True),
    "cut and reset": (Fault(truncate_at=300, then="reset"), True),
    "cut to nothing": (Fault(truncate_at=0), True),
    "silence": (Fault(silent=True), False),
    "dripping": (Fault(drip_bytes=1, drip_s=0.02), True),
    "html": (Fault(status=200, body="<html>gateway</html>", content_type="text/html"), False),
    "html charged": (Fault(status=200, body="<html>", charge=True), True),
    "empty": (Fault(status=200, body=b""), False),
    "gzip": (Fault(gzip_bomb_bytes=1_000_000), True),
    "flood": (Fault(flood_bytes=-1), True),
    "big head": (Fault(header_bytes=1_000_000), True),
    "rubbish": (Fault(raw=b"\x00\xff\x00 what is this\r\n\r\n"), False),
}


@pytest.mark.parametrize("name", DOUBT)
def test_what_may_have_been_charged_is_in_doubt_and_not_sent_again(scene: Scene, name: str) -> None:
    """Its price stays reserved, a second run leaves it alone, and the others get their answers."""
    fault, charged = DOUBT[name]
    scene.open(faults=at_call(2, fault))
    frame = scene.people(N)
    out = scene.enrich(frame, concurrency=1, timeout_s=1.0)
    scene.audit(frame, out, budget=N)
    assert out.attrs["cleanlist"]["credits_in_doubt"] == 1
    assert scene.sandbox.charged == N - 1 + charged
    assert set(statuses(out)) == {"completed", "in_doubt"}
    n_requests = len(scene.sandbox.requests)
    again = run_again(scene, frame)
    assert len(scene.sandbox.requests) == n_requests
    pd.testing.assert_frame_equal(again, out)


def test_what_is_in_doubt_is_sent_again_when_the_caller_says_so(scene: Scene) -> None:
    """With a service that knows idempotency keys nobody is charged twice for it."""
    scene.open(faults=at_call(2, Fault(reset="after_charge")), idempotency=True)
    frame = scene.people(N)
    scene.enrich(frame, concurrency=1)
    out = run_again(scene, frame, in_doubt="retry")
    assert statuses(out) == {"completed": len(frame)}
    assert scene.sandbox.charged == N


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_stops_the_run_and_is_never_followed(scene: Scene, status: int) -> None:
    """The other host sees not one connection: the key stays here."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        other.setblocking(False)
        location = f"http://127.0.0.1:{other.getsockname()[1]}/v1/enrich/csv_row"
        scene.open(faults=at_call(1, Fault(status=status, location=location)))
        frame = scene.people(N)
        with pytest.raises(cl.ServiceError, match="redirect") as caught:
            scene.enrich(frame, concurrency=1)
        with pytest.raises(BlockingIOError):
            other.accept()
    scene.audit(frame, caught.value.partial, budget=N)
    assert caught.value.report.credits_in_doubt == 1


def test_an_overcharge_is_booked_and_stops_the_run(scene: Scene) -> None:
    """The error shows the difference; what goes on after it is the caller's decision."""
    scene.open(faults=at_call(2, Fault(credits=7)))
    frame = scene.people(N)
    with pytest.raises(cl.TariffError, match=r"priced at 1 credit was charged 7") as caught:
        scene.enrich(frame, concurrency=1)
    assert (caught.value.report.credits, scene.sandbox.charged) == (9, 9)
    scene.audit(frame, caught.value.partial)
    run_again(scene, frame)


@pytest.mark.parametrize(("budget", "asked"), [(0, 0), (1, 1), (N - 1, N - 1), (N, N), (N + 1, N)])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_budget_is_used_up_and_never_passed(scene: Scene, budget: int, asked: int, concurrency: int) -> None:
    """Exactly, off by one, or 0; what was not bought is ``not_attempted`` and the caller is warned."""
    scene.open(latency_s=0.005)
    frame = scene.people(N)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out = scene.enrich(frame, max_credits=budget, concurrency=concurrency)
    scene.audit(frame, out, budget=budget)
    assert scene.sandbox.charged == asked
    assert [str(one.message).startswith("Stopped early") for one in caught] == [True] * (asked < N)
    out = run_again(scene, frame)
    assert scene.sandbox.charged == N


def test_with_a_phone_a_budget_that_cannot_pay_one_more_sends_nothing_more(scene: Scene) -> None:
    """11 credits each: 32 buy two."""
    scene.open()
    frame = scene.people(N)
    with pytest.warns(cl.CleanlistWarning, match="10 left of max_credits=32, and a look-up costs 11"):
        out = scene.enrich(frame, fields=["phone"], max_credits=32)
    scene.audit(frame, out, budget=32)
    assert (scene.sandbox.charged, len(scene.sandbox.requests)) == (22, 2)


def test_misses_give_their_reservation_back(scene: Scene) -> None:
    """Whoever is not found is free, so one credit asks everybody."""
    scene.open(hit_rate=0.0)
    frame = scene.people(N)
    out = scene.enrich(frame, max_credits=1, concurrency=4)
    assert statuses(out) == {"not_found": len(frame)}
    scene.audit(frame, out, budget=1)


def test_max_seconds_ends_a_run_and_lets_answers_land(scene: Scene) -> None:
    """What is not asked by then is ``not_attempted``; the next run goes on."""
    scene.open(latency_s=0.05)
    frame = scene.people(40)
    with pytest.warns(cl.CleanlistWarning, match=r"max_seconds=0\.12 is over"):
        out = scene.enrich(frame, max_seconds=0.12, concurrency=2)
    scene.audit(frame, out)
    assert set(statuses(out)) == {"completed", "not_attempted"}
    assert len(scene.sandbox.requests) == scene.sandbox.charged


# --- pace ------------------------------------------------------------------------------------------------------------


def test_no_worker_sends_before_the_time_a_429_named(scene: Scene) -> None:
    """One answer with Retry-After: 1 holds all workers back."""
    scene.open(faults=at_call(5, Fault(status=429, retry_after="1")), latency_s=0.01)
    frame = scene.people(12)
    out = scene.enrich(frame)
    scene.audit(frame, out, budget=12)
    times = [request.arrived_s for request in scene.sandbox.requests]
    in_flight = times[5] + 0.2  # what had left before the refusal was read
    assert not [at_s for at_s in times if in_flight < at_s < times[5] + 1]
    assert statuses(out) == {"completed": len(frame)}


@pytest.mark.parametrize("header", ["3600", "1e400", format_datetime(datetime.now(UTC) + timedelta(hours=1), True)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_beyond_max_wait_is_a_stop_one_can_resume(scene: Scene, header: str, status: int) -> None:
    """Nobody sleeps an hour in a notebook; nothing was charged for the refusal."""
    scene.open(faults=at_call(3, Fault(status=status, retry_after=header)))
    frame = scene.people(N)
    with pytest.raises(cl.ServiceError, match="no answer within max_wait_s=120") as caught:
        scene.enrich(frame)
    scene.audit(frame, caught.value.partial, budget=N)
    assert caught.value.report.credits_in_doubt == 0
    assert statuses(caught.value.resume()) == {"completed": len(frame)}


@pytest.mark.parametrize("n_people", [2, 3, 5])
def test_a_last_worker_who_is_refused_goes_on(scene: Scene, n_people: int) -> None:
    """The others have left: a limit on the number at work must not park the only one, before or after its answer."""
    scene.open(faults={f"person{n_people - 1}@acme.example": [Fault(status=429, retry_after="0", delay_s=0.1)]})
    frame = scene.people(n_people)
    out = scene.enrich(frame, concurrency=n_people)
    assert statuses(out) == {"completed": len(frame)}


def test_a_refused_worker_with_the_last_reservation_goes_on(scene: Scene) -> None:
    """The others wait for its credit: it must not be parked."""
    scene.open(hit_rate=0.0, faults={f"person{at}@acme.example": [Fault(status=429, retry_after="0")] for at in (1, 3)})
    frame = scene.people(6)
    out = scene.enrich(frame, concurrency=3, max_credits=1)
    assert statuses(out) == {"not_found": len(frame)}


# --- a service that is not there -------------------------------------------------------------------------------------


def test_a_closed_port_costs_nothing_and_leaves_nobody_in_doubt(scene: Scene) -> None:
    """Not one byte left: everybody stays free to be asked."""
    scene.open()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    frame = scene.people(N)
    with pytest.raises(cl.ServiceError, match="no connection could be made") as caught:
        scene.enrich(frame, base_url=f"http://127.0.0.1:{port}/v1", max_wait_s=0.1)
    assert (caught.value.report.credits, caught.value.report.credits_in_doubt) == (0, 0)
    assert statuses(caught.value.partial) == {"not_attempted": len(frame)}
    out = caught.value.resume(base_url=f"{scene.sandbox.url}/v1")
    scene.audit(frame, out, budget=N)
    assert statuses(out) == {"completed": len(frame)}


def test_a_service_that_only_fails_ends_the_run_and_not_the_night(scene: Scene) -> None:
    """Ten in doubt in a row are enough; the rest is not sent."""
    scene.open(faults=lambda number, email, attempt: Fault(status=500))
    frame = scene.people(200)
    with pytest.raises(cl.ServiceError, match="keeps failing") as caught:
        scene.enrich(frame)
    scene.audit(frame, caught.value.partial)
    assert len(scene.sandbox.requests) <= 10 + 4
    assert caught.value.report.credits_in_doubt == len(scene.sandbox.requests)


# --- the ledger while it runs ----------------------------------------------------------------------------------------


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []

    def target() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            results.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    return thread, results


def test_an_intent_is_on_disk_before_its_request_arrives_and_the_outcome_before_anyone_sees_it(scene: Scene) -> None:
    """The service, in the middle of a request, looks into the ledger from another connection."""
    seen: list[list[tuple[Any, ...]]] = []

    def look(number: int, email: str | None, attempt: int) -> None:
        seen.append(scene.sql("SELECT l.address, o.status FROM lookups l LEFT JOIN outcomes o ON o.lookup = l.id"))
        assert (email, None) in seen[-1]

    scene.open(faults=look)
    frame = scene.people(5)
    scene.enrich(frame, concurrency=1)
    assert [len(rows) for rows in seen] == [1, 2, 3, 4, 5]
    assert scene.sql("SELECT count(*), sum(credits), min(length(body) > 100) FROM outcomes") == [(5, 5, 1)]


def test_a_ledger_that_breaks_in_the_middle_stops_the_sending(scene: Scene) -> None:
    """Nothing is sent without an intent on disk; what could not be written is in the frame, and in doubt on disk."""

    def break_it(number: int, email: str | None, attempt: int) -> None:
        if number == 3:
            with closing(sqlite3.connect(scene.ledger, timeout=10)) as connection, connection:
                connection.execute("ALTER TABLE outcomes RENAME TO gone")

    scene.open(faults=break_it)
    frame = scene.people(N)
    with pytest.raises(cl.LedgerStoppedError) as caught:
        scene.enrich(frame, concurrency=1)
    assert len(scene.sandbox.requests) == 4
    assert statuses(caught.value.partial)["not_attempted"] > 0
    assert caught.value.report.credits == 4
    assert scene.sql("SELECT count(*) FROM lookups") == [(4,)]


def test_a_person_who_is_erased_during_a_run_is_not_sent(scene: Scene) -> None:
    """Another process may erase at any time: the next intent sees it."""

    def erase(number: int, email: str | None, attempt: int) -> None:
        if number == 0:
            with cl.Ledger(scene.ledger) as ledger:
                ledger.erase("person3@acme.example")
                ledger.erase("person0@acme.example")

    scene.open(faults=erase)
    frame = scene.people(5)
    out = scene.enrich(frame, concurrency=1)
    assert "person3@acme.example" not in [request.email for request in scene.sandbox.requests]
    assert statuses(out)["skipped"] == 2  # person3 stands in two rows
    assert b"person0" not in scene.ledger.read_bytes()
    assert b"person3" not in scene.ledger.read_bytes()


def test_whom_another_run_is_asking_about_is_waited_for_and_not_bought(scene: Scene) -> None:
    """Two runs, the same people, the same moment, and a budget that leaves nobody to spare: one charge each."""
    scene.open(latency_s=0.02)
    frame = scene.people(12)
    thread, results = in_background(lambda: scene.enrich(frame))
    out = scene.enrich(frame)
    thread.join()
    scene.audit(frame, out, budget=12)
    assert scene.sandbox.charged == 12
    pd.testing.assert_frame_equal(results[0], out)
    assert statuses(out) == {"completed": len(frame)}


def test_a_small_budget_and_a_faster_run_do_not_hang(scene: Scene) -> None:
    """Who waits for a reservation hears of one that was given back because another run has the person."""
    arrived = threading.Event()

    def both_are_asked(number: int, email: str | None, attempt: int) -> None:
        if number == 1:
            arrived.set()

    scene.open(latency_s=0.3, faults=both_are_asked)
    frame = scene.people(2)
    thread, results = in_background(lambda: scene.enrich(frame))
    assert arrived.wait(60)
    out = scene.enrich(frame, max_credits=1, concurrency=2)
    thread.join()
    scene.audit(frame, out, budget=2)
    pd.testing.assert_frame_equal(results[0], out)


# --- odd answers --------------------------------------------------------------------------------------------------


def test_an_unknown_answer_with_a_lone_surrogate_does_not_stop_a_run(scene: Scene) -> None:
    """Whatever the service writes into its status can be stored."""
    scene.open(faults=[Fault(mutate={"status": "\ud800"})])
    frame = scene.people(3)
    with pytest.warns(cl.CleanlistWarning, match=r"1 × status .* is not a known value"):
        out = scene.enrich(frame, concurrency=1)
    scene.audit(frame, out, budget=3)
    assert statuses(out) == {"completed": 4}


def test_a_foreign_answer_is_booked_and_never_joined(scene: Scene) -> None:
    """It was charged; its values are somebody else's."""
    scene.open(faults=[Fault(echo="else@other.example")])
    frame = scene.people(2)
    out = scene.enrich(frame, concurrency=1)
    scene.audit(frame, out, budget=2)
    assert statuses(out) == {"failed": 2, "completed": 1}
    assert out["enriched_title"].notna().sum() == 1
    assert run_again(scene, frame)["enriched_status"].tolist() == out["enriched_status"].tolist()
    assert len(scene.sandbox.requests) == 2


# --- the way on ------------------------------------------------------------------------------------------------------


def test_a_run_without_a_ledger_file_resumes_with_what_it_was_answered(scene: Scene) -> None:
    """``ledger=None`` forgets at the end of the call, but the error still holds it."""
    scene.open(faults=[None, None, Fault(status=402)])
    frame = scene.people(N)
    with pytest.raises(cl.OutOfCreditsError) as caught:
        scene.enrich(frame, ledger=None, concurrency=1)
    out = caught.value.resume()
    assert statuses(out) == {"completed": len(frame)}
    assert scene.sandbox.charged == N


def test_an_open_ledger_may_be_handed_in_and_stays_open(scene: Scene) -> None:
    """The second run finds the first one's answers in it."""
    scene.open()
    frame = scene.people(3)
    with cl.Ledger(scene.ledger) as ledger:
        scene.enrich(frame, ledger=ledger)
        scene.audit(frame, scene.enrich(frame, ledger=ledger), budget=3)
        assert ledger.stats()["completed"] == 3


def test_a_run_stopped_by_an_overcharge_beyond_its_budget_can_be_resumed(scene: Scene) -> None:
    """Nothing is left to spend, and that is no usage error."""
    scene.open(faults=[Fault(credits=50)])
    frame = scene.people(N)
    with pytest.raises(cl.TariffError) as caught:
        scene.enrich(frame, concurrency=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CleanlistWarning)
        out = caught.value.resume()
    scene.audit(frame, out)
    assert len(scene.sandbox.requests) == 1


@pytest.mark.parametrize("copied", [True, False])
def test_an_error_that_was_pickled_says_how_to_go_on(scene: Scene, copied: bool) -> None:
    """It keeps its frame and report, and instead of resuming names the way."""
    scene.open(faults=[Fault(status=401)])
    frame = scene.people(3)
    with pytest.raises(cl.AuthenticationError) as caught:
        scene.enrich(frame)
    error = pickle.loads(pickle.dumps(caught.value)) if copied else caught.value
    pd.testing.assert_frame_equal(error.partial, caught.value.partial)
    assert error.report == caught.value.report
    if copied:
        with pytest.raises(cl.ConfigurationError, match="call enrich"):
            error.resume()
    else:
        assert statuses(error.resume()) == {"completed": len(frame)}
