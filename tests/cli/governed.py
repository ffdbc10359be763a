"""A node whose chain has the shipped rules, validators whose keys tests have, and short delays."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.governance.schema import ParametersSet
from abci_app.domain.members.schema import ValidatorAppointed
from settle.cli import session
from settle.rules.shipped import rulebook_facts
from tests.cli.node_in_memory import MemoryNode
from tests.support.chains import CODES, Network, genesis_facts
from tests.support.governing import FAST, validator


def governed_node(monkeypatch: pytest.MonkeyPatch) -> MemoryNode:
    """The node that every command of the test meets."""
    first = [fact for fact in genesis_facts() if not isinstance(fact, ValidatorAppointed)]
    validators = [ValidatorAppointed(number, validator(number).public, 10) for number in CODES]
    network = Network([*first, *validators, *rulebook_facts(), ParametersSet(replace(FAST, grace=8))])
    made = MemoryNode(network)
    monkeypatch.setattr(session, "open_node", made.client)
    return made
