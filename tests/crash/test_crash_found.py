"""Each defect these tests found in the library, reduced to one case."""

from __future__ import annotations


def test_a_lock_file_that_cannot_be_removed_does_not_take_a_paid_frame_away(scene, victims, tools, expected):
    """The run is over and on disk when its lock file is removed: an error there must not replace the frame."""
    one = scene("unlink")
    how = ("-e", "trace=unlink,unlinkat", "-e", "inject=unlink,unlinkat:error=EIO:when=1")
    ended = victims.run(one.case(), *how, folder=one.root)
    assert ended.failed_on(one.folder)
    assert ended.told["error"] is None, ended.told["message"]
    assert tools.compare_frames(ended.told["frame"], expected, most=0) == []


def test_a_dead_runs_lock_that_cannot_be_removed_does_not_stop_the_next_run(scene, victims, tools, expected):
    """A dead run's lock is free to take, so its run is over: that its file stays is no reason to stop."""
    one = scene("tidy")
    first = ("-e", "trace=sendto", "-e", "inject=sendto:signal=SIGKILL:when=3")
    assert victims.run(one.case(), *first, folder=one.root).code == -9
    how = ("-e", "trace=unlink,unlinkat", "-e", "inject=unlink,unlinkat:error=EIO:when=1")
    ended = victims.run(one.case(), *how, folder=one.root)
    assert ended.failed_on(one.folder)
    assert ended.told["error"] is None, f"{ended.told['error'][0]}: {ended.told['message']}"
    assert tools.compare_frames(ended.told["frame"], expected) == []


def test_a_dead_runs_lock_that_cannot_be_opened_is_told_as_an_error_of_the_ledger(scene, victims, tools):
    """Whether that run lives cannot be known then: nothing is sent, and the error is ours and names the file."""
    one = scene("locked")
    first = ("-e", "trace=sendto", "-e", "inject=sendto:signal=SIGKILL:when=3")
    assert victims.run(one.case(), *first, folder=one.root).code == -9
    trace = victims.run(one.case(), "-e", "trace=openat", folder=one.root).trace  # what a second run opens
    again = scene("locked again")
    assert victims.run(again.case(), *first, folder=again.root).code == -9
    n_before = len(again.service.requests)
    call = next(call for call in tools.calls_on(trace, one.folder) if call.target.endswith(".lock"))
    how = ("-e", "trace=openat", "-e", f"inject=openat:error=EIO:when={call.number}")
    ended = victims.run(again.case(), *how, folder=again.root)
    assert ended.failed_on(again.folder)
    assert "LedgerError" in ended.told["error"], f"{ended.told['error'][0]}: {ended.told['message']}"
    assert str(again.ledger.with_name(f".{again.ledger.name}")) in ended.told["message"]
    assert len(again.service.requests) == n_before


def test_a_folder_made_for_the_ledger_is_durable_before_anything_is_sent(scene, victims, disk):
    """A power loss may take a new folder with all that is in it until the folder above it has been synced."""
    one = scene("folder", folder=False)
    ended = victims.run(one.case(), "-s", "1000000", "-e", "trace=" + ",".join(disk.TRACED), folder=one.root)
    ops = disk.ops_of(ended.trace, one.folder)
    kinds = [op.kind if not op.name else f"{op.kind} {op.name}" for op in ops]
    made, sent = kinds.index(f"mkdir {one.folder}"), kinds.index("send")
    assert f"sync_folder {one.root}" in kinds[made:sent]


def test_a_folder_whose_name_could_not_be_made_durable_is_synced_by_the_next_run(scene, victims, disk):
    """After a failed sync the folder is there but not certain to stay: the next run must sync it before it sends."""
    one = scene("folder", folder=False)
    failed = victims.run(one.case(), "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=1", folder=one.root)
    assert "LedgerError" in failed.told["error"]
    ended = victims.run(one.case(), "-s", "1000000", "-e", "trace=" + ",".join(disk.TRACED), folder=one.root)
    ops = disk.ops_of(ended.trace, one.folder)
    kinds = [op.kind if not op.name else f"{op.kind} {op.name}" for op in ops]
    assert f"sync_folder {one.root}" in kinds[: kinds.index("send")]
