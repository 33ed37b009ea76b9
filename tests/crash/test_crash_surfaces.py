"""SIGKILL between any two requests, and at the ledger's writes, of a run on each of the other surfaces."""

from __future__ import annotations

import shutil

import pytest
from crash_books import WAYS

N_WRITES, N_REQUESTS, N_HEARD, N_FULL, N_TWICE = 8, 12, 5, 4, 3  # in the short form, of each surface
FEW = ("v2_list", "legacy_v1", "csv_upload", "csv_upload at once")  # surfaces of few requests: killed around each


def _kill(call):
    return ("-e", f"trace={call.name}", "-e", f"inject={call.name}:signal=SIGKILL:when={call.number}")


@pytest.fixture
def killed(scene, victims, tools, figures):
    """Return what is wrong after a kill at each of some calls, until `n` have hit; and how many did."""

    def killed(way, family, calls, expected, n):
        wrong, n_killed = [], 0
        for number, call in enumerate(calls):
            if n_killed == n:
                break
            one = scene(f"{family} {number}", way)
            ended = victims.run(one.case(), *_kill(call), folder=one.root)
            found = tools.audit_after(one, expected)
            wrong += [f"killed at {call}: {text}" for text in found]
            n_killed += ended.code == -9
            figures.add(family, int(ended.code == -9), found)
            shutil.rmtree(one.root)
        return wrong, n_killed

    return killed


@pytest.fixture
def expected(scene, request):
    """The frame of a run on a surface that nothing disturbs."""
    return scene("undisturbed", WAYS[request.getfixturevalue("name")]).again()


@pytest.mark.parametrize("name", WAYS)
def test_a_run_killed_between_two_requests_loses_nothing_and_orders_nobody_twice(
    name, scene, victims, tools, expected, killed, rng, long
):
    """Killed before it sends or hears anything: who has no token on disk is in doubt, all others are told."""
    reference = scene("reference", WAYS[name])
    ended = victims.run(reference.case(), "-e", "trace=%network", folder=reference.root)
    assert tools.compare_frames(ended.told["frame"], expected, given=reference.frame, most=0) == []
    heard = tools.calls_named(ended.trace, "recvfrom")
    calls = tools.calls_named(ended.trace, "sendto") + (heard if long else rng.sample(heard, min(N_HEARD, len(heard))))
    n, family = None if long or name in FEW else N_REQUESTS, "kill points at requests of other surfaces"
    wrong, n_killed = killed(WAYS[name], family, tools.in_turn(calls, n, rng), expected, n)
    assert not wrong, "\n".join(wrong)
    assert n_killed == n or n_killed > len(calls) / 2, "most points must have been reached"


@pytest.mark.parametrize("name", WAYS)
def test_a_run_killed_at_any_write_loses_nothing_and_orders_nobody_twice(
    name, scene, victims, tools, expected, killed, rng, long
):
    """Intents, tokens and answers of people who are asked about together are there, all or none."""
    reference = scene("reference", WAYS[name])
    ended = victims.run(reference.case(), "-e", "trace=" + ",".join(tools.WRITING), folder=reference.root)
    calls, n = tools.calls_on(ended.trace, reference.folder), None if long else N_WRITES
    wrong, n_killed = killed(
        WAYS[name], "kill points at writes of other surfaces", tools.in_turn(calls, n, rng), expected, n
    )
    assert not wrong, "\n".join(wrong)
    assert n_killed == n or n_killed > len(calls) / 2, "most points must have been reached"


@pytest.mark.parametrize("name", WAYS)
def test_a_disk_that_is_full_from_some_write_on_orders_nobody_unwritten(
    name, scene, victims, tools, expected, figures, rng, long
):
    """Whether the intent, the token or the answer cannot be written: it is told, and the next run makes it good."""
    reference = scene("reference", WAYS[name])
    ended = victims.run(reference.case(), "-e", "trace=" + ",".join(tools.WRITING), folder=reference.root)
    calls, n = tools.calls_on(ended.trace, reference.folder), None if long else N_FULL
    wrong, n_failed, family = [], 0, "disk full on other surfaces"
    for number, call in enumerate(tools.in_turn(calls, n, rng)):
        if n_failed == n:
            break
        one = scene(f"full {number}", WAYS[name])
        how = f"inject={call.name}:error=ENOSPC:when={call.number}+"
        ended = victims.run(one.case(), "-e", f"trace={call.name}", "-e", how, folder=one.root)
        found = [] if ended.told is not None else [f"the process ended by itself: {ended.code}"]
        if ended.told is not None and ended.told["error"] and "LedgerError" not in ended.told["error"]:
            found.append(f"the error is no LedgerError: {ended.told['error'][:3]}: {ended.told['message'][:200]}")
        found += tools.audit_after(one, expected)
        wrong += [f"disk full at {call}: {text}" for text in found]
        n_failed += ended.failed_on(one.folder)
        figures.add(family, int(ended.failed_on(one.folder)), found)
        shutil.rmtree(one.root)
    assert not wrong, "\n".join(wrong)
    assert n_failed == n or n_failed > len(calls) / 2, "most points must have been reached"


def test_no_power_loss_takes_a_list_that_was_ordered(scene, victims, tools, disk, figures, rng, long, tmp_path):
    """Whoever was ordered is in the ledger, with the token once it was used, and answered once the list is gone."""
    one = scene("recorded", WAYS["v2_list"])
    ended = victims.run(one.case(), "-s", "1000000", "-e", "trace=" + ",".join(disk.TRACED), folder=one.root)
    ops, everybody = disk.ops_of(ended.trace, one.folder), set(tools.asked_of(one.service))
    by_list = [lead for lead in everybody if int(lead[len("crash.person")]) < 6]
    sends = [(at, op.data) for at, op in enumerate(ops) if op.kind == "send"]
    ordered, asked, dropped = (
        next(at for at, data in sends if data.startswith(start) and b"HTTP" in data)
        for start in (b"POST /api/v2/enrichment/bulk", b"GET /api/v2/enrichment/status", b"DELETE /api/v2/lead-lists")
    )
    wrong = []
    for done, state in disk.cuts(ops, 2_000 if long else 150, rng):
        found = tools.lost_power_in_a_run(state, tmp_path / "after", set(by_list) if done > ordered else set(), [])
        known = tools.rows_of(tmp_path / "after" / "ledger.sqlite3") if done > ordered and not found else []
        known = [row for row in known if row["address"] in by_list]
        if done > asked and any(" ? " in (row["token"] or " ? ") for row in known):
            found.append("a token is lost that was asked with")
        if done > dropped and any(row["status"] not in ("completed", "not_found") for row in known):
            found.append("a list is gone and its answers are not there")
        wrong += [f"after {done} of {len(ops)} ops: {text}" for text in found]
        figures.add("power-loss states of a run by list", 1, found)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", WAYS)
def test_a_run_killed_again_while_it_collects_loses_nothing(name, scene, victims, tools, expected, figures, rng, long):
    """Killed with its orders taken, and again at a write of the run that asks what became of them."""
    all_writes = ("-e", "trace=" + ",".join(tools.WRITING))
    one = scene("first", WAYS[name])
    calls = tools.calls_on(victims.run(one.case(), *all_writes, folder=one.root).trace, one.folder)
    for eighths in (6, 5, 4, 3, 2):  # how many writes there are depends on who is written together
        first, one = calls[len(calls) * eighths // 8], scene(f"second {eighths}", WAYS[name])
        if victims.run(one.case(), *_kill(first), folder=one.root).code == -9:
            break
    else:
        pytest.fail("the first kill never came")
    calls = tools.calls_on(victims.run(one.case(), *all_writes, folder=one.root).trace, one.folder)
    wrong, n_killed, n = [], 0, None if long else N_TWICE
    for number, call in enumerate(tools.in_turn(calls, n, rng)):
        if n_killed == n:
            break
        one = scene(f"twice {number}", WAYS[name])
        victims.run(one.case(), *_kill(first), folder=one.root)
        ended = victims.run(one.case(), *_kill(call), folder=one.root)
        found = tools.audit_after(one, expected, most=2 * WAYS[name].most)
        wrong += [f"killed at {first}, then at {call}: {text}" for text in found]
        n_killed += ended.killed_on(one.folder)
        figures.add("second kills on other surfaces", int(ended.killed_on(one.folder)), found)
        shutil.rmtree(one.root)
    assert not wrong, "\n".join(wrong)
    assert n_killed == n or n_killed > len(calls) / 2, "most points must have been reached"
