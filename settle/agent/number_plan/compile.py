"""Compiles the number plan from PyPI's `phonenumbers`: `python -m settle.agent.number_plan.compile`.

Prints the SHA-256 to pin in `settle/agent/number_plan/plan.py`. Needs the `dev` packages; the agent itself
reads only the compiled table.
"""

from __future__ import annotations

import sys
from hashlib import sha256

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.carrierdata import CARRIER_DATA

from settle.agent.number_plan.plan import TABLE_PATH

OPERATOR_CODES = {
    "China Mobile": "CMCC",
    "China Unicom": "CUCC",
    "China Telecom": "CTCC",
    "China Broadnet": "CBN",
}
"""English carrier name of `phonenumbers` → operator code."""
_WORLD = "001"
"""The region code that `phonenumbers` gives to numbers of no country (satellite, freephone)."""


def compile_table() -> bytes:
    """The table as CSV bytes: prefix, country (ISO 3166 of the numbering zone's first country), operator, carrier.

    One row per country calling code, and one per prefix of a Chinese mobile carrier. Sorted by prefix.
    """
    rows = {str(code): (regions[0], "", "") for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
    for prefix, names in CARRIER_DATA.items():
        if prefix.startswith("86"):
            rows[prefix] = ("CN", OPERATOR_CODES[names["en"]], names["en"])
    lines = ["prefix,country,operator,carrier"]
    for prefix, (country, operator, carrier) in sorted(rows.items()):
        lines.append(",".join((prefix, "" if country == _WORLD else country, operator, carrier)))
    return ("\n".join(lines) + "\n").encode("ascii")


def main() -> None:
    """Writes the table beside this file."""
    table = compile_table()
    TABLE_PATH.write_bytes(table)
    sys.stdout.write(f"{TABLE_PATH.name}: {len(table.splitlines()) - 1} prefixes\n")
    sys.stdout.write(f"sha256 {sha256(table).hexdigest()}\n")


if __name__ == "__main__":
    main()
