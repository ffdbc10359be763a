"""What each fact does to the read model's tables: the agent's own fold, in SQL.

It follows the folds of abci_app/domain; a rebuild from the first fact gives the same rows.
"""

from __future__ import annotations

import sqlite3
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from abci_app.domain.agreements import schema as agreements
from abci_app.domain.agreements.schema import VersionState
from abci_app.domain.governance import schema as governance
from abci_app.domain.members import schema as members
from abci_app.domain.members.schema import ChangeState
from abci_app.domain.obligations import schema as obligations
from abci_app.domain.periods import schema as periods
from abci_app.domain.periods.schema import UNTOUCHED, Flags, Period, PeriodState
from abci_app.domain.rulebook import schema as rulebook
from abci_app.kernel.approvals import Signature
from abci_app.kernel.encoding import Decoder, encode
from settle.agent.projection_money import project_money

Fact: TypeAlias = members.Fact | governance.Fact | rulebook.Fact | agreements.Fact | periods.Fact | obligations.Fact
read_fact: Final[Decoder[Fact]] = Decoder(Fact)
read_period: Final[Decoder[Period]] = Decoder(Period)

PERIOD = "agreement INTEGER NOT NULL, pair INTEGER NOT NULL, ordinal INTEGER NOT NULL"
SCHEMA: Final = f"""
CREATE TABLE operator (number INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE key (key BLOB PRIMARY KEY, operator INTEGER NOT NULL, role INTEGER NOT NULL, active INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE key_change (document BLOB PRIMARY KEY, operator INTEGER NOT NULL, state INTEGER NOT NULL,
    value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE version (agreement INTEGER NOT NULL, version INTEGER NOT NULL, document BLOB NOT NULL,
    state INTEGER NOT NULL, terms BLOB NOT NULL, PRIMARY KEY (agreement, version)) WITHOUT ROWID;
CREATE TABLE signature (document BLOB NOT NULL, place INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (document, place)) WITHOUT ROWID;
CREATE TABLE period ({PERIOD}, value BLOB NOT NULL, PRIMARY KEY (agreement, pair, ordinal)) WITHOUT ROWID;
CREATE TABLE anchor ({PERIOD}, party INTEGER NOT NULL, stream INTEGER NOT NULL, sequence INTEGER NOT NULL,
    value BLOB NOT NULL, PRIMARY KEY (agreement, pair, ordinal, party, stream, sequence)) WITHOUT ROWID;
CREATE TABLE declaration ({PERIOD}, revision INTEGER NOT NULL, party INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (agreement, pair, ordinal, revision, party)) WITHOUT ROWID;
CREATE TABLE figures ({PERIOD}, revision INTEGER NOT NULL, party INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (agreement, pair, ordinal, revision, party)) WITHOUT ROWID;
CREATE TABLE statement (document BLOB PRIMARY KEY, {PERIOD}, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE invoice ({PERIOD}, direction INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (agreement, pair, ordinal, direction)) WITHOUT ROWID;
CREATE TABLE obligation (number INTEGER PRIMARY KEY, debtor INTEGER NOT NULL, creditor INTEGER NOT NULL,
    object BLOB NOT NULL, value BLOB NOT NULL);
CREATE TABLE round (number INTEGER PRIMARY KEY, document BLOB NOT NULL, first INTEGER NOT NULL,
    second INTEGER NOT NULL, object BLOB NOT NULL, value BLOB NOT NULL);
CREATE TABLE arrears (obligation INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE note (obligation INTEGER PRIMARY KEY, kind INTEGER NOT NULL);
"""
TABLES: Final = (
    "operator", "key", "key_change", "version", "signature", "period", "anchor", "declaration", "figures", "statement",
    "invoice", "obligation", "round", "arrears", "note",
)  # fmt: skip


def project(base: sqlite3.Connection, fact: Fact, about: bytes) -> None:
    """Write what a fact says, inside the caller's transaction. `about`: the object key of its record."""
    if isinstance(fact, members.Fact):
        _member(base, fact)
    elif isinstance(fact, agreements.Fact):
        _agreement(base, fact)
    elif isinstance(fact, periods.Fact):
        _period(base, fact)
    elif isinstance(fact, obligations.Fact):
        project_money(base, fact, about)
    elif isinstance(fact, governance.Fact | rulebook.Fact):
        pass  # agents ask the node for votes and rules; the facts themselves are kept
    else:
        assert_never(fact)


def _member(base: sqlite3.Connection, fact: members.Fact) -> None:
    match fact:
        case members.OperatorAdmitted():
            base.execute("INSERT INTO operator VALUES (?, ?)", (fact.operator, encode(fact)))
        case members.KeyRegistered():
            base.execute("INSERT OR REPLACE INTO key VALUES (?, ?, ?, 1)", (fact.key, fact.operator, int(fact.role)))
        case members.KeyRevoked():
            base.execute("UPDATE key SET active = 0 WHERE key = ?", (fact.key,))
        case members.KeysProposed():
            row = (fact.document, fact.change.operator, int(ChangeState.OPEN), encode(fact.change))
            base.execute("INSERT INTO key_change VALUES (?, ?, ?, ?)", row)
        case members.KeyChangeSigned():
            _sign(base, fact.document, fact.signature)
        case members.KeyChangeClosed():
            base.execute("UPDATE key_change SET state = ? WHERE document = ?", (int(fact.state), fact.document))
        case (
            members.UnitRegistered()
            | members.ValidatorAppointed()
            | members.ValidatorAdded()
            | members.ValidatorRemoved()
            | members.ValidatorSuspended()
            | members.MembershipChanged()
            | members.NodeRegistered()
            | members.NodeRetired()
        ):
            pass
        case _:
            assert_never(fact)


def _agreement(base: sqlite3.Connection, fact: agreements.Fact) -> None:
    match fact:
        case agreements.AgreementProposed():
            row = (fact.agreement, fact.version, fact.document, int(VersionState.PROPOSED), encode(fact.terms))
            base.execute("INSERT INTO version VALUES (?, ?, ?, ?, ?)", row)
        case agreements.AgreementSigned():
            _sign(base, fact.document, fact.signature)
        case agreements.AgreementActivated():
            _close_version(base, fact.document, VersionState.ACTIVE)
        case agreements.AgreementRefused():
            _close_version(base, fact.document, VersionState.REFUSED)
        case _:
            assert_never(fact)


def _close_version(base: sqlite3.Connection, document: bytes, state: VersionState) -> None:
    base.execute("UPDATE version SET state = ? WHERE document = ?", (int(state), document))


def _period(base: sqlite3.Connection, fact: periods.Fact) -> None:
    """The rows beside the period, then the period itself."""
    about = fact.statement if isinstance(fact, periods.StatementStruck) else fact
    key = (about.agreement, about.pair, about.ordinal)
    match fact:
        case periods.UsageAnchored():
            anchored = (*key, fact.party, fact.stream, fact.sequence, encode(fact))
            base.execute("INSERT INTO anchor VALUES (?, ?, ?, ?, ?, ?, ?)", anchored)
        case periods.FiguresDeclared():
            declared = (*key, fact.revision, fact.party, encode(fact))
            base.execute("INSERT INTO declaration VALUES (?, ?, ?, ?, ?, ?)", declared)
        case periods.FiguresOpened():
            opened = (*key, fact.revision, fact.party, encode(fact))
            base.execute("INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?)", opened)
        case periods.StatementStruck():
            base.execute(
                "INSERT OR REPLACE INTO statement VALUES (?, ?, ?, ?, ?)", (fact.document, *key, encode(fact.statement))
            )
        case (
            periods.PeriodCutOff()
            | periods.StatementSigned()
            | periods.StatementRefused()
            | periods.PeriodSigned()
            | periods.PeriodClosed()
            | periods.BiasJudged()
        ):
            pass
        case _:
            assert_never(fact)
    found = base.execute("SELECT value FROM period WHERE (agreement, pair, ordinal) = (?, ?, ?)", key).fetchone()
    before = UNTOUCHED if found is None else read_period(found[0])
    base.execute("INSERT OR REPLACE INTO period VALUES (?, ?, ?, ?)", (*key, encode(_after(before, fact))))


def _after(row: Period, fact: periods.Fact) -> Period:
    match fact:
        case periods.UsageAnchored() | periods.BiasJudged():
            return row
        case periods.PeriodCutOff():
            pinned = replace(row, height=fact.height, rating=fact.rating, tolerance=fact.tolerance)
            return replace(pinned, state=PeriodState.CUT_OFF)
        case periods.FiguresDeclared():
            declared = _with(row.declared, fact.party, fact.revision)
            both = all(declared) and row.state == PeriodState.CUT_OFF
            return replace(row, declared=declared, state=PeriodState.DECLARED if both else row.state)
        case periods.FiguresOpened():
            return replace(row, opened=_with(row.opened, fact.party, fact.revision))
        case periods.StatementStruck():
            struck = replace(row, statement=fact.document, flags=fact.statement.flags, signatures=())
            return replace(struck, state=PeriodState.RECONCILED)
        case periods.StatementSigned():
            return replace(row, signatures=(*row.signatures, fact.signature))
        case periods.StatementRefused():
            return replace(row, flags=row.flags | Flags.REFUSED.value)
        case periods.PeriodSigned():
            deemed = Flags.DEEMED.value
            flags = row.flags | deemed if fact.deemed else row.flags & ~deemed
            return replace(row, state=PeriodState.SIGNED, flags=flags)
        case periods.PeriodClosed():
            return replace(row, state=PeriodState.CLOSED)
        case _:
            assert_never(fact)


def _with(numbers: tuple[int, int], party: int, number: int) -> tuple[int, int]:
    return (numbers[0], number) if party else (number, numbers[1])


def _sign(base: sqlite3.Connection, document: bytes, signature: Signature) -> None:
    """One more signature under a document, in the order of the chain."""
    base.execute(
        "INSERT INTO signature SELECT ?, COUNT(*), ? FROM signature WHERE document = ?",
        (document, encode(signature), document),
    )
