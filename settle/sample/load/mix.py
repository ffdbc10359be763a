"""The order of a load run: agreements first, then months of anchored files with settlements between them.

Whatever a message builds on comes a fifth of the run or eight thousand messages earlier, whichever is less, so
that tools which send over several connections, with fewer than that waiting, lose nothing by changes of order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from itertools import count as count_from
from itertools import cycle, islice, product
from typing import NamedTuple

from abci_app.domain.agreements.schema import AgreementDocument, Direction, ProposeAgreement, agreement_hash
from abci_app.domain.obligations.schema import IssueInvoice
from abci_app.domain.periods.schema import AnchorUsage, ControlTotals
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Value
from settle.chain.keys import Signer, propose_keys
from settle.sample.chance import Dice
from settle.sample.load.agreements import OPEN, PAIRS, SETTLED, terms_of
from settle.sample.load.consortium import AGENTS, UNITS, Consortium, stranger
from settle.sample.load.filings import Filing, Place, SettledPeriod, filed, settle_period

PROPOSALS = len(PAIRS)
SIGNATURES = 4 * len(PAIRS)
LEAST = 250
"""Transactions of the shortest run that holds every kind."""
STREAMS = 4
"""Streams of files of each party in each open period."""
_PERIODS = tuple(
    Place(agreement, pair, ordinal)
    for ordinal in SETTLED
    for pair in range(UNITS - 1)
    for agreement in range(1, PROPOSALS + 1)
)
SIGNED = _PERIODS[0]
"""A period that every run settles."""
ANCHORED = Place(1, 0, OPEN.start)
"""A period whose first stream every run anchors, by party 0."""
UNTOUCHED, HALF_DECLARED, LYING, UNSIGNED = (Place(1, UNITS - 1, ordinal) for ordinal in SETTLED[:4])
"""Periods of the last pair that a run leaves midway, for faults to name: nothing filed; declared by the first party
only; declared by both, where the second's commitments hold other values than its figures; opened by both.
"""
_MESSAGES_A_PERIOD = 60 + 2 + 2 + 4 + 2  # a file a day from both, and what settles them
_ROUND = 8000
_STAGES = 4
_STREAMS_IN_ALL = len(OPEN) * STREAMS * (UNITS - 1) * 2 * PROPOSALS


class Step(NamedTuple):
    """One transaction before it is numbered and signed."""

    signer: Signer
    message: Value


class Agents:
    """The operators' machines, each taking its turn."""

    def __init__(self, of: Consortium) -> None:
        self._turns = {
            operator: cycle([keys[f"agent-{number}"] for number in range(1, AGENTS + 1)])
            for operator, keys in of.keys.items()
        }

    def next(self, operator: int) -> Signer:
        """The machine of an operator whose turn it is."""
        return next(self._turns[operator])


def good_steps(of: Consortium, count: int) -> Iterator[Step]:
    """`count` transactions, valid in this order from genesis on; at least `LEAST`."""
    for first, second in PAIRS:
        yield Step(of.keys[first]["checker"], ProposeAgreement(0, 1, terms_of(first, second, of.genesis_time)))
    for first, second in PAIRS:
        document = agreement_hash(of.chain, AgreementDocument(0, 1, terms_of(first, second, of.genesis_time)))
        yield from _signed_by_all(of, (first, second), DocumentKind.AGREEMENT, document)
    yield key_change(of)
    agents, places = Agents(of), iter(_PERIODS)
    anchors = _anchors(of, agents)
    batches: deque[list[SettledPeriod]] = deque(maxlen=_STAGES)  # the newest first: batch i is at stage i
    rest = count - PROPOSALS - SIGNATURES - 1
    rounds = _rounds(rest)
    for turn in range(rounds):
        size = rest * (turn + 1) // rounds - rest * turn // rounds
        begun = islice(places, max(1, size // _MESSAGES_A_PERIOD))
        batches.appendleft([settle_period(of, place) for place in begun])
        yield from _spread(_left_midway(of, turn) + _settling(of, agents, batches), anchors, size)


def apart(count: int) -> int:
    """How many messages lie at least between two that depend on each other, in a run of `count`."""
    rest = count - PROPOSALS - SIGNATURES - 1
    return min(rest // _rounds(rest), _STREAMS_IN_ALL) * 3 // 4


def _rounds(rest: int) -> int:
    return max(_STAGES + 1, rest // _ROUND)


def key_change(of: Consortium) -> Step:
    """The first operator's administrator wants another machine's key registered; nobody signs it."""
    return Step(of.keys[1]["admin-1"], propose_keys(of.chain, 1, (stranger(of.seed, 1),)))


def unsigned_filings(of: Consortium) -> tuple[Filing, Filing]:
    """What both parties file of the period that nobody signs."""
    return settle_period(of, UNSIGNED).filings


def lying_filings(of: Consortium) -> tuple[Filing, Filing]:
    """An honest filing, and one whose commitments hold one unit more than the figures that it will show."""
    honest, other = settle_period(of, LYING).filings
    lines = other.open.lines
    values = [value + 1 for line in lines for value in (line.units_billed, line.amount)]
    return honest, filed(of, LYING, 1, lines, values)


def _left_midway(of: Consortium, turn: int) -> list[Step]:
    makers = [of.keys[operator]["maker"] for operator in PAIRS[0]]
    if turn == 0:
        half, _ = settle_period(of, HALF_DECLARED).filings
        both = [*zip(makers, lying_filings(of), strict=True), *zip(makers, unsigned_filings(of), strict=True)]
        return [Step(makers[0], half.declare), *(Step(maker, filing.declare) for maker, filing in both)]
    if turn == 1:
        return [Step(maker, filing.open) for maker, filing in zip(makers, unsigned_filings(of), strict=True)]
    return []


def _settling(of: Consortium, agents: Agents, batches: deque[list[SettledPeriod]]) -> list[Step]:
    """The next step of every period under way: declare, open, sign, invoice."""
    steps: list[Step] = []
    for stage, batch in enumerate(batches):
        for period in batch:
            declare = period.filings[0].declare
            place, parties = (declare.agreement, declare.pair, declare.ordinal), PAIRS[declare.agreement - 1]
            match stage:
                case 0:
                    filed_by = zip(parties, period.filings, strict=True)
                    steps += [Step(agents.next(party), filing.declare) for party, filing in filed_by]
                case 1:
                    filed_by = zip(parties, period.filings, strict=True)
                    steps += [Step(agents.next(party), filing.open) for party, filing in filed_by]
                case 2:
                    steps += _signed_by_all(of, parties, DocumentKind.STATEMENT, period.statement)
                case _:
                    creditors = ((parties[1], Direction.FIRST_TO_SECOND), (parties[0], Direction.SECOND_TO_FIRST))
                    steps += [Step(agents.next(party), IssueInvoice(*place, way)) for party, way in creditors]
    return steps


def _signed_by_all(of: Consortium, parties: tuple[int, int], kind: DocumentKind, document: bytes) -> list[Step]:
    signers = [of.keys[party][name] for party in parties for name in ("maker", "checker")]
    return [Step(by, Approve(kind, document, by.role, Verdict.APPROVE)) for by in signers]


def _anchors(of: Consortium, agents: Agents) -> Iterator[Step]:
    """Files without end, over all streams in turn, so that the next file of a stream comes as late as can be."""
    dice = Dice(of.seed, 0)
    streams = tuple(product(OPEN, range(STREAMS), range(UNITS - 1), enumerate(PAIRS, 1), (0, 1)))
    for sequence in count_from(1):
        for ordinal, stream, pair, (agreement, parties), party in streams:
            name = f"{of.seed} {agreement} {pair} {ordinal} {party} {stream} {sequence}"
            records = dice.between(1_000, 100_000)
            file = AnchorUsage(
                agreement,
                pair,
                ordinal,
                stream=stream,
                sequence=sequence,
                root=sha256(name.encode()).digest(),
                totals=ControlTotals(records, records * 61_000, records // 4),
                late=False,
            )
            yield Step(agents.next(parties[party]), file)


def _spread(steps: list[Step], filler: Iterator[Step], size: int) -> Iterator[Step]:
    """The steps at even distances among `size` transactions, the rest from the filler."""
    done = 0
    for position in range(1, size + 1):
        if done < position * len(steps) // size:
            yield steps[done]
            done += 1
        else:
            yield next(filler)
