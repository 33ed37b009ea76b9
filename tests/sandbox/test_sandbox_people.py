"""A user's own table as the world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cleanlist_pandas.sandbox.people import TableWorld
from cleanlist_pandas.sandbox.world import Employer

ROW = {"email": "Ann@Startup.io", "enriched_title": "CTO", "seniority": "c_level", "icp_score": 72, "Notes": "x"}


def test_exactly_these_addresses_are_known() -> None:
    world = TableWorld([ROW])
    person = world.look_up("ann@startup.IO")
    assert person is not None
    assert (person.title, person.seniority, person.icp_score, person.phone) == ("CTO", "c_level", 72, None)
    assert world.look_up("bob@startup.io") is None
    assert repr(world) == "TableWorld(1 people)"


def test_a_csv_file_and_rows_are_the_same_world(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("\ufeffemail,title,icp_score\nann@startup.io,CTO,72\nbob@startup.io,,\n", encoding="utf-8")
    rows = [{"email": "ann@startup.io", "title": "CTO", "icp_score": 72}, {"email": "bob@startup.io"}]
    for email in ("ann@startup.io", "bob@startup.io", "eve@startup.io"):
        assert (
            TableWorld(path).look_up(email) == TableWorld(str(path)).look_up(email) == TableWorld(rows).look_up(email)
        )


@pytest.mark.parametrize("dtype", ["Int64", "float64", "object"])
def test_a_data_frame_with_gaps(dtype: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"email": ["a@b.example", "c@d.example"], "title": ["CEO", None]})
    frame["icp_score"] = pandas.Series([50, None]).astype(dtype)
    world = TableWorld(frame)
    ceo, nobody = world.look_up("a@b.example"), world.look_up("c@d.example")
    assert ceo is not None
    assert nobody is not None
    assert (ceo.title, ceo.icp_score, nobody.title, nobody.icp_score) == ("CEO", 50, None, None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"title": "CEO"}, "row 0 has no e-mail address"),
        ({"email": "nobody"}, "row 0 has no e-mail address"),
        ({"email": "a@b.example", "icp_score": "high"}, "icp_score 'high'"),
        ({"email": "a@b.example", "icp_score": 1.5}, "icp_score 1.5"),
        ({"email": "a@b.example", "icp_score": float("inf")}, "icp_score inf"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TableWorld([row])


def test_a_table_knows_its_people_by_profile_and_name_and_where_they_work() -> None:
    row = {"email": "ann@b.example", "name": "Ann Other", "company": "Bee", "industry": "SaaS", "linkedin": "/in/ann"}
    world = TableWorld([{"email": "x@b.example"}, {**row, "linkedin": "https://linkedin.com/in/ann"}])
    ann = world.look_up("ann@b.example")
    assert world.by_profile("ann") == world.by_name("ANN other", "bee", None) == ("ann@b.example", ann)
    assert world.by_name("Ann Other", None, "b.example") == ("ann@b.example", ann)
    assert world.employer("B.example") == Employer("Bee", "SaaS", None)
    assert (
        world.by_profile("bob") is world.by_name("Ann Other", "Cee", "c.example") is world.employer("c.example") is None
    )
