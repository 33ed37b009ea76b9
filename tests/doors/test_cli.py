"""The shell: every command end to end, what goes where, and the exit codes."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.cli import main
from cleanlist_pandas.files import read_frame
from cleanlist_pandas.plan.check import VERDICTS
from cleanlist_pandas.sandbox import Fault

ROOT = Path(cl.__file__).parents[1]
LEADS = 'Email,ZIP,Note\njo@acme.example,00123,N/A\nJO@acme.example ,1e5,"a\nb"\nrubbish,,=1+1\nann@acme.example,,\n'
PEOPLE = [
    {"email": "jo@acme.example", "title": "=HYPERLINK(1)", "phone": "+1-555-0100"},
    {"email": "ann@acme.example", "title": "Buyer"},
]


@pytest.fixture
def leads(tmp_path):
    path = tmp_path / "leads.csv"
    path.write_text(LEADS)
    return str(path)


def cells(path):
    return read_frame(str(path)).to_numpy().tolist()


# --- estimate and check -----------------------------------------------------------------------------------------------


def test_estimate_tells_a_person(leads, capsys):
    """On standard error."""
    assert main(["estimate", leads, "--fields", "title, phone"]) == 0
    told = capsys.readouterr()
    assert told.err.startswith("At most 22 credits: 2 look-ups at 11 credits.")
    assert told.out == ""


def test_estimate_tells_a_machine(leads, capsys):
    """On standard output."""
    assert main(["estimate", leads, "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["at_most"], found["rows"], found["buckets"]["malformed"]) == (2, 4, 1)
    assert told.err == ""


def test_check_writes_rows_with_verdicts(leads, tmp_path, capsys):
    """And counts them."""
    out = tmp_path / "out.csv"
    assert main(["check", leads, "-o", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {verdict: n for verdict, n in told.items() if n["rows"]} == {
        "malformed": {"rows": 1, "credits": 0},
        "reserved": {"rows": 3, "credits": 2},
    }
    assert list(told) == [*VERDICTS][::-1]
    reserved, merged = "a reserved domain, no mail reaches it (RFC 2606, RFC 6761)", "same as an earlier row but for"
    assert [row[3:] for row in cells(out)] == [
        ["jo@acme.example", "reserved", reserved, "", "", "1"],
        ["jo@acme.example", "reserved", f"{reserved}; {merged} case and spaces", "", "0", "0"],
        ["", "malformed", "no @", "", "", "0"],
        ["ann@acme.example", "reserved", reserved, "", "", "1"],
    ]
    assert [row[:3] for row in cells(out)] == cells(leads)


CHECKED = """\
     rows  credits at stake
        1        0  malformed
        3       22  reserved
        4       22  in all
        1 merged with an earlier row, 11 credits less:
        1   same as an earlier row but for case and spaces
"""


def test_check_counts_for_a_person(leads, capsys):
    """On standard error; nothing is written."""
    assert main(["check", leads, "--fields", "phone"]) == 0
    told = capsys.readouterr()
    assert told.err == CHECKED
    assert told.out == ""


def test_check_tells_of_suggestions_and_of_nothing(tmp_path, capsys):
    """Of a file with one, and of one without rows."""
    path = tmp_path / "leads.csv"
    path.write_text("Email\ninvented.jo@gmial.com\n")
    assert main(["check", str(path)]) == 0
    assert "        1 with a suggestion; nothing was changed\n" in capsys.readouterr().err
    path.write_text("Email\n")
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().err == "     rows  credits at stake\n        0        0  in all\n"


def test_classes_can_be_skipped(leads, capsys):
    """In an estimate and in a run; a name that is none is told before anything is done."""
    assert main(["estimate", leads, "--skip", "reserved,free_mail", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["at_most"], told["skipped"]) == (0, {"reserved": 3})
    with cl.sandbox(people=PEOPLE) as service:
        assert main(["enrich", leads, "-o", "-", "--skip", "role"]) == 2
        assert "did you mean 'role-based'?" in capsys.readouterr().err
        assert main(["enrich", leads, "-o", "-", "--skip", "reserved"]) == 0
        assert service.requests == []
    assert "        3 suppressed never sent: reserved 3\n" in capsys.readouterr().err


# --- enrich -----------------------------------------------------------------------------------------------------------


def test_enrich_writes_the_file_and_says_what_it_cost(leads, tmp_path, capsys):
    """Input cells as they were, formulas made plain, phones let through, people's text on standard error."""
    out = tmp_path / "out.csv"
    with cl.sandbox(people=PEOPLE) as service:
        assert main(["enrich", leads, "-o", str(out), "--fields", "title,phone"]) == 0
        assert service.charged == 22
    told = capsys.readouterr()
    assert told.out == ""
    for text in ("Addresses in 'Email'; fields:", "At most 22 credits", "22 of at most 22 credits", "Wrote 4 rows"):
        assert text in told.err
    assert [row[:3] for row in cells(out)] == cells(leads)
    assert [row[3:] for row in cells(out)] == [
        ["'=HYPERLINK(1)", "+1-555-0100", "completed"],
        ["'=HYPERLINK(1)", "+1-555-0100", "completed"],
        ["", "", "skipped"],
        ["Buyer", "", "completed"],
    ]


def test_the_same_again_is_free_and_gives_the_same_file(leads, tmp_path):
    """Byte for byte."""
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    with cl.sandbox(people=PEOPLE) as service:
        assert main(["enrich", leads, "-o", str(first), "--quiet"]) == 0
        assert main(["enrich", leads, "-o", str(second), "--quiet"]) == 0
        assert len(service.requests) == 2
    assert first.read_bytes() == second.read_bytes()


def test_its_own_output_lacks_nothing(leads, tmp_path):
    """Even a new ledger buys nobody whose row is filled, and the file stays as it is."""
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    with cl.sandbox(people=PEOPLE) as service:
        assert main(["enrich", leads, "-o", str(first), "--fields", "title", "--quiet"]) == 0
        new = ["--ledger", str(tmp_path / "new")]
        assert main(["enrich", str(first), "-o", str(second), "--fields", "title", "--quiet", *new]) == 0
        assert len(service.requests) == 2
    assert second.read_bytes() == first.read_bytes()


@pytest.mark.parametrize("name", ["out.parquet", "out.tsv", "out.feather"])
def test_the_output_is_of_the_kind_its_name_says(leads, tmp_path, name):
    """Parquet and feather keep the cells as they came."""
    out = tmp_path / name
    with cl.sandbox(people=PEOPLE):
        assert main(["enrich", leads, "-o", str(out), "--fields", "title", "--quiet"]) == 0
    title = read_frame(str(out))["enriched_title"][0]
    assert title == ("'=HYPERLINK(1)" if name == "out.tsv" else "=HYPERLINK(1)")


def test_standard_input_and_output(monkeypatch, capsysbinary):
    """A pipe in, a pipe out, and not a word between."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LEADS.encode())))
    with cl.sandbox(people=PEOPLE):
        assert main(["enrich", "-", "-o", "-", "--fields", "title"]) == 0
    told = capsysbinary.readouterr()
    assert told.out.splitlines()[0] == b"Email,ZIP,Note,enriched_title,enriched_status"
    assert pd.read_csv(io.BytesIO(told.out)).shape == (4, 5)
    assert b"standard output" in told.err


def test_quiet_says_nothing(leads, tmp_path, capfd):
    """Where nothing went wrong."""
    with cl.sandbox(people=PEOPLE):
        assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_the_report_for_a_machine(leads, tmp_path, capsys):
    """On standard output."""
    with cl.sandbox(people=PEOPLE):
        assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), "--json", "--quiet"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["credits"], report["requests"], report["statuses"]) == (2, 2, {"completed": 2})


def test_options_reach_the_run(leads, tmp_path):
    """Columns, suppressed people, ledger, provenance."""
    (tmp_path / "no.txt").write_text("ann@acme.example\n")
    out = tmp_path / "out.csv"
    arguments = ["--column", "email=Email", "--suppress", str(tmp_path / "no.txt"), "--ledger", str(tmp_path / "mine")]
    with cl.sandbox(people=PEOPLE) as service:
        assert main(["enrich", leads, "-o", str(out), "--fields", "title", "--provenance", "--quiet", *arguments]) == 0
        assert [request.email for request in service.requests] == ["jo@acme.example"]
    assert (tmp_path / "mine").exists()
    assert read_frame(str(out))["enriched_credits"].tolist() == ["1", "", "", ""]


def test_the_surface_can_be_named(leads, tmp_path, capsys):
    """The same people, asked of v2: estimate and run say so."""
    with cl.sandbox(people=PEOPLE) as service:
        assert main(["estimate", leads, "--fields", "title", "--service", "v2"]) == 0
        assert "asked of v2" in capsys.readouterr().err
        assert service.requests == []
        assert main(["enrich", leads, "-o", str(tmp_path / "o.csv"), "--fields", "title", "--service", "v2"]) == 0
        assert {request.path.split("/")[2] for request in service.requests} == {"v2"}
    with pytest.raises(SystemExit, match="2"):
        main(["estimate", leads, "--service", "v3"])
    assert "argument --service: invalid choice: 'v3'" in capsys.readouterr().err


def test_a_budget_too_small_is_exit_code_3(leads, tmp_path, capsys):
    """The output holds what there is; the same again goes on."""
    out = tmp_path / "out.csv"
    arguments = ["enrich", leads, "-o", str(out), "--fields", "title", "--concurrency", "1"]
    with cl.sandbox(people=PEOPLE):
        assert main([*arguments, "--max-credits", "1"]) == 3
        assert "Stopped early: 0 left of --max-credits 1" in capsys.readouterr().err
        assert [row[-1] for row in cells(out)] == ["completed", "completed", "skipped", "not_attempted"]
        assert main(arguments) == 0
    assert [row[-1] for row in cells(out)] == ["completed", "completed", "skipped", "completed"]


@pytest.mark.parametrize("status", [401, 402])
def test_a_refusal_is_exit_code_3(leads, tmp_path, capsys, status):
    """Told in one line; the output holds what there is, the report tells a machine why."""
    out = tmp_path / "out.csv"
    with cl.sandbox(people=PEOPLE, faults=[None, Fault(status=status)]) as service:
        code = main(["enrich", leads, "-o", str(out), "--concurrency", "1", "--quiet", "--json"])
        assert code == 3
    told = capsys.readouterr()
    assert [row[-1] for row in cells(out)] == ["completed", "completed", "skipped", "not_attempted"]
    assert json.loads(told.out)["stopped"]
    assert len(told.err.splitlines()) == 1
    assert service.api_key not in told.err


SHELL_ADVICE = {
    401: "Check CLEANLIST_API_KEY, then run the same command again",
    402: "Top it up, then run the same command again",
    404: "Check CLEANLIST_BASE_URL and the service's status, then run the same command again",
}


@pytest.mark.parametrize("status", SHELL_ADVICE)
def test_an_error_says_what_was_spent_and_what_to_type_in_the_shell(leads, tmp_path, capsys, status):
    """In one line, also under --quiet; nothing of Python in it."""
    faults = [None, Fault(status=status, body={"detail": "Not Found"})]
    with cl.sandbox(people=PEOPLE, faults=faults):
        assert main(["enrich", leads, "-o", str(tmp_path / "o.csv"), "--concurrency", "1", "--quiet"]) == 3
    told = capsys.readouterr().err
    assert f"). 1 credit was spent. {SHELL_ADVICE[status]}: what was answered is not paid for twice." in told
    assert "error." not in told


def test_what_is_in_doubt_is_told_with_the_way_to_send_it_again(leads, tmp_path, capsys):
    """As it can be typed; and it can."""
    arguments = ["enrich", leads, "-o", str(tmp_path / "o.csv"), "--fields", "title"]
    with cl.sandbox(people=PEOPLE, faults=[Fault(status=500)]) as service:
        assert main(arguments) == 0
        told = capsys.readouterr().err
        assert (
            '1 credit in doubt: sent and never answered, perhaps charged; not sent again unless --in-doubt "retry".'
            in told
        )
        assert main(arguments) == 0
        assert 'never answered; not sent again unless --in-doubt "retry"\n' in capsys.readouterr().err
        assert main([*arguments, "--in-doubt", "retry"]) == 0
        assert len(service.requests) == 3


@contextmanager
def no_room_past(n_bytes):
    """Let no file grow longer: to a program as good as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_output_that_cannot_be_written_is_named_and_what_was_spent_is_told(leads, tmp_path, capsys):
    """Nothing half-written stays, and the same again with another name is free."""
    Path(leads).write_text(f"{LEADS}{'long ' * 40_000},,\n")
    folder = tmp_path / "small"
    folder.mkdir()
    again = ["enrich", leads, "--fields", "title", "-o"]
    with cl.sandbox(people=PEOPLE) as service:
        for command in ([*again, str(folder / "out.csv")], ["check", leads, "-o", str(folder / "out.csv")]):
            with no_room_past(100_000):
                assert main(command) == 1
            told = capsys.readouterr().err
            assert f"{folder / 'out.csv'}: could not be written (File too large); name another file with -o." in told
            assert list(folder.iterdir()) == []
            if command[0] == "enrich":
                assert "2 of at most 2 credits spent" in told
                assert told.endswith("What was answered is in the ledger: the same again costs nothing.\n")
        assert main([*again, str(tmp_path / "out.csv")]) == 0
        assert len(service.requests) == 2


def test_a_full_ledger_is_told_with_its_reason_whole(leads, tmp_path, capsys):
    """The answers are in the output; the same output name again would drop what the ledger could not take."""
    ledger, out = tmp_path / "ledger", tmp_path / "out.csv"
    cl.Ledger(ledger).close()
    Path(leads).write_text("Email\n" + "".join(f"p{n}@acme.example\n" for n in range(400)))
    with cl.sandbox(), no_room_past(ledger.stat().st_size + 20_000):
        assert main(["enrich", leads, "-o", str(out), "--ledger", str(ledger), "--quiet"]) == 3
    told = capsys.readouterr().err
    assert told.startswith(f"cleanlist-pandas: The ledger could not be written (The ledger {ledger} cannot be read")
    assert "; nothing more was sent. Name another file with --ledger …). " in told
    assert told.endswith(
        " Mend that, then run it again with another -o: answers that did not reach the ledger are in this file only.\n"
    )
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "closed", "told"),
    [
        (["leads.csv", "-o", "-"], "stdout", "Standard output is closed; name a file with -o."),
        (["-", "-o", "out.csv"], "stdin", "Standard input is closed; name a file instead of -."),
    ],
)
def test_a_closed_stream_is_refused_before_anything_is_sent(leads, monkeypatch, capsys, arguments, closed, told):
    """Python has None in its place then."""
    monkeypatch.chdir(Path(leads).parent)
    with cl.sandbox() as service:
        with monkeypatch.context() as patch:
            patch.setattr(sys, closed, None)
            assert main(["enrich", *arguments]) == 2
        assert service.requests == []
    assert told in capsys.readouterr().err


@pytest.fixture
def deserted():
    """A pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def test_a_reader_that_leaves_early_does_not_hide_the_bill(leads, deserted):
    """As in ``… -o - | head``."""
    done = shell("enrich", leads, "-o", "-", "--sandbox", capture_output=False, stdout=deserted, stderr=subprocess.PIPE)
    assert done.returncode == 0
    assert b"of at most 2 credits spent, 2 requests" in done.stderr
    assert b"Error" not in done.stderr


def test_the_output_is_written_even_if_nobody_listens(leads, tmp_path, deserted):
    """As in ``… 2>&1 | head -1``."""
    out = tmp_path / "out.csv"
    shell("enrich", leads, "-o", str(out), "--sandbox", capture_output=False, stderr=deserted)
    assert [row[-1] for row in cells(out)] == ["completed", "completed", "skipped", "completed"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["two.csv"], "'email' and 'Email' are equally good e-mail columns; choose one, e.g. --column \"email\"."),
        (["leads.csv", "--column", "Mial"], "--column names 'Mial' for email, which is no column of this frame"),
        (
            ["leads.csv", "--ledger", "."],
            "Name a file with --ledger ….",
        ),
        (["firms.csv"], "rename one, or leave it out with --column company=."),
    ],
)
def test_errors_name_options_as_the_shell_has_them(leads, tmp_path, monkeypatch, capsys, arguments, told):
    """What they say to type can be typed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.csv").write_text("email,Email\na@x.example,b@x.example\n")
    (tmp_path / "firms.csv").write_text("email,Company,Company\na@x.example,,\n")
    assert main(["estimate", *arguments]) != 0
    assert told in capsys.readouterr().err
    assert main(["estimate", "firms.csv", "--column", "company="]) == 0


# --- refused before anything is sent ----------------------------------------------------------------------------------

WRONG = {
    "missing file": (["gone.csv", "-o", "out.csv"], "there is no such file"),
    "missing folder": (["leads.csv", "-o", "gone/out.csv"], "cannot be written there"),
    "folder": (["leads.csv", "-o", "."], "it is a folder; name a file, or ./ for a folder of Parquet files"),
    "folder in use": (["leads.csv", "-o", "./"], "cannot be written there; it holds other things"),
    "the input itself": (["leads.csv", "-o", "./leads.csv"], "is the input itself"),
    "unknown kind": (["leads.csv", "-o", "out.docx"], "cannot be written"),
    "two readers of one stream": (["leads.csv", "-o", "-", "--json"], "both want standard output"),
    "unknown field": (["leads.csv", "-o", "out.csv", "--fields", "titel"], "did you mean 'title'"),
    "no field": (["leads.csv", "-o", "out.csv", "--fields", " , "], "fields is empty"),
    "unknown column": (["leads.csv", "-o", "out.csv", "--column", "email=Mial"], "which is no column"),
    "unknown role": (["leads.csv", "-o", "out.csv", "--column", "mail=Email"], "no role 'mail'"),
    "no e-mail column": (["names.csv", "-o", "out.csv"], "No e-mail column"),
    "two e-mail columns": (["twice.csv", "-o", "out.csv"], "2 columns labelled 'Email'"),
    "empty file": (["empty.csv", "-o", "out.csv"], "is empty"),
    "negative budget": (["leads.csv", "-o", "out.csv", "--max-credits", "-1"], "max_credits must be"),
    "concurrency": (["leads.csv", "-o", "out.csv", "--concurrency", "0"], "concurrency must be"),
    "age": (["leads.csv", "-o", "out.csv", "--max-age", "soon"], "An age (max_age"),
    "suppress file": (["leads.csv", "-o", "out.csv", "--suppress", "gone.txt"], "no such file"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_exit_code_2_and_nothing_is_sent(leads, tmp_path, monkeypatch, capsys, arguments, told):
    """One line on standard error, no output file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.csv").write_text("Name\nJo\n")
    (tmp_path / "twice.csv").write_text("Email,Email\na@x.example,b@x.example\n")
    (tmp_path / "empty.csv").write_text("")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with cl.sandbox() as service:
        assert main(["enrich", *arguments, "--quiet"]) == 2
        assert service.requests == []
    out, err = capsys.readouterr()
    assert told in err
    assert err.startswith("cleanlist-pandas: ")
    assert (len(err.splitlines()), out) == (1, "")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_key_is_exit_code_2(leads, tmp_path, capsys):
    """It names both ways out."""
    assert main(["enrich", leads, "-o", str(tmp_path / "out.csv"), "--quiet"]) == 2
    told = capsys.readouterr().err
    assert "CLEANLIST_API_KEY" in told
    assert "--sandbox" in told


@pytest.mark.parametrize(
    "arguments", [[], ["enrich"], ["enrich", "x.csv"], ["zzz"], ["ledger"], ["estimate", "x", "--zzz"]]
)
def test_what_argparse_refuses_is_exit_code_2(arguments, capsys):
    """With the usage."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "--help" in capsys.readouterr().err


def test_an_untrustworthy_ledger_is_exit_code_1(leads, tmp_path, capsys):
    """Nothing is sent, no output is written."""
    (tmp_path / "ledger").write_bytes(b"no ledger at all" * 100)
    with cl.sandbox() as service:
        out = tmp_path / "out.csv"
        assert main(["enrich", leads, "-o", str(out), "--ledger", str(tmp_path / "ledger"), "--quiet"]) == 1
        assert service.requests == []
    assert not out.exists()
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--people", "gone.csv"], "gone.csv: there is no such file."),
        (["--hit-rate", "2"], "hit_rate is a share between 0 and 1"),
        (["--port", "99999"], "port is 0 to 65535"),
        (["--faults", "gone"], "the presets are flaky, storm, slow, broken"),
    ],
)
def test_a_sandbox_that_cannot_be_is_exit_code_2(arguments, told, capsys):
    """In one line."""
    assert main(["sandbox", *arguments]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.splitlines()) == 1


# --- ledger -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(leads, tmp_path):
    path = tmp_path / "ledger.sqlite3"
    with cl.sandbox(people=PEOPLE, faults={"ann@acme.example": Fault(status=500)}):
        assert main(["enrich", leads, "-o", str(tmp_path / "o.csv"), "--ledger", str(path), "--quiet"]) == 0
    return str(path)


def test_ledger_stats_for_a_machine(ledger, capsys):
    """Counts and credits."""
    assert main(["ledger", "stats", "--ledger", ledger, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["lookups"], found["completed"], found["in_doubt"], found["credits"]) == (2, 1, 1, 1)


def test_ledger_stats_for_a_person(ledger, capsys, monkeypatch):
    """With the path, which the environment may name."""
    monkeypatch.setenv("CLEANLIST_LEDGER", ledger)
    assert main(["ledger", "stats"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[0] == ledger


def test_ledger_in_doubt_is_csv(ledger, capsys):
    """With the worst-case price."""
    assert main(["ledger", "in-doubt", "--ledger", ledger]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert found[["address", "credits"]].to_numpy().tolist() == [["ann@acme.example", 1]]


@pytest.mark.parametrize("given", ["argument", "standard input"])
def test_ledger_erase_forgets_a_person_for_good(ledger, leads, capsys, monkeypatch, given):
    """A receipt, and every later run skips them; the address may come by a pipe so that no shell remembers it."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("Jo@ACME.example\n"))
    address = "-" if given == "standard input" else "Jo@ACME.example"
    assert main(["ledger", "erase", address, "--ledger", ledger]) == 0
    receipt = json.loads(capsys.readouterr().out)
    assert receipt["lookups"] == 1
    assert "jo@" not in json.dumps(receipt).lower()
    assert b"jo@acme" not in Path(ledger).read_bytes()
    assert cl.estimate_cost(read_frame(leads), ledger=ledger).buckets["suppressed"] == 2


@pytest.mark.parametrize("action", [["stats"], ["in-doubt"]])
def test_no_ledger_yet_is_exit_code_2(action, tmp_path, capsys):
    """And makes none."""
    assert main(["ledger", *action, "--ledger", str(tmp_path / "gone")]) == 2
    assert "no ledger at" in capsys.readouterr().err
    assert not (tmp_path / "gone").exists()


def test_who_is_erased_before_the_first_run_is_never_sent(tmp_path, capsys):
    """The ledger is made for it."""
    path = tmp_path / "new.sqlite3"
    assert main(["ledger", "erase", "jo@acme.example", "--ledger", str(path)]) == 0
    with cl.sandbox() as service:
        out = cl.enrich(pd.DataFrame({"email": ["JO@acme.example"]}), ledger=path)
        assert service.requests == []
    assert out.enriched_status.tolist() == ["skipped"]


def test_what_is_no_address_cannot_be_erased(ledger, capsys):
    """Exit code 2."""
    assert main(["ledger", "erase", "rubbish", "--ledger", ledger]) == 2
    assert "needs one e-mail address" in capsys.readouterr().err


# --- as a process, and the sample exports -----------------------------------------------------------------------------


def shell(*arguments, **more):
    command = [sys.executable, "-W", "error", "-m", "cleanlist_pandas", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **more.pop("env", {})}
    return subprocess.run(command, env=env, check=False, **{"capture_output": True, **more})


def test_enrich_in_a_pipe_with_a_sandbox():
    """No key, no file: CSV in, CSV out."""
    done = shell("enrich", "-", "-o", "-", "--sandbox", "--fields", "title", input=LEADS.encode())
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == b"Email,ZIP,Note,enriched_title,enriched_status"
    assert b"of at most 2 credits spent, 2 requests" in done.stderr


def test_a_budget_in_a_process_is_exit_code_3(tmp_path, leads):
    """Also where warnings are errors: the output is written."""
    out = tmp_path / "out.csv"
    done = shell("enrich", leads, "-o", str(out), "--sandbox", "--max-credits", "0")
    assert (done.returncode, out.exists()) == (3, True), done.stderr
    assert b"Traceback" not in done.stderr
    assert b"CleanlistWarning" not in done.stderr


def test_the_second_run_in_the_sandbox_is_free(tmp_path, leads):
    """Its ledger lasts, apart from the real one."""
    for credits in (b"of at most 2 credits spent, 2 requests", b"0 of at most 0 credits spent, 0 requests"):
        done = shell("enrich", leads, "-o", str(tmp_path / "out.csv"), "--sandbox")
        assert credits in done.stderr


@pytest.mark.parametrize("name", ["badge_scans.csv", "hubspot_contacts.csv", "salesforce_leads.csv"])
def test_the_sample_exports_give_the_expected_counts(examples, tmp_path, capsys, name):
    """Look-ups and rejections of expected.json; every input cell comes back as it was."""
    expected = json.loads((examples / "expected.json").read_text())[name]
    source, out = str(examples / name), tmp_path / "out.csv"
    assert main(["estimate", source, "--json"]) == 0
    estimate = json.loads(capsys.readouterr().out)
    assert estimate["lookups"] == estimate["at_most"] == expected["unique_lookups"]
    assert estimate["rows"] == expected["rows"]
    assert {kind: estimate["buckets"][kind] for kind in expected["rejected"]} == expected["rejected"]
    with cl.sandbox() as service:
        assert main(["enrich", source, "-o", str(out), "--fields", "title", "--concurrency", "64"]) == 0
        assert len(service.requests) == len({r.email for r in service.requests}) == expected["unique_lookups"]
    assert f"Addresses in '{expected['email_column']}'" in capsys.readouterr().err
    before, after = read_frame(source), read_frame(str(out))
    pd.testing.assert_frame_equal(after[before.columns], before)
    assert (after["enriched_status"] == "skipped").sum() == expected["rejected_total"]
    own = pd.read_csv(source, dtype=str, keep_default_na=False, **expected["read_csv"])
    pd.testing.assert_frame_equal(before, own)
