"""Do-not-contact lists: as entries, tables or files; a list that cannot be read sends nobody."""

from __future__ import annotations

import pandas as pd
import pytest

from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.suppress import read_suppress

JO, ANN = "jo@acme.example", "ann@acme.example"


@pytest.mark.parametrize(
    ("given", "entries"),
    [
        (None, []),
        (JO, [JO]),
        ("acme.example", ["acme.example"]),
        ([JO, "acme.example"], [JO, "acme.example"]),
        (pd.Series([JO, ANN], index=[5, 5]), [JO, ANN]),
        (pd.DataFrame({"E-Mail": [JO, None], "why": ["a", "b"]}), [JO]),
        ({JO: "asked us to"}, [JO]),
        ([], []),
    ],
)
def test_entries_are_taken_as_they_are(given, entries):
    """From a text, any iterable, or a table."""
    assert read_suppress(given) == entries


@pytest.mark.parametrize(
    ("name", "content", "entries"),
    [
        ("list.txt", f"# asked us to\n{JO}\n\n  {ANN}\n", [JO, f"  {ANN}"]),
        ("bom.txt", f"\ufeff{JO}\n", [JO]),
        ("header.txt", f"E-Mail\n{JO}\n", [JO]),
        ("list.csv", f"Email,why\n{JO},a\n{ANN},b\n", [JO, ANN]),
        ("one.csv", f"who\n{JO}\nacme.example\n", [JO, "acme.example"]),
        ("noheader.csv", f"{JO}\n{ANN}\n", [JO, ANN]),
        ("noheader2.csv", f"{JO},a\n{ANN},b\n", [JO, ANN]),
        ("domains.csv", "acme.example\nother.example\n", ["acme.example", "other.example"]),
        ("list.tsv", f"Email\twhy\n{JO}\ta\n", [JO]),
    ],
)
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_files_are_read(tmp_path, name, content, entries, kind):
    """A first line that is an entry itself counts as one: a list may have no header row."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert read_suppress(kind(path)) == entries


def test_parquet_is_read(tmp_path):
    """By its e-mail column."""
    path = tmp_path / "list.parquet"
    pd.DataFrame({"n": [1], "email": [JO]}).to_parquet(path)
    assert read_suppress(path) == [JO]


@pytest.mark.parametrize("name", ["gone.txt", "gone.csv", "gone.parquet", "folder/gone"])
def test_a_missing_file_is_an_error(tmp_path, name):
    """And not an empty list."""
    with pytest.raises(ConfigurationError, match="no such file"):
        read_suppress(str(tmp_path / name))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b""])
def test_an_unreadable_csv_is_an_error(tmp_path, content):
    """Whatever pandas says about it."""
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"cannot be read|names nobody|No e-mail column"):
        read_suppress(path)


@pytest.mark.parametrize("given", [5, b"jo@acme.example", 1.5])
def test_what_is_no_list_is_an_error(given):
    """It says what would be one."""
    with pytest.raises(ConfigurationError, match="list or Series, or a file"):
        read_suppress(given)
