"""A node's validator key, as CometBFT keeps it, for the one thing that it signs outside of consensus."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

import msgspec

from abci_app.domain.members.schema import AppointValidator, possession
from abci_app.kernel import ed25519
from settle.chain.errors import KeyFileError


class _Private(msgspec.Struct, frozen=True):
    value: str


class _KeyFile(msgspec.Struct, frozen=True):
    priv_key: _Private


def prove_possession(path: Path, chain: bytes, operator: int) -> AppointValidator:
    """The appointment that a vote may carry: the key in `priv_validator_key.json` signs that it is this operator's.

    `chain` is sha256 of the chain id. Raises `KeyFileError`: missing, or not CometBFT's form of an Ed25519 key.
    """
    try:
        pair = base64.b64decode(msgspec.json.decode(path.read_bytes(), type=_KeyFile).priv_key.value, validate=True)
    except OSError as fault:
        raise _unreadable(path, fault.strerror or str(fault)) from fault
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error):
        raise _unreadable(path, "another form") from None  # a cause could show the secret
    seed, public = pair[:32], pair[32:]
    if len(pair) != 64 or ed25519.public_of(seed) != public:
        raise _unreadable(path, "a key that is not its own public key's")
    return AppointValidator(operator, public, ed25519.sign(seed, possession(chain, operator, public)))


def _unreadable(path: Path, actual: str) -> KeyFileError:
    return KeyFileError(
        expected=f"CometBFT's file of an Ed25519 validator key at {path}",
        actual=actual,
        next_step="name the home of the node that is to validate with --home",
    )
