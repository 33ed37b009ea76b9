"""What a killed process leaves beside a file is removed by the next one that writes there, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cleanlist_pandas.replacing import replaced

CHILD = """
import sys
from pathlib import Path
from cleanlist_pandas.replacing import replaced
with replaced(Path(sys.argv[1]), folder=sys.argv[2] == "folder") as part:
    print(part, flush=True)
    sys.stdin.read()
"""


def write(path: Path, *, folder: bool) -> None:
    with replaced(path, folder=folder) as part:
        (Path(part) / "a" if folder else Path(part)).write_text("new")


def aged(part: Path) -> Path:
    os.utime(part, (0, 0), follow_symlinks=False)
    return part


def lock(tmp_path: Path) -> Path:
    """What stands beside a part of out.csv, and nobody holds."""
    path = tmp_path / ".out.csv.part-abcd1234"
    path.touch()
    return aged(path)


@pytest.mark.parametrize("folder", [False, True])
def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path, folder):
    target = tmp_path / ("out" if folder else "out.parquet")
    command = [sys.executable, "-c", CHILD, str(target), "folder" if folder else "file"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        part = aged(Path(child.stdout.readline().strip()))
        write(target, folder=folder)
        assert part.exists()
        child.kill()
        child.wait()
    write(target, folder=folder)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("folder", [False, True])
def test_what_is_written_is_not_locked_itself(tmp_path, folder):
    """On an SMB share it could not be written."""
    with replaced(tmp_path / "out.csv", folder=folder) as part:
        descriptor = os.open(part, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


@pytest.mark.parametrize("folder", [False, True])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path, folder):
    target = tmp_path / ("ü" * 125 + "a.csv")
    write(target, folder=folder)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_what_is_young_stays(tmp_path):
    """Its owner may have a lock that is seen on its own machine only."""
    part = tmp_path / (lock(tmp_path).name + ".csv")
    part.write_text("")
    write(tmp_path / "out.csv", folder=False)
    assert part.exists()


def test_a_lock_whose_part_is_in_its_place_goes(tmp_path):
    mine = lock(tmp_path)
    write(tmp_path / "out.csv", folder=False)
    assert not mine.exists()


@pytest.mark.parametrize(
    "name",
    [
        ".out.csv.backup.csv", ".out.csv.part-abcd.csv", "out.csv.part-abcd1234.csv", ".other.csv.part-abcd1234.csv",
        ".outxcsv.part-abcd1234", ".out.csv.part-abcd1234.csv", ".out.csv.part-abcd1234.csv.old",
        ".out.csv.part-20261124",
    ],
)  # fmt: skip
def test_what_somebody_else_may_have_named_so_stays(tmp_path, name):
    other = tmp_path / name
    other.write_text("theirs")
    aged(other)
    write(tmp_path / "out.csv", folder=False)
    assert other.read_text() == "theirs"


def test_a_link_to_a_file_elsewhere_goes_and_the_file_stays(tmp_path):
    (tmp_path / "theirs").write_text("theirs")
    link = tmp_path / (lock(tmp_path).name + ".csv")
    link.symlink_to(tmp_path / "theirs")
    aged(link)
    write(tmp_path / "out.csv", folder=False)
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert not link.is_symlink()


def test_a_link_that_is_named_like_a_lock_is_none(tmp_path):
    link = tmp_path / ".out.csv.part-abcd1234"
    link.symlink_to(tmp_path / "gone")
    aged(link)
    write(tmp_path / "out.csv", folder=False)
    assert link.is_symlink()
    assert (tmp_path / "out.csv").read_text() == "new"
