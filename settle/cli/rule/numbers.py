"""Commands that measure a rule: its cost, its speed, and whether its back ends agree."""

from __future__ import annotations

from pathlib import Path

from rich.console import RenderableType

from abci_app.kernel.costs import MOST_PER_BLOCK
from abci_app.rules.interface import most_cost
from settle.cli.failures import Exit, usage
from settle.cli.output import Output, facts_of, table
from settle.cli.rule.calls import told, words_of
from settle.cli.rule.noun import app
from settle.rules.bench import GOAL_MS, measure
from settle.rules.build import build_bundle, compile_folder
from settle.rules.differ import Difference, compare
from settle.rules.line_costs import NANOSECONDS, LineCost, line_costs

_HOT = 5
"""Lines of an entry point that are shown."""


@app.command(name="diff-backends")
def diff_backends(folder: Path, *, count: int = 10_000, seed: int = 1, json: bool = False) -> Exit:
    """Compare executor, explanation and columns on all vectors and on drawn arguments; ends with 1 on a difference.

    Drawn are the ends of the declared ranges, the rule's own figures and their neighbours, and anything between.

    Parameters
    ----------
    folder
        NAME/vN.
    count
        Arguments to draw for each entry point.
    seed
        Another seed draws others; the same draws the same.
    json
        Answer with one JSON document.
    """
    if count < 0:
        raise usage(expected="a count from 0", actual=str(count), next_step="0 compares the vectors only")
    compared = compare(*compile_folder(folder.absolute()), count, seed)
    first = next((one.difference for one in compared if one.difference is not None), None)
    document = {
        "seed": seed,
        "entries": [
            {"entry": one.entry, "vectors": one.vectors, "drawn": one.drawn, "rejected": one.rejected}
            | {"outcomes": one.outcomes, "agree": one.difference is None}
            for one in compared
        ],
        "difference": first and first._asdict(),
    }
    columns = ("entry", "vectors", "drawn", "rejected", "outcomes", "back ends")
    rows = [
        (one.entry, one.vectors, f"{one.drawn:,}", f"{one.rejected:,}", f"{one.outcomes:,}", _agree(one.difference))
        for one in compared
    ]
    lines: list[RenderableType] = [table(*columns, rows=rows, right=columns[1:5])]
    if first is not None:
        lines.append(f"\n{first.entry} {words_of(first.arguments)}")
        lines.append(facts_of((name, told(outcome)) for name, outcome in first.outcomes.items()))
    out = Output(as_json=json)
    out.result(document, *lines)
    if first is not None:
        out.hint("next: this is a fault of Settlement Chain, not of the rule; report it with these arguments")
    return Exit.DONE if first is None else Exit.REJECTED


def _agree(difference: Difference | None) -> str:
    return "agree" if difference is None else "DIFFER"


@app.command
def cost(folder: Path, *, all_lines: bool = False, json: bool = False) -> None:
    """Show the worst-case cost of a rule, which is charged, and the lines that it comes from.

    Parameters
    ----------
    folder
        NAME/vN.
    all_lines
        Show every line, not the dearest five of an entry point.
    json
        Answer with one JSON document.
    """
    rule = compile_folder(folder.absolute()).rule
    by_entry = {entry: line_costs(rule.program, entry) for entry in rule.costs}
    document = [
        {"entry": entry, "cost": whole, "microseconds": _micro(whole), "of_most": whole / most_cost(entry)}
        | {"of_block": _micro(whole) / MOST_PER_BLOCK, "lines": [_line(one) for one in by_entry[entry]]}
        for entry, whole in rule.costs.items()
    ]
    columns = ("entry", "cost", "about us", "of a rule's most", "calls that fill a block")
    rows = [
        (
            entry,
            f"{whole:,}",
            f"{_micro(whole):.1f}",
            f"{whole / most_cost(entry):.2%}",
            f"{MOST_PER_BLOCK / _micro(whole):,.0f}",
        )
        for entry, whole in rule.costs.items()
    ]
    shown: list[RenderableType] = [table(*columns, rows=rows, right=columns[1:])]
    for entry, lines in by_entry.items():
        shown += [f"\n{entry}", _hot(lines, rule.costs[entry], len(lines) if all_lines else _HOT)]
    out = Output(as_json=json)
    out.result(document, *shown)


def _micro(whole: int) -> float:
    return whole * NANOSECONDS / 1_000


def _line(one: LineCost) -> dict[str, object]:
    return {"line": one.line, "source": one.source, "once": one.once, "rounds": one.rounds, "total": one.total}


def _hot(lines: tuple[LineCost, ...], whole: int, most: int) -> RenderableType:
    dearest = sorted(lines, key=lambda one: -one.total)[:most]
    columns = ("line", "source", "once", "rounds", "cost", "share")
    rows = [
        (one.line, one.source, f"{one.once:,}", f"{one.rounds:,}", f"{one.total:,}", f"{one.total / whole:.0%}")
        for one in sorted(dearest)
    ]
    return table(*columns, rows=rows, right=("line", "once", "rounds", "cost", "share"))


@app.command
def bench(folder: Path, *, seconds: float = 2.0, seed: int = 1, json: bool = False) -> None:
    """Measure a rule on this machine: loading, and calls a second on each back end.

    Parameters
    ----------
    folder
        NAME/vN.
    seconds
        How long to measure, about.
    seed
        Draws the arguments.
    json
        Answer with one JSON document.
    """
    if seconds <= 0:
        raise usage(expected="a time above 0", actual=str(seconds), next_step="2 is enough on a quiet machine")
    speeds = measure(build_bundle(folder.absolute()), seconds, seed)
    document = {"load_ms": speeds.load_ms, "goal_ms": GOAL_MS, "entries": [one._asdict() for one in speeds.entries]}
    columns = ("entry", "executor, calls/s", "explain, calls/s", "columns, records/s")
    rows = [(one.entry, f"{one.executor:,.0f}", f"{one.explain:,.0f}", f"{one.columns:,.0f}") for one in speeds.entries]
    load = f"bytes to callable, all checks and vectors: {speeds.load_ms:.1f} ms; the goal is at most {GOAL_MS:.0f} ms"
    out = Output(as_json=json)
    out.result(document, load, "", table(*columns, rows=rows, right=columns[1:]))
    if speeds.load_ms > GOAL_MS:
        out.hint("next: fewer vectors or smaller tables load faster; `settle rule cost` shows what runs long")
