"""The rulebook of genesis: shipped rules load, and what does not check stops the chain before it starts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.application.genesis import GenesisFault
from abci_app.domain.rulebook.schema import BundleStored, RulePublished, RuleVersionActivated, Slot
from abci_app.kernel.encoding import Value
from abci_app.rules.bundle import bundle_hash
from settle.rules.shipped import rulebook_facts
from tests.support.chains import Network, genesis_facts

FACTS = rulebook_facts()
BUNDLE = next(fact for fact in FACTS if isinstance(fact, BundleStored))
VERSION = next(fact for fact in FACTS if isinstance(fact, RuleVersionActivated))
RULE = next(fact for fact in FACTS if isinstance(fact, RulePublished))


def test_a_network_starts_with_the_shipped_rules_and_runs_them() -> None:
    network = Network([*genesis_facts(), *FACTS])
    entry = network.chain._rules.bound(network.store)(VERSION.bundle, "price_line")
    # MIIT before 2014: mobile to mobile 0.06 CNY a minute, here ten minutes of China Unicom to China Mobile
    assert entry(1, 0, 0, 10, 600_000, 600_000, 2, 1) == (600_000,)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([replace(BUNDLE, raw=BUNDLE.raw + b"\x00")], "bundle of hash"),
        ([BundleStored(bundle_hash(b"\x90"), b"\x90")], "a rule that checks"),
        ([RULE, VERSION], "a stored bundle"),
        ([BUNDLE, replace(RULE, slot=Slot.TOLERANCE), VERSION], "slot TOLERANCE"),
        ([RULE, BUNDLE, replace(VERSION, usage_from=VERSION.usage_from + 1)], "usage from"),
        ([RULE, RULE], "a second time"),
    ],
    ids=["other bytes", "no bundle", "not stored", "wrong slot", "other interval", "twice"],
)
def test_a_genesis_rule_that_does_not_hold_stops_the_chain(facts: list[Value], expected: str) -> None:
    with pytest.raises(GenesisFault, match=expected):
        Network([*genesis_facts(), *facts])
