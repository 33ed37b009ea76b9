"""``cleanlist-pandas estimate | plan | enrich``: files of any length, part by part."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pandas as pd

from cleanlist_pandas.cli_ledger import LOCAL_URL
from cleanlist_pandas.cli_say import DONE, STOPPED, say, say_json
from cleanlist_pandas.ending import in_shell, told_in_shell
from cleanlist_pandas.errors import (
    CleanlistError,
    CleanlistWarning,
    ConfigurationError,
    LedgerStoppedError,
    RunStoppedError,
)
from cleanlist_pandas.files import check_apart, check_output, check_place
from cleanlist_pandas.frame.memory import give_back
from cleanlist_pandas.functions import enrich
from cleanlist_pandas.last import forget, last_run
from cleanlist_pandas.local import sandbox
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.run.ledger import default_path
from cleanlist_pandas.run.report import RunReport
from cleanlist_pandas.settings import option_context
from cleanlist_pandas.sources import Part, open_source
from cleanlist_pandas.stream import Stream, read_stream
from cleanlist_pandas.whole import Whole
from cleanlist_pandas.wording import n_of

__all__ = ["arguments_of", "check_streams", "inputs_of", "run_enrich", "run_estimate", "run_plan"]

T = TypeVar("T")
PLAN_OPTIONS: Final = (
    "known", "suppress", "skip", "max_age", "on_existing", "in_doubt", "ledger", "rate_per_minute", "max_credits",
    "priority", "price_per_credit", "service",
)  # fmt: skip
RUN_OPTIONS: Final = (*PLAN_OPTIONS, "concurrency", "max_seconds", "provenance")
_KEPT: Final = "What was answered is in the ledger: the same again costs nothing."


def inputs_of(options: argparse.Namespace) -> list[str]:
    """Return the files a command reads."""
    named = [getattr(options, name, None) for name in ("file", "before", "suppress", "plan")]
    return [str(one) for one in (*named, *(getattr(options, "known", None) or ())) if one is not None]


def arguments_of(options: argparse.Namespace, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return the options that were given, as the functions take them."""
    given = {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
    if options.column:
        given["columns"] = dict(_column(pair) for pair in options.column)
    return given


def _column(pair: str) -> tuple[str, str | None]:
    """Read ``role=NAME``; a name alone is the e-mail column, a role alone (``company=``) is left out."""
    role, sign, name = pair.partition("=")
    return (role, name or None) if sign else ("email", pair)


def check_streams(options: argparse.Namespace) -> None:
    """Refuse to write two things to standard output."""
    if options.json and options.output == "-":
        raise ConfigurationError("--json and -o - both want standard output; name a file with -o.")


def run_estimate(options: argparse.Namespace) -> int:
    """``estimate``: the price, offline."""
    estimate = _offline(options, Whole.estimate)
    if options.json:
        say_json(estimate.to_dict())
    else:
        say(in_shell(repr(estimate)))
    return DONE


def run_plan(options: argparse.Namespace) -> int:
    """``plan``: the decision as a file, offline."""
    if options.output == "-":
        raise ConfigurationError("A plan is kept in a file; name one with -o.")
    check_apart(options.output, *inputs_of(options))
    made = _offline(options, Whole.plan)
    made.save(options.output)
    say(f"{in_shell(repr(made))}\nWrote {options.output}; enrich --plan {options.output} holds a run to it")
    return DONE


def _offline(options: argparse.Namespace, ask: Callable[[Whole], T]) -> T:
    """Ask about a file, offline; with ``--sandbox`` what `enrich --sandbox` was told counts, and nothing else."""
    arguments = arguments_of(options, PLAN_OPTIONS)
    with ExitStack() as stack:
        if options.sandbox:
            stack.enter_context(option_context(base_url=LOCAL_URL))
            arguments.setdefault("ledger", default_path("local"))
        source = stack.enter_context(open_source(options.file))
        return ask(read_stream(source, options.fields, arguments, show=True).whole)


def run_enrich(options: argparse.Namespace) -> int:
    """``enrich``: look people up and write the file."""
    inputs = inputs_of(options)
    check_streams(options)
    check_place(options.output, *inputs)
    arguments = arguments_of(options, RUN_OPTIONS)
    if options.plan is not None:
        arguments["plan"] = Plan.load(options.plan)

    def check(part: Part) -> None:
        check_output(part.frame, options.output, *inputs, is_parquet=part.table is not None)

    with ExitStack() as stack:
        stack.enter_context(_told_by_the_minute(options))
        if options.sandbox:
            say("Sandbox: invented people and invented credits; nothing is charged or leaves this machine.", options)
            stack.enter_context(sandbox())
            arguments.setdefault("ledger", default_path("local"))
        source = stack.enter_context(open_source(options.file, options.output))
        how: dict[str, Any] = {"output": options.output, "check": check, "show": not options.quiet}
        stream = read_stream(source, options.fields, arguments, **how)
        say(in_shell(repr(stream.whole.estimate())), options)
        give_back()
        return _write(stream, _buy(stream, options), options)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bought:
    """What a run brought."""

    answers: pd.DataFrame
    report: RunReport
    error: str  # why it ended early, in a sentence; empty if it did not, or by a limit of one's own
    is_written: bool  # whether the ledger has all of it


def _buy(stream: Stream, options: argparse.Namespace) -> _Bought:
    """Run, once for all parts."""
    whole, error, is_written = stream.whole, "", True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CleanlistWarning)  # the report says the same
            out = enrich(whole.frame, whole.layout.fields, progress=not options.quiet, **whole.options)
    except RunStoppedError as stopped:
        if stopped.partial is None:
            raise
        out = stopped.partial
        error = told_in_shell(stopped, last_run().report)
        is_written = not isinstance(stopped, LedgerStoppedError)
    report = last_run().report
    forget()
    bought = _Bought(answers=whole.answers(out), report=report, error=error, is_written=is_written)
    del out
    give_back()
    return bought


def _write(stream: Stream, bought: _Bought, options: argparse.Namespace) -> int:
    """Write what there is, and say what it cost."""
    report = bought.report
    with _deaf() if not bought.is_written else _interruptible():
        say(in_shell(repr(report)), options)  # first: what was spent is told whatever becomes of the file
        if bought.error:
            say(f"cleanlist-pandas: {bought.error}")
        failure = _failure(stream, bought, options)
    if failure is None:
        return STOPPED
    if failure:
        raise CleanlistError(f"{failure} {_KEPT}")
    say(f"Wrote {n_of(stream.n_rows, 'row')} to {_place(options)}", options)
    if options.json:
        say_json(report.to_dict())
    return STOPPED if report.stopped else DONE


def _failure(stream: Stream, bought: _Bought, options: argparse.Namespace) -> str | None:
    """Write the rows; return why that failed, nothing if it did not, None if it was interrupted."""
    try:
        stream.write(bought.answers, options.output, credits=bought.report.credits, show=not options.quiet)
    except CleanlistError as failed:
        return str(failed)
    except KeyboardInterrupt:
        left = "is cut off" if options.output == "-" else "is as it was"
        say(f"cleanlist-pandas: Interrupted while writing: {_place(options)} {left}. {_KEPT}")
        return None
    return ""


def _place(options: argparse.Namespace) -> str:
    """Return where the rows go, in words."""
    return "standard output" if options.output == "-" else str(options.output)


@contextmanager
def _deaf() -> Iterator[None]:
    """Let what is nowhere else be written before an impatient Ctrl-C is heard."""
    with _hearing(signal.SIG_IGN, signal.SIGINT):
        yield


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: leave nothing half-written behind."""
    with _hearing(signal.default_int_handler, signal.SIGTERM):
        yield


@contextmanager
def _hearing(handler: Any, number: signal.Signals) -> Iterator[None]:
    """Handle a signal in some way for a block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


class _Said(logging.Handler):
    """Says what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one line."""
        say(record.getMessage())


@contextmanager
def _told_by_the_minute(options: argparse.Namespace) -> Iterator[None]:
    """Let a run that nobody watches tell how far it is, once a minute."""
    if options.quiet:
        yield
        return
    logger, handler = logging.getLogger("cleanlist_pandas.run.progress"), _Said()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
