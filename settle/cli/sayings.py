"""What a fact says, in a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abci_app.domain.agreements.schema import AgreementActivated, AgreementProposed, AgreementSigned
from abci_app.domain.obligations.schema import (
    InterestClaimed,
    InvoiceIssued,
    ObligationPosted,
    PaidLate,
    PaymentConfirmed,
    PaymentContested,
    PaymentNotified,
    PeriodRerated,
    RoundAccepted,
    RoundProposed,
    RoundSigned,
    TaxStated,
)
from abci_app.domain.periods.schema import (
    BiasJudged,
    FiguresDeclared,
    FiguresOpened,
    LineFigures,
    PeriodClosed,
    PeriodCutOff,
    PeriodSigned,
    StatementSigned,
    StatementStruck,
    UsageAnchored,
    Verdict,
)
from abci_app.kernel.encoding import Value
from settle.cli.decisions import decision_said, vote_said
from settle.cli.facts import content
from settle.cli.figures import flag_names
from settle.cli.plain import iso, money, short, text


class Teller:
    """Tells facts with operators' codes and amounts in a currency; of one catalogue line where one is asked for."""

    def __init__(self, codes: Mapping[int, str], currency: int, line: int | None = None) -> None:
        self._codes = codes
        self._currency = currency
        self._line = line

    def say(self, fact: Value) -> str:
        """The sentence; the bare fields for a fact that has none."""
        told = decision_said(fact, self._code) or self._of_agreements(fact) or self._of_periods(fact)
        return told or self._of_money(fact) or self._of_notes(fact) or content(fact)

    def _of_agreements(self, fact: Value) -> str:
        match fact:
            case AgreementProposed():
                parties = f"{self._code(fact.terms.first)} and {self._code(fact.terms.second)}"
                return f"version {fact.version} of agreement {fact.agreement} of {parties}"
            case AgreementActivated():
                return f"version {fact.version} of agreement {fact.agreement} is in force"
            case AgreementSigned() | StatementSigned() | RoundSigned():
                return vote_said(fact.signature, self._code)
            case _:
                return ""

    def _of_periods(self, fact: Value) -> str:
        match fact:
            case UsageAnchored():
                late = ", late" if fact.late else ""
                return (
                    f"file {fact.sequence} of stream {fact.stream}: {fact.totals.records:,} records, "
                    f"{fact.totals.duration_ms:,} ms, {fact.totals.units:,} units, root {short(fact.root)}{late}"
                )
            case PeriodCutOff():
                pinned = f"rating {short(fact.rating)}, tolerance {short(fact.tolerance)}"
                return f"rules pinned as of height {fact.height}: {pinned}"
            case FiguresDeclared():
                return (
                    f"revision {fact.revision}, {len(fact.commitments)} commitments over "
                    f"{len(fact.streams)} streams, rated by {short(fact.rating)}"
                )
            case FiguresOpened():
                return f"revision {fact.revision}: {self._figures(fact.lines, fact.prices)}"
            case StatementStruck():
                return self._statement(fact)
            case PeriodSigned():
                return "bound by time, not signature" if fact.deemed else "signed by both"
            case PeriodClosed():
                return "nothing is owed any more"
            case BiasJudged():
                first, second = (self._money(each) for each in fact.moved)
                return f"once signed, moves the pair's bias by {first} and {second}"
            case _:
                return ""

    def _of_money(self, fact: Value) -> str:
        match fact:
            case InvoiceIssued():
                rows = [each for each in fact.invoice.lines if self._line in (None, each.line)]
                payable = self._money(sum(each.payable for each in rows))
                return f"payable {payable}, disputed {self._money(sum(each.disputed for each in rows))}"
            case ObligationPosted():
                claim = fact.claim
                amount, hold = money(claim.amount, claim.currency), claim.hold.name.lower()
                held = f", held: {hold}" if claim.hold else ""
                parties = f"{self._code(claim.debtor)} owes {self._code(claim.creditor)}"
                return f"obligation {fact.obligation}: {parties} {amount}, due {iso(claim.due)}{held}"
            case PaymentNotified():
                notice = fact.notice
                return (
                    f"obligation {fact.obligation}: {self._money(notice.amount)} paid as {text(notice.bank_reference)}"
                )
            case PaymentConfirmed():
                how = "taken as arrived" if fact.deemed else "arrived"
                return f"obligation {fact.obligation}: {self._money(fact.amount)} {how}, {text(fact.bank_reference)}"
            case PaymentContested():
                return f"obligation {fact.obligation}: {text(fact.bank_reference)} has not arrived: {text(fact.reason)}"
            case RoundProposed():
                terms = fact.terms
                numbers = ", ".join(str(item.obligation) for item in terms.items)
                return f"round {terms.round}: obligations {numbers} leave {money(abs(terms.net), terms.currency)}"
            case RoundAccepted():
                instead = f"obligation {fact.net} takes their place" if fact.net else "they cancel out"
                return f"round {fact.round}: {instead}"
            case _:
                return ""

    def _of_notes(self, fact: Value) -> str:
        match fact:
            case TaxStated():
                net, tax = sum(each.payable for each in fact.lines), sum(each.payable_tax for each in fact.lines)
                held = sum(each.disputed_tax for each in fact.lines)
                disputed = f", on what is disputed {self._money(held)}" if held else ""
                return f"tax on {self._money(net)} is {self._money(tax)}{disputed}, by {short(fact.rule)}"
            case PaidLate():
                late = f"owed from {iso(fact.owed_from)}, paid {iso(fact.owed_to)}"
                return f"obligation {fact.obligation}: {self._money(fact.amount)} {late}"
            case InterestClaimed():
                days = ", ".join(f"{each.days} days on {self._money(each.principal)}" for each in fact.spans)
                interest = self._money(sum(each.interest for each in fact.spans))
                told = days or "payments that are barred by time"
                return f"obligation {fact.obligation}: {told} bear {interest}, by {short(fact.rule)}"
            case PeriodRerated():
                return self._rerate(fact)
            case _:
                return ""

    def _rerate(self, fact: PeriodRerated) -> str:
        rules = f"{short(fact.before)} became {short(fact.after)}"
        told = [each for each in fact.lines if each.line == self._line]
        if told:
            return f"{rules}: {self._money(told[0].before)} became {self._money(told[0].after)}"
        notes = ", ".join(
            f"{'debit' if each.net + each.tax > 0 else 'credit'} note {each.obligation} over "
            f"{self._money(abs(each.net + each.tax))}"
            for each in fact.notes
        )
        return f"{rules}: {notes or 'no difference'}"

    def _figures(self, lines: Sequence[LineFigures], prices: Sequence[int]) -> str:
        if self._line is not None and self._line < len(lines):
            told, price = lines[self._line], prices[self._line]
            counts = f"{told.calls:,} calls, {told.units_actual:,} units, {told.units_billed:,} billed"
            return f"{counts}, {self._money(told.amount)}; the rule's price {self._money(price)}"
        return f"{len(lines)} lines, in all {self._money(sum(each.amount for each in lines))}"

    def _statement(self, fact: StatementStruck) -> str:
        statement = fact.statement
        if self._line is not None and self._line < len(statement.lines):
            row = statement.lines[self._line]
            return f"{row.verdict.name}, settled {self._money(row.settled)}, disputed {self._money(row.disputed)}"
        verdicts = [each.verdict for each in statement.lines]
        counted = ", ".join(f"{verdicts.count(each)} {each.name}" for each in Verdict if each in verdicts)
        first, second = (self._money(each) for each in statement.payable)
        flags = "".join(f", {name}" for name in flag_names(statement.flags))
        return f"{counted}; payable {first} and {second}{flags}"

    def _code(self, operator: int) -> str:
        return self._codes.get(operator, str(operator))

    def _money(self, micro: int) -> str:
        return money(micro, self._currency)
