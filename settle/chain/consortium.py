"""The members of a new network on one machine: their keys, and the genesis facts that admit them.

For local networks, demonstrations and tests. In a consortium nobody makes another's keys.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from abci_app.domain.members.schema import (
    VALIDATOR_POWER,
    KeyRegistered,
    Kind,
    OperatorAdmitted,
    UnitRegistered,
    ValidatorAppointed,
)
from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.parameters import DAY, FIRST_PARAMETERS, Parameters
from abci_app.kernel.roles import Role
from settle.chain.keys import Signer, generate, read_key

CNY = 156
KEY_ROLES: Mapping[str, Role] = {
    "admin-1": Role.ADMIN,
    "admin-2": Role.ADMIN,
    "maker": Role.MAKER,
    "agent": Role.MAKER,  # the agent's own maker key: a machine's, never a person's
    "checker": Role.CHECKER,
    "governance": Role.GOVERNANCE,
    "node": Role.NODE,
}
"""The key files of a new operator, by name. Two administrators, so that a key change needs both."""

SHORT_DELAYS: Parameters = replace(
    FIRST_PARAMETERS, voting=DAY, delay=10, rollback_delay=5, notice=20, grace=20, suspension=200
)
"""For trying out votes: what takes hours under `FIRST_PARAMETERS` takes a minute. A consortium wants time to think."""


class Member(NamedTuple):
    """An operator to be admitted."""

    number: int
    code: str
    name: str
    kind: Kind
    currency: int = CNY
    units: tuple[str, ...] = ("national",)


CHINA: tuple[Member, ...] = (
    Member(1, "CMCC", "China Mobile", Kind.MOBILE),
    Member(2, "CUCC", "China Unicom", Kind.MOBILE),
    Member(3, "CTCC", "China Telecom", Kind.MOBILE),
    Member(4, "CBN", "China Broadnet", Kind.MOBILE),
)
"""The four mobile operators of the reference rule's law; the demonstration's members."""


def key_folder(home: Path) -> Path:
    """Where an operator's key files live."""
    return home / "agent" / "keys"


def make_keys(home: Path, operator: int) -> dict[str, Signer]:
    """New keys for every role, written to the operator's home. Raises `KeyFileError` where there are some."""
    folder = key_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    keys = {name: generate(operator, role) for name, role in KEY_ROLES.items()}
    for name, signer in keys.items():
        signer.write(folder / f"{name}.json")
    return keys


def load_keys(home: Path) -> dict[str, Signer]:
    """The operator's keys by name. Raises `KeyFileError` for one that cannot be read."""
    return {path.stem: read_key(path) for path in sorted(key_folder(home).glob("*.json"))}


def genesis_facts(
    members: Sequence[Member], keys: Mapping[int, Iterable[Signer]], validators: Mapping[int, Sequence[bytes]]
) -> list[Value]:
    """The facts that admit the members: their units, keys (by operator number) and validators (Ed25519, 32 bytes)."""
    facts: list[Value] = []
    for member in members:
        number = member.number
        facts.append(OperatorAdmitted(number, member.code.encode(), member.name.encode(), member.kind, member.currency))
        facts.extend(UnitRegistered(number, unit, name.encode()) for unit, name in enumerate(member.units))
        facts.extend(KeyRegistered(number, signer.suite, signer.public, signer.role) for signer in keys[number])
        facts.extend(ValidatorAppointed(number, public, VALIDATOR_POWER) for public in validators.get(number, ()))
    return facts


def app_state(facts: Iterable[Value]) -> dict[str, object]:
    """The `app_state` of genesis.json (PROTOCOL 10)."""
    return {"format": 1, "facts": [base64.b64encode(encode(fact)).decode() for fact in facts]}
