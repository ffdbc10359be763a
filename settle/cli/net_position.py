"""`settle net-position`: what is owed between operators, and set-off rounds."""

from __future__ import annotations

from abci_app.domain.obligations.queries import PairQuery
from abci_app.domain.obligations.schema import ProposeRound, Round, RoundState, State
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict, both_check
from abci_app.kernel.roles import Role
from settle.cli.failures import not_done, usage
from settle.cli.names import currency_of
from settle.cli.options import COMMON, SENDING, Common, Sending, noun
from settle.cli.output import table
from settle.cli.plain import CURRENCIES, fields, iso, money
from settle.cli.questions import ACCOUNTS, EFFECTIVE_ROUND, NET_POSITION, OBLIGATIONS_OF, ROUND, ROUNDS
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session

app = noun("net-position", "What is owed between operators, and set-off rounds.")


@app.default
def net_position(operator: str | None = None, *, common: Common = COMMON) -> None:
    """Show what an operator owes each other one, and is owed; held obligations included.

    Parameters
    ----------
    operator
        By code or number; the home's own by default.
    """
    with session(common) as now:
        number = now.myself if operator is None else now.operator(operator)
        rows, documents = [], []
        for counterparty, currency, _ in now.ask(ACCOUNTS, number):
            net = now.ask(NET_POSITION, PairQuery(number, counterparty, currency))
            amounts = (net.owes, net.is_owed, net.net, net.has_paid, net.was_paid)
            rows.append((now.codes[counterparty], *(money(amount, currency) for amount in amounts)))
            documents.append({"counterparty": now.codes[counterparty], "currency": currency, **fields(net)})
        columns = ("counterparty", "owes", "is owed", "net", "has paid", "was paid")
        document = {"operator": now.codes[number], "positions": documents}
        now.out.result(document, table(*columns, rows=rows, right=columns[1:]))


@app.command
def propose(
    counterparty: str,
    *,
    deadline_hours: float = 72.0,
    obligations: tuple[int, ...] = (),
    currency: str = "CNY",
    sending: Sending = SENDING,
) -> None:
    """Propose to set obligations of two operators off against each other; checkers of both then approve.

    Parameters
    ----------
    counterparty
        The other operator, by code or number.
    deadline_hours
        By when the net is paid, in hours of block time from now; else the round unwinds.
    obligations
        Their numbers; all that are due between the two by default. May be given several times.
    currency
        Letters, such as CNY.
    """
    with session(sending) as now:
        signer = now.signer(Role.MAKER)
        money_of = _currency(currency)
        first, second = sorted((signer.operator, now.operator(counterparty)))
        numbers = sorted(obligations) or _due_between(now, first, second, money_of)
        if not numbers:
            raise not_done(
                expected=f"obligations due between {now.codes[first]} and {now.codes[second]}",
                actual="none",
                next_step="see `settle pay list`",
            )
        deadline = now.time + int(deadline_hours * 3600)
        messages = [ProposeRound(first, second, money_of, tuple(numbers), deadline)]
        send(now, sending, Wish("net-position propose", messages, signer), then="settle net-position rounds")


@app.command
def rounds(*, common: Common = COMMON) -> None:
    """List set-off rounds: who owes the net, and who has still to approve."""
    with session(common) as now:
        rows, documents = [], []
        for number, _ in now.ask(ROUNDS):
            row = now.require(f"round {number}", EFFECTIVE_ROUND, number, "settle net-position rounds")
            terms = row.terms
            parties = f"{now.codes[terms.first]}-{now.codes[terms.second]}"
            payer = now.codes[terms.first if terms.net > 0 else terms.second] if terms.net else "nobody"
            net = money(abs(terms.net), terms.currency)
            missing = missing_checkers(now, row)
            rows.append(
                (number, parties, row.state.name, len(terms.items), payer, net, iso(terms.deadline), ", ".join(missing))
            )
            documents.append({"round": number, "missing": missing, **fields(row)})
        columns = ("round", "parties", "state", "obligations", "payer", "net", "deadline", "missing")
        now.out.result(documents, table(*columns, rows=rows, right=("round", "obligations", "net")))


@app.command
def approve(number: int, *, refuse: bool = False, sending: Sending = SENDING) -> None:
    """Sign a set-off round as checker.

    Parameters
    ----------
    number
        The round's number.
    refuse
        Refuse it instead.
    """
    with session(sending) as now:
        row = now.require(f"round {number}", ROUND, number, "settle net-position rounds")
        signer = now.signer(Role.CHECKER)
        verdict = Verdict.REFUSE if refuse else Verdict.APPROVE
        messages = [Approve(DocumentKind.NETTING_ROUND, row.document, signer.role, verdict)]
        send(now, sending, Wish("net-position approve", messages, signer), then="settle net-position rounds")


def missing_checkers(now: Session, row: Round) -> list[str]:
    """The operators whose checker has still to sign; none unless the round is proposed."""
    if row.state != RoundState.PROPOSED:
        return []
    signed = {signature.operator for signature in row.signatures}
    policy = both_check(row.terms.first, row.terms.second)
    return [now.codes[need.operator] for need in policy if need.operator not in signed]


def _due_between(now: Session, first: int, second: int, currency: int) -> list[int]:
    return [
        number
        for number, row in now.ask(OBLIGATIONS_OF, first)
        if {row.claim.debtor, row.claim.creditor} == {first, second}
        and row.claim.currency == currency
        and row.state in (State.DUE, State.PARTIAL)
    ]


def _currency(letters: str) -> int:
    number = currency_of(letters)
    if number is None:
        known = ", ".join(CURRENCIES.values())
        raise usage(expected=f"one of {known}", actual=letters, next_step="give ISO 4217 letters")
    return number
