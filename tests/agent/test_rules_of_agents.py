"""The agent takes the version of a rule that the chain would take, and binds its parameters as the chain does."""

from __future__ import annotations

from msgspec.structs import replace

from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.periods.schema import UNTOUCHED
from abci_app.domain.rulebook.queries import QUERIES
from abci_app.domain.rulebook.schema import RulePublished, RuleSuspended, VersionRetired
from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import Vector
from abci_app.rules.interface import Slot
from settle.agent.read_model import KnownPeriod, PeriodKey
from settle.agent.runtime.rating import Side
from settle.agent.runtime.rulebook import Rulebook
from settle.agent.runtime.settings import NumberingSettings
from settle.agent.runtime.validations import validation_of
from tests.support.books import TERMS, USAGE, Book, month
from tests.support.fake_node import ChainNode
from tests.support.slot_rules import LATE, SlotRule, bundle_of, slot_rule_facts, version_facts

VALIDATION = 400
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


def test_parameters_are_bound_in_the_order_of_the_rules_text_whichever_entry_point_names_them() -> None:
    vectors = (
        Vector("validate_file", b"by hand", (0,) * 9, (0,), ""),
        Vector("validate_record", b"by hand", (1, 0, "", "", 0, 0, 0, 0, 0), (0,), ""),
    )
    rule = SlotRule("twice", Slot.VALIDATION, 1, NAMED_TWICE, vectors)
    book = Book()
    book.write(RulePublished(VALIDATION, b"twice", Slot.VALIDATION), *version_facts(VALIDATION, 1, bundle_of(rule)))
    terms = replace(TERMS, slots=(*TERMS.slots, SlotBinding(Slot.VALIDATION, VALIDATION, (1, 2, 3))))
    known = KnownPeriod(PeriodKey(1, 0, 1), 1, terms, month(1), UNTOUCHED)
    with NodeOfBook(book) as node:
        found = validation_of(Side(known, 0, "CMCC", "CUCC"), Rulebook(node), NumberingSettings(), 1)
    assert found is not None
    assert found.parameters == {"second": 1, "only_here": 2, "first": 3}
