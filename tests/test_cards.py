"""One description of what a person is shown, as text and as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.cards import Card, Table

HOSTILE = [
    '<script>alert("1")</script>',
    "<img src=x onerror=alert(1)>",
    "</style></table><b>out</b>",
    "&lt;b&gt; & '\"",
    "\x1b[31mred\x1b[0m\r\n\x07\x9b2J",
    "\u202egnp.exe\u200b\u2028",
    "{0} {self} %s",
]
TABLE = Table(
    caption="Rows",
    head=("bucket", "rows", "meaning"),
    rows=[("blank", "1", "no address"), ("billable", "2", "")],
    foot=("rows", "3", "in all"),
    text="{1:>5} {0:<10}{2}",
)
CARD = Card(
    label="Test", title="Two credits.", lines=["One.", "Two."], points=["Mind."], tables=[TABLE], after=["End."]
)


class Reader(HTMLParser):
    """Reads HTML as a screen reader would, and notes every tag that is not closed in turn."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


def test_the_text():
    """Exactly; nothing but what there is."""
    assert CARD.as_text().splitlines() == [
        "Two credits.",
        "One.",
        "Two.",
        "",
        "- Mind.",
        "",
        "Rows",
        "    1 blank     no address",
        "    2 billable",
        "    3 rows      in all",
        "End.",
    ]
    assert Card(label="Test", title="Nothing.").as_text() == "Nothing."


def test_the_html_says_the_same_and_can_be_read_aloud():
    """A named section; each table with its caption, its columns' heads and its rows' heads."""
    reader = Reader(CARD.as_html())
    assert reader.open == []
    table = ["Rows", "bucket", "rows", "meaning", "blank", "1", "no address", "billable", "2", "rows", "3", "in all"]
    said = ["Two credits.", "One.", "Two.", "Mind.", *table, "End."]
    assert reader.texts == said
    assert reader.tags[0] == ("section", {"class": "cleanlist-card", "aria-label": "Test"})
    scopes = [attrs.get("scope") for tag, attrs in reader.tags if tag == "th"]
    assert scopes == ["col", "col", "col", "row", "row", "row"]
    assert sum(tag == "caption" for tag, _ in reader.tags) == 1


def test_a_caption_that_is_not_shown_is_still_read_out():
    """In the HTML; the text has none."""
    table = Table(caption="Rows", head=("a", "b"), rows=[("x", "1")], text="{1} {0}", titled=False)
    assert Card(label="T", title="T", tables=[table]).as_text() == "T\n\n1 x"
    assert '<caption><span class="unseen">Rows</span></caption>' in table.as_html()


def test_a_card_without_tables_has_none():
    """No empty list, no empty table, no empty paragraph."""
    html = Card(label="T", title="T").as_html()
    assert [tag for tag, _ in Reader(html).tags] == ["section", "style", "p", "strong"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["label", "title", "line", "point", "after", "caption", "head", "cell", "foot"])
def test_nothing_steers_a_terminal_or_a_page(place, text):
    """Wherever it stands: no further tag, no control character, and it can still be read."""
    table = Table(
        caption=text if place == "caption" else "c",
        head=(text if place == "head" else "h", "n"),
        rows=[(text if place == "cell" else "x", "1")],
        foot=(text if place == "foot" else "y", "1"),
        text="{1} {0}",
    )
    card = Card(
        label=text if place == "label" else "l",
        title=text if place == "title" else "t",
        lines=[text if place == "line" else "i"],
        points=[text if place == "point" else "p"],
        tables=[table],
        after=[text if place == "after" else "a"],
    )
    harmless = Card(label="l", title="t", lines=["i"], points=["p"], tables=[TABLE], after=["a"])
    reader = Reader(card.as_html())
    tags, known = [tag for tag, _ in reader.tags], {tag for tag, _ in Reader(harmless.as_html()).tags}
    assert set(tags) == known
    assert reader.open == []
    for shown in (card.as_text(), card.as_html()):
        assert all(char.isprintable() or char == "\n" for char in shown)
    assert card.as_text().count("\n") == Card(
        label="l", title="t", lines=["i"], points=["p"], tables=[table], after=["a"]
    ).as_text().count("\n")
    words = re.findall(r"[a-z]{3,}", text)
    told = " ".join([*reader.texts, reader.tags[0][1]["aria-label"] or ""])
    assert all(word in told for word in words)


def test_the_page_fetches_and_runs_nothing():
    """No script, no link, no source, no address at all."""
    html = CARD.as_html().lower()
    assert not re.search(r"<script|<link|<img|<iframe|src=|href=|url\(|@import|https?:|on\w+=", html)


LEADS = pd.DataFrame({"email": ["jo@acme.example", "JO@acme.example ", "ann@acme.example", "n/a"]})


def test_an_estimate_and_its_plan_are_shown_alike():
    """As HTML with all numbers of the text; the same each time."""
    plan = cl.plan(LEADS, ["title"], rate_per_minute=4)
    html = plan.estimate._repr_html_()
    assert html == plan._repr_html_() == cl.estimate_cost(LEADS, ["title"], rate_per_minute=4)._repr_html_()
    told = " ".join(Reader(html).texts)
    for line in repr(plan.estimate).splitlines():
        for word in line.replace("'", " ").split():
            assert word.strip("(),.") in told


def test_a_hostile_column_name_is_shown_harmlessly():
    """In the estimate, as HTML and as text."""
    name = "<script>alert(1)</script>\x1b[31m"
    shown = cl.estimate_cost(LEADS.rename(columns={"email": name}), ["title"])
    assert "<script>" not in shown._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown._repr_html_()
    assert "\x1b" not in repr(shown) + shown._repr_html_()


def test_an_empty_frame_has_a_card():
    """With a table of one row, the sum."""
    html = cl.estimate_cost(LEADS.iloc[:0], "title")._repr_html_()
    assert "nothing to save" in Reader(html).texts
