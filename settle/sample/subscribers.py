"""Who calls whom: every operator's subscribers with their numbers, some of them ported in."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from settle.sample.chance import draw, key, share, word
from settle.sample.plan import SamplePlan
from settle.sample.ranges import COUNTRY

_PURPOSE = 1
_SUFFIXES = 10_000_000
_STEP = 6_180_337
"""Prime to the count of suffixes, so that different subscribers get different suffixes."""


class Subscribers(NamedTuple):
    """All subscribers, operator after operator in the plan's order.

    `numbers` are E.164 digits without the plus, each served by one operator only; `holders` are the
    codes of the operators whose range the number is of; `first` and `served` say where the subscribers
    that an operator serves begin, and how many they are.
    """

    numbers: pl.Series
    holders: pl.Series
    first: dict[str, int]
    served: dict[str, int]

    def ported(self) -> pl.DataFrame:
        """The portability table: number, holder of its range, serving operator; sorted by number."""
        serving = pl.concat([pl.repeat(code, count, eager=True) for code, count in self.served.items()])
        table = pl.DataFrame({"number": self.numbers, "holder": self.holders, "serving": serving})
        return table.filter(pl.col("holder") != pl.col("serving")).sort("number")


def subscribers(plan: SamplePlan) -> Subscribers:
    """Make the subscribers of a plan: about 40 bytes each, computed once for a sample."""
    tables = [_served_by(plan, place) for place in range(len(plan.operators))]
    together = pl.concat(tables)
    first, served, total = {}, {}, 0
    for operator in plan.operators:
        first[operator.code], served[operator.code] = total, operator.subscribers
        total += operator.subscribers
    return Subscribers(together["number"], together["holder"], first, served)


def _served_by(plan: SamplePlan, place: int) -> pl.DataFrame:
    operators = len(plan.operators)
    ranges = [(operator.code, digits) for operator in plan.operators for digits in operator.ranges]
    sizes = pl.Series([len(operator.ranges) for operator in plan.operators], dtype=pl.UInt64)
    starts = sizes.cum_sum() - sizes
    shift = key(plan.seed, _PURPOSE, 1) % _SUFFIXES

    person = pl.int_range(plan.operators[place].subscribers, dtype=pl.UInt64) * word(operators) + word(place)
    drawn = draw(key(plan.seed, _PURPOSE), pl.col("person"))
    is_ported = share(drawn, 0, 16, 1000) < plan.ported_permille
    elsewhere = (share(drawn, 16, 12, operators - 1) + word(place + 1)) % word(operators)
    holder = pl.when(is_ported).then(elsewhere).otherwise(word(place))
    of_holder = share(drawn, 28, 16, pl.lit(sizes).gather(pl.col("at")))
    suffix = (pl.col("person") * word(_STEP) + word(shift)) % word(_SUFFIXES)
    digits = pl.lit(pl.Series([digits for _, digits in ranges])).gather(pl.col("range"))
    # A three-digit range leaves eight digits: the first of them is drawn too.
    eighth = pl.when(digits.str.len_bytes() == 3).then(share(drawn, 44, 16, 10).cast(pl.String)).otherwise(pl.lit(""))
    return (
        pl.select(person=person)
        .with_columns(at=holder)
        .with_columns(range=pl.lit(starts).gather(pl.col("at")) + of_holder)
        .select(
            number=pl.concat_str(pl.lit(COUNTRY), digits, eighth, suffix.cast(pl.String).str.zfill(7)),
            holder=pl.lit(pl.Series([code for code, _ in ranges])).gather(pl.col("range")),
        )
    )
