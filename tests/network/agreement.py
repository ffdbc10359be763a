"""What must hold of a network at rest, whatever happened to its nodes before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from abci_app.kernel.facts import read_record
from settle.chain.answers import BlockResults
from settle.chain.outbox import Result
from tests.state.plain import log_root, tree_root
from tests.support.localnets import RunningNet, RunningNode


def assert_same_everywhere(net: RunningNet, acknowledged: Iterable[Result] = ()) -> None:
    """All nodes hold one chain, one state and one fact log, and in it everything that was acknowledged, once."""
    height = net.settled_height()
    results = blocks_of(net.nodes[0], height)
    facts = net.nodes[0].facts()
    marker = net.nodes[0].marker()
    assert marker.app_hash == _app_hash(net.nodes[0].roots(), facts)
    for node in net.nodes[1:]:
        assert (node.marker(), node.roots()) == (marker, net.nodes[0].roots())
        assert node.facts() == facts
        assert blocks_of(node, height) == results
    assert_log_is_the_results(facts, results)
    assert_nothing_lost(acknowledged, results)


def blocks_of(node: RunningNode, height: int) -> list[BlockResults]:
    """What the node's own application answered for every block up to the height."""
    return [node.rpc.block_results(each) for each in range(1, height + 1)]


def assert_log_is_the_results(facts: Sequence[bytes], results: Sequence[BlockResults]) -> None:
    """The fact log holds the facts of every accepted transaction in order, and no others: no block lost or doubled."""
    at_height = {height: list(rows) for height, rows in groupby(facts, key=lambda raw: read_record(raw).height)}
    at_height.pop(0)
    for block in results:
        waiting = at_height.pop(block.height, [])
        for result in block.results:
            if result.data:
                waiting = waiting[_run_with_root(waiting, result.data, block.height) :]
        assert not waiting, f"facts of no transaction at height {block.height}"
    assert not at_height, f"facts of heights that no block has: {sorted(at_height)}"


def assert_nothing_lost(acknowledged: Iterable[Result], results: Sequence[BlockResults]) -> None:
    """Every acknowledged transaction stands in exactly the block that its sender was told of."""
    stands: dict[bytes, list[int]] = {}
    for block in results:
        for result in block.results:
            if result.code == 0 and result.data:
                stands.setdefault(result.data, []).append(block.height)
    for told in acknowledged:
        assert stands.get(told.facts) == [told.height], f"told {told}, but it stands in {stands.get(told.facts)}"


def _run_with_root(waiting: Sequence[bytes], root: bytes, height: int) -> int:
    for count in range(1, len(waiting) + 1):
        if log_root(waiting[:count]) == root:
            return count
    raise AssertionError(f"the facts of a transaction at height {height} are not in the log")


def _app_hash(roots: dict[str, bytes], facts: Sequence[bytes]) -> bytes:
    named = {name.encode(): root for name, root in roots.items()}
    named[b"facts"] = len(facts).to_bytes(8, "big") + log_root(facts)
    named[b"format"] = (2).to_bytes(4, "big")
    return tree_root(named)
