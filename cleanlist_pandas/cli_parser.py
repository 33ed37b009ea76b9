"""What can be typed in the shell."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from cleanlist_pandas import __version__
from cleanlist_pandas.plan.findings import SKIPPABLE
from cleanlist_pandas.services.service import SURFACES

__all__ = ["make_parser"]


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read more; exit with 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="cleanlist-pandas",
        description="Know the price before you pay: B2B contact enrichment of CSV and Parquet files.",
        epilog="Exit codes: 0 done, 1 error, 2 wrong usage (nothing sent), 3 stopped early (OUT holds what there is).",
    )
    parser.add_argument("--version", action="version", version=f"cleanlist-pandas {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _estimate(commands)
    _plan(commands)
    _check(commands)
    _enrich(commands)
    _diff(commands)
    _sandbox(commands)
    _ledger(commands)
    return parser


def _estimate(commands: Any) -> None:
    parser = commands.add_parser("estimate", help="tell what enriching a file would cost at most; sends nothing")
    _add_input(parser)
    _add_plan(parser)
    parser.add_argument("--sandbox", action="store_true", help="with the ledger that enrich --sandbox keeps")
    parser.add_argument("--json", action="store_true", help="the numbers as JSON on standard output")


def _plan(commands: Any) -> None:
    parser = commands.add_parser("plan", help="write who would be bought, and for how much, to a file; sends nothing")
    _add_input(parser)
    _add_plan(parser)
    parser.add_argument("-o", "--output", metavar="PLAN.json", required=True, help="the file; it names nobody")
    parser.add_argument("--sandbox", action="store_true", help="with the ledger that enrich --sandbox keeps")


def _check(commands: Any) -> None:
    parser = commands.add_parser("check", help="judge each row's address; free, sends nothing")
    _add_input(parser)
    _add_fields(parser)
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="write the rows with verdict, reason and suggestion there"
    )
    parser.add_argument("--json", action="store_true", help="counts as JSON on standard output")


def _enrich(commands: Any) -> None:
    parser = commands.add_parser(
        "enrich", help="look everybody up once and write the file with new columns", description=_ENRICH
    )
    _add_input(parser)
    _add_plan(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        required=True,
        help="CSV, TSV, Parquet, a folder/ for Parquet files in it, or - for standard output",
    )
    parser.add_argument("--plan", metavar="PLAN.json", help="hold the run to a saved plan: its fields and its budget")
    parser.add_argument("--concurrency", type=int, metavar="N", help="look-ups in flight at most (default: 16)")
    parser.add_argument("--max-seconds", type=float, metavar="S", help="stop sending after that many seconds")
    parser.add_argument("--provenance", action="store_true", default=None, help="add where each value came from")
    parser.add_argument(
        "--sandbox", action="store_true", help="ask a local Cleanlist with invented people; no key needed"
    )
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output")
    parser.add_argument("--quiet", action="store_true", help="errors only")


_ENRICH = (
    "The key is read from CLEANLIST_API_KEY. Running the same command again goes on where it stopped and pays for "
    "nothing twice. Without a key, --sandbox shows what it would be like."
)


def _diff(commands: Any) -> None:
    parser = commands.add_parser("diff", help="tell who changed jobs between two enriched files; free, sends nothing")
    parser.add_argument("file", metavar="NOW", help="the newer file: CSV, TSV or Parquet, or - for standard input")
    parser.add_argument("before", metavar="BEFORE", help="the earlier file")
    parser.add_argument("--on", metavar="NAME", help="the column that says who a row is about (default: the e-mail)")
    parser.add_argument("-o", "--output", metavar="OUT", help="write one row a change there")
    parser.add_argument("--json", action="store_true", help="counts as JSON on standard output")


def _whole(text: str) -> int:
    """Read a whole number, also as this program writes it: 1,000."""
    try:
        return int(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number such as 1000") from None


def _add_input(parser: argparse.ArgumentParser) -> None:
    """Add the file and its columns."""
    parser.add_argument(
        "file", metavar="FILE", help="CSV, TSV, Parquet or a folder of it, or - for CSV on standard input"
    )
    parser.add_argument(
        "--column",
        action="append",
        metavar="ROLE=NAME",
        help="which column is what, such as email='Work E-mail' (also first_name, last_name, full_name, company, "
        "linkedin_url; a role alone, company=, is not used); left out, they are found",
    )


def _add_fields(parser: argparse.ArgumentParser) -> None:
    """Add what is asked for."""
    parser.add_argument(
        "--fields",
        type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
        metavar="A,B",
        help="email_status, title, seniority, company, industry, size, phone, linkedin, icp_score (default: all but "
        "phone; a look-up costs 1 credit, 11 with phone, a miss nothing)",
    )


def _add_plan(parser: argparse.ArgumentParser) -> None:
    """Add what decides who is bought."""
    _add_fields(parser)
    parser.add_argument(
        "--known",
        action="append",
        metavar="FILE",
        help="a file with enriched columns: what it knows is not bought (may be given several times)",
    )
    parser.add_argument("--suppress", type=Path, metavar="FILE", help="addresses and domains that are never sent")
    parser.add_argument(
        "--skip", metavar="A,B", help=f"classes found by check that are not bought: {', '.join(SKIPPABLE)}"
    )
    parser.add_argument("--max-age", metavar="AGE", help="how old a paid answer may be, such as 30D (default: 90D)")
    parser.add_argument(
        "--on-existing",
        choices=("fill", "replace", "error"),
        help="fill: keep values that are there and buy only for rows that lack one (default); replace; error",
    )
    parser.add_argument(
        "--in-doubt",
        choices=("hold", "retry"),
        help="look-ups sent and never answered, perhaps charged: hold (default) leaves them alone, retry sends them "
        "again and may pay twice",
    )
    parser.add_argument(
        "--service",
        choices=tuple(SURFACES),
        help="which surface to speak to (default: v2 with a key that begins with clapi_, csv_row with any other)",
    )
    parser.add_argument("--ledger", metavar="PATH", help="the file that remembers what was paid for")
    parser.add_argument("--rate-per-minute", type=float, metavar="N", help="requests a minute at most")
    parser.add_argument(
        "--max-credits", type=_whole, metavar="N", help="credits to spend at most (default: the estimate)"
    )
    parser.add_argument("--priority", metavar="NAME", help="a column of worth: the best rows are bought first")
    parser.add_argument("--price-per-credit", type=float, metavar="P", help="money a credit costs: told in money too")


def _sandbox(commands: Any) -> None:
    parser = commands.add_parser("sandbox", help="run a local Cleanlist with invented people")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which invented world (default: 0)")
    parser.add_argument("--people", metavar="FILE", help="a CSV file of the people that are known")
    parser.add_argument("--hit-rate", type=float, default=0.8, metavar="R", help="share of people known (default: 0.8)")
    parser.add_argument("--latency-ms", type=float, default=0.0, metavar="N", help="before each answer (default: 0)")
    parser.add_argument("--rate-per-minute", type=float, metavar="N", help="requests before a 429 is answered")
    parser.add_argument("--credits", type=int, metavar="N", help="balance of the account (default: never empty)")
    parser.add_argument("--faults", metavar="NAME|FILE", help="flaky, storm, slow, broken, or a JSON script of faults")


def _ledger(commands: Any) -> None:
    parser = commands.add_parser("ledger", help="look into what was paid for")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, meaning in (
        ("stats", "count look-ups and credits"),
        ("in-doubt", "list what was sent and never answered, as CSV on standard output"),
        ("audit", "list charges that disagree with the tariff, as CSV on standard output"),
        ("adopt", "count an earlier export with enriched columns as paid for"),
        ("export", "write all look-ups and answers to a file, of a damaged ledger what can be read"),
        ("erase", "forget one person for good and never send them again"),
        ("prune", "forget look-ups older than an age"),
    ):
        action = actions.add_parser(name, help=meaning)
        if name == "export":
            action.add_argument("output", metavar="OUT", help="a new CSV or Parquet file")
        if name == "adopt":
            action.add_argument("file", metavar="FILE", help="CSV, TSV or Parquet")
            action.add_argument(
                "--as-of", metavar="DATE", help="when its answers were given (default: when the file was last changed)"
            )
        if name == "prune":
            action.add_argument("age", metavar="AGE", help="such as 52W; what is in doubt stays")
        if name == "erase":
            action.add_argument("address", metavar="EMAIL", help="the address, or - to read it from standard input")
        action.add_argument("--ledger", metavar="PATH", help="default: CLEANLIST_LEDGER, or your user data directory")
        action.add_argument("--sandbox", action="store_true", help="the ledger that enrich --sandbox keeps")
        action.add_argument("--json", action="store_true", help="JSON on standard output")
