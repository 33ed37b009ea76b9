"""Disk full and I/O errors at every system call that writes to the ledger's files, amid a whole `enrich`."""

from __future__ import annotations

import shutil
from collections import Counter
from types import SimpleNamespace

import pytest

N_SHORT = 12  # faults in the short form, of each kind

# error, and whether it stays or happens once
FAULTS = {
    "disk full": ("ENOSPC", "+"),
    "disk full for one call": ("ENOSPC", ""),
    "I/O error": ("EIO", ""),
    "I/O error from then on": ("EIO", "+"),
}


def _calls(scene, victims, tools, name, half=None):
    """Return all calls on the ledger's files of a run that nothing disturbs; after a kill at `half`, if given."""
    one = scene(name)
    _prepare(victims, half, one)
    ended = victims.run(one.case(), "-e", "trace=" + ",".join(tools.WRITING), folder=one.root)
    assert ended.told["error"] is None
    return tools.calls_on(ended.trace, one.folder)


def _prepare(victims, half, one):
    """Let a run be killed with a commit half written, where one is to begin like that."""
    if half is not None:
        how = f"inject={half.name}:signal=SIGKILL:when={half.number}"
        ended = victims.run(one.case(), "-e", f"trace={half.name}", "-e", how, folder=one.root)
        assert ended.killed_on(one.folder)
        assert one.ledger.with_name(f"{one.ledger.name}-journal").stat().st_size
        assert [request for request in one.service.requests if request.email]


def _told_well(tools, one, ended, earlier):
    """What is wrong with how a run under a fault ended: what it sent, what it said, what it handed back."""
    told = ended.told
    if told is None:
        return [f"the process ended by itself: {ended.code}"]
    rows = tools.rows_of(one.ledger) if one.ledger.exists() else []
    written = {row["address"] for row in rows}
    wrong = [f"{r.email} was sent and is not in the ledger" for r in one.service.requests if r.email not in written]
    if told["error"] is None:
        frame = told["frame"]
        done = frame["enriched_status"].isin(["completed", "not_found", "skipped", *(["in_doubt"] if earlier else [])])
        return wrong if done.all() else [*wrong, "the run says nothing, and not everybody was asked"]
    if "LedgerError" not in told["error"]:
        return [*wrong, f"the error is no LedgerError: {told['error'][:3]}: {told['message'][:200]}"]
    lock = str(one.ledger.with_name(f".{one.ledger.name}."))  # the run's lock beside it is one of the ledger's files
    if str(one.ledger) not in told["message"] and lock not in told["message"]:
        wrong.append(f"the error does not name the file: {told['message']}")
    return wrong + _partial(tools, one, told, earlier)


def _partial(tools, one, told, earlier):
    """What is wrong with the partial frame: who was answered is in it, and nobody else."""
    asked = {request.email for request in one.service.requests if request.email} - earlier
    if told["partial"] is None:
        return ["requests were sent and there is no partial frame"] if asked else []
    frame = told["partial"]
    status = dict(zip(frame["email"].str.strip().str.lower(), frame["enriched_status"], strict=True))
    wrong = [f"{email} was answered and is {status[email]}" for email in asked
             if status[email] not in ("completed", "not_found")]  # fmt: skip
    wrong += [f"{email} was not asked and is {status[email]}" for email in set(tools.PEOPLE) - asked - earlier
              if status[email] != "not_attempted"]  # fmt: skip
    return wrong


@pytest.mark.parametrize("situation", ["new ledger", "after a kill"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_on_a_failing_disk_sends_nothing_unwritten_and_keeps_what_was_answered(
    fault, situation, scene, victims, tools, expected, figures, rng, long
):
    """Any call on its files fails: nothing unwritten was sent, the error names the file, the next run is clean."""
    calls, half = _calls(scene, victims, tools, "reference"), None
    if situation == "after a kill":  # at the fourth commit: tables, run, first people, and these
        half = [call for call in calls if call.name == "fdatasync" and call.target == "ledger.sqlite3"][3]
        calls = _calls(scene, victims, tools, "reference after a kill", half)
    n_named, n = Counter(call.name for call in calls), None if long else N_SHORT
    points = tools.in_turn(calls, n, rng)
    points.sort(key=lambda call: n_named[call.name] > 3)  # first the few calls that are not SQLite's own
    errno, lasts = FAULTS[fault]
    most = tools.CONCURRENCY * (1 if half is None else 2)
    wrong, n_failed = [], 0
    for number, call in enumerate(points):
        if n_failed == n:
            break
        one = scene(f"error-{number}")
        _prepare(victims, half, one)
        earlier = {request.email for request in one.service.requests if request.email}
        how = f"inject={call.name}:error={errno}:when={call.number}{lasts}"
        ended = victims.run(one.case(), "-e", f"trace={call.name}", "-e", how, folder=one.root)
        found = [*_told_well(tools, one, ended, earlier), *tools.audit_after(one, expected, most=most)]
        wrong += [f"{fault} at {call}: {text}" for text in found]
        n_failed += ended.failed_on(one.folder)
        figures.add("error points of an enrich", int(ended.failed_on(one.folder)), found)
        shutil.rmtree(one.root)
    assert not wrong, "\n".join(wrong)
    assert n_failed == n or n_failed > len(calls) / 2, "most points must have been reached"


def test_a_disk_that_takes_half_of_a_write_loses_nothing(scene, victims, tools, expected, figures, rng, long):
    """A file that may grow to a number of bytes and no further: a write is cut in its middle, and all of it holds."""
    sizes = range(0, 60_000, 97)
    wrong, n_cut, n = [], 0, None if long else 6
    for number, limit in enumerate(rng.sample(sizes, 150)):
        if n_cut == n:
            break
        one = scene(f"half-{number}")
        ended = victims.run(one.case(file_size=limit), folder=one.root, traced=False)
        found = [*_told_well(tools, one, ended, set()), *tools.audit_after(one, expected)]
        wrong += [f"no file longer than {limit}: {text}" for text in found]
        cut = ended.told is not None and bool(ended.told["error"])
        n_cut += cut
        figures.add("writes cut in their middle", int(cut), found)
        shutil.rmtree(one.root)
    assert not wrong, "\n".join(wrong)
    assert n_cut, "some writes must have been cut"


def test_the_harness_finds_a_run_that_ends_badly(scene, tools):
    """A foreign error, one that names no file, a partial frame without an answer, silence: each is found."""
    one = scene("bought")
    frame = one.again()
    ours = {"error": ["LedgerStoppedError", "LedgerError"], "message": str(one.ledger), "frame": None, "partial": frame}
    undone = frame.assign(enriched_status="not_attempted")

    def told(**changed):
        return _told_well(tools, one, SimpleNamespace(code=0, told=ours | changed), set())

    assert told() == []
    assert told(error=None, frame=frame) == []
    assert told(error=["OSError"]) != []
    assert told(message="the disk is full") != []
    assert told(partial=None) == ["requests were sent and there is no partial frame"]
    assert len(told(partial=undone)) == len(tools.PEOPLE)
    assert told(error=None, frame=undone) == ["the run says nothing, and not everybody was asked"]
    with tools.sqlite_only(one.ledger) as sql:
        sql.execute("DELETE FROM lookups WHERE id = 1")
    assert any("was sent and is not in the ledger" in text for text in told())
