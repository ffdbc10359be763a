"""The demonstration itself, once, as somebody would run it: four validators, hidden faults, attempts to cheat."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

pytestmark = [pytest.mark.network, pytest.mark.timeout(200)]

PACE = 1.5  # of the deadlines: ends in 140 s, and leaves a busy machine of two cores half as long again for each act
WITHIN = 185.0  # seconds
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
    assert [each["code"] for each in attempts] == [906, 523, 509, 507]
    assert all(each["refused"] for each in attempts)
    names = ("BAD_SIGNATURE", "PROOF_NOT_VALID", "CUT_OFF_PASSED", "EXISTS_WITH_DIFFERENT_CONTENT")
    assert [each["log"].partition(":")[0] for each in attempts] == list(names)


def test_what_is_not_disputed_is_the_truth_to_the_last_unit(run: Run) -> None:
    directions = run.document["directions"]
    assert len(directions) == 12
    agreed = [each for each in directions if not each["differs"]]
    assert len(agreed) == 10  # one pair's fault lies in records; the other's was corrected
    assert [each["error"] for each in agreed] == [0] * 10
    assert all(each["settled"] == each["true"] > 0 and each["disputed"] == 0 for each in agreed)


def test_the_sealed_faults_are_what_differed_and_were_known_by_their_hash_before(run: Run) -> None:
    document = run.document
    assert len(document["faults"]) == 2
    assert (document["closed"], document["periods"]) == (5, 6)
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
