"""`settle doctor`: everything that a node and an operator need, looked at one by one."""

from __future__ import annotations

from settle.cli.checks import Check, chain_checks, home_checks, machine_checks
from settle.cli.failures import Exit
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import table
from settle.cli.session import session

app = noun("doctor", "Look at everything that a node and an operator need, and say what to do.")


@app.default
def doctor(*, common: Common = COMMON) -> Exit:
    """Check this machine, the home and the node; each with a tick or a cross and the next step.

    Ends with 1 where something needs doing.
    """
    with session(common) as now:
        folder = now.settings.folder
        checks: list[Check] = [*machine_checks(folder), *home_checks(folder), *chain_checks(now)]
        document = {
            "healthy": all(each.fits for each in checks),
            "checks": [
                {"check": each.name, "fits": each.fits, "found": each.found, "next": each.next_step} for each in checks
            ],
        }
        rows = [
            ("✓" if each.fits else "✗", each.name, each.found, "" if each.fits else each.next_step) for each in checks
        ]
        now.out.result(document, table("", "check", "found", "next step", rows=rows))
        failed = sum(not each.fits for each in checks)
        now.out.hint(f"{failed} of {len(checks)} need doing" if failed else f"all {len(checks)} are well")
        return Exit.REJECTED if failed else Exit.DONE
