"""Runs every vector of a plugin folder and says which fail; a bundle's loading stops at the first."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from abci_app.rules.bundle import Vector, run_vector
from abci_app.rules.codes import RuleCode, RuleRefused
from settle.rules.build import compile_folder


class VectorResult(NamedTuple):
    """One line of vectors.csv and what became of it."""

    line: int
    vector: Vector
    failure: str
    """Empty where the rule gave what the vector says."""


def run_vectors(folder: Path) -> tuple[VectorResult, ...]:
    """The result of each vector, in order. PluginInvalid, RuleTextError or RuleRefused where the folder
    is no rule at all."""
    rule, vectors = compile_folder(folder)
    results = []
    for line, vector in enumerate(vectors, 2):
        try:
            run_vector(rule, vector, f"line {line}")
        except RuleRefused as refused:
            if refused.code not in (RuleCode.VECTOR_FAILED, RuleCode.ARGUMENT_OUT_OF_RANGE):
                raise
            results.append(VectorResult(line, vector, str(refused)))
        else:
            results.append(VectorResult(line, vector, ""))
    return tuple(results)
