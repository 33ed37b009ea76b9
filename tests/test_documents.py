"""What the documents say is what happens."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from code_blocks import read_blocks, run_block, run_python

import cleanlist_pandas as cl
from cleanlist_pandas.services import csv_row, csv_upload, legacy_v1, v2, v2_company, v2_list

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
BLOCKS = {
    f"{path.name}: {block.name}": block for path in DOCUMENTS for block in read_blocks(path.read_text(encoding="utf-8"))
}
TREE = {"PYTHONPATH": str(REPOSITORY)}  # the package that is run is the one beside


def _block(marker: str) -> str:
    """Return the code block that follows a marker."""
    return re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL).group(1)


def test_the_first_command_ends_with_what_the_readme_shows(tmp_path):
    command = re.search(r"cleanlist-pandas (enrich .+)", _block("the two commands")).group(1)
    out = tmp_path / "enriched.csv"
    arguments = command.replace("enriched.csv", str(out)).split()
    ran = run_python("-m", "cleanlist_pandas", *arguments, cwd=REPOSITORY, home=tmp_path, **TREE)
    assert ran.returncode == 0
    assert ran.stderr.replace(str(out), "enriched.csv").endswith(_block("what the first command ends with"))


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_code_in_a_document_prints_what_it_shows(tmp_path, block):
    for package in block.needs:
        pytest.importorskip(package)
    assert run_block(block, tmp_path, TREE) == (block.shown, "")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_code_in_a_document_goes_by_another_name(document):
    """What is Python is called so, so that it is run; the rest is what Sphinx is told, output, or for the shell."""
    fences = re.findall(r"^ *```(.+)$", document.read_text(encoding="utf-8"), re.M)
    named = {fence.split()[0] for fence in fences}
    assert named <= {"python", "text", "bash", "{include}", "{toctree}", "{eval-rst}"}
    assert fences.count("python") == len(read_blocks(document.read_text(encoding="utf-8")))


def test_code_in_a_document_needs_nothing_else_but_where_it_says_so():
    """Where it is not marked it imports the package and pandas only; CI runs it where nothing else is installed."""
    for block in BLOCKS.values():
        foreign = {"polars", "dask", "matplotlib", "distributed"} & set(re.findall(r"^import (\w+)", block.code, re.M))
        assert foreign == set(block.needs)


def test_the_readme_lists_every_assumption():
    services = (csv_row, csv_upload, v2, v2_list, v2_company, legacy_v1)
    for assumption in (told for service in services for told in service.ASSUMPTIONS):
        assert f"- {assumption}" in README.replace("\n  ", " ")


def test_the_readme_lists_every_column():
    for name, field in cl.fields.FIELDS.items():
        assert f"| `{name}` | `{field.column}` |" in README


def test_every_section_of_the_readme_is_on_a_page_of_the_documentation():
    """From the title to the first, from the last to the end, each once and none left out."""
    sources = [(REPOSITORY / "docs" / "conf.py"), *(REPOSITORY / "docs").glob("*.md")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    included = re.findall(
        r'README.md\n(?: *:parser:.*\n)? *:start-after: "?(.*?)"?\n(?: *:end-before: "?(.*?)"?\n)?', text
    )
    sections = re.findall(r"^##? .*", README, re.MULTILINE)
    covered = []
    for start, end in included:
        covered += sections[sections.index(start) : sections.index(end) if end else None]
    assert sorted(covered) == sorted(sections)


def _modules() -> list[str]:
    return [
        module.name
        for module in pkgutil.walk_packages([str(Path(cl.__file__).parent)], "cleanlist_pandas.")
        if not module.name.endswith("__main__")
    ]


@pytest.mark.parametrize("module", ["cleanlist_pandas", *_modules()])
def test_examples_in_docstrings_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if module == "cleanlist_pandas.dask":
        pytest.importorskip("distributed")
    flags = doctest.NORMALIZE_WHITESPACE if cl.accessor.pd.__version__ < "3" else 0
    assert doctest.testmod(importlib.import_module(module), optionflags=flags).failed == 0


def test_every_public_name_has_a_docstring():
    for name in cl.__all__:
        assert getattr(cl, name).__doc__, name
