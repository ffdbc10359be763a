"""Which version of a rule rates what usage."""

from __future__ import annotations

import pytest

from abci_app.domain.rulebook.fold import fold
from abci_app.domain.rulebook.queries import QUERIES, version_for, versions_over
from abci_app.domain.rulebook.schema import (
    FOR_EVER,
    NEVER,
    BundleStored,
    Fact,
    RulePublished,
    RuleVersion,
    RuleVersionActivated,
    VersionInForce,
    read_fact,
)
from abci_app.domain.rulebook.tables import basis_of, object_of, versions_are_whole
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import encode
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Empty, Overlay
from tests.support.books import digest

RULE = 7
OLD, NEW, CORRECTED = digest("old"), digest("new"), digest("corrected")
SWITCH = 1_388_505_600  # 2014-01-01T00:00:00+08:00, MIIT 2013 no. 506
FACTS: tuple[Fact, ...] = (
    RulePublished(RULE, b"domestic_interconnect", Slot.RATING),
    BundleStored(OLD, b"old"),
    BundleStored(NEW, b"new"),
    BundleStored(CORRECTED, b"corrected"),
    RuleVersionActivated(RULE, 1, OLD, 0, SWITCH, 1),
    RuleVersionActivated(RULE, 2, NEW, SWITCH, FOR_EVER, 1),
    RuleVersionActivated(RULE, 3, CORRECTED, SWITCH + 100, SWITCH + 200, 50),
    RuleVersionActivated(RULE + 1, 1, OLD, SWITCH, FOR_EVER, 1),
)
NOW = Moment(100, SWITCH)
V1, V2, V3 = VersionInForce(1, OLD), VersionInForce(2, NEW), VersionInForce(3, CORRECTED)


def rulebook(facts: tuple[Fact, ...] = FACTS) -> Overlay:
    state = Overlay(Empty())
    for fact in facts:
        assert read_fact(encode(fact)) == fact
        fold(state, fact)
    return state


@pytest.mark.parametrize(
    ("usage", "height", "version"),
    [
        (SWITCH - 1, 10, V1),  # December's traffic keeps the old price
        (SWITCH, 10, V2),
        (SWITCH + 150, 49, V2),
        (SWITCH + 150, 50, V3),  # the highest version, once it may run
        (SWITCH + 200, 50, V2),  # an interval's end is not in it
        (SWITCH, 0, None),  # nothing may run before its height
    ],
)
def test_usage_is_rated_by_the_highest_active_version_of_its_time(
    usage: int, height: int, version: VersionInForce | None
) -> None:
    assert version_for(rulebook(), RULE, usage, height) == version


def test_a_later_version_does_not_change_the_answer_for_a_past_height() -> None:
    state = rulebook()
    before = version_for(state, RULE, SWITCH + 150, 20)
    fold(state, RuleVersionActivated(RULE, 4, CORRECTED, 0, FOR_EVER, 60))
    assert version_for(state, RULE, SWITCH + 150, 20) == before


@pytest.mark.parametrize(
    ("usage", "height", "versions"),
    [
        ((SWITCH - 50, SWITCH), 10, (V1,)),
        ((SWITCH - 50, SWITCH + 50), 10, (V1, V2)),
        ((SWITCH, SWITCH + 300), 50, (V2, V3)),  # the same version at both ends, another inside
        ((SWITCH, SWITCH + 300), 49, (V2,)),
        ((SWITCH, SWITCH + 300), 0, (None,)),
    ],
)
def test_all_versions_inside_an_interval_of_usage_are_seen(
    usage: tuple[int, int], height: int, versions: tuple[VersionInForce | None, ...]
) -> None:
    assert versions_over(rulebook(), RULE, *usage, height) == versions


def test_a_stretch_without_a_rule_is_seen() -> None:
    assert versions_over(rulebook(), RULE + 1, SWITCH - 10, SWITCH + 10, 10) == (None, V1)
    assert versions_over(rulebook(), 99, 0, 10, 10) == (None,)


def test_a_version_without_its_bundle_or_rule_breaks_the_invariant() -> None:
    assert not versions_are_whole(rulebook()), "rule 8 was never published"
    whole = tuple(fact for fact in FACTS if not (isinstance(fact, RuleVersionActivated) and fact.rule != RULE))
    assert versions_are_whole(rulebook(whole))
    assert not versions_are_whole(rulebook(tuple(fact for fact in whole if fact != BundleStored(NEW, b"new"))))


def test_every_fact_names_its_own_row() -> None:
    assert len({object_of(fact) for fact in FACTS}) == len(FACTS)
    assert [basis_of(fact) for fact in FACTS[:2]] == [b"", OLD]


def test_what_anyone_may_ask_about_rules() -> None:
    state = rulebook()
    row = QUERIES["/rulebook/rule"](state, NOW, encode(RULE))
    assert QUERIES["/rulebook/rules"](state, NOW, b"") == ((RULE, row),)
    versions = QUERIES["/rulebook/versions"](state, NOW, encode(RULE))
    assert isinstance(versions, tuple)
    assert versions[0] == (1, RuleVersion(OLD, 0, SWITCH, 1, 1, NEVER, False, b"", False, ()))
    stored = QUERIES["/rulebook/bundle"](state, NOW, encode(NEW))
    assert encode(stored) == encode([b"new"])
