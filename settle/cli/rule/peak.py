"""The command that settles a month by its 5-minute samples: the highest are dropped, the rest gives the rate."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from abci_app.rules.codes import RejectedByRule, RuleRefused
from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.raw import read_raw, require_text
from settle.agent.percentile import SAMPLE_SECONDS, DirectionRate, Month, Sample, SettledRate, settled_rate
from settle.cli.failures import not_done, usage
from settle.cli.options import COMMON, Common
from settle.cli.output import Output, facts_of, table
from settle.cli.plain import iso, money
from settle.cli.rule.given import Given, currency_given, instant_given, pairs_given, rule_given
from settle.cli.rule.noun import app

COLUMNS = ["start", "bits_per_second"]
CAPACITY = 5
"""The rules' number of the service."""
_ENTRIES = ("dropped", "combined", "price_line")
_WHOLE = re.compile("[0-9]{1,18}", re.ASCII)


@app.command
def peak(
    rule: str,
    *,
    first: Path,
    second: Path,
    start: Annotated[str, Parameter(name="--from")],
    end: Annotated[str, Parameter(name="--to")],
    parameter: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    currency: str = "CNY",
    options: Common = COMMON,
) -> None:
    """Settle a month of capacity by its 5-minute samples: what is dropped, what lacks, the rate and its price.

    Parameters
    ----------
    rule
        A folder NAME/vN, a bundle's file, or a bundle's hash on the chain.
    first
        Samples from the first party's network to the second's: CSV of start (epoch seconds UTC), bits_per_second.
    second
        Samples the other way.
    start
        Where the month begins, such as 2026-04-01T00:00:00+08:00; without an offset, UTC.
    end
        Where it ends, the first instant that is not in it.
    parameter
        NAME=NUMBER: a parameter that the rule asks of agreements.
    currency
        Of the amounts.
    """
    given, parameters = rule_given(rule, options), pairs_given("--parameter drop_bps=500", parameter)
    number = currency_given(currency)
    _require_fit(given, parameters)
    month = Month(instant_given(start, 0) // 1000, instant_given(end, 0) // 1000)
    found, amounts = _settle(given, _read_samples(first), _read_samples(second), month, parameters)
    document = {
        "rule": given.document(),
        "samples_of_month": month.slots,
        "first": _document(found.first),
        "second": _document(found.second),
        "rate_bits_per_second": found.rate,
        "amount_micro": {"first_pays": amounts[0], "second_pays": amounts[1]},
    }
    span = f"{iso(month.usage_from)} to {iso(month.usage_to)}, {month.slots:,} samples"
    result = [
        ("settled rate", f"{found.rate:,} bit/s"),
        ("where the first party pays", money(amounts[0], number)),
        ("where the second does", money(amounts[1], number)),
    ]
    out = Output(as_json=options.json)
    head = facts_of([("rule", given.name), ("month", span)])
    out.result(document, head, "", _directions(found), "", facts_of(result))
    if found.gaps:
        out.hint(f"{found.gaps:,} samples lack: they are not made up, and the share is taken of those that there are")


def _settle(
    given: Given, first: list[Sample], second: list[Sample], month: Month, parameters: dict[str, int]
) -> tuple[SettledRate, list[int]]:
    """The rate, and its price where the first party pays and where the second does."""
    try:
        found = settled_rate(first, second, month, given.rule, parameters)
        return found, [_amount(given, found, direction, parameters) for direction in (0, 1)]
    except RejectedByRule as rejection:
        raise not_done(
            expected=f"samples that {given.name} takes",
            actual=rejection.code,
            next_step="the rule's README explains the code",
        ) from rejection
    except RuleRefused as refusal:
        raise usage(
            expected=f"{refusal.where}: {refusal.expected}",
            actual=str(refusal.actual),
            next_step="correct that --parameter, or the samples; the rule is proved for these only",
        ) from refusal


def _require_fit(given: Given, parameters: dict[str, int]) -> None:
    """The rule settles by samples, and every parameter that it asks for is there."""
    rule = given.rule
    if any(entry not in rule.functions for entry in _ENTRIES):
        raise usage(
            expected=f"a rule with {', '.join(_ENTRIES)}",
            actual=f"{given.name}: {', '.join(rule.functions)}",
            next_step="name a rule that settles by samples, such as ip_interconnect_95/v1",
        )
    wanted = rule.parameters()
    strange = [name for name in wanted if name not in parameters] or [name for name in parameters if name not in wanted]
    if strange:
        raise usage(
            expected=f"the agreement's parameters {', '.join(wanted)}",
            actual=", ".join(parameters) or "none",
            next_step=f"{'add' if strange[0] in wanted else 'leave out'} --parameter {strange[0]}=NUMBER",
        )


def _read_samples(path: Path) -> list[Sample]:
    raw = read_raw(path)
    require_text(raw)
    text = raw.content.decode("utf-8-sig")
    header, *rows = [line.split(",") for line in text.splitlines()] or [[""]]
    if header != COLUMNS:
        raise BadInput(
            file=raw.name,
            expected=f"the columns {', '.join(COLUMNS)}",
            came=", ".join(header) or "an empty line",
            next_step="write the samples so, a row each",
        )
    if not text.endswith("\n"):
        raise BadInput(
            file=raw.name,
            expected="a line end after the last row",
            came="a file that ends inside a row",
            next_step="export the samples again",
        )
    return [_sample(raw.name, at, cells) for at, cells in enumerate(rows, 1)]


def _sample(file: str, at: int, cells: list[str]) -> Sample:
    if len(cells) != len(COLUMNS) or not all(_WHOLE.fullmatch(cell) for cell in cells):
        raise BadInput(
            file=file,
            expected="epoch seconds UTC and bits per second, both whole",
            came=",".join(cells) or "an empty row",
            next_step="correct that row",
            row=at,
        )
    return Sample(*map(int, cells))


def _amount(given: Given, found: SettledRate, direction: int, parameters: dict[str, int]) -> int:
    """A month's line: calls the samples, actual the peak, billed the rate; no class of network."""
    one = found.second if direction else found.first
    quantities = one.samples, one.peak, found.rate
    own = given.rule.bound("price_line", parameters)
    return int(given.rule.call("price_line", CAPACITY, direction, 0, *quantities, 0, 0, *own)[0])


def _directions(found: SettledRate) -> Table:
    rows = [
        (name, f"{one.samples:,}", f"{_lacking(one):,}", f"{one.dropped:,}", f"{one.peak:,}", f"{one.highest_left:,}")
        for name, one in (("first to second", found.first), ("second to first", found.second))
    ]
    numbers = ("samples", "lacking", "dropped", "highest bit/s", "highest left bit/s")
    return table("direction", *numbers, rows=rows, right=numbers)


def _lacking(one: DirectionRate) -> int:
    return sum(gap.end - gap.start for gap in one.gaps) // SAMPLE_SECONDS


def _document(one: DirectionRate) -> dict[str, object]:
    gaps = [{"from": iso(gap.start), "to": iso(gap.end)} for gap in one.gaps]
    return {**one._asdict(), "gaps": gaps, "lacking": _lacking(one)}
