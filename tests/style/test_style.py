"""STYLE.md as a test: what a reader may rely on in every file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("abci_app", "settle", "cometbft", "chaincode_plugins", "tests", "benchmarks")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60

CONSENSUS = ("kernel", "rules", "state", "domain", "application")
BANNED_CALLS = {
    "hash": "differs between processes",
    "id": "differs between processes",
    "float": "no floating point",
    "round": "name the rounding: kernel.money",
    "open": "no disk",
    "print": "no I/O",
    "input": "no I/O",
    "eval": "no code from text",
    "globals": "no hidden state",
    "locals": "no hidden state",
}
BANNED_METHODS = {
    "casefold", "lower", "upper", "isdigit", "isnumeric", "isalpha", "normalize", "strip", "lstrip", "rstrip",
}  # fmt: skip
MAY_COMPILE = {"abci_app/rules/executor.py"}  # prints a checked tree and compiles it: RULES.md
BROAD_CATCH = {  # the places that ARCHITECTURE names
    "abci_app/application/chain.py": 1,  # Prepare drops what trips a fault
    "abci_app/server/handlers.py": 3,  # CheckTx and Query answer a code, Process refuses the block
}


def _files(*rooms: str) -> list[Path]:
    found = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    return [path for path in found if not path.name.endswith("_pb2.py") and "__pycache__" not in path.parts]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


ALL = _files(*ROOMS)
CONSENSUS_FILES = _files(*(f"abci_app/{room}" for room in CONSENSUS))


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    assert lines <= LONGEST_FILE, f"{_name(path)} has {lines} lines: one public idea a file"
    for function in _functions(ast.parse(text)):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= LONGEST_FUNCTION, f"{_name(path)}:{function.lineno} {function.name} has {length} lines"


@pytest.mark.parametrize("path", CONSENSUS_FILES, ids=_name)
def test_consensus_code_calls_nothing_that_differs_between_nodes(path: Path) -> None:
    for node in ast.walk(_parsed(path)):
        where = f"{_name(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float), f"{where} holds a float"
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.Div), f"{where} divides with /: kernel.money names the rounding"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            reason = BANNED_CALLS.get(node.func.id)
            assert reason is None, f"{where} calls {node.func.id}(): {reason}"
            if node.func.id in {"exec", "compile"}:
                assert _name(path) in MAY_COMPILE, f"{where} compiles text"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in BANNED_METHODS, f"{where} calls .{node.func.attr}(): text is opaque bytes"
        if isinstance(node, ast.For | ast.comprehension):
            assert not isinstance(node.iter, ast.Set | ast.SetComp), f"{where} walks a set: its order is no order"


@pytest.mark.parametrize("path", _files("abci_app"), ids=_name)
def test_broad_catches_stand_only_where_architecture_names_them(path: Path) -> None:
    broad = 0
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
            broad += node.type is None or bool(names & {"Exception", "BaseException"})
    assert broad == BROAD_CATCH.get(_name(path), 0), f"{_name(path)} catches broadly {broad} times"


BEATS = ["# WHO", "# WHETHER", "# HOW MUCH", "# WHAT FOLLOWS"]


def _decides() -> Iterator[tuple[str, str, str]]:
    """(file, function, source) of every function that decides one message: `(state, at, message, ...) -> facts`."""
    for path in _files("abci_app/domain"):
        if path.stem != "decide" and path.parent.name != "decide":
            continue
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or node.name == "decide":
                continue
            if [argument.arg for argument in node.args.args][:3] == ["state", "at", "message"]:
                yield _name(path), node.name, ast.get_source_segment(text, node) or ""


@pytest.mark.parametrize(("path", "name", "source"), list(_decides()), ids=lambda value: value[:40])
def test_every_decide_has_its_four_beats_in_order(path: str, name: str, source: str) -> None:
    found = [beat for line in source.splitlines() for beat in BEATS if re.match(rf"\s*{beat}\b", line)]
    assert found == BEATS, f"{path} {name} has {found}"
    after = source[source.index("# WHAT FOLLOWS") :]
    assert "reject(" not in after, f"{path} {name} refuses after WHAT FOLLOWS"


def test_every_module_has_the_six_files() -> None:
    for module in sorted((ROOT / "abci_app/domain").iterdir()):
        if module.is_dir() and module.name != "__pycache__":
            names = {path.stem for path in module.iterdir() if path.name not in {"__init__.py", "__pycache__"}}
            assert names == {"README", "schema", "tables", "decide", "fold", "queries"}, module.name
