"""`settle pay`: obligations, and the payments that end them."""

from __future__ import annotations

from hashlib import sha256

from abci_app.domain.obligations.schema import (
    ClaimInterest,
    ConfirmPayment,
    ContestPayment,
    Note,
    NotifyPayment,
    Obligation,
    State,
)
from abci_app.kernel.encoding import encode
from abci_app.kernel.roles import Role
from settle.cli.failures import not_done, usage
from settle.cli.options import COMMON, SENDING, Common, Sending, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import fields, iso, money, read_money, text
from settle.cli.questions import DELAYS, EFFECTIVE_OBLIGATION, NOTE, NOTES, OBLIGATIONS_OF, PAYMENTS
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session

app = noun("pay", "Obligations, and the payments that end them.")


@app.command(name="list")
def list_obligations(*, operator: str | None = None, everything: bool = False, common: Common = COMMON) -> None:
    """List obligations of an operator: what it owes and is owed.

    Parameters
    ----------
    operator
        By code or number; the home's own by default.
    everything
        Also those that are final.
    """
    with session(common) as now:
        number = now.myself if operator is None else now.operator(operator)
        rows, documents = [], []
        listed = now.ask(NOTES, number)
        notes = dict(listed)
        for obligation, _ in now.ask(OBLIGATIONS_OF, number):
            row = _effective(now, obligation)
            if everything or row.state not in (State.PAID, State.VOID, State.NETTED):
                rows.append(_row(now, obligation, row, notes.get(obligation)))
                documents.append(_document(now, obligation, row, notes.get(obligation)))
        columns = ("obligation", "debtor", "creditor", "amount", "paid", "state", "due", "from")
        now.out.result(documents, table(*columns, rows=rows, right=("obligation", "amount", "paid")))


@app.command
def show(obligation: int, *, common: Common = COMMON) -> None:
    """Show one obligation with its payments.

    Parameters
    ----------
    obligation
        Its number.
    """
    with session(common) as now:
        row = _effective(now, obligation)
        payments = now.ask(PAYMENTS, obligation)
        currency = row.claim.currency
        note, delays = now.find(NOTE, obligation), now.ask(DELAYS, obligation)
        document = _document(now, obligation, row, note) | {
            "payments": [{"bank_reference": text(name), **fields(each)} for name, each in payments],
            "unclaimed_delays": [fields(each) for each in delays],
        }
        columns = ("obligation", "debtor", "creditor", "amount", "paid", "state", "due", "from")
        paid = [
            (text(name), money(each.amount, currency), each.state.name, text(each.reason)) for name, each in payments
        ]
        told = zip(columns, _row(now, obligation, row, note), strict=True)
        shown = [facts_of([*told, ("hold", row.claim.hold.name)])]
        shown.append(table("bank reference", "amount", "state", "contested for", rows=paid))
        if delays:
            late = [(money(each.amount, currency), iso(each.owed_from), iso(each.owed_to)) for each in delays]
            shown.append(table("bears interest", "from", "to", rows=late))
        now.out.result(document, *shown)


@app.command
def notify(obligation: int, *, reference: str, amount: str = "", sending: Sending = SENDING) -> None:
    """Tell the payee that a payment was made, as checker of the payer.

    Parameters
    ----------
    obligation
        Its number.
    reference
        What both banks' statements show, at most 35 characters.
    amount
        In units of the currency, such as 1234.50; all that is open by default.
    """
    with session(sending) as now:
        row = _effective(now, obligation)
        micro = _micro(amount) if amount else row.claim.amount - row.paid
        wish = Wish("pay notify", [NotifyPayment(obligation, micro, _reference(reference))], now.signer(Role.CHECKER))
        send(now, sending, wish, then=f"settle pay show {obligation}")


@app.command
def confirm(obligation: int, *, reference: str = "", sending: Sending = SENDING) -> None:
    """Say that the notified payment has arrived, as checker of the payee. Only then is it final.

    Parameters
    ----------
    obligation
        Its number.
    reference
        The bank reference of the notice; the one that waits by default.
    """
    with session(sending) as now:
        name, amount = _notified(now, obligation, reference)
        wish = Wish("pay confirm", [ConfirmPayment(obligation, amount, name)], now.signer(Role.CHECKER))
        send(now, sending, wish, then=f"settle pay show {obligation}")


@app.command
def contest(obligation: int, *, reason: str, reference: str = "", sending: Sending = SENDING) -> None:
    """Say that the notified payment has not arrived, as checker of the payee.

    Parameters
    ----------
    obligation
        Its number.
    reason
        Why, in at most 128 bytes.
    reference
        The bank reference of the notice; the one that waits by default.
    """
    with session(sending) as now:
        told = reason.encode()
        if not 1 <= len(told) <= 128:
            raise usage(expected="a reason of 1 to 128 bytes", actual=f"{len(told)} bytes", next_step="shorten it")
        name, _ = _notified(now, obligation, reference)
        wish = Wish("pay contest", [ContestPayment(obligation, name, told)], now.signer(Role.CHECKER))
        send(now, sending, wish, then=f"settle pay show {obligation}")


@app.command
def claim_interest(obligation: int, *, sending: Sending = SENDING) -> None:
    """Claim interest for every whole day of delay that is not claimed yet, as maker of the payee.

    Parameters
    ----------
    obligation
        The one that is or was paid late; `settle pay show` lists its delays.
    """
    with session(sending) as now:
        _effective(now, obligation)
        claimable = sha256(encode(now.ask(DELAYS, obligation))).hexdigest()[:16]  # tomorrow's claim is another one
        signer = now.signer(Role.MAKER)
        wish = Wish("pay claim-interest", [ClaimInterest(obligation)], signer, f"of {claimable} ")
        send(now, sending, wish, then="settle pay list")


def _effective(now: Session, obligation: int) -> Obligation:
    if not 1 <= obligation < 2**32:
        raise usage(expected="an obligation's number", actual=str(obligation), next_step="see `settle pay list`")
    return now.require(f"obligation {obligation}", EFFECTIVE_OBLIGATION, obligation, "settle pay list")


def _notified(now: Session, obligation: int, reference: str) -> tuple[bytes, int]:
    """The notice that waits for an answer, and its amount."""
    row = _effective(now, obligation)
    known = {text(notice.bank_reference): notice for notice in row.notice}
    if reference and reference not in known:
        for name, payment in now.ask(PAYMENTS, obligation):
            if text(name) == reference:
                return name, payment.amount  # answered before: the chain gives the same answer again
    if not known or (reference and reference not in known):
        raise not_done(
            expected=f"a notified payment of obligation {obligation}" + (f" named {reference}" if reference else ""),
            actual=", ".join(known) or "none",
            next_step=f"see `settle pay show {obligation}`",
        )
    notice = known[reference] if reference else next(iter(known.values()))
    return notice.bank_reference, notice.amount


def _micro(amount: str) -> int:
    try:
        return read_money(amount)
    except ValueError as fault:
        raise usage(
            expected=str(fault), actual=amount, next_step="write the amount in units of the currency"
        ) from fault


def _reference(reference: str) -> bytes:
    raw = reference.encode()
    if not 1 <= len(raw) <= 35:
        raise usage(
            expected="a bank reference of 1 to 35 bytes", actual=f"{len(raw)} bytes", next_step="copy it from the bank"
        )
    return raw


def _row(now: Session, number: int, row: Obligation, note: Note | None) -> tuple[object, ...]:
    claim = row.claim
    return (
        number,
        now.codes[claim.debtor],
        now.codes[claim.creditor],
        money(claim.amount, claim.currency),
        money(row.paid, claim.currency),
        row.state.name,
        iso(claim.due),
        _source(row, note),
    )


def _source(row: Obligation, note: Note | None) -> str:
    """An invoice, a note about a period or an obligation, or the round whose net it is."""
    origin = row.claim.origin
    if origin.round:
        return f"round {origin.round}"
    if note is not None and note.about:
        return f"interest on obligation {note.about}"
    kind = "invoice" if note is None else f"{note.kind.name.lower()} note"
    return f"{kind} {origin.agreement}/{origin.pair}/{origin.ordinal}"


def _document(now: Session, number: int, row: Obligation, note: Note | None) -> dict[str, object]:
    parties = {"debtor": now.codes[row.claim.debtor], "creditor": now.codes[row.claim.creditor]}
    return {"obligation": number, **parties, **fields(row), "note": None if note is None else fields(note)}
