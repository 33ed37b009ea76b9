"""A disk that loses power: the recorded system calls of a victim, and the states a file system may leave of them.

The model, as strict as POSIX lets it be. After a completed fsync or fdatasync of a file, what was done to the file
before is on the disk. What was done later may be there or not, each write by itself, each 512-byte sector of a write by
itself, in any order; a file may be longer than its data, with zeros or rubbish in the gap. A name that was made or
removed is certain only after an fsync of the folder, and may be on the disk any time before. A sector is never half
old, half new.
"""

from __future__ import annotations

import codecs
import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECTOR = 512
TRACED = (
    "pwrite64", "write", "pwritev", "writev", "fdatasync", "fsync", "ftruncate", "truncate", "fallocate", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "open", "openat", "creat", "sync",
    "sendto", "sendmsg", "mmap",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that was done: create, write, truncate, sync, sync_folder, unlink, rename, mkdir, send or note."""

    kind: str
    name: str = ""
    offset: int = 0
    data: bytes = field(default=b"", repr=False)


_STRING = r'"((?:[^"\\]|\\.)*)"'
_FD = re.compile(r"^\d+<([^>]*)>")


def _bytes(quoted: str) -> bytes:
    return codecs.escape_decode(quoted.encode("latin-1"))[0]  # type: ignore[return-value]


def _whole_lines(trace: str) -> Iterator[str]:
    """Join calls that strace wrote in two parts because another thread came in between."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        thread, _, rest = line.partition(" ")
        rest = rest.lstrip()
        if rest.endswith("<unfinished ...>"):
            begun[thread] = rest.removesuffix("<unfinished ...>").rstrip()
        elif rest.startswith("<..."):
            yield begun.pop(thread) + rest.partition("resumed>")[2]
        else:
            yield rest


def ops_of(trace: str, folder: Path, marks: Path | None = None, before: Iterable[str] = ()) -> list[Op]:
    """Read what a trace did to a folder's files, and in between what left the machine or was noted as done."""
    found: list[Op] = []
    exists = set(before)  # opened with O_CREAT, these are not made
    for line in _whole_lines(trace):
        call, _, rest = line.partition("(")
        match = re.search(r"\)\s+= (-?\d+)", rest)
        if match is None or match.group(1).startswith("-"):
            continue
        op = _op(call, rest, folder, marks, exists)
        if op is not None:
            found.append(op)
    return found


def _op(call: str, rest: str, folder: Path, marks: Path | None, exists: set[str]) -> Op | None:
    """Read one system call."""
    on = _FD.match(rest)
    path = Path(on.group(1).removesuffix(" (deleted)")) if on else None
    if call in ("sendto", "sendmsg"):
        match = re.search(_STRING, rest)
        return Op("send", data=_bytes(match.group(1))) if match else None
    if call == "write" and marks is not None and path == marks:
        match = re.search(_STRING, rest)
        return Op("note", data=_bytes(match.group(1))) if match else None
    if call == "mkdir":
        match = re.search(_STRING, rest)
        made = Path(_bytes(match.group(1)).decode()) if match else Path()
        return Op("mkdir", str(made)) if made == folder or made in folder.parents else None
    if call in ("fsync", "fdatasync") and path is not None and (path == folder or path in folder.parents):
        return Op("sync_folder", "" if path == folder else str(path))
    if call in ("open", "openat", "creat"):
        match = re.search(_STRING, rest)
        target = Path(_bytes(match.group(1)).decode("utf-8", "replace")) if match else Path()
        if target.parent != folder:
            return None
        if "O_TRUNC" in rest:
            raise NotImplementedError(f"the model does not know O_TRUNC: {target.name}")
        if "O_CREAT" in rest and target.name not in exists:
            exists.add(target.name)
            return Op("create", target.name)
        exists.add(target.name)
        return None
    if call in ("unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "truncate"):
        names = [Path(_bytes(text).decode("utf-8", "replace")) for text in re.findall(_STRING, rest)]
        if not any(one.parent == folder for one in names):
            return None
        if call != "unlink":
            raise NotImplementedError(f"the model does not know {call} on the ledger's files")
        exists.discard(names[0].name)
        return Op("unlink", names[0].name)
    if path is None or path.parent != folder or path.name.endswith("-shm"):
        return None
    if call == "pwrite64":
        match = re.search(_STRING + r", (\d+), (\d+)\)", rest)
        assert match is not None, rest[-80:]
        data = _bytes(match.group(1))
        assert len(data) == int(match.group(2)), "the trace holds only part of what was written"
        return Op("write", path.name, int(match.group(3)), data)
    if call == "ftruncate":
        return Op("truncate", path.name, int(re.search(r", (\d+)\)", rest).group(1)))  # type: ignore[union-attr]
    if call in ("fsync", "fdatasync"):
        return Op("sync", path.name)
    if call == "mmap":
        if "MAP_SHARED" in rest and "PROT_WRITE" in rest:
            raise NotImplementedError(f"the model does not see what is written through a mapping of {path.name}")
        return None
    raise NotImplementedError(f"the model does not know {call} on {path.name}")


@dataclass(slots=True)
class _File:
    """One file as the disk knows it: what is certain, and what was done since."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)

    def sync(self) -> None:
        for op in self.pending:
            _apply(self.content, op)
        self.pending.clear()


def _apply(content: bytearray, op: Op) -> None:
    if op.kind == "truncate":
        del content[op.offset :]
        content.extend(bytes(op.offset - len(content)))
        return
    _put(content, op.offset, op.data)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _sectors(op: Op) -> list[tuple[int, bytes]]:
    """Cut a write at the sector boundaries of the disk."""
    pieces, at = [], op.offset
    while at < op.offset + len(op.data):
        end = min((at // SECTOR + 1) * SECTOR, op.offset + len(op.data))
        pieces.append((at, op.data[at - op.offset : end - op.offset]))
        at = end
    return pieces


class Disk:
    """The disk under one folder, op after op.

    Parameters
    ----------
    before : dict of str to bytes
        Files that were there, and certain, at the start.
    """

    def __init__(self, before: dict[str, bytes] | None = None) -> None:
        self._certain: dict[str, _File] = {}  # names as they are certain to be
        self._now: dict[str, _File] = {}  # names as the running system sees them
        self._names: list[tuple[str, _File | None]] = []  # what was done to names since the folder's last sync
        for name, content in (before or {}).items():
            self._certain[name] = self._now[name] = _File(bytearray(content))

    def do(self, op: Op) -> None:
        """Do one thing."""
        if op.kind == "create":
            self._now[op.name] = _File()
            self._names.append((op.name, self._now[op.name]))
        elif op.kind == "unlink":
            del self._now[op.name]
            self._names.append((op.name, None))
        elif op.kind == "sync_folder" and not op.name:
            for name, file in self._names:
                self._name(self._certain, name, file)
            self._names.clear()
        elif op.kind == "sync":
            self._now[op.name].sync()
        elif op.kind in ("write", "truncate"):
            self._now[op.name].pending.append(op)

    @staticmethod
    def _name(names: dict[str, _File], name: str, file: _File | None) -> None:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        """Cut the power: return one of the states in which the disk may be found."""
        likely = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        names = dict(self._certain)
        for name, file in self._names:
            if rng.random() < likely:
                self._name(names, name, file)
        return {name: self._content(file, rng) for name, file in names.items()}

    @staticmethod
    def _content(file: _File, rng: random.Random) -> bytes:
        """Return what may be found of a file."""
        content = bytearray(file.content)
        style = rng.choice(("none", "all", "some", "torn", "torn", "late"))
        likely = rng.choice((0.1, 0.5, 0.9))
        first = rng.randrange(len(file.pending) + 1) if style == "late" else 0
        size = 0  # that the writes since the last truncation ask for
        for number, op in enumerate(file.pending):
            size = op.offset if op.kind == "truncate" else max(size, op.offset + len(op.data))
            if op.kind == "write" and style == "torn":
                for at, piece in _sectors(op):
                    if rng.random() < likely:
                        _put(content, at, piece)
            elif (
                style == "all"
                or (style == "late" and number >= first)
                or (style in ("some", "torn") and rng.random() < likely)
            ):
                _apply(content, op)
        if style != "all" and size > len(content) and rng.random() < 0.3:  # longer than its data
            gap = size - len(content)
            content.extend(rng.randbytes(gap) if rng.random() < 0.5 else bytes(gap))
        return bytes(content)


def digest(state: dict[str, bytes], extra: Any) -> bytes:
    """Tell states apart."""
    seen = hashlib.blake2b(repr(extra).encode(), digest_size=16)
    for name in sorted(state):
        seen.update(f"{name}\0{len(state[name])}\0".encode() + state[name])
    return seen.digest()


def cuts(
    ops: Sequence[Op], n_states: int, rng: random.Random, before: dict[str, bytes] | None = None
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Cut the power after each op in turn, evenly often, until `n_states` different states were given.

    Yields how many ops were done and the state; fewer come if the ops leave fewer.
    """
    seen: set[bytes] = set()
    for _ in range(60):
        disk = Disk(before)
        wanted = Counter(rng.choices(range(1, len(ops) + 1), k=n_states - len(seen)))
        told = 0
        for done, op in enumerate(ops, start=1):
            disk.do(op)
            told += op.kind in ("send", "note")
            for _ in range(wanted[done]):
                state = disk.cut(rng)
                one = digest(state, told)
                if one not in seen:
                    seen.add(one)
                    yield done, state
        if len(seen) == n_states:
            return
