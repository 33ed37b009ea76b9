"""Which request meets which fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cleanlist_pandas.sandbox import PRESETS, Fault, load_faults, named_faults
from cleanlist_pandas.sandbox.scripts import make_script

A, B = Fault(status=500), Fault(silent=True)


def test_a_list_goes_by_number() -> None:
    script = make_script([A, None, B])
    assert [script.fault(number, "a@b.example", 1) for number in range(4)] == [A, None, B, None]
    assert script.early(2) == B


def test_a_mapping_goes_by_address_and_attempt() -> None:
    script = make_script({"Ann@b.example": A, "bob@b.example": [None, B]})
    assert [script.fault(9, "ann@B.example", attempt) for attempt in (1, 2)] == [A, A]
    assert [script.fault(9, "bob@b.example", attempt) for attempt in (1, 2, 3)] == [None, B, None]
    assert script.fault(9, "eve@b.example", 1) is script.fault(9, None, 1) is script.early(9) is None


def test_a_function_decides_for_itself() -> None:
    script = make_script(
        lambda number, email, attempt: A if (number, email, attempt) == (3, "a@b.example", 2) else None
    )
    assert script.fault(3, "a@b.example", 2) == A
    assert script.fault(3, None, 1) is None


@pytest.mark.parametrize("name", PRESETS)
def test_presets_depend_on_the_seed_and_the_address_only(name: str) -> None:
    asked = [(number, f"a{number}@b.example", 1) for number in range(2_000)]
    one, same, other = (make_script(name, seed) for seed in (1, 1, 2))
    drawn = [one.fault(*what) for what in asked]
    assert drawn == [same.fault(number + 7, email, attempt) for number, email, attempt in asked]
    assert drawn != [other.fault(*what) for what in asked]
    met = sum(fault is not None for fault in drawn) / len(drawn)
    assert abs(met - sum(share for share, _ in PRESETS[name])) < 0.04


def test_a_file_holds_a_list_or_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([None, {"status": 503, "retry_after": "2"}, {"raw": "hé"}]), encoding="utf-8")
    assert load_faults(path) == [None, Fault(status=503, retry_after="2"), Fault(raw="hé".encode())]
    path.write_text(json.dumps({"a@b.example": {"status": 500}, "c@d.example": [None, {"silent": True}]}))
    assert named_faults(str(path)) == {"a@b.example": A, "c@d.example": [None, B]}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{", "is no JSON"),
        ("3", "must hold a list or an object"),
        ('[{"statos": 500}]', "entry 0: no fault has statos"),
        ('[{"status": 99}]', "entry 0: status must be 200 to 599"),
        ('[{"status": "500"}]', "entry 0"),
        ('{"a@b.example": 7}', "a@b.example: no fault has 7"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, said: str, message: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(said)
    with pytest.raises(ValueError, match=message):
        load_faults(path)


@pytest.mark.parametrize("faults", ["no-such-preset", [1], {"a@b.example": [1]}, 7])
def test_what_is_no_script_is_refused(faults: Any) -> None:
    with pytest.raises(ValueError, match=r"faults|preset"):
        make_script(faults)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"silent": True, "raw": b""}, "travels one way"),
        ({"delay_s": -1}, "delay_s must be 0 or more"),
        ({"delay_s": float("nan")}, "delay_s must be 0 or more"),
        ({"drip_bytes": 0}, "drip_bytes must be 1 or more"),
        ({"flood_bytes": -2}, "flood_bytes"),
        ({"status": 100}, "status must be 200 to 599"),
        ({"reset": "sometime"}, "reset must be one of"),
        ({"then": "wait"}, "then must be one of"),
        ({"truncate_counts": "lines"}, "truncate_counts must be one of"),
        ({"reset": "after_body", "charge": True}, "leave charge out"),
    ],
)
def test_a_fault_that_cannot_be_meant_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fault(**arguments)


@pytest.mark.parametrize(
    ("fault", "charges"),
    [
        (Fault(), True),
        (Fault(delay_s=1), True),
        (Fault(truncate_at=3), True),
        (Fault(mutate={"status": "x"}), True),
        (Fault(status=500), False),
        (Fault(status=500, charge=True), True),
        (Fault(body="x"), False),
        (Fault(raw=b"x"), False),
        (Fault(silent=True), False),
        (Fault(silent=True, charge=True), True),
        (Fault(reset="after_body"), False),
        (Fault(reset="after_charge"), True),
        (Fault(truncate_at=3, charge=False), False),
    ],
)
def test_what_is_charged_by_default(fault: Fault, charges: bool) -> None:
    assert fault.charges is charges


def test_a_fault_shows_what_it_does_and_no_more() -> None:
    assert repr(Fault(status=503, retry_after="1")) == "Fault(status=503, retry_after='1')"
    assert repr(Fault()) == "Fault()"
