"""Files and folders that are whole or not there: written beside the old one, which they replace when they are done.

A process that was killed while writing leaves its part behind, which may be as large as the file. The next one that
writes to the same place removes it: the system has let go of the lock beside it. That is an empty file of its own: on
an SMB share nobody can write to what is locked, whoever locked it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: what a killed process left stays there
    fcntl = None  # type: ignore[assignment]

__all__ = ["replaced"]

_MARK: Final = ".part-"
_FOLDER: Final = ".d"
_YOUNG_S: Final = 60.0  # so old is a part at least before it counts as left behind: other machines may not see its lock
_LONGEST: Final = 200  # bytes of a name that are repeated in its part's, of the 255 that systems allow
_EXCHANGE: Final = 2  # RENAME_EXCHANGE
_HERE: Final = -100  # AT_FDCWD


@contextmanager
def replaced(path: Path, *, folder: bool = False) -> Iterator[str]:
    """Give a file, or a folder, to write, which takes the place of that at `path` when the block is done."""
    path = path.resolve()  # a link stays a link
    mode = path.stat().st_mode & 0o777 if path.exists() else (0o777 if folder else 0o666) & ~_umask()
    beginning, end = _beginning(path), path.suffix or ".csv"
    _remove_left_behind(path.parent, beginning, (end, _FOLDER))
    handle, lock = tempfile.mkstemp(dir=path.parent, prefix=beginning)
    os.close(handle)
    part = lock + (_FOLDER if folder else end)
    try:
        with _locked(lock):
            if folder:
                os.mkdir(part, 0o700)
            else:
                os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            yield part
            os.chmod(part, mode)
            if folder and path.exists():
                _exchange(part, str(path))
            else:
                os.replace(part, path)
    finally:
        _remove(part)
        _remove(lock)


def _beginning(path: Path) -> str:
    """Return how the names of all parts of the file at `path` begin."""
    name = os.fsencode(path.name)
    return f".{path.name if len(name) <= _LONGEST else hashlib.sha256(name).hexdigest()}{_MARK}"


def _remove_left_behind(place: Path, beginning: str, ends: Sequence[str]) -> None:
    """Remove what killed processes have left; what cannot be removed is nobody's trouble."""
    ours = re.compile(rf"{re.escape(beginning)}[a-z0-9_]{{8}}")
    with suppress(OSError):
        for entry in os.scandir(place):
            with suppress(OSError):
                if ours.fullmatch(entry.name) and _is_lock(entry):
                    left = [one for end in (*ends, "") if os.path.lexists(one := entry.path + end)]
                    if _age_s(left[0]) > _YOUNG_S and _is_let_go(entry.path):
                        for one in left:
                            _remove(one)


def _is_lock(entry: os.DirEntry[str]) -> bool:
    """Whether it may be a lock of ours."""
    return entry.is_file(follow_symlinks=False) and entry.stat().st_size == 0


def _age_s(part: str) -> float:
    """Seconds since something was last written to it."""
    return time.time() - os.lstat(part).st_mtime


def _is_let_go(lock: str) -> bool:
    """Whether nobody writes beside a lock any more."""
    with _locked(lock) as is_mine:
        return is_mine


@contextmanager
def _locked(lock: str) -> Iterator[bool]:
    """Hold a lock for a block, as long as this process lives; False if another one has it, or nobody can."""
    if fcntl is None:  # pragma: no cover - Windows
        yield False
        return
    descriptor = os.open(lock, os.O_RDWR)  # NFS locks nothing that cannot be written
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _remove(part: str) -> None:
    """Remove a file or a folder, if it is there."""
    if os.path.isdir(part):
        shutil.rmtree(part, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            os.unlink(part)


def _exchange(one: str, other: str) -> None:
    """Let two folders change places, at once where the system can: nobody finds neither."""
    system: Any = ctypes.CDLL(None, use_errno=True)
    if hasattr(system, "renameat2") and not system.renameat2(_HERE, one.encode(), _HERE, other.encode(), _EXCHANGE):
        return
    aside = f"{one}.old"
    os.rename(other, aside)
    os.rename(one, other)
    os.rename(aside, one)


def _umask() -> int:
    """Return the process's file mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
