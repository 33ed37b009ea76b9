"""The README's promises are those of the runs that tried to break them."""

import json

import pytest
from figures import END, README, START, Figures, committed, table


def test_the_readme_shows_the_figures_that_are_kept():
    """`python tests/figures.py` renders them."""
    shown = README.read_text(encoding="utf-8").partition(START)[2].partition(END)[0]
    assert shown == table(committed())


def test_no_run_that_is_kept_found_a_violation():
    assert [part["violations"] for part in committed().values()] == [{}, {}]


@pytest.mark.parametrize(
    ("part", "families", "least"),
    [
        ("faults", ("cut", "reset in", "connection reset"), 500),
        ("faults", ("corrupted ledgers",), 300),
        ("faults", ("",), 2_300),
        ("crash", ("kill points", "second kills"), 200),
        ("crash", ("power-loss states",), 1_000),
    ],
)
def test_the_short_form_tries_enough(part, families, least):
    cases = committed()[part]["cases"]
    assert sum(n for family, n in cases.items() if any(word in family for word in families)) >= least


def counted(n, violations=()):
    figures = Figures()
    figures.add("resets", n, violations)
    return figures


@pytest.mark.parametrize("other", [counted(4), counted(6), counted(5, ["one"]), Figures()])
def test_a_run_that_tried_something_else_fails_and_puts_the_file_right(tmp_path, other):
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"faults": counted(5).as_dict(), "crash": counted(7).as_dict()}))
    counted(5).hold_to_the_file("faults", file)
    with pytest.raises(AssertionError, match="tried something else"):
        other.hold_to_the_file("faults", file)
    assert json.loads(file.read_text()) == {"faults": other.as_dict(), "crash": counted(7).as_dict()}
    other.hold_to_the_file("faults", file)


@pytest.mark.parametrize(("n", "alike"), [(95, True), (110, True), (85, False), (120, False)])
def test_a_run_on_another_machine_may_reach_a_little_more_or_less(tmp_path, n, alike):
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"crash": counted(100).as_dict()}))
    before = file.read_text()
    if alike:
        counted(n).hold_to_the_file("crash", file, leeway=0.1)
        assert file.read_text() == before
    else:
        with pytest.raises(AssertionError, match="tried something else"):
            counted(n).hold_to_the_file("crash", file, leeway=0.1)


def test_a_family_without_a_promise_is_refused():
    kept = committed()
    kept["faults"]["cases"]["something new"] = 1
    with pytest.raises(AssertionError, match="something new"):
        table(kept)
