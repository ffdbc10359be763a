"""What the validation rule of an agreement (slot VALIDATION) says of the legs and files that concern it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from abci_app.rules.bundle import LoadedRule
from abci_app.rules.codes import RejectedByRule, RuleCode, RuleRefused
from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.control import Sidecar, Totals
from settle.rules.columns import REJECTION, Columns

_RECORD, _FILE = "validate_record", "validate_file"
_TAKEN = ("a_number", "b_number", "duration_ms", "units")
"""What `validate_record` takes of a record as it stands."""


@dataclass(frozen=True)
class Validation:
    """The rule of one agreement for traffic with a unit of `peer` that starts in [from_ms, to_ms).

    `services`, `directions`: the agreement's numbers of what legs name by words; `parameters`: its own, by name.
    """

    peer: str
    unit: int
    own_unit: int
    from_ms: int
    to_ms: int
    services: Mapping[str, int]
    directions: Mapping[str, int]
    rule: LoadedRule
    parameters: Mapping[str, int]

    def facts(self) -> tuple[object, ...]:
        """All that its judgement hangs on: equal where two judge alike."""
        concerned = self.peer, self.unit, self.own_unit, self.from_ms, self.to_ms
        numbers = (tuple(sorted(each.items())) for each in (self.services, self.directions, self.parameters))
        return (*concerned, self.rule.hash, *numbers)

    def of_legs(self, legs: pl.DataFrame, arrived_ms: int) -> pl.DataFrame:
        """What the rule says of legs, in their order: `row`, `why` (the code of a rejection, that of the language
        where the rule was not proved for such a leg; null where it takes the leg), `late`.

        `legs`: `row`, `direction` and the canonical columns. Raises RuleRefused where a parameter is out of range.
        """
        rule = Columns.of_rule(self.rule, _RECORD)
        age = (arrived_ms - pl.col("start_ms")).floordiv(1000)
        given = legs.select(
            pl.col("service").replace_strict(self.services, return_dtype=pl.Int64),
            pl.col("direction").replace_strict(self.directions, return_dtype=pl.Int64),
            *_TAKEN,
            age.alias("age"),
        )
        fitting = rule.fitting(given)
        names = (declared.name for declared in self.rule.agreement_parameters(_RECORD))
        own = dict(zip(names, self.rule.bound(_RECORD, self.parameters), strict=True))
        said = rule.run(given.filter(fitting), own)
        rows = legs.select("row", at=pl.int_range(pl.len()))
        judged = rows.filter(fitting).hstack([said[REJECTION].alias("why"), said["late"] == 1])
        out_of_range = pl.lit(RuleCode.ARGUMENT_OUT_OF_RANGE.name).alias("why")
        outside = rows.filter(~fitting).with_columns(out_of_range, pl.lit(None, pl.Boolean).alias("late"))
        return pl.concat([judged, outside]).sort("at").drop("at")

    def of_file(self, *totals: int) -> int | str:
        """What the rule says of a file's totals: its result, or the code of its rejection; that of the language where
        the rule was not proved for such totals."""
        try:
            return int(self.rule.call(_FILE, *totals, *self.rule.bound(_FILE, self.parameters))[0])
        except RejectedByRule as rejection:
            return rejection.code
        except RuleRefused as refusal:
            return refusal.code.name


def judge_legs(
    legs: pl.DataFrame, records: pl.DataFrame, validations: Iterable[Validation], arrived_ms: int
) -> tuple[pl.DataFrame, int]:
    """The rows that a rule rejects, with its code as cause (`row`, `why`), and how many legs it takes but calls late.

    Where several legs of a record are rejected, the first counts. `arrived_ms`: when the file came, epoch
    milliseconds; ages are counted from a use's start to then.
    """
    judged = [_NOTHING_SAID]
    for each in validations:
        concerned = legs.filter(
            (pl.col("peer") == each.peer) & (pl.col("unit") == each.unit) & (pl.col("own_unit") == each.own_unit)
        )
        if concerned.is_empty():
            continue
        in_time = pl.col("start_ms").is_between(each.from_ms, each.to_ms, closed="left")
        ruled = records.filter(in_time & pl.col("service").is_in(list(each.services)))
        chosen = concerned.select("row", "direction").join(
            ruled.select("row", "service", "start_ms", *_TAKEN), on="row", how="inner", maintain_order="left"
        )
        if not chosen.is_empty():
            judged.append(each.of_legs(chosen, arrived_ms))
    said = pl.concat(judged)
    causes = said.filter(pl.col("why").is_not_null()).select("row", "why")
    causes = causes.unique("row", keep="first", maintain_order=True)
    late = said.filter("late").join(causes, on="row", how="anti")
    return causes, late.height


_NOTHING_SAID = pl.DataFrame(schema={"row": pl.UInt32, "why": pl.String, "late": pl.Boolean})


def judge_file(name: str, stated: Sidecar, found: Totals, validations: Iterable[Validation]) -> bool:
    """Whether a rule finds a file doubtful by its control totals. Files come in order, so none lacks before it.

    Raises `BadInput` where a rule rejects it: then nothing of the file is taken, whoever its other peers are.
    """
    doubtful = False
    for each in validations:
        totals = (found.records, found.duration_ms, found.units, stated.records, stated.duration_ms, stated.units)
        answer = each.of_file(*totals, 0)
        if isinstance(answer, str):
            raise BadInput(
                file=name,
                expected=f"a file that the validation rule of the agreement with {each.peer} takes",
                came=f"{answer}: {found.records} readable records of {stated.records}, {found.duration_ms} ms of "
                f"{stated.duration_ms}, {found.units} units of {stated.units}",
                next_step=f"have the switch deliver it again; {each.rule.manifest.name}'s README explains the code",
            )
        doubtful = doubtful or answer != 0
    return doubtful
