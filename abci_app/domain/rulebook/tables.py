"""Where rules live, and what must always hold of them."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from abci_app.domain.rulebook.schema import (
    Bundle,
    BundleStored,
    Fact,
    Rule,
    RulePublished,
    RuleVersion,
    RuleVersionActivated,
)
from abci_app.state.overlay import Reader
from abci_app.state.tables import Table

STORE = 3


class RuleKey(NamedTuple):
    rule: int


class VersionKey(NamedTuple):
    rule: int
    version: int


class BundleKey(NamedTuple):
    bundle: bytes


RULES: Table[RuleKey, Rule] = Table(STORE, 1, RuleKey, "I", Rule)
VERSIONS: Table[VersionKey, RuleVersion] = Table(STORE, 2, VersionKey, "IH", RuleVersion)
BUNDLES: Table[BundleKey, Bundle] = Table(STORE, 3, BundleKey, "32s", Bundle)


def object_of(fact: Fact) -> bytes:
    """The key of the row that a fact is about."""
    match fact:
        case RulePublished():
            return RULES.at(RuleKey(fact.rule))
        case RuleVersionActivated():
            return VERSIONS.at(VersionKey(fact.rule, fact.version))
        case BundleStored():
            return BUNDLES.at(BundleKey(fact.bundle))
        case _:
            assert_never(fact)


def basis_of(fact: Fact) -> bytes:
    """The hash of the bundle that a fact rests on; empty where there is none."""
    match fact:
        case RuleVersionActivated() | BundleStored():
            return fact.bundle
        case RulePublished():
            return b""
        case _:
            assert_never(fact)


def versions_are_whole(state: Reader) -> bool:
    """Every version belongs to a published rule, has its bundle stored and an interval of usage."""
    return all(
        RULES.get(state, RuleKey(key.rule)) is not None
        and BUNDLES.get(state, BundleKey(row.bundle)) is not None
        and row.usage_from < row.usage_to
        for key, row in VERSIONS.rows(state)
    )
