"""One short round of every benchmark, without thresholds, so that none of them rots."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, DOCUMENT

ROOT = Path(__file__).parents[1]


def run(*names: str) -> str:
    command = [sys.executable, "-m", "benchmarks", "--quick", *names]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.mark.network
def test_the_chain_is_measured_beside_the_kvstore_on_one_and_four_validators() -> None:
    said = run("chain")
    assert said.count("| this chain |") == 2
    assert said.count("| Go kvstore, in process |") == 2
    assert "not accepted" not in said


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "chain" and not BENCHMARKS[name].peer])
def test_every_other_benchmark_gives_a_figure(name: str) -> None:
    said = run(name)
    assert any(digit in said for digit in "123456789")


def test_a_peer_that_cannot_be_installed_is_told_and_fails_nothing(tmp_path: Path) -> None:
    unreachable = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "empty"), "UV_NO_CONFIG": "1"}
    command = [sys.executable, "-m", "benchmarks.xian", "--folder", str(tmp_path / "xian")]
    answer = subprocess.run(
        command, cwd=ROOT, env=os.environ | unreachable, capture_output=True, text=True, check=False
    )
    assert answer.returncode == os.EX_UNAVAILABLE, answer.stderr
    assert [line.split()[0] for line in answer.stderr.splitlines()] == ["expected", "came:", "next:"]
    assert not (tmp_path / "xian" / "xian.txt").exists()


def test_the_peer_under_another_licence_is_no_dependency_of_ours() -> None:
    files = [ROOT / "pyproject.toml", *sorted((ROOT / "requirements").iterdir()), ROOT / "Dockerfile"]
    assert not [file.name for file in files if "xian" in file.read_text(encoding="utf-8")]


def test_every_benchmark_has_its_place_in_the_document() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in BENCHMARKS:
        assert text.index(f"<!-- begin {name} -->") < text.index(f"<!-- end {name} -->")
