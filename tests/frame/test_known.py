"""What the user's own tables know: read by person, matched field by field, by age."""

from __future__ import annotations

import datetime
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.frame.known import match_known, read_export
from cleanlist_pandas.frame.needs import names_of

JO, ANN, KIM = (f"{name}@acme.example" for name in ("jo", "ann", "kim"))
BOTH = ("title", "phone")


def ago(days):
    return (pd.Timestamp.now("UTC") - pd.Timedelta(days=days)).isoformat()


def matched(*frames, who=(JO, ANN, KIM), fields=BOTH, max_age=None):
    known = match_known([read_export(frame) for frame in frames], pa.array(who, pa.large_string()), fields, max_age)
    assert [names_of(int(bits)) for bits in known.bits] == [
        tuple(name for name in fields if name in known.values.get(at, {})) for at in range(len(who))
    ]
    return {who[at]: values for at, values in known.values.items()}


def test_each_field_is_known_by_itself():
    """Whatever way the address is written; others' people and other fields do not count."""
    frame = pd.DataFrame(
        {
            "Email": ["JO@acme.example", f"Ann <{ANN}>", "else@acme.example", "rubbish"],
            "enriched_title": ["CTO", None, "CEO", "CFO"],
            "enriched_phone": ["", "+1-555-0100", None, "1"],
            "enriched_company": ["Acme"] * 4,
        }
    )
    assert matched(frame) == {JO: {"title": "CTO"}, ANN: {"phone": "+1-555-0100"}}


def test_of_two_tables_the_first_that_knows_counts():
    """And each adds what the other lacks."""
    one = pd.DataFrame({"email": [JO, ANN], "enriched_title": ["CTO", None]})
    two = pd.DataFrame({"email": [JO, ANN], "enriched_title": ["CIO", "VP"], "enriched_phone": ["1", None]})
    assert matched(one, two) == {JO: {"title": "CTO", "phone": "1"}, ANN: {"title": "VP"}}


def test_of_two_rows_the_newest_that_knows_counts():
    """Without times, the first."""
    frame = pd.DataFrame({"email": [JO, JO, JO], "enriched_title": ["old", "new", None]})
    assert matched(frame) == {JO: {"title": "old"}}
    dated = frame.assign(enriched_at=[ago(9), ago(2), ago(1)])
    assert matched(dated) == {JO: {"title": "new"}}


@pytest.mark.parametrize(("max_age", "found"), [(None, True), (timedelta(10), True), (timedelta(1), False)])
def test_what_is_dated_as_too_old_does_not_count(max_age, found):
    """A table that dates nothing is taken at its word."""
    frame = pd.DataFrame({"email": [JO], "enriched_title": ["CTO"], "enriched_at": [ago(5)]})
    assert bool(matched(frame, max_age=max_age)) is found
    assert matched(frame.drop(columns="enriched_at"), max_age=max_age) == {JO: {"title": "CTO"}}


def test_a_word_of_an_enum_is_spelled_as_the_service_spells_it():
    """One that is none is not known."""
    frame = pd.DataFrame({"email": [JO, ANN], "enriched_seniority": ["C-Level", "wizard"]})
    assert matched(frame, fields=["seniority"]) == {JO: {"seniority": "c_level"}}


@pytest.mark.parametrize(
    "at",
    [
        "2020-01-01",
        "2020-01-01T00:00:00Z",
        "2020-01-01 00:00:00+02:00",
        "20200101",
        20200101,
        datetime.date(2020, 1, 1),
        datetime.datetime(2020, 1, 1),
        pd.Timestamp("2020-01-01", tz="Asia/Tokyo"),
        pd.Period("2020-01-01", "D"),
    ],
)
def test_times_are_read_as_they_come(at):
    """Naive ones are UTC."""
    export = read_export(pd.DataFrame({"email": [JO], "enriched_title": ["CTO"], "enriched_at": [at]}))
    assert abs(pd.Timestamp(export.at_us[0], unit="us") - pd.Timestamp("2020-01-01")) <= pd.Timedelta("9h")


@pytest.mark.parametrize("blank", [None, "", "n/a", float("nan"), pd.NaT])
def test_no_time_is_no_age(blank):
    """As if there were no such column."""
    frame = pd.DataFrame({"email": [JO], "enriched_title": ["CTO"], "enriched_at": [blank]})
    assert matched(frame, max_age=timedelta(1)) == {JO: {"title": "CTO"}}


def test_a_time_to_come_is_now():
    """Else such an answer would stand for ever."""
    frame = pd.DataFrame({"email": [JO], "enriched_title": ["CTO"], "enriched_at": ["2200-01-01"]})
    assert pd.Timestamp(read_export(frame).at_us[0], unit="us") <= pd.Timestamp.now("UTC").tz_localize(None)


@pytest.mark.parametrize("at", [1577836800, "1577836800", 43831.5, "31.01.2020", "last week", True])
def test_times_that_nobody_can_read_are_refused(at):
    """Taken for none, old answers would pass for new ones."""
    frame = pd.DataFrame({"email": [JO], "enriched_title": ["CTO"], "enriched_at": [at]})
    with pytest.raises(ColumnsError, match="1 of 1 values are no time such as 2026-06-30"):
        read_export(frame)


def test_a_text_that_no_file_can_hold_is_not_known():
    """A lone surrogate."""
    frame = pd.DataFrame({"email": [JO, ANN], "enriched_title": pd.Series(["a\ud800", "CTO"], dtype=object)})
    assert matched(frame) == {ANN: {"title": "CTO"}}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"enriched_title": ["CTO"]}, "does not say who it is about .No e-mail column.*call its column of addresses"),
        ({"Work Email": [JO], "Business Email": [JO], "enriched_title": ["CTO"]}, "are equally good"),
        ({"email": [JO], "title": ["CTO"]}, "no enriched column"),
    ],
)
def test_a_table_that_says_nothing_is_refused(columns, message):
    """By what is missing."""
    with pytest.raises(ColumnsError, match=message) as caught:
        read_export(pd.DataFrame(columns))
    assert "columns=" not in str(caught.value)


@pytest.mark.parametrize("twice", ["enriched_title", "enriched_status", "enriched_at"])
def test_a_column_that_occurs_twice_is_refused(twice):
    """Another one, such as the company, may."""
    row = {"email": JO, "enriched_title": "CTO", "enriched_status": "completed", "enriched_at": "2020-01-01"}
    with pytest.raises(ColumnsError, match=f"The column '{twice}' occurs twice"):
        read_export(pd.DataFrame([[*row.values(), row[twice]]], columns=[*row, twice]))
    read_export(pd.DataFrame([[*row.values(), "Acme", "Acme"]], columns=[*row, "Company", "Company"]))
