"""The messages that file figures: made from the vault, the same bytes every time (PROTOCOL 25, 26).

`chain` is sha256 of the chain id.
"""

from __future__ import annotations

from abci_app.domain.periods.schema import Committed, Declare, KnowledgeStatement, LineFigures, Open, detail_hash
from abci_app.kernel.commitments import blinding, commit, prove
from abci_app.kernel.encoding import encode
from settle.agent.read_model import PeriodKey
from settle.agent.vault import RatedLines, Vault


def declare_message(vault: Vault, chain: bytes, operator: int, key: PeriodKey, rated: RatedLines) -> Declare:
    """The declaration of figures: commitments, and the proof that we know what is in them."""
    seed = vault.seed(chain, key, rated.revision, rated.lines)
    values = [value for line in rated.lines for value in _committed(line)]
    blindings = [blinding(seed, index, measure) for index in range(len(rated.lines)) for measure in Committed]
    commitments = tuple(commit(value, r) for value, r in zip(values, blindings, strict=True))
    detail = detail_hash(seed, rated.lines)
    known = KnowledgeStatement(chain, operator, *key, rated.revision, streams=rated.streams, detail=detail)
    proof = prove(encode(known), values, blindings, commitments, seed)
    return Declare(
        *key, rated.revision, rated.rating, streams=rated.streams, detail=detail, commitments=commitments, proof=proof
    )


def open_message(vault: Vault, chain: bytes, key: PeriodKey, rated: RatedLines) -> Open:
    """The opening of declared figures."""
    return Open(*key, rated.revision, vault.seed(chain, key, rated.revision, rated.lines), rated.lines)


def opens(vault: Vault, chain: bytes, key: PeriodKey, rated: RatedLines, detail: bytes) -> bool:
    """Whether these figures are the ones behind a declaration's detail hash."""
    return detail_hash(vault.seed(chain, key, rated.revision, rated.lines), rated.lines) == detail


def _committed(line: LineFigures) -> tuple[int, ...]:
    """The figures that are committed to, in the order of `Committed`."""
    by_measure = {Committed.UNITS_BILLED: line.units_billed, Committed.AMOUNT: line.amount}
    return tuple(by_measure[measure] for measure in Committed)
