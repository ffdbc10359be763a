"""`settle rule list`: the rules that the chain has."""

from __future__ import annotations

from settle.cli.options import COMMON, Common
from settle.cli.output import table
from settle.cli.plain import iso, text
from settle.cli.questions import RULE_VERSIONS, RULES
from settle.cli.rule.noun import app
from settle.cli.session import session


@app.command(name="list")
def list_rules(*, common: Common = COMMON) -> None:
    """List the chain's rules and their versions."""
    with session(common) as now:
        rows = []
        for number, row in now.ask(RULES):
            for version, each in now.ask(RULE_VERSIONS, number):
                usage = iso(each.usage_from), iso(each.usage_to)
                rows.append(
                    (number, text(row.name), row.slot.name, version, *usage, each.active_from, each.bundle.hex())
                )
        columns = ("rule", "name", "slot", "version", "usage from", "usage to", "active from height", "bundle")
        document = [dict(zip(columns, row, strict=True)) for row in rows]
        now.out.result(document, table(*columns, rows=rows, right=("rule", "version", "active from height")))
