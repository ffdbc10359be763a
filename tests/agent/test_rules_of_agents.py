"""The agent takes the version of a rule that the chain would take, and binds its parameters as the chain does."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.periods.schema import UNTOUCHED
from abci_app.domain.rulebook.queries import QUERIES, version_for
from abci_app.domain.rulebook.schema import (
    ActivationSet,
    BundleStored,
    RulePublished,
    RuleResumed,
    RuleSuspended,
    RuleVersionActivated,
    VersionRetired,
    VersionScheduled,
    VersionWithdrawn,
)
from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import Vector, bundle_hash
from abci_app.rules.interface import Slot
from settle.agent.read_model import KnownPeriod, PeriodKey
from settle.agent.runtime.rating import CannotRate, Side, figures_of
from settle.agent.runtime.rulebook import Rulebook
from settle.agent.runtime.settings import NumberingSettings
from settle.agent.runtime.validations import validation_of
from settle.rules.build import shipped_rule
from tests.support.books import TERMS, USAGE, Book, month
from tests.support.fake_node import ChainNode
from tests.support.slot_rules import LATE, SlotRule, bundle_of, slot_rule_facts, tariff, version_facts

VALIDATION, TARIFFS = 400, 401
NAMED_TWICE = """
def validate_file(
    records: Annotated[int, 0, 9], duration_ms: Annotated[int, 0, 9], units: Annotated[int, 0, 9],
    stated_records: Annotated[int, 0, 9], stated_duration_ms: Annotated[int, 0, 9], stated_units: Annotated[int, 0, 9],
    missing_files: Annotated[int, 0, 9], second: Annotated[int, 0, 9], only_here: Annotated[int, 0, 9],
) -> tuple[Annotated[int, "doubtful", 0, 1]]:
    return Outcome(doubtful=0)


def validate_record(
    service: Annotated[int, 0, 9], direction: Annotated[int, 0, 1], a_number: Annotated[Digits, 0, 20],
    b_number: Annotated[Digits, 0, 20], duration_ms: Annotated[int, 0, 9], units: Annotated[int, 0, 9],
    age: Annotated[int, 0, 9], first: Annotated[int, 0, 9], second: Annotated[int, 0, 9],
) -> tuple[Annotated[int, "late", 0, 1]]:
    return Outcome(late=0)
"""


class NodeOfBook(ChainNode):
    """A node whose answers about rules are those of a book."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self._book = book

    def query(self, path: str, data: bytes) -> bytes:
        return encode(QUERIES[path](self._book.state, self._book.moment(), data))


def test_a_version_that_was_rolled_back_counts_no_more_and_a_suspended_rule_has_none() -> None:
    book = Book()
    book.write(*slot_rule_facts(), RuleSuspended(LATE, 10, 20, 0), VersionRetired(LATE, 1, 40))
    with NodeOfBook(book) as node:
        rulebook = Rulebook(node)
        found = {height: rulebook.rule_for(LATE, USAGE, height) is not None for height in (9, 10, 19, 20, 39, 40)}
    assert found == {9: True, 10: False, 19: False, 20: True, 39: True, 40: False}


def test_agents_choose_among_versions_as_the_chain_does() -> None:
    """Usage that overlaps, versions that wait, are rolled back or withdrawn, suspensions; heights at the borders."""
    raws = {version: tariff(version, 1) for version in range(1, 7)}
    hashes = {version: bundle_hash(raw) for version, raw in raws.items()}
    starts = {1: 0, 2: 5, 4: 5}
    spans = {1: (0, 100), 2: (10, 20), 3: (0, 100), 4: (15, 30), 5: (0, 100), 6: (14, 17)}
    book = Book()
    book.write(
        RulePublished(TARIFFS, b"tariffs", Slot.RATING),
        *(BundleStored(hashes[version], raw) for version, raw in raws.items()),
        *(
            RuleVersionActivated(TARIFFS, version, hashes[version], *spans[version], at)
            for version, at in starts.items()
        ),
        *(
            VersionScheduled(TARIFFS, each, hashes[each], *spans[each], 7, False, b"", bytes([each]) * 32)
            for each in (3, 5, 6)
        ),
        VersionWithdrawn(TARIFFS, 5),
        ActivationSet(TARIFFS, 6, 30),
        VersionRetired(TARIFFS, 4, 40),
        RuleSuspended(TARIFFS, 50, 60, 0),
        RuleSuspended(TARIFFS, 62, 90, 0),
        RuleResumed(TARIFFS, 62, 64),
    )
    heights = sorted({at + step for at in (1, 5, 7, 30, 40, 50, 60, 62, 64, 90) for step in (-1, 0, 1)})
    times = sorted({at + step for span in spans.values() for at in span for step in (-1, 0, 1)} - {-1})
    met = set()
    with NodeOfBook(book) as node:
        rulebook = Rulebook(node)
        for height in heights:
            for time in times:
                expected = version_for(book.state, TARIFFS, time, height)
                found = rulebook.rule_for(TARIFFS, time, height)
                assert (found and found.hash) == (expected and expected.bundle), (height, time)
                met.add(expected and expected.version)
    assert met == {None, 1, 2, 4, 6}


def with_twice() -> Book:
    """A rulebook with the rule of this file, whose entry points name a parameter twice."""
    vectors = (
        Vector("validate_file", b"by hand", (0,) * 9, (0,), ""),
        Vector("validate_record", b"by hand", (1, 0, "", "", 0, 0, 0, 0, 0), (0,), ""),
    )
    rule = SlotRule("twice", Slot.VALIDATION, 1, NAMED_TWICE, vectors)
    book = Book()
    book.write(RulePublished(VALIDATION, b"twice", Slot.VALIDATION), *version_facts(VALIDATION, 1, bundle_of(rule)))
    return book


def bound(*parameters: int) -> Side:
    """A period of an agreement that binds the rule of this file with these parameters."""
    terms = replace(TERMS, slots=(*TERMS.slots, SlotBinding(Slot.VALIDATION, VALIDATION, parameters)))
    return Side(KnownPeriod(PeriodKey(1, 0, 1), 1, terms, month(1), UNTOUCHED), 0, "CMCC", "CUCC")


def test_parameters_out_of_the_rules_range_are_told_before_any_record_is_blamed() -> None:
    with NodeOfBook(with_twice()) as node, pytest.raises(CannotRate) as refusal:
        validation_of(bound(1, 2, 10), Rulebook(node), NumberingSettings(), 1)
    assert (refusal.value.expected, refusal.value.actual) == (
        "first of twice: an integer from 0 to 9",
        "10 in the agreement",
    )


def test_a_rule_that_rates_no_records_is_named_as_such() -> None:
    """It is not the parameters that are amiss where an agreement settles capacity."""
    capacity = shipped_rule("ip_interconnect_95", 1)
    with pytest.raises(CannotRate) as refusal:
        figures_of(bound(1, 2, 3), [], capacity.hash, lambda _: capacity, NumberingSettings(), None)
    assert refusal.value.expected == "a rule that rates single records (rate_record)"
    assert refusal.value.actual == "ip_interconnect_95 of interface 2, with dropped, combined, price_line"
    assert "settle rule peak" in refusal.value.next_step


def test_parameters_are_bound_in_the_order_of_the_rules_text_whichever_entry_point_names_them() -> None:
    with NodeOfBook(with_twice()) as node:
        found = validation_of(bound(1, 2, 3), Rulebook(node), NumberingSettings(), 1)
    assert found is not None
    assert found.parameters == {"second": 1, "only_here": 2, "first": 3}
