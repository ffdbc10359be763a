"""A maker declares figures that nobody can read yet."""

from __future__ import annotations

from itertools import pairwise

from abci_app.domain.agreements.queries import TermsInForce, binding
from abci_app.domain.periods.decide.common import find, may_correct, require_maker, require_unsigned
from abci_app.domain.periods.queries import present, streams_of
from abci_app.domain.periods.schema import (
    LAST_REVISION,
    Code,
    Declaration,
    Declare,
    Fact,
    FiguresDeclared,
    KnowledgeStatement,
    Period,
)
from abci_app.domain.periods.tables import DECLARATIONS, FilingKey, PeriodKey
from abci_app.domain.rulebook.queries import versions_over
from abci_app.kernel.codes import reject
from abci_app.kernel.commitments import verify
from abci_app.kernel.context import Context
from abci_app.kernel.encoding import encode
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Reader


def declare(state: Reader, at: Context, message: Declare) -> tuple[Fact, ...]:
    """Commitments to a party's figures, made by someone who knows them, over all that it has anchored."""
    key = PeriodKey(message.agreement, message.pair, message.ordinal)
    governing = find(state, key)

    # WHO
    party = require_maker(at, governing.terms)

    # WHETHER
    declaration = Declaration(message.rating, message.streams, message.detail, message.commitments)
    before = DECLARATIONS.get(state, FilingKey(*key, message.revision, party))
    if before is not None:
        if before == declaration:
            return ()
        expected = f"the figures declared as revision {message.revision}"
        reject(Code.EXISTS_WITH_DIFFERENT_CONTENT, expected=expected, actual=message.detail.hex())
    due, view, row = present(state, at.chain, key, governing, at.time, at.height)
    require_unsigned(row)
    if at.time < governing.row.cut_off:
        reject(Code.BEFORE_CUT_OFF, expected=f"from {governing.row.cut_off} on", actual=at.time)
    _check_turn(view, row, governing, party, message.revision, at.time)
    _check_rules(state, row, governing, message.rating)
    streams = streams_of(state, key, party)
    if message.streams != streams:
        here, there = ([(s.stream, s.sequence, s.root.hex()) for s in named] for named in (streams, message.streams))
        reject(Code.STREAMS_DIFFER, expected=here, actual=there)

    # HOW MUCH: the figures stay hidden; only that their maker knows them is shown
    wanted = 2 * len(governing.terms.catalogue)
    if len(message.commitments) != wanted:
        reject(Code.NOT_THE_CATALOGUE, expected=f"{wanted} commitments", actual=len(message.commitments))
    known = KnowledgeStatement(
        at.chain, at.operator, *key, message.revision, streams=message.streams, detail=message.detail
    )
    if not verify(encode(known), message.commitments, message.proof):
        reject(Code.PROOF_NOT_VALID, expected=f"a proof by operator {at.operator}", actual=message.proof.hex())

    # WHAT FOLLOWS
    return (
        *due,
        FiguresDeclared(
            *key, party, message.revision, message.rating, message.streams, message.detail, message.commitments
        ),
    )


def check_streams(message: Declare) -> None:
    """Streams in ascending order, each once. Raises `Rejected`."""
    for one, other in pairwise(message.streams):
        if one.stream >= other.stream:
            reject(Code.STREAMS_NOT_ASCENDING, expected=f"a stream above {one.stream}", actual=other.stream)


def _check_turn(view: Reader, row: Period, governing: TermsInForce, party: int, revision: int, time: int) -> None:
    """The first revision is filed blind, before declare-by; a further one corrects a judged difference."""
    if revision > LAST_REVISION:
        reject(Code.TOO_MANY_REVISIONS, expected=f"at most {LAST_REVISION}", actual=revision)
    if revision == 1:
        if time >= governing.row.declare_by:
            reject(Code.FILED_LATE, expected=f"before {governing.row.declare_by}", actual=time)
        return
    if revision != row.opened[party] + 1:
        reject(Code.REVISION_OUT_OF_TURN, expected=row.opened[party] + 1, actual=revision)
    if not may_correct(view, row, party):
        reject(Code.NOTHING_TO_CORRECT, expected="a line that differs", actual=row.state.name)


def _check_rules(state: Reader, row: Period, governing: TermsInForce, rating: bytes) -> None:
    """The rules were pinned at cut-off, and the figures come from the pinned rating."""
    if not row.rating:
        bound, usage = binding(governing.terms, Slot.RATING), governing.row
        assert bound is not None, "every agreement binds a rating rule"
        over = versions_over(state, bound.rule, usage.usage_from, usage.usage_to, row.height)
        expected = f"one version of rule {bound.rule} over the whole usage"
        if None in over:
            reject(Code.NO_RULE_IN_FORCE, expected=expected, actual="a stretch without any")
        versions = [version.version for version in over if version is not None]
        reject(Code.STRADDLES_A_RULE_CHANGE, expected=expected, actual=f"versions {versions}")
    if not row.tolerance:
        reject(Code.NO_RULE_IN_FORCE, expected="a tolerance rule in force at cut-off", actual="none")
    if rating != row.rating:
        reject(Code.NOT_THE_PINNED_RATING, expected=row.rating.hex(), actual=rating.hex())
