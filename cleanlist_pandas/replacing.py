"""Files and folders that are whole or not there: written beside the old one, which they replace when they are done.

A process that was killed while writing leaves its part behind, which may be as large as the file. The next one that
writes to the same place removes it: the system has let go of the lock on it.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: what a killed process left stays there
    fcntl = None  # type: ignore[assignment]

__all__ = ["replaced"]

_MARK: Final = ".part-"
_YOUNG_S: Final = 60.0  # so old is a part at least before it counts as left behind: its lock is taken after it is made
_EXCHANGE: Final = 2  # RENAME_EXCHANGE
_HERE: Final = -100  # AT_FDCWD


@contextmanager
def replaced(path: Path, *, folder: bool = False) -> Iterator[str]:
    """Give a file, or a folder, to write, which takes the place of that at `path` when the block is done."""
    path = path.resolve()  # a link stays a link
    mode = path.stat().st_mode & 0o777 if path.exists() else (0o777 if folder else 0o666) & ~_umask()
    _remove_left_behind(path)
    beginning = f".{path.name}{_MARK}"
    if folder:
        part = tempfile.mkdtemp(dir=path.parent, prefix=beginning)
    else:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=beginning, suffix=path.suffix or ".csv")
        os.close(handle)
    try:
        with _locked(part):
            yield part
            os.chmod(part, mode)
            if folder and path.exists():
                _exchange(part, str(path))
            else:
                os.replace(part, path)
    finally:
        _remove(part)


def _remove_left_behind(path: Path) -> None:
    """Remove what killed processes have left of the file at `path`; what cannot be removed is nobody's trouble."""
    ours = re.compile(rf"{re.escape(f'.{path.name}{_MARK}')}[a-z0-9_]{{8}}({re.escape(path.suffix or '.csv')})?")
    with suppress(OSError):
        for entry in os.scandir(path.parent):
            with suppress(OSError):
                if ours.fullmatch(entry.name) and _age_s(entry) > _YOUNG_S and _is_let_go(entry.path):
                    _remove(entry.path)


def _age_s(entry: os.DirEntry[str]) -> float:
    """Seconds since something was last written to it."""
    return time.time() - entry.stat(follow_symlinks=False).st_mtime


def _is_let_go(part: str) -> bool:
    """Whether nobody writes to a part any more."""
    with _locked(part) as is_mine:
        return is_mine


@contextmanager
def _locked(part: str) -> Iterator[bool]:
    """Lock a part for a block, as long as this process lives; False if another one has it, or nobody can."""
    if fcntl is None:  # pragma: no cover - Windows
        yield False
        return
    descriptor = os.open(part, os.O_RDONLY)
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
