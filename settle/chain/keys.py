"""Key files: one key, its operator and its role, readable by their owner only. Secrets never leave this module."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from coincurve import PrivateKey
from coincurve.ecdsa import der_to_cdata, serialize_compact

from abci_app.domain.members.schema import KeyGrant, ProposeKeys, possession_hash
from abci_app.kernel.roles import Role
from abci_app.kernel.signatures import ECDSA_SECP256K1
from settle.chain.errors import KeyFileError

_OWNER_ONLY = 0o600


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    suite: int
    role: str
    operator: int
    public: str
    secret: str


class Signer:
    """A key in memory: signs for one operator in one role. Printing it shows no secret."""

    __slots__ = ("_private", "operator", "public", "role", "suite")

    def __init__(self, secret: bytes, operator: int, role: Role) -> None:
        """`secret` is 32 bytes, a number in 1..order-1; else ValueError."""
        self._private = PrivateKey(secret)
        self.suite = ECDSA_SECP256K1
        self.operator = operator
        self.role = role
        self.public: bytes = self._private.public_key.format()

    def __repr__(self) -> str:
        return f"Signer({self.role.name.lower()} of operator {self.operator}, public {self.public.hex()})"

    def sign(self, digest: bytes) -> bytes:
        """64 bytes, r then low s, over a 32-byte digest; deterministic (RFC 6979)."""
        signature: bytes = serialize_compact(der_to_cdata(self._private.sign(digest, hasher=None)))
        return signature

    @property
    def grant(self) -> KeyGrant:
        """The key with its role, as a key change registers it."""
        return KeyGrant(self.suite, self.public, self.role)

    def possession(self, chain: bytes) -> bytes:
        """The proof, 64 bytes, that the operator has this key: `ProposeKeys.proofs`. `chain` is sha256 of the id."""
        return self.sign(possession_hash(chain, self.operator, self.role, self.public))

    def write(self, path: Path) -> None:
        """Keep the key in a new file with mode 0600, durably. Raises `KeyFileError` where there is one already."""
        form = _KeyFile(
            self.suite, self.role.name.lower(), self.operator, self.public.hex(), self._private.secret.hex()
        )
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        except FileExistsError as fault:
            raise KeyFileError(
                expected=f"no file at {path}",
                actual="a key file, which is never overwritten",
                next_step="choose another name, or rotate the key with `settle keys`",
            ) from fault
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(form)) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def generate(operator: int, role: Role) -> Signer:
    """A new key from the system's randomness."""
    return Signer(PrivateKey().secret, operator, role)


def propose_keys(chain: bytes, serial: int, register: Sequence[Signer], revoke: Sequence[bytes] = ()) -> ProposeKeys:
    """The proposal to register these keys, with their proofs, and to revoke others. `chain` is sha256 of the id."""
    grants = tuple(key.grant for key in register)
    return ProposeKeys(serial, grants, tuple(revoke), tuple(key.possession(chain) for key in register))


def read_key(path: Path) -> Signer:
    """The key in a file. Raises `KeyFileError`: missing, readable by others, malformed, public key not its own."""
    form = _parse(path, _read_private(path))
    if form.suite != ECDSA_SECP256K1:
        raise _broken(path, f"suite {ECDSA_SECP256K1} (secp256k1)", f"suite {form.suite}")
    names = {role.name.lower(): role for role in Role}
    if form.role not in names:
        raise _broken(path, f"a role among {', '.join(names)}", form.role)
    if not 1 <= form.operator < 2**32:
        raise _broken(path, "an operator's registry number, 1..2^32-1", str(form.operator))
    try:
        signer = Signer(bytes.fromhex(form.secret), form.operator, names[form.role])
    except ValueError as fault:
        raise _broken(path, "a secret of 64 hex digits below the curve's order", "another text") from fault
    if signer.public.hex() != form.public.lower():
        raise _broken(path, f"public {signer.public.hex()}, which belongs to the secret", form.public)
    return signer


def _read_private(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as fault:
        raise KeyFileError(
            expected=f"a key file at {path}",
            actual=fault.strerror or str(fault),
            next_step="make one with `settle keys new`, or name the right file",
        ) from fault
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777  # of the file that is open: no race with a rename
        if mode & 0o077:
            raise KeyFileError(
                expected=f"{path} with mode 0600",
                actual=f"mode {mode:04o}: others can read or write the secret",
                next_step=f"chmod 600 {path}; replace the key if anybody else had access",
            )
        return file.read()


def _parse(path: Path, raw: bytes) -> _KeyFile:
    try:
        return msgspec.json.decode(raw, type=_KeyFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        # the decoder's message names a field and a type, never a value; the cause would show up in traces
        raise _broken(path, "JSON {suite, role, operator, public, secret}", str(fault)) from None


def _broken(path: Path, expected: str, actual: str) -> KeyFileError:
    return KeyFileError(
        expected=f"{expected} in {path}",
        actual=actual,
        next_step="restore the file from its backup; do not edit key files by hand",
    )
