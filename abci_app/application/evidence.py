"""What consensus itself does to validators: it takes power from who was caught, and tells CometBFT of every change."""

from __future__ import annotations

from hashlib import sha256

from abci_app.application.interface import Misbehaviour, ValidatorPower
from abci_app.domain.members.queries import validator_powers
from abci_app.domain.members.schema import ValidatorSuspended
from abci_app.domain.members.tables import VALIDATORS
from abci_app.state.overlay import Reader


def suspensions(state: Reader, evidence: tuple[Misbehaviour, ...]) -> tuple[ValidatorSuspended, ...]:
    """Equivocation and attacks on light clients cost the validator its power, by rule and without a vote.

    CometBFT has verified the evidence: it is part of the block. The last validator keeps its power: a chain
    cannot go on without any.
    """
    by_address = {_address(key.public): (key.public, row.operator) for key, row in VALIDATORS.rows(state) if row.power}
    found: list[ValidatorSuspended] = []
    for fault in evidence:
        if fault.address in by_address and len(by_address) > 1:
            public, operator = by_address.pop(fault.address)
            found.append(ValidatorSuspended(operator, public, fault.height))
    return tuple(found)


def validator_updates(before: Reader, after: Reader) -> tuple[ValidatorPower, ...]:
    """What a block has changed about validators, by key; power 0 takes one out. CometBFT acts on it two heights on."""
    old, new = dict(validator_powers(before)), dict(validator_powers(after))
    changed = sorted(key for key in old | new if old.get(key, 0) != new.get(key, 0))
    return tuple(ValidatorPower(key, new.get(key, 0)) for key in changed)


def _address(public: bytes) -> bytes:
    """CometBFT's address of a validator: the first 20 bytes of sha256 of its Ed25519 key."""
    return sha256(public).digest()[:20]
