"""`settle member`: the operators of the chain."""

from __future__ import annotations

from settle.cli.options import COMMON, Common, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import CURRENCIES, fields, short, text
from settle.cli.questions import KEYS, UNITS, VALIDATORS
from settle.cli.session import session

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
