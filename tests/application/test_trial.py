"""A machine whose executor computes otherwise is told so when a version is scheduled, and stops at its height."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from abci_app.application.block import Executed, Executor
from abci_app.application.chain import Chain
from abci_app.application.interface import Block
from abci_app.application.rules import ExecutorFault
from abci_app.domain.rulebook.schema import PublishBundle, VersionInForce
from abci_app.kernel.approvals import Verdict
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.intrinsics import IMPLEMENTATIONS
from abci_app.state.forest import Forest
from settle.rules.build import shipped_bundle
from tests.support.chains import InlineSignatures, Network
from tests.support.governing import FAST, FIRST, RULE, SECOND, Council, edited, governor

OTHER = edited(shipped_bundle("international_voice", 1), sequence=1, previous=b"")
"""The first version of a further rule, which computes with `max`; the rule of genesis does not."""
FURTHER = RULE + 1
FAILS = r"VECTOR_FAILED \(1052\) in vector 1, .*expected \(5, 36000\), got \(5, 0\)"


@contextmanager
def tampered(function: str = "max") -> Iterator[None]:
    """An executor that binds another function under the name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(IMPLEMENTATIONS, function, min)
        yield


def restart(node: Network) -> None:
    """The same store under a new state machine, as when the program starts again."""
    forest = Forest.load(sorted(node.store.rows.items()), node.chain._forest.log)
    node.chain = Chain(node.store, InlineSignatures(), forest)
    node.chain.try_rules()


def follow(node: Network, blocks: Sequence[Block], alarms: dict[int, list[str]]) -> None:
    """The node takes decided blocks in; its alarms by height."""
    for block in blocks:
        node.decide(block)
        if node.chain.alarms:
            alarms[node.height] = list(node.chain.alarms)
            node.chain.alarms.clear()


def voted_in(ready: int) -> tuple[Council, int, int]:
    """Blocks in which a further rule is published, voted in and running; the first height with the bundle stored,
    and the height that the vote asked for. Operator 4's node refuses where it is not among the `ready`."""
    council = Council()
    published = council.height + 1
    asked = council.schedule(OTHER, ahead=16)
    for operator in range(1, 5):
        verdict = Verdict.APPROVE if operator <= ready else Verdict.REFUSE
        assert council.ready(OTHER, operator, 1, verdict, rule=FURTHER)[0] == 0
    council.empty(asked + FAST.grace + 2 - council.height)
    return council, published, asked


def test_the_others_go_on_and_a_tampered_node_is_warned_when_the_version_is_scheduled_and_stops_at_its_height() -> None:
    """RULES.md "Must hold": never READY, and its figures never reach anybody."""
    council, published, asked = voted_in(ready=3)
    runs = asked + FAST.grace
    assert council.in_force(runs - 1, rule=FURTHER) is None
    assert council.in_force(runs, rule=FURTHER) == VersionInForce(1, bundle_hash(OTHER)), "the others activate it"
    node, alarms = Network(council.facts), dict[int, list[str]]()
    for block in council.blocks[:published]:
        node.decide(block)
    with tampered():
        restart(node)
        with pytest.raises(ExecutorFault, match=FAILS):
            follow(node, council.blocks[published:], alarms)
        (at,) = alarms
        (alarm,) = alarms[at]
        assert at < asked, "in good time"
        assert alarm.startswith(f"version 1 of rule {FURTHER} would stop this node at its height: rule bundle ")
        marker = node.chain.marker()
        assert marker is not None
        assert marker.height == runs - 1, "the last block before the height is kept, and none after it taken"
        with pytest.raises(ExecutorFault, match=FAILS):
            restart(node)
    restart(node)
    node.height = marker.height
    for block in council.blocks[marker.height :]:
        node.decide(block)
    assert node.app_hash == council.network.app_hash, "mended, it goes on from where it stopped"


def test_a_version_that_waits_stops_nobody() -> None:
    """Two of four machines that compute otherwise stop a version, not the chain."""
    council, published, _ = voted_in(ready=2)
    node = Network(council.facts)
    for block in council.blocks[:published]:
        node.decide(block)
    with tampered():
        restart(node)
        for block in council.blocks[published:]:
            node.decide(block)
        assert len(node.chain.alarms) == 1, "and one alarm is enough"
        restart(node)
        assert len(node.chain.alarms) == 1, "but for one more at every start"
    assert node.app_hash == council.network.app_hash


def test_a_version_is_compiled_when_it_is_scheduled_and_not_when_it_is_first_called() -> None:
    council, _, asked = voted_in(ready=4)
    node = Network(council.facts)
    loaded = node.chain._rules._loaded
    assert not loaded
    for block in council.blocks[:asked]:
        node.decide(block)
        if bundle_hash(OTHER) in loaded:
            break
    assert node.height < asked
    assert set(loaded) == {bundle_hash(FIRST), bundle_hash(OTHER)}


def test_a_machine_that_is_wrong_when_a_bundle_is_published_parts_from_the_others_and_says_why() -> None:
    """Alone it cannot know whether the author or it is wrong; the next block's header tells, and its log explains."""
    council, published, _ = voted_in(ready=4)
    node, alarms = Network(council.facts), dict[int, list[str]]()
    with tampered():
        follow(node, council.blocks[:published], alarms)
    assert list(alarms) == [published]
    assert alarms[published][0].startswith("a published bundle was refused: VECTOR_FAILED: expected in vector 1, ")
    assert "(5, 36000), got (5, 0)" in alarms[published][0]
    sound = Network(council.facts)
    follow(sound, council.blocks[:published], alarms)
    assert node.app_hash != sound.app_hash
    assert list(alarms) == [published], "and the sound ones say nothing"


def test_a_bundle_that_nobody_has_voted_for_is_not_tried() -> None:
    council = Council()
    council.publish(SECOND)
    with tampered("round_up_to"), pytest.raises(ExecutorFault, match=bundle_hash(FIRST).hex()):
        restart(council.network)
    restart(council.network)
    assert set(council.network.chain._rules._loaded) == {bundle_hash(FIRST)}


def test_a_rule_in_force_that_fails_is_no_poison_transaction_for_a_proposer_to_drop() -> None:
    """Whoever calls it, the fault leaves the state machine; the server ends the program."""
    council, _, _ = voted_in(ready=4)
    rules, raw = council.network.chain._rules, council.signed(governor(1), [PublishBundle(SECOND)])
    rules._loaded.clear()

    def call(self: Executor, _: object) -> Executed:
        self._rules(bundle_hash(OTHER), "price_line")
        raise AssertionError("it loads")

    with tampered(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Executor, "run", call)
        block = council.network.propose(raw)
        with pytest.raises(ExecutorFault, match=FAILS):
            council.network.chain.prepare(block._replace(hash=b""), 1 << 20)
        with pytest.raises(ExecutorFault, match=FAILS):
            council.network.chain.process(block)
