"""A rule change as the members live it, and what Hyperledger Fabric's lifecycle lets happen and this chain does not.

The three Fabric findings were measured on v3.1.5 with a rule change of chaincode: peers switch one by one, a member
whose code differs is accepted under an approved definition, and transactions in flight are refused.
"""

from __future__ import annotations

import pytest

from abci_app.application.chain import Chain
from abci_app.application.interface import Block
from abci_app.domain.periods.queries import period
from abci_app.domain.periods.schema import FiguresDeclared, PeriodState
from abci_app.domain.rulebook.queries import version_for
from abci_app.domain.rulebook.schema import (
    NEVER,
    ActivationSet,
    BundleStored,
    PublishBundle,
    RuleSuspended,
    ScheduleVersion,
    VersionInForce,
    VersionScheduled,
    VersionState,
)
from abci_app.domain.rulebook.schema import Code as RulebookCode
from abci_app.domain.rulebook.tables import BUNDLES, BundleKey
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import encode
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from abci_app.rules.bundle import bundle_hash, read_bundle
from abci_app.state.forest import Forest
from settle.chain.keys import propose_keys
from tests.support.books import FLAT, MAKERS
from tests.support.books import bundle as shipped
from tests.support.chains import CHAIN, CMCC, CUCC, GENESIS_TIME, InlineSignatures, Network, signer
from tests.support.filings import FLAT_RATING, JANUARY, advance, agreed_book, day, file, minutes
from tests.support.governing import FAST, FIRST, RULE, SECOND, Council, edited, governor, readiness_of

V1, V2 = VersionInForce(1, bundle_hash(FIRST)), VersionInForce(2, bundle_hash(SECOND))


def changed() -> tuple[Council, int]:
    """A consortium that has switched its rule, and the height of the switch."""
    council = Council()
    height = council.schedule(SECOND, ahead=15)
    for operator in (1, 2, 3, 4):
        council.ready(SECOND, operator)
    council.empty(height + 3 - council.height)
    return council, height


def follow(network: Network, block: Block, way: str) -> None:
    """A node takes a block in, proposed to it or only decided."""
    if way == "process":
        assert network.chain.process(block)
    network.decide(block)


# Fabric: peers on different versions at one height


def test_no_two_nodes_run_different_versions_at_one_height() -> None:
    council, switch = changed()
    nodes = {way: Network(council.facts) for way in ("process", "decide")}
    for block in council.blocks:
        seen = set()
        for way, node in nodes.items():
            follow(node, block, way)
            seen.add((node.app_hash, version_for(node.store, RULE, GENESIS_TIME, block.height)))
        assert len(seen) == 1, f"height {block.height}"
        assert {version for _, version in seen} == {V1 if block.height < switch else V2}


def test_a_node_restarted_before_the_switch_and_one_that_replays_from_genesis_have_the_same_rulebook() -> None:
    council, switch = changed()
    node = Network(council.facts)
    for block in council.blocks:
        if block.height == switch - 1:
            forest = Forest.load(sorted(node.store.rows.items()), node.chain._forest.log)
            node.chain = Chain(node.store, InlineSignatures(), forest)  # nothing but what the store holds
        node.decide(block)
    assert node.app_hash == council.network.app_hash
    assert council.rows() == council.refolded()


def test_a_node_that_is_not_ready_does_not_run_the_old_version_either() -> None:
    """In Fabric its queries fail until it installs the code; here the bytes are on chain and the height decides."""
    council = Council()
    height = council.schedule(SECOND)
    for operator in (1, 2, 3):
        council.ready(SECOND, operator)
    laggard = Network(council.facts)
    for block in council.blocks:
        laggard.decide(block)
    at = height + FAST.grace
    assert version_for(laggard.store, RULE, GENESIS_TIME, at) == V2
    rules = laggard.chain._rules.bound(laggard.store)
    assert rules(V2.bundle, "price_line") is not None, "compiled from the chain, nothing to install"


# Fabric: a member answers with other code under an approved definition


def test_other_bytes_under_an_approved_name_are_another_bundle_that_nobody_approved() -> None:
    council = Council()
    council.publish(SECOND)
    _, document, _ = council.propose(1, Track.CONSORTIUM, ScheduleVersion(V2.bundle, council.height + 20, True))
    for operator in (1, 2):
        council.vote(document, operator)
    own_code = edited(change_note=b"my own price")
    assert read_bundle(own_code).manifest.name == read_bundle(SECOND).manifest.name
    assert council.send(governor(3), PublishBundle(own_code))[0] == 0, "anyone may publish"
    council.vote(document, 3)
    (scheduled,) = [fact for fact in council.facts_since(0) if isinstance(fact, VersionScheduled)]
    assert scheduled.bundle == V2.bundle
    wish = Approve(DocumentKind.READINESS, readiness_of(read_bundle(own_code), own_code), Role.NODE, Verdict.APPROVE)
    code = council.send(signer(3, Role.NODE), wish)[0]
    assert code == RulebookCode.DOCUMENT_NOT_FOUND, "nor can a node be ready for other bytes"


def test_other_bytes_in_a_store_are_not_those_of_its_marker() -> None:
    """The app hash that its rows give is not the one that it committed."""
    council, _ = changed()
    store = council.network.store
    marker = store.marker()
    assert marker is not None

    def loaded() -> bytes:
        return Forest.load(sorted(store.rows.items()), council.network.chain._forest.log).app_hash()

    assert loaded() == marker.app_hash
    store.rows[BUNDLES.at(BundleKey(V2.bundle))] = encode([edited(change_note=b"my own price")])
    assert loaded() != marker.app_hash


def test_a_node_with_other_bytes_in_its_state_parts_from_the_chain_at_the_next_block() -> None:
    """Whatever the block does, the app hash after it differs."""
    council, _ = changed()
    tampered = Network(council.facts)
    for block in council.blocks:
        tampered.decide(block)
    tampered.store.rows[BUNDLES.at(BundleKey(V2.bundle))] = encode([edited(change_note=b"my own price")])
    tampered.chain._forest = Forest.load(sorted(tampered.store.rows.items()), tampered.chain._forest.log)
    council.empty()
    tampered.decide(council.blocks[-1])
    assert tampered.app_hash != council.network.app_hash


# Fabric: work in flight is refused because of a switch


@pytest.mark.parametrize("made", ["before the switch", "after it"])
def test_a_period_that_was_cut_off_before_the_switch_is_declared_and_judged_by_its_version(made: str) -> None:
    """In Fabric an endorsement by the old code fails validation under the new definition (2 to 6 of 180 in flight).
    Here a period's rules are pinned at cut-off, so what was made under them is valid whenever it arrives."""
    book, moments, lines = agreed_book(), day(), minutes(1000, 900)
    book.send(MAKERS[CMCC], advance(), moments.cut_off)
    assert period(book.state, JANUARY).rating == FLAT_RATING
    early = {operator: file(book, operator, lines) for operator in (CMCC, CUCC)}
    follower = edited(shipped(FLAT), change_note=b"from now on")
    usage = read_bundle(follower).manifest
    switch = book.height + 1
    book.write(
        BundleStored(bundle_hash(follower), follower),
        VersionScheduled(
            FLAT, 2, bundle_hash(follower), usage.effective_from, usage.effective_to, switch, True, b"", bytes(32)
        ),
        ActivationSet(FLAT, 2, switch),
    )
    late = {operator: file(book, operator, lines) for operator in (CMCC, CUCC)}
    filings = early if made == "before the switch" else late
    for operator, filing in filings.items():
        facts = book.send(MAKERS[operator], filing.declare)
        assert any(isinstance(fact, FiguresDeclared) for fact in facts)
    assert book.height > switch
    assert version_for(book.state, FLAT, moments.usage, book.height) == VersionInForce(2, bundle_hash(follower))
    for operator, filing in filings.items():
        book.send(MAKERS[operator], filing.open)
    assert period(book.state, JANUARY).state == PeriodState.RECONCILED


def test_transactions_in_the_mempool_at_the_switch_are_decided_after_it() -> None:
    """In Fabric what was endorsed before a switch and ordered after it is refused. Here nothing that is signed names
    the version of a rule that happens to be in force: the same bytes are good before, at and after the height."""
    council = Council()
    switch = council.schedule(SECOND, ahead=15)
    for operator in (1, 2, 3, 4):
        council.ready(SECOND, operator)
    council.empty(switch - 2 - council.height)
    waiting = []
    for operator in (1, 2, 3, 4):
        for serial in (1, 2, 3):
            wish = propose_keys(CHAIN, serial, [signer(operator, Role.MAKER, serial)])
            waiting.append(council.signed(signer(operator, Role.ADMIN), [wish]))
    chain, network, decided = council.network.chain, council.network, 0
    assert all(chain.check(raw, recheck=False).code == 0 for raw in waiting)
    for position in range(3):
        assert all(chain.check(raw, recheck=True).code == 0 for raw in waiting[4 * position :])
        outcomes = network.block(*waiting[4 * position : 4 * position + 4])
        assert [outcome.code for outcome in outcomes] == [0] * 4
        decided += len(outcomes)
    assert (decided, network.height) == (12, switch + 1)
    assert (council.in_force(switch - 1), council.in_force(switch)) == (V1, V2)


def test_a_node_that_replays_from_genesis_rebuilds_the_same_rulebook_and_the_same_rules() -> None:
    """Issue 4, point 7: rows, module root, bundles and what was compiled of them."""
    council, switch = changed()
    replayed = Network(council.facts)
    for block in council.blocks:
        replayed.decide(block)
    assert dict(replayed.store.roots())["rulebook"] == dict(council.network.store.roots())["rulebook"]
    assert replayed.store.records == council.network.store.records
    here, there = council.network, replayed
    for bundle in (V1.bundle, V2.bundle):
        one, other = (node.chain._rules.rule(node.store, bundle) for node in (here, there))
        assert one is not other
        assert (one.hash, one.manifest, one.program) == (other.hash, other.manifest, other.program)
        assert (dict(one.tables), dict(one.costs)) == (dict(other.tables), dict(other.costs))
        for vector in read_bundle(BUNDLES.require(here.store, BundleKey(bundle)).raw).vectors:
            if not vector.rejection:
                assert one.call(vector.entry, *vector.arguments) == other.call(vector.entry, *vector.arguments)
    assert version_for(there.store, RULE, GENESIS_TIME, switch) == V2
    pieces = set(there.chain._rules._loaded)
    assert pieces == {V1.bundle, V2.bundle}, "nothing else was compiled"


def test_a_suspension_leaves_what_is_pinned_alone() -> None:
    book, lines = agreed_book(), minutes(1000, 900)
    book.send(MAKERS[CMCC], advance(), day().cut_off)
    book.write(RuleSuspended(FLAT, book.height + 1, NEVER, book.time))
    filings = [(operator, file(book, operator, lines)) for operator in (CMCC, CUCC)]
    for operator, filing in filings:
        book.send(MAKERS[operator], filing.declare)
    for operator, filing in filings:
        book.send(MAKERS[operator], filing.open)
    assert version_for(book.state, FLAT, day().usage, book.height) is None
    assert period(book.state, JANUARY).state == PeriodState.RECONCILED


@pytest.mark.parametrize("past", [0, 1, 5])
def test_what_was_in_force_at_a_past_height_stays_for_ever(past: int) -> None:
    council, switch = changed()
    asked = switch + past
    before = version_for(council.network.store, RULE, GENESIS_TIME, switch - 1), council.in_force(switch)
    third = edited(SECOND, change_note=b"third")
    council.schedule(third, ahead=15)
    for operator in (1, 2, 3, 4):
        council.ready(third, operator, version=3)
    council.empty(20)
    assert council.state_of(3) == VersionState.ACTIVE
    assert (council.in_force(switch - 1), council.in_force(switch)) == before == (V1, V2)
    assert council.in_force(asked) == V2
