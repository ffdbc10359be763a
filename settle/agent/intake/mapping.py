"""A mapping file: how one switch's CSV layout becomes canonical records.

TOML. `delimiter`, `header` (whether the first line names the columns), `columns` (their names where it does
not, or all that must be there), then one table per canonical column under `[fields]`:

    [fields.record_id]   column = "id"                                     # convert = "text" unless named
    [fields.call_id]     columns = ["callid", "to_tag"]                    # joined with /
    [fields.service]     constant = "VOICE"
    [fields.duration_ms] column = "duration"   convert = "seconds_decimal"
    [fields.outcome]     column = "sip_code"   convert = "values"   values = {"200" = "ANSWERED"}   otherwise = "FAILED"
    [fields.start_ms]    first = [ {column = "answer_ts", convert = "epoch_seconds"},
                                   {column = "start", convert = "local_text", utc_offset = "+08:00"} ]

`first` takes the first source whose column is not empty. `failed = "leave_out"` drops rows whose outcome is
FAILED (they are counted); the default keeps them, as not settled.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

import polars as pl
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from settle.agent.intake import convert
from settle.agent.intake.bad_input import BadInput
from settle.agent.records import NUMBER_COLUMNS, SCHEMA

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(BaseModel):
    """Where one value comes from: exactly one of `column`, `columns` and `constant`."""

    model_config = _STRICT

    column: str | None = None
    columns: Annotated[list[str], Field(min_length=2)] | None = None
    constant: str | int | None = None
    convert: Literal[
        "text", "integer", "seconds_decimal", "epoch_seconds", "epoch_ms", "julian_day_half_second_low",
        "local_text", "values",
    ] = "text"  # fmt: skip
    utc_offset: Annotated[str, Field(pattern=r"^[+-](0\d|1[0-4]):[0-5]\d$")] | None = None
    values: dict[str, str] | None = None
    otherwise: str | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        named = [self.column is not None, self.columns is not None, self.constant is not None]
        if sum(named) != 1:
            raise ValueError("name exactly one of column, columns and constant")
        if (self.convert == "local_text") != (self.utc_offset is not None):
            raise ValueError("utc_offset belongs to local_text, and local_text needs it")
        if (self.convert == "values") != (self.values is not None):
            raise ValueError("values belongs to convert = 'values', and that needs it")
        if self.otherwise is not None and self.values is None:
            raise ValueError("otherwise belongs to values")
        if self.column is None and self.convert != "text":
            raise ValueError("a conversion needs one column")
        return self

    def needed(self) -> tuple[str, ...]:
        """The file's columns that this source reads."""
        return (self.column,) if self.column is not None else tuple(self.columns or ())

    def expression(self) -> pl.Expr:
        """The canonical value; null where the text has the wrong form."""
        if self.columns is not None:
            return convert.joined([pl.col(name) for name in self.columns])
        if self.column is None:
            return pl.lit(self.constant)
        if self.utc_offset is not None:
            return convert.from_local_text(_minutes(self.utc_offset))(pl.col(self.column))
        if self.values is not None:
            return convert.from_values(self.values, self.otherwise)(pl.col(self.column))
        return convert.PLAIN[self.convert](pl.col(self.column))


class FirstOf(BaseModel):
    """Several sources: the first whose column is not empty gives the value."""

    model_config = _STRICT

    first: Annotated[list[Source], Field(min_length=2)]

    @model_validator(mode="after")
    def _has_columns(self) -> Self:
        if any(source.column is None for source in self.first):
            raise ValueError("every source under first needs one column")
        return self

    def needed(self) -> tuple[str, ...]:
        """The file's columns that the sources read."""
        return tuple(name for source in self.first for name in source.needed())

    def expression(self) -> pl.Expr:
        """The canonical value; null where the text has the wrong form or every column is empty."""
        value = pl.lit(None)
        for source in reversed(self.first):
            empty = pl.col(source.needed()[0]).fill_null("") == ""
            value = pl.when(~empty).then(source.expression()).otherwise(value)
        return value


def _kind_of(value: object) -> str:
    """Tells the two kinds apart, so that a wrong entry is named inside its own kind."""
    return "first" if isinstance(value, FirstOf) or (isinstance(value, dict) and "first" in value) else "source"


FieldSource: TypeAlias = Annotated[
    Annotated[Source, Tag("source")] | Annotated[FirstOf, Tag("first")], Discriminator(_kind_of)
]


class Fields(BaseModel):
    """One source for each canonical column."""

    model_config = _STRICT

    record_id: FieldSource
    call_id: FieldSource
    service: FieldSource
    trunk_in: FieldSource
    trunk_out: FieldSource
    a_number: FieldSource
    b_number: FieldSource
    start_ms: FieldSource
    duration_ms: FieldSource
    units: FieldSource
    outcome: FieldSource
    cause: FieldSource


class Mapping(BaseModel):
    """A switch's layout. `columns` names all columns in order where the file has no header."""

    model_config = _STRICT

    name: str
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    header: bool = True
    columns: list[str] | None = None
    failed: Literal["keep", "leave_out"] = "keep"
    fields: Fields

    @model_validator(mode="after")
    def _names_its_columns(self) -> Self:
        if not self.header and self.columns is None:
            raise ValueError("a file without header needs columns, its names in order")
        if self.columns is not None:
            if len(set(self.columns)) != len(self.columns):
                raise ValueError("columns names one twice")
            absent = sorted(self.needed() - set(self.columns))
            if absent:
                raise ValueError(f"fields read columns that are not listed: {', '.join(absent)}")
        return self

    def needed(self) -> set[str]:
        """The file's columns that any field reads."""
        return {name for field in SCHEMA for name in self.source(field).needed()}

    def source(self, field: str) -> Source | FirstOf:
        """Where a canonical column comes from."""
        found: Source | FirstOf = getattr(self.fields, field)
        return found

    def expressions(self) -> list[pl.Expr]:
        """The canonical columns, typed and named, from a frame of the file's text columns."""
        found = []
        for field, kind in SCHEMA.items():
            value = self.source(field).expression()
            value = value.cast(kind, strict=False) if field in NUMBER_COLUMNS else value.cast(pl.String)
            found.append(value.alias(field))
        return found


def load_mapping(path: Path) -> Mapping:
    """Reads a mapping file. Raises `BadInput` that names the first wrong entry."""
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as fault:
        came = str(fault)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        came = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    raise BadInput(
        file=path.name,
        expected="a mapping file (TOML; docs/reference/usage-files.md)",
        came=came,
        next_step="correct that entry",
    )


def _minutes(offset: str) -> int:
    hours, minutes = offset[1:].split(":")
    size = int(hours) * 60 + int(minutes)
    return -size if offset[0] == "-" else size
