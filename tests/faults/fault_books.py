"""One stage for every fault: a service that misbehaves, a ledger, a frame, and the audit that compares their books."""

from __future__ import annotations

import itertools
import logging
import pickle
import re
import sqlite3
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

import cleanlist_pandas as cl
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.sandbox import Fault, Sandbox
from cleanlist_pandas.sandbox.rules import FIELDS as ALL_FIELDS
from cleanlist_pandas.sandbox.rules import Answer, LookUp, envelope
from cleanlist_pandas.sandbox.wire import _written
from cleanlist_pandas.sandbox.world import InventedWorld

FIELDS = ["title", "seniority"]
VALUES = ["enriched_title", "enriched_seniority"]
WHO = re.compile(r"zq\d{5}", re.IGNORECASE)  # every address of this folder
DEADLINE_S = 60.0  # a bound: no case waits for it
PACKAGE = str(Path(cl.__file__).parent)
_seeds = itertools.count(1)
_people = itertools.count(1)

Plan = Any  # a Fault, a list of one for each attempt, None, or a function of the attempt
Row = tuple[str, Plan, str, int | None]  # name, plan, statuses joined by |, credits charged (None: 0 or the price)


@dataclass
class Ran:
    """One call: the frame it gave (or the partial one), its error and its report."""

    out: pd.DataFrame | None
    error: BaseException | None
    summary: Mapping[str, Any]
    warned: list[str]
    hung: bool = False
    n_before: int = 0  # requests the service had seen when it began

    def status(self, who: str) -> str:
        """Return what became of a person."""
        assert self.out is not None
        return str(self.out.loc[(self.out["Email"].str.lower() == who).to_numpy(), "enriched_status"].iloc[0])


class Ears(logging.Handler):
    """Keeps every log line."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class Stage:
    """A local Cleanlist whose faults go by person, a ledger that outlives it, and their audit."""

    folder: Path
    stack: ExitStack
    figures: Any
    plans: dict[str, Plan] = field(default_factory=dict)
    hooks: list[Callable[[int, str | None, int], Fault | None]] = field(default_factory=list)
    calm: bool = False
    looks: bool = False  # whether the ledger is read at each request
    broken: list[str] = field(default_factory=list)
    seed: int = 0
    FIELDS = FIELDS
    VALUES: list[str] = field(default_factory=lambda: VALUES)

    def open(self, **arguments: Any) -> Sandbox:
        """Start a sandbox with a key of its own; each knows everybody and no idempotency key."""
        self.ears, self.seed = Ears(), next(_seeds)
        self.ledger = self.folder / f"ledger{next(_seeds)}.sqlite3"
        self.sandbox = self.stack.enter_context(
            Sandbox(
                **{
                    "seed": self.seed,
                    "hit_rate": 1.0,
                    "idempotency": False,
                    "faults": self._script,
                    **arguments,
                }
            )
        )
        self.url, self.key = f"{self.sandbox.url}/v1", self.sandbox.api_key
        return self.sandbox

    def _script(self, number: int, email: str | None, attempt: int) -> Fault | None:
        """Be the service's script: by person, until all is calm."""
        if self.looks and email is not None:
            with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True, timeout=10)) as connection:
                query = "SELECT count(*) FROM lookups WHERE address = ?"
                if connection.execute(query, (email,)).fetchone() == (0,):
                    self.broken.append("P: a request left before its intent was on disk")
        if self.calm:
            return None
        for hook in self.hooks:
            if (fault := hook(number, email, attempt)) is not None:
                return fault
        plan = self.plans.get(email or "")
        if isinstance(plan, list):
            return plan[attempt - 1] if attempt <= len(plan) else None
        return plan(attempt) if callable(plan) else plan

    def people(self, n: int, *, twice: bool = True) -> pd.DataFrame:
        """Return a frame of new people with an index nobody expects, some of them in two rows."""
        rows = [f"zq{next(_people):05}@fm.example" for _ in range(n)]
        rows += [row.upper() for row in rows[::3]] * twice
        size = len(rows)
        frame = pd.DataFrame(
            {"Email": rows, "note": range(size)},
            index=[at * 7 % 5 for at in range(size)],
        )
        frame["score"] = [(-0.0, float("nan"), 5e-324)[at % 3] for at in range(size)]
        frame["tag"] = pd.Categorical(["b", "a"] * size)[:size]
        return frame

    def truth(self, who: str) -> dict[str, Any]:
        """Return what an undisturbed answer says about a person, by field."""
        person = InventedWorld(self.seed, 1.0).look_up(who)
        return {name: getattr(person, name) for name in ALL_FIELDS}

    def answer_bytes(self, who: str) -> int:
        """Return the length of a whole answer to the default question, head and body, as a fault writes it."""
        person = InventedWorld(self.seed, 1.0).look_up(who)
        look_up = LookUp(who, frozenset(FIELDS))
        return len(_written(Answer(200, envelope(look_up, person, answer_id="ev_00000000", credits=1))))

    @staticmethod
    def who(frame: pd.DataFrame) -> list[str]:
        """Return the people of a frame in order."""
        return list(dict.fromkeys(frame["Email"].str.lower()))

    def how(self, **more: Any) -> dict[str, Any]:
        """Return the options every call here has."""
        base = {"base_url": self.url, "api_key": self.key, "ledger": self.ledger, "progress": False}
        return {**base, "timeout_s": 10.0, "concurrency": 3, "fields": FIELDS, "max_wait_s": 30.0, **more}

    def run(self, frame: pd.DataFrame, **more: Any) -> Ran:
        """Call `enrich` and take down whatever comes of it."""
        return self.call(lambda: cl.enrich(frame, **self.how(**more)))

    def call(self, work: Callable[[], pd.DataFrame]) -> Ran:
        """Do the work in a thread, within the deadline; anything but our own errors is a violation."""
        box: list[Any] = []

        def target() -> None:
            try:
                box.append(work())
            except BaseException as error:  # noqa: BLE001 - looked at by the audit
                box.append(error)

        n_before = len(self.sandbox.requests)
        root = logging.getLogger()
        level = root.level
        root.addHandler(self.ears)
        root.setLevel(logging.DEBUG)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                thread = threading.Thread(target=target, daemon=True)
                thread.start()
                thread.join(DEADLINE_S)
        finally:
            root.removeHandler(self.ears)
            root.setLevel(level)
        warned = [str(one.message) for one in caught]
        if not box:
            return Ran(None, None, {}, warned, hung=True, n_before=n_before)
        if isinstance(box[0], BaseException):
            report = getattr(box[0], "report", None)
            summary = report.to_dict() if report is not None else {}
            return Ran(getattr(box[0], "partial", None), box[0], summary, warned, n_before=n_before)
        return Ran(box[0], None, box[0].attrs["cleanlist"], warned, n_before=n_before)

    def resume(self, ran: Ran, **more: Any) -> Ran:
        """Go on from an error."""
        error: Any = ran.error
        return self.call(lambda: error.resume(**more))

    def books(self) -> dict[str, list[tuple[Any, ...]]]:
        """Read the ledger with plain sqlite3, as another program would: rows by address."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        if self.ledger.exists():
            with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True, timeout=10)) as connection:
                for address, *row in connection.execute(
                    "SELECT l.address, l.id, l.fields, l.price, coalesce(o.status, 'in_doubt'), coalesce(o.credits, 0),"
                    " coalesce(o.body, x'') FROM lookups l LEFT JOIN outcomes o ON o.lookup = l.id ORDER BY l.id"
                ):
                    found.setdefault(address, []).append(tuple(row))
        return found

    # --- the audit ------------------------------------------------------------------------------------------------

    def audit(
        self, frame: pd.DataFrame, rans: Sequence[Ran], *, over: int = 0, ceiling: int | None = None, twice: int = 1
    ) -> list[str]:
        """Compare the three books after some calls on one frame; return what is wrong, nothing if all is well.

        `over` is how many credits the service was told to charge beyond its prices; `twice` how often one person may
        be charged (more than once only where in_doubt="retry" was given).
        """
        wrong = [*self.broken]
        self.broken.clear()
        for at, ran in enumerate(rans):
            wrong += [f"call {at}: {one}" for one in self.audit_call(frame, ran, over)]
        wrong += self.audit_money(frame, over, ceiling, twice)
        if rans and rans[-1].out is not None:
            wrong += self._audit_last(frame, rans[-1])
        wrong += self._audit_secrets()
        return wrong

    def audit_call(self, frame: pd.DataFrame, ran: Ran, over: int = 0) -> list[str]:
        wrong = []
        if ran.hung:
            return [f"T: not back within {DEADLINE_S} s"]
        if ran.error is not None:
            wrong += self._audit_error(ran)
        if ran.out is not None:
            wrong += _rows_changed(frame, ran.out)
            wrong += _split_people(ran.out)
        if any(self.key in one or WHO.search(one) for one in [*ran.warned, str(ran.summary)]):
            wrong.append("K: a warning or a report tells a secret")
        told = ran.summary
        if told and told["credits"] + told["credits_in_doubt"] > told["budget"] + over:
            wrong.append(f"B: {told['credits']} + {told['credits_in_doubt']} in doubt of {told['budget']}")
        return wrong

    def _audit_error(self, ran: Ran) -> list[str]:
        error: Any = ran.error
        if not isinstance(error, cl.CleanlistError):
            return [f"E: a foreign error {type(error).__name__}: {error}"]
        text, wrong = str(error), []
        if isinstance(error, cl.RunStoppedError):
            if error.partial is None or error.report is None:
                wrong.append("E: no partial frame or no report")
            if "resume(" not in text or not re.search("credits? w(as|ere) spent", text):
                wrong.append(f"E: does not say what was spent and what to type next: {text}")
        if not text.isprintable() or len(text) > 700 or not text.endswith("."):
            wrong.append(f"E: not one readable line: {text[:900]!r}")
        if error.__cause__ is not None or (error.__context__ is not None and not error.__suppress_context__):
            wrong.append("E: drags a foreign error along")
        bare = pickle.loads(pickle.dumps(error))
        if isinstance(bare, cl.RunStoppedError):
            bare.partial = None
        told = [text, repr(error), repr(error.args), repr(getattr(error, "report", ""))]
        told.append(pickle.dumps(bare).decode("latin-1"))
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        told += [str(step.locals) for step in shown.stack if step.filename.startswith(PACKAGE)]
        if any(self.key in one for one in told) or any(WHO.search(one) for one in told):
            wrong.append("K: an error tells a secret")
        return wrong

    def audit_money(self, frame: pd.DataFrame, over: int, ceiling: int | None, twice: int) -> list[str]:
        """Compare the service's charges with the ledger alone."""
        wrong = []
        books, charges = self.books(), self.sandbox.charges
        times = Counter((charge.email, charge.fields) for charge in charges)
        wrong += [f"D: {who} charged {n} times" for (who, _), n in times.items() if n > twice]
        by_person: Counter[str] = Counter()
        for charge in charges:
            by_person[charge.email] += charge.credits
        for who, credits in by_person.items():
            rows = books.get(who, [])
            held = sum(price if status == "in_doubt" else paid for _, _, price, status, paid, _ in rows)
            if held < credits and not self._lied(who):
                wrong.append(f"P: {who} charged {credits}, the ledger holds {held}: {[row[3] for row in rows]}")
            if any(status in ("completed", "not_found") and not body for *_, status, _, body in rows):
                wrong.append(f"P: {who} settled without the bytes")
        for who, rows in books.items():
            live = [row for row in rows if row[3] != "released"]
            if len(live) > twice:
                wrong.append(f"D: {who} stands {len(live)} times in the ledger: {[row[3] for row in live]}")
        price = max((row[2] for rows in books.values() for row in rows), default=0)
        most = len(self.who(frame)) * price if ceiling is None else ceiling
        if self.sandbox.charged > most * twice + over:
            wrong.append(f"B: the service charged {self.sandbox.charged} of at most {most} (+{over})")
        return wrong

    def _lied(self, who: str) -> bool:
        """Whether the service was told to state other credits than it charged."""
        plan = self.plans.get(who)
        steps = plan if isinstance(plan, list) else [plan]
        return any(
            isinstance(step, Fault)
            and (
                "meta" in str(step.mutate)
                or "meta" in str(step.delete)
                or ((step.status or 200) == 200 and step.body is not None)
            )
            for step in steps
        )

    def _audit_last(self, frame: pd.DataFrame, ran: Ran) -> list[str]:
        """Compare the newest frame with the ledger, person by person."""
        wrong = []
        books = self.books()
        out = ran.out
        assert out is not None
        told = dict(zip(out["Email"].str.lower(), out["enriched_status"].astype(str), strict=True))
        for who, status in told.items():
            live = [row[3] for row in books.get(who, []) if row[3] != "released"]
            expected = live[-1] if live else "not_attempted"
            if status != expected:
                wrong.append(f"P: {who} is {status} in the frame and {expected} in the ledger")
        empty = out.loc[~out["enriched_status"].isin(["completed"]).to_numpy(), self.VALUES]
        if empty.notna().to_numpy().any():
            wrong.append("R: values in a row that was not completed")
        return wrong

    def _audit_secrets(self) -> list[str]:
        wrong = []
        heard, self.ears.lines = self.ears.lines, []
        if any(self.key in line or WHO.search(line) for line in heard):
            wrong.append("K: a log line tells a secret")
        for file in self.folder.iterdir():
            if file.is_file() and self.key.encode() in file.read_bytes():
                wrong.append(f"K: the key lies in {file.name}")
        return wrong

    # --- whole cases ----------------------------------------------------------------------------------------------

    def again(self, frame: pd.DataFrame, rans: list[Ran], **more: Any) -> list[str]:
        """Run once more undisturbed, by `resume()` where there was an error: nobody settled is bought, all is done."""
        wrong: list[str] = []
        first = rans[-1]
        assert first.out is not None
        self.calm, n_before = True, len(self.sandbox.requests)
        if first.error is not None:
            # As patient as the first call was not: all its options stand, and the machine may be busy.
            patient = {"max_wait_s": 30.0, "timeout_s": 10.0, "connect_timeout_s": 10.0}
            rans.append(self.resume(first, **{**patient, **more}))
            if rans[-1].error is not None:
                wrong.append(f"E: resume() failed on a service that is well: {rans[-1].error}")
        if rans[-1].out is None or "not_attempted" in set(rans[-1].out["enriched_status"]) or first.error is None:
            rans.append(self.run(frame, **more))
        last = rans[-1].out
        asked = {one.email for one in self.sandbox.requests[n_before:]}
        settled = {who for who in self.who(frame) if first.status(who) != "not_attempted"}
        if asked & settled:
            wrong.append(f"D: a second run asked again for {sorted(map(str, asked & settled))}")
        if last is None or "not_attempted" in set(last["enriched_status"]):
            wrong.append("R: a second run did not complete")
        elif not wrong:
            here = first.out["enriched_status"].ne("not_attempted").to_numpy()
            if not last[["enriched_status", *self.VALUES]][here].equals(
                first.out[["enriched_status", *self.VALUES]][here]
            ):
                wrong.append("R: a second run changed what was settled")
        return wrong

    def play(
        self,
        family: str,
        rows: Sequence[Row],
        *,
        well: int = 1,
        error: type[Exception] | None = None,
        service: Mapping[str, Any] | None = None,
        over: int = 0,
        hit: Callable[[Ran], Iterable[str]] | None = None,
        n: int | None = None,
        **how: Any,
    ) -> Ran:
        """Run one frame in which each row is a person with a fault of their own; audit it, run again, audit again."""
        self.calm = False
        if service != {}:
            self.open(**(service or {}))
        frame = self.people(len(rows) + well)
        before = frame.copy(deep=True)
        names = self.who(frame)
        self.plans = dict(zip(names, [plan for _, plan, _, _ in rows], strict=False))
        rans = [self.run(frame, **how)]
        wrong = self.audit(frame, rans, over=over)
        if rans[0].out is not None:
            wrong += self._expected(rows, names, rans[0])
        if type(rans[0].error) is not (error or type(None)):
            wrong.append(f"E: {rans[0].error!r} instead of {error}")
        if hit is not None:
            wrong += hit(rans[0])
        if rans[0].out is not None:
            # What is left of a first budget may be too little after an overcharge: then the caller gives a new one.
            wrong += self.again(frame, rans, **{key: how[key] for key in ("fields", "max_age") if key in how})
            wrong += self.audit(frame, rans, over=over)
        if not frame.equals(before):
            wrong.append("R: the caller's frame was changed")
        self.sandbox.stop()
        self.figures.add(family, len(rows) if n is None else n, wrong)
        assert not wrong, "\n".join([f"{family}: {[name for name, *_ in rows]}", *wrong])
        return rans[0]

    def _expected(self, rows: Sequence[Row], names: Sequence[str], ran: Ran) -> list[str]:
        wrong = []
        paid: Counter[str] = Counter()
        for charge in self.sandbox.charges:
            paid[charge.email] += charge.credits
        for (name, _, statuses, credits), who in zip(rows, names, strict=False):
            if ran.status(who) not in statuses.split("|"):
                wrong.append(f"{name}: {ran.status(who)} instead of {statuses}")
            if credits is not None and paid[who] != credits:
                wrong.append(f"{name}: charged {paid[who]} instead of {credits}")
        if ran.error is None:
            wrong += [
                f"a well person is {ran.status(who)}" for who in names[len(rows) :] if ran.status(who) != "completed"
            ]
        return wrong


def _rows_changed(frame: pd.DataFrame, out: pd.DataFrame) -> list[str]:
    """Compare the input's rows bit by bit."""
    if (
        len(out) != len(frame)
        or not out.index.identical(frame.index)
        or list(out.columns[: frame.shape[1]]) != list(frame)
    ):
        return ["R: rows, index or columns changed"]
    same = all(
        out[name].dtype == frame[name].dtype
        and (
            out[name].to_numpy().tobytes() == frame[name].to_numpy().tobytes()
            if frame[name].dtype.kind in "fi"
            else out[name].equals(frame[name])
        )
        for name in frame
    )
    return [] if same else ["R: an input column changed"]


def _split_people(out: pd.DataFrame) -> list[str]:
    """Both rows of one person say the same."""
    said: dict[str, tuple[str, ...]] = {}
    for who, *values in out[["Email", "enriched_status", *(v for v in VALUES if v in out)]].itertuples(index=False):
        if said.setdefault(who.lower(), tuple(map(str, values))) != tuple(map(str, values)):
            return [f"R: two rows of {who} differ"]
    return []


def monotonic_of(when_s: float) -> float:
    """Return a wall-clock time on the monotonic clock."""
    return when_s - time.time() + time.monotonic()


__all__ = ["FIELDS", "Ledger", "Ran", "Stage", "monotonic_of"]
