"""Set-off rounds that are refused, by form, by the set-off rule and by what was signed."""

from __future__ import annotations

from msgspec.structs import replace

from abci_app.domain.members.schema import KeyRegistered
from abci_app.domain.obligations.schema import (
    Code,
    NotifyPayment,
    ProposeRound,
    RoundProposed,
    RoundSigned,
)
from abci_app.domain.obligations.tables import COUNTERS, THE_COUNTERS
from abci_app.domain.periods.tables import PeriodKey
from abci_app.domain.rulebook.schema import RulePublished
from abci_app.kernel.approvals import Approve, DocumentKind, Signature, Verdict
from abci_app.kernel.context import RuleFunction
from abci_app.kernel.roles import Role
from abci_app.rules.codes import RuleCode
from abci_app.rules.interface import Slot
from tests.support.books import CHECKERS, MAKERS, TERMS, YUAN, Book, agree, approval
from tests.support.chains import CMCC, CTCC, CUCC, signer
from tests.support.money import (
    AGREE_BY,
    OUT,
    Amounts,
    invoice,
    money_book,
    obligation,
    owed,
    pay,
    propose,
    sign_period,
)
from tests.support.slot_rules import Answering

PAYER, PAYEE = CHECKERS[CMCC], CHECKERS[CUCC]
ROUND = DocumentKind.NETTING_ROUND


def test_rounds_are_refused_by_form() -> None:
    book = money_book()
    book.refuses(MAKERS[CMCC], ProposeRound(CUCC, CMCC, 156, (1,), 2**39), Code.OPERATORS_NOT_ASCENDING)
    book.refuses(MAKERS[CMCC], ProposeRound(CMCC, CMCC, 156, (1,), 2**39), Code.OPERATORS_NOT_ASCENDING)
    book.refuses(MAKERS[CMCC], ProposeRound(CMCC, CUCC, 156, (2, 1), 2**39), Code.OBLIGATIONS_NOT_ASCENDING)
    book.refuses(MAKERS[CMCC], ProposeRound(CMCC, CUCC, 156, (1, 1), 2**39), Code.OBLIGATIONS_NOT_ASCENDING)


def test_rounds_are_refused_to_strangers_and_over_what_does_not_fit() -> None:
    book = money_book()
    owed(book, 60 * YUAN, -50 * YUAN)
    message = ProposeRound(CMCC, CUCC, 156, (1, 2), book.time + 1000)
    book.refuses(MAKERS[CTCC], message, Code.NOT_AN_OPERATOR_OF_THE_ROUND)
    book.refuses(CHECKERS[CMCC], message, Code.WRONG_ROLE)
    book.refuses(MAKERS[CMCC], replace(message, deadline=book.time), Code.DEADLINE_PASSED)
    book.refuses(MAKERS[CMCC], replace(message, obligations=(1, 9)), Code.OBLIGATION_NOT_FOUND)
    book.refuses(MAKERS[CMCC], replace(message, second=CTCC), Code.OF_OTHER_OPERATORS)
    book.refuses(MAKERS[CMCC], replace(message, currency=840), Code.OF_ANOTHER_CURRENCY)
    book.send(PAYER, NotifyPayment(1, YUAN, b"A1"))
    book.refuses(MAKERS[CMCC], message, Code.NOT_DUE)


def test_what_is_held_is_not_set_off() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0), (5 * YUAN, 0)))
    assert invoice(book, OUT, at=AGREE_BY) == [1, 2]
    message = ProposeRound(CMCC, CUCC, 156, (1, 2), book.time + 1000)
    book.refuses(MAKERS[CMCC], message, Code.NOT_DUE)


def second_agreement(book: Book, **changes: object) -> int:
    """An obligation of CMCC under another agreement of the same two."""
    number = agree(book, replace(TERMS, **changes))
    key = PeriodKey(number, 0, 1)
    sign_period(book, Amounts((7 * YUAN, 0)), key)
    return invoice(book, OUT, key)[0]


def test_a_round_goes_by_one_rule_that_every_agreement_binds() -> None:
    book = money_book()
    owed(book, 60 * YUAN)
    rating, tolerance, netting = TERMS.slots
    unbound = second_agreement(book, set_off=False)
    other = second_agreement(book, slots=(rating, tolerance, replace(netting, parameters=(1,))))
    same = second_agreement(book, valid_to=TERMS.valid_to + 1)
    message = ProposeRound(CMCC, CUCC, 156, (1,), book.time + 1000)
    book.refuses(MAKERS[CMCC], replace(message, obligations=(1, unbound)), Code.SET_OFF_NOT_AGREED)
    book.refuses(MAKERS[CMCC], replace(message, obligations=(1, other)), Code.SET_OFF_RULES_DIFFER)
    (proposed,) = book.send(MAKERS[CMCC], replace(message, obligations=(1, same)))
    assert isinstance(proposed, RoundProposed)
    assert proposed.terms.net == 67 * YUAN


def test_a_rule_without_a_version_in_force_nets_nothing() -> None:
    book = money_book()
    book.write(RulePublished(99, b"later", Slot.SET_OFF))
    number = second_agreement(book, slots=(*TERMS.slots[:2], replace(TERMS.slots[2], rule=99)))
    message = ProposeRound(CMCC, CUCC, 156, (number,), book.time + 1000)
    book.refuses(MAKERS[CMCC], message, Code.NO_RULE_IN_FORCE)


def test_the_rule_says_what_is_included_and_which_net_is_too_small() -> None:
    slots = (*TERMS.slots[:2], replace(TERMS.slots[2], parameters=(10 * YUAN,)))
    book = money_book(replace(TERMS, slots=slots))
    owed(book, 60 * YUAN, -51 * YUAN, -50 * YUAN)
    small = ProposeRound(CMCC, CUCC, 156, (1, 2), book.time + 1000)
    book.refuses(MAKERS[CMCC], small, Code.NET_TOO_SMALL)
    large = replace(small, obligations=(1, 3))
    shipped = book.rules
    book.rules = Answering(shipped, "include", lambda *_: (0,))
    book.refuses(MAKERS[CMCC], large, Code.LEFT_OUT_BY_RULE)
    book.rules = shipped
    assert isinstance(book.send(MAKERS[CMCC], large)[-1], RoundProposed)


def test_the_rule_is_told_what_is_open_and_what_is_overdue() -> None:
    book = money_book()
    owed(book, 60 * YUAN, -50 * YUAN)
    pay(book, 1, 10 * YUAN, b"A1")
    asked: list[tuple[str, tuple[int, ...]]] = []
    shipped = book.rules

    def listening(bundle: bytes, entry: str) -> RuleFunction:
        def call(*given: int) -> tuple[int, ...]:
            asked.append((entry, given))
            return shipped(bundle, entry)(*given)

        return call

    book.rules = listening
    book.time = obligation(book, 1).claim.due
    propose(book, [1, 2])
    assert asked == [("include", (50 * YUAN, 0, 1))] * 2, "and of a net of nothing it is not asked"


def test_parameters_that_the_rule_does_not_take_are_refused() -> None:
    slots = (*TERMS.slots[:2], replace(TERMS.slots[2], parameters=(-1,)))
    book = money_book(replace(TERMS, slots=slots))
    owed(book, 60 * YUAN)
    message = ProposeRound(CMCC, CUCC, 156, (1,), book.time + 1000)
    book.refuses(MAKERS[CMCC], message, RuleCode.ARGUMENT_OUT_OF_RANGE)


def test_round_signatures_are_refused() -> None:
    book = money_book()
    proposed = propose(book, owed(book, 60 * YUAN, -50 * YUAN))
    document = proposed.document
    book.refuses(PAYER, approval(PAYER, ROUND, bytes(32)), Code.DOCUMENT_NOT_FOUND)
    book.refuses(PAYER, Approve(ROUND, document, Role.MAKER, Verdict.APPROVE), Code.ROLE_NOT_THE_KEYS)
    for by in (MAKERS[CMCC], CHECKERS[CTCC]):
        book.refuses(by, approval(by, ROUND, document), Code.NOT_ASKED_TO_SIGN)
    book.send(PAYER, approval(PAYER, ROUND, document))
    book.refuses(PAYER, approval(PAYER, ROUND, document, Verdict.REFUSE), Code.ALREADY_SIGNED)
    second = signer(CMCC, Role.CHECKER, 1)
    book.write(KeyRegistered(CMCC, 1, second.public, Role.CHECKER))
    book.refuses(second, approval(second, ROUND, document), Code.ALREADY_SIGNED)
    revoked = [
        Signature(CUCC, Role.CHECKER, signer(CUCC, Role.CHECKER, n).public, Verdict.APPROVE) for n in range(2, 33)
    ]
    book.write(*(RoundSigned(document, 1, signature) for signature in revoked))
    book.refuses(PAYEE, approval(PAYEE, ROUND, document), Code.TOO_MANY_SIGNATURES)


def test_numbers_of_rounds_and_nets_end() -> None:
    book = money_book()
    numbers = owed(book, 60 * YUAN, -50 * YUAN)
    counters = COUNTERS.require(book.state, THE_COUNTERS)
    COUNTERS.put(book.state, THE_COUNTERS, replace(counters, rounds=2**32 - 1))
    message = ProposeRound(CMCC, CUCC, 156, tuple(numbers), book.time + 1000)
    book.refuses(MAKERS[CMCC], message, Code.NO_NUMBER_LEFT)
    COUNTERS.put(book.state, THE_COUNTERS, replace(counters, obligations=2**32 - 1))
    proposed = propose(book, numbers)
    book.send(PAYER, approval(PAYER, ROUND, proposed.document))
    book.refuses(PAYEE, approval(PAYEE, ROUND, proposed.document), Code.NO_NUMBER_LEFT)
