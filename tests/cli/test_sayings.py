"""Facts told in sentences."""

from __future__ import annotations

from functools import cache
from typing import get_args

import pytest

from abci_app.application.router import read_fact
from abci_app.domain.governance import schema as governance
from abci_app.domain.governance.schema import ProposalFailed, ProposalMade
from abci_app.domain.members import schema as members
from abci_app.domain.members.schema import Code, ValidatorSuspended
from abci_app.domain.rulebook import schema as rulebook
from abci_app.domain.rulebook.schema import ActivationSet, ReadinessSigned
from abci_app.kernel.encoding import Value
from abci_app.kernel.facts import read_record
from settle.cli.facts import content
from settle.cli.sayings import Teller
from tests.determinism.governing import OTHER_RULE
from tests.determinism.make import settled

CODES = {1: "CMCC", 2: "CUCC", 3: "CTCC", 4: "CBN"}
TELLER = Teller(CODES, 156)
DOCUMENTS = {members.KeysProposed, members.KeyChangeSigned, members.KeyChangeClosed}


@cache
def facts() -> dict[type[Value], Value]:
    """The last fact of each kind that a settled quarter and a consortium's votes bring about."""
    found = [read_fact(read_record(raw).body) for raw in settled().network.store.records]
    return {type(fact): fact for fact in found}


@pytest.mark.parametrize(
    "kind",
    [kind for module in (members, governance, rulebook) for kind in get_args(module.Fact) if kind not in DOCUMENTS],
)
def test_what_members_decide_is_told_in_a_sentence(kind: type[Value]) -> None:
    told = TELLER.say(facts()[kind])
    assert told
    assert told != content(facts()[kind])


def test_sentences_name_operators_rules_and_reasons() -> None:
    told = {kind: TELLER.say(fact) for kind, fact in facts().items()}
    assert told[ReadinessSigned] == f"rule {OTHER_RULE} version 1: node of CBN is READY"
    assert "runs from height" in told[ActivationSet]
    assert "of CTCC signed two different things at height 7" in told[ValidatorSuspended]
    assert told[ProposalFailed].endswith(f"code {int(Code.VALIDATORS_CHANGED_LATELY)}")
    assert told[ProposalMade].startswith("proposal CMCC/")
    assert ", past usage too" in told[ProposalMade]
