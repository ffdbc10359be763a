"""Messages, documents, facts, rows and codes of periods."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.domain.agreements.schema import MOST_LINES, AgreementNumber, Ordinal, PairNumber, Party, VersionNumber
from abci_app.domain.members.schema import OperatorNumber
from abci_app.kernel.approvals import Advance, Approve, Signature, Signatures
from abci_app.kernel.commitments import PROOF_SIZE
from abci_app.kernel.curve import POINT_SIZE
from abci_app.kernel.encoding import U8, U16, U64, Basis, Decoder, Hash32, Micro, SignedMicro, Value, encode
from abci_app.kernel.hashing import Tag, tagged

MOST_STREAMS = 32
LAST_REVISION = 3
"""A party files its figures at most this often, the first time included."""
NO_ROOT = bytes(32)
"""What the first anchor of a stream builds on."""

StreamNumber: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_STREAMS - 1)]
Sequence: TypeAlias = Annotated[int, Meta(ge=1, le=2**32 - 1)]
Revision: TypeAlias = Annotated[int, Meta(ge=1, le=2**8 - 1)]
Commitment: TypeAlias = Annotated[bytes, Meta(min_length=POINT_SIZE, max_length=POINT_SIZE)]
Commitments: TypeAlias = Annotated[tuple[Commitment, ...], Meta(min_length=2, max_length=2 * MOST_LINES)]
MOST_LINE_AMOUNT = 2**56
LineAmount: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_LINE_AMOUNT)]
"""A line's amount in 10^-6 units: 64 lines add up to an amount that is still one."""


class Committed(IntEnum):
    """Which of a line's figures a commitment holds, in the order of `Declare.commitments`. Frozen numbers."""

    UNITS_BILLED = 0
    AMOUNT = 1


class ControlTotals(Value, frozen=True):
    """What an operator counted before anything was rated."""

    records: U64
    duration_ms: U64
    units: U64


class StreamReference(Value, frozen=True):
    """A stream as far as a declaration covers it."""

    stream: StreamNumber
    sequence: Sequence
    root: Hash32  # running root


class LineFigures(Value, frozen=True):
    """One party's figures of one catalogue line."""

    calls: U64
    units_actual: U64
    units_billed: U64
    amount: LineAmount


Streams: TypeAlias = Annotated[tuple[StreamReference, ...], Meta(max_length=MOST_STREAMS)]
Lines: TypeAlias = Annotated[tuple[LineFigures, ...], Meta(min_length=1, max_length=MOST_LINES)]
Prices: TypeAlias = Annotated[tuple[Micro, ...], Meta(min_length=1, max_length=MOST_LINES)]


class OfPeriod(Value, frozen=True):
    """What every message and fact about one period begins with: the period's key."""

    agreement: AgreementNumber
    pair: PairNumber
    ordinal: Ordinal


# messages: verbs


class AnchorUsage(OfPeriod, frozen=True, tag="periods.anchor_usage"):
    """A maker anchors a file of unrated records: Merkle root and control totals, never a record."""

    stream: StreamNumber
    sequence: Sequence
    root: Hash32
    totals: ControlTotals
    late: bool


class Declare(OfPeriod, frozen=True, tag="periods.declare"):
    """A maker declares figures without showing them: two commitments a line, with proof of knowledge."""

    revision: Revision
    rating: Hash32  # the bundle that rated them
    streams: Streams
    detail: Hash32
    commitments: Commitments
    proof: Annotated[bytes, Meta(min_length=PROOF_SIZE, max_length=PROOF_SIZE)]


class Open(OfPeriod, frozen=True, tag="periods.open"):
    """A maker shows the declared figures. The opening that completes the picture judges every line."""

    revision: Revision
    seed: Hash32
    lines: Lines


Message: TypeAlias = AnchorUsage | Declare | Open
Routed: TypeAlias = Message | Approve | Advance


def running_root(before: bytes, root: bytes, totals: ControlTotals) -> bytes:
    """A stream's root after one more anchor; `NO_ROOT` comes before the first."""
    return tagged(Tag.USAGE_STREAM, before, root, encode(totals))


def values_digest(lines: tuple[LineFigures, ...]) -> bytes:
    """The digest of values that a declaration's seed is derived from (PROTOCOL 25)."""
    return tagged(Tag.VALUES, encode(lines))


def detail_hash(seed: bytes, lines: tuple[LineFigures, ...]) -> bytes:
    """What binds every figure of a declaration: tag, 32-byte seed, canonical lines."""
    return tagged(Tag.DETAIL, seed, encode(lines))


class KnowledgeStatement(Value, frozen=True):
    """Who declares what: the statement that the proof of knowledge binds to (PROTOCOL 26)."""

    chain: Hash32
    operator: OperatorNumber
    agreement: AgreementNumber
    pair: PairNumber
    ordinal: Ordinal
    revision: Revision
    streams: Streams
    detail: Hash32


# documents: nouns


class Verdict(IntEnum):
    """What the rules say of a line. Frozen numbers; the first three are the tolerance rule's own."""

    EQUAL = 0
    WITHIN = 1
    DIFFERENT = 2
    MISPRICED = 3  # an opened amount is not what the rating rule makes of the opened units


class Flags(IntFlag):
    """How a period came to its figures. Frozen bits; rows and statements hold the number."""

    NONE = 0
    DEEMED = 1  # a silent party is bound by time, not by its signature
    PROVISIONAL = 2  # nobody's figures: those of the last signed period, or zeros
    REFUSED = 4  # a party refused the present statement


class StatementLine(Value, frozen=True):
    """A line as both parties see it, and what follows."""

    first: LineFigures
    second: LineFigures
    verdict: Verdict
    settled: LineAmount  # payable whatever becomes of a difference
    disputed: LineAmount  # what the creditor counts above it; only of DIFFERENT and MISPRICED lines


PerDirection: TypeAlias = tuple[Micro, Micro]
"""An amount for traffic from first to second, and one for the other direction."""
SignedPerDirection: TypeAlias = tuple[SignedMicro, SignedMicro]
_Shift: TypeAlias = Annotated[int, Meta(ge=-MOST_LINE_AMOUNT, le=MOST_LINE_AMOUNT)]
Shifts: TypeAlias = Annotated[tuple[_Shift, ...], Meta(min_length=1, max_length=MOST_LINES)]
MOST_BIAS = 2**61
BiasAmount: TypeAlias = Annotated[int, Meta(ge=-MOST_BIAS, le=MOST_BIAS)]
PerParty: TypeAlias = tuple[U8, U8]
"""A number of the first operator's, and one of the second's."""


class Statement(Value, frozen=True):
    """What maker and checker of both parties sign; computed and stored by the chain (PROTOCOL 21)."""

    agreement: AgreementNumber
    version: VersionNumber
    pair: PairNumber
    ordinal: Ordinal
    revisions: PerParty  # 0 where a party opened nothing
    flags: U8
    provisional_from: U16  # the ordinal whose figures are repeated; 0 where none are
    rating: Basis
    tolerance: Basis
    lines: Annotated[tuple[StatementLine, ...], Meta(min_length=1, max_length=MOST_LINES)]
    payable: PerDirection
    disputed: PerDirection


def statement_hash(chain: bytes, statement: Statement) -> bytes:
    """The hash that is signed: tag, sha256 of the chain id, canonical statement."""
    return tagged(Tag.STATEMENT, chain, encode(statement))


# facts: past participles


class UsageAnchored(OfPeriod, frozen=True, tag="periods.usage_anchored"):
    party: Party
    stream: StreamNumber
    sequence: Sequence
    root: Hash32
    totals: ControlTotals
    late: bool
    running: Hash32
    sums: ControlTotals  # of the stream, this anchor included


class PeriodCutOff(OfPeriod, frozen=True, tag="periods.period_cut_off"):
    """The rules of the period are pinned. A hash is empty where no one version covers all its usage."""

    height: U64
    rating: Basis
    tolerance: Basis


class FiguresDeclared(OfPeriod, frozen=True, tag="periods.figures_declared"):
    party: Party
    revision: Revision
    rating: Hash32
    streams: Streams
    detail: Hash32
    commitments: Commitments


class FiguresOpened(OfPeriod, frozen=True, tag="periods.figures_opened"):
    party: Party
    revision: Revision
    seed: Hash32
    lines: Lines
    prices: Prices  # what the pinned rating rule makes of the units; 0 where it refuses them


class StatementStruck(Value, frozen=True, tag="periods.statement_struck"):
    document: Hash32
    statement: Statement


class StatementSigned(OfPeriod, frozen=True, tag="periods.statement_signed"):
    document: Hash32
    signature: Signature


class StatementRefused(OfPeriod, frozen=True, tag="periods.statement_refused"):
    document: Hash32


class PeriodSigned(OfPeriod, frozen=True, tag="periods.period_signed"):
    """The statement binds both; `deemed` where the agree-by date did it."""

    document: Hash32
    deemed: bool


class BiasJudged(OfPeriod, frozen=True, tag="periods.bias_judged"):
    """What a judged statement moves the running bias of its unit pair by, once it is signed: per line, and in all."""

    document: Hash32
    lines: Shifts
    moved: SignedPerDirection


class PeriodClosed(OfPeriod, frozen=True, tag="periods.period_closed"):
    """Nothing is owed any more."""


Fact: TypeAlias = (
    UsageAnchored
    | PeriodCutOff
    | FiguresDeclared
    | FiguresOpened
    | StatementStruck
    | StatementSigned
    | StatementRefused
    | PeriodSigned
    | PeriodClosed
    | BiasJudged
)
read_fact: Decoder[Fact] = Decoder(Fact)


# rows


class PeriodState(IntEnum):
    """Frozen numbers."""

    OPEN = 0
    CUT_OFF = 1
    DECLARED = 2  # by both
    RECONCILED = 3  # a statement is struck
    SIGNED = 4
    CLOSED = 5


class Period(Value, frozen=True):
    state: PeriodState
    flags: U8
    height: U64  # of the rulebook at cut-off; 0 before
    rating: Basis
    tolerance: Basis
    declared: PerParty  # last revision of each party; 0 before the first
    opened: PerParty
    statement: Basis  # hash of the present statement; empty before the first
    signatures: Signatures  # of the present statement


UNTOUCHED = Period(PeriodState.OPEN, 0, 0, b"", b"", (0, 0), (0, 0), b"", ())
"""A period that no message has touched yet: it has no row."""


class Stream(Value, frozen=True):
    """How far a party's stream of files has been anchored."""

    sequence: Sequence
    root: Hash32  # running root
    sums: ControlTotals


class Anchor(Value, frozen=True):
    root: Hash32
    totals: ControlTotals
    late: bool


class Declaration(Value, frozen=True):
    rating: Hash32
    streams: Streams
    detail: Hash32
    commitments: Commitments


class Figures(Value, frozen=True):
    seed: Hash32
    lines: Lines
    prices: Prices


class LineShifts(Value, frozen=True):
    document: Hash32  # they count once it is signed
    lines: Shifts
    moved: SignedPerDirection


class RunningBias(Value, frozen=True):
    bias: tuple[BiasAmount, BiasAmount]  # per direction of traffic: what signed statements have moved it to


class Code(IntEnum):
    """Frozen: a released number keeps its meaning for ever. Module 5, so 501 and up."""

    STREAMS_NOT_ASCENDING = 501
    NOT_A_PERIOD_KEY = 502
    PERIOD_NOT_FOUND = 503
    PAIR_NOT_FOUND = 504
    NOT_A_PARTY = 505
    WRONG_ROLE = 506
    EXISTS_WITH_DIFFERENT_CONTENT = 507
    PERIOD_ALREADY_SIGNED = 508
    CUT_OFF_PASSED = 509
    LATE_NOT_ALLOWED = 510
    SEQUENCE_OUT_OF_TURN = 511
    TOTALS_TOO_LARGE = 512
    BEFORE_CUT_OFF = 513
    FILED_LATE = 514
    REVISION_OUT_OF_TURN = 515
    TOO_MANY_REVISIONS = 516
    NOTHING_TO_CORRECT = 517
    NO_RULE_IN_FORCE = 518
    STRADDLES_A_RULE_CHANGE = 519
    NOT_THE_PINNED_RATING = 520
    STREAMS_DIFFER = 521
    NOT_THE_CATALOGUE = 522
    PROOF_NOT_VALID = 523
    NOT_DECLARED = 524
    OPENED_EARLY = 525
    OPENED_LATE = 526
    DETAIL_DIFFERS = 527
    COMMITMENT_DIFFERS = 528
    DOCUMENT_NOT_FOUND = 529
    STATEMENT_SUPERSEDED = 530
    ROLE_NOT_THE_KEYS = 531
    NOT_ASKED_TO_SIGN = 532
    DOCUMENT_CLOSED = 533
    ALREADY_SIGNED = 534
    TOO_MANY_SIGNATURES = 535
