"""Seniority from titles: a list written down by hand, the rules' own examples, and what must not change a level."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.fields import SENIORITIES
from cleanlist_pandas.sandbox import words
from cleanlist_pandas.sandbox.world import InventedWorld
from cleanlist_pandas.services.seniority import _PASSES, Levels, seniorities, seniority, spell
from cleanlist_pandas.services.title_rules import RULES

# title, seniority (empty: it says nothing), held_out. All were labelled before the first rule was written. Every third
# is held out: nobody looks at those when a rule is changed, or they measure nothing.
ROWS = list(csv.DictReader((Path(__file__).parent / "titles.csv").read_text(encoding="utf-8").splitlines()))
READ = [row for row in ROWS if row["held_out"] == "no"]
HELD_OUT = [row for row in ROWS if row["held_out"] == "yes"]
TITLES = [row["title"] for row in ROWS]


def levels(titles: list[str]) -> list[str | None]:
    return seniorities(titles).to_pylist()


LEVELS = dict(zip(TITLES, levels(TITLES), strict=True))


@pytest.mark.parametrize("row", READ, ids=[row["title"] for row in READ])
def test_a_title_says_its_level(row: dict[str, str]) -> None:
    """Each of the titles that the rules were made with."""
    assert (LEVELS[row["title"]] or "") == row["seniority"]


def test_titles_that_no_rule_was_made_with_are_read_as_well() -> None:
    """201 of the 202 that were held out (193 before any rule was changed)."""
    right = sum((LEVELS[row["title"]] or "") == row["seniority"] for row in HELD_OUT)
    assert right / len(HELD_OUT) >= 0.99


def test_the_list_is_what_it_says() -> None:
    """Large, without repeats, a third of it held out, and every level in both parts."""
    assert len(set(TITLES)) == len(ROWS) >= 600
    assert len(HELD_OUT) == len(ROWS) // 3
    for part in (READ, HELD_OUT):
        assert {row["seniority"] for row in part} == {*SENIORITIES, ""}


def test_every_rule_reads_its_example_and_decides_it() -> None:
    """No rule is dead: none has everything it could read taken away by those before it."""
    examples = pa.array([rule.example for rule in RULES], pa.large_string())
    text = spell(examples)
    for (pattern, mark), rule, number in zip(_PASSES, RULES, range(len(RULES)), strict=True):
        after = pc.replace_substring_regex(text, pattern, mark)
        assert after[number] != text[number], rule.words
        text = after
    said = seniorities(examples).to_pylist()
    assert [level for level, rule in zip(said, RULES, strict=True) if rule.level] == [
        rule.level for rule in RULES if rule.level
    ]


def invented_titles() -> dict[str, str]:
    """Every title that the sandbox can invent, with the seniority it gives it."""
    titles = dict.fromkeys(words.OWNER_TITLES, "owner") | {"CEO": "c_level"}
    for department, by_level in words.TITLES.items():
        titles |= dict(zip(by_level, words.TITLE_COLUMNS, strict=True))
        titles |= {f"Director of {department}": "director", f"VP of {department}": "vp"}
    return titles


def test_the_sandbox_and_the_rules_agree() -> None:
    """All of the titles that the sandbox can invent, and it invents no others."""
    titles = invented_titles()
    assert dict(zip(titles, levels(list(titles)), strict=True)) == titles
    people = [InventedWorld().look_up(f"person{number}@company{number % 97}.example") for number in range(3_000)]
    met = {(person.title, person.seniority) for person in people if person and person.title}
    assert met <= set(titles.items())
    assert len(met) > 40


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        str.lower,
        "  {}  ".format,
        "{} (m/w/d)".format,
        "{} (H/F)".format,
        "{} at Managing Partner Magazine".format,
        "{} bei Inhaber & Partner".format,
        "{}, Europe".format,
        "{} | Example Ltd".format,
        "{}\nExample Ltd".format,
    ],
)
def test_what_changes_no_level(change) -> None:
    """Case, spaces, gender markers, the employer, a place."""
    changed = levels([change(title) for title in TITLES])
    assert dict(zip(TITLES, changed, strict=True)) == LEVELS


@pytest.mark.parametrize(
    "role", ["Owner", "CEO", "Managing Director", "VP Sales", "Director of Sales", "Sales Manager"]
)
def test_who_only_works_for_somebody_is_not_somebody(role: str) -> None:
    """Whoever the assistant is to, and whoever somebody was before."""
    assert seniority(f"Assistant to the {role}") == "entry"
    assert seniority(f"Executive Assistant to the {role}, EMEA") == "entry"
    assert seniority(f"Former {role}") is None
    assert seniority(f"ex-{role}") is None
    assert seniority(f"Recruiter, ex-{role}") == "individual_contributor"
    assert seniority(f"{role} Intern") == "entry"


def test_of_several_roles_the_highest_counts() -> None:
    """In either order, whatever parts them."""
    roles = ["Receptionist", "Accountant", "Sales Manager", "Director of Sales", "VP Sales", "CEO", "Owner"]
    signs = (" & ", " and ", ", ", " / ", " | ", " - ", " und ", "; ")
    pairs = [(first, second, sign) for first in range(7) for second in range(7) for sign in signs]
    said = levels([roles[first] + sign + roles[second] for first, second, sign in pairs])
    assert said == [SENIORITIES[max(first, second)] for first, second, _ in pairs]


def test_many_titles_are_read_like_one() -> None:
    """Repeats, missing ones, no titles at all; lists and Arrow arrays."""
    titles = ["CEO", None, "CEO", "", "Sales", "VP Sales", None]
    expected = ["c_level", None, "c_level", None, None, "vp", None]
    assert seniorities(titles).to_pylist() == expected == [seniority(title) for title in titles]
    assert seniorities(pa.array(titles)).to_pylist() == expected
    assert seniorities(pa.array(titles).dictionary_encode()).to_pylist() == expected
    for empty in ([], [None], [""]):
        found = seniorities(empty)
        assert found.type == pa.large_string()
        assert found.to_pylist() == [None] * len(empty)


def test_levels_that_are_kept_are_those_of_the_titles() -> None:
    """Learnt many at once or asked for one by one; where they become too many, it begins anew."""
    titles = ["VP of Sales", "Sommelier", "", "CTO \ud800"]
    levels = Levels(most=5)
    levels.learn([*titles[:2], *titles[:2]])
    assert len(levels) == 2
    levels.learn(titles)
    assert [levels(title) for title in titles] == ["vp", None, None, "c_level"]
    assert [levels("Head of IT") for _ in range(3)] == ["director"] * 3
    assert len(levels) == 5
    assert levels("CFO") == "c_level"
    assert len(levels) == 1
    assert levels("VP of Sales") == "vp"


@given(st.lists(st.text(st.characters(), max_size=60) | st.none(), max_size=5))
def test_any_text_says_a_level_or_nothing(titles: list[str | None]) -> None:
    """Lone surrogates, control characters and other scripts included."""
    assert set(seniorities(titles).to_pylist()) <= {*SENIORITIES, None}


@pytest.mark.parametrize("text", ["a " * 500_000 + "CEO", "ü" * 200_000, "(" * 100_000, "junior " * 100_000])
def test_only_the_start_of_a_very_long_text_is_read(text: str) -> None:
    """What is longer than any title costs no more than one."""
    assert seniority(text) == seniority(text[:300])
