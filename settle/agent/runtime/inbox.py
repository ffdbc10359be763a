"""The record inbox: files that are dropped there are taken into the vault, in order, each once.

INBOX/STREAM/FILE belongs to STREAM; so does INBOX/FILE where its control totals name one. Whoever delivers writes
under a name that ends in `.part` and renames the file when it is whole; its control totals, FILE.control.json, come
before it (`deliver` does both). What was taken moves to HOME/agent/taken, what cannot be taken to HOME/agent/refused
with the reason beside it; nothing is deleted.
"""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec

from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.control import SIDECAR_SUFFIX, load_sidecar, sidecar_path
from settle.agent.intake.durable import write_bytes
from settle.agent.intake.mapping import load_mapping
from settle.agent.intake.sort import Setting
from settle.agent.intake.stream import Receipt
from settle.agent.runtime.settings import AgentSettings
from settle.agent.vault import Vault, VaultError

DEFAULT_STREAM = "main"
"""The stream of a file that names none."""
_REASON_SUFFIX = ".refused.json"
_UNFINISHED_SUFFIX = ".part"


class RefusedFile(msgspec.Struct, frozen=True):
    """A file that could not be taken, and why."""

    file: str
    stream: str
    expected: str
    came: str
    next_step: str


class WaitingFile(NamedTuple):
    """A file whose predecessor in the stream has not come."""

    file: str
    stream: str
    sequence: int
    next_sequence: int


class Emptied(NamedTuple):
    """What one look into the inbox led to."""

    taken: tuple[Receipt, ...]
    refused: tuple[RefusedFile, ...]


class _Delivered(NamedTuple):
    """A file in the inbox. `sequence` is 0 where no control totals tell it."""

    stream: str
    sequence: int
    path: Path


def deliver(file: Path, inbox: Path) -> Path:
    """Copy a record file and its control totals into an inbox, or a stream's folder in it; where it lies then.

    An agent that looks at any moment sees nothing, or all of it.
    """
    inbox.mkdir(parents=True, exist_ok=True)
    target = inbox / file.name
    if sidecar_path(file).exists():
        shutil.copyfile(sidecar_path(file), sidecar_path(target))
    aside = target.with_name(target.name + _UNFINISHED_SUFFIX)
    shutil.copyfile(file, aside)
    return aside.replace(target)


class Inbox:
    """The inbox folder of an agent."""

    def __init__(self, agent_folder: Path, settings: AgentSettings) -> None:
        """Raises `BadInput` for a mapping file that cannot be used."""
        self._home = agent_folder
        self._folder = agent_folder / settings.inbox
        self._mappings = {each.stream: load_mapping(agent_folder / each.mapping) for each in settings.layout}
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in ("taken", "refused"):  # call records, for nobody else's eyes
            (agent_folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def is_empty(self) -> bool:
        """Whether there is nothing to look at; cheap."""
        return next(self._paths(), None) is None

    def take_all(self, vault: Vault, setting: Setting, now_ms: int) -> Emptied:
        """Take every file whose turn it is. `now_ms` (block time) dates suspense."""
        taken: list[Receipt] = []
        refused: list[RefusedFile] = []
        for path in self._paths():
            try:
                self._read_place(path)
            except BadInput as fault:
                refused.append(self._refuse(path, fault))
        for stream, sequence, path in self._delivered():
            try:
                kept = vault.stream(stream)
                if sequence > len(kept.receipts()) + 1:
                    continue  # its predecessor is on its way
                receipt = kept.take(path, setting, now_ms=now_ms, mapping=self._mappings.get(stream)).receipt
            except (BadInput, VaultError) as fault:
                refused.append(self._refuse(path, fault))
                continue
            vault.root_of(kept, receipt)
            taken.append(receipt)
            _move(path, _free_place(path, self._home / "taken" / stream))
        return Emptied(tuple(taken), tuple(refused))

    def waiting(self, vault: Vault) -> list[WaitingFile]:
        """Files that wait for their predecessors."""
        found = []
        for stream, sequence, path in self._delivered():
            following = len(vault.stream(stream).receipts()) + 1
            if sequence > following:
                found.append(WaitingFile(path.name, stream, sequence, following))
        return found

    def refused(self) -> list[RefusedFile]:
        """Files that were refused and still lie there."""
        reasons = sorted((self._home / "refused").rglob("*" + _REASON_SUFFIX))
        return [msgspec.json.decode(path.read_bytes(), type=RefusedFile) for path in reasons]

    def _delivered(self) -> list[_Delivered]:
        """The files whose place is known, in the order in which they are to be taken."""
        found = []
        for path in self._paths():
            try:
                found.append(self._read_place(path))
            except BadInput:
                continue  # `take_all` refuses it
        return sorted(found)

    def _paths(self) -> Iterator[Path]:
        """Record files; not their control totals, nor what is still being written."""
        for path in sorted(self._folder.rglob("*")):
            unfinished = path.name.startswith(".") or path.suffix == _UNFINISHED_SUFFIX
            if path.is_file() and not unfinished and not path.name.endswith(SIDECAR_SUFFIX):
                yield path

    def _read_place(self, path: Path) -> _Delivered:
        """The stream and sequence of a file. Raises `BadInput` for unreadable control totals."""
        within = path.relative_to(self._folder).parts[:-1]
        sidecar = load_sidecar(path)
        if sidecar is None:
            return _Delivered(within[0] if within else DEFAULT_STREAM, 0, path)
        return _Delivered(within[0] if within else sidecar.stream, sidecar.sequence, path)

    def _refuse(self, path: Path, fault: BadInput | VaultError) -> RefusedFile:
        within = path.relative_to(self._folder).parts[:-1]
        came = fault.came if isinstance(fault, BadInput) else fault.actual
        told = RefusedFile(path.name, within[0] if within else "", fault.expected, came, fault.next_step)
        target = _free_place(path, self._home / "refused")
        write_bytes(target.with_name(target.name + _REASON_SUFFIX), msgspec.json.encode(told))
        _move(path, target)
        return told


def _free_place(path: Path, folder: Path) -> Path:
    """Where a file can go without replacing another; the very same bytes may lie there already."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in count():
        place = folder / (path.name if number == 0 else f"{number}-{path.name}")
        if not place.exists() or filecmp.cmp(path, place, shallow=False):
            return place
    raise AssertionError("there is always a next number")


def _move(path: Path, target: Path) -> None:
    """The file leaves last: interrupted before, it is taken again, which changes nothing."""
    sidecar = sidecar_path(path)
    if sidecar.exists():
        sidecar_path(target).write_bytes(sidecar.read_bytes())
    path.replace(target)
    sidecar.unlink(missing_ok=True)
