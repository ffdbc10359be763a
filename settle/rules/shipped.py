"""The rulebook that a new network starts with: the rules of `chaincode_plugins`, as genesis facts."""

from __future__ import annotations

from enum import IntEnum

from abci_app.domain.rulebook.schema import BundleStored, RulePublished, RuleVersionActivated
from abci_app.kernel.encoding import Value
from abci_app.rules.bundle import LoadedRule, bundle_hash, load_bundle
from settle.rules.build import shipped_bundle
from settle.rules.plugin import SHIPPED


class ShippedRule(IntEnum):
    """The numbers that shipped rules get in a new network's rulebook. Frozen: agreements name them."""

    DOMESTIC_INTERCONNECT = 1
    TOLERANCE_PERCENT = 2
    SET_OFF = 3
    FLAT_MINUTES = 4
    INTERNATIONAL_VOICE = 10
    SMS_MMS = 11
    DATA_ROAMING = 12
    IP_INTERCONNECT_95 = 13
    FILE_VALIDATION = 14
    DISPUTE_TIME_BAR = 20
    MULTILATERAL_NETTING = 21
    LATE_INTEREST = 22
    VALUE_ADDED_TAX = 23
    SEND_OR_PAY = 24


def rulebook_facts() -> list[Value]:
    """Every shipped rule with its versions, active from height 0 for the usage that it says.

    A version that asks an agreement for other parameters than the first is left out, with those after it:
    agreements name a rule by its number, so it would judge those that gave the parameters of the first. It
    comes in by vote, once no agreement needs the first any more.
    """
    facts: list[Value] = []
    for rule in ShippedRule:
        name = rule.name.lower()
        asked: list[tuple[str, ...]] = []
        for version in range(1, len(list((SHIPPED / name).glob("v*"))) + 1):
            raw = shipped_bundle(name, version)
            loaded = load_bundle(raw)
            manifest = loaded.manifest
            if version == 1:
                asked = _asked(loaded)
                facts.append(RulePublished(rule, name.encode(), manifest.slot))
            if _asked(loaded) != asked:
                break
            facts.append(BundleStored(bundle_hash(raw), raw))
            facts.append(
                RuleVersionActivated(rule, version, bundle_hash(raw), manifest.effective_from, manifest.effective_to, 0)
            )
    return facts


def _asked(rule: LoadedRule) -> list[tuple[str, ...]]:
    """The names of the parameters that an agreement gives, by entry point."""
    return [tuple(one.name for one in rule.agreement_parameters(entry)) for entry in rule.functions]
