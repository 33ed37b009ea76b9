"""Files: what goes in comes out, cell by cell; what a spreadsheet would run is made plain; whole or not at all."""

from __future__ import annotations

import io
import os
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cleanlist_pandas.errors import CleanlistError, ConfigurationError
from cleanlist_pandas.files import check_output, read_frame, write_frame

CELLS = [
    ["jo@acme.example", "00123", "NA", ""],
    ["", "1e5", "N/A", " lead and trail "],
    ["ann@acme.example", "1.0", "null", 'say "hi", twice'],
    ["x", "-0", "NaN", "line\nbreak"],
    ["y", "True", "#N/A", "windows\r\nbreak"],
    ["z", "2026-01-02", "None", "lone\rreturn"],
    ["é", "=1+1", "-", "semi;colon\ttab|bar"],
]
HEADER = ["Email", "ZIP", "NA", "a,b"]


def frame_of(cells=CELLS, header=HEADER):
    return pd.DataFrame(cells, columns=header, dtype=object)


def read_bytes(tmp_path, content, name="in.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return read_frame(str(path))


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.tab", "out.txt", "out"])
def test_text_files_give_back_every_cell(tmp_path, name):
    """Zeros, words for missing, quotes, line breaks of all three kinds, separators."""
    path = str(tmp_path / name)
    write_frame(frame_of(), path, [])
    back = read_frame(path)
    assert back.columns.tolist() == HEADER
    assert back.to_numpy().tolist() == CELLS


@pytest.mark.parametrize("name", ["out.parquet", "out.pq", "out.feather", "out.xlsx"])
def test_other_files_give_back_every_cell(tmp_path, name):
    """As text, where the kind knows text."""
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    cells = [["jo@acme.example", "00123"], ["ann@acme.example", "+1 555"]]
    path = str(tmp_path / name)
    write_frame(frame_of(cells, ["Email", "ZIP"]), path, [])
    assert read_frame(path).to_numpy().tolist() == cells


SHEET = [
    ["Email", "ZIP", "ZIP", "Count", "Day", "Note", ""],
    ["jo@acme.example", "00501", 7, 12, pd.Timestamp("2026-01-02"), "N/A", "x"],
    ["ann@acme.example", "01234", 8.5, None, pd.Timestamp("2026-01-03"), "null", None],
]


def test_a_spreadsheet_is_read_cell_by_cell(tmp_path):
    """Postcodes in text keep their zeros, counts stay whole beside a gap, words for missing stay, no name changes."""
    pytest.importorskip("openpyxl")
    pd.DataFrame(SHEET).to_excel(tmp_path / "in.xlsx", header=False, index=False)
    frame = read_frame(str(tmp_path / "in.xlsx"))
    assert frame.columns.tolist() == SHEET[0]
    assert frame.iloc[:, 4].dtype.kind == "M"
    write_frame(frame, str(tmp_path / "out.csv"), [])
    assert (tmp_path / "out.csv").read_text() == (
        "Email,ZIP,ZIP,Count,Day,Note,\n"
        "jo@acme.example,00501,7.0,12,2026-01-02,N/A,x\n"
        "ann@acme.example,01234,8.5,,2026-01-03,null,\n"
    )


@pytest.mark.parametrize(("cells", "told"), [([], "is empty"), ([["a@acme.example"]], "so it is no header")])
def test_a_sheet_without_a_header_is_refused(tmp_path, cells, told):
    """As a text file is."""
    pytest.importorskip("openpyxl")
    pd.DataFrame(cells).to_excel(tmp_path / "in.xlsx", header=False, index=False)
    with pytest.raises(ConfigurationError, match=told):
        read_frame(str(tmp_path / "in.xlsx"))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separator_and_encoding_are_found_out(tmp_path, separator, encoding):
    """By the header row and by what decodes."""
    text = separator.join(["Name", "Email"]) + "\n" + separator.join(["Jürgen", "j@acme.example"]) + "\n"
    back = read_bytes(tmp_path, text.encode(encoding))
    assert back.columns.tolist() == ["Name", "Email"]
    assert back.to_numpy().tolist() == [["Jürgen", "j@acme.example"]]


def test_utf_8_that_is_damaged_is_not_taken_for_something_else(tmp_path):
    """Every accent in it would come out wrong; where most of it is Windows-1252, it is that."""
    damaged = "Name,Email\nZoë,z@x\nJosé,j@x\n".encode() + b"Ren\xc3,r@x\n"
    with pytest.raises(ConfigurationError, match=r"Line 4 is no UTF-8, and the file is; mend the line"):
        read_bytes(tmp_path, damaged)
    windows = "Name\nÉTÉ’S\nZoë\nJosé\n".encode("cp1252")
    assert read_bytes(tmp_path, windows)["Name"].tolist() == ["ÉTÉ’S", "Zoë", "José"]


READ = [
    (b'"Name, first";Email\nJo;a@x\n', ["Name, first", "Email"], [["Jo", "a@x"]]),
    (b'\n\r\nName;Email\nJo;a@x\n', ["Name", "Email"], [["Jo", "a@x"]]),
    (b"Email,Email\na@x,b@x\n", ["Email", "Email"], [["a@x", "b@x"]]),
    (b",Email\n0,a@x\n", ["", "Email"], [["0", "a@x"]]),
    (b"Email,Name\na@x\n", ["Email", "Name"], [["a@x", ""]]),
    (b"Email\n", ["Email"], []),
    (b"Email\r\na@x\r\n", ["Email"], [["a@x"]]),
    (b"Email", ["Email"], []),
    (b"\r\n\nEmail\r\na@x\r\n\r\n\r\nb@x\r\n", ["Email"], [["a@x"], [""], [""], ["b@x"]]),
    (b"sep=;\r\nEmail;a,b\r\na@x;Jo\r\n", ["Email", "a,b"], [["a@x", "Jo"]]),
    (b'\xef\xbb\xbf"sep=,"\nEmail\n\na@x\n', ["Email"], [[""], ["a@x"]]),
    (b"sep=x\na@x\n", ["sep=x"], [["a@x"]]),
    (b"Email,Name\na@x,Jo\n\nb@x,Al\n", ["Email", "Name"], [["a@x", "Jo"], ["b@x", "Al"]]),
    (b"0,1\n00,01\n", ["0", "1"], [["00", "01"]]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "header", "cells"), READ)
def test_headers_are_taken_as_they_are(tmp_path, content, header, cells):
    """No column is renamed, none becomes an index, short rows are filled; a blank line is a row of one column only."""
    back = read_bytes(tmp_path, content)
    assert back.columns.tolist() == header
    assert back.to_numpy().tolist() == cells
    assert isinstance(back.index, pd.RangeIndex)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"Email,Name\na@x,Jo,\n", r"Expected 2 fields in line 2, saw 3"),
        (b"sep=,\nEmail,Name\na@x,Jo,\n", r"Expected 2 fields in line 3, saw 3"),
        (b'Email,Name\n"a@x,Jo\n', "EOF inside string"),
        (b"Email\n\x81\n", "neither UTF-8 nor Windows-1252; save it as UTF-8"),
        (b"PAR1\x15", "This is no text in UTF-8; save it as CSV, or name a file that ends as its kind does"),
        (b"\x1f\x8b\x08", "This is no text"),
        ("Email\na@x\n".encode("utf-16-le"), "This is no text"),
        ("Email\na@x\n".encode("utf-32"), "This is no text"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, told):
    """Rows longer than the header are never shifted: the wrong people would be bought."""
    with pytest.raises(ConfigurationError, match=told):
        read_bytes(tmp_path, content)


@pytest.mark.parametrize("name", ["gone.csv", "gone.parquet", "gone", "gone/in.csv"])
def test_a_missing_file_is_told(tmp_path, name):
    """With its name."""
    with pytest.raises(ConfigurationError, match=f"{name}: there is no such file"):
        read_frame(str(tmp_path / name))


@pytest.mark.parametrize("name", ["in.docx", "in.json"])
def test_a_kind_that_cannot_be_read_is_told(tmp_path, name):
    """With the kinds that can."""
    with pytest.raises(ConfigurationError, match=r"use one of \.csv"):
        read_frame(str(tmp_path / name))


def test_a_packed_file_is_to_be_unpacked(tmp_path):
    """Said in so many words."""
    (tmp_path / "in.csv.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(ConfigurationError, match=r"in\.csv\.gz: is compressed; unpack it first"):
        read_frame(str(tmp_path / "in.csv.gz"))


@pytest.mark.parametrize("name", ["in.parquet", "in.feather"])
def test_a_broken_file_is_told(tmp_path, name):
    """And a folder."""
    with pytest.raises(ConfigurationError, match="cannot be read as a table"):
        read_bytes(tmp_path, b"rubbish", name)
    with pytest.raises(ConfigurationError, match="cannot be read as a table"):
        read_frame(str(tmp_path))


def test_an_index_of_parquet_becomes_columns(tmp_path):
    """It is not lost on the way out."""
    frame = pd.DataFrame({"email": ["a@x", "b@x"]}, index=pd.Index(["k1", "k1"], name="contact"))
    frame.to_parquet(tmp_path / "in.parquet")
    for name in ("out.parquet", "out.csv", "out.feather"):
        write_frame(read_frame(str(tmp_path / "in.parquet")), str(tmp_path / name), [])
        assert read_frame(str(tmp_path / name)).to_numpy().tolist() == [["k1", "a@x"], ["k1", "b@x"]]


FORMULAS = [
    ("=1+1", "'=1+1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("+SUM(A1)", "'+SUM(A1)"),
    ("-2+cmd|x", "'-2+cmd|x"),
    ("\t=1", "'\t=1"),
    ("\r=1", "'\r=1"),
    ("+1-555-0100", "+1-555-0100"),
    ("+49 (30) 123.456", "+49 (30) 123.456"),
    ("-5", "-5"),
    ("CTO = boss", "CTO = boss"),
    ("", ""),
]


@pytest.mark.parametrize(("cell", "written"), FORMULAS)
@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_what_a_spreadsheet_would_run_is_made_plain(tmp_path, cell, written, dtype):
    """In new columns only; phone numbers are let through; the caller's cells stay."""
    frame = pd.DataFrame({"mine": [cell], "new": pd.Series([cell], dtype=dtype)})
    write_frame(frame, str(tmp_path / "out.csv"), ["new", "not there"])
    assert read_frame(str(tmp_path / "out.csv")).to_numpy().tolist() == [[cell, written]]
    write_frame(frame, str(tmp_path / "out.parquet"), ["new"])
    assert read_frame(str(tmp_path / "out.parquet")).to_numpy().tolist() == [[cell, cell]]


def test_text_is_text_in_a_spreadsheet(tmp_path):
    """What looks like a formula or an error is not run, and read as it was."""
    pytest.importorskip("openpyxl")
    cells = [["a@x", "=1+1"], ["b@x", "#N/A"], ["c@x", "-1"]]
    write_frame(frame_of(cells, ["Email", "=Note"]), str(tmp_path / "out.xlsx"), [])
    back = read_frame(str(tmp_path / "out.xlsx"))
    assert [back.columns.tolist(), *back.to_numpy().tolist()] == [["Email", "=Note"], *cells]


@pytest.mark.parametrize("cell", ["a\0b", "\x1b[1m", "x" * 32_768])
def test_what_a_workbook_cannot_hold_is_told(tmp_path, cell):
    """It would fail on the first and cut the last short; CSV holds all."""
    with pytest.raises(ConfigurationError, match=r"a workbook cannot hold .* end it in \.csv"):
        write_frame(frame_of([["a@x", cell]], ["Email", "Note"]), str(tmp_path / "out.xlsx"), [])
    assert not list(tmp_path.iterdir())


def test_bytes_go_into_a_workbook_as_python_writes_them(tmp_path):
    """They hold no control characters then."""
    pytest.importorskip("openpyxl")
    write_frame(frame_of([["a@x", b"\0"]], ["Email", "Photo"]), str(tmp_path / "out.xlsx"), [])
    assert read_frame(str(tmp_path / "out.xlsx")).to_numpy().tolist() == [["a@x", r"b'\x00'"]]


def test_a_workbook_has_room_for_so_many_rows(tmp_path):
    """Told in a sentence; nothing is written."""
    pytest.importorskip("openpyxl")
    with pytest.raises(CleanlistError, match="no room for 1,048,576 rows"):
        write_frame(pd.DataFrame({"x": np.zeros(2**20, dtype=np.int8)}), str(tmp_path / "out.xlsx"), [])
    assert not list(tmp_path.iterdir())


def test_a_spreadsheet_takes_times(tmp_path):
    """Without their zone, which it does not know; formulas are plain there too."""
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame({"at": pd.to_datetime(["2026-01-02 03:04"], utc=True), "new": ["=1"]})
    write_frame(frame, str(tmp_path / "out.xlsx"), ["new"])
    assert read_frame(str(tmp_path / "out.xlsx")).to_numpy().tolist() == [[pd.Timestamp("2026-01-02 03:04"), "'=1"]]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    """Whole or not at all."""
    (tmp_path / "out.parquet").write_bytes(b"old")
    with pytest.raises(pa.ArrowException):
        write_frame(pd.DataFrame({"x": [1, "a", object()]}), str(tmp_path / "out.parquet"), [])
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out.parquet", b"old")]


def test_a_file_that_is_replaced_keeps_its_mode_and_its_link(tmp_path):
    """What was private stays private."""
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    write_frame(frame_of(), str(link), [])
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert real.read_text() != "old"


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path):
    """As the umask says, not the 0600 of a temporary one."""
    (tmp_path / "plain").write_text("")
    write_frame(frame_of(), str(tmp_path / "out.csv"), [])
    assert (tmp_path / "out.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("name", ["", "gone/out.csv", "out.docx", "folder", "pipe.csv"])
def test_an_output_that_could_not_be_written_is_refused(tmp_path, name):
    """A folder, a missing folder, an unknown kind, something that is no file."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        check_output(frame_of(), str(tmp_path / name), "in.csv")


def test_a_pipe_by_its_own_name_is_refused_before_anybody_is_asked():
    """As /dev/stdout is in a pipe: what it stands for has no place in any folder."""
    reader, writer = os.pipe()
    try:
        with pytest.raises(ConfigurationError, match="name a file in a folder that exists, or - for standard output"):
            check_output(frame_of(), f"/dev/fd/{writer}", "in.csv")
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("link", ["same", "symlink", "hardlink"])
def test_the_input_is_never_the_output(tmp_path, link):
    """By whatever name."""
    source, other = tmp_path / "in.csv", tmp_path / "other.csv"
    source.write_text("Email\n")
    {"same": lambda: None, "symlink": lambda: other.symlink_to(source), "hardlink": lambda: other.hardlink_to(source)}[
        link
    ]()
    with pytest.raises(ConfigurationError, match="is the input itself"):
        check_output(frame_of(), str(source if link == "same" else other), str(source))


@pytest.mark.parametrize("name", ["out.parquet", "out.feather"])
def test_columns_of_one_name_do_not_fit_into_parquet(tmp_path, name):
    """Told before anything is bought; CSV holds them."""
    frame = frame_of(header=["Email", "x", "x", "y"])
    with pytest.raises(ConfigurationError, match="cannot hold two columns named 'x'"):
        check_output(frame, str(tmp_path / name), "in.csv")
    check_output(frame, str(tmp_path / "out.csv"), "in.csv")


def test_mixed_cells_do_not_fit_into_parquet(tmp_path):
    """As a spreadsheet may hold them; told before anything is bought."""
    frame = pd.DataFrame({"email": ["a@x"] * 2, "zip": [1, "a"]})
    with pytest.raises(ConfigurationError, match="cannot hold columns of mixed types"):
        check_output(frame, str(tmp_path / "out.parquet"), "in.xlsx")
    check_output(frame, str(tmp_path / "out.csv"), "in.xlsx")


def test_standard_output_is_utf_8_whatever_the_terminal_speaks(monkeypatch):
    """Bytes, not the locale's text."""
    bytes_ = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_, encoding="ascii"))
    write_frame(frame_of([["é"]], ["x"]), "-", [])
    assert bytes_.getvalue() == "x\né\n".encode()
