"""Who takes part in a load run: four operators with keys from a seed, their units, and the rulebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from abci_app.domain.rulebook.schema import BundleStored, RulePublished, RuleVersionActivated
from abci_app.kernel.encoding import Value
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import LoadedRule, bundle_hash, load_bundle
from abci_app.rules.interface import Slot
from settle.chain import consortium
from settle.chain.keys import Signer
from settle.rules.build import shipped_bundle

UNITS = 31
"""Of each operator: one a province. Settlement is per province, of the same one on both sides."""
AGENTS = 16
"""Maker keys of each operator's machines. A key's numbers may run 1024 ahead of the chain, so many keys let many
transactions wait at once.
"""
RATING, TOLERANCE, SET_OFF = 1, 2, 3
"""Numbers of the rules."""
_RULES = (
    (RATING, Slot.RATING, "domestic_interconnect", (1, 2)),
    (TOLERANCE, Slot.TOLERANCE, "tolerance_percent", (1,)),
    (SET_OFF, Slot.SET_OFF, "set_off", (1,)),
)
_ROLES: Mapping[str, Role] = {
    **consortium.KEY_ROLES,
    "checker-2": Role.CHECKER,
    **{f"agent-{number}": Role.MAKER for number in range(1, AGENTS + 1)},
}


class Consortium(NamedTuple):
    """The operators of a load run. `keys` is by operator number and name; the same seed gives the same keys."""

    chain_id: str
    genesis_time: int  # UTC seconds
    seed: int
    keys: Mapping[int, Mapping[str, Signer]]

    @property
    def chain(self) -> bytes:
        """The hash of the chain id, as it is signed."""
        return chain_hash(self.chain_id.encode())

    def genesis_facts(self, validators: Mapping[int, Sequence[bytes]]) -> list[Value]:
        """Members, units, keys, the validators of each operator number (Ed25519, 32 bytes) and the shipped rules."""
        units = tuple(f"province {number}" for number in range(1, UNITS + 1))
        members = [member._replace(units=units) for member in consortium.CHINA]
        signers = {number: keys.values() for number, keys in self.keys.items()}
        return [*consortium.genesis_facts(members, signers, validators), *_rulebook_facts()]


def found(chain_id: str, genesis_time: int, seed: int) -> Consortium:
    """The consortium of a seed."""
    keys = {
        member.number: {name: _signer(seed, member.number, name, role) for name, role in _ROLES.items()}
        for member in consortium.CHINA
    }
    return Consortium(chain_id, genesis_time, seed, keys)


def stranger(seed: int, which: int) -> Signer:
    """A key that no operator has registered; a different one for each `which`."""
    return _signer(seed, 1, f"stranger-{which}", Role.MAKER)


@cache
def rule(number: int) -> LoadedRule:
    """The newest version of a rule, ready to run."""
    return load_bundle(_bundles(number)[-1])


def _signer(seed: int, operator: int, name: str, role: Role) -> Signer:
    return Signer(sha256(f"settlement load {seed} {operator} {name}".encode()).digest(), operator, role)


@cache
def _bundles(number: int) -> tuple[bytes, ...]:
    (shipped,) = [(name, versions) for rule, _, name, versions in _RULES if rule == number]
    return tuple(shipped_bundle(shipped[0], version) for version in shipped[1])


def _rulebook_facts() -> list[Value]:
    facts: list[Value] = []
    for number, slot, name, _ in _RULES:
        facts.append(RulePublished(number, name.encode(), slot))
        for version, raw in enumerate(_bundles(number), 1):
            manifest, bundle = load_bundle(raw).manifest, bundle_hash(raw)
            facts.append(BundleStored(bundle, raw))
            usage = manifest.effective_from, manifest.effective_to
            facts.append(RuleVersionActivated(number, version, bundle, *usage, active_from=0))
    return facts
