"""The shell's door: ``cleanlist-pandas estimate | plan | check | enrich | diff | sandbox | ledger``.

Machine output goes to standard output, everything for people to standard error. Exit codes: 0 done, 1 an error, 2 wrong
usage or configuration and nothing was sent, 3 stopped early.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pandas as pd

from cleanlist_pandas.cli_ledger import LOCAL_URL, run_ledger
from cleanlist_pandas.cli_parser import make_parser
from cleanlist_pandas.cli_say import DONE, FAILED, STOPPED, WRONG, say, say_json
from cleanlist_pandas.ending import in_shell, told_in_shell
from cleanlist_pandas.errors import CleanlistError, CleanlistWarning, ConfigurationError, RunStoppedError
from cleanlist_pandas.fields import FIELDS, parse_fields
from cleanlist_pandas.files import check_apart, check_output, read_frame, write_frame
from cleanlist_pandas.frame.diff import TEXTS
from cleanlist_pandas.functions import check, diff, enrich, estimate_cost, plan
from cleanlist_pandas.last import last_run
from cleanlist_pandas.local import sandbox
from cleanlist_pandas.plan.check import counts, tell
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.run.ledger import default_path
from cleanlist_pandas.sandbox import Sandbox, load_faults, named_faults, run_forever
from cleanlist_pandas.settings import option_context
from cleanlist_pandas.wording import n_of

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    commands = {
        "estimate": _estimate,
        "plan": _plan,
        "check": _check,
        "enrich": _enrich,
        "diff": _diff,
        "sandbox": _sandbox,
        "ledger": run_ledger,
    }
    try:
        if _inputs(options).count("-") > 1:
            raise ConfigurationError("Only one file can be standard input; name the others.")
        return commands[options.command](options)
    except BrokenPipeError:  # the reader of a pipe went away: nothing to say, nobody to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return STOPPED
    except ConfigurationError as error:
        return _say_error(error, WRONG)
    except (CleanlistError, OSError, ValueError) as error:
        return _say_error(error, FAILED)


def _say_error(error: BaseException, code: int) -> int:
    """Tell an error in one line."""
    say(f"cleanlist-pandas: {in_shell(str(error))}")
    return code


def _inputs(options: argparse.Namespace) -> list[str]:
    """Return the files a command reads."""
    named = [getattr(options, name, None) for name in ("file", "before", "suppress", "plan")]
    return [str(one) for one in (*named, *(getattr(options, "known", None) or ())) if one is not None]


def _arguments(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Return the options that were given, as the functions take them."""
    given = {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
    if options.column:
        given["columns"] = dict(_column(pair) for pair in options.column)
    return given


def _column(pair: str) -> tuple[str, str | None]:
    """Read ``role=NAME``; a name alone is the e-mail column, a role alone (``company=``) is left out."""
    role, sign, name = pair.partition("=")
    return (role, name or None) if sign else ("email", pair)


PLAN_OPTIONS: Final = (
    "known", "suppress", "skip", "max_age", "on_existing", "in_doubt", "ledger", "rate_per_minute", "max_credits",
    "priority", "price_per_credit", "service",
)  # fmt: skip
RUN_OPTIONS: Final = (*PLAN_OPTIONS, "concurrency", "max_seconds", "provenance")


def _estimate(options: argparse.Namespace) -> int:
    """``estimate``: the price, offline."""
    with _offline(options) as arguments:
        estimate = estimate_cost(read_frame(options.file), options.fields, **arguments)
    if options.json:
        say_json(estimate.to_dict())
    else:
        say(repr(estimate))
    return DONE


@contextmanager
def _offline(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Give a plan's arguments; with ``--sandbox`` what `enrich --sandbox` was told counts, and nothing else."""
    arguments = _arguments(options, PLAN_OPTIONS)
    with ExitStack() as stack:
        if options.sandbox:
            stack.enter_context(option_context(base_url=LOCAL_URL))
            arguments.setdefault("ledger", default_path("local"))
        yield arguments


def _plan(options: argparse.Namespace) -> int:
    """``plan``: the decision as a file, offline."""
    if options.output == "-":
        raise ConfigurationError("A plan is kept in a file; name one with -o.")
    check_apart(options.output, *_inputs(options))
    with _offline(options) as arguments:
        made = plan(read_frame(options.file), options.fields, **arguments)
    made.save(options.output)
    say(f"{made!r}\nWrote {options.output}; enrich --plan {options.output} holds a run to it")
    return DONE


def _check(options: argparse.Namespace) -> int:
    """``check``: one verdict a row, offline."""
    frame = read_frame(options.file)
    if options.output:
        _check_output(frame, options)
    checked = check(frame, options.fields, **_arguments(options, ()))
    if options.output:
        write_frame(frame.assign(**{f"cleanlist_{name}": checked[name] for name in checked}), options.output, [])
    if options.json:
        say_json(counts(checked))
    else:
        say(tell(checked))
    return DONE


def _check_output(frame: pd.DataFrame, options: argparse.Namespace) -> None:
    """Refuse, before anything is bought, an output that could not be written."""
    if options.json and options.output == "-":
        raise ConfigurationError("--json and -o - both want standard output; name a file with -o.")
    check_output(frame, options.output, *_inputs(options))


def _enrich(options: argparse.Namespace) -> int:
    """``enrich``: look people up and write the file."""
    frame = read_frame(options.file)
    _check_output(frame, options)
    arguments = _arguments(options, RUN_OPTIONS)
    if options.plan is not None:
        arguments["plan"] = Plan.load(options.plan)
        options.fields = options.fields or arguments["plan"].fields
    with ExitStack() as stack:
        if options.sandbox:
            say("Sandbox: invented people and invented credits; nothing is charged or leaves this machine.", options)
            stack.enter_context(sandbox())
            arguments.setdefault("ledger", default_path("local"))
        say(
            repr(estimate_cost(frame, options.fields, **{k: v for k, v in arguments.items() if k in _PLANNED})), options
        )
        return _run(frame, options, arguments)


_PLANNED: Final = {*PLAN_OPTIONS, "columns"}


def _run(frame: pd.DataFrame, options: argparse.Namespace, arguments: dict[str, Any]) -> int:
    """Run, write what there is, and say what it cost."""
    error: RunStoppedError | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CleanlistWarning)  # the report says the same
            out = enrich(frame, options.fields, progress=not options.quiet, **arguments)
    except RunStoppedError as stopped:
        if stopped.partial is None:
            raise
        error, out = stopped, stopped.partial
    report = last_run().report
    columns = [FIELDS[name].column for name in parse_fields(options.fields)]
    with _deaf():
        say(in_shell(repr(report)), options)  # first: what was spent is told whatever becomes of the file
        if error is not None:
            say(f"cleanlist-pandas: {told_in_shell(error, report)}")
        _write(out, options, [*columns, "enriched_reason"])
        if options.json:
            say_json(report.to_dict())
    return STOPPED if report.stopped else DONE


def _write(out: pd.DataFrame, options: argparse.Namespace, new_columns: list[str]) -> None:
    """Write what was paid for; the ledger holds it too."""
    try:
        write_frame(out, options.output, new_columns)
    except CleanlistError as failed:
        reason = str(failed)
    else:
        where = "standard output" if options.output == "-" else options.output
        say(f"Wrote {n_of(len(out), 'row')} to {where}", options)
        return
    raise CleanlistError(f"{reason} What was answered is in the ledger: the same again costs nothing.")


@contextmanager
def _deaf() -> Iterator[None]:
    """Let what was paid for be written before an impatient Ctrl-C is heard."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _diff(options: argparse.Namespace) -> int:
    """``diff``: who changed jobs, offline."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CleanlistWarning)  # the counts say the same
        changes = diff(options.file, options.before, options.on)
    if options.output:
        _check_output(changes, options)
        write_frame(changes, options.output, list(TEXTS))
    kinds = changes["change"].value_counts(sort=False)
    people = changes.attrs["cleanlist_diff"]
    if options.json:
        say_json({**{kind: int(n) for kind, n in kinds.items()}, **people})
    else:
        counts = [f"{n:>9,} {kind}" for kind, n in kinds.items()]
        places = (
            (people["people"], "both files"),
            (people["only_now"], "NOW only"),
            (people["only_before"], "BEFORE only"),
        )
        say("\n".join([*counts, "People: " + ", ".join(f"{n:,} in {place}" for n, place in places)]))
    return DONE


def _sandbox(options: argparse.Namespace) -> int:
    """``sandbox``: a local Cleanlist until Ctrl-C."""
    try:
        server = _make_sandbox(options)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{error.filename}: there is no such file.") from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{error}.") from None

    def ready(running: Sandbox) -> None:
        print(f"export CLEANLIST_BASE_URL={running.url}/v1")
        print(f"export CLEANLIST_API_KEY={running.api_key}", flush=True)
        say(
            "A local Cleanlist with invented people is running; paste the two lines into another shell. Ctrl-C ends it."
        )

    run_forever(server, ready)
    return DONE


def _make_sandbox(options: argparse.Namespace) -> Sandbox:
    """Return the local Cleanlist that was asked for, not running yet."""
    faults = options.faults and (
        load_faults(options.faults) if Path(options.faults).is_file() else named_faults(options.faults, options.seed)
    )
    return Sandbox(
        seed=options.seed,
        people=options.people,
        hit_rate=options.hit_rate,
        latency_s=options.latency_ms / 1000,
        credits=options.credits,
        rate_per_minute=options.rate_per_minute,
        faults=faults or None,
        port=options.port,
    )
