"""`settle`: what an operator's people type."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import msgspec
from cyclopts import App, Parameter

from settle.cli.failures import EXPLAINED, Exit, Failure, explain

NOUNS: tuple[tuple[str, str], ...] = (
    ("doctor", "Look at everything that a node and an operator need, and say what to do."),
    ("init", "Make the home of a node and its operator."),
    ("network", "A network of several operators on this machine."),
    ("node", "Run a node, look at it, roll it back."),
    ("keys", "An operator's keys: files here, registrations on the chain."),
    ("member", "The operators of the chain."),
    ("agreement", "What two operators have agreed on."),
    ("usage", "Files of call records."),
    ("agent", "The operator's machine: files, declares, opens, invoices."),
    ("period", "Settlement periods: where they stand."),
    ("statement", "Statements of periods: read and sign them."),
    ("invoice", "What one operator bills another for a signed period."),
    ("net-position", "What is owed between operators, and set-off rounds."),
    ("pay", "Obligations, and the payments that end them."),
    ("task", "What waits for this operator's people."),
    ("query", "Any question that a node answers."),
    ("trace", "Follow a period, line, statement, agreement, key or rule through its facts."),
    ("rule", "Rules: write, check, measure, build, publish, sign, compare with the chain."),
    ("gov", "What the members decide together: proposals, votes, rules that wait for their height."),
    ("sample", "Generated traffic, seen from both sides."),
    ("demo", "A month of four operators settled on four validators, with hidden faults and attempts to cheat."),
    ("config", "Settings, and where each comes from."),
    ("completion", "Completion of commands in a shell."),
)
"""Each is `app` in settle/cli/NOUN.py (a dash is an underscore there), which is only loaded when it is used."""


def build() -> App:
    """The command with all its nouns."""
    app = App(
        name="settle",
        help="Settlement between telecom operators: what an operator's people do, from call records to payment.",
        version=f"settle {version('settlement-chain')}",
        default_parameter=Parameter(negative=""),
        suppress_keyboard_interrupt=False,  # `explain` tells what Ctrl-C leaves behind
    )
    for name, about in NOUNS:
        app.command(f"settle.cli.{name.replace('-', '_')}:app", name=name, help=about)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line. Returns the exit status (`failures.Exit`); only faults of ours leave a trace."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = build()(words, exit_on_error=False, print_error=False, result_action="return_value")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has seen enough: no error
        return int(Exit.DONE)
    except (Failure, *EXPLAINED) as fault:
        failure = explain(fault)
        if "--json" in words:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(failure.document())).decode() + "\n")
        sys.stderr.write(failure.text() + "\n")
        return int(failure.exit_status)
    return int(status) if isinstance(status, Exit) else int(Exit.DONE)


if __name__ == "__main__":
    raise SystemExit(main())
