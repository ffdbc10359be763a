"""What is wrong with a rule at a place of a file, and what its author can do about it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from abci_app.rules.codes import RuleCode, RuleRefused
from settle.rules.plugin import PluginInvalid
from settle.rules.source import RuleTextError

_NAMES = "pick another name; the reserved ones are in docs/reference/rule-language.md"
_SIZES = "split the rule, or shorten what is too long"
ADVICE = {
    RuleCode.TOO_LARGE: _SIZES,
    RuleCode.BAD_NAME: _NAMES,
    RuleCode.DUPLICATE_NAME: "rename one of the two",
    RuleCode.BAD_DECLARATION: "correct the declaration",
    RuleCode.NOT_CANONICAL: "write it the expected way: one meaning has one spelling",
    RuleCode.UNDEFINED: "give the name a value before the branches, or in each of them",
    RuleCode.WRONG_TYPE: "use a value of the expected kind",
    RuleCode.MAY_BE_NONE: 'test the row first: if row is None: reject("...")',
    RuleCode.NO_SUCH_COLUMN: "use one of the columns, or declare it in the table",
    RuleCode.NO_SUCH_TABLE: "declare the table above the functions, or correct its name",
    RuleCode.NO_SUCH_FUNCTION: "call one of these; a helper stands above the functions that call it",
    RuleCode.WRONG_ARGUMENTS: "pass what is expected; clamp(x, low, high) or an if before it narrows a range",
    RuleCode.WRONG_UNIT: "take the unit off with int(x), or put one on: CNY(x), Seconds(x)",
    RuleCode.NO_SUCH_ENUM: "use one of these, or declare it",
    RuleCode.LEAVES_64_BITS: "narrow a declared range, guard with if, or use mul_div, which multiplies exactly",
    RuleCode.DIVISOR_NOT_POSITIVE: 'guard it: if x <= 0: reject("..."), or write max(1, x)',
    RuleCode.RESULT_OUT_OF_RANGE: "widen the declared result, narrow an input, or use clamp or reject",
    RuleCode.WRONG_RESULT: "return the declared results, each once, in their order",
    RuleCode.MAY_NOT_RETURN: "end the function with return Outcome(...) or reject(...)",
    RuleCode.UNREACHABLE: "take the statement out",
    RuleCode.ASSIGNED_LOOP_NAME: "use another name inside the loop",
    RuleCode.TOO_COSTLY: "declare fewer rows, take work out of loops, or look up instead of looping",
    RuleCode.BAD_TABLE: "correct the cell, or the range that the rule declares for the column",
    RuleCode.BAD_INTERFACE: "declare what the slot gives and wants; `settle rule new` writes the form",
    RuleCode.VECTOR_FAILED: "correct the rule or the vector; `settle rule explain FOLDER --vector N` shows the way",
    RuleCode.NO_VECTORS: "add a line for it to vectors.csv",
    RuleCode.NO_ENTRY_POINT: "name one of the entry points",
    RuleCode.ARGUMENT_OUT_OF_RANGE: "use a value inside the range, or widen the range in the rule",
}
"""What to do about a refusal of the checker, by its code."""
_CORRECT = "correct the rule: docs/reference/rule-language.md has the grammar"


class Finding(NamedTuple):
    """One thing that is wrong, or doubtful."""

    file: Path
    line: int
    """From 1; 0 where the whole file is meant."""
    column: int
    """From 1; 0 where the whole line is meant."""
    code: str
    """The refusal's name, such as LEAVES_64_BITS; empty for what is no refusal of the checker."""
    where: str
    """The function and the expression; empty where line and column say it all."""
    told: str
    """What is wrong, in words; empty where `expected` and `actual` say it."""
    expected: str
    actual: str
    advice: str
    error: bool = True
    """False for what builds and is doubtful."""

    def place(self) -> str:
        """File, line and column, as editors and terminals link them."""
        return ":".join([str(self.file), *(str(at) for at in (self.line, self.column) if at)])

    def text(self, source: str) -> str:
        """The finding for people; `source` is the file's text, whose line is shown with a caret."""
        code = f" {self.code}" if self.code else ""
        head = f"{self.place()}: {'error' if self.error else 'warning'}{code}"
        lines = [f"{head} in {self.where}" if self.where else head]
        shown = source.split("\n")[self.line - 1 : self.line] if self.line else []
        lines += [f"{self.line:>6} | {one}" for one in shown]
        if shown and self.column:
            lines.append(f"       | {' ' * (self.column - 1)}^")
        lines += [f"{name} {value}" for name, value in self._said() if value]
        return "\n".join(lines)

    def _said(self) -> tuple[tuple[str, str], ...]:
        said = self.told, self.expected, self.actual, self.advice
        return tuple(zip(("    what", "expected", "    came", "    next"), said, strict=True))


def of_text(file: Path, fault: RuleTextError) -> Finding:
    """Text that is no rule."""
    return Finding(file, fault.line, fault.column, "", "", fault.what, "", "", _CORRECT)


def of_refusal(file: Path, refused: RuleRefused, line: int = 0, column: int = 0) -> Finding:
    """What the checker refuses, at this place."""
    advice = ADVICE.get(refused.code, _CORRECT)
    expected, actual = str(refused.expected), str(refused.actual)
    return Finding(file, line, column, refused.code.name, refused.where, "", expected, actual, advice)


def of_plugin(fault: PluginInvalid) -> Finding:
    """A file of a plugin folder that cannot be used."""
    where = f"column {fault.column}" if fault.column else ""
    advice = "correct the file: chaincode_plugins/README.md has its form"
    return Finding(fault.file, fault.line, 0, "", where, fault.told, "", "", advice)


def fault(file: Path, line: int, told: str, advice: str) -> Finding:
    """What cannot stay, and is no refusal of the checker."""
    return Finding(file, line, 0, "", "", told, "", "", advice)


def doubt(file: Path, line: int, told: str, advice: str) -> Finding:
    """What builds, but is hardly meant so."""
    return fault(file, line, told, advice)._replace(error=False)
