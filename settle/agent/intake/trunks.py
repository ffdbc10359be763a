"""The trunk map: which trunk group leads to whom, since when. It alone decides legs and directions."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from settle.agent.intake.bad_input import BadInput
from settle.agent.records import LATEST_START_MS, LOCAL

FOR_EVER = LATEST_START_MS + 1
"""Epoch milliseconds after every possible start."""


class Trunk(BaseModel):
    """A trunk group from `from_ms` (inclusive) to `to_ms` (exclusive), epoch milliseconds.

    `peer` is the operator code at the other end; empty for a carrier with whom nothing is settled here.
    `unit` is the number of the peer's unit (province, affiliate), `own_unit` that of ours. `local`: the group
    carries traffic inside one local network, which some tariffs treat apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    trunk: Annotated[str, Field(min_length=1, max_length=128)]
    peer: str
    unit: Annotated[int, Field(ge=0, le=65_535)] = 0
    own_unit: Annotated[int, Field(ge=0, le=65_535)] = 0
    local: bool = False
    from_ms: Annotated[int, Field(ge=0)] = 0
    to_ms: Annotated[int, Field(ge=1)] = FOR_EVER

    @model_validator(mode="after")
    def _has_a_span(self) -> Self:
        if self.trunk == LOCAL:
            raise ValueError(f"{LOCAL} is the own side and cannot be mapped")
        if self.from_ms >= self.to_ms:
            raise ValueError(f"from_ms {self.from_ms} is not before to_ms {self.to_ms}")
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    trunk: list[Trunk]


@dataclass(frozen=True)
class TrunkMap:
    """Effective-dated rows; no two of one trunk overlap, so a leg has one peer."""

    rows: tuple[Trunk, ...]

    def __post_init__(self) -> None:
        ordered = sorted(self.rows, key=lambda row: (row.trunk, row.from_ms))
        for earlier, later in itertools.pairwise(ordered):
            if earlier.trunk == later.trunk and later.from_ms < earlier.to_ms:
                raise ValueError(
                    f"trunk {earlier.trunk}: one row ends at {earlier.to_ms}, the next begins at {later.from_ms}"
                )

    @classmethod
    def load(cls, path: Path) -> TrunkMap:
        """Reads TOML with one `[[trunk]]` table a row. Raises `BadInput` that names the first wrong entry."""
        try:
            return cls(tuple(_File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).trunk))
        except ValidationError as fault:
            first = fault.errors(include_url=False)[0]
            came = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        except (tomllib.TOMLDecodeError, OSError, ValueError) as fault:
            came = str(fault)
        raise BadInput(
            file=path.name, expected="a trunk map of [[trunk]] tables", came=came, next_step="correct that entry"
        )

    def frame(self) -> pl.DataFrame:
        """The rows as columns: trunk, peer, unit, own_unit, local, from_ms, to_ms."""
        return pl.DataFrame(
            [row.model_dump() for row in self.rows],
            schema={
                "trunk": pl.String,
                "peer": pl.String,
                "unit": pl.UInt16,
                "own_unit": pl.UInt16,
                "local": pl.Boolean,
                "from_ms": pl.Int64,
                "to_ms": pl.Int64,
            },
        )
