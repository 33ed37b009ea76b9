"""Diff: what changed for whom between two enriched frames, one typed row a change."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.fields import EMAIL_STATUSES, FIELDS, SENIORITIES
from cleanlist_pandas.frame.diff import CHANGES, TEXTS, diff_frames

JO = "jo@acme.example"
DTYPES = {
    "change": pd.CategoricalDtype(
        [
            *("new_company", "promotion", "demotion", "new_title", "email_invalid", "email_valid"),
            *("phone_gained", "phone_changed", "phone_lost"),
        ],
        ordered=True,
    ),
    "field": pd.CategoricalDtype(["company", "seniority", "title", "email_status", "phone"]),
    "before": pd.Series(["a"]).dtype,
    "after": pd.Series(["a"]).dtype,
    "company": pd.Series(["a"]).dtype,
    "title": pd.Series(["a"]).dtype,
    "title_before": pd.Series(["a"]).dtype,
    "seniority": pd.CategoricalDtype(list(SENIORITIES), ordered=True),
    "seniority_before": pd.CategoricalDtype(list(SENIORITIES), ordered=True),
    "row": pd.Int64Dtype(),
    "row_before": pd.Int64Dtype(),
}


def frame_of(*people, **columns):
    """A frame of people as ``(email, {field: value})``; all five fields are columns of it."""
    names = ("company", "title", "seniority", "email_status", "phone")
    values = {FIELDS[n].column: pd.Series([p.get(n) for _, p in people], dtype=object) for n in names}
    return pd.DataFrame({"email": pd.Series([email for email, _ in people], dtype=object), **values, **columns})


def plain(value):
    return None if pd.isna(value) else value


def rows_of(changes, *columns):
    return [tuple(plain(v) for v in row) for row in changes[list(columns)].astype(object).itertuples(index=False)]


def one_person(before, now):
    changes = diff_frames(frame_of((JO, now)), frame_of((JO, before)))
    assert (changes["field"].astype(object) == [CHANGES[kind] for kind in changes["change"]]).all()
    return rows_of(changes, "change", "before", "after")


# --- what counts as a change ------------------------------------------------------------------------------------------

CASES = {
    "nothing": ({"company": "Acme", "title": "CTO"}, {"company": "Acme", "title": "CTO"}, []),
    "company": ({"company": "Acme"}, {"company": "Globex"}, [("new_company", "Acme", "Globex")]),
    "legal form": ({"company": "Acme"}, {"company": "ACME, Inc."}, []),
    "company with title and seniority": (
        {"company": "Acme", "title": "Buyer", "seniority": "manager"},
        {"company": "Globex", "title": "VP", "seniority": "vp"},
        [("new_company", "Acme", "Globex")],
    ),
    "promotion with title": (
        {"company": "Acme", "title": "Buyer", "seniority": "manager"},
        {"company": "acme", "title": "VP", "seniority": "vp"},
        [("promotion", "manager", "vp")],
    ),
    "promotion without title": ({"seniority": "c_level"}, {"seniority": "owner"}, [("promotion", "c_level", "owner")]),
    "demotion": ({"seniority": "vp"}, {"seniority": "director"}, [("demotion", "vp", "director")]),
    "title": (
        {"title": "Buyer", "seniority": "manager"},
        {"title": "Planner", "seniority": "manager"},
        [("new_title", "Buyer", "Planner")],
    ),
    "title where seniority is not known": (
        {"title": "Buyer", "seniority": "manager"},
        {"title": "Planner"},
        [("new_title", "Buyer", "Planner")],
    ),
    "title in another spelling": ({"title": "VP, Sales"}, {"title": " vp  sales "}, []),
    "enum in another spelling": ({"seniority": "C-Level"}, {"seniority": "c_level"}, []),
    "enum nobody knows": ({"seniority": "boss"}, {"seniority": "vp"}, []),
    "job found": ({}, {"company": "Acme", "title": "CTO", "seniority": "c_level"}, []),
    "job not found any more": ({"company": "Acme", "title": "CTO", "seniority": "c_level"}, {}, []),
    "blank is missing": ({"company": "Acme", "title": " ", "phone": ""}, {"company": "N/A", "title": "CTO"}, []),
    "invalid": ({"email_status": "valid"}, {"email_status": "invalid"}, [("email_invalid", "valid", "invalid")]),
    "invalid and not known before": ({}, {"email_status": "Invalid"}, [("email_invalid", None, "invalid")]),
    "still invalid": ({"email_status": "invalid"}, {"email_status": "invalid"}, []),
    "valid again": ({"email_status": "invalid"}, {"email_status": "valid"}, [("email_valid", "invalid", "valid")]),
    "valid and not known before": ({}, {"email_status": "valid"}, []),
    "no more invalid, not valid": ({"email_status": "invalid"}, {"email_status": "catch-all"}, []),
    "invalid and not asked": ({"email_status": "invalid"}, {}, []),
    "other states": ({"email_status": "valid"}, {"email_status": "risky"}, []),
    "phone gained": ({}, {"phone": "+1-555-0100"}, [("phone_gained", None, "+1-555-0100")]),
    "phone lost": ({"phone": "+1-555-0100"}, {"phone": None}, [("phone_lost", "+1-555-0100", None)]),
    "phone changed": (
        {"phone": "+1-555-0100"},
        {"phone": "+1-555-0199"},
        [("phone_changed", "+1-555-0100", "+1-555-0199")],
    ),
    "phone in another spelling": ({"phone": "+1-555-0100"}, {"phone": "+1 (555) 0100"}, []),
    "phone as a number": ({"phone": "15550100"}, {"phone": 15550100.0}, []),
    "everything": (
        {"company": "Acme", "title": "A", "seniority": "vp", "email_status": "valid", "phone": "1"},
        {"company": "Globex", "title": "B", "seniority": "entry", "email_status": "invalid", "phone": "2"},
        [("new_company", "Acme", "Globex"), ("email_invalid", "valid", "invalid"), ("phone_changed", "1", "2")],
    ),
}


@pytest.mark.parametrize(("before", "now", "expected"), CASES.values(), ids=CASES)
def test_what_counts_as_a_change(before, now, expected):
    """One row for a new job, whatever of it changed; what only one frame knows is none, but for phone and e-mail."""
    assert one_person(before, now) == expected


def test_seniority_knows_every_step():
    """Up is a promotion, down a demotion, for each pair of levels."""
    steps = [(a, b) for a in SENIORITIES for b in SENIORITIES]
    now = frame_of(*((f"p{n}@x.example", {"seniority": b}) for n, (_, b) in enumerate(steps)))
    before = frame_of(*((f"p{n}@x.example", {"seniority": a}) for n, (a, _) in enumerate(steps)))
    changes = diff_frames(now, before).sort_values("row")
    expected = [
        ("promotion" if SENIORITIES.index(b) > SENIORITIES.index(a) else "demotion", a, b) for a, b in steps if a != b
    ]
    assert rows_of(changes, "change", "before", "after") == expected


def test_a_row_tells_the_whole_story():
    """Who, the former and the new company, title and level, and where they stand."""
    before = frame_of((JO, {"company": "Acme", "title": "Buyer", "seniority": "manager", "phone": "1"}))
    now = frame_of(
        ("ann@acme.example", {"title": "CTO"}),
        (JO.upper(), {"company": "Globex", "title": "VP Supply", "seniority": "vp"}),
    )
    first, second = diff_frames(now, before).astype(object).to_dict("records")
    assert first == {
        "email": JO,
        "change": "new_company",
        "field": "company",
        "before": "Acme",
        "after": "Globex",
        "company": "Globex",
        "title": "VP Supply",
        "title_before": "Buyer",
        "seniority": "vp",
        "seniority_before": "manager",
        "row": 1,
        "row_before": 0,
    }
    assert pd.isna(second.pop("after"))
    assert second == {
        **{name: value for name, value in first.items() if name != "after"},
        "change": "phone_lost",
        "field": "phone",
        "before": "1",
    }


@pytest.mark.parametrize(
    ("status", "lost"),
    [
        *((s, False) for s in ("skipped", "failed", "in_doubt", "not_attempted", "Not Attempted")),
        *((s, True) for s in ("completed", "not_found", None, "")),
    ],
)
def test_a_phone_is_not_lost_where_nobody_answered(status, lost):
    """A run that stopped early says nothing of those it did not reach."""
    before = frame_of((JO, {"phone": "1"}), enriched_status=["completed"])
    changes = diff_frames(frame_of((JO, {}), enriched_status=[status]), before)
    assert changes["change"].tolist() == ["phone_lost"] * lost


@pytest.mark.parametrize("missing", ["now", "before"])
@pytest.mark.parametrize("field", list(dict.fromkeys(CHANGES.values())))
def test_a_column_of_one_frame_only_is_not_compared(field, missing):
    """Not even a phone is gained by buying the column."""
    old = {"company": "A", "title": "a", "seniority": "vp", "email_status": "valid"}
    new = {"company": "B", "title": "b", "seniority": "owner", "email_status": "invalid", "phone": "2"}
    frames = {"now": frame_of((JO, new)), "before": frame_of((JO, old))}
    frames[missing] = frames[missing].drop(columns=FIELDS[field].column)
    assert field not in diff_frames(**frames)["field"].tolist()
    assert len(diff_frames(**frames)) >= 2


# --- the table --------------------------------------------------------------------------------------------------------


def messy():
    """Two frames with every kind of change, in which no dtype says what it holds."""
    rng = np.random.default_rng(5)
    people = [f"p{n}@x.example" for n in range(300)]
    choices = {
        "company": ["Acme", "Globex, Inc.", "", None],
        "title": ["Buyer", "VP", None, "N/A"],
        "seniority": [*SENIORITIES, None],
        "email_status": [*EMAIL_STATUSES, None],
        "phone": ["+1-555-0100", "+1-555-0101", None],
    }
    frames = []
    for _ in range(2):
        order = rng.permutation(len(people))[:280]
        drawn = [{n: values[rng.integers(len(values))] for n, values in choices.items()} for _ in order]
        frames.append(frame_of(*((people[place], person) for place, person in zip(order, drawn, strict=True))))
    return frames


def as_categories(frame):
    return frame.assign(
        enriched_seniority=pd.Categorical(frame.enriched_seniority, list(SENIORITIES), ordered=True),
        enriched_email_status=pd.Categorical(frame.enriched_email_status, list(EMAIL_STATUSES)),
    )


def as_dictionaries(frame):
    return frame.astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))


KINDS = {
    "object": lambda frame: frame.astype(object),
    "default": lambda frame: frame.infer_objects(),
    "string": lambda frame: frame.astype("string"),
    "pyarrow": lambda frame: frame.astype(pd.ArrowDtype(pa.string())),
    "category": lambda frame: frame.astype("category"),
    "as enrich makes them": as_categories,
    "arrow dictionary": as_dictionaries,
    "text of a file": lambda frame: frame.astype(object).where(frame.notna(), ""),
}


@pytest.mark.parametrize("n_rows", [0, None])
@pytest.mark.parametrize("of_before", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("of_now", KINDS.values(), ids=KINDS)
def test_the_table_does_not_depend_on_the_dtypes_of_the_frames(of_now, of_before, n_rows):
    """Words count, whether they are categories or text; the same columns and dtypes for no rows."""
    now, before = messy()
    expected = diff_frames(now, before)
    found = diff_frames(of_now(now).iloc[:n_rows], of_before(before))
    assert dict(found.dtypes) == {"email": DTYPES["before"], **DTYPES}
    assert list(found) == ["email", *DTYPES]
    pd.testing.assert_frame_equal(found, expected.iloc[:n_rows])
    assert set(expected["change"]) == set(CHANGES)


def test_the_most_important_comes_first():
    """And within a kind the order is that of the newer frame."""
    changes = diff_frames(*messy())
    assert changes["change"].is_monotonic_increasing
    assert all(rows.is_monotonic_increasing for _, rows in changes.groupby("change", observed=True)["row"])
    assert changes.index.equals(pd.RangeIndex(len(changes)))


def test_rows_are_positions():
    """Whatever the index; `iloc` finds both sides again, and neither frame is changed."""
    now, before = messy()
    now.index = pd.Index([7] * len(now))
    before.index = pd.MultiIndex.from_arrays([range(len(before))] * 2)
    copies = now.copy(deep=True), before.copy(deep=True)
    changes = diff_frames(now, before)
    assert (
        now.email.iloc[changes.row].tolist() == changes.email.tolist() == before.email.iloc[changes.row_before].tolist()
    )
    for frame, copy in zip((now, before), copies, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


def test_two_frames_of_changes_concat():
    """To the same dtypes, also with an empty one."""
    changes = diff_frames(*messy())
    both = pd.concat([changes, changes.iloc[:0]], ignore_index=True)
    assert dict(both.dtypes) == dict(changes.dtypes)


def test_counts_of_people_are_in_attrs(tmp_path):
    """Plain JSON that survives Parquet; a frame's own attrs do not come along."""
    now = frame_of((JO, {"phone": "1"}), ("a@x.example", {}), ("", {}), (JO, {}))
    before = frame_of((JO, {}), ("b@x.example", {}), ("c@x.example", {}))
    now.attrs["cleanlist"] = {"run_id": "x"}
    changes = diff_frames(now, before)
    assert changes.attrs == {"cleanlist_diff": {"people": 1, "only_now": 1, "only_before": 2}}
    assert json.loads(json.dumps(changes.attrs)) == changes.attrs
    changes.to_parquet(tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    assert back.attrs == changes.attrs
    assert back["change"].tolist() == ["phone_gained"]


def test_text_columns_are_named_for_the_writer():
    """All that hold what the service wrote: a spreadsheet must not run them."""
    changes = diff_frames(*messy())
    texts = [name for name in changes if name != "email" and changes[name].dtype == DTYPES["before"]]
    assert list(TEXTS) == texts


# --- who is who -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (" JO@Acme.Example ", JO),
        ("Jo <mailto:jo@acme.example>", JO),
        ("jo@müller.example", "jo@xn--mller-kva.example"),
    ],
)
def test_an_address_in_another_spelling_is_the_same_person(now, before):
    """As when enriching."""
    changes = diff_frames(frame_of((now, {"company": "B"})), frame_of((before, {"company": "A"})))
    assert rows_of(changes, "change", "row", "row_before") == [("new_company", 0, 0)]


def test_who_has_no_address_is_nobody():
    """Two blanks are not one person."""
    blanks = (None, "", "n/a", "rubbish")
    now = frame_of(*((blank, {"company": "A"}) for blank in blanks))
    before = frame_of(*((blank, {"company": "B"}) for blank in blanks))
    changes = diff_frames(now, before)
    assert len(changes) == 0
    assert changes.attrs["cleanlist_diff"] == {"people": 0, "only_now": 0, "only_before": 0}


def test_the_e_mail_columns_may_have_different_names():
    """And other roles play no part, not even twice."""
    now = frame_of((JO, {"company": "B"})).rename(columns={"email": "Work Email"})
    before = frame_of((JO, {"company": "A"})).rename(columns={"email": "E-Mail"})
    now.insert(0, "Company", "x")
    now.insert(0, "Company", "y", allow_duplicates=True)
    assert diff_frames(now, before)["change"].tolist() == ["new_company"]


def test_of_several_rows_the_first_that_has_values_counts():
    """In either frame; of rows without any, the first."""
    now = frame_of((JO, {}), (JO, {"company": "B"}), (JO, {"company": "C"}), ("a@x.example", {}), ("a@x.example", {}))
    before = frame_of((JO, {}), ("a@x.example", {"phone": "1"}), (JO, {"company": "A"}))
    changes = diff_frames(now, before)
    assert rows_of(changes, "email", "change", "after", "row", "row_before") == [
        (JO, "new_company", "B", 1, 2),
        ("a@x.example", "phone_lost", None, 3, 1),
    ]


ON = {
    "numbers and text": ([7, 8], ["8", "7"], [1, 0]),
    "numbers beside gaps": (pd.Series([7.0, None]), [7, 9], [0]),
    "nullable numbers": (pd.array([7, None], "Int64"), pd.array([None, 7], "int64[pyarrow]"), [1]),
    "numbers among text": (["7", "x"], [7, "x"], [0, 1]),
    "text that differs in case": (["aB", "ab"], ["ab", "aB"], [1, 0]),
    "text with space around it": ([" a ", "b"], ["a", "b\t"], [0, 1]),
    "missing matches nothing": ([None, "-"], [None, "-"], []),
    "addresses": (["JO@acme.example", "x"], ["Jo <jo@acme.example>", "x"], [0, 1]),
    "categories": (pd.Categorical(["b", "a"]), pd.Categorical(["a", "c"]), [0]),
}


@pytest.mark.parametrize(("now", "before", "matched"), ON.values(), ids=ON)
def test_people_can_be_matched_by_a_column(now, before, matched):
    """As text; the result has the newer frame's own values and dtype, to join back by."""
    frames = [pd.DataFrame({"Id": ids, "enriched_company": company}) for ids, company in ((now, "B"), (before, "A"))]
    changes = diff_frames(*frames, on="Id")
    assert changes.row_before.tolist() == matched
    pd.testing.assert_series_equal(changes.Id, frames[0].Id.iloc[changes.row].reset_index(drop=True))
    assert list(changes)[:2] == ["Id", "change"]
    assert len(changes.merge(frames[0], on="Id")) >= len(changes)


def test_the_column_keeps_its_dtype_without_rows():
    """Also where nobody is in both."""
    frame = pd.DataFrame({"Id": [1, 2], "enriched_company": "A"})
    assert diff_frames(frame, frame.assign(Id=[3, 4]), on="Id").dtypes["Id"] == frame.dtypes["Id"]


def test_multiindex_columns():
    """As pandas writes flat names there."""

    def two_levels(company):
        labels = [("who", "email"), ("who", "id"), ("enriched_company", "")]
        return pd.DataFrame([[JO, "7", company]], columns=pd.MultiIndex.from_tuples(labels))

    for on in (("who", "id"), ("who", "email")):
        changes = diff_frames(two_levels("B"), two_levels("A"), on=on)
        assert rows_of(changes, "change", "before", "after") == [("new_company", "A", "B")]
        assert changes.columns[0] == on


def test_strange_labels_and_cells_are_passed_over():
    """No cell is ever asked for more than its text."""
    strange = [b"bytes", "\ud800", ["list"], {"a": 1}, object(), pd.NaT, True]
    now = frame_of(*((f"p{n}@x.example", dict.fromkeys(FIELDS, cell)) for n, cell in enumerate(strange)))
    before = frame_of(*((f"p{n}@x.example", {"company": "A"}) for n in range(len(strange))))
    now[pd.NA], now[3], now[None] = 1, 2, 3
    assert len(diff_frames(now, before)) <= 2 * len(strange)
    assert diff_frames(before, before).empty


# --- refused ----------------------------------------------------------------------------------------------------------

GOOD = frame_of((JO, {"company": "A"}))
BAD = {
    "no frame": ([JO], None, "For {which} a pandas DataFrame or the path of a file is needed, not list."),
    "no columns": (pd.DataFrame(), None, "In {which}: The frame has no columns"),
    "no e-mail column": (GOOD.drop(columns="email"), None, 'In {which}: No e-mail column.*name it with on="..."'),
    "two e-mail columns": (
        GOOD.assign(Mail="x@y.example"),
        None,
        "In {which}: 'email' and 'Mail' are equally good.*choose one, e.g. on=\"email\"",
    ),
    "e-mail column twice": (
        pd.concat([GOOD, GOOD[["email"]]], axis=1),
        None,
        "In {which}: The frame has 2 columns labelled 'email'",
    ),
    "no enriched column": (GOOD[["email"]], None, "Nothing to compare: .*{which} has none.*enrich both"),
    "no enriched column that is compared": (
        GOOD[["email"]].assign(enriched_size="1-10", enriched_status="completed"),
        None,
        "Nothing to compare: .*{which} has none",
    ),
    "an enriched column twice": (
        pd.concat([GOOD, GOOD[["enriched_company"]]], axis=1),
        None,
        "In {which} the column 'enriched_company' occurs twice; rename or drop one",
    ),
    "column not there": (GOOD, "Id", "on= names 'Id', of which {which} has no column; name one that both"),
    "column twice": (
        pd.concat([GOOD.assign(Id=1), GOOD.assign(Id=1)[["Id"]]], axis=1),
        "Id",
        "on= names 'Id', of which {which} has 2 columns",
    ),
}


@pytest.mark.parametrize(("frame", "on", "told"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("which", ["the frame", "the earlier frame"])
def test_bad_input_is_one_clear_error(frame, on, told, which):
    """It names the frame and what to type."""
    frames = (frame, GOOD.assign(Id=1))
    if which == "the earlier frame":
        frames = frames[::-1]
    with pytest.raises(ColumnsError, match=told.format(which=which)) as caught:
        diff_frames(*frames, on=on)
    assert "\n" not in str(caught.value)
    assert "@" not in str(caught.value)


def test_on_is_one_label():
    """Not a list of them."""
    with pytest.raises(ColumnsError, match=r"on= names \['email'\], of which the frame has no column"):
        diff_frames(GOOD, GOOD, on=["email"])


def test_no_column_in_common_names_both_sides():
    """What each frame has."""
    with pytest.raises(ColumnsError, match="the frame has company and the earlier frame has title, phone; enrich both"):
        diff_frames(GOOD[["email", "enriched_company"]], GOOD[["email", "enriched_title", "enriched_phone"]])


@pytest.mark.parametrize("name", ["company", "row", "change"])
def test_a_column_that_the_table_has_itself_cannot_be_the_key(name):
    """One of the two would be lost."""
    frame = GOOD.assign(**{name: "1"})
    with pytest.raises(ColumnsError, match=f"on= names '{name}', a column that diff\\(\\) writes itself"):
        diff_frames(frame, frame, on=name)


# --- against a plain loop ---------------------------------------------------------------------------------------------

PERSON = st.fixed_dictionaries(
    {
        "company": st.sampled_from([None, "Acme", "Globex"]),
        "title": st.sampled_from([None, "Buyer", "VP"]),
        "seniority": st.sampled_from([None, "entry", "manager", "vp"]),
        "email_status": st.sampled_from([None, "valid", "invalid", "risky"]),
        "phone": st.sampled_from([None, "1", "2"]),
    }
)
PEOPLE = st.lists(st.tuples(st.sampled_from([None, "a@x.example", "b@x.example", "c@x.example"]), PERSON), max_size=6)


def looped(now, before):
    """Do the same one person at a time."""

    def first_rows(people):
        found = {}
        for row, (email, person) in enumerate(people):
            if email and (email not in found or not any(found[email][1].values())):
                found[email] = (row, person) if email not in found or any(person.values()) else found[email]
        return found

    changes, old = [], first_rows(before)
    for email, (row, b) in first_rows(now).items():
        a = old.get(email, (0, b))[1]
        both = {name: a[name] is not None and b[name] is not None and a[name] != b[name] for name in a}
        up = both["seniority"] and SENIORITIES.index(b["seniority"]) > SENIORITIES.index(a["seniority"])
        job = ["new_company"] * both["company"] + ["promotion" if up else "demotion"] * both["seniority"]
        found = (job + ["new_title"] * both["title"])[:1]
        found += ["email_invalid"] * (b["email_status"] == "invalid" != a["email_status"])
        found += ["email_valid"] * ((a["email_status"], b["email_status"]) == ("invalid", "valid"))
        phone = {(False, True): "phone_gained", (True, False): "phone_lost"}.get((bool(a["phone"]), bool(b["phone"])))
        found += ["phone_changed"] if both["phone"] else [phone] if phone and email in old else []
        changes += [(list(CHANGES).index(kind), row, old[email][0], kind) for kind in found if email in old]
    return [(kind, row, row_before) for _, row, row_before, kind in sorted(changes)]


@settings(max_examples=200, deadline=None)
@given(now=PEOPLE, before=PEOPLE)
def test_it_finds_what_a_plain_loop_finds(now, before):
    """Whatever the people, however often they occur."""
    changes = diff_frames(frame_of(*now), frame_of(*before))
    assert rows_of(changes, "change", "row", "row_before") == looped(now, before)
