"""The demonstration itself, once, as somebody would run it: four validators, faults, an order, attempts to cheat."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

from abci_app.domain.periods.schema import LineFigures
from abci_app.rules.bundle import bundle_hash
from settle.rules.build import shipped_bundle

pytestmark = [pytest.mark.network, pytest.mark.timeout(220)]

PACE = 1.4  # of the deadlines: ends in 155 s, and leaves a busy machine of two cores two fifths more for each act
WITHIN = 205.0  # seconds
PROCESSES = 8  # an application and a CometBFT for each of four
COMMAND = ("demo", "--json", "--seed", "5", "--pace", str(PACE), "--events", "40000")


class Run(NamedTuple):
    """How the command ended, and what it left: in its temporary folder, and among the machine's processes."""

    status: int
    out: str
    err: str
    most_running: int
    left_running: list[str]
    left_in_folder: list[str]

    @property
    def document(self) -> Any:  # noqa: ANN401  # JSON
        return json.loads(self.out)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """`settle demo`, its temporary files in a folder of its own, whose path no other process names."""
    with TemporaryDirectory(prefix="demo-") as folder, TemporaryDirectory() as said:
        out, err = Path(said) / "out", Path(said) / "err"
        surroundings = os.environ | {"TMPDIR": folder}
        surroundings.pop("SETTLE_RUNTIME", None)
        with out.open("wb") as stdout, err.open("wb") as stderr:
            command = [sys.executable, "-m", "settle.cli.main", *COMMAND]
            process = subprocess.Popen(
                command, stdout=stdout, stderr=stderr, env=surroundings, stdin=subprocess.DEVNULL
            )
            most = _watch(process, folder)
        left = _naming(folder)
        remains = sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))
        yield Run(process.returncode, out.read_text(), err.read_text(), most, left, remains)


def _watch(process: subprocess.Popen[bytes], folder: str) -> int:
    """Wait for its end; how many processes of the network there were at most. Overdue, it is told to stop."""
    end, most = time.monotonic() + WITHIN, 0
    try:
        while process.poll() is None and time.monotonic() < end:
            most = max(most, len(_naming(folder)))
            time.sleep(0.5)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
    return most


def _naming(folder: str) -> list[str]:
    """The command lines of this machine's processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if folder in words:
                found.append(words)
    return found


def test_it_ends_well_and_says_so_in_one_document(run: Run) -> None:
    assert run.status == 0, run.err[-4000:]
    assert run.document["problems"] == []
    assert run.out.startswith("{")
    assert run.out.endswith("}\n")


def test_every_attempt_to_cheat_is_refused_with_its_code(run: Run) -> None:
    attempts = run.document["attempts"]
    assert [each["code"] for each in attempts] == [1050, 906, 317, 307, 906, 523, 509, 507]
    assert all(each["refused"] for each in attempts)
    names = (
        "BAD_MANIFEST", "BAD_SIGNATURE", "NOT_COUNTERSIGNED", "CHANGED_AFTER_THE_VOTE",
        "BAD_SIGNATURE", "PROOF_NOT_VALID", "CUT_OFF_PASSED", "EXISTS_WITH_DIFFERENT_CONTENT",
    )  # fmt: skip
    assert [each["log"].partition(":")[0] for each in attempts] == list(names)


def test_what_is_not_disputed_is_the_truth_to_the_last_unit_in_both_years(run: Run) -> None:
    directions = run.document["directions"]
    assert Counter(each["period"] for each in directions) == {"2013-12": 12, "2014-01": 12}
    agreed = [each for each in directions if not each["differs"]]
    assert len(agreed) == 22  # one pair's fault lies in January's records; the other's was corrected
    assert [each["error"] for each in agreed] == [0] * 22
    assert all(each["settled"] == each["true"] > 0 and each["disputed"] == 0 for each in agreed)


def test_december_keeps_the_first_version_and_january_gets_the_one_that_was_ordered(run: Run) -> None:
    rated, order = run.document["rated"], run.document["order"]
    assert [(each["period"], each["rating"]) for each in rated] == [
        ("2013-12", order["old"]),
        ("2014-01", order["new"]),
    ]
    assert order["old"] == bundle_hash(shipped_bundle("domestic_interconnect", 1)).hex()
    assert run.err.index("is ACTIVE from height") < run.err.index("files of the old year come in")


@pytest.mark.parametrize(
    ("period", "line", "price"),
    [  # 10^-6 CNY a message: the rules before 2014, and MIIT order 2013 no. 506
        ("2013-12", "SMS", 30_000), ("2014-01", "SMS", 10_000), ("2013-12", "MMS", 100_000), ("2014-01", "MMS", 50_000),
    ],
)  # fmt: skip
def test_a_message_costs_what_the_law_of_its_day_says(run: Run, period: str, line: str, price: int) -> None:
    found = [each for each in run.document["lines"] if each["period"] == period and each["line"].startswith(line)]
    assert len(found) == 12
    both = [LineFigures(*each[party]) for each in found for party in ("first", "second")]
    assert sum(figures.units_billed for figures in both) > 0
    assert all(figures.amount == figures.units_billed * price for figures in both)


def test_a_regulators_order_runs_on_every_validator_from_its_height_under_load(run: Run) -> None:
    order = run.document["order"]
    assert order["ready"] == ["CMCC", "CUCC", "CTCC", "CBN"]
    assert order["active_from"] >= order["asked_for"] > 0
    assert order["switched"] is True
    assert len(order["hashes"]) == 4
    assert len(set(order["hashes"])) == 1
    assert min(order["before"], order["after"]) > 0  # transactions of the ten blocks on either side
    assert len(bytes.fromhex(order["document"])) == 32
    for code in order["ready"]:
        assert f"node of {code}: version 2 of rule 1: READY, in block" in run.err


def test_everybody_sees_before_the_order_what_it_changes_for_every_pair(run: Run) -> None:
    impact = run.document["order"]["impact"]
    pairs = {(each["first"], each["second"]): each for each in impact["pairs"]}
    assert len(pairs) == 6
    assert impact["legs"] > 10_000
    assert all(each["gross_new"] < each["gross_old"] for each in pairs.values())
    # The order lets China Unicom and China Telecom call China Mobile for two thirds of what it pays them.
    assert pairs["CMCC", "CUCC"]["first_gains"] < 0
    assert pairs["CMCC", "CTCC"]["first_gains"] < 0
    assert run.err.index("impact of v2 on the ") < run.err.index("MIIT orders it")


def test_the_sealed_faults_are_what_differed_and_were_known_by_their_hash_before(run: Run) -> None:
    document = run.document
    assert len(document["faults"]) == 2
    assert (document["closed"], document["periods"]) == (11, 12)
    assert run.err.index(document["seal"]) < run.err.index("sealed: ")
    [disputed] = {frozenset((e["sender"], e["receiver"])) for e in document["directions"] if e["differs"]}
    assert all(code in document["faults"][0] for code in disputed)


def test_every_node_ends_with_the_same_app_hash_the_killed_one_too(run: Run) -> None:
    hashes = run.document["app_hashes"]
    assert len(hashes) == 4
    assert len(set(hashes)) == 1
    assert len(hashes[0]) == 64
    assert "CTCC back after" in run.err


def test_nothing_of_it_is_left(run: Run) -> None:
    assert run.most_running >= PROCESSES  # what is looked for was there
    assert run.left_running == []
    assert run.left_in_folder == []
