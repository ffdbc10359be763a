"""The side of benchmarks/xian.py that runs in Xian's own environment: the rule as a contract, metered.

Started as `python -I xian_side.py SETTING STORE`: a JSON file with the records, the lines and the rates, and a folder
for the engine's state. It answers each line of its standard input, the name of a work of `Side`, with a line of JSON.
Transactions run as a validator of Xian runs them (Executor.execute, metered, nothing committed in between), in the
engine's default meter.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracting.client import ContractingClient
from contracting.storage.driver import Driver

CONTRACT = """
rates = Hash(default_value=-1)

@construct
def seed(table: list):
    for row in table:
        rates[row[0], row[1], row[2], row[3]] = row[4]

def rated(service, terminating, b_number, duration_ms, units):
    if service != 1:
        return [0, units]
    billed = (duration_ms + 59_999) // 60_000 * 60_000
    if terminating == 1:
        for prefix in ['157', '188', '86157', '86188']:
            if b_number.startswith(prefix):
                return [1, billed]
    return [0, billed]

def priced(service, band, units_billed, originating, terminating):
    nano = rates[service, originating, terminating, band]
    assert nano >= 0, 'NO_RATE'
    if service == 1:
        return (units_billed * nano + 30_000_000) // 60_000_000
    assert units_billed <= 1_000_000_000_000, 'TOO_MANY_MESSAGES'
    return (units_billed * nano + 500) // 1000

@export
def rate_record(service: int, terminating: int, b_number: str, duration_ms: int, units: int):
    return rated(service, terminating, b_number, duration_ms, units)

@export
def price_line(service: int, band: int, units_billed: int, originating: int, terminating: int):
    return priced(service, band, units_billed, originating, terminating)

@export
def rate_records(records: list):
    return [rated(r[0], r[1], r[2], r[3], r[4]) for r in records]

@export
def price_lines(lines: list):
    return [priced(r[0], r[1], r[2], r[3], r[4]) for r in lines]
"""
"""The last two take a batch in one transaction, which spares them the engine's own work for each."""
NAME, SENDER = "con_domestic_interconnect", "cmcc"
PARAMETERS = {
    "rate_record": ("service", "terminating", "b_number", "duration_ms", "units"),
    "price_line": ("service", "band", "units_billed", "originating", "terminating"),
}
BATCH = 250


class Side:
    """The contract, submitted, and what it is called with."""

    def __init__(self, setting: Path, store: Path) -> None:
        given = json.loads(setting.read_text(encoding="utf-8"))
        client = ContractingClient(driver=Driver(storage_home=store), metering=False)
        client.submit(CONTRACT, name=NAME, constructor_args={"table": given["rates"]})
        client.raw_driver.set(f"currency.balances:{SENDER}", 10**15)
        client.raw_driver.commit()
        self._executor = client.executor
        self._works: dict[str, Callable[[], list[Any]]] = {}
        for entry, calls in (("rate_record", given["records"]), ("price_line", given["lines"])):
            self._add(entry, calls)

    def _add(self, entry: str, calls: list[list[Any]]) -> None:
        single = [dict(zip(PARAMETERS[entry], cells, strict=True)) for cells in calls]
        parameter = {"rate_record": "records", "price_line": "lines"}[entry]
        batches = [{parameter: calls[at : at + BATCH]} for at in range(0, len(calls), BATCH)]
        self._works[entry] = lambda: [self._execute(entry, one) for one in single]
        self._works[f"{entry}s"] = lambda: [cell for one in batches for cell in self._execute(f"{entry}s", one)]

    def _execute(self, function: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401  what a contract returns
        output = self._executor.execute(
            sender=SENDER, contract_name=NAME, function_name=function, kwargs=arguments, environment={}, metering=True
        )
        if output["status_code"]:
            raise output["result"]
        assert output["chi_used"] > 0, "the meter is off"
        return output["result"]

    def answer(self, name: str) -> dict[str, Any]:
        """The seconds of process CPU of a work, and what it gave."""
        start = time.process_time()
        results = self._works[name]()
        return {"seconds": time.process_time() - start, "results": results}


def main() -> None:
    """Answer until the input ends."""
    side = Side(Path(sys.argv[1]), Path(sys.argv[2]))
    for line in sys.stdin:
        print(json.dumps(side.answer(line.strip())), flush=True)


if __name__ == "__main__":
    main()
