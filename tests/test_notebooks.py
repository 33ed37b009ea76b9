"""The notebooks run from a clean kernel, and what they show is what happens.

``python tests/test_notebooks.py`` runs them and writes their outputs anew.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.font_manager  # fills the cache of fonts: kernels would tell that they are about to
import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

REPOSITORY = Path(__file__).parents[1]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook in a folder beside the examples, as somebody with an empty home and nothing set."""
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    for name in ("home", "notebooks"):
        (folder / name).mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CLEANLIST", "XDG"))}
    environment |= {"HOME": str(folder / "home"), "PYTHONPATH": str(REPOSITORY), "MPLCONFIGDIR": mpl.get_cachedir()}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # cells run our command, too
    notebook = nbformat.read(path, 4)
    client = NotebookClient(
        notebook,
        timeout=120,
        record_timing=False,
        coalesce_streams=True,  # a command's output comes in pieces, cut where chance will have it
        resources={"metadata": {"path": folder / "notebooks"}},
    )
    client.execute(env=environment)
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec}  # without the versions of this machine
    return notebook


def shown(notebook: nbformat.NotebookNode) -> list[list[Any]]:
    """Return what each cell shows; of a picture, that there is one."""
    return [[_shown(output) for output in cell.get("outputs", [])] for cell in notebook.cells]


def _shown(output: nbformat.NotebookNode) -> Any:
    if output.output_type == "stream":
        return output.name, output.text
    if output.output_type == "error":
        return output.ename, output.evalue
    return {kind: "" if kind == "image/png" else content for kind, content in output.data.items()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_happens(path, tmp_path):
    """Under pandas 2 tables are laid out otherwise; nothing fails and nothing warns there either."""
    ran, committed = shown(run(path, tmp_path)), shown(nbformat.read(path, 4))
    assert not [output for outputs in ran for output in outputs if isinstance(output, tuple) and output[0] != "stdout"]
    if pd.__version__ >= "3":
        assert ran == committed
    assert any("image/png" in output for outputs in committed for output in outputs)


def test_there_are_notebooks():
    assert NOTEBOOKS


if __name__ == "__main__":
    for each in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as empty:
            nbformat.write(run(each, Path(empty)), each)
        print(each.name, file=sys.stderr)
