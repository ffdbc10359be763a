"""The rulebook that a new network starts with: the rules of `chaincode_plugins`, as genesis facts."""

from __future__ import annotations

from enum import IntEnum

from abci_app.domain.rulebook.schema import BundleStored, RulePublished, RuleVersionActivated
from abci_app.kernel.encoding import Value
from abci_app.rules.bundle import bundle_hash, read_bundle
from settle.rules.build import shipped_bundle
from settle.rules.plugin import SHIPPED


class ShippedRule(IntEnum):
    """The numbers that shipped rules get in a new network's rulebook. Frozen: agreements name them."""

    DOMESTIC_INTERCONNECT = 1
    TOLERANCE_PERCENT = 2
    SET_OFF = 3
    FLAT_MINUTES = 4


def rulebook_facts() -> list[Value]:
    """Every shipped rule with all its versions, active from height 0 for the usage that it says."""
    facts: list[Value] = []
    for rule in ShippedRule:
        name = rule.name.lower()
        for version in range(1, len(list((SHIPPED / name).glob("v*"))) + 1):
            raw = shipped_bundle(name, version)
            manifest = read_bundle(raw).manifest
            if version == 1:
                facts.append(RulePublished(rule, name.encode(), manifest.slot))
            facts.append(BundleStored(bundle_hash(raw), raw))
            facts.append(
                RuleVersionActivated(rule, version, bundle_hash(raw), manifest.effective_from, manifest.effective_to, 0)
            )
    return facts
