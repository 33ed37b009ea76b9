"""What the fault matrix and the crash harness tried: counted, kept in figures.json, shown in the README as promises.

``python -m pytest tests/faults tests/crash`` counts, and rewrites figures.json where a whole run tried something else;
``python tests/figures.py`` renders the README's table from that file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FILE = HERE / "figures.json"
README = HERE.parent / "README.md"
START, END = "<!-- promises: rendered by tests/figures.py -->\n", "<!-- end of promises -->"

# promise, how it was attacked, families
PROMISES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Half an answer fills nothing, is in doubt and is not asked for again",
        "answer cut at every byte; lengths wrong, unstated, in chunks; connection reset before, during and after",
        (
            "answer cut at each byte, then close",
            "answer cut at each byte, then reset",
            "body cut, length unstated or wrong",
            "chunked answer cut",
            "connection reset",
            "reset in the middle of a request",
            "crooked lines",
        ),
    ),
    (
        "One slow answer ends at its deadline and holds up nobody else",
        "bytes that drip, silence",
        ("slow drip and silence",),
    ),
    (
        "What never left costs nothing, and no stranger sees the key",
        "no connection, unknown host, certificates that are expired, self-signed or somebody else's",
        ("connection refused", "unknown host", "connect time-out", "TLS failure"),
    ),
    (
        "“Too many requests” and “away” are free, and nobody asks again before the time named",
        "429 and 503 with `Retry-After` in seconds, as a date, past, absurd; storms of them; rate limits",
        (
            "429 and 503 with Retry-After",
            "429: nobody before the time named",
            "bodies that say retryable",
            "several refusals in a row",
            "429 storm",
            "rate limit",
            "rate limit, simulated",
        ),
    ),
    (
        "A dead service ends in a stop you can resume, not in hours of hammering",
        "errors, silence or resets for everybody",
        ("dead service",),
    ),
    (
        "What may have been charged is in doubt and sent again to nobody",
        "500, 502, 504 and their like, before and after the charge; redirects to this host and others",
        ("5xx before and after the charge", "redirect"),
    ),
    (
        "A refusal costs nothing and keeps all that was answered",
        "400, 404, 422 for one person; 401, 402, 403, 404 at call *k*; an account that runs dry",
        ("4xx for one person", "401, 402, 403, 404 at call k of n", "account runs dry"),
    ),
    (
        "A strange answer spoils its own cells at most",
        "HTML with 200, broken, nested and wrongly encoded JSON, wrong types, unknown words, missing or negative "
        "credits, bytes that are no HTTP, gzip bombs, endless bodies",
        (
            "200 that is no answer",
            "odd content type or 2xx",
            "odd but usable answers",
            "wrong types and unknown words",
            "missing fields",
            "odd credits",
            "bytes that are no HTTP",
            "large headers",
            "huge answers",
        ),
    ),
    ("Nobody gets another person's answer", "answers that are foreign or swapped", ("foreign and swapped answers",)),
    (
        "No run passes its budget, whatever the clock says",
        "budgets of 0, exact, off by one, changed between runs; overcharges; clocks that jump by hours and years",
        ("budget at its edges", "budget changed between runs", "overcharge", "clock jumps"),
    ),
    (
        "Nor is it otherwise on v2, on legacy v1 and with files",
        "the same faults at each request of theirs, free or charged; mixed up answers, a quote that ran out, an empty "
        "account, another day",
        (
            "other surfaces: cut, reset, silent",
            "other surfaces: no answer",
            "other surfaces: too early, away",
            "other surfaces: odd but true",
            "other surfaces: refused",
            "other surfaces: refused for good",
            "other surfaces: mixed up answers",
            "other surfaces: quote ran out",
            "other surfaces: account runs dry",
            "other surfaces: on another day",
        ),
    ),
    (
        "All of this in any order",
        "property tests of budget, verdicts, parser, quota and ledger, invented schedules of runs among them",
        (
            "properties: budget",
            "properties: verdicts",
            "properties: answer parser",
            "properties: retry quota",
            "properties: which record counts",
            "properties: schedules of runs",
        ),
    ),
    (
        "A stop by hand hands the frame back and loses nothing",
        "Ctrl-C once and twice, SIGTERM, at 20 moments",
        ("Ctrl-C once, twice, SIGTERM",),
    ),
    (
        "A damaged ledger buys nobody who is in it",
        "corrupted ledgers: bits, stretches and pages changed, swapped, zeroed, cut off, added; what is saved of them",
        ("corrupted ledgers", "corrupted ledgers, salvaged"),
    ),
    (
        "Two notebooks on one ledger pay once for each person",
        "the same people at the same time, undisturbed and with one stopped in the middle",
        ("notebooks on one ledger",),
    ),
    (
        "Whoever is erased is in no file and no log, and never sent again",
        "every file searched after `erase`: database, journal, exports; whatever had become of the person's look-ups",
        ("erased people",),
    ),
    (
        "A process that dies loses nothing and buys nobody twice",
        "killed with SIGKILL at a system call that writes, at one that sends, on every surface, and again while it "
        "picks up the pieces",
        (
            "kill points of an enrich",
            "kill points at requests",
            "kill points at requests of other surfaces",
            "kill points at writes of other surfaces",
            "second kills on other surfaces",
            "second kills of a run",
            "kill points of a ledger",
        ),
    ),
    (
        "A disk that fails stops the sending; what was answered is kept",
        "disk full and I/O errors at a system call that writes, once and from then on; writes cut in their middle",
        ("error points of an enrich", "writes cut in their middle", "disk full on other surfaces"),
    ),
    (
        "A power loss takes nothing that was sent, answered or erased",
        "power lost after each write: lost, torn and reordered sectors, in every state the file system may leave",
        (
            "power-loss states of a ledger",
            "power-loss states of an enrich",
            "power-loss states of a run by list",
            "power-loss states of a repair",
        ),
    ),
)


class Figures:
    """Cases and violations by family, and facts that are measured and vary."""

    def __init__(self) -> None:
        self.cases: Counter[str] = Counter()
        self.violations: Counter[str] = Counter()
        self.facts: dict[str, str] = {}

    def add(self, family: str, n: int, violations: Sequence[str] = ()) -> None:
        """Count cases."""
        self.cases[family] += n
        self.violations[family] += len(violations)

    def as_dict(self) -> dict[str, Any]:
        """Return what does not vary, as plain JSON values."""
        return {
            "cases": dict(sorted(self.cases.items())),
            "violations": {family: n for family, n in sorted(self.violations.items()) if n},
        }

    def lines(self) -> Iterator[str]:
        """Yield everything as text."""
        yield f"{self.cases.total():,} cases in {len(self.cases)} families, {self.violations.total()} violations"
        for family, n in self.cases.items():
            yield f"  {n:>6,} {family}"
        for name, fact in self.facts.items():
            yield f"         {name}: {fact}"

    def hold_to_the_file(self, part: str, file: Path = FILE, *, leeway: float = 0.0) -> None:
        """Fail if a whole run tried something else than the file says, and put the file right.

        `leeway` is the share by which a count may differ: on another machine a system call more or less can be reached.
        """
        kept = committed(file)
        same = _alike(self.as_dict(), kept.get(part), leeway)
        if not same:
            file.write_text(json.dumps({**kept, part: self.as_dict()}, indent=1, sort_keys=True) + "\n")
        assert same, (
            "this run tried something else than tests/figures.json said, which was rewritten: "
            "look at the difference, run `python tests/figures.py` and commit both"
        )


def _alike(seen: dict[str, Any], kept: dict[str, Any] | None, leeway: float) -> bool:
    """Whether two runs tried the same and found the same."""
    if kept is None or seen["violations"] != kept["violations"] or seen["cases"].keys() != kept["cases"].keys():
        return False
    return all(abs(n - kept["cases"][family]) <= leeway * n for family, n in seen["cases"].items())


def committed(file: Path = FILE) -> dict[str, Any]:
    """Return the figures by part, as they are kept."""
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return kept


def table(kept: dict[str, Any]) -> str:
    """Return the promises as a table; every family has its row, every row its families."""
    cases = {family: n for part in kept.values() for family, n in part["cases"].items()}
    violations = {family: n for part in kept.values() for family, n in part["violations"].items()}
    lines = ["| promise | how it was attacked | cases | violations |", "|---|---|---|---|"]
    total, n_wrong = sum(cases.values()), sum(violations.values())
    for promise, attack, families in PROMISES:
        n = sum(cases.pop(family) for family in families)
        wrong = sum(violations.get(family, 0) for family in families)
        lines.append(f"| {promise} | {attack} | {n:,} | {wrong:,} |")
    assert not cases, f"families without a promise: {list(cases)}"
    return "\n".join([*lines, f"| | in all | {total:,} | {n_wrong:,} |", ""])


def render() -> None:
    """Write the table into the README."""
    before, _, rest = README.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{START}{table(committed())}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    render()
