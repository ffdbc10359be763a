"""What consensus itself does to validators: it takes power from who was caught, and tells CometBFT of every change."""

from __future__ import annotations

from hashlib import sha256

from abci_app.application.interface import Misbehaviour, ValidatorPower
from abci_app.domain.members.queries import is_needed, validator_powers
from abci_app.domain.members.schema import ValidatorSuspended
from abci_app.domain.members.tables import VALIDATORS, ValidatorKey
from abci_app.state.overlay import Reader


def suspensions(state: Reader, evidence: tuple[Misbehaviour, ...]) -> tuple[ValidatorSuspended, ...]:
    """Equivocation and attacks on light clients cost the validator its power, by rule and without a vote.

    CometBFT has verified the evidence: it is part of the block. The last validator keeps its power, of all and
    of the members: a chain cannot go on without any, nor a vote.
    """
    by_address = {_address(public): public for public, _ in validator_powers(state)}
    found: list[ValidatorSuspended] = []
    for fault in evidence:
        public = by_address.get(fault.address)
        if public is None or is_needed(state, public, by_address.values()):
            continue
        del by_address[fault.address]
        operator = VALIDATORS.require(state, ValidatorKey(public)).operator
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
