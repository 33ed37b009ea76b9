"""The shell's door: ``cleanlist-pandas estimate | plan | check | enrich | diff | sandbox | ledger``.

Machine output goes to standard output, everything for people to standard error. Exit codes: 0 done, 1 an error, 2 wrong
usage or configuration and nothing was sent, 3 stopped early.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cleanlist_pandas.cli_enrich import (
    arguments_of,
    check_streams,
    inputs_of,
    run_enrich,
    run_estimate,
    run_plan,
)
from cleanlist_pandas.cli_ledger import run_ledger
from cleanlist_pandas.cli_parser import make_parser
from cleanlist_pandas.cli_say import DONE, FAILED, STOPPED, WRONG, say, say_json
from cleanlist_pandas.ending import in_shell
from cleanlist_pandas.errors import CleanlistError, CleanlistWarning, ConfigurationError
from cleanlist_pandas.files import check_output, read_frame, write_frame
from cleanlist_pandas.frame.diff import TEXTS
from cleanlist_pandas.functions import check, diff
from cleanlist_pandas.plan.check import counts, tell
from cleanlist_pandas.sandbox import Sandbox, load_faults, named_faults, run_forever

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    commands = {
        "estimate": run_estimate,
        "plan": run_plan,
        "check": _check,
        "enrich": run_enrich,
        "diff": _diff,
        "sandbox": _sandbox,
        "ledger": run_ledger,
    }
    try:
        if inputs_of(options).count("-") > 1:
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


def _check(options: argparse.Namespace) -> int:
    """``check``: one verdict a row, offline."""
    frame = read_frame(options.file)
    if options.output:
        _check_output(frame, options)
    checked = check(frame, options.fields, **arguments_of(options))
    if options.output:
        write_frame(frame.assign(**{f"cleanlist_{name}": checked[name] for name in checked}), options.output, [])
    if options.json:
        say_json(counts(checked))
    else:
        say(tell(checked))
    return DONE


def _check_output(frame: pd.DataFrame, options: argparse.Namespace) -> None:
    """Refuse an output that could not be written."""
    check_streams(options)
    check_output(frame, options.output, *inputs_of(options))


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
