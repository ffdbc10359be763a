"""What several decisions about rules ask."""

from __future__ import annotations

from abci_app.domain.rulebook.queries import last_suspension, latest, manifest_of
from abci_app.domain.rulebook.schema import Code, RuleVersion, Suspension
from abci_app.domain.rulebook.tables import RULES, RuleKey, SuspensionKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.rules.bundle import Manifest
from abci_app.state.overlay import Reader


def check_mandate(at: Context) -> None:
    """The message stands in a proposal that was carried. Raises `Rejected`."""
    if not at.mandate:
        reject(Code.ONLY_BY_PROPOSAL, expected="a carried proposal", actual=f"operator {at.operator}")


def check_rule(state: Reader, rule: int) -> None:
    """There is such a rule. Raises `Rejected`."""
    if RULES.get(state, RuleKey(rule)) is None:
        reject(Code.RULE_NOT_FOUND, expected="a rule of the rulebook", actual=rule)


def find_suspended(state: Reader, at: Context, rule: int) -> tuple[SuspensionKey, Suspension]:
    """The suspension in which the next block finds the rule: the last one, since none overlap. Raises `Rejected`."""
    last = last_suspension(state, rule)
    if last is None or not last[0].suspended_from <= at.height + 1 < last[1].until:
        reject(Code.NOT_SUSPENDED, expected=f"a suspension of rule {rule} in force", actual="none")
    return last


def check_continues(state: Reader, at: Context, rule: int | None, manifest: Manifest, bundle: bytes) -> None:
    """The bundle is the next of its rule: slot, sequence and the hash before it. Raises `Rejected`."""
    known = None if rule is None else RULES.require(state, RuleKey(rule))
    if known is not None and known.slot != manifest.slot:
        reject(Code.SLOT_CHANGED, expected=known.slot.name, actual=manifest.slot.name)
    before = None if rule is None else latest(state, rule)
    if before is None:
        if manifest.sequence != 1:
            reject(Code.SEQUENCE_OUT_OF_TURN, expected=1, actual=manifest.sequence)
        return
    _, row = before
    predecessor = manifest_of(state, row.bundle)
    if manifest.scope != predecessor.scope:
        reject(Code.SCOPE_CHANGED, expected=predecessor.scope, actual=manifest.scope)
    last = predecessor.sequence
    if manifest.sequence == last and row.active_from > at.height:
        _check_unchanged(row, bundle)
    if manifest.sequence <= last:
        reject(Code.SEQUENCE_REUSED, expected=last + 1, actual=manifest.sequence)
    if manifest.sequence != last + 1:
        reject(Code.SEQUENCE_OUT_OF_TURN, expected=last + 1, actual=manifest.sequence)
    if manifest.previous != row.bundle:
        reject(Code.NOT_THE_PREVIOUS, expected=row.bundle.hex(), actual=manifest.previous.hex())


def _check_unchanged(row: RuleVersion, bundle: bytes) -> None:
    if bundle != row.bundle:
        expected = f"the bytes that the vote named, {row.bundle.hex()}"
        reject(Code.CHANGED_AFTER_THE_VOTE, expected=expected, actual=bundle.hex())
