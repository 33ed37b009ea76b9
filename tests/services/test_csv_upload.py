"""CSV files: what is sent, whose a row is, and what each person's row says and cost. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.services.csv_row import CsvRow
from cleanlist_pandas.services.csv_upload import CsvUpload
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import BatchService, Ended, Job, Lookup, Pending

SERVICE = CsvUpload()
FIELDS = ("title", "icp_score")
HEADER = "email,row_id,input_email,enriched_title,icp_score,status"
ANN, BOB, EVE = "ann@bee.example", "bob@bee.example", "eve@bee.example"


def reply(**content: Any) -> Reply:
    return Reply(status=200, body=json.dumps(content).encode())


def looked_up(*addresses: str, fields: Sequence[str] = FIELDS) -> list[Lookup]:
    people = [Lookup(address=address, fields=fields) for address in addresses]
    token = SERVICE.read_order(reply(job_id="j1", status="processing"), "", len(people))
    return [replace(one, job=Job(lookup=at, token=token[at], at_us=0)) for at, one in enumerate(people)]


def bodies(lookups: Sequence[Lookup], content: str | None, credits: int | None = None, **more: Any) -> Any:
    said = {"csv": content} if content is not None else {}
    told = Ended(credits=credits, reply=reply(status="completed", **said), **more)
    talk = SERVICE.collect(lookups, lookups[0].job.token if lookups[0].job else "", told)
    with pytest.raises(StopIteration) as ended:
        next(talk)
    return ended.value.value


def answers(lookups: Sequence[Lookup], content: str | None, credits: int | None = None, **more: Any) -> list[Any]:
    told = [
        None if body is None else SERVICE.read(Reply(status=200, body=body), lookup, 7)
        for body, lookup in zip(bodies(lookups, content, credits, **more), lookups, strict=True)
    ]
    assert all(one is None or isinstance(one, Answer) for one in told)
    return [None if one is None else (str(one.status), one.credits, dict(one.values)) for one in told]


def test_it_is_what_the_engine_takes_for_many_people() -> None:
    assert isinstance(SERVICE, BatchService)
    assert SERVICE.surface.people_per_batch == 100_000
    assert not SERVICE.surface.orders_once


def test_a_file_has_a_header_and_what_is_known_of_each_person() -> None:
    hints = {"first_name": 'An"n', "company": "Bee, Inc.", "linkedin_url": "https://linkedin.com/in/ann\ud800"}
    people = [Lookup(address=ANN, fields=FIELDS, hints=hints), Lookup(address=BOB, fields=FIELDS)]
    request = SERVICE.upload(people, webhook_url="http://127.0.0.1/")
    said = json.loads(request.body)
    assert (request.method, request.path, said["fields"]) == ("POST", "/enrich/csv", list(FIELDS))
    assert said["webhook_url"] == "http://127.0.0.1/"
    said["csv"].encode()
    first, second = csv.DictReader(io.StringIO(said["csv"]))
    assert (first["email"], first["first_name"], first["company"]) == (ANN, 'An"n', "Bee, Inc.")
    assert (second["email"], second["company"]) == (BOB, "")


def test_the_same_file_has_the_same_key() -> None:
    one, two = (SERVICE.upload(looked_up(ANN, other)) for other in (BOB, EVE))
    assert SERVICE.upload(looked_up(ANN, BOB)).idempotency_key == one.idempotency_key != two.idempotency_key


def test_a_large_file_may_take_longer_and_bring_more() -> None:
    small, large = SERVICE.upload(looked_up(ANN)), SERVICE.upload([Lookup(address=ANN, fields=FIELDS)] * 50_000)
    assert small.patience_s == pytest.approx(0.06)
    assert large.patience_s == 600.0
    assert SERVICE.follow("file j1 50000 0").patience_s == 600.0
    assert small.max_bytes == SERVICE.follow("file j1 1 0").max_bytes == 100_000_000


@pytest.mark.parametrize(
    ("content", "token"),
    [
        ({"job_id": "j1", "status": "processing"}, "file j1 2 1"),
        ({"job_id": "j1"}, "file j1 2 1"),
        ({"status": "completed", "csv": "email\n"}, "file - 2 1"),
        ({"csv": "email\n"}, "file - 2 1"),
        ({"status": "failed", "job_id": "j1"}, "file - 2 1"),
        ({"status": "completed"}, None),
        ({"job_id": "not one id"}, None),
        ({"job_id": 7}, None),
        ({}, None),
    ],
)
def test_what_a_file_is_asked_about_with(content: dict[str, Any], token: str | None) -> None:
    tokens = SERVICE.read_order(reply(**content), "", 2)
    assert list(tokens)[1:] == ([] if token is None else [token])


def test_tokens_say_job_rows_and_place() -> None:
    assert SERVICE.follow("file j/1 2 1").path == "/enrich/csv/j%2F1"
    assert SERVICE.batch_of("file j1 2 1") == SERVICE.batch_of("file j1 2 0") == "file j1 2"
    assert SERVICE.batch_of("workflow") == ""
    assert SERVICE.is_whole(looked_up(ANN, BOB), "file j1 2 0")
    assert not SERVICE.is_whole(looked_up(ANN), "file j1 2 0")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"job_id": "j1", "status": "queued"}, "pending"),
        ({"job_id": "j2", "status": "completed", "csv": ""}, None),
        ({"status": "Completed", "csv": "", "meta": {"credits_used": 3}}, (3, False)),
        ({"status": "completed", "csv": "", "meta": {}}, (None, False)),
        ({"status": "failed", "meta": {"credits_used": "3"}}, (None, True)),
        ({"status": "completed"}, None),
        ({"detail": "x"}, None),
    ],
)
def test_how_a_job_is_doing(content: dict[str, Any], told: Any) -> None:
    status = SERVICE.read_status(reply(**content), "file j1 2 0")
    if told == "pending":
        assert status == Pending("file j1 2 0")
    else:
        assert (None if status is None else (status.credits, status.failed)) == told  # type: ignore[union-attr]


def test_the_job_of_an_answer_at_once_does_not_matter() -> None:
    told = reply(status="completed", csv="", job_id="j9")
    assert isinstance(SERVICE.read_status(told, "file - 2 0"), Ended)


def test_rows_are_told_by_the_address_they_repeat_in_whatever_order() -> None:
    content = f"{HEADER}\n,2,BOB@Bee.example ,CFO,,completed\n{ANN},1,,CTO,72,completed\n{EVE},3,{EVE},,,not_found\n"
    assert answers(looked_up(ANN, BOB, EVE), content, 2) == [
        ("completed", 1, {"title": "CTO", "icp_score": 72}),
        ("completed", 1, {"title": "CFO"}),
        ("not_found", 0, {}),
    ]


def test_of_two_rows_of_one_address_that_at_its_place_counts() -> None:
    content = f"{HEADER}\n,9,{ANN},Wrong,,completed\n,1,{ANN},CTO,,completed\n,2,{BOB},CFO,,completed\n"
    assert [told[2]["title"] for told in answers(looked_up(ANN, BOB), content)] == ["CTO", "CFO"]


def test_a_row_about_somebody_else_is_nobodys_though_it_is_at_their_place() -> None:
    content = f"{HEADER}\n,1,{EVE},CTO,,completed\n,2,{BOB},CFO,,completed\n"
    assert answers(looked_up(ANN, BOB), content) == [None, ("completed", 1, {"title": "CFO"})]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ("CTO,72,completed", ("completed", 1)),
        ("CTO,72,", ("completed", 1)),
        (",,not_found", ("not_found", 0)),
        (",,Not Found", ("not_found", 0)),
        (",,", ("not_found", 0)),
        (",,completed", ("completed", 1)),
        (",,failed", ("failed", 1)),
        ("CTO,many,completed", ("completed", 1)),
        ("CTO,nan,completed", ("completed", 1)),
        ("CTO,-1e999,completed", ("completed", 1)),
        (",,sleeping", None),
    ],
)
def test_what_a_row_says(cells: str, told: tuple[str, int] | None) -> None:
    [answer] = answers(looked_up(ANN), f"{HEADER}\n,1,{ANN},{cells}\n")
    assert (answer and answer[:2]) == told


@pytest.mark.parametrize(
    ("credits", "told"),
    [(None, [1, 0, 1]), (2, [1, 0, 1]), (3, [1, 1, 1]), (1, [0, 0, 1]), (9, [7, 1, 1])],
)
def test_what_the_file_cost_adds_up_row_by_row(credits: int | None, told: list[int]) -> None:
    """What no row explains is put on whom there is no row of, up to the price, and then stops the run."""
    content = f"{HEADER}\n,1,{ANN},CTO,,completed\n,3,{EVE},CFO,,completed\n"
    found = answers(looked_up(ANN, BOB, EVE), content, credits)
    assert [0 if one is None else one[1] for one in found] == told
    assert (found[1] is None) == (credits is None)
    assert found[1] is None or found[1][0] == "failed"


def test_rows_that_say_what_they_cost_are_believed() -> None:
    content = f"{HEADER},credits_used\n,1,{ANN},CTO,,completed,11\n,2,{BOB},,,not_found,1\n,3,{EVE},CFO,,completed,x\n"
    found = answers(looked_up(ANN, BOB, EVE, fields=("title", "phone")), content)
    assert [one[1] for one in found] == [11, 1, 11]


def test_of_a_part_of_the_people_the_cost_of_the_file_says_nothing() -> None:
    """Somebody was erased meanwhile."""
    content = f"{HEADER}\n,1,{ANN},CTO,,completed\n,2,{BOB},CFO,,completed\n"
    assert answers(looked_up(ANN, BOB)[1:], content, 2) == [("completed", 1, {"title": "CFO"})]


@pytest.mark.parametrize(("credits", "told"), [(None, [1, 1]), (0, [0, 0]), (1, [1, 0])])
def test_a_file_that_failed(credits: int | None, told: list[int]) -> None:
    found = answers(looked_up(ANN, BOB), None, credits, failed=True)
    assert [one[:2] for one in found] == [("failed", cost) for cost in told]


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda header: header.replace("_", " "),
        lambda header: f"\ufeff{header}",
        lambda header: f'"{header.replace(",", chr(34) + "," + chr(34))}"',
    ],
)
def test_a_header_may_be_spelt_another_way(change: Any) -> None:
    """All were charged: none shall be lost for a capital."""
    content = f"{change(HEADER)}\n\n{ANN},1,,CTO,,completed\n"
    assert answers(looked_up(ANN), content, 1) == [("completed", 1, {"title": "CTO"})]


@pytest.mark.parametrize("n_cut", range(1, 40))
def test_a_last_row_that_was_cut_is_no_miss(n_cut: int) -> None:
    """Nobody knows what it would have said, and it may have been charged; the others are read."""
    whole = f"{HEADER}\n{ANN},1,,CTO,,completed\n{BOB},2,,CFO,72,completed"
    found = answers(looked_up(ANN, BOB), whole[:-n_cut], 2)
    assert found[0] == ("completed", 1, {"title": "CTO"})
    assert found[1][:2] in {("failed", 1), ("completed", 1)}
    assert found[1][2] in ({}, {"title": "CFO", "icp_score": 72})


def test_whom_the_file_leaves_out_is_told_so() -> None:
    content = f"{HEADER}\n{ANN},1,,CTO,,completed\n"
    lookups = looked_up(ANN, BOB)
    kept = Reply(status=200, body=bodies(lookups, content, 2)[1])
    assert SERVICE.read(kept, lookups[1], 7) == Answer(
        status=RowStatus.FAILED,
        credits=1,
        at_us=7,
        reason="the file that came back has no row of them that can be read",
    )


def test_what_is_no_csv_is_no_answer() -> None:
    assert bodies(looked_up(ANN), f'{HEADER}\n"ann') is None


def test_what_is_kept_is_read_as_a_csv_row() -> None:
    """Also by what reads a ledger by column."""
    [lookup] = looked_up(ANN)
    [body] = bodies([lookup], f"{HEADER}\n{ANN},1,{ANN},CTO,72,completed\n", 1)
    assert json.loads(body) == {
        "status": "completed",
        "csv_row": {"row_id": "1", "input_email": ANN, "enriched_title": "CTO", "icp_score": 72.0},
        "meta": {"credits_used": 1},
    }
    kept = Reply(status=200, body=body)
    assert SERVICE.read(kept, lookup, 7) == CsvRow().read(kept, lookup, 7)
