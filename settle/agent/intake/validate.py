"""What the validation rule of an agreement (slot VALIDATION) says of the legs and files that concern it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from abci_app.rules.bundle import LoadedRule, check_arguments
from abci_app.rules.codes import RejectedByRule, RuleRefused
from abci_app.rules.tables import Cell
from abci_app.rules.tree import entry_points
from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.control import Sidecar, Totals

_LEG = ("service", "direction", "a_number", "b_number", "duration_ms", "units", "start_ms")


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

    def bound(self, entry: str) -> Callable[..., int | str]:
        """An entry with the agreement's parameters: gives its result, or the code of its rejection; that of the
        language where the rule was not proved for such arguments."""
        own = tuple(self.parameters[declared.name] for declared in self.rule.agreement_parameters(entry))
        (function,) = (one for one in entry_points(self.rule.program) if one.name == entry)
        run = self.rule.functions[entry]

        def answer(*leading: Cell) -> int | str:
            try:
                check_arguments(function, (*leading, *own))
                return int(run(*leading, *own)[0])
            except RejectedByRule as rejection:
                return rejection.code
            except RuleRefused as refusal:
                return refusal.code.name

        return answer


def judge_legs(
    legs: pl.DataFrame, records: pl.DataFrame, validations: Iterable[Validation], arrived_ms: int
) -> tuple[pl.DataFrame, int]:
    """The rows that a rule rejects, with its code as cause (`row`, `why`), and how many legs it takes but calls late.

    `arrived_ms`: when the file came, epoch milliseconds; ages are counted from a use's start to then.
    """
    refused: list[tuple[int, str]] = []
    late: list[int] = []
    for each in validations:
        concerned = legs.filter(
            (pl.col("peer") == each.peer) & (pl.col("unit") == each.unit) & (pl.col("own_unit") == each.own_unit)
        )
        if concerned.is_empty():
            continue
        validate = each.bound("validate_record")
        chosen = concerned.select("row", "direction").join(records, on="row", how="inner", maintain_order="left")
        in_time = (pl.col("start_ms") >= each.from_ms) & (pl.col("start_ms") < each.to_ms)
        chosen = chosen.filter(in_time & pl.col("service").is_in(list(each.services)))
        for row, service, direction, a, b, duration_ms, units, start_ms in chosen.select("row", *_LEG).iter_rows():
            numbers = each.services[service], each.directions[direction]
            age = (arrived_ms - start_ms) // 1000
            answer = validate(*numbers, a, b, duration_ms, units, age)
            if isinstance(answer, str):
                refused.append((row, answer))
            elif answer:
                late.append(row)
    schema = {"row": pl.UInt32, "why": pl.String}
    aside = {row for row, _ in refused}
    causes = pl.DataFrame(refused, schema=schema, orient="row").unique("row", keep="first", maintain_order=True)
    return causes, sum(row not in aside for row in late)


def judge_file(name: str, stated: Sidecar, found: Totals, validations: Iterable[Validation]) -> bool:
    """Whether a rule finds a file doubtful by its control totals. Files come in order, so none lacks before it.

    Raises `BadInput` where a rule rejects it: then nothing of the file is taken, whoever its other peers are.
    """
    doubtful = False
    for each in validations:
        totals = (found.records, found.duration_ms, found.units, stated.records, stated.duration_ms, stated.units)
        answer = each.bound("validate_file")(*totals, 0)
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
