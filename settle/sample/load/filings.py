"""One settled period: what both parties file, and the statement that the chain strikes over it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from abci_app.domain.agreements.schema import Direction, Terms
from abci_app.domain.periods.schema import (
    Committed,
    Declare,
    KnowledgeStatement,
    LineFigures,
    Open,
    Statement,
    StatementLine,
    Verdict,
    detail_hash,
    statement_hash,
    values_digest,
)
from abci_app.kernel.commitments import blinding, commit, derive_seed, prove
from abci_app.kernel.encoding import encode
from settle.sample.chance import Dice
from settle.sample.load.agreements import PAIRS, TOLERANCE_BPS, VOICE, terms_of
from settle.sample.load.consortium import RATING, TOLERANCE, Consortium, rule

MINUTE = 60_000  # milliseconds
_ONE_IN = 4  # of the periods: the parties' voice figures differ by a minute, within the tolerance


class Place(NamedTuple):
    """The key of a period."""

    agreement: int
    pair: int
    ordinal: int


class Filing(NamedTuple):
    """One party's figures of a period, hidden and shown."""

    declare: Declare
    open: Open


class SettledPeriod(NamedTuple):
    """The filings of party 0 and party 1, and the hash of the statement that follows from them."""

    filings: tuple[Filing, Filing]
    statement: bytes


def settle_period(of: Consortium, place: Place) -> SettledPeriod:
    """A period from its figures to its statement's hash; the same for the same consortium and place."""
    terms = terms_of(*PAIRS[place.agreement - 1], of.genesis_time)
    figures = _figures(of, place, terms)
    filings = (filed(of, place, 0, figures[0]), filed(of, place, 1, figures[1]))
    return SettledPeriod(filings, statement_hash(of.chain, _statement(terms, place, figures)))


def filed(
    of: Consortium, place: Place, party: int, lines: tuple[LineFigures, ...], committed: Sequence[int] | None = None
) -> Filing:
    """What a party files over no streams. `committed` puts other values into the commitments: a lie."""
    operator = PAIRS[place.agreement - 1][party]
    root = sha256(f"vault {of.seed} {operator}".encode()).digest()
    seed = derive_seed(root, chain=of.chain, **place._asdict(), revision=1, values=values_digest(lines))
    values = [value for line in lines for value in (line.units_billed, line.amount)]
    values = values if committed is None else list(committed)
    blindings = [blinding(seed, index, measure) for index in range(len(lines)) for measure in Committed]
    commitments = tuple(commit(value, r) for value, r in zip(values, blindings, strict=True))
    detail = detail_hash(seed, lines)
    known = KnowledgeStatement(of.chain, operator, *place, revision=1, streams=(), detail=detail)
    proof = prove(encode(known), values, blindings, commitments, seed)
    declare = Declare(
        *place, revision=1, rating=rule(RATING).hash, streams=(), detail=detail, commitments=commitments, proof=proof
    )
    return Filing(declare, Open(*place, revision=1, seed=seed, lines=lines))


def _figures(of: Consortium, place: Place, terms: Terms) -> tuple[tuple[LineFigures, ...], tuple[LineFigures, ...]]:
    dice = Dice(of.seed, *place)
    differs = dice.below(_ONE_IN) == 0
    first: list[LineFigures] = []
    second: list[LineFigures] = []
    for line in terms.catalogue:
        calls = dice.between(20_000, 200_000)
        minutes = calls * 2 + dice.below(calls)
        ends = terms.networks if line.direction == Direction.FIRST_TO_SECOND else terms.networks[::-1]
        seen = (minutes, minutes + differs) if line.service == VOICE else (calls, calls)
        for party, counted in zip((first, second), seen, strict=True):
            units = counted * MINUTE if line.service == VOICE else counted
            amount = rule(RATING).call(
                "price_line", line.service, line.direction, line.band, calls, units, units, *ends
            )
            party.append(LineFigures(calls, units, units, amount[0]))
    return tuple(first), tuple(second)


def _statement(
    terms: Terms, place: Place, figures: tuple[tuple[LineFigures, ...], tuple[LineFigures, ...]]
) -> Statement:
    """The statement over figures that are equal or within tolerance: nothing is disputed."""
    payable = [0, 0]
    lines: list[StatementLine] = []
    for sort, first, second in zip(terms.catalogue, *figures, strict=True):
        receiver, sender = (second, first) if sort.direction == Direction.FIRST_TO_SECOND else (first, second)
        verdict, settled = rule(TOLERANCE).call("judge_line", receiver.amount, sender.amount, TOLERANCE_BPS)
        lines.append(StatementLine(first, second, Verdict(verdict), settled, 0))
        payable[sort.direction] += settled
    return Statement(
        place.agreement,
        version=1,
        pair=place.pair,
        ordinal=place.ordinal,
        revisions=(1, 1),
        flags=0,
        provisional_from=0,
        rating=rule(RATING).hash,
        tolerance=rule(TOLERANCE).hash,
        lines=tuple(lines),
        payable=(payable[0], payable[1]),
        disputed=(0, 0),
    )
