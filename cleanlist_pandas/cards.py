"""What a person is shown, once, and from it the text for a terminal and the HTML for a notebook.

The HTML is a guest on its page: no script, nothing fetched, no colours of its own. Text and background are the host's,
what is set apart is a transparent grey over them: light in a light JupyterLab, VS Code or Colab, dark in a dark one,
whatever the operating system prefers.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Card", "Table"]

# Two classes in a selector outweigh what JupyterLab says of every table; its stripes and its hover may stay.
_STYLE = """<style>
.cleanlist-card { max-width: 64em; margin: .3em 0; line-height: 1.45; }
.cleanlist-card p { margin: .15em 0; padding: 0 .45em; }
.cleanlist-card ul { margin: .5em 0; padding: .4em .8em .4em 1.8em; list-style: disc; background: rgba(128,128,128,.12);
  border-left: 3px solid rgba(128,128,128,.7); }
.cleanlist-card .tables { display: flex; flex-wrap: wrap; gap: .2em 2em; align-items: flex-start; }
.cleanlist-card .tables table { border-collapse: collapse; table-layout: auto; width: auto; margin: .5em 0; border: 0;
  color: inherit; font-variant-numeric: tabular-nums; }
.cleanlist-card .tables caption { caption-side: top; padding: .15em .5em; text-align: left; font-weight: 600;
  white-space: nowrap; color: inherit; }
.cleanlist-card .tables :is(th, td):is(th, td) { padding: .12em .5em; border: 0; text-align: left; font-weight: normal;
  vertical-align: baseline; color: inherit; }
.cleanlist-card .tables .n:is(th, td) { text-align: right; white-space: nowrap; }
.cleanlist-card .tables thead th:is(th) { border-bottom: 1px solid rgba(128,128,128,.6); opacity: .8; }
.cleanlist-card .tables tfoot :is(th, td):is(th, td) { border-top: 1px solid rgba(128,128,128,.6); }
.cleanlist-card .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
</style>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a head; the first cell of a row names it.

    Attributes
    ----------
    caption : str
        What the table shows.
    head : sequence of str
        The columns' names.
    rows : sequence of sequence of str
        The cells, of as many columns.
    foot : sequence of str
        A last row of sums; none if empty.
    text : str
        The format of one row as text, e.g. ``"{1:>9} {0}"``.
    numbers : frozenset of int
        Columns that are set to the right.
    titled : bool
        Whether the caption is seen; otherwise it is for screen readers only.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str
    foot: Sequence[str] = ()
    numbers: frozenset[int] = frozenset({1})
    titled: bool = True

    def as_text(self) -> list[str]:
        """Return the lines of the table, after an empty one."""
        title = [_plain(self.caption)] if self.titled else []
        rows = [*self.rows, self.foot] if self.foot else self.rows
        return ["", *title, *(self.text.format(*map(_plain, row)).rstrip() for row in rows)]

    def as_html(self) -> str:
        """Return the table."""
        unseen = "" if self.titled else ' class="unseen"'
        foot = f"<tfoot>{self._row(self.foot)}</tfoot>" if self.foot else ""
        return (
            f"<table><caption><span{unseen}>{_escaped(self.caption)}</span></caption>"
            f"<thead><tr>{''.join(self._cell('th', at, name, 'col') for at, name in enumerate(self.head))}</tr></thead>"
            f"<tbody>{''.join(map(self._row, self.rows))}</tbody>{foot}</table>"
        )

    def _row(self, row: Sequence[str]) -> str:
        """Return one row; its first cell is its head."""
        first, *others = row
        cells = "".join(self._cell("td", at, cell) for at, cell in enumerate(others, start=1))
        return f"<tr>{self._cell('th', 0, first, 'row')}{cells}</tr>"

    def _cell(self, tag: str, at: int, content: str, scope: str = "") -> str:
        """Return one cell."""
        kind = ' class="n"' if at in self.numbers else ""
        of = f' scope="{scope}"' if scope else ""
        return f"<{tag}{of}{kind}>{_escaped(content)}</{tag}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A title, sentences, findings, tables, and what is said after them; what is empty is left out.

    Attributes
    ----------
    label : str
        What it is, for screen readers only.
    title : str
        The one sentence that counts.
    lines, points, after : sequence of str
        Sentences below the title, a list below these, and sentences below the tables.
    tables : sequence of Table
        The numbers.
    """

    label: str
    title: str
    lines: Sequence[str] = ()
    points: Sequence[str] = ()
    tables: Sequence[Table] = ()
    after: Sequence[str] = ()

    def as_text(self) -> str:
        """Return it for a terminal."""
        points = ["", *(f"- {_plain(point)}" for point in self.points)] if self.points else []
        tables = [line for table in self.tables for line in table.as_text()]
        return "\n".join([*map(_plain, (self.title, *self.lines)), *points, *tables, *map(_plain, self.after)])

    def as_html(self) -> str:
        """Return it for a notebook."""
        points = "".join(f"<li>{_escaped(point)}</li>" for point in self.points)
        tables = "".join(table.as_html() for table in self.tables)
        return (
            f'<section class="cleanlist-card" aria-label="{_escaped(self.label)}">{_STYLE}'
            f"<p><strong>{_escaped(self.title)}</strong></p>{_paragraphs(self.lines)}"
            + (f"<ul>{points}</ul>" if points else "")
            + (f'<div class="tables">{tables}</div>' if tables else "")
            + f"{_paragraphs(self.after)}</section>"
        )


def _paragraphs(lines: Sequence[str]) -> str:
    """Return sentences as paragraphs."""
    return "".join(f"<p>{_escaped(line)}</p>" for line in lines)


def _plain(text: str) -> str:
    """Return text with everything that steers a terminal, or turns the direction of reading, written out."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _escaped(text: str) -> str:
    """Return text that HTML reads as nothing but text."""
    return html.escape(_plain(text))
