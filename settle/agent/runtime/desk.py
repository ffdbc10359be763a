"""What the agent works with in one pass, and how it sends what it wants sent: once, whatever happens in between."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from abci_app.kernel.approvals import Signature
from abci_app.kernel.encoding import Value
from settle.agent.intake.sort import Setting
from settle.agent.intake.stream import Receipt, Stream
from settle.agent.read_model import KnownPeriod, ReadModel
from settle.agent.runtime.clock import Now
from settle.agent.runtime.rating import Side
from settle.agent.runtime.rulebook import Rulebook
from settle.agent.runtime.settings import AgentSettings
from settle.agent.vault import Vault
from settle.chain.errors import ContentConflict
from settle.chain.outbox import Outbox, Result, Ticket
from settle.chain.rpc import Node
from settle.chain.transactions import Signing

_UNKNOWN_KEY = 907
"""The application's code for a signer that is not registered, or revoked."""

log = logging.getLogger("settle.agent")


class ActionKind(StrEnum):
    """What an agent does by itself."""

    FILE_TAKEN = "file taken"
    FILE_REFUSED = "file refused"
    ANCHORED = "anchored"
    DECLARED = "declared"
    OPENED = "opened"
    APPROVED = "approved as maker"
    INVOICED = "invoiced"
    ROUND_PROPOSED = "round proposed"
    ADVANCED = "advanced"
    NEAR_DEADLINE = "near its deadline"
    BLOCKED = "blocked"


class Action(NamedTuple):
    """One thing that a pass did.

    `subject`: a file, a period A/P/O, an obligation, a pair of operators. `ticket`: what was submitted for it.
    """

    kind: ActionKind
    subject: str
    detail: str = ""
    ticket: Ticket | None = None


class Blocked(NamedTuple):
    """Something that the agent wants and cannot have; a person has to look. `code` is 0 where nothing was sent."""

    kind: ActionKind
    subject: str
    code: int
    reason: str


class Wish(NamedTuple):
    """Something to be sent. `key` names it for ever; `messages` makes it, the same every time.

    `until`: it is useless in a block at or after this time (UTC seconds); None where it has no deadline.
    `again_after`: codes of a refusal that only says "too early": it is wanted again. `not_a_fault`: codes of a
    refusal that nobody has to look at.
    """

    kind: ActionKind
    key: str
    subject: str
    messages: Callable[[], Sequence[Value]]
    until: int | None = None
    detail: str = ""
    again_after: frozenset[int] = frozenset()
    not_a_fault: frozenset[int] = frozenset()


class Sender:
    """Hands wishes to the outbox under one key, and remembers which of them stand there."""

    def __init__(self, outbox: Outbox, signer: Signing) -> None:
        self._outbox = outbox
        self._signer = signer
        self._tickets: dict[str, Ticket] = {}

    def send(self, wish: Wish) -> tuple[Ticket, bool]:
        """The wish's ticket, and whether it was handed over now."""
        known = self._tickets.get(wish.key)
        if known is not None:
            return known, False
        ticket = self._outbox.submit(wish.key, wish.messages(), self._signer)
        self._tickets[wish.key] = ticket
        return ticket, True

    @property
    def public(self) -> bytes:
        """The public key that signs."""
        return self._signer.public

    def result(self, ticket: Ticket) -> Result | None:
        """How a submission ended; None while that is open."""
        return self._outbox.result(ticket)

    def again(self, ticket: Ticket) -> None:
        """Submit again what was refused as too early."""
        self._outbox.retry(ticket, self._signer)


class Desk:
    """One pass: the chain as of one block, the operator's own things, and what is done about it."""

    def __init__(
        self,
        *,
        operator: int,
        codes: dict[int, str],
        chain: bytes,
        now: Now,
        node: Node,
        model: ReadModel,
        vault: Vault,
        rulebook: Rulebook,
        settings: AgentSettings,
        setting: Setting | None,
        files: Sequence[tuple[Stream, Receipt]],
        sender: Sender,
    ) -> None:
        """`codes`: operator number → code. `chain`: sha256 of the chain id. `setting`: what records are judged by;
        None while no agreement is in force."""
        self.operator = operator
        self.codes = codes
        self.chain = chain
        self.now = now
        self.node = node
        self.model = model
        self.vault = vault
        self.rulebook = rulebook
        self.settings = settings
        self.setting = setting
        self.files = files
        self.maker = sender.public
        self._sender = sender
        self.actions: list[Action] = []
        self.blocked: list[Blocked] = []

    def side_of(self, known: KnownPeriod) -> Side:
        """Our view of a period that we are party to."""
        terms = known.terms
        party = 0 if self.operator == terms.first else 1
        peer = terms.first if party else terms.second
        return Side(known, party, self.codes[self.operator], self.codes[peer])

    def signed_roles(self, given: Sequence[Signature]) -> set[int]:
        """The roles in which our operator has signed, or refused; a revoked key's signature does not count."""
        active = dict(self.model.active_keys(self.operator))
        return {each.role for each in given if each.operator == self.operator and each.key in active}

    def want(self, wish: Wish) -> Result | None:
        """Have it sent, once; how it ended, or None while that is open. A refusal is noted for people."""
        try:
            ticket, is_new = self._sender.send(wish)
        except ContentConflict as conflict:
            self.block(wish.kind, wish.subject, str(conflict))
            return None
        if is_new:
            self.actions.append(Action(wish.kind, wish.subject, wish.detail, ticket))
            self._warn_when_near(wish)
        result = self._sender.result(ticket)
        if result is None or result.code == 0:
            return result
        if result.code in wish.again_after:
            self._sender.again(ticket)
            return None
        if result.code == _UNKNOWN_KEY:
            self._sender.again(ticket)  # once the key is registered, nothing is wrong with what it signs
        if result.code not in wish.not_a_fault:
            self.block(wish.kind, wish.subject, result.log, result.code)
        return result

    def block(self, kind: ActionKind, subject: str, reason: str, code: int = 0) -> None:
        """Note that something cannot go on without a person."""
        self.blocked.append(Blocked(kind, subject, code, reason))

    def _warn_when_near(self, wish: Wish) -> None:
        if wish.until is None or not self.now.is_near(wish.until):
            return
        left = wish.until - self.now.time
        self.actions.append(Action(ActionKind.NEAR_DEADLINE, wish.subject, f"{wish.kind}, {left} s before its end"))
        log.warning("%s of %s was sent only %d s of block time before its deadline", wish.kind, wish.subject, left)
