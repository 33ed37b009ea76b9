"""What a killed process leaves beside a file is removed by the next one that writes there, and nothing else is."""

from __future__ import annotations

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
    os.utime(part, (0, 0))
    return part


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


def test_what_is_young_stays(tmp_path):
    """Its owner may not have come to lock it."""
    part = tmp_path / ".out.csv.part-abcd1234.csv"
    part.write_text("")
    write(tmp_path / "out.csv", folder=False)
    assert part.exists()


@pytest.mark.parametrize(
    "name",
    [
        ".out.csv.backup.csv", ".out.csv.part-abcd.csv", "out.csv.part-abcd1234.csv", ".other.csv.part-abcd1234.csv",
        ".outxcsv.part-abcd1234.csv", ".out.csv.part-abcd1234.csv.old", ".out.csv.part-abcd1234.txt",
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
    link = tmp_path / ".out.csv.part-abcd1234.csv"
    link.symlink_to(tmp_path / "theirs")
    os.utime(link, (0, 0), follow_symlinks=False)
    write(tmp_path / "out.csv", folder=False)
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_a_part_that_cannot_be_opened_is_nobodys_trouble(tmp_path):
    link = tmp_path / ".out.csv.part-abcd1234.csv"
    link.symlink_to(tmp_path / "gone")
    os.utime(link, (0, 0), follow_symlinks=False)
    write(tmp_path / "out.csv", folder=False)
    assert (tmp_path / "out.csv").read_text() == "new"
