"""How the documentation is built: from the README, the docstrings, the tables in the code and the notebooks.

``sphinx-build -W docs docs/_build/html`` builds it, offline; whatever is in two places is generated or included here.
"""

from __future__ import annotations

import argparse
import inspect
import os
import shutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import cleanlist_pandas as cl
from cleanlist_pandas.cli_parser import make_parser
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.option_table import OPTIONS

HERE = Path(__file__).parent
GENERATED = HERE / "generated"
IN_PYTHON = """
In Python
=========

.. include:: ../../README.md
   :parser: myst_parser.sphinx_
   :start-after: ## In Python
   :end-before: ## In the shell

"""

project = "cleanlist_pandas"
author = "the authors of cleanlist_pandas"
version = release = cl.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb"]
templates_path = ["_templates"]
exclude_patterns = ["_build", "generated/*.md"]  # the latter are parts of pages
default_role = "py:obj"  # `name` in a docstring is a link where there is such a name
myst_heading_anchors = 2
nb_execution_mode = "off"  # the notebooks are committed with outputs; tests hold them to what happens
numpydoc_show_class_members = False
autodoc_typehints = "none"  # numpydoc's parameter lists say it better
html_theme = "pydata_sphinx_theme"
html_title = f"cleanlist_pandas {release}"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_theme_options = {
    "navbar_center": [],  # all pages are at the left
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"**": ["globaltoc.html"]}
html_show_sourcelink = False
os.environ["COLUMNS"] = "80"  # for the help of the shell's commands, whoever builds


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def fields() -> str:
    """Return what each field means."""
    return table(("field", "meaning"), ((f"`{field.name}`", field.meaning) for field in FIELDS.values()))


def settings() -> str:
    """Return every option that has a default."""
    rows = (
        (f"`{option.name}`", option.type, _variable(option.variable), option.meaning) for option in OPTIONS.values()
    )
    return table(("option", "type and default", "environment", "meaning"), rows)


def _variable(name: str | None) -> str:
    return f"`{name}`" if name else ""


def shell() -> str:
    """Return the help of each command."""
    return "".join(f"## {parser.prog}\n\n```text\n{parser.format_help()}```\n\n" for parser in _parsers(make_parser()))


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _parsers(below)


def errors() -> str:
    """Return the errors' page but for its title: the tree is in the module's docstring."""
    names = [name for name in vars(cl.errors) if name in cl.errors.__all__]  # as they are written: bases first
    each = [f".. autoexception:: cleanlist_pandas.{n}\n   :members:\n   :exclude-members: hand_back\n" for n in names]
    return "\n".join(["```{eval-rst}", ".. automodule:: cleanlist_pandas.errors\n   :no-index:\n", *each, "```\n"])


def reference() -> str:
    """Return the table of all that is public, with a page for each but the errors."""
    public = [name for name in cl.__all__ if not _is_error(getattr(cl, name))]
    results = [name for name in public if inspect.isclass(getattr(cl, name))]
    parts = {
        "Functions and settings": ("cleanlist_pandas", [name for name in public if name not in results]),
        "Results and the ledger": ("cleanlist_pandas", results),
        "The sandbox's parts": ("cleanlist_pandas.sandbox", _public("cleanlist_pandas.sandbox")),
        "Dask": ("cleanlist_pandas.dask", _public("cleanlist_pandas.dask")),
    }
    return IN_PYTHON + "".join(_summary(title, *part) for title, part in parts.items())


def _is_error(thing: Any) -> bool:
    return inspect.isclass(thing) and issubclass(thing, BaseException)


def _public(module: str) -> list[str]:
    return list(import_module(module).__all__)


def _summary(title: str, module: str, names: Iterable[str]) -> str:
    listed = "".join(f"   {name}\n" for name in names)
    head = f"{title}\n{'-' * len(title)}\n\n.. currentmodule:: {module}\n\n"
    return f"{head}.. autosummary::\n   :toctree: api\n   :nosignatures:\n\n{listed}\n"


def generate() -> None:
    """Write the parts that pages include, and copy what Sphinx wants in its own folder."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    GENERATED.mkdir()
    for name, text in {
        "fields.md": fields(),
        "settings.md": settings(),
        "shell.md": shell(),
        "errors.md": errors(),
        "reference.rst": reference(),
    }.items():
        (GENERATED / name).write_text(text, encoding="utf-8")
    for original in (*HERE.parent.glob("notebooks/*.ipynb"), HERE.parent / "benchmarks" / "README.md"):
        copy = HERE / original.relative_to(HERE.parent)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(original, copy)


generate()
