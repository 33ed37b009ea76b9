"""The code blocks of the documents, run one by one and compared with what is shown below them.

``python tests/code_blocks.py`` runs the README's, all but those that need another package, with the Python it is given:
CI does so where a wheel of the tree is installed and nothing else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"

# <!-- name; after another block, which is run first; needs a package -->
_FENCE = re.compile(r"(?:<!-- (.+?) -->\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of Python, and what a document shows that it prints."""

    name: str
    code: str
    shown: str
    needs: tuple[str, ...]


def read_blocks(text: str) -> list[Block]:
    """Return the Python of a document; a text block that follows one is what it prints."""
    fences = [match.groups() for match in _FENCE.finditer(text)]
    blocks: dict[str, Block] = {}
    for (marker, language, code), following in pairwise([*fences, ("", "", "")]):
        if language != "python":
            continue
        name, *notes = (marker or code.partition("\n")[0]).split("; ")
        told = dict(note.split(" ", 1) for note in notes)
        first = blocks.get(told.get("after", ""), Block(name="", code="", shown="", needs=()))
        needs = (told["needs"],) if "needs" in told else ()
        shown = following[2] if following[1] == "text" else ""
        blocks[name] = Block(name=name, code=first.code + code, shown=first.shown + shown, needs=(*first.needs, *needs))
    return list(blocks.values())


def run_python(*arguments: str, cwd: Path, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python as somebody with an empty home and nothing set; warnings are errors."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CLEANLIST", "XDG"))}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env={**environment, "HOME": str(home), **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_block(block: Block, folder: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return what a block writes to standard output and standard error, in a folder beside the examples."""
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    ran = run_python("-c", block.code, cwd=folder, home=folder, **environment)
    return ran.stdout, ran.stderr


def main() -> int:
    """Run the README's blocks with the installed package; return how many print something else than it shows."""
    blocks = [block for block in read_blocks(README.read_text(encoding="utf-8")) if not block.needs]
    failed = 0
    for block in blocks:
        with tempfile.TemporaryDirectory() as folder:
            stdout, stderr = run_block(block, Path(folder), {})
        if (stdout, stderr) != (block.shown, ""):
            failed += 1
            print(f"README, {block.name}: expected\n{block.shown}\nand got\n{stdout}{stderr}", file=sys.stderr)
    print(f"{len(blocks) - failed} of {len(blocks)} code blocks print what the README shows")
    return failed or not blocks


if __name__ == "__main__":
    sys.exit(main())
