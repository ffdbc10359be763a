"""The vault: what an operator must never lose, and what never leaves it.

`HOME/agent/vault/`, which nobody but its owner may enter, holds the root secret (`root.secret`, 32 bytes), the
record files as they were taken in (`streams/NAME/`, see intake.stream) with their roots, and the figures of every
revision that was declared. Salts and seeds are derived from the root secret when they are needed and are never
stored: with the root secret and the record files alone, every root and every opening comes out the same again.
Everything is on disk before anything of it is sent.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from abci_app.domain.periods.schema import ControlTotals, LineFigures, StreamReference, values_digest
from abci_app.kernel.commitments import SEED_SIZE, derive_seed
from settle.agent.intake.durable import write_bytes
from settle.agent.intake.stream import Receipt, Stream
from settle.agent.read_model import PeriodKey
from settle.agent.record_roots import Salts, anchored_totals, record_root
from settle.chain.errors import ChainError

Kept = TypeVar("Kept", bound=msgspec.Struct)

_OWNER_ONLY: Final = 0o600
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class FileRoot(NamedTuple):
    """A record file as the chain may see it: the root over its salted records, and its control totals."""

    stream: str
    sequence: int
    sha256: str
    root: bytes
    totals: ControlTotals


class RatedLines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The figures of one revision as declared. `rating` is the bundle that the declaration names.

    `left_out` counts the legs of the files that are in no line, by cause: nothing vanishes.
    """

    revision: int
    rating: bytes
    streams: tuple[StreamReference, ...]
    lines: tuple[LineFigures, ...]
    left_out: dict[str, int] = {}


class Placed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which anchor of a period a record file is: file `file` of our stream `stream` is anchor `sequence` of the
    chain's stream `number`. `revision` 1 is on time; from 2 on it is late, for that re-issue."""

    stream: str
    file: int
    number: int
    sequence: int
    revision: int


class _Period(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a period beside its figures. `wanted`: the revision that a person asked for; 0 for none."""

    placed: tuple[Placed, ...] = ()
    wanted: int = 0


class _RootFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    root: bytes
    totals: ControlTotals


class VaultError(ChainError):
    """The vault cannot be used as it is. Never holds a secret."""


class Vault:
    """One operator's vault. One process writes it at a time."""

    def __init__(self, folder: Path, operator_code: str) -> None:
        """Opens the vault in `folder`, or founds it with a new root secret. Raises `VaultError`."""
        self._folder = folder
        self._operator_code = operator_code
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _require_private(folder, "700")
        (folder / "streams").mkdir(exist_ok=True)
        self._root = _root_secret(folder)

    # record files

    def stream(self, name: str) -> Stream:
        """The stream of a name, new or old. Raises `VaultError` for a name that cannot be a folder's."""
        if not _NAME.fullmatch(name):
            raise VaultError(
                expected="a stream's name of 1 to 64 letters, digits, dots, dashes and underscores",
                actual=repr(name[:80]),
                next_step="correct the name in the control totals, or the inbox folder's",
            )
        return Stream(self._folder / "streams" / name, operator=self._operator_code, name=name)

    def streams(self) -> list[Stream]:
        """All streams, by name."""
        return [self.stream(path.name) for path in sorted((self._folder / "streams").iterdir()) if path.is_dir()]

    def files(self) -> Iterator[tuple[Stream, Receipt]]:
        """Every record file, by stream and sequence."""
        for stream in self.streams():
            for receipt in stream.receipts():
                yield stream, receipt

    def salts(self, receipt: Receipt) -> Salts:
        """The salts of a file's records."""
        content = bytes.fromhex(receipt.sha256)
        return Salts.derive(self._root, stream=receipt.stream.encode(), sequence=receipt.sequence, content=content)

    def root_of(self, stream: Stream, receipt: Receipt) -> FileRoot:
        """A file's root and totals; computed the first time, kept from then on."""
        path = self._folder / "streams" / receipt.stream / f"{receipt.sequence:06d}.root.json"
        kept = _read(path, _RootFile)
        if kept is None or kept.sha256 != receipt.sha256:
            records = stream.records(receipt).drop("row")
            kept = _RootFile(receipt.sha256, record_root(records, self.salts(receipt)), anchored_totals(records))
            write_bytes(path, msgspec.json.encode(kept))
        return FileRoot(receipt.stream, receipt.sequence, kept.sha256, kept.root, kept.totals)

    # figures

    def seed(self, chain: bytes, key: PeriodKey, revision: int, lines: tuple[LineFigures, ...]) -> bytes:
        """The seed of a declaration's blindings: of these figures and no others. `chain` is sha256 of the chain id."""
        return derive_seed(self._root, chain=chain, **key._asdict(), revision=revision, values=values_digest(lines))

    def keep_figures(self, key: PeriodKey, rated: RatedLines) -> RatedLines:
        """Keep the figures of a revision, before anything of them is sent."""
        path = self._figures_path(key, rated.revision)
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, msgspec.json.encode(rated))
        return rated

    def figures(self, key: PeriodKey, revision: int) -> RatedLines | None:
        """The figures of a revision; None where none were kept here."""
        return _read(self._figures_path(key, revision), RatedLines)

    # periods

    def placed(self, key: PeriodKey) -> tuple[Placed, ...]:
        """The places that files have been given in a period."""
        return self._period(key).placed

    def keep_placed(self, key: PeriodKey, placed: tuple[Placed, ...]) -> None:
        """Keep the places of files before any of them is anchored there."""
        self._keep_period(key, msgspec.structs.replace(self._period(key), placed=placed))

    def wanted_revision(self, key: PeriodKey) -> int:
        """The re-issue that a person has asked for; 0 for none."""
        return self._period(key).wanted

    def want_revision(self, key: PeriodKey, revision: int) -> None:
        """Keep a person's wish for a re-issue until it is carried out."""
        self._keep_period(key, msgspec.structs.replace(self._period(key), wanted=revision))

    def _period(self, key: PeriodKey) -> _Period:
        return _read(self._period_path(key), _Period) or _Period()

    def _keep_period(self, key: PeriodKey, kept: _Period) -> None:
        write_bytes(self._period_path(key), msgspec.json.encode(kept))

    def _period_path(self, key: PeriodKey) -> Path:
        folder = self._folder / "periods"
        folder.mkdir(exist_ok=True)
        return folder / f"{key.agreement:010d}-{key.pair:02d}-{key.ordinal:05d}.json"

    def _figures_path(self, key: PeriodKey, revision: int) -> Path:
        name = f"{key.agreement:010d}-{key.pair:02d}-{key.ordinal:05d}-r{revision}.json"
        return self._folder / "figures" / name


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise VaultError(
            expected=f"{kind.__name__.strip('_')} in {path}",
            actual=str(fault),
            next_step="move the file away: it is derived again from the record files",
        ) from fault


def _root_secret(folder: Path) -> bytes:
    """The 32 bytes of `root.secret`; drawn once, and never again where record files stand beside it."""
    path = folder / "root.secret"
    if not path.exists():
        if any((folder / "streams").iterdir()) or (folder / "figures").exists():
            raise VaultError(
                expected=f"the root secret that made what is in {folder}",
                actual="no root.secret",
                next_step="restore root.secret from its backup: a new one would open nothing that was declared",
            )
        _write_secret(path)
    _require_private(path, "600")
    secret = path.read_bytes()
    if len(secret) != SEED_SIZE:
        raise VaultError(
            expected=f"{SEED_SIZE} bytes in {path}",
            actual=f"{len(secret)} bytes",
            next_step="restore root.secret from its backup",
        )
    return secret


def _require_private(path: Path, mode: str) -> None:
    found = path.stat().st_mode & 0o777
    if found & 0o077:
        raise VaultError(
            expected=f"{path} with mode 0{mode}",
            actual=f"mode {found:04o}: others can read it",
            next_step=f"chmod {mode} {path}; tell your partners if anybody else had access",
        )


def _write_secret(path: Path) -> None:
    """In one step: a crash leaves no secret or the whole one."""
    aside = path.with_name("root.secret.part")
    aside.unlink(missing_ok=True)
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(SEED_SIZE))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
