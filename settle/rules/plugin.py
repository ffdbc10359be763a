"""A plugin folder: chaincode_plugins/NAME/vN/{plugin.toml, rule.py, tables/*.csv, vectors.csv, README.md}."""

from __future__ import annotations

import csv
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from abci_app.rules.bundle import ALWAYS, Vector
from abci_app.rules.interface import Slot
from abci_app.rules.tables import Cell, Cells, Table
from abci_app.rules.tree import Declared, Function, Kind, Program, TableForm, entry_points

SHIPPED = Path(__file__).resolve().parents[2] / "chaincode_plugins"
"""The rules that come with the project, in a checkout and in an installation alike."""
_REJECT = "reject"


class PluginInvalid(Exception):
    """A plugin folder that cannot become a bundle: the file and what is wrong there.

    `what` says where in the file as well; `line` (0: all of it), `column` and `told` say the same apart.
    """

    def __init__(self, file: Path, told: str, line: int = 0, column: str = "") -> None:
        place = ", ".join([*([f"line {line}"] if line else []), *([column] if column else [])])
        self.what = f"{place}: {told}" if place else told
        super().__init__(f"{file}: {self.what}")
        self.file = file
        self.told = told
        self.line = line
        self.column = column


class PluginSettings(BaseModel):
    """plugin.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slot: Literal["RATING", "VALIDATION", "TOLERANCE", "DISPUTE", "SET_OFF", "INVOICE", "DEAL"]
    interface: Annotated[int, Field(ge=1, le=2**16 - 1)] = 1
    previous: Annotated[str, Field(pattern=r"^v[1-9][0-9]*$")] | None = None
    """The version before, a sibling folder; none for the first."""
    scope: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    effective_from: AwareDatetime | None = None
    effective_to: AwareDatetime | None = None
    authors: list[Annotated[str, Field(min_length=1, max_length=64)]]
    change_note: Annotated[str, Field(max_length=500)]

    def slot_number(self) -> Slot:
        """The slot as the manifest has it."""
        return Slot[self.slot]

    def effective(self) -> tuple[int, int]:
        """From and to in UTC seconds of usage time."""
        return _seconds(self.effective_from, 0), _seconds(self.effective_to, ALWAYS)


class PluginName(NamedTuple):
    """What the folder's path says."""

    name: str
    version: int


def plugin_name(folder: Path) -> PluginName:
    """Name and version from .../NAME/vN. PluginInvalid for another form."""
    digits = folder.name[1:]
    if not folder.name.startswith("v") or not digits.isdigit() or not digits.isascii() or digits.startswith("0"):
        raise PluginInvalid(folder, "a plugin folder is named NAME/vN, N from 1")
    return PluginName(folder.parent.name, int(digits))


def read_settings(folder: Path) -> PluginSettings:
    """plugin.toml. PluginInvalid where it is missing or says something else."""
    file = folder / "plugin.toml"
    try:
        return PluginSettings.model_validate(tomllib.loads(read_text(file)))
    except tomllib.TOMLDecodeError as fault:
        raise PluginInvalid(file, f"not TOML: {fault}") from fault
    except ValidationError as fault:
        first = fault.errors()[0]
        raise PluginInvalid(file, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from fault


def read_text(file: Path) -> str:
    """A file's text, without the mark that Excel puts before it. PluginInvalid where there is none."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as fault:
        raise PluginInvalid(file, "is missing") from fault
    except UnicodeDecodeError as fault:
        raise PluginInvalid(file, f"is not UTF-8: {fault}") from fault


def read_table_file(folder: Path, form: TableForm) -> Table:
    """tables/NAME.csv, sorted by its key."""
    return Table(form.name, tuple(sorted(cells for _, cells in read_table_lines(folder, form))))


def read_table_lines(folder: Path, form: TableForm) -> list[tuple[int, Cells]]:
    """The rows of tables/NAME.csv as they stand there, each with its line; the header names the columns in the order
    of the declaration. PluginInvalid where a cell is none of its column's kind; ranges are not looked at."""
    file = folder / "tables" / f"{form.name}.csv"
    lines = list(csv.reader(read_text(file).splitlines()))
    header = [column.name for column in form.columns]
    if not lines or lines[0] != header:
        raise PluginInvalid(file, f"expected {','.join(header)}, got {','.join(lines[0]) if lines else ''}", 1)
    rows: list[tuple[int, Cells]] = []
    for at, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise PluginInvalid(file, f"expected {len(header)} cells, got {len(line)}", at)
        rows.append((at, tuple(_cell(text, one, file, at) for text, one in zip(line, form.columns, strict=True))))
    return rows


def read_vectors(folder: Path, program: Program) -> tuple[Vector, ...]:
    """vectors.csv: entry, source, the parameters of all entry points, `=RESULT` columns, reject.

    Cells that an entry point does not have are empty.
    """
    file = folder / "vectors.csv"
    functions = {function.name: function for function in entry_points(program)}
    vectors = []
    lines = csv.DictReader(read_text(file).splitlines(), restval="", strict=True)
    for at, line in enumerate(lines, 2):
        function = functions.get(line.get("entry", ""))
        if function is None:
            raise PluginInvalid(file, f"expected an entry of {', '.join(functions)}", at)
        vectors.append(_vector(function, line, file, at))
    return tuple(vectors)


def _vector(function: Function, line: dict[str, str], file: Path, at: int) -> Vector:
    known = {"entry", "source", _REJECT} | {one.name for one in function.parameters}
    known |= {f"={one.name}" for one in function.results}
    for column, text in line.items():
        if text and column not in known:
            raise PluginInvalid(file, f"{function.name} has no {column}", at)
    arguments = tuple(_cell(line.get(one.name, ""), one, file, at) for one in function.parameters)
    rejection = line.get(_REJECT, "")
    results: list[int | bool] = []
    for one in () if rejection else function.results:
        cell = _cell(line.get(f"={one.name}", ""), one, file, at)
        assert not isinstance(cell, str)  # results are integers or conditions
        results.append(cell)
    return Vector(function.name, line.get("source", "").encode(), arguments, tuple(results), rejection)


def read_cell(text: str, declared: Declared) -> Cell | None:
    """A cell of the declared kind, whatever its range; None where the text is none: a whole number, true, false."""
    match declared.kind:
        case Kind.DIGITS:
            return text
        case Kind.BOOLEAN:
            return {"true": True, "false": False}.get(text)
        case Kind.INTEGER:
            try:
                return int(text)
            except ValueError:
                return None


def _cell(text: str, declared: Declared, file: Path, at: int) -> Cell:
    cell = read_cell(text, declared)
    if cell is not None:
        return cell
    wanted = "true or false" if declared.kind is Kind.BOOLEAN else "a whole number"
    raise PluginInvalid(file, f"expected {wanted}, got {text!r}", at, declared.name)


def _seconds(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else int(moment.timestamp())
