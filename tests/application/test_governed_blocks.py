"""What votes and evidence do to blocks, genesis and costs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.application.costs import COSTS, cost_of
from abci_app.application.genesis import GenesisFault
from abci_app.application.interface import Misbehaviour
from abci_app.domain.governance.schema import ParametersSet, SetParameters, ThresholdsSet
from abci_app.domain.members.schema import NodeRegistered, ValidatorSuspended
from abci_app.domain.rulebook.schema import PublishBundle, ScheduleVersion
from abci_app.kernel.costs import BUNDLE_CHECK, MOST_PER_TRANSACTION
from abci_app.kernel.encoding import Value
from abci_app.kernel.facts import read_record
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import FIRST_THRESHOLDS, Share, Track
from abci_app.rules.bundle import read_bundle, write_bundle
from tests.support.chains import Network
from tests.support.governing import FAST, SECOND, Council, address_of, governor, members


def test_a_block_gives_the_same_hash_with_its_evidence_however_a_node_learns_of_it() -> None:
    proposer = Council()
    late = Network(proposer.facts)
    evidence = (Misbehaviour(address_of(2), 3),)
    proposer.block([(governor(1), [PublishBundle(SECOND)])], evidence=evidence)
    late.decide(proposer.blocks[0])
    assert late.app_hash == proposer.network.app_hash


def test_a_candidate_without_the_evidence_is_not_used_for_the_block_with_it() -> None:
    council, plain = Council(), Council()
    evidence = (Misbehaviour(address_of(2), 3),)
    bare = council.network.propose()
    council.network.chain.prepare(bare._replace(hash=b""), 1 << 20)
    assert council.network.chain.process(bare)
    decided = bare._replace(misbehaviour=evidence)
    plain.network.decide(decided)
    assert council.network.chain.process(decided)
    assert council.network.decide(decided).app_hash == plain.network.app_hash


def test_facts_that_no_transaction_brought_have_operator_0_and_come_first() -> None:
    council = Council()
    evidence = (Misbehaviour(address_of(2), 3),)
    size = len(council.network.store.records)
    council.block([(governor(1), [PublishBundle(SECOND)])], evidence=evidence)
    first = read_record(council.network.store.records[size])
    assert (first.kind, first.operator, first.role) == ("members.validator_suspended", 0, Role.NODE)
    assert first.kind == ValidatorSuspended.__struct_config__.tag
    assert council.results[-1].outcomes[0].data, "the transaction's own facts have their own root"


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (ParametersSet(replace(FAST, agreement_slots=(1, 1))), "each slot once"),
        (ThresholdsSet(replace(FIRST_THRESHOLDS, consortium=Share(1, 3))), "1/2 <= consortium"),
        (NodeRegistered(99, bytes(20)), "an admitted operator"),
    ],
)
def test_genesis_sets_nothing_that_a_vote_could_not(fact: Value, expected: str) -> None:
    with pytest.raises(GenesisFault, match=expected):
        Network([*members(), fact])


def test_genesis_may_set_parameters_thresholds_and_nodes() -> None:
    network = Network([*members(), ParametersSet(FAST), ThresholdsSet(FIRST_THRESHOLDS), NodeRegistered(1, bytes(20))])
    network.block()


def test_a_proposal_pays_for_what_it_carries_twice_over() -> None:
    council = Council()
    light = council.proposal(1, Track.CONSORTIUM, SetParameters(FAST))
    heavy = council.proposal(1, Track.CONSORTIUM, *[SetParameters(FAST)] * 8)
    one = COSTS[SetParameters](SetParameters(FAST))
    assert COSTS[type(heavy)](heavy) - COSTS[type(light)](light) == 7 * 2 * one
    assert cost_of([heavy], 1000) < MOST_PER_TRANSACTION


def test_a_bundle_pays_for_its_check_and_for_every_vector() -> None:
    bundle = read_bundle(SECOND)
    cost = COSTS[PublishBundle]
    more = write_bundle(replace(bundle, vectors=bundle.vectors * 2))
    assert cost(PublishBundle(SECOND)) > BUNDLE_CHECK
    assert cost(PublishBundle(more)) >= cost(PublishBundle(SECOND)) + 100 * len(bundle.vectors)
    endless = write_bundle(replace(bundle, vectors=bundle.vectors * (4000 // len(bundle.vectors))))
    assert cost(PublishBundle(endless)) > MOST_PER_TRANSACTION, "a bomb of vectors does not fit a transaction"


def test_a_dry_run_shows_what_a_decisive_vote_would_do() -> None:
    """`/simulate` answers with the facts of the vote and of all that it carries."""
    council = Council()
    bundle = council.publish(SECOND)
    _, document, _ = council.propose(1, Track.CONSORTIUM, ScheduleVersion(bundle, council.height + 20, True))
    council.vote(document, 1)
    council.vote(document, 2)
    before = council.rows()
    raw = council.signed(governor(3), [council.ballot_paper(document)])
    answer = council.network.ask("/simulate", raw)
    assert b"rulebook.version_scheduled" in answer
    assert council.rows() == before
