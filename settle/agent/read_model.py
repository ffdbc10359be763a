"""The read model: what an operator's programs ask about the chain, kept in SQLite and fed by facts alone.

Every fact stays with its number, height, time, operator and basis, so that a figure can be followed from
document to file and back. Rebuilt from the first fact it holds the same content; deleting it loses nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple, TypeVar

from abci_app.domain.agreements.schema import CalendarRow, Terms, VersionState
from abci_app.domain.members.schema import ChangeState, KeyChange, OperatorAdmitted
from abci_app.domain.obligations.schema import Arrears, Invoice, NoteKind, Obligation, Round
from abci_app.domain.periods.schema import UNTOUCHED, FiguresDeclared, FiguresOpened, Period, Statement, UsageAnchored
from abci_app.kernel.approvals import Signature
from abci_app.kernel.encoding import Decoder, Malformed, Value
from abci_app.kernel.facts import read_record
from settle.agent.projection import SCHEMA, TABLES, Fact, project, read_fact, read_period
from settle.agent.projection_money import read_arrears, read_obligation, read_round
from settle.chain.errors import ChainError, FollowerBroken, WrongChain
from settle.chain.follower import NumberedFact

V = TypeVar("V", bound=Value)

_FORMAT = 2
_ABOUT = """
CREATE TABLE about (chain TEXT NOT NULL, next INTEGER NOT NULL);
CREATE TABLE fact (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, height INTEGER NOT NULL, time INTEGER NOT NULL,
    object BLOB NOT NULL, operator INTEGER NOT NULL, role INTEGER NOT NULL, basis BLOB NOT NULL, body BLOB NOT NULL);
CREATE INDEX fact_by_object ON fact (object, number);
CREATE INDEX fact_by_basis ON fact (basis, number);
"""
_PERIOD_OBJECT = Struct(">BBIBH")  # store 5, table 1, then the period's key
_PERIODS_STORE, _PERIODS_TABLE = 5, 1


class PeriodKey(NamedTuple):
    """A period: agreement, place of the unit pair, ordinal."""

    agreement: int
    pair: int
    ordinal: int

    def __str__(self) -> str:
        return f"{self.agreement}/{self.pair}/{self.ordinal}"

    @property
    def object(self) -> bytes:
        """Its object key on the chain: what facts about it and `Advance` name."""
        return _PERIOD_OBJECT.pack(_PERIODS_STORE, _PERIODS_TABLE, *self)


class KnownFact(NamedTuple):
    """A fact with its circumstances."""

    number: int
    kind: str
    height: int
    time: int
    object: bytes
    operator: int
    role: int
    basis: bytes
    fact: Fact


class KnownVersion(NamedTuple):
    """A version of an agreement."""

    agreement: int
    version: int
    document: bytes
    state: VersionState
    terms: Terms


class KnownPeriod(NamedTuple):
    """A period of an active agreement with its terms and dates; `row` is `UNTOUCHED` before its first fact."""

    key: PeriodKey
    version: int
    terms: Terms
    dates: CalendarRow
    row: Period


class KnownObligation(NamedTuple):
    """An obligation; `object` names it for `Advance`."""

    number: int
    object: bytes
    row: Obligation


class KnownRound(NamedTuple):
    """A set-off round; `object` names it for `Advance`."""

    number: int
    object: bytes
    row: Round


class KnownKeyChange(NamedTuple):
    """A proposed change of keys."""

    document: bytes
    state: ChangeState
    change: KeyChange


_read_terms: Final[Decoder[Terms]] = Decoder(Terms)
_read_operator: Final[Decoder[OperatorAdmitted]] = Decoder(OperatorAdmitted)
_read_change: Final[Decoder[KeyChange]] = Decoder(KeyChange)
_read_signature: Final[Decoder[Signature]] = Decoder(Signature)
_read_anchor: Final[Decoder[UsageAnchored]] = Decoder(UsageAnchored)
_read_declared: Final[Decoder[FiguresDeclared]] = Decoder(FiguresDeclared)
_read_opened: Final[Decoder[FiguresOpened]] = Decoder(FiguresOpened)
_read_statement: Final[Decoder[Statement]] = Decoder(Statement)
_read_invoice: Final[Decoder[Invoice]] = Decoder(Invoice)


class ReadModel:
    """One chain's facts, indexed. Usable as a follower's reader: call it with a batch of numbered facts."""

    def __init__(self, path: Path, chain_id: str) -> None:
        """Opens the file or makes it. Raises `WrongChain` and `ChainError`."""
        self._path = path
        self._base = sqlite3.connect(path, isolation_level=None, timeout=30.0)
        self._base.execute("PRAGMA journal_mode = WAL")
        with self._change():
            self._found(chain_id)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    # feeding

    @property
    def next_number(self) -> int:
        """The number of the first fact that is not here yet."""
        [found] = self._base.execute("SELECT next FROM about").fetchone()
        return int(found)

    def __call__(self, facts: Sequence[NumberedFact]) -> None:
        """Take facts in order, all or none, durably. Known numbers are passed over; a gap raises `FollowerBroken`."""
        with self._change():
            expected = self.next_number
            for number, raw in facts:
                if number < expected:
                    continue
                if number > expected:
                    raise FollowerBroken(
                        expected=f"fact {expected} next in {self._path}",
                        actual=f"fact {number}",
                        next_step="delete the follower's checkpoint beside it: the facts are read again",
                    )
                self._take(number, raw)
                expected += 1
            self._base.execute("UPDATE about SET next = ?", (expected,))

    def content(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table: two models of the same facts are equal."""
        names = ("about", "fact", *TABLES)
        return {name: self._base.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608  # our names

    # facts

    def facts_about(self, object_key: bytes) -> list[KnownFact]:
        """All facts about an object, in order."""
        return self._facts("object = ?", object_key)

    def facts_with_basis(self, basis: bytes) -> list[KnownFact]:
        """All facts that rest on a document or rule, in order."""
        return self._facts("basis = ?", basis)

    def fact(self, number: int) -> KnownFact | None:
        """One fact by its number in the chain's log."""
        found = self._facts("number = ?", number)
        return found[0] if found else None

    # members

    def operators(self) -> dict[int, OperatorAdmitted]:
        """All operators by number."""
        rows = self._base.execute("SELECT number, value FROM operator ORDER BY number")
        return {number: _read_operator(raw) for number, raw in rows}

    def active_keys(self, operator: int) -> list[tuple[bytes, int]]:
        """(key, role) of an operator's keys that may sign."""
        return self._base.execute(
            "SELECT key, role FROM key WHERE operator = ? AND active ORDER BY key", (operator,)
        ).fetchall()

    def key_changes(self, operator: int) -> list[KnownKeyChange]:
        """An operator's key changes."""
        rows = self._base.execute(
            "SELECT document, state, value FROM key_change WHERE operator = ? ORDER BY document", (operator,)
        )
        return [KnownKeyChange(document, ChangeState(state), _read_change(raw)) for document, state, raw in rows]

    def signatures(self, document: bytes) -> list[Signature]:
        """The signatures under an agreement or a key change, in the order of the chain.

        A statement's and a round's stand in their rows: a new statement voids those of the one before.
        """
        rows = self._base.execute("SELECT value FROM signature WHERE document = ? ORDER BY place", (document,))
        return [_read_signature(raw) for (raw,) in rows]

    # agreements and periods

    def versions(self) -> list[KnownVersion]:
        """All versions of all agreements."""
        rows = self._base.execute("SELECT * FROM version ORDER BY agreement, version")
        return [
            KnownVersion(number, version, document, VersionState(state), _read_terms(terms))
            for number, version, document, state, terms in rows
        ]

    def periods_of(self, operator: int) -> list[KnownPeriod]:
        """Every period of every active agreement of an operator, untouched ones included."""
        rows = self._base.execute("SELECT agreement, pair, ordinal, value FROM period").fetchall()
        touched = {PeriodKey(*key): read_period(raw) for *key, raw in rows}
        found = []
        for known in self.versions():
            terms = known.terms
            if known.state != VersionState.ACTIVE or operator not in (terms.first, terms.second):
                continue
            for dates in terms.calendar:
                for pair in range(len(terms.pairs)):
                    key = PeriodKey(known.agreement, pair, dates.ordinal)
                    found.append(KnownPeriod(key, known.version, terms, dates, touched.get(key, UNTOUCHED)))
        return found

    def anchors(self, key: PeriodKey, party: int) -> list[UsageAnchored]:
        """A party's anchors of a period, by stream and sequence."""
        return self._of_period(
            _read_anchor, "anchor", "agreement = ? AND pair = ? AND ordinal = ? AND party = ?", (*key, party)
        )

    def declarations(self, key: PeriodKey) -> list[FiguresDeclared]:
        """The declarations of a period, by revision and party."""
        return self._of_period(_read_declared, "declaration", "agreement = ? AND pair = ? AND ordinal = ?", key)

    def figures(self, key: PeriodKey) -> list[FiguresOpened]:
        """The opened figures of a period, by revision and party."""
        return self._of_period(_read_opened, "figures", "agreement = ? AND pair = ? AND ordinal = ?", key)

    def statement(self, document: bytes) -> Statement | None:
        """A statement by its hash."""
        found = self._base.execute("SELECT value FROM statement WHERE document = ?", (document,)).fetchone()
        return None if found is None else _read_statement(found[0])

    # money

    def invoices(self, key: PeriodKey) -> dict[int, Invoice]:
        """The invoices of a period by direction."""
        rows = self._base.execute(
            "SELECT direction, value FROM invoice WHERE (agreement, pair, ordinal) = (?, ?, ?) ORDER BY direction", key
        )
        return {direction: _read_invoice(raw) for direction, raw in rows}

    def obligations(self, operator: int) -> list[KnownObligation]:
        """All obligations that an operator owes or is owed."""
        rows = self._base.execute(
            "SELECT number, object, value FROM obligation WHERE ? IN (debtor, creditor) ORDER BY number", (operator,)
        )
        return [KnownObligation(number, about, read_obligation(raw)) for number, about, raw in rows]

    def arrears(self) -> dict[int, Arrears]:
        """How far interest is claimed, by obligation; none of those that were never paid late and never claimed."""
        rows = self._base.execute("SELECT obligation, value FROM arrears ORDER BY obligation")
        return {number: read_arrears(raw) for number, raw in rows}

    def notes(self) -> dict[int, NoteKind]:
        """What the obligations are that no invoice and no round has posted."""
        rows = self._base.execute("SELECT obligation, kind FROM note ORDER BY obligation")
        return {number: NoteKind(kind) for number, kind in rows}

    def rounds(self, operator: int) -> list[KnownRound]:
        """All set-off rounds of an operator."""
        rows = self._base.execute(
            "SELECT number, object, value FROM round WHERE ? IN (first, second) ORDER BY number", (operator,)
        )
        return [KnownRound(number, about, read_round(raw)) for number, about, raw in rows]

    # inside

    def _take(self, number: int, raw: bytes) -> None:
        try:
            record = read_record(raw)
            fact = read_fact(record.body)
        except Malformed as fault:
            raise ChainError(
                expected=f"fact {number} in a form of this release",
                actual=str(fault),
                next_step="run node and agent of the same release",
            ) from fault
        row = (number, record.kind, record.height, record.time, record.object, record.operator, record.role)
        self._base.execute("INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, record.basis, record.body))
        project(self._base, fact, record.object)

    def _facts(self, where: str, value: object) -> list[KnownFact]:
        rows = self._base.execute(f"SELECT * FROM fact WHERE {where} ORDER BY number", (value,))  # noqa: S608  # our text
        return [KnownFact._make((*circumstances, read_fact(body))) for *circumstances, body in rows]

    def _of_period(self, read: Decoder[V], table: str, where: str, key: tuple[int, ...]) -> list[V]:
        rows = self._base.execute(f"SELECT value FROM {table} WHERE {where}", key)  # noqa: S608  # our names
        return [read(raw) for (raw,) in rows]  # tables without row numbers come in the order of their key

    def _found(self, chain_id: str) -> None:
        [version] = self._base.execute("PRAGMA user_version").fetchone()
        if version not in (0, _FORMAT):
            raise ChainError(
                expected=f"read model format {_FORMAT} in {self._path}",
                actual=f"format {version}",
                next_step="delete the file: it is built again from the chain's facts",
            )
        if version == 0:
            for statement in (_ABOUT + SCHEMA).split(";"):
                self._base.execute(statement)
            self._base.execute("INSERT INTO about VALUES (?, 0)", (chain_id,))
            self._base.execute(f"PRAGMA user_version = {_FORMAT}")
        [chain] = self._base.execute("SELECT chain FROM about").fetchone()
        if chain != chain_id:
            raise WrongChain(
                expected=f"facts of chain {chain_id} in {self._path}",
                actual=f"facts of chain {chain}",
                next_step="name the home that belongs to this chain",
            )

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")
