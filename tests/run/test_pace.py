"""When the next request may leave, with a clock that is handed in."""

from __future__ import annotations

import gc

import pytest

from cleanlist_pandas.run.pace import Pace, Turn, pace_for


def test_without_a_refusal_or_a_rate_nobody_waits() -> None:
    """The default pace is as fast as the workers are."""
    pace = Pace()
    assert [pace.ask(Turn(n), 5.0) for n in range(100)] == [0.0] * 100


@pytest.mark.parametrize("again", [True, False])
def test_a_refusal_pauses_every_worker_until_the_time_named(again: bool) -> None:
    """No worker, whether it was refused itself or not, sends before Retry-After is over."""
    pace = Pace()
    turns = [Turn(n) for n in range(16)]
    for turn in turns:
        pace.ask(turn, 0.0)
    pace.refused(10.0, 30.0)
    for now_s in (10.0, 25.0, 39.999):
        assert all(pace.ask(turn, now_s, again=again) > 0 for turn in turns)
    assert pace.ask(turns[0], 40.0 + 1e-9, again=again) == 0


def test_a_later_refusal_never_shortens_the_pause() -> None:
    """Of two times named the later one counts."""
    pace = Pace()
    pace.refused(0.0, 60.0)
    pace.refused(1.0, 0.0)
    assert pace.ask(Turn(0), 59.0) > 0


def test_a_refusal_halves_the_number_at_work_but_never_to_none() -> None:
    """Multiplicative decrease, down to one worker."""
    pace = Pace()
    turns = [Turn(n) for n in range(8)]
    for turn in turns:
        pace.ask(turn, 0.0)
    at_work = []
    for round_ in range(5):
        pace.refused(float(round_), 0.0)
        at_work.append(sum(pace.ask(turn, 1e6 * (round_ + 1)) == 0 or turn.epoch >= 0 for turn in turns))
        for turn in turns:
            turn.epoch = -1
    assert at_work == [4, 2, 1, 1, 1]


def test_who_has_a_request_to_repeat_is_never_parked() -> None:
    """A parked worker must hold nothing: its reservation is what others may be waiting for."""
    pace = Pace()
    turns = [Turn(n) for n in range(8)]
    for turn in turns:
        pace.ask(turn, 0.0)
    for _ in range(4):
        pace.refused(0.0, 0.0)
    now_s = 1e6
    assert pace.ask(turns[7], now_s) > 0
    while pace.ask(turns[7], now_s, again=True) > 0:
        now_s += 1.0
        assert now_s < 2e6


@pytest.mark.parametrize("rate_per_s", [0.5, 1.0, 7.0, 50.0])
@pytest.mark.parametrize("workers", [1, 3, 16])
def test_a_rate_is_never_passed_in_any_window_of_a_second(rate_per_s: float, workers: int) -> None:
    """However many workers ask, at most the rate and one more leave in a second."""
    pace = Pace()
    turns = [Turn(n, rate_per_s) for n in range(workers)]
    sent: list[float] = []
    for step in range(4000):
        now_s = step * 0.005
        sent += [now_s for turn in turns if pace.ask(turn, now_s) == 0]
    assert len(sent) >= 20 * rate_per_s * 0.95 - workers
    for start_s in sent:
        assert sum(start_s <= at_s < start_s + 1 for at_s in sent) <= rate_per_s + 1


def test_accepted_requests_bring_parked_workers_back() -> None:
    """Additive increase: the limit grows again with what is accepted."""
    pace = Pace()
    turns = [Turn(n) for n in range(4)]
    for turn in turns:
        pace.ask(turn, 0.0)
    pace.refused(0.0, 0.0)
    assert pace.ask(turns[3], 1e6) > 0
    for _ in range(20):
        pace.accepted()
    assert pace.ask(turns[3], 2e6) == 0 or turns[3].at_s <= 2e6 + 10


def test_a_pace_is_shared_by_one_key_at_one_address_only() -> None:
    """Two runs with one key slow down together; another key is another account."""
    assert pace_for("https://a.example", "1") is pace_for("https://a.example", "1")
    assert pace_for("https://a.example", "1") is not pace_for("https://a.example", "2")


def test_a_refusal_before_anything_was_accepted_teaches_no_rate() -> None:
    """A first 429 says when to go on, not how fast: a run must not crawl for it."""
    pace = Pace()
    pace.ask(Turn(0), 0.0)
    pace.refused(0.0, 60.0)
    turn = Turn(0)
    assert [pace.ask(turn, 60.0 + step) for step in range(5)] == [0.0] * 5


@pytest.mark.parametrize(
    ("accepted", "wait_s", "per_s"), [(10, 1.0, 9.2), (1, 2.0, 0.46), (100, 10.0, 9.2), (1, 600.0, 1 / 60)]
)
def test_the_first_rate_is_a_little_less_than_what_was_accepted(accepted: int, wait_s: float, per_s: float) -> None:
    """Measured over the whole window, its pause included; never less than one a minute."""
    pace, turn = Pace(), Turn(0)
    pace.ask(turn, 0.0)
    for _ in range(accepted):
        pace.accepted()
    pace.refused(0.0, wait_s)
    assert pace.ask(turn, wait_s) == 0
    assert pace.ask(turn, wait_s) == pytest.approx(1 / per_s)


def learnt(pace: Pace, turn: Turn, now_s: float) -> float:
    """Return the rate that two further requests keep to."""
    while (wait_s := pace.ask(turn, now_s)) > 0:
        now_s += wait_s
    return 1 / pace.ask(turn, now_s)


def test_a_service_that_refuses_everything_is_asked_ever_more_rarely() -> None:
    """Whatever its Retry-After says: pauses in a row double, up to 20 s; one accepted request ends that."""
    pace, turn, now_s, asked = Pace(), Turn(0), 0.0, 0
    while now_s < 120:
        wait_s = pace.ask(turn, now_s, again=True)
        if wait_s == 0:
            asked += 1
            pace.refused(now_s, 0.0)
        now_s += wait_s
    assert asked < 20
    pace.accepted()
    pace.refused(now_s, 0.0)
    assert pace.ask(turn, now_s, again=True) == 0


def test_a_known_rate_falls_by_half_at_most_and_rises_slowly() -> None:
    """One bad second does not undo what was learnt, and one good one does not pass the limit."""
    pace, turn = Pace(), Turn(0)
    pace.ask(turn, 0.0)
    for _ in range(100):
        pace.accepted()
    pace.refused(0.0, 10.0)
    assert learnt(pace, turn, 10.0) == pytest.approx(9.2)
    for _ in range(3):
        pace.accepted()
    pace.refused(20.0, 10.0)
    assert learnt(pace, Turn(0), 30.0) == pytest.approx(4.6 * 1.1**3)
    for _ in range(10):
        pace.accepted()
    assert learnt(pace, Turn(0), 30.5) == pytest.approx(4.6 * 1.1**3 * 1.001**10)


def test_runs_that_go_on_together_share_a_pace_and_later_ones_start_anew() -> None:
    """What was learnt an hour ago is no guide, and an idle hour is no slowness."""
    first = pace_for("https://one.example", "key")
    assert pace_for("https://one.example", "key") is first
    assert pace_for("https://one.example", "other key") is not first
    first.ask(Turn(worker=9), 0.0)
    first.refused(0.0, 1.0)
    seen = repr(first)
    del first
    gc.collect()
    assert repr(pace_for("https://one.example", "key")) != seen


def test_a_patient_worker_takes_the_slots_that_nobody_else_wants() -> None:
    """Whoever comes later and is not patient goes first; when nobody waits the patient one goes, once a slot."""
    pace = Pace()
    first, second, third, patient, other = (Turn(n, 0.5) for n in range(5))
    assert pace.ask(first, 0.0) == 0
    assert pace.ask(patient, 0.0, again=True, patient=True) == 2
    assert [pace.ask(second, 1.0), pace.ask(third, 1.0)] == [1, 3]
    assert pace.ask(patient, 2.0, again=True, patient=True) == 4
    assert [pace.ask(second, 2.0), pace.ask(third, 4.0)] == [0, 0]
    assert pace.ask(patient, 6.0, again=True, patient=True) == 0
    assert pace.ask(other, 6.0, again=True, patient=True) == 2
