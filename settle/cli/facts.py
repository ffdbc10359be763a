"""Facts as people and programs read them: all modules' kinds, decoded, with their circumstances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from rich.table import Table

from abci_app.domain.agreements import schema as agreements
from abci_app.domain.governance import schema as governance
from abci_app.domain.members import schema as members
from abci_app.domain.obligations import schema as obligations
from abci_app.domain.periods import schema as periods
from abci_app.domain.rulebook import schema as rulebook
from abci_app.kernel.encoding import Decoder, Malformed, Value
from abci_app.kernel.facts import FactRecord, read_record
from abci_app.kernel.roles import Role
from settle.chain.errors import ChainError
from settle.chain.queries import fact_records
from settle.chain.rpc import Node
from settle.cli.output import table
from settle.cli.plain import iso, plain

Fact: TypeAlias = members.Fact | governance.Fact | rulebook.Fact | agreements.Fact | periods.Fact | obligations.Fact
_read_fact: Decoder[Fact] = Decoder(Fact)
_BATCH = 500
_SHOWN = 100  # characters of a fact's content in a table


class ToldFact(NamedTuple):
    """A fact of the log; `number` is -1 for one that a simulation only foresees."""

    number: int
    record: FactRecord
    fact: Value

    def document(self) -> dict[str, object]:
        """For `--json`."""
        record = self.record
        return {
            "number": self.number,
            "kind": record.kind,
            "height": record.height,
            "time": iso(record.time),
            "operator": record.operator,
            "role": role_name(record.role),
            "basis": record.basis.hex(),
            "object": record.object.hex(),
            "fact": plain(self.fact),
        }


def role_name(role: int) -> str:
    """A role in words; "genesis" for the facts that nobody signed."""
    return Role(role).name.lower() if role else "genesis"


def read_told(number: int, raw: bytes) -> ToldFact:
    """A canonical record with its fact. Raises `ChainError` where it is another version's."""
    try:
        record = read_record(raw)
        return ToldFact(number, record, _read_fact(record.body))
    except Malformed as fault:
        raise ChainError(
            expected=f"fact {number} in a form of this release",
            actual=str(fault),
            next_step="run node and `settle` of the same release",
        ) from fault


def all_facts(node: Node, start: int = 0, most: int | None = None) -> Iterator[ToldFact]:
    """The log from a number on, in order; at most so many where `most` is given."""
    left = most
    while left is None or left > 0:
        records = fact_records(node, start, _BATCH if left is None else min(_BATCH, left))
        if not records:
            return
        for number, raw in enumerate(records, start):
            yield read_told(number, raw)
        start += len(records)
        left = None if left is None else left - len(records)


def facts_table(told: Iterable[ToldFact], codes: Mapping[int, str]) -> Table:
    """Facts for people, one a line. `codes`: operators' codes by number."""
    rows = (
        (
            "" if each.number < 0 else each.number,
            each.record.height,
            iso(each.record.time),
            codes.get(each.record.operator, each.record.operator or "genesis"),
            role_name(each.record.role),
            each.record.kind,
            content(each.fact),
        )
        for each in told
    )
    return table("fact", "height", "time", "operator", "role", "kind", "content", rows=rows, right=("fact", "height"))


def content(fact: Value) -> str:
    """A fact's fields in one line, cut where it grows long."""
    parts = []
    for name in fact.__struct_fields__:
        told = plain(getattr(fact, name), name)
        parts.append(f"{name}={told[:16] + '…' if isinstance(told, str) and len(told) > 40 else told}")
    line = " ".join(parts)
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
