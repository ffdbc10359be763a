"""`settle gov propose`: opens a vote on what only a vote may do. Each verb is one message on its track."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec
from cyclopts import Parameter
from msgspec.structs import replace

from abci_app.domain.governance.schema import (
    Proposal,
    ProposalState,
    Propose,
    SetParameters,
    SetThresholds,
    proposal_hash,
)
from abci_app.domain.members.schema import (
    AdmitOperator,
    AppointValidator,
    ChangeMembership,
    Membership,
    RemoveValidator,
)
from abci_app.domain.rulebook.schema import RatifySuspension, ResumeRule, RollBack, ScheduleVersion, SuspendRule
from abci_app.kernel.encoding import Decoder, Malformed, Value
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from settle.cli.carried import Carried, packed
from settle.cli.failures import Failure, bad_input, usage
from settle.cli.names import hash_of
from settle.cli.options import Sending, noun
from settle.cli.questions import AGREEMENT, PARAMETERS, PROPOSAL, PROPOSER, THRESHOLDS
from settle.cli.rule_names import draft_named, rule_named
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session

app = noun("propose", "Open a vote on what only a vote may do.")

_read_admission: Decoder[AdmitOperator] = Decoder(AdmitOperator)
_read_appointment: Decoder[AppointValidator] = Decoder(AppointValidator)
V = TypeVar("V", bound=Value)
MembershipName: TypeAlias = Literal["active", "suspended", "removed"]


@Parameter(name="*")
@dataclass(frozen=True)
class Proposing(Sending):
    """How a proposal is sent."""

    note: str = ""
    "What the voters should know, up to 64 bytes."


PROPOSING = Proposing()


@app.command
def rule(
    bundle: str,
    *,
    at: int | None = None,
    after: int | None = None,
    backdated: bool = False,
    agreement: int = 0,
    order: str = "",
    proposing: Proposing = PROPOSING,
) -> None:
    """Propose that a countersigned bundle becomes the next version of its rule.

    Parameters
    ----------
    bundle
        NAME/vN, or the beginning of its hash: `settle rule drafts`.
    at
        The block from which it is to run; the least delay is in `settle gov parameters`.
    after
        In its place: so many blocks from now. Leave the voters time: a vote that ends too late is of no effect.
    backdated
        Say that the voters know: it also rates usage that is already past.
    agreement
        The agreement whose own rule it is: both parties vote.
    order
        As regulator: the hash of the order in hex. Nobody votes then.
    """
    track = Track.MANDATED if order else Track.AGREEMENT if agreement else Track.CONSORTIUM
    by_order = _hash(order, "an order's hash") if order else b""
    with session(proposing) as now:
        message = ScheduleVersion(draft_named(now, bundle), _height(now, at, after), backdated)
        _send(now, proposing, track, message, agreement=agreement, order=by_order)


@app.command
def rollback(rule: str, version: int, *, at: int, agreement: int = 0, proposing: Proposing = PROPOSING) -> None:
    """Propose that a rule returns to a version that runs, so that the later ones rate nothing any more.

    Parameters
    ----------
    rule
        Its name or number: `settle rule list`.
    version
        The version to return to.
    at
        The height from which.
    agreement
        The agreement whose own rule it is.
    """
    track = Track.AGREEMENT if agreement else Track.ROLLBACK
    with session(proposing) as now:
        _send(now, proposing, track, RollBack(rule_named(now, rule), version, at), agreement=agreement)


@app.command
def suspend(rule: str, *, proposing: Proposing = PROPOSING) -> None:
    """Propose that a rule rates nothing from the next block on; it lapses unless ratified.

    Parameters
    ----------
    rule
        Its name or number: `settle rule list`.
    """
    with session(proposing) as now:
        _send(now, proposing, Track.EMERGENCY, SuspendRule(rule_named(now, rule)))


@app.command
def ratify(rule: str, *, proposing: Proposing = PROPOSING) -> None:
    """Propose that a suspension lasts until the rule is resumed.

    Parameters
    ----------
    rule
        Its name or number: `settle rule list`.
    """
    with session(proposing) as now:
        _send(now, proposing, Track.CONSORTIUM, RatifySuspension(rule_named(now, rule)))


@app.command
def resume(rule: str, *, proposing: Proposing = PROPOSING) -> None:
    """Propose that a suspended rule is in force again.

    Parameters
    ----------
    rule
        Its name or number: `settle rule list`.
    """
    with session(proposing) as now:
        _send(now, proposing, Track.CONSORTIUM, ResumeRule(rule_named(now, rule)))


@app.command
def admit(file: Path, *, proposing: Proposing = PROPOSING) -> None:
    """Propose a new member, from the application that it made with `settle member apply`.

    Parameters
    ----------
    file
        The application.
    """
    _propose(proposing, _from_file(file, _read_admission, "settle member apply"))


@app.command
def membership(operator: str, to: MembershipName, *, proposing: Proposing = PROPOSING) -> None:
    """Propose to suspend a member, to let it take part again, or to remove it for ever. It has no vote on that.

    Parameters
    ----------
    operator
        Its code or number.
    to
        What it is to be.
    """
    with session(proposing) as now:
        number = now.operator(operator)
        _send(now, proposing, Track.CONSORTIUM, ChangeMembership(number, Membership[to.upper()]), concerned=number)


@app.command
def appoint(file: Path, *, proposing: Proposing = PROPOSING) -> None:
    """Propose a validator, from the statement that its operator made with `settle node prove`.

    Parameters
    ----------
    file
        The statement.
    """
    _propose(proposing, _from_file(file, _read_appointment, "settle node prove"))


@app.command
def dismiss(validator: str, *, proposing: Proposing = PROPOSING) -> None:
    """Propose that a validator loses its power; its key never comes back.

    Parameters
    ----------
    validator
        Its public key of 64 hex digits: `settle member show` lists them.
    """
    _propose(proposing, RemoveValidator(_hash(validator, "a validator's key")))


@app.command(name="parameters")
def set_parameters(*change: Annotated[str, Parameter(negative="")], proposing: Proposing = PROPOSING) -> None:
    """Propose other delays and bounds; what is not named stays.

    Parameters
    ----------
    change
        NAME=VALUE as `settle gov parameters` names them, such as delay=200 or agreement_slots=1,7;
        agreement_slots= names none.
    """
    with session(proposing) as now:
        wanted = _changed(now.ask(PARAMETERS), change)
        _send(now, proposing, Track.CONSORTIUM, SetParameters(wanted))


@app.command(name="thresholds")
def set_thresholds(*change: Annotated[str, Parameter(negative="")], proposing: Proposing = PROPOSING) -> None:
    """Propose other shares that votes must pass; what is not named stays.

    Parameters
    ----------
    change
        NAME=VALUE, such as consortium=3/4 or few=8.
    """
    with session(proposing) as now:
        wanted = _changed(now.ask(THRESHOLDS), change)
        _send(now, proposing, Track.CONSTITUTION, SetThresholds(wanted))


def _propose(proposing: Proposing, message: Carried) -> None:
    """What needs nothing of the chain to be written, and the members' majority to be carried."""
    with session(proposing) as now:
        _send(now, proposing, Track.CONSORTIUM, message)


def _send(
    now: Session,
    proposing: Proposing,
    track: Track,
    message: Carried,
    *,
    agreement: int = 0,
    order: bytes = b"",
    concerned: int = 0,
) -> None:
    signer = now.signer(Role.GOVERNANCE)
    parties: tuple[int, ...] = ()
    if agreement:
        row = now.require(f"agreement {agreement}", AGREEMENT, agreement, "settle agreement list")
        parties = row.first, row.second
    wanted = Proposal(
        signer.operator, 0, track, agreement, parties, concerned, order, packed(message), proposing.note.encode()
    )
    serial = _serial(now, wanted)
    said = (track, agreement, parties, concerned, order, wanted.messages, wanted.note)
    name = f"{now.codes[signer.operator]}/{serial}"
    send(now, proposing, Wish("gov propose", [Propose(serial, *said)], signer), then=f"settle gov vote {name}")


def _serial(now: Session, wanted: Proposal) -> int:
    """The next number of the operator; that of its last proposal where the same is wanted while it is open."""
    last = now.ask(PROPOSER, wanted.proposer)
    same = now.find(PROPOSAL, proposal_hash(now.chain, replace(wanted, serial=last)))
    return last if same is not None and same.state == ProposalState.VOTING else last + 1


def _height(now: Session, at: int | None, after: int | None) -> int:
    """The block that is asked for, by its height or by its distance."""
    if (at is None) == (after is None):
        raise usage(
            expected="one of --at HEIGHT and --after BLOCKS", actual="neither" if at is None else "both",
            next_step="--after 200, for instance; the least delay is in `settle gov parameters`",
        )  # fmt: skip
    return at if at is not None else now.status.height + (after or 0)


def _changed(before: V, changes: tuple[str, ...]) -> V:
    """A value with NAME=VALUE replaced. Raises `Failure` for a name that it has not, or a value that does not fit."""
    if not changes:
        raise usage(expected="NAME=VALUE", actual="nothing", next_step="see `settle gov parameters`")
    found = {name: getattr(before, name) for name in before.__struct_fields__}
    for change in changes:
        name, given, told = change.partition("=")
        if name not in found:
            raise usage(expected=f"one of {', '.join(found)}", actual=name, next_step="see `settle gov parameters`")
        if not given:
            raise usage(expected=f"{name}=VALUE", actual=change, next_step="see `settle gov parameters`")
        try:
            found[name] = _value(told, getattr(before, name))
        except ValueError as fault:
            raise _unfit(change, fault) from fault
    try:
        return msgspec.convert(list(found.values()), type(before), from_attributes=True)
    except msgspec.ValidationError as fault:
        raise _unfit(" ".join(changes), fault) from fault


def _value(told: str, before: object) -> object:
    """In the form of the value before: slots such as 1,7, 1 or none; a share such as 2/3; a number."""
    if isinstance(before, tuple):
        return [int(each) for each in told.split(",")] if told else []
    return [int(each) for each in told.split("/")] if "/" in told else int(told)


def _unfit(came: str, fault: Exception) -> Failure:
    return usage(expected="values within their bounds", actual=f"{came}: {fault}", next_step="correct the value")


def _hash(told: str, what: str) -> bytes:
    found = hash_of(told)
    if found is None:
        raise usage(expected=f"{what} of 64 hex digits", actual=told, next_step="copy it whole")
    return found


def _from_file(file: Path, read: Decoder[V], made_by: str) -> V:
    """A message that somebody else made, in hex. Raises `Failure` for anything else."""
    try:
        return read(bytes.fromhex(file.read_text(encoding="ascii")))
    except (Malformed, ValueError) as fault:
        raise bad_input(
            expected=f"a file of `{made_by}` at {file}", actual=str(fault), next_step="ask for the file again"
        ) from fault
