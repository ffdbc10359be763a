"""A member publishes the bundle of a rule version, whole."""

from __future__ import annotations

import msgspec

from abci_app.domain.rulebook.decide.common import check_continues
from abci_app.domain.rulebook.schema import (
    BundlePublished,
    BundleStored,
    Code,
    DraftState,
    Fact,
    PublishBundle,
    name_digest,
)
from abci_app.domain.rulebook.tables import BUNDLES, DRAFTS, NAMES, BundleKey, NameKey
from abci_app.kernel.codes import Rejected, reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import LoadedRule, bundle_hash, load_bundle, parameters_of, read_bundle
from abci_app.rules.codes import RuleRefused
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Reader


def publish_bundle(state: Reader, at: Context, message: PublishBundle) -> tuple[Fact, ...]:
    """The bundle is checked as genesis would check it; publishing is not yet a signature.

    One that was withdrawn may be published by somebody else: who is first with another's bytes must not bury them.
    """
    bundle = bundle_hash(message.raw)

    # WHO
    if at.role != Role.GOVERNANCE:
        reject(Code.WRONG_ROLE, expected=Role.GOVERNANCE.name, actual=at.role.name)

    # WHETHER
    draft = DRAFTS.get(state, BundleKey(bundle))
    taken_over = draft is not None and draft.state == DraftState.WITHDRAWN and draft.publisher != at.operator
    if draft is not None and not taken_over:
        return ()
    manifest = read_bundle(message.raw).manifest
    if manifest.chain != at.chain:
        reject(Code.OTHER_CHAIN, expected=at.chain.hex(), actual=manifest.chain.hex())
    named = NAMES.get(state, NameKey(name_digest(manifest.name.encode("ascii"))))
    check_continues(state, at, None if named is None else named.rule, manifest, bundle)
    try:
        rule = load_bundle(message.raw)
    except RuleRefused as refusal:
        raise _as_rejected(refusal) from refusal
    if manifest.previous:
        _check_parameters(state, rule)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    published = BundlePublished(bundle, at.operator)
    return (published,) if taken_over else (BundleStored(bundle, message.raw), published)


def _check_parameters(state: Reader, rule: LoadedRule) -> None:
    """Agreements give a rule its parameters and never name a version: all versions ask for the same ones."""
    before = parameters_of(read_bundle(BUNDLES.require(state, BundleKey(rule.manifest.previous)).raw))
    if rule.parameters() != before:
        expected = f"the agreement's parameters {', '.join(before) or 'none'}, or a rule of another name"
        reject(Code.PARAMETERS_CHANGED, expected=expected, actual=", ".join(rule.parameters()) or "none")


def check_bundle(message: PublishBundle) -> None:
    """The bytes are a bundle for a slot that there is. Raises `Rejected`."""
    try:
        read_bundle(message.raw)
    except RuleRefused as refusal:
        slot = _slot_named(message.raw)
        if slot is not None and slot not in list(Slot):
            expected = ", ".join(f"{known.value} {known.name}" for known in Slot)
            reject(Code.UNKNOWN_SLOT, expected=f"one of {expected}", actual=slot)
        raise _as_rejected(refusal) from refusal


_parts = msgspec.msgpack.Decoder(tuple[msgspec.Raw, ...])
_number = msgspec.msgpack.Decoder(int)


def _slot_named(raw: bytes) -> int | None:
    """The slot number in bytes that are no bundle; None where they are too far from one to hold any."""
    try:
        return _number.decode(_parts.decode(_parts.decode(raw)[0])[0])
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, IndexError):
        return None


def _as_rejected(refusal: RuleRefused) -> Rejected:
    """A rule's own code, with where in the rule."""
    return Rejected(refusal.code, f"in {refusal.where}: {refusal.expected}", refusal.actual)
