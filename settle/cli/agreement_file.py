"""The file in which people write an agreement's terms: TOML or JSON, in names instead of numbers."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from abci_app.domain.agreements.schema import (
    CalendarRow,
    CatalogueLine,
    DataClass,
    Direction,
    Evidence,
    Flow,
    Profile,
    SlotBinding,
    Terms,
    UnitPair,
)
from abci_app.rules.interface import Slot
from settle.cli.failures import Failure, bad_input
from settle.cli.names import currency_of

_FORM = ConfigDict(extra="forbid", frozen=True)
_Byte = Annotated[int, Field(ge=0, le=255)]


class PairForm(BaseModel):
    """A unit of each party, by number."""

    model_config = _FORM

    first: int = 0
    second: int = 0


class PeriodForm(BaseModel):
    """A row of the calendar. Times with their offset, such as 2026-01-01T00:00:00+08:00."""

    model_config = _FORM

    ordinal: int
    usage_from: AwareDatetime
    usage_to: AwareDatetime
    cut_off: AwareDatetime
    declare_by: AwareDatetime
    open_by: AwareDatetime
    agree_by: AwareDatetime
    pay_by: AwareDatetime

    @model_validator(mode="after")
    def _leaves_time(self) -> Self:
        """The chain refuses such a row too. Where declare-by is open-by, whoever declares nothing is bound by nothing:
        nobody may open before declare-by while the other could still file, nor from open-by on."""
        if not self.cut_off < self.declare_by < self.open_by < self.agree_by:
            raise ValueError("cut_off, declare_by, open_by and agree_by must follow each other, with time between them")
        return self

    def row(self) -> CalendarRow:
        """The row as the chain has it."""
        times = (
            self.usage_from,
            self.usage_to,
            self.cut_off,
            self.declare_by,
            self.open_by,
            self.agree_by,
            self.pay_by,
        )
        return CalendarRow(self.ordinal, *(int(time.timestamp()) for time in times))


class LineForm(BaseModel):
    """A catalogue line; numbers of service, band, measure and event are the rating rule's."""

    model_config = _FORM

    service: _Byte
    direction: Literal["FIRST_TO_SECOND", "SECOND_TO_FIRST"]
    band: _Byte = 0
    measure: _Byte = 1
    event: _Byte = 1

    def line(self) -> CatalogueLine:
        """The line as the chain has it."""
        return CatalogueLine(self.service, Direction[self.direction], self.band, self.measure, self.event)


class SlotForm(BaseModel):
    """Which rule fills a slot, by name or number, with the agreement's own parameters."""

    model_config = _FORM

    slot: Literal["RATING", "VALIDATION", "TOLERANCE", "DISPUTE", "SET_OFF", "INVOICE", "DEAL"]
    rule: str | int
    parameters: tuple[int, ...] = ()


class TermsForm(BaseModel):
    """An agreement's terms as people write them. Operators are codes."""

    model_config = _FORM

    first: str
    second: str
    networks: tuple[int, int] = Field(description="The class of each party's network, in the rating rule's numbers.")
    pairs: tuple[PairForm, ...] = (PairForm(),)
    currency: Literal["CNY", "HKD", "JPY", "KRW", "MOP", "SGD", "CHF", "GBP", "USD", "TWD", "EUR", "BRL"] = "CNY"
    profile: Literal["MIIT", "DETRAF", "ITR", "US"] = "MIIT"
    evidence: Literal["TWO_SIDED", "ONE_SIDED"] = "TWO_SIDED"
    data_class: Literal["PUBLIC", "CONFIDENTIAL"] = "PUBLIC"
    flow: Literal["CALLING_PARTY_PAYS", "RECEIVER_PAYS", "BILL_AND_KEEP"] = "CALLING_PARTY_PAYS"
    valid_from: AwareDatetime
    valid_to: AwareDatetime
    contest_days: int = Field(default=10, ge=1, le=24_855)
    set_off: bool = True
    catalogue: tuple[LineForm, ...]
    calendar: tuple[PeriodForm, ...]
    slots: tuple[SlotForm, ...]


def read_terms(path: Path, operator: Callable[[str], int], rules: Mapping[str, int]) -> Terms:
    """The terms in a file. `operator` gives a code's number, `rules` a rule's by its name.

    Raises `Failure`: no TOML or JSON, a field that does not fit (the first is named), an unknown name.
    """
    form = _read_form(path)
    currency = currency_of(form.currency)
    assert currency is not None, "the form takes no other letters"
    terms = Terms(
        evidence=Evidence[form.evidence],
        first=operator(form.first),
        second=operator(form.second),
        networks=form.networks,
        pairs=tuple(UnitPair(pair.first, pair.second) for pair in form.pairs),
        currency=currency,
        profile=Profile[form.profile],
        data_class=DataClass[form.data_class],
        flow=Flow[form.flow],
        valid_from=int(form.valid_from.timestamp()),
        valid_to=int(form.valid_to.timestamp()),
        calendar=tuple(row.row() for row in form.calendar),
        contest=form.contest_days * 86_400,
        catalogue=tuple(line.line() for line in form.catalogue),
        slots=tuple(
            SlotBinding(Slot[bound.slot], _rule(path, bound.rule, rules), bound.parameters) for bound in form.slots
        ),
        set_off=form.set_off,
    )
    try:  # constructors check no bounds
        return msgspec.convert(msgspec.to_builtins(terms, builtin_types=(bytes,)), Terms)
    except msgspec.ValidationError as fault:
        raise _does_not_fit(path, str(fault)) from fault


def _read_form(path: Path) -> TermsForm:
    try:
        text = path.read_text(encoding="utf-8")
        return TermsForm.model_validate(json.loads(text) if path.suffix == ".json" else tomllib.loads(text))
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        raise _does_not_fit(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from fault
    except ValueError as fault:  # TOML, JSON and UTF-8 alike
        raise _does_not_fit(path, str(fault)) from fault


def _rule(path: Path, named: str | int, rules: Mapping[str, int]) -> int:
    if isinstance(named, int):
        return named
    if named not in rules:
        raise _does_not_fit(path, f"rule {named}; the chain has {', '.join(rules) or 'none'}")
    return rules[named]


def _does_not_fit(path: Path, came: str) -> Failure:
    return bad_input(
        expected=f"an agreement's terms in {path}",
        actual=came,
        next_step="correct that entry; `settle agreement example` prints a whole file",
    )


EXAMPLE = """\
# Terms of an agreement: `settle agreement propose FILE`.
first = "CMCC"
second = "CUCC"
networks = [1, 2]                 # each party's network in the rating rule's numbers
currency = "CNY"
profile = "MIIT"
flow = "CALLING_PARTY_PAYS"
valid_from = 2026-01-01T00:00:00+08:00
valid_to = 2027-01-01T00:00:00+08:00
contest_days = 10
set_off = true

[[pairs]]                         # units, by number: `settle member show CMCC`
first = 0
second = 0

[[catalogue]]                     # at most 64 lines; service 1 is voice
service = 1
direction = "FIRST_TO_SECOND"

[[catalogue]]
service = 1
direction = "SECOND_TO_FIRST"

[[slots]]
slot = "RATING"
rule = "domestic_interconnect"    # or its number: `settle rule list`

[[slots]]
slot = "TOLERANCE"
rule = "tolerance_percent"
parameters = [100]                # basis points of the creditor's figure

[[slots]]
slot = "SET_OFF"
rule = "set_off"
parameters = [0]

[[calendar]]
ordinal = 1
usage_from = 2026-01-01T00:00:00+08:00
usage_to = 2026-02-01T00:00:00+08:00
cut_off = 2026-02-03T00:00:00+08:00
declare_by = 2026-02-08T00:00:00+08:00
open_by = 2026-02-10T00:00:00+08:00
agree_by = 2026-02-20T00:00:00+08:00
pay_by = 2026-03-10T00:00:00+08:00
"""
"""A whole file, for `settle agreement example`."""
