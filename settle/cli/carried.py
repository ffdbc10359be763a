"""What a proposal carries, in words: messages that only a vote may send."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from abci_app.domain.governance import schema as governance
from abci_app.domain.members import schema as members
from abci_app.domain.rulebook import schema as rulebook
from abci_app.kernel.encoding import Decoder, encode
from abci_app.kernel.thresholds import Share, Thresholds
from settle.cli.plain import fields, text

Carried: TypeAlias = members.Governed | governance.Governed | rulebook.Governed
_read: Decoder[Carried] = Decoder(Carried)


def carried(proposal: governance.Proposal) -> tuple[Carried, ...]:
    """The messages in a proposal. Raises `Malformed` for those of a later release."""
    return tuple(_read(raw) for raw in proposal.messages)


def packed(*messages: Carried) -> tuple[bytes, ...]:
    """Messages as a proposal carries them."""
    return tuple(encode(message) for message in messages)


def said(message: Carried) -> str:
    """What a message would do, in a line."""
    match message:
        case rulebook.ScheduleVersion():
            past = ", past usage too" if message.backdated else ""
            return f"bundle {message.bundle.hex()} runs from height {message.activation}{past}"
        case rulebook.RollBack():
            return f"rule {message.rule} goes back to version {message.version} from height {message.activation}"
        case rulebook.SuspendRule():
            return f"rule {message.rule} is suspended, and lapses unless ratified"
        case rulebook.RatifySuspension():
            return f"the suspension of rule {message.rule} lasts"
        case rulebook.ResumeRule():
            return f"rule {message.rule} is in force again"
        case _:
            return _said_of_members(message)


def _said_of_members(message: members.Governed | governance.Governed) -> str:
    match message:
        case members.AdmitOperator():
            told = f"{message.kind.name.lower()}, {len(message.units)} units, {len(message.keys)} keys"
            return f"operator {message.operator}, {text(message.code)} ({text(message.name)}), is admitted: {told}"
        case members.ChangeMembership():
            return f"operator {message.operator} is {message.membership.name.lower()}"
        case members.AppointValidator():
            return f"validator {message.public.hex()} of operator {message.operator} gets power"
        case members.RemoveValidator():
            return f"validator {message.public.hex()} loses its power"
        case governance.SetParameters():
            return "parameters: " + ", ".join(f"{name} {told}" for name, told in fields(message.parameters).items())
        case governance.SetThresholds():
            return f"thresholds: {thresholds(message.thresholds)}"
        case _:
            assert_never(message)


def thresholds(given: Thresholds) -> str:
    """The shares that votes must pass, in a line."""
    shares = [("consortium", given.consortium), ("constitution", given.constitution), ("emergency", given.emergency)]
    return ", ".join(f"{name} {_share(share)}" for name, share in shares) + f", few {given.few}"


def _share(share: Share) -> str:
    return f"{share.numerator}/{share.denominator}"
