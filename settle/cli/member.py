"""`settle member`: the operators of the chain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from abci_app.domain.members.schema import AdmitOperator, Kind, NamedUnit
from abci_app.kernel.encoding import encode
from settle.cli.failures import usage
from settle.cli.names import currency_of
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import CURRENCIES, fields, short, text
from settle.cli.questions import KEYS, UNITS, VALIDATORS
from settle.cli.session import session

KindName: TypeAlias = Literal["mobile", "fixed", "virtual", "carrier", "hub", "regulator", "auditor", "arbitrator"]

app = noun("member", "The operators of the chain.")


@app.command(name="list")
def list_members(*, common: Common = COMMON) -> None:
    """List all operators."""
    with session(common) as now:
        rows = [
            (number, text(row.code), text(row.name), row.kind.name.lower(), CURRENCIES.get(row.currency), row.keys)
            for number, row in now.members.items()
        ]
        names = ("number", "code", "name", "kind", "currency", "keys")
        document = [dict(zip(names, row, strict=True)) for row in rows]
        now.out.result(document, table(*names, rows=rows, right=("number", "keys")))


@app.command
def apply(
    code: str,
    *,
    name: str,
    kind: KindName,
    output: Path,
    currency: str = "CNY",
    unit: Annotated[tuple[str, ...], Parameter(negative="")] = ("0=national",),
    common: Common = COMMON,
) -> None:
    """Write the application of a new member: its keys sign that they are its own. A vote admits it.

    Parameters
    ----------
    code
        Its short code, 2 to 8 letters.
    name
        Its name.
    kind
        What it is.
    output
        Write the application there.
    currency
        ISO 4217 letters.
    unit
        NUMBER=NAME of a province or affiliate. May be given several times.
    """
    with session(common) as now:
        money = currency_of(currency)
        if money is None:
            known = ", ".join(CURRENCIES.values())
            raise usage(expected=f"one of {known}", actual=currency, next_step="name a currency")
        units = tuple(_unit(each) for each in unit)
        said = (code.encode(), name.encode(), Kind[kind.upper()], money, units)
        keys = tuple(now.keys.values())
        proofs = tuple(key.possession(now.chain) for key in keys)
        message = AdmitOperator(now.myself, *said, tuple(key.grant for key in keys), proofs)
        output.write_text(encode(message).hex() + "\n", encoding="ascii")
        document = {"operator": now.myself, "code": code, "keys": list(now.keys), "file": str(output)}
        now.out.result(document, facts_of(document.items()))
        now.out.hint(f"next: settle gov propose admit {output}, by any member")


def _unit(told: str) -> NamedUnit:
    number, _, name = told.partition("=")
    if not (number.isascii() and number.isdecimal() and int(number) < 2**16 and name):
        raise usage(expected="a unit as NUMBER=NAME, such as 11=Beijing", actual=told, next_step="correct it")
    return NamedUnit(int(number), name.encode())


@app.command
def show(operator: str, *, common: Common = COMMON) -> None:
    """Show one operator: its units, validators and active keys.

    Parameters
    ----------
    operator
        Its code, such as CMCC, or its number.
    """
    with session(common) as now:
        number = now.operator(operator)
        row = now.members[number]
        units = {unit: text(each.name) for owner, unit, each in now.ask(UNITS) if owner == number}
        validators = [key.hex() for key, each in now.ask(VALIDATORS) if each.operator == number]
        keys = [(key, each) for key, each in now.ask(KEYS) if each.operator == number and each.active]
        document = {
            "number": number,
            **fields(row),
            "units": {str(unit): name for unit, name in units.items()},
            "validators": validators,
            "active_keys": [{"key": key.hex(), "role": each.role.name.lower()} for key, each in keys],
        }
        shown = facts_of(
            [
                ("operator", f"{number} {text(row.code)}, {text(row.name)}"),
                ("kind", row.kind.name.lower()),
                ("currency", CURRENCIES.get(row.currency, row.currency)),
                ("units", ", ".join(f"{unit} {name}" for unit, name in units.items())),
                ("validators", ", ".join(f"{key[:16]}…" for key in validators)),
                *((each.role.name.lower(), short(key)) for key, each in keys),
            ]
        )
        now.out.result(document, shown)
