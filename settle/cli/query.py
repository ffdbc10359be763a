"""`settle query`: any question that a node answers, decoded."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from settle.cli.facts import all_facts, facts_table
from settle.cli.failures import usage
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import iso, plain
from settle.cli.questions import MARKER, QUESTIONS, read_argument
from settle.cli.session import session

app = noun("query", "Any question that a node answers.")


@app.default
def query(path: str, argument: str | None = None, *, common: Common = COMMON) -> None:
    """Ask a node a question by its path, such as /members/operator 1.

    Parameters
    ----------
    path
        See `settle query paths`.
    argument
        A number, a hash in hex, or JSON such as '{"agreement": 1, "pair": 0, "ordinal": 1}'.
    """
    if path not in QUESTIONS:
        raise usage(expected=f"one of {', '.join(QUESTIONS)}", actual=path, next_step="see `settle query paths`")
    try:
        asked = read_argument(QUESTIONS[path], argument)
    except ValueError as fault:
        raise usage(
            expected="an argument that fits", actual=str(fault), next_step="see `settle query --help`"
        ) from fault
    with session(common) as now:
        found = plain(now.require(f"something under {path}", QUESTIONS[path], asked, "settle query paths"))
        rows = found.items() if isinstance(found, dict) else enumerate(found if isinstance(found, list) else [found])
        now.out.result(found, facts_of((str(name), value) for name, value in rows))


@app.command
def paths(*, common: Common = COMMON) -> None:
    """List the questions."""
    with session(common) as now:
        names = list(QUESTIONS)
        now.out.result(names, table("path", rows=[(name,) for name in names]))


@app.command
def marker(*, common: Common = COMMON) -> None:
    """Show the application's last block and the root of every module."""
    with session(common) as now:
        last, roots = now.ask(MARKER)
        document = {"marker": plain(last), "roots": {name: root.hex() for name, root in roots}}
        shown = facts_of(
            [
                ("height", last.height),
                ("time", iso(last.time)),
                ("app hash", last.app_hash.hex()),
                ("facts", last.facts),
                *((f"root of {name}", root.hex()) for name, root in roots),
            ]
        )
        now.out.result(document, shown)


@app.command
def facts(
    *,
    start: Annotated[int, Parameter(name="--from")] = 0,
    most: int = 100,
    kind: str = "",
    operator: str | None = None,
    common: Common = COMMON,
) -> None:
    """Read the log of facts.

    Parameters
    ----------
    start
        Number of the first fact, from 0.
    most
        How many are read.
    kind
        Show only kinds that begin so, such as members or periods.figures_opened.
    operator
        Show only this operator's, by code or number.
    """
    if start < 0 or most < 1:
        raise usage(
            expected="--from 0 or more, --most 1 or more", actual=f"{start}, {most}", next_step="correct the numbers"
        )
    with session(common) as now:
        wanted = None if operator is None else now.operator(operator)
        told = [
            each
            for each in all_facts(now.node, start, most)
            if each.record.kind.startswith(kind) and wanted in (None, each.record.operator)
        ]
        now.out.result([each.document() for each in told], facts_table(told, now.codes))
