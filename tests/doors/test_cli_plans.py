"""The shell: plans, one's own tables, priorities and adopted exports."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest

from cleanlist_pandas.cli import main
from cleanlist_pandas.files import read_frame
from cleanlist_pandas.sandbox import Sandbox

LEADS = "Email,deal\n" + "".join(f"p{n}@acme.example,{n}\n" for n in range(6))


@pytest.fixture
def leads(tmp_path):
    """Six people of growing worth."""
    path = tmp_path / "leads.csv"
    path.write_text(LEADS)
    return str(path)


@pytest.fixture
def service(monkeypatch):
    """A local Cleanlist that knows everybody, as the service of this shell."""
    with Sandbox(hit_rate=1.0) as running:
        monkeypatch.setenv("CLEANLIST_BASE_URL", f"{running.url}/v1")
        monkeypatch.setenv("CLEANLIST_API_KEY", running.api_key)
        yield running


def test_a_plan_is_made_and_held_to(leads, service, tmp_path, capsys):
    """Fields, budget and order come from it; running it again goes on with what is left of its budget."""
    path, out = str(tmp_path / "plan.json"), str(tmp_path / "out.csv")
    wanted = ["--fields", "title", "--max-credits", "4", "--priority", "deal"]
    assert main(["plan", leads, "-o", path, *wanted]) == 0
    told = capsys.readouterr()
    assert told.err.startswith("At most 6 credits")
    assert told.out == ""
    assert json.loads((tmp_path / "plan.json").read_text())["at_most"] == 6
    for _ in range(2):
        assert main(["enrich", leads, "-o", out, "--plan", path, "--priority", "deal"]) == 3
        assert service.charged == 4
    assert {charge.email for charge in service.charges} == {f"p{n}@acme.example" for n in range(2, 6)}
    assert "enriched_title" in read_frame(out)


def test_a_plan_of_the_best_first_wants_their_order(leads, service, tmp_path, capsys):
    """As it is typed here."""
    path = str(tmp_path / "plan.json")
    assert main(["plan", leads, "-o", path, "--fields", "title", "--max-credits", "4", "--priority", "deal"]) == 0
    assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), "--plan", path]) == 2
    assert "give --priority as it was given to plan" in capsys.readouterr().err
    assert service.requests == []


def test_a_plan_for_others_is_refused_as_wrong_usage(leads, service, tmp_path, capsys):
    """Nothing is sent; the options are spelt as they are typed."""
    path = str(tmp_path / "plan.json")
    assert main(["plan", leads, "-o", path, "--fields", "title"]) == 0
    (tmp_path / "leads.csv").write_text(LEADS + "q@acme.example,1\n")
    assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), "--plan", path]) == 2
    assert "the people changed (6 then, 7 now)" in capsys.readouterr().err
    assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), "--plan", "nowhere.json"]) == 2
    assert "cleanlist-pandas plan FILE -o PLAN.json writes one" in capsys.readouterr().err
    assert main(["estimate", leads, "--priority", "worth"]) == 2
    assert "--priority 'worth' is not one column" in capsys.readouterr().err
    assert service.requests == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "leads.csv", "-o", "./leads.csv"], "is the input itself"),
        (["plan", "leads.csv", "-o", "known.csv", "--known", "known.csv"], "is the input itself"),
        (["plan", "leads.csv", "-o", "-"], "A plan is kept in a file"),
        (["enrich", "leads.csv", "-o", "known.csv", "--known", "known.csv"], "is the input itself"),
        (["enrich", "leads.csv", "-o", "never.csv", "--suppress", "never.csv"], "is the input itself"),
        (["estimate", "-", "--known", "-"], "Only one file can be standard input"),
    ],
)
def test_no_file_that_is_read_is_written_over(leads, service, tmp_path, monkeypatch, capsys, arguments, told):
    """Neither with a plan nor with rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "known.csv").write_text("mail,enriched_title\np0@acme.example,CTO\n")
    (tmp_path / "never.csv").write_text("p1@acme.example\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(arguments) == 2
    assert told in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert service.requests == []


def test_a_file_of_known_people_is_used_first(leads, service, tmp_path, capsys):
    """Twice, if there are two."""
    for n in (0, 1):
        frame = pd.DataFrame({"mail": [f"p{n}@acme.example"], "enriched_title": [f"mine {n}"]})
        frame.to_csv(tmp_path / f"known{n}.csv", index=False)
    known = ["--known", str(tmp_path / "known0.csv"), "--known", str(tmp_path / "known1.csv"), "--fields", "title"]
    assert main(["estimate", leads, "--json", *known]) == 0
    assert json.loads(capsys.readouterr().out)["buckets"]["known"] == 2
    assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), *known]) == 0
    assert service.charged == 4
    assert read_frame(str(tmp_path / "out.csv"))["enriched_title"].tolist()[:2] == ["mine 0", "mine 1"]


def test_an_export_is_adopted(leads, service, tmp_path, capsys):
    """And not bought again, here or in the sandbox's own ledger."""
    export = str(tmp_path / "export.csv")
    pd.DataFrame({"email": ["p0@acme.example"], "enriched_title": ["CTO"]}).to_csv(export, index=False)
    assert main(["ledger", "adopt", export]) == 0
    assert "1 answer of" in capsys.readouterr().err
    assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), "--fields", "title"]) == 0
    assert service.charged == 5
    assert main(["ledger", "adopt", export, "--as-of", "someday"]) == 2


def test_an_export_may_come_from_another_program(leads, service, monkeypatch, capsys):
    """On standard input; counts go out as JSON."""
    export = io.TextIOWrapper(io.BytesIO(b"email,enriched_title\np0@acme.example,CTO\n"))
    monkeypatch.setattr("sys.stdin", export)
    assert main(["ledger", "adopt", "-", "--json"]) == 0
    assert main(["ledger", "prune", "9999D", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [{"adopted": 1}, {"forgotten": 0}]


def test_what_is_adopted_for_the_sandbox_counts_there(leads, tmp_path, capsys):
    """It is kept apart from what was really paid for."""
    export = str(tmp_path / "export.csv")
    pd.DataFrame({"email": ["p0@acme.example"], "enriched_title": ["CTO"]}).to_csv(export, index=False)
    assert main(["ledger", "adopt", export, "--sandbox"]) == 0
    assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), "--fields", "title", "--sandbox", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 5


def test_the_price_is_told_in_money(leads, capsys):
    """If a credit has one."""
    assert main(["estimate", leads, "--price-per-credit", "0.5"]) == 0
    assert "At 0.5 a credit: at most 3.00, expected about 1.50." in capsys.readouterr().err


def test_the_sandbox_has_its_own_history(leads, tmp_path, capsys):
    """What enrich --sandbox asked is held for estimate --sandbox and plan --sandbox, and for nobody else."""
    out, path = str(tmp_path / "out.csv"), str(tmp_path / "plan.json")
    assert main(["enrich", leads, "-o", out, "--sandbox", "--quiet"]) == 0
    for more, at_most in (([], 6), (["--sandbox"], 0)):
        assert main(["estimate", leads, "--json", *more]) == 0
        assert json.loads(capsys.readouterr().out)["at_most"] == at_most
        assert main(["plan", leads, "-o", path, *more]) == 0
        assert json.loads((tmp_path / "plan.json").read_text())["at_most"] == at_most
