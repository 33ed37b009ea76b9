"""The house's rules that a linter does not know: who may import whom."""

import ast
from pathlib import Path

import pytest

import cleanlist_pandas

ROOT = Path(cleanlist_pandas.__file__).parent

# From the ground up; a module imports only from its own room and from rooms below.
ROOMS = (
    ("errors", "wording", "cards"),
    ("plots",),
    ("fields",),
    ("answers",),
    ("services.reply", "services.service"),
    ("checks",),
    ("option_table",),
    ("settings",),
    ("frame", "datasets"),
    ("separated",),
    ("sources", "parquet", "replacing"),
    ("sinks",),
    ("files",),
    (
        "services.cells",
        "services.proxies",
        "services.http",
        "services.csv_row",
        "services.many",
        "services.csv_rows",
        "services.title_crafts",
        "services.title_rules",
        "services.seniority",
        "services.v2",
        "services.v2_company",
        "services.csv_upload",
        "services.legacy_v1",
        "services.v2_list",
        "services.v2_rows",
    ),
    (
        "run.budget",
        "run.retry",
        "run.pace",
        "run.stop",
        "run.lease",
        "run.records",
        "run.pages",
        "run.found",
        "run.holding",
        "run.rows",
        "run.adopt",
        "run.ledger_file",
        "run.store",
    ),
    ("plan",),
    ("run",),
    ("last", "ending", "resume", "signatures", "local", "cli_parser", "webhooks"),
    ("surfaces",),
    ("case",),
    ("asking", "quote", "knowledge", "purchase"),
    ("companies",),
    ("screening",),
    ("calls",),
    ("reports",),
    ("functions", "jobs", "changes", "glance"),
    ("accessor", "whole", "stream"),
    ("dask",),
    ("cli_say",),
    ("cli_ledger",),
    ("cli_enrich",),
    ("cli",),
    ("__main__", "__init__"),
)


def _modules() -> dict[str, Path]:
    paths = [path for path in ROOT.rglob("*.py") if "sandbox" not in path.relative_to(ROOT).parts]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}


def _height(module: str) -> int:
    names = {module, module.rpartition(".")[0] if "." in module else module}
    exact = [height for height, room in enumerate(ROOMS) if module in room]
    return exact[0] if exact else next(height for height, room in enumerate(ROOMS) if names & set(room))


def _imports(path: Path, *, for_types: bool = False) -> set[str]:
    """Modules of ours that a file imports when it runs; those for type checkers only do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def _of_house(path: Path) -> set[str]:
    names = {name.removeprefix("cleanlist_pandas.") for name in _imports(path) if name.startswith("cleanlist_pandas.")}
    return names & set(_modules())


@pytest.mark.parametrize("module", sorted(_modules()))
def test_a_module_imports_only_from_its_own_room_and_below(module):
    if module == "__init__" or module.endswith(".__init__"):
        return
    higher = {name for name in _of_house(_modules()[module]) if _height(name) > _height(module)}
    assert not higher


def test_the_sandbox_imports_nothing_of_the_rest():
    for path in (ROOT / "sandbox").rglob("*.py"):
        ours = {name for name in _imports(path) if name.startswith("cleanlist_pandas")}
        assert all(name.startswith("cleanlist_pandas.sandbox") for name in ours), path


def test_only_the_two_doors_import_the_sandbox():
    users = {
        module
        for module, path in _modules().items()
        if any(name.startswith("cleanlist_pandas.sandbox") for name in _imports(path))
    }
    assert users == {"cli", "local"}


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("httpx", {"services.http", "services.proxies"}),
        ("httpcore", {"services.http", "services.proxies"}),
        ("sqlite3", {"run.ledger_file", "run.store", "run.salvage"}),
        ("matplotlib", {"plots"}),
        ("polars", set()),
        ("duckdb", set()),
        ("dask", {"dask"}),
    ],
)
def test_a_foreign_package_has_one_room(package, allowed):
    users = {module for module, path in _modules().items() if package in {n.split(".")[0] for n in _imports(path)}}
    assert users == allowed


def test_no_module_grows_past_what_one_reading_holds():
    long = {path.name: n for path in ROOT.rglob("*.py") if (n := len(path.read_text().splitlines())) > 330}
    assert not long
