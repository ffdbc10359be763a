"""Commands that say why a rule gives what it gives."""

from __future__ import annotations

from pathlib import Path

from abci_app.rules.tree import entry_points
from settle.cli.failures import usage
from settle.cli.output import Output
from settle.cli.rule.calls import read_call, vector_at, words_of
from settle.cli.rule.noun import app
from settle.rules.build import compile_folder
from settle.rules.explain import Explanation, show
from settle.rules.explain import explain as explain_call


@app.command
def explain(folder: Path, *call: str, vector: int | None = None, json: bool = False) -> None:
    """Show line by line how a rule comes to its results: evidence in a dispute.

    Parameters
    ----------
    folder
        NAME/vN.
    call
        The entry point and its arguments: price_line service=1 direction=0 ...
    vector
        Take the arguments of this line of vectors.csv instead.
    json
        Answer with one JSON document.
    """
    rule, vectors = compile_folder(folder.absolute())
    if vector is None:
        function, arguments = read_call(rule, call)
    elif call:
        raise usage(expected="a call, or --vector LINE", actual="both", next_step="leave one of them out")
    else:
        case = vector_at(vectors, vector)
        function = next(one for one in entry_points(rule.program) if one.name == case.entry)
        arguments = case.arguments
    explanation = explain_call(rule, function.name, *arguments)
    given = dict(zip((one.name for one in function.parameters), arguments, strict=True))
    named = dict(zip((one.name for one in function.results), explanation.results, strict=False))
    outcome = f"rejects {explanation.rejection}" if explanation.rejection else ""
    outcome = outcome or ", ".join(f"{name} = {show(value)}" for name, value in named.items())
    manifest = rule.manifest
    document = {
        "rule": manifest.name,
        "version": manifest.version,
        "hash": rule.hash.hex(),
        "entry": function.name,
        "arguments": given,
        "steps": _steps(explanation),
        "results": named,
        "rejection": explanation.rejection,
    }
    head = f"{manifest.name} v{manifest.version}, {function.name} {words_of(given)}"
    Output(as_json=json).result(document, head, "", explanation.text(), outcome)


def _steps(explanation: Explanation) -> list[dict[str, object]]:
    return [
        {
            "line": step.line,
            "source": step.source,
            "values": [{"part": part, "value": value} for part, value in step.values],
            "outcome": step.outcome,
        }
        for step in explanation.steps
    ]
