"""Power loss: record what a victim does to its disk, cut after each step, and open what the file system may leave."""

from __future__ import annotations

import json
from itertools import islice

import pytest


def _record(victims, disk, root, **case):
    """Let a victim use a ledger; return what it did to the disk, and its notes of calls that returned."""
    folder, marks = root / "books", root / "marks"
    before = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}
    folder.mkdir(parents=True, exist_ok=True)
    marks.unlink(missing_ok=True)
    case = {"do": "keep", "ledger": str(folder / "ledger.sqlite3"), "marks": str(marks), **case}
    ended = victims.run(case, *_whole_trace(disk), folder=root)
    assert ended.code == 0
    ops = disk.ops_of(ended.trace, folder, marks, before)
    return ops, [json.loads(op.data) for op in ops if op.kind == "note"], before


def _whole_trace(disk):
    return ("-s", "1000000", "-e", "trace=" + ",".join(disk.TRACED))


def _try(tools, disk, recording, n_states, rng, folder):
    """Cut the power in many ways; return for each state what is wrong with it."""
    ops, notes, before = recording
    for done, state in disk.cuts(ops, n_states, rng, before):
        n_notes = sum(op.kind == "note" for op in ops[:done])
        yield done, tools.lost_power(state, folder, notes, n_notes)


@pytest.mark.parametrize("situation", ["new ledger", "used ledger", "with an erasure"])
def test_no_power_loss_takes_what_was_committed(situation, victims, tools, disk, figures, rng, long, tmp_path):
    """In each state a power loss may leave, the ledger is whole and holds every commit that had returned."""
    recording = _record(victims, disk, tmp_path / "first", run=1, erase="p1-1-0@acme.example" * ("with" in situation))
    notes = recording[1]
    if situation == "used ledger":
        again = _record(victims, disk, tmp_path / "first", run=2)
        recording, notes = again, [*notes, *again[1]]
    n_earlier = len(notes) - len(recording[1])
    wrong = []
    for done, state in disk.cuts(recording[0], 5_000 if long else 350, rng, recording[2]):
        n_notes = n_earlier + sum(op.kind == "note" for op in recording[0][:done])
        found = tools.lost_power(state, tmp_path / "after", notes, n_notes)
        wrong += [f"after {done} of {len(recording[0])} ops: {text}" for text in found]
        figures.add("power-loss states of a ledger", 1, found)
    assert not wrong, "\n".join(wrong)


def test_no_power_loss_takes_what_was_sent_or_seen(scene, victims, tools, disk, figures, rng, long, tmp_path):
    """A whole enrich: whoever's request had left is in the ledger in each state, and all answers once it returned."""
    one = scene("recorded")
    ended = victims.run(one.case(), *_whole_trace(disk), folder=one.root)
    rows = tools.rows_of(one.ledger)
    ops = disk.ops_of(ended.trace, one.folder)
    ops.append(disk.Op("note", data=b"returned"))
    wrong = []
    for done, state in disk.cuts(ops, 5_000 if long else 350, rng):
        sent = {email for email in tools.PEOPLE for op in ops[:done] if op.kind == "send" and email.encode() in op.data}
        seen = rows if ops[done - 1].data == b"returned" else []
        found = tools.lost_power_in_a_run(state, tmp_path / "after", sent, seen)
        wrong += [f"after {done} of {len(ops)} ops: {text}" for text in found]
        figures.add("power-loss states of an enrich", 1, found)
    assert not wrong, "\n".join(wrong)
    shown = {email for email in tools.PEOPLE for op in ops if op.kind == "send" and email.encode() in op.data}
    assert shown == set(tools.PEOPLE), "the trace must show every request"


def test_a_power_loss_while_another_is_repaired_takes_nothing(victims, tools, disk, figures, rng, long, tmp_path):
    """Power cut again while the library rolls a half-written commit back: still every commit that had returned."""
    recording = _record(victims, disk, tmp_path / "first", run=1)
    ops, notes, _ = recording
    hot = [
        (done, state)
        for done, state in disk.cuts(ops, 400, rng)
        if len(state.get("ledger.sqlite3-journal", b"")) > 4_000 and done > len(ops) // 3
    ]
    rng.shuffle(hot)
    wrong, n_states, n = [], 0, 600 if long else 40
    for number, (done, state) in enumerate(hot):
        if n_states == n:
            break
        root = tmp_path / f"again-{number}"
        tools.put(state, root / "books")
        repair, _, before = _record(victims, disk, root, run=9, groups=0)
        repair = repair[: next(at for at, op in enumerate(repair) if op.kind == "note")]
        if not any(op.kind == "write" and op.name == "ledger.sqlite3" for op in repair):
            continue
        n_notes = sum(op.kind == "note" for op in ops[:done])
        for at, after in islice(disk.cuts(repair, 50 if long else 12, rng, before), n - n_states):
            n_states += 1
            found = tools.lost_power(after, tmp_path / "after", notes, n_notes)
            wrong += [f"after {done} of {len(ops)} ops and {at} of the repair's: {text}" for text in found]
            figures.add("power-loss states of a repair", 1, found)
    assert not wrong, "\n".join(wrong)
    assert n_states, "no journal was rolled back"


WEAK = {
    "synchronous=OFF": {"journal_mode": "TRUNCATE", "synchronous": "OFF"},
    "WAL + NORMAL": {"journal_mode": "WAL", "synchronous": "NORMAL"},
    "TRUNCATE + NORMAL": {"journal_mode": "TRUNCATE", "synchronous": "NORMAL"},
    "DELETE + FULL": {"journal_mode": "DELETE", "synchronous": "FULL"},
    "no journal": {"journal_mode": "OFF", "synchronous": "FULL"},
}


@pytest.mark.parametrize("settings", WEAK)
def test_the_harness_finds_what_weaker_settings_lose(settings, victims, tools, disk, figures, rng, long, tmp_path):
    """The same workload and states on a connection with weaker pragmas: violations are found."""
    recording = _record(victims, disk, tmp_path / "first", run=1, pragmas=WEAK[settings])
    n_states = 1_000 if long else 250
    found = [bool(wrong) for _, wrong in _try(tools, disk, recording, n_states, rng, tmp_path / "after")]
    figures.facts[f"states found lost with {settings}"] = f"{sum(found)} of {len(found)}"
    assert sum(found) > 0


def test_the_same_connection_with_the_librarys_settings_loses_nothing(victims, tools, disk, rng, tmp_path):
    """The weaker runs fail because of their pragmas and nothing else: with the library's own they pass."""
    strong = {"secure_delete": "ON", "journal_mode": "TRUNCATE", "synchronous": "EXTRA"}
    recording = _record(victims, disk, tmp_path / "first", run=1, pragmas=strong)
    assert [wrong for _, wrong in _try(tools, disk, recording, 60, rng, tmp_path / "after") if wrong] == []
