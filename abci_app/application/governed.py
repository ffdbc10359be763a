"""What a vote may carry: which messages, on which track, under which conditions of other modules.

Governance counts votes and does not look into what they carry; here every module is in sight.
"""

from __future__ import annotations

from typing import TypeAlias

from abci_app.domain.agreements.tables import AGREEMENTS, AgreementKey
from abci_app.domain.governance import schema as governance
from abci_app.domain.governance.schema import Code, Propose
from abci_app.domain.members import schema as members
from abci_app.domain.members.tables import VALIDATORS, ValidatorKey
from abci_app.domain.rulebook import schema as rulebook
from abci_app.domain.rulebook.queries import latest, manifest_of
from abci_app.domain.rulebook.tables import BUNDLES, BundleKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.encoding import Decoder, Malformed, Value
from abci_app.kernel.thresholds import Track
from abci_app.state.overlay import Reader

Governed: TypeAlias = members.Governed | governance.Governed | rulebook.Governed
_read: Decoder[Governed] = Decoder(Governed)

TRACKS: dict[type[Value], tuple[Track, ...]] = {
    rulebook.ScheduleVersion: (Track.AGREEMENT, Track.CONSORTIUM, Track.MANDATED),
    rulebook.RollBack: (Track.AGREEMENT, Track.ROLLBACK),
    rulebook.SuspendRule: (Track.EMERGENCY,),
    rulebook.RatifySuspension: (Track.CONSORTIUM,),
    rulebook.ResumeRule: (Track.CONSORTIUM,),
    members.AdmitOperator: (Track.CONSORTIUM,),
    members.ChangeMembership: (Track.CONSORTIUM,),
    members.AppointValidator: (Track.CONSORTIUM,),
    members.RemoveValidator: (Track.CONSORTIUM,),
    governance.SetParameters: (Track.CONSORTIUM,),
    governance.SetThresholds: (Track.CONSTITUTION,),
}
"""The tracks on which each message may go. RULES.md "Governance" has the table."""


def carried_messages(raws: tuple[bytes, ...]) -> tuple[Governed, ...]:
    """The messages in a proposal. Raises `Rejected` where one is none that a vote may carry."""
    found: list[Governed] = []
    for raw in raws:
        try:
            found.append(_read(raw))
        except Malformed as fault:
            names = ", ".join(sorted(str(kind.__struct_config__.tag) for kind in TRACKS))
            reject(Code.NOT_GOVERNED, expected=f"one of {names}", actual=fault)
    return tuple(found)


def check_carried(message: Propose) -> tuple[Governed, ...]:
    """Every message is on a track of its own, and the one concerned is named. Raises `Rejected`."""
    inner = carried_messages(message.messages)
    for each in inner:
        if message.track not in TRACKS[type(each)]:
            expected = " or ".join(track.name for track in TRACKS[type(each)])
            reject(Code.NOT_ON_THIS_TRACK, expected=expected, actual=message.track.name)
    at_stake = {each.operator for each in inner if isinstance(each, members.ChangeMembership)} or {0}
    if at_stake != {message.concerned}:
        expected = f"one proposal for each of {sorted(at_stake)}"
        reject(Code.CONCERNED_DIFFERS, expected=expected, actual=message.concerned)
    return inner


def check_proposed(state: Reader, at: Context, message: Propose) -> None:
    """Scope, slot, parties and notice of what is proposed. Raises `Rejected`."""
    if message.track == Track.AGREEMENT:
        agreement = AGREEMENTS.get(state, AgreementKey(message.agreement))
        if agreement is None:
            reject(Code.AGREEMENT_NOT_FOUND, expected="an agreement's number", actual=message.agreement)
        if message.parties != (agreement.first, agreement.second):
            expected = (agreement.first, agreement.second)
            reject(Code.PARTIES_DIFFER, expected=expected, actual=message.parties)
    for each in carried_messages(message.messages):
        if message.concerned:
            _check_concerned(state, message.concerned, each)
        if isinstance(each, rulebook.ScheduleVersion):
            _check_bundle(state, at, message, each.bundle)
            notice = at.parameters.notice if message.track == Track.MANDATED else at.parameters.delay
            _check_notice(at, each.activation, notice)
        elif isinstance(each, rulebook.RollBack):
            newest = latest(state, each.rule)
            if newest is not None:
                _check_bundle(state, at, message, newest[1].bundle)
            _check_notice(at, each.activation, at.parameters.rollback_delay)


def _check_concerned(state: Reader, concerned: int, message: Governed) -> None:
    """Who has no vote on its own membership must not lose it on anything else that comes along."""
    match message:
        case members.ChangeMembership():
            about = True  # the form has checked of whom
        case members.RemoveValidator():
            row = VALIDATORS.get(state, ValidatorKey(message.public))
            about = row is None or row.operator == concerned  # members refuses an unknown one
        case _:
            about = False
    if not about:
        kind = str(message.__struct_config__.tag)
        expected = f"the membership and the validators of operator {concerned}, and nothing else"
        reject(Code.NOT_ABOUT_THE_CONCERNED, expected=expected, actual=kind)


def _check_notice(at: Context, activation: int, blocks: int) -> None:
    """Who is past already is told so by the rulebook, with a code of its own."""
    if at.height < activation < at.height + blocks:
        reject(Code.TOO_SOON, expected=f"height {at.height + blocks} or later", actual=activation)


def _check_bundle(state: Reader, at: Context, message: Propose, bundle: bytes) -> None:
    if BUNDLES.get(state, BundleKey(bundle)) is None:
        return  # the rulebook refuses it with a code of its own
    manifest = manifest_of(state, bundle)
    if manifest.scope != message.agreement:
        reject(Code.SCOPE_DIFFERS, expected=message.agreement, actual=manifest.scope)
    if message.track == Track.AGREEMENT and manifest.slot not in at.parameters.agreement_slots:
        expected = f"one of the slots {at.parameters.agreement_slots}"
        reject(Code.SLOT_NOT_ALLOWED, expected=expected, actual=manifest.slot)
