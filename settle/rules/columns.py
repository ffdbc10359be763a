"""The columns back end: an entry point over a whole frame of records, from the same tree as the executor.

Structured code is predicated: every statement runs once, on all lanes, under a mask of the lanes that
are there; a block that no lane reaches is skipped. Loops are walked round by round. It is for bulk
work off chain; consensus runs the executor. Both agree to the last digit: tests/rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import polars as pl

from abci_app.rules.bundle import LoadedRule
from abci_app.rules.codes import RuleCode
from abci_app.rules.declarations import refuse
from abci_app.rules.tables import Cells, Table, describe, fits
from abci_app.rules.tree import Declared, Kind, Program, entry_points
from settle.rules.column_run import ColumnRun, Shared
from settle.rules.column_tables import ColumnTable
from settle.rules.column_values import DTYPES, Column, Mask, spread

REJECTION = "reject"
"""The column of rejections' codes, null where there is none. No result can have this name."""
CHUNK = 2**16
"""Lanes at a time: what is in work stays in the processor's cache."""
Constants: TypeAlias = Mapping[str, int | bool | str]


def frame_of(parameters: tuple[Declared, ...], calls: Sequence[Cells]) -> pl.DataFrame:
    """The frame of some calls' arguments, one row a call."""
    columns = zip(parameters, zip(*calls, strict=True) if calls else [()] * len(parameters), strict=True)
    return pl.DataFrame([pl.Series(one.name, cells, dtype=DTYPES[one.kind]) for one, cells in columns])


class Columns:
    """One entry point of a checked program over its checked tables."""

    def __init__(self, program: Program, tables: Mapping[str, Table], entry: str) -> None:
        functions = {one.name: one for one in entry_points(program)}
        if entry not in functions:
            refuse(RuleCode.NO_ENTRY_POINT, "the rule", f"one of {', '.join(functions)}", entry)
        self._function = functions[entry]
        self._shared = Shared(program, {form.name: ColumnTable(form, tables[form.name]) for form in program.tables})
        self._schema = {one.name: DTYPES[one.kind] for one in self._function.results}

    @classmethod
    def of_rule(cls, rule: LoadedRule, entry: str) -> Columns:
        """An entry point of a loaded rule. RuleRefused NO_ENTRY_POINT where there is none."""
        return cls(rule.program, rule.tables, entry)

    def run(self, frame: pl.DataFrame, constants: Constants | None = None) -> pl.DataFrame:
        """The results and the rejection of each record: one row a record, in order.

        The frame has a column for each parameter that is not among the constants (an agreement's
        parameters): Int64, Boolean or String. Results of a rejected record are null.
        RuleRefused ARGUMENT_OUT_OF_RANGE where a value is missing or outside its declaration.
        """
        given = constants or {}
        _check(frame, self._function.parameters, given)
        chunks = [self._chunk(frame.slice(at, CHUNK), given) for at in range(0, frame.height, CHUNK)]
        if not chunks:
            return pl.DataFrame(schema={**self._schema, REJECTION: pl.String})
        return pl.concat(chunks) if len(chunks) > 1 else chunks[0]

    def fitting(self, frame: pl.DataFrame) -> pl.Series:
        """Which records `run` takes: a Boolean each, true where every value is there and inside its declaration.

        The frame as for `run`; parameters without a column are not judged.
        """
        inside = [_fits(one) for one in self._function.parameters if one.name in frame.columns]
        return frame.with_columns(pl.all_horizontal(pl.lit(value=True), *inside).alias("fitting"))["fitting"]

    def _chunk(self, frame: pl.DataFrame, constants: Constants) -> pl.DataFrame:
        run = ColumnRun(self._shared, self._function, frame.height)
        run.start(tuple(_argument(frame, one, constants) for one in self._function.parameters))
        return pl.DataFrame([*self._results(run, frame.height), _rejections(run, frame.height)])

    def _results(self, run: ColumnRun, lanes: int) -> Iterator[pl.Series]:
        for at, (name, dtype) in enumerate(self._schema.items()):
            value = run.results[at] if run.results else None
            if value is None or run.rejected is True:
                yield pl.Series(name, [None], dtype=dtype).new_from_index(0, lanes)
                continue
            column = spread(value, lanes, dtype).cast(dtype)
            yield _without(column, run.rejected).alias(name)


def _without(column: pl.Series, rejected: Mask) -> pl.Series:
    if isinstance(rejected, bool):
        return column
    return column.zip_with(~rejected, pl.Series([None], dtype=column.dtype))


def _rejections(run: ColumnRun, lanes: int) -> pl.Series:
    codes = pl.Series([None, *run.codes], dtype=pl.String)
    return codes.gather(spread(run.rejection, lanes).cast(pl.UInt32)).alias(REJECTION)


def _argument(frame: pl.DataFrame, declared: Declared, constants: Constants) -> Column:
    if declared.name in constants:
        return constants[declared.name]
    return frame[declared.name].rechunk()


def _check(frame: pl.DataFrame, parameters: tuple[Declared, ...], constants: Constants) -> None:
    given = [one for one in parameters if one.name not in constants]
    for one in given:
        place = f"column {one.name}"
        if one.name not in frame.columns:
            refuse(RuleCode.ARGUMENT_OUT_OF_RANGE, "the frame", place, ", ".join(frame.columns))
        if frame[one.name].dtype != DTYPES[one.kind]:
            refuse(RuleCode.ARGUMENT_OUT_OF_RANGE, place, DTYPES[one.kind].__name__, frame[one.name].dtype)
    for one in parameters:
        if one.name in constants and not fits(constants[one.name], one):
            place, actual = f"constant {one.name}", repr(constants[one.name])
            refuse(RuleCode.ARGUMENT_OUT_OF_RANGE, place, describe(one), actual)
    bad = frame.select((~_fits(one)).any().alias(one.name) for one in given)
    for one in given:
        if bad[one.name][0]:
            at = frame.select((~_fits(one)).arg_max()).item()
            place, actual = f"column {one.name}, row {at + 1}", repr(frame[one.name][at])
            refuse(RuleCode.ARGUMENT_OUT_OF_RANGE, place, describe(one), actual)


def _fits(declared: Declared) -> pl.Expr:
    """Whether a value is there, and inside its declaration."""
    column = pl.col(declared.name)
    match declared.kind:
        case Kind.BOOLEAN:
            return column.is_not_null()
        case Kind.INTEGER:
            return column.is_between(declared.low, declared.high).fill_null(value=False)
        case Kind.DIGITS:
            return column.str.contains(f"^[0-9]{{{declared.low},{declared.high}}}$").fill_null(value=False)
