"""SIGKILL at every system call that writes to the ledger's files, in the middle of a whole `enrich`."""

from __future__ import annotations

import json
import shutil

import pytest

N_SHORT = 40  # kills in the short form, of each situation


def _kill(tools, call):
    return ("-e", f"trace={call.name}", "-e", f"inject={call.name}:signal=SIGKILL:when={call.number}")


def _trace_all(tools):
    return ("-e", "trace=" + ",".join(tools.WRITING))


def _prepare(tools, situation, one):
    """Bring the ledger into the situation in which the victim starts."""
    if situation == "half held":
        whole = one.frame
        one.frame = whole.iloc[:4]
        one.again()
        one.frame = whole


@pytest.mark.parametrize("situation", ["no folder yet", "new ledger", "half held"])
def test_a_run_killed_at_any_write_loses_nothing_and_buys_nobody_twice(
    situation, scene, victims, tools, expected, figures, rng, long
):
    """Killed before any writing call: ledger whole, books agree, the next run completes and buys nobody again."""
    folder = situation != "no folder yet"
    reference = scene("reference", folder=folder)
    _prepare(tools, situation, reference)
    ended = victims.run(reference.case(), *_trace_all(tools), folder=reference.root)
    assert tools.audit_after(reference, expected, most=0) == []
    calls = tools.calls_on(ended.trace, reference.folder)
    wrong, n_killed, n = [], 0, None if long else N_SHORT
    for number, call in enumerate(tools.in_turn(calls, n, rng)):
        if n_killed == n:
            break
        one = scene(f"kill-{number}", folder=folder)
        _prepare(tools, situation, one)
        ended = victims.run(one.case(), *_kill(tools, call), folder=one.root)
        n_killed += ended.killed_on(one.folder)
        found = tools.audit_after(one, expected)
        wrong += [f"killed at {call}: {text}" for text in found]
        figures.add("kill points of an enrich", int(ended.killed_on(one.folder)), found)
        shutil.rmtree(one.root)
    assert not wrong, "\n".join(wrong)
    assert n_killed == n or n_killed > len(calls) / 2, "most points must have been reached"


def test_a_run_killed_around_any_request_loses_nothing_and_buys_nobody_twice(
    scene, victims, tools, expected, figures, rng, long
):
    """Killed before it sends or hears anything: who may have been charged is in doubt, and nobody is sent twice."""
    reference = scene("reference")
    ended = victims.run(reference.case(), "-e", "trace=%network", folder=reference.root)
    calls = tools.calls_named(ended.trace, "connect", "sendto", "recvfrom")
    wrong, n_killed, n = [], 0, None if long else 10
    for number, call in enumerate(tools.in_turn(calls, n, rng)):
        if n_killed == n:
            break
        one = scene(f"kill-{number}")
        ended = victims.run(one.case(), *_kill(tools, call), folder=one.root)
        n_killed += ended.code == -9
        found = tools.audit_after(one, expected)
        wrong += [f"killed at {call}: {text}" for text in found]
        figures.add("kill points at requests", int(ended.code == -9), found)
        shutil.rmtree(one.root)
    assert not wrong, "\n".join(wrong)
    assert n_killed == n or n_killed > len(calls) / 2, "most points must have been reached"


def test_a_run_killed_twice_in_a_row_loses_nothing(scene, victims, tools, expected, figures, rng, long):
    """A run killed while it picks up what a killed run left is no worse than one kill, but for the people in doubt."""
    reference = scene("reference")
    ended = victims.run(reference.case(), *_trace_all(tools), folder=reference.root)
    assert ended.told["error"] is None
    calls = tools.calls_on(ended.trace, reference.folder)
    wrong, n_killed, n = [], 0, None if long else 8
    for number in range(100):
        if n_killed == n:
            break
        one = scene(f"twice-{number}")
        first, second = rng.choice(calls), rng.choice(calls)
        ends = [victims.run(one.case(), *_kill(tools, call), folder=one.root) for call in (first, second)]
        found = tools.audit_after(one, expected, most=2 * tools.CONCURRENCY)
        wrong += [f"killed at {first}, then at {second}: {text}" for text in found]
        twice = all(ended.killed_on(one.folder) for ended in ends)
        n_killed += twice
        figures.add("second kills of a run", int(twice), found)
        shutil.rmtree(one.root)
    assert not wrong, "\n".join(wrong)
    assert n_killed, "some runs must have been killed twice"


def _keep(root, **more):
    root.mkdir(parents=True)
    (root / "books").mkdir()
    return {"do": "keep", "ledger": str(root / "books" / "ledger.sqlite3"), "marks": str(root / "marks"), **more}


def _killed_keepers(tools, victims, rng, n, tmp_path, **more):
    """Kill a victim that uses the ledger alone at `n` points, or all; yield the point and what is wrong with each."""
    ended = victims.run(_keep(tmp_path / "reference", **more), *_trace_all(tools), folder=tmp_path / "reference")
    assert ended.code == 0, "undisturbed it must come to its end"
    notes = [json.loads(line) for line in (tmp_path / "reference" / "marks").read_text().splitlines()]
    calls = tools.calls_on(ended.trace, tmp_path / "reference" / "books")
    n_killed = 0
    for number, call in enumerate(tools.in_turn(calls, n, rng)):
        if n_killed == n:
            break
        root = tmp_path / f"keep-{number}"
        ended = victims.run(_keep(root, **more), *_kill(tools, call), folder=root)
        if not ended.killed_on(root / "books"):
            continue
        n_killed += 1
        marks = root / "marks"
        done = len(marks.read_bytes().splitlines()) if marks.exists() else 0
        state = {path.name: path.read_bytes() for path in (root / "books").iterdir() if path.suffix != ".lock"}
        yield call, tools.lost_power(state, tmp_path / "after", notes, done)
        shutil.rmtree(root)


def test_a_ledger_killed_at_any_write_holds_each_commit_whole_or_not_at_all(
    victims, tools, figures, rng, long, tmp_path
):
    """Killed in a start, a commit or an erasure: what had returned is there, the rest is there whole or not."""
    wrong = []
    n_points = None if long else 70
    for call, found in _killed_keepers(tools, victims, rng, n_points, tmp_path, erase="p0-1-0@acme.example"):
        wrong += [f"killed at {call}: {text}" for text in found]
        figures.add("kill points of a ledger", 1, found)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("journal", ["OFF", "MEMORY"])
def test_the_harness_finds_what_a_kill_breaks_without_a_journal_on_disk(
    journal, victims, tools, figures, rng, long, tmp_path
):
    """The same kills with the journal switched off or in memory: violations are found."""
    weak = {"journal_mode": journal, "synchronous": "EXTRA"}
    found = [bool(wrong) for _, wrong in _killed_keepers(tools, victims, rng, 15, tmp_path, pragmas=weak)]
    figures.facts[f"kills found to break journal_mode={journal}"] = f"{sum(found)} of {len(found)}"
    assert sum(found) > 0


def test_every_write_to_the_ledger_is_made_by_one_thread(scene, victims, tools):
    """The injector counts calls per thread, so all calls on the ledger must come from one."""
    one = scene("reference")
    ended = victims.run(one.case(), *_trace_all(tools), folder=one.root)
    lines = [line for line in ended.trace.splitlines() if str(one.folder) in line]
    assert len({line.split()[0] for line in lines}) == 1


def test_a_frame_of_an_undisturbed_victim_equals_one_made_here(scene, victims, tools, expected):
    """The victim does what the tests' own second run does."""
    one = scene("alone")
    ended = victims.run(one.case(), folder=one.root, traced=False)
    assert tools.compare_frames(ended.told["frame"], expected, most=0) == []
