"""Four real validators, one of which computes otherwise: never READY; the others activate the rule after the grace.

RULES "Must hold", and issue 4, point 7: "a node whose executor fails the vectors stops with instructions".
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from abci_app.domain.governance.schema import ParametersSet
from abci_app.domain.rulebook.schema import PublishBundle, ScheduleVersion, VersionState
from abci_app.kernel.approvals import DocumentKind
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.intrinsics import IMPLEMENTATIONS
from settle.rules.build import shipped_bundle
from tests.network.agreement import assert_same_everywhere
from tests.network.conftest import MakeTraffic
from tests.network.governed import Consortium, propose, states
from tests.support.governing import FAST, RULE, edited, rulebook
from tests.support.localnets import STRICT, RunningNet, RunningNode, create_network, until

pytestmark = [pytest.mark.network, pytest.mark.timeout(300)]

AHEAD, GRACE = 45, 10
FURTHER = RULE + 1
ROOT = Path(__file__).parents[2]


@pytest.fixture
def net(tmp_path: Path) -> Iterator[RunningNet]:
    """Four validators with a rule from genesis."""
    made = create_network(
        tmp_path, "settle-tampered", 4, further=[*rulebook(), ParametersSet(replace(FAST, grace=GRACE))]
    )
    try:
        made.start()
        yield made
    finally:
        made.remove()


def tampered(folder: Path) -> Path:
    """A copy of the application whose `max` is the lesser; the rule of genesis does not use it."""
    shutil.copytree(ROOT / "abci_app", folder / "abci_app")
    file = folder / "abci_app" / "rules" / "intrinsics.py"
    text = file.read_text(encoding="utf-8")
    assert text.count('    "max": max,\n') == 1
    file.write_text(text.replace('    "max": max,\n', '    "max": min,\n'), encoding="utf-8")
    return folder


def reinstall(net: RunningNet, at: int, code: Path, strict: bool = False) -> RunningNode:
    """Stop a node and start it with the application in another folder."""
    old = net.nodes[at]
    old.pair.stop()
    old.rpc.close()
    environment = ["PYTHONSAFEPATH=1", f"PYTHONPATH={code}"]
    node = RunningNode(old.home, STRICT, environment) if strict else RunningNode(old.home, environment=environment)
    net.nodes[at] = node
    node.pair.start()
    return node


def test_one_tampered_executor_among_four_stops_its_own_node_and_nobody_else(
    net: RunningNet, traffic: MakeTraffic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consortium, others = Consortium(net, tmp_path), net.nodes[:3]
    voice = shipped_bundle("international_voice", 1)
    raw = edited(voice, chain=consortium.chain, sequence=1, previous=b"")
    bundle = bundle_hash(raw)
    consortium.send(1, PublishBundle(raw))
    published = max(consortium.approve(operator, DocumentKind.BUNDLE, bundle) for operator in (1, 2))
    until(lambda: net.nodes[3].is_level_with(published))
    node = reinstall(net, 3, tampered(tmp_path / "tampered"), strict=True)
    until(lambda: node.is_level_with(published))
    with traffic(net, 3) as acknowledged:
        asked = others[0].height() + AHEAD
        document = propose(consortium, ScheduleVersion(bundle, asked, backdated=True))
        for operator in (1, 2, 3):
            consortium.approve(operator, DocumentKind.PROPOSAL, document)
        with monkeypatch.context() as here:
            here.setitem(IMPLEMENTATIONS, "max", min)  # the supervisor's release is the same
            assert "REFUSED, in block" in consortium.look(4)[-1]
        for operator in (1, 2, 3):
            assert "READY, in block" in consortium.look(operator)[-1]
        warning = f"version 1 of rule {FURTHER} would stop this node at its height"
        assert warning in node.log("app"), "before the height comes"
        assert node.pair.is_running()
        runs = asked + GRACE
        until(lambda: all(each.is_level_with(runs + 3) for each in others))
        told = str(node.refusal())
        mended = reinstall(net, 3, ROOT)
        until(lambda: mended.is_level_with(runs + 3))
    assert f"rule bundle {bundle.hex()}, which the chain has accepted, does not hold on this machine" in told
    assert "VECTOR_FAILED (1052) in vector 1" in told
    assert "expected (5, 36000), got (5, 0)" in told
    assert f"`settle gov readiness {bundle.hex()[:16]}`" in told
    for each in net.nodes:
        assert states(each, runs - 1, FURTHER) == [VersionState.APPROVED]
        assert states(each, runs, FURTHER) == [VersionState.ACTIVE]
    assert any(result.height >= runs for result in acknowledged), "transactions went on"
    assert_same_everywhere(net, acknowledged)
