"""A decision table becomes a rule: its lines are rows of a table that `first_match` searches.

The slot's other entry points are its template's. The vectors are borders of the lines, with what the table itself says
there: they show that the rule is the table, not that the table is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from abci_app.kernel.money import mul_div
from abci_app.rules.bundle import MOST_VECTOR_COST
from abci_app.rules.intrinsics import reach_of_mul_div
from abci_app.rules.lookups import LOOKUP_COSTS
from abci_app.rules.tree import Declared, Kind
from abci_app.rules.values import Number
from settle.rules.boxes import Box, sweep
from settle.rules.decision_csv import DecisionTable, Result, TableLine
from settle.rules.draft import EntryDraft, RuleDraft
from settle.rules.lint import names_used
from settle.rules.table_doubts import NO_LINE, OTHERS

CASES = "CASES"
MOST_VECTORS = 1_000
_GAPS = 10
"""So many of the places that no line covers get a vector."""


def rule_of(table: DecisionTable, draft: RuleDraft) -> RuleDraft:
    """The draft, which is a template's, with the table in place of its entry point."""
    form = _Form(table)
    entries = tuple(form.entry() if one.name == table.entry.name else one for one in draft.entries)
    whole = draft._replace(
        about=f"{table.entry.name} by a decision table of {len(table.lines)} lines: the first that fits decides.",
        source="The table `decision_table.csv`. To change the rule, change the table and make the rule again.",
        declarations={**draft.declarations, CASES: form.declaration()},
        entries=entries,
        tables={**draft.tables, CASES: form.rows()},
        tests="",
        extra={"decision_table.csv": table.text},
    )
    used = names_used(whole.program())
    return whole._replace(
        declarations={name: text for name, text in whole.declarations.items() if name in used},
        tables={name: text for name, text in whole.tables.items() if name in used},
    )


class _Form:
    """The parts of the rule of one table."""

    def __init__(self, table: DecisionTable) -> None:
        self._table = table
        self._codes = sorted({one.rejection for one in table.lines if one.rejection})
        self._taken = {one.name for one in (*table.entry.parameters, *table.conditions)}
        self._row = self._fresh("line")
        self._pairs = [(self._column(one, "low"), self._column(one, "high")) for one in table.conditions]
        self._results = [self._value_column(at, one) for at, one in enumerate(table.results)]
        self._rejection = Declared(self._fresh("rejection"), Kind.INTEGER, 0, len(self._codes), "")

    def _fresh(self, name: str) -> str:
        taken = next(one for one in (name, *(f"{name}_{at}" for at in range(2, 99))) if one not in self._taken)
        self._taken.add(taken)
        return taken

    def _column(self, condition: Declared, end: str) -> Declared:
        name = self._fresh(f"{condition.name[:22]}_{end}")
        return Declared(name, Kind.INTEGER, condition.low, condition.high, "")

    def _value_column(self, at: int, result: Result) -> Declared:
        values = [one.values[at] for one in self._table.lines if one.values]
        low, high = (min(values), max(values)) if values else (0, 0)
        return Declared(self._fresh(result.name), Kind.INTEGER, low, high, "")

    # ------------------------------------------------------------------------------------------------ the table

    def _columns(self) -> list[Declared]:
        order = Declared(self._order(), Kind.INTEGER, 1, len(self._table.lines), "")
        pairs = [column for pair in self._pairs for column in pair]
        return [order, *pairs, *([self._rejection] if self._codes else []), *self._results]

    def _order(self) -> str:
        return "order" if "order" not in self._taken else "number_of_line"

    def declaration(self) -> str:
        """The table's form."""
        columns = ", ".join(f"{one.name}=Annotated[int, {one.low}, {one.high}]" for one in self._columns())
        return f"{CASES} = Table(rows={len(self._table.lines)}, key=1, {columns})"

    def rows(self) -> str:
        """The table's content."""
        text = [",".join(one.name for one in self._columns())]
        for at, line in enumerate(self._table.lines, 1):
            ends = [end for span in line.box for end in span]
            code = [self._codes.index(line.rejection) + 1 if line.rejection else 0] if self._codes else []
            values = line.values or [one.low for one in self._results]
            text.append(",".join(map(str, (at, *ends, *code, *values))))
        return "\n".join(text)

    # ------------------------------------------------------------------------------------------------ the entry point

    def entry(self) -> EntryDraft:
        """The entry point, with its vectors."""
        parameters = self._parameters()
        by_name = {one.name: one for one in parameters}
        results = []
        for result, column in zip(self._table.results, self._results, strict=True):
            reach = Number(column.low, column.high)
            if result.factor:
                factor = by_name[result.factor]
                divisor = Number(result.divisor, result.divisor)
                reach = reach_of_mul_div(reach, Number(factor.low, factor.high), divisor, result.rounding)
            results.append(Declared(result.name, Kind.INTEGER, reach.low, reach.high, ""))
        note = f"The first line of {CASES} that fits decides; {NO_LINE} where none does."
        vectors = tuple(_Vectors(self._table, parameters).all())
        own = self._table.entry
        return EntryDraft(own.name, note, parameters, own.leading, tuple(results), self._body(), vectors)

    def _parameters(self) -> tuple[Declared, ...]:
        """The slot's, with the table's ranges; then the agreement's that the table uses."""
        stated = {one.name: one for one in self._table.conditions}
        used = {*stated, *(one.factor for one in self._table.results)}
        own = self._table.entry.parameters[: self._table.entry.leading]
        further = [one for one in self._table.entry.parameters[self._table.entry.leading :] if one.name in used]
        known = {one.name for one in (*own, *further)}
        return (
            *(stated.get(one.name, one) for one in (*own, *further)),
            *(one for one in self._table.conditions if one.name not in known),
        )

    def _body(self) -> str:
        lines, names = [], []
        for one in self._table.conditions:
            name = one.name
            if one.kind is Kind.BOOLEAN:
                name = self._fresh(f"{one.name[:22]}_number")
                lines += [f"{name} = 0", f"if {one.name}:", f"    {name} = 1"]
            names.append(name)
        lines += [f"{self._row} = first_match({CASES}, {', '.join(names)})"]
        lines += [f"if {self._row} is None:", f'    reject("{NO_LINE}")']
        for at, code in enumerate(self._codes, 1):
            word = "if" if at == 1 else "elif"
            lines += [f"{word} {self._row}.{self._rejection.name} == {at}:", f'    reject("{code}")']
        pairs = zip(self._table.results, self._results, strict=True)
        values = ", ".join(f"{result.name}={self._value(result, column)}" for result, column in pairs)
        return "\n".join([*lines, f"return Outcome({values})"])

    def _value(self, result: Result, column: Declared) -> str:
        cell = f"{self._row}.{column.name}"
        if not result.factor:
            return cell
        return f"mul_div({cell}, {result.factor}, {result.divisor}, {result.rounding.name})"


class _Case(NamedTuple):
    """A point of the conditions' values and the line that decides there; None in a gap."""

    point: tuple[int, ...]
    line: TableLine | None


class _Vectors:
    """Borders of lines and gaps as vectors, by the table alone."""

    def __init__(self, table: DecisionTable, parameters: tuple[Declared, ...]) -> None:
        self._table = table
        self._parameters = parameters

    def all(self) -> Iterator[Mapping[str, str]]:
        """As many as a bundle may carry, from all over the table."""
        cases = list(self._cases())
        cost = LOOKUP_COSTS["first_match"](len(self._table.lines), len(self._table.conditions)) + OTHERS
        most = min(MOST_VECTORS, MOST_VECTOR_COST // 2 // cost)
        step = -(-len(cases) // max(most, 1))
        for at, case in enumerate(cases[::step]):
            yield self._vector(case, odd=at % 2 == 1)

    def _cases(self) -> Iterator[_Case]:
        swept = sweep(self._table.domain, [one.box for one in self._table.lines])
        for line, pieces in zip(self._table.lines, swept.taken, strict=False):
            yield from (_Case(point, line) for point in _corners((*pieces[:1], *pieces[-1:])))
        if swept.complete:
            yield from (_Case(point, None) for point in _corners(swept.left[:_GAPS]))

    def _vector(self, case: _Case, *, odd: bool) -> Mapping[str, str]:
        line = case.line
        names = [one.name for one in self._table.conditions]
        values: dict[str, int] = dict(zip(names, case.point, strict=True))
        for result in self._table.results:
            factor = next((one for one in self._parameters if one.name == result.factor), None)
            if factor is not None and factor.name not in values:
                wanted = result.divisor // 2 + 1 if odd else result.divisor
                values[factor.name] = min(max(wanted, factor.low), factor.high)
        cells = {one.name: _cell(one, values.get(one.name)) for one in self._parameters}
        if line is None:
            return {**cells, "source": "from the table itself: no line", "reject": NO_LINE}
        source = f"from the table itself: line {line.line}" + (f", {line.source}" if line.source else "")
        pairs = zip(self._table.results, line.values, strict=False)
        results = {f"={result.name}": str(_result(result, value, values)) for result, value in pairs}
        return {**cells, "source": source, **results, "reject": line.rejection}


def _corners(pieces: Sequence[Box]) -> list[tuple[int, ...]]:
    """The lowest and the highest corner of each, each once."""
    corners = [tuple(span[end] for span in piece) for piece in pieces for end in (0, 1)]
    return list(dict.fromkeys(corners))


def _result(result: Result, value: int, values: Mapping[str, int]) -> int:
    return mul_div(value, values[result.factor], result.divisor, result.rounding) if result.factor else value


def _cell(declared: Declared, value: int | None) -> str:
    match declared.kind:
        case Kind.DIGITS:
            return "0" * declared.low
        case Kind.BOOLEAN:
            return "true" if value else "false"
        case Kind.INTEGER:
            return str(min(max(0, declared.low), declared.high) if value is None else value)
