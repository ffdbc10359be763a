"""Commands that show the rules that the chain has."""

from __future__ import annotations

from abci_app.rules.bundle import load_bundle
from abci_app.rules.printer import print_program
from settle.cli.failures import bad_input
from settle.cli.options import COMMON, Common
from settle.cli.output import facts_of, table
from settle.cli.plain import fields, iso, text
from settle.cli.questions import RULE_VERSIONS, RULES
from settle.cli.rule.given import bundle_on_chain
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


@app.command
def show(bundle: str, *, common: Common = COMMON) -> None:
    """Show a bundle of the chain: its manifest, its text, its tables.

    Parameters
    ----------
    bundle
        Its hash in hex: `settle rule list`.
    """
    try:
        wanted = bytes.fromhex(bundle)
    except ValueError:
        wanted = b""
    if len(wanted) != 32:
        raise bad_input(expected="a hash of 64 hex digits", actual=bundle, next_step="see `settle rule list`")
    with session(common) as now:
        rule = load_bundle(bundle_on_chain(now, wanted))
        manifest, told = fields(rule.manifest), print_program(rule.program)
        now.out.result({"hash": bundle, "manifest": manifest, "text": told}, facts_of(manifest.items()), told)
