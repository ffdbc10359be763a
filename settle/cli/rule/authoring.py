"""Commands for who writes a rule: its text, its vectors, and what these reach."""

from __future__ import annotations

from pathlib import Path

from rich.console import RenderableType

from settle.cli.failures import Exit
from settle.cli.output import Output, table
from settle.cli.rule.calls import told, words_of
from settle.cli.rule.findings import counted, document, shown
from settle.cli.rule.noun import app
from settle.rules.build import compile_folder
from settle.rules.cover import Coverage, cover
from settle.rules.format import format_rule
from settle.rules.lint_folder import lint, rules_in
from settle.rules.mutants import DRAWN, Mutation, Survivor, mutate
from settle.rules.plugin import read_text
from settle.rules.vectors import run_vectors


@app.command
def fmt(*files: Path, check: bool = False, json: bool = False) -> Exit:
    """Write rules in their canonical form, the one that is hashed.

    Parameters
    ----------
    files
        rule.py files, or plugin folders.
    check
        Change nothing; end with 1 where a file is not in canonical form.
    json
        Answer with one JSON document.
    """
    changed = []
    for given in files:
        file = given / "rule.py" if given.is_dir() else given
        before = read_text(file)
        after = format_rule(before)
        if after != before:
            changed.append(str(file))
            if not check:
                file.write_text(after, encoding="utf-8")
    verb = "not canonical" if check else "formatted"
    Output(as_json=json).result({"changed": changed}, *(f"{verb}: {file}" for file in changed))
    return Exit.REJECTED if check and changed else Exit.DONE


@app.command(name="lint")
def lint_all(*files: Path, json: bool = False) -> Exit:
    """Say everything that is wrong with rules, with line and column and what to do; ends with 1 on errors.

    Of a text every statement at fault is shown, of what the checker finds the first in each function.

    Parameters
    ----------
    files
        Plugin folders NAME/vN with all their files, folders of such, or rule.py files alone. [.]
    json
        Answer with one JSON document.
    """
    rules = [rule for given in files or (Path(),) for rule in rules_in(given)]
    findings = [finding for rule in rules for finding in lint(rule)]
    summary = f"{counted(findings)} in {len(rules)} rule{'s' if len(rules) > 1 else ''}"
    Output(as_json=json).result({"findings": [document(one) for one in findings]}, *shown(findings), summary)
    return Exit.REJECTED if any(one.error for one in findings) else Exit.DONE


@app.command(name="test")
def run_all_vectors(folder: Path, *, json: bool = False) -> Exit:
    """Run every vector of a rule; ends with 1 where one fails.

    Parameters
    ----------
    folder
        NAME/vN.
    json
        Answer with one JSON document.
    """
    results = run_vectors(folder.absolute())
    failed = [each for each in results if each.failure]
    document = {
        "vectors": len(results),
        "failed": [{"line": each.line, "entry": each.vector.entry, "why": each.failure} for each in failed],
    }
    rows = [(each.line, each.vector.entry, each.failure) for each in failed]
    out = Output(as_json=json)
    listed = [table("line", "entry", "why", rows=rows)] if failed else []
    out.result(document, f"{len(results) - len(failed)} of {len(results)} vectors hold", *listed)
    if failed:
        out.hint(f"next: settle rule explain {folder} --vector {failed[0].line}")
    return Exit.REJECTED if failed else Exit.DONE


@app.command(name="cover")
def cover_lines(folder: Path, *, mutants: bool = False, json: bool = False) -> Exit:
    """Say which lines of a rule its vectors reach; ends with 1 where one is not reached.

    Parameters
    ----------
    folder
        NAME/vN.
    mutants
        Also put small mistakes into the rule, one at a time, and list those that no vector notices.
    json
        Answer with one JSON document.
    """
    rule, vectors = compile_folder(folder.absolute())
    covered = cover(rule, vectors)
    lines: list[RenderableType] = _coverage(covered)
    found = {
        "lines": len(covered.lines),
        "unreached": [{"line": one.line, "function": one.function, "source": one.source} for one in covered.unreached],
        "never": [{"line": one.line, "source": one.source, "never": one.never} for one in covered.one_sided],
    }
    out = Output(as_json=json)
    if mutants:
        mutation = mutate(rule, vectors)
        lines += _mutation(folder, mutation)
        found["mutants"] = {
            "refused": mutation.refused,
            "noticed": mutation.noticed,
            "survivors": [_survivor(one) for one in mutation.survivors],
        }
    out.result(found, *lines)
    if covered.unreached:
        out.hint("next: add a vector for each of these lines to vectors.csv")
    return Exit.REJECTED if covered.unreached else Exit.DONE


def _coverage(covered: Coverage) -> list[RenderableType]:
    reached = len(covered.lines) - len(covered.unreached)
    lines: list[RenderableType] = [f"{covered.vectors} vectors reach {reached} of {len(covered.lines)} lines"]
    rows = [(one.line, one.function, one.source, "not reached") for one in covered.unreached]
    rows += ((one.line, one.function, one.source, f"never {one.never}") for one in covered.one_sided)
    if rows:
        lines.append(table("line", "function", "source", "vectors", rows=sorted(rows), right=("line",)))
    return lines


def _mutation(folder: Path, mutation: Mutation) -> list[RenderableType]:
    missing = [one for one in mutation.survivors if one.telling is not None]
    same = [one for one in mutation.survivors if one.telling is None]
    tried = mutation.refused + mutation.noticed + len(mutation.survivors)
    counts = f"{mutation.noticed} noticed by a vector, {mutation.refused} refused by the checker"
    lines: list[RenderableType] = [f"{tried} small mistakes tried: {counts}, {len(missing)} told apart by no vector"]
    for one in missing:
        assert one.telling is not None
        call = f"settle rule explain {folder} {one.telling.entry} {words_of(one.telling.arguments)}"
        lines.append(f"\nline {one.line}: {one.before}  ->  {one.after}")
        lines.append(f"  missing vector: {told(one.telling.right)}, with the mistake {told(one.telling.wrong)}")
        lines.append(f"  {call}")
    if same:
        head = f"\n{len(same)} more come to the same for {DRAWN:,} drawn arguments of each entry point:"
        lines.append(head)
        lines.append(table("line", "is", "as well", rows=[(one.line, one.before, one.after) for one in same]))
    return lines


def _survivor(one: Survivor) -> dict[str, object]:
    telling = one.telling
    found: dict[str, object] = {"line": one.line, "before": one.before, "after": one.after}
    if telling is not None:
        call = {"entry": telling.entry, "arguments": telling.arguments}
        found["missing_vector"] = {**call, "right": telling.right, "wrong": telling.wrong}
    return found
