"""CSV files: up, at once or as a job, and back with columns added. The form on the wire is the sandbox's assumption."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import pytest

from cleanlist_pandas.sandbox import Fault, Terms
from cleanlist_pandas.sandbox.csv_files import email_column, read_rows

PATH = "/v1/enrich/csv"
FILE = "E-Mail,First Name,last_name,note\nann@bee.example,Ann,Other,x\nnobody@bee.example,,,y\n"
PEOPLE = [{"email": "ann@bee.example", "title": "CTO", "phone": "+1-650-555-0173", "icp_score": 72}]
JOBS = {"csv_rows_at_once": 2, "workflow_polls": 1}


def send(client: Any, content: str = FILE, fields: tuple[str, ...] = ("title", "icp_score"), **more: Any) -> Any:
    return client.post(PATH, json={"csv": content, "fields": list(fields), **more})


def rows_of(told: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(told["csv"])))


def test_a_small_file_comes_back_at_once_with_columns_added(wire: Any) -> None:
    sandbox = wire.start(people=PEOPLE)
    answer = send(wire.client(sandbox))
    told = answer.json()
    assert (answer.status_code, told["status"], told["meta"]) == (
        200,
        "completed",
        {"total_rows": 2, "credits_used": 1},
    )
    found, missed = rows_of(told)
    assert list(found)[:7] == ["E-Mail", "First Name", "last_name", "note", "row_id", "input_email", "input_name"]
    assert (found["note"], found["row_id"], found["input_email"], found["input_name"]) == (
        "x",
        "1",
        "ann@bee.example",
        "Ann Other",
    )
    assert (found["enriched_title"], found["icp_score"], found["enriched_phone"], found["status"]) == (
        "CTO",
        "72",
        "",
        "completed",
    )
    assert (missed["note"], missed["row_id"], missed["enriched_title"], missed["status"]) == ("y", "2", "", "not_found")
    assert "credits_used" not in found


def test_what_was_found_is_charged_row_by_row(wire: Any) -> None:
    sandbox = wire.start(people=PEOPLE, terms=Terms(csv_credits=True))
    told = send(wire.client(sandbox), fields=("title", "phone")).json()
    assert [row["credits_used"] for row in rows_of(told)] == ["11", "0"]
    [charge] = sandbox.charges
    assert (charge.email, charge.credits, charge.fields, charge.surface) == (
        "ann@bee.example",
        11,
        ("title", "phone"),
        "csv_upload",
    )
    totals = sandbox.totals("csv_upload")
    assert (totals.reserved, totals.charged, totals.refunded, totals.open) == (22, 11, 11, 0)


def test_a_large_file_is_a_job_that_is_asked_about(wire: Any) -> None:
    sandbox = wire.start(people=PEOPLE, terms=Terms(**JOBS))
    client = wire.client(sandbox)
    answer = send(client)
    taken = answer.json()
    assert (answer.status_code, taken["status"], sandbox.charged) == (202, "processing", 0)
    assert sandbox.totals("csv_upload").open == 2
    first, second = (client.get(f"{PATH}/{taken['job_id']}").json() for _ in range(2))
    assert first == {"job_id": taken["job_id"], "status": "processing", "meta": {"total_rows": 2}}
    assert (second["status"], second["meta"]["credits_used"], sandbox.charged) == ("completed", 1, 1)
    assert [row["status"] for row in rows_of(second)] == ["completed", "not_found"]


def test_the_threshold_is_ten_thousand_rows(wire: Any) -> None:
    client = wire.client(wire.start(hit_rate=0.0))
    statuses = []
    for n in (9_999, 10_000):
        content = "email\n" + "".join(f"p{at}@bee.example\n" for at in range(n))
        statuses.append(send(client, content).status_code)
    assert statuses == [200, 202]


def test_a_file_larger_than_any_other_request_is_read_and_one_row_too_many_is_not(wire: Any) -> None:
    sandbox = wire.start(hit_rate=0.0)
    content = "email\n" + "".join(f"somebody.with.a.long.name.{at}@bee.example\n" for at in range(100_000))
    assert len(content) > 1_000_000
    client = wire.client(sandbox)
    assert send(client, content).status_code == 202
    assert send(client, content + "one.more@bee.example\n").json() == {"detail": "The file has more than 100,000 rows"}
    assert [record.status for record in sandbox.requests] == [202, 413]


def test_a_small_file_has_no_job(wire: Any) -> None:
    client = wire.client(wire.start(people=PEOPLE))
    answer = client.get(f"{PATH}/{send(client).json()['id'].replace('ev_', 'csv_')}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Job not found"})


@pytest.mark.parametrize(
    ("content", "more", "status", "where"),
    [
        ("name\nAnn\n", {}, 422, ["body", "csv"]),
        ("email\n", {}, 422, ["body", "csv"]),
        ("", {}, 422, ["body", "csv"]),
        ('email\n"ann\n', {}, 422, ["body", "csv"]),
        ("email\n\ud800@b.example\n", {}, 422, ["body", "csv"]),
        (FILE, {"fields": ["shoe_size"]}, 422, ["body", "fields", 0]),
        (FILE, {"webhook_url": "https://example.com/"}, 422, ["body", "webhook_url"]),
        (FILE, {"mode": "fast"}, 422, ["body", "mode"]),
    ],
)
def test_what_is_no_file_of_people_costs_nothing(
    wire: Any, content: str, more: dict[str, Any], status: int, where: list[Any]
) -> None:
    sandbox = wire.start()
    body = json.dumps({"csv": content, "fields": ["title"], **more})
    answer = wire.client(sandbox).post(PATH, content=body.encode())
    assert (answer.status_code, answer.json()["detail"][0]["loc"], sandbox.charged) == (status, where, 0)
    assert not sandbox.reservations


def test_doors_that_are_not_there(wire: Any) -> None:
    client = wire.client(wire.start())
    assert client.get(PATH).status_code == 405
    assert client.get(f"{PATH}/csv_nobody").json() == {"detail": "Job not found"}
    assert client.post(f"{PATH}/csv_nobody").status_code == 405
    assert client.post(PATH, json={"csv": FILE}, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_file_that_cannot_be_paid_is_refused_whole(wire: Any) -> None:
    sandbox = wire.start(people=PEOPLE, credits=1)
    answer = send(wire.client(sandbox))
    assert (answer.status_code, answer.json(), sandbox.credits_left) == (402, {"detail": "Insufficient credits"}, 1)


def test_files_count_against_the_rate_of_csv_row(wire: Any) -> None:
    client = wire.client(wire.start(rate_per_minute=1))
    assert [send(client).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("terms", [{}, JOBS])
def test_a_repeated_key_is_answered_again_and_charged_once(wire: Any, terms: dict[str, Any]) -> None:
    sandbox = wire.start(people=PEOPLE, terms=Terms(**terms))
    client = wire.client(sandbox, **{"Idempotency-Key": "k"})
    first, second = send(client), send(client)
    assert first.json() == second.json()
    assert (len(sandbox.reservations), send(client, FILE + "eve@bee.example,,,\n").status_code) == (1, 422)


def test_without_keys_a_repeated_file_is_charged_again(wire: Any) -> None:
    sandbox = wire.start(people=PEOPLE, idempotency=False)
    client = wire.client(sandbox, **{"Idempotency-Key": "k"})
    for _ in range(2):
        send(client)
    assert sandbox.charged == 2


@pytest.mark.parametrize(
    ("fault", "charged", "status"),
    [
        (Fault(status=500), 0, 500),
        (Fault(status=500, charge=True), 1, 500),
        (Fault(credits=5), 5, 200),
        (Fault(ends="failed"), 2, 200),
        (Fault(ends="swept"), 0, 200),
    ],
)
def test_faults_of_a_file(wire: Any, fault: Fault, charged: int, status: int) -> None:
    sandbox = wire.start(people=PEOPLE, faults={f"POST {PATH}": fault})
    answer = send(wire.client(sandbox))
    assert (answer.status_code, sandbox.charged) == (status, charged)
    if fault.ends:
        assert (answer.json()["status"], "csv" in answer.json()) == ("failed", False)


def test_the_end_of_a_job_is_posted_to_this_machine(wire: Any) -> None:
    """The webhook says that it ended and what it cost; the file is fetched."""

    async def hear() -> tuple[dict[str, Any], dict[str, Any]]:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            heard.set_result(await reader.readexactly(length))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(receive, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            sandbox = wire.start(people=PEOPLE, terms=Terms(csv_rows_at_once=2))
            taken = await asyncio.to_thread(send, wire.client(sandbox), webhook_url=url)
            return taken.json(), json.loads(await asyncio.wait_for(heard, 30))

    taken, posted = asyncio.run(hear())
    assert posted == {
        "event": "csv.completed",
        "job_id": taken["job_id"],
        "status": "completed",
        "meta": {"total_rows": 2, "credits_used": 1},
    }


@pytest.mark.parametrize(
    ("header", "at"),
    [(["email"], 0), (["Name", "E-mail Address"], 1), (["WORK_EMAIL"], 0), (["emails"], -1), ([], -1)],
)
def test_the_email_column_is_found_by_its_name(header: list[str], at: int) -> None:
    assert email_column(header) == at


def test_rows_are_as_wide_as_the_header() -> None:
    assert read_rows('\ufeffemail,a\nx\n\n"y\nz",1,2\n') == [["email", "a"], ["x", ""], ["y\nz", "1"]]
