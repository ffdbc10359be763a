"""The one way from a wish to the chain: simulate it, or write it to the outbox, send it and wait."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from abci_app.kernel.encoding import Value
from settle.chain.keys import Signer
from settle.chain.outbox import LIFE, Outbox, Result, Ticket
from settle.chain.outbox_store import OutboxStore
from settle.chain.transactions import encode_messages, sign_messages
from settle.cli.facts import facts_table, read_told
from settle.cli.failures import refused
from settle.cli.options import Sending
from settle.cli.questions import simulate
from settle.cli.session import Session


class Wish(NamedTuple):
    """Messages that take effect together, who signs them, and what a person calls that ("keys approve")."""

    verb: str
    messages: Sequence[Value]
    signer: Signer
    moment: str = ""
    """Tells apart wishes that are wanted again with the same messages: `Advance` means something else later."""


def outbox_path(home: Path) -> Path:
    """The operator's outbox; one for all keys of the home."""
    return home / "agent" / "outbox.sqlite"


def send(now: Session, options: Sending, wish: Wish, *, then: str) -> None:
    """Carry a wish out and tell its result; `then` is the command that shows what it led to.

    Raises `Failure` with the chain's code where it is refused, `StillWaiting` after the timeout.
    """
    send_all(now, options, [wish], then=then)


def send_all(now: Session, options: Sending, wishes: Sequence[Wish], *, then: str) -> None:
    """Carry several wishes out, one transaction each, as one action. The first refusal ends it."""
    if options.dry_run:
        _foresee(now, wishes, then)
        return
    path = outbox_path(now.settings.folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    outbox = Outbox(path, now.node, now.chain_id, signers=now.keys.values())
    try:
        tickets = [_submit(outbox, wish) for wish in wishes]
        outbox.pump()
        results = [
            outbox.wait(ticket, now.settings.seconds) if options.wait else outbox.result(ticket) for ticket in tickets
        ]
        ids = _transaction_ids(path, now.chain_id, tickets)
    finally:
        outbox.close()
    _require_accepted(wishes, results)
    document = {
        "transactions": [
            {"verb": wish.verb, "hash": name, **_told(ticket, result)}
            for wish, name, ticket, result in zip(wishes, ids, tickets, results, strict=True)
        ],
        "next": then,
    }
    lines = [_line(*each) for each in zip(wishes, ids, tickets, results, strict=True)]
    now.out.result(document, *lines)
    now.out.hint(f"next: {then}")


def _submit(outbox: Outbox, wish: Wish) -> Ticket:
    """Equal wishes of one key are one submission for ever; a refused one is tried again when wanted again."""
    content = sha256(wish.signer.public + encode_messages(wish.messages)).hexdigest()
    ticket = outbox.submit(f"{wish.verb} {wish.moment}{content[:32]}", wish.messages, wish.signer)
    outbox.retry(ticket, wish.signer)
    return ticket


def _require_accepted(wishes: Sequence[Wish], results: Sequence[Result | None]) -> None:
    """Raise the first refusal; of several wishes it tells how many were refused, and that the others stand."""
    bad = [(wish, result) for wish, result in zip(wishes, results, strict=True) if result is not None and result.code]
    if not bad:
        return
    wish, result = bad[0]
    again = f"correct what differs, then `settle {wish.verb}` again"
    if len(wishes) > 1:
        others = len(wishes) - len(bad)
        again = f"{wish.verb}: {again}; refused {len(bad)} of {len(wishes)}, the other {others} are carried out"
    raise refused(result.code, result.log, again)


def _told(ticket: Ticket, result: Result | None) -> dict[str, object]:
    if result is None:
        return {"state": "in the outbox", "ticket": ticket.id}
    return {"state": "in a block", "code": result.code, "height": result.height, "facts": result.facts.hex()}


def _transaction_ids(path: Path, chain_id: str, tickets: Sequence[Ticket]) -> list[str]:
    """CometBFT's hashes, by which `/tx` and explorers find them."""
    store = OutboxStore(path, chain_id)
    try:
        return [store.entry(ticket.id).hash.hex().upper() for ticket in tickets]
    finally:
        store.close()


def _line(wish: Wish, name: str, ticket: Ticket, result: Result | None) -> str:
    where = f"in the outbox as ticket {ticket.id}" if result is None else f"in block {result.height}"
    return f"{wish.verb}: {where}" + (f", transaction {name}" if name else "")


def _foresee(now: Session, wishes: Sequence[Wish], then: str) -> None:
    """`--dry-run`: each wish is judged on the state as it is, none sees what the one before would do."""
    documents: list[dict[str, object]] = []
    shown = []
    for wish in wishes:
        number = now.unused_number(wish.signer.public)
        signed = sign_messages(now.chain, encode_messages(wish.messages), number, now.status.height + LIFE, wish.signer)
        foreseen = simulate(now.node, signed.raw)
        if foreseen.code:
            raise refused(
                foreseen.code, foreseen.log, f"nothing was sent; correct what differs, then `settle {wish.verb}`"
            )
        told = [read_told(-1, raw) for raw in foreseen.records]
        documents.append({"verb": wish.verb, "cost": foreseen.cost, "facts": [each.document() for each in told]})
        shown.append(facts_table(told, now.codes) if told else f"{wish.verb}: accepted, and nothing would change")
    now.out.result({"dry_run": documents, "next": then}, *shown)
    now.out.hint("nothing was sent; leave --dry-run away to send it")
