"""A ledger that something else wrote into: whoever is in it is not bought again, whatever is left of it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Sandbox

PAGE = 4096
SEEDS = range(2000 if os.environ.get("CLEANLIST_LONG", "") not in ("", "0") else 100)
FRAME = pd.DataFrame({"email": [f"p{number}@firm{number % 7}.example" for number in range(60)]})
FIELDS = ["title", "company", "linkedin"]


@pytest.fixture(scope="module")
def service() -> Iterator[Sandbox]:
    with Sandbox(hit_rate=0.8, idempotency=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def sound(service: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which everybody of the frame is held."""
    path = tmp_path_factory.mktemp("sound") / "ledger.sqlite3"
    run(service, path)
    return path


def run(service: Sandbox, ledger: Path) -> pd.DataFrame:
    return cl.enrich(FRAME, FIELDS, base_url=f"{service.url}/v1", api_key=service.api_key, ledger=ledger)


def test_the_sound_ledger_is_the_control(service: Sandbox, sound: Path) -> None:
    """As it is, it answers for everybody; so what is refused below is refused for its harm."""
    before = len(service.requests)
    assert set(run(service, sound)["enriched_status"]) == {"completed", "not_found"}
    assert len(service.requests) == before


def flip(content: bytearray, rng: random.Random) -> None:
    """One bit somewhere."""
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def rubbish(content: bytearray, rng: random.Random) -> None:
    """A stretch of other bytes."""
    start, size = rng.randrange(len(content)), rng.choice([1, 8, 64, 512, PAGE])
    content[start : start + size] = rng.randbytes(len(content[start : start + size]))


def zeros(content: bytearray, rng: random.Random) -> None:
    """A page that was never written."""
    page = rng.randrange(len(content) // PAGE)
    content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)


def swapped(content: bytearray, rng: random.Random) -> None:
    """Two pages in each other's place."""
    one, two = (rng.randrange(len(content) // PAGE) * PAGE for _ in range(2))
    content[one : one + PAGE], content[two : two + PAGE] = content[two : two + PAGE], content[one : one + PAGE]


def cut(content: bytearray, rng: random.Random) -> None:
    """An end that is gone; not all of it, for an empty file is a new ledger."""
    del content[rng.randrange(1, len(content)) :]


def cut_at_a_page(content: bytearray, rng: random.Random) -> None:
    """The same where it fits best."""
    del content[rng.randrange(1, len(content) // PAGE) * PAGE :]


def longer(content: bytearray, rng: random.Random) -> None:
    """Something behind the end."""
    content += rng.randbytes(rng.choice([1, PAGE, 3 * PAGE]))


def text(content: bytearray, rng: random.Random) -> None:
    """An address changed by somebody's editor."""
    at = content.find(f"p{rng.randrange(60)}@firm".encode())
    content[at + 1 : at + 2] = b"x"


HARMS: list[Callable[[bytearray, random.Random], Any]] = [
    flip, rubbish, zeros, swapped, cut, cut_at_a_page, longer, text,
]  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_ledger_buys_nobody_who_is_in_it(
    service: Sandbox, sound: Path, tmp_path: Path, figures: Any, harm: Callable[[bytearray, random.Random], Any]
) -> None:
    """It is refused before any request, or all of it that counts can still be read."""
    original = sound.read_bytes()
    bought, refused = [], 0
    for seed in SEEDS:
        path = tmp_path / f"{seed}.sqlite3"
        shutil.copy(sound, path)
        content = bytearray(original)
        harm(content, random.Random(seed))
        path.write_bytes(content)
        before = len(service.requests)
        try:
            run(service, path)
        except cl.LedgerError:
            refused += 1
        if len(service.requests) != before:
            bought.append(seed)
        path.unlink()
    figures.add("corrupted ledgers", len(SEEDS), list(map(str, bought)))
    assert not bought
    assert refused or harm in (longer,), "a harm that never shows proves nothing"


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_saved_of_a_damaged_ledger_was_in_it(
    service: Sandbox, sound: Path, tmp_path: Path, figures: Any, harm: Callable[[bytearray, random.Random], Any]
) -> None:
    """Rows whose checksum does not fit are left out."""
    people = set(FRAME.email)
    invented = []
    for seed in SEEDS[:10]:
        path, out = tmp_path / f"{seed}.sqlite3", tmp_path / f"{seed}.csv"
        content = bytearray(sound.read_bytes())
        harm(content, random.Random(seed))
        path.write_bytes(content)
        try:
            n_rows = cl.Ledger.salvage(path, out)
        except cl.LedgerError:
            continue
        if n_rows > 60 or (n_rows and not set(pd.read_csv(out).address) <= people):
            invented.append(str(seed))
    figures.add("corrupted ledgers, salvaged", len(SEEDS[:10]), invented)
    assert not invented
