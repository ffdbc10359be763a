"""What each fact does to the rulebook. Writes only; cannot fail."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.rulebook.schema import (
    Bundle,
    BundleStored,
    Fact,
    Rule,
    RulePublished,
    RuleVersion,
    RuleVersionActivated,
)
from abci_app.domain.rulebook.tables import BUNDLES, RULES, VERSIONS, BundleKey, RuleKey, VersionKey
from abci_app.state.overlay import Writer


def fold(state: Writer, fact: Fact) -> None:
    """Write what a fact says."""
    match fact:
        case RulePublished():
            RULES.put(state, RuleKey(fact.rule), Rule(fact.name, fact.slot))
        case RuleVersionActivated():
            row = RuleVersion(fact.bundle, fact.usage_from, fact.usage_to, fact.active_from)
            VERSIONS.put(state, VersionKey(fact.rule, fact.version), row)
        case BundleStored():
            BUNDLES.put(state, BundleKey(fact.bundle), Bundle(fact.raw))
        case _:
            assert_never(fact)
