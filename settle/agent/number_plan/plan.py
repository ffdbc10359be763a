"""Whose range a number lies in, by the longest prefix of a pinned table, and whose it is after porting."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import polars as pl

from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.raw import read_raw, require_text

TABLE_PATH: Final = Path(__file__).with_name("number_plan.csv")
TABLE_SHA256: Final = "69b796085af64274695d0b3e8f7cd4215d27f27d078503a95b632b4e6700c43b"
"""What `python -m settle.agent.number_plan.compile` printed for the committed table."""


class WrongNumberPlan(Exception):
    """The table on disk is not the pinned one: two operators would tell numbers apart differently."""


@dataclass(frozen=True)
class NumberPlan:
    """`prefixes`: prefix → operator code, empty where only the country is known. `ported`: number → operator."""

    prefixes: Mapping[str, str]
    ported: Mapping[str, str] = field(default_factory=dict)

    def operator_of(self, number: str) -> str | None:
        """The operator of one number: ported, else by its longest prefix; "" known but of no listed operator;
        None where no prefix fits."""
        if number in self.ported:
            return self.ported[number]
        return self._by_range(number)

    def operators_of(self, numbers: pl.Series) -> pl.Series:
        """`operator_of` for a column. Only the distinct prefixes are looked up, so it runs at column speed."""
        longest = max(map(len, self.prefixes), default=0)
        heads = numbers.str.slice(0, longest)
        distinct = heads.unique()
        found = pl.DataFrame(
            {"head": distinct, "operator": [self._by_range(head) for head in distinct.to_list()]},
            schema={"head": pl.String, "operator": pl.String},
        )
        columns = pl.DataFrame({"number": numbers, "head": heads}).join(
            found, on="head", how="left", maintain_order="left"
        )
        if not self.ported:
            return columns["operator"]
        ported = pl.DataFrame(
            {"number": list(self.ported), "serving": list(self.ported.values())},
            schema={"number": pl.String, "serving": pl.String},
        )
        both = columns.join(ported, on="number", how="left", maintain_order="left")
        return both.select(pl.coalesce("serving", "operator").alias("operator"))["operator"]

    def with_ported(self, ported: Mapping[str, str]) -> NumberPlan:
        """The same plan with portability data: number → serving operator."""
        return NumberPlan(self.prefixes, dict(ported))

    def _by_range(self, number: str) -> str | None:
        for length in range(len(number), 0, -1):
            operator = self.prefixes.get(number[:length])
            if operator is not None:
                return operator
        return None


def load_number_plan() -> NumberPlan:
    """The compiled plan of this release. Raises `WrongNumberPlan` where the file differs from its pin."""
    table = TABLE_PATH.read_bytes()
    came = sha256(table).hexdigest()
    if came != TABLE_SHA256:
        raise WrongNumberPlan(
            f"{TABLE_PATH.name}: expected sha256 {TABLE_SHA256}, came {came}. "
            "Next: reinstall the package; whoever changed the table on purpose pins its new hash in plan.py."
        )
    rows = pl.read_csv(io.BytesIO(table), infer_schema=False)
    return NumberPlan(dict(zip(rows["prefix"], rows["operator"].fill_null(""), strict=True)))


def load_ported(path: Path) -> dict[str, str]:
    """Portability data: CSV with the columns `number` and `serving` (others are passed by). Raises `BadInput`."""
    raw = read_raw(path)
    require_text(raw)
    table = pl.read_csv(raw.content, infer_schema=False)
    wrong = {"number", "serving"} - set(table.columns)
    if wrong:
        raise BadInput(
            file=path.name,
            expected="the columns number and serving",
            came=f"a header with {', '.join(table.columns)[:80]}",
            next_step="name the columns so",
        )
    return dict(zip(table["number"].fill_null(""), table["serving"].fill_null(""), strict=True))
