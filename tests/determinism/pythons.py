"""The Python minors at hand, each with an environment of its own under .cache/pythons."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINORS = ("3.11", "3.12", "3.13")
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
PATIENCE = 60.0
"""Seconds for an environment that nobody asked for; SETTLE_ALL_PYTHONS=1 asks for all of them and waits longer."""


class NotAtHand(Exception):
    """There is no such Python here, or no environment for it could be made in time. Says why."""


def all_asked_for() -> bool:
    """Whether every minor must be tried, and none may be skipped."""
    return os.environ.get("SETTLE_ALL_PYTHONS") == "1"


def interpreter(minor: str) -> Path:
    """A Python of this minor that has the pinned packages of the state machine. Raises `NotAtHand`."""
    if minor == CURRENT:
        return Path(sys.executable)
    requirements = ROOT / "requirements" / "base.txt"
    folder = ROOT / ".cache" / "pythons" / minor
    python, done = folder / "bin" / "python", folder / "requirements.txt"
    if done.exists() and done.read_bytes() == requirements.read_bytes() and _runs(python, minor):
        return python
    shutil.rmtree(folder, ignore_errors=True)
    patience = 600.0 if all_asked_for() else PATIENCE
    venv: list[str | Path] = [_found(minor), "-m", "venv", folder]
    _run(venv, patience)
    install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, "--only-binary", ":all:", "--require-hashes", "-r", requirements], patience)
    shutil.copyfile(requirements, done)
    return python


def _found(minor: str) -> Path:
    """On PATH or among pyenv's versions."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [Path(place) for place in [shutil.which(f"python{minor}")] if place]
    places += sorted(pyenv.glob(f"{minor}.*/bin/python{minor}"), reverse=True)
    for place in places:
        if _runs(place, minor):
            return place
    raise NotAtHand(f"no python{minor} on PATH or under {pyenv}")


def _runs(python: Path, minor: str) -> bool:
    """Whether it starts and is of this minor: pyenv's stand-ins exist for versions that are not switched on."""
    try:
        said = subprocess.run([python, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    return said.startswith(f"Python {minor}.")


def _run(command: list[str | Path], patience: float) -> None:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired as fault:
        raise NotAtHand(f"{' '.join(map(str, command[:4]))} took more than {patience:.0f} s") from fault
    if ended.returncode:
        raise NotAtHand(f"{' '.join(map(str, command[:4]))} failed: {ended.stderr.strip()[-300:]}")
