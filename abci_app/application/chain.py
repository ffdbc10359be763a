"""The replicated state machine as the ABCI server drives it.

The consensus connection's thread calls `init_chain`, `prepare`, `process`, `finalize` and `commit`;
`check` and `query` come from other threads and only read what is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from abci_app.application import queries, replay, transaction
from abci_app.application.block import CODESPACE, Candidate, Executed, Executor, gather, refused
from abci_app.application.genesis import GenesisFault, first_state
from abci_app.application.interface import (
    Answer,
    Block,
    BlockResult,
    Genesis,
    Outcome,
    Signatures,
)
from abci_app.application.proposals import choose
from abci_app.application.rules import ExecutorFault, RuleCache
from abci_app.application.transaction import Code, Transaction
from abci_app.application.trial import Trial
from abci_app.domain.members.queries import active_key, is_welcome
from abci_app.domain.rulebook.tables import STORE as RULEBOOK
from abci_app.kernel.codes import Rejected, reject
from abci_app.kernel.costs import MOST_PER_BLOCK
from abci_app.kernel.encoding import encode
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.merkle import leaf
from abci_app.rules.codes import RuleCode
from abci_app.state.forest import EMPTY, Forest
from abci_app.state.overlay import Reader
from abci_app.state.recent import Recent
from abci_app.state.store import FORMAT, Batch, Marker, Store

_MOST_SIGNERS = 4096
"""Keys that CheckTx remembers until the next block; strangers may send any number of them."""
_FILTER = "/p2p/filter/"
_FILTER_ID = "/p2p/filter/id/"


class Chain:
    """Holds the committed state's tree and at most two candidates; everything durable is in the store.

    `forest` is the tree rebuilt from the store and checked against its marker; EMPTY before genesis.
    """

    def __init__(self, store: Store, signatures: Signatures, forest: Forest) -> None:
        self._store = store
        self._signatures = signatures
        self._forest = forest
        self._marker = store.marker()
        self._rules = RuleCache()
        self._trial = Trial(self._rules)
        self._recent = Recent()
        self.alarms: list[str] = []  # what the server must report: transactions that tripped a fault
        self._signers: tuple[int, dict[bytes, tuple[bool, replay.Window]]] = -1, {}  # height, and what held then
        self._prepared: Candidate | None = None
        self._processed: Candidate | None = None
        self._next: tuple[Candidate, Forest] | None = None

    def marker(self) -> Marker | None:
        """The last committed block; height 0 after genesis."""
        return self._marker

    def try_rules(self) -> None:
        """Try the rulebook's versions on this machine; before the first request. Raises `ExecutorFault`."""
        if self._marker is not None:
            with self._store.view() as view:
                self.alarms += self._trial.run(view, self._marker.height + 1)

    def init_chain(self, genesis: Genesis) -> bytes:
        """Fold and keep the genesis facts; the app hash that block 1 carries. Raises `GenesisFault`.

        CometBFT repeats the call until block 1 is committed: the same genesis gives the same answer.
        """
        first = first_state(genesis)
        leaves = [leaf(record) for record in first.records]
        forest = EMPTY.apply(first.writes, leaves)
        marker = Marker(FORMAT, 0, genesis.time, forest.app_hash(), chain_hash(genesis.chain_id), len(leaves))
        if self._marker is None:
            self._store.commit(Batch(marker, first.writes, first.records, forest.module_roots()))
            self._marker, self._forest = marker, forest
        elif self._marker != marker:
            raise GenesisFault(f"the genesis that this application began with, {_named(self._marker)}", _named(marker))
        return marker.app_hash

    def check(self, raw: bytes, recheck: bool) -> Outcome:
        """CheckTx: form, cost, signature, signer and replay window, as of the next block. No decide runs."""
        marker = self._started()
        try:
            found = transaction.read(marker.chain, raw)
        except Rejected as refusal:
            return refused(refusal, 0)
        try:
            if not recheck and not self._signatures.valid([found.signed])[0]:
                reject(
                    Code.BAD_SIGNATURE,
                    expected=f"a signature of key {found.signed.key.hex()}",
                    actual="another",
                )
            active, window = self._signer(found.signed.key, marker.height)
            if not active:
                reject(Code.UNKNOWN_KEY, expected="a registered, active key", actual=found.signed.key.hex())
            replay.check(window, found.signed.key, found.body.number, found.body.expiry, marker.height + 1)
        except Rejected as refusal:
            return refused(refusal, found.cost)
        return Outcome(0, found.signed.digest, "", found.cost, found.cost, (), CODESPACE)

    def prepare(self, proposal: Block, most_bytes: int, in_time: Callable[[], bool] = lambda: True) -> list[bytes]:
        """PrepareProposal: mempool order within bytes, cost and per-operator share; what cannot run is dropped.

        `in_time` says whether there is time for another transaction; a block holds what was executed by then.
        The others wait for a proposer only so long, and how fast this machine is, only its server can know.
        """
        marker = self._started()
        readable: list[tuple[bytes, Transaction]] = []
        for raw in proposal.transactions:
            try:
                readable.append((raw, transaction.read(marker.chain, raw)))
            except Rejected:
                continue  # another node's older CheckTx let it pass
        valid = self._signatures.valid([found.signed for _, found in readable])
        readable = [pair for pair, good in zip(readable, valid, strict=True) if good]
        with self._store.view() as view:
            base = self._recent.over(view)
            chosen = choose(base, readable, most_bytes)
            kept, runs, executor = self._execute_each(base, proposal, chosen, in_time)
            block = proposal._replace(transactions=tuple(kept))
            self._prepared = gather(block, executor, runs)
        return kept

    def process(self, proposal: Block) -> bool:
        """ProcessProposal: executes the block; False for anything that no honest proposer makes.

        Raises whatever a fault of ours raises; the server then rejects the block and raises an alarm, or stops
        where it is an `ExecutorFault`.
        """
        candidate = self._candidate(proposal)
        if candidate is None or not candidate.admissible:
            return False
        self._processed = candidate
        return True

    def finalize(self, block: Block) -> BlockResult:
        """FinalizeBlock: takes the candidate or executes; keeps it for Commit, writes nothing."""
        assert block.height == self._started().height + 1, "no block is left out and none comes twice"
        candidate = self._processed
        if candidate is None or candidate.block != block:
            candidate = self._execute_decided(block)
        self.alarms += [_doubt(each) for each in candidate.outcomes if each.code == RuleCode.VECTOR_FAILED]
        forest = self._forest.apply(candidate.writes, [leaf(record) for record in candidate.records])
        self._next = candidate, forest
        return BlockResult(candidate.outcomes, forest.app_hash(), candidate.validators)

    def commit(self) -> None:
        """Commit: one write transaction, then the committed view moves. Raises what the store raises.

        Raises `ExecutorFault`, the block safely kept, where the next block has a rule that this machine cannot run.
        """
        assert self._next is not None, "FinalizeBlock comes before Commit"
        candidate, forest = self._next
        before = self._started()
        block = candidate.block
        facts = before.facts + len(candidate.records)
        marker = Marker(FORMAT, block.height, block.time, forest.app_hash(), before.chain, facts)
        self._store.commit(Batch(marker, candidate.writes, candidate.records, forest.module_roots()))
        self._recent.commit(candidate.writes)
        changed = forest.trees[RULEBOOK] is not self._forest.trees[RULEBOOK]  # versions share what did not change
        self._marker, self._forest = marker, forest
        self._prepared = self._processed = self._next = None
        if changed or self._trial.is_open:
            self.try_rules()

    def query(self, path: str, data: bytes, height: int) -> Answer:
        """A question about the committed state; the paths are those of `queries`."""
        if path.startswith(_FILTER):
            return self._filter(path, data)
        self._started()
        with self._store.view() as state:
            marker, roots = state.marker(), state.roots()  # the view's own: a block may have come in between
            assert marker is not None, "a view is never older than the marker"
            try:
                if height not in (0, marker.height):
                    reject(Code.HEIGHT_NOT_KEPT, expected=f"0 or {marker.height}", actual=height)
                asked = queries.Asked(state, marker, self._store.facts, roots, self._rules)
                value = queries.answer(asked, path, data)
            except Rejected as refusal:
                return Answer(int(refusal.code), data, b"", marker.height, str(refusal), CODESPACE)
        return Answer(0, data, value, marker.height, "", CODESPACE)

    def _filter(self, path: str, data: bytes) -> Answer:
        """`filter_peers`: by node id from the members' registry; an address says nothing about who it is."""
        if not path.startswith(_FILTER_ID) or self._marker is None:
            return Answer(0, data, b"", 0, "", CODESPACE)
        node = path.removeprefix(_FILTER_ID)
        with self._store.view() as state:
            try:
                if not is_welcome(state, _node_id(node)):
                    reject(Code.UNKNOWN_PEER, expected="the id of a node that a member has registered", actual=node)
            except Rejected as refusal:
                return Answer(int(refusal.code), data, b"", 0, str(refusal), CODESPACE)
        return Answer(0, data, b"", 0, "", CODESPACE)

    def _started(self) -> Marker:
        assert self._marker is not None, "genesis comes before everything else"
        return self._marker

    def _signer(self, key: bytes, height: int) -> tuple[bool, replay.Window]:
        """Whether a key is active, and its numbers, as of the committed block.

        After each block CometBFT asks again about everything that waits: few keys, thousands of times.
        """
        at, signers = self._signers
        if at != height:
            signers = {}
            self._signers = height, signers
        found = signers.get(key)
        if found is None:
            with self._store.view() as state:
                found = active_key(state, key) is not None, replay.window_of(state, key)
            if len(signers) < _MOST_SIGNERS:
                signers[key] = found
        return found

    def _candidate(self, proposal: Block) -> Candidate | None:
        """The proposal executed; None if it holds what no transaction of a block may be."""
        if self._processed is not None and self._processed.block == proposal:
            return self._processed
        prepared = self._prepared
        if prepared is not None and _content(prepared.block) == _content(proposal):
            return prepared._replace(block=proposal)
        marker = self._started()
        try:
            found = [transaction.read(marker.chain, raw) for raw in proposal.transactions]
        except Rejected:
            return None
        if sum(each.cost for each in found) > MOST_PER_BLOCK:
            return None
        if not all(self._signatures.valid([each.signed for each in found])):
            return None
        with self._store.view() as view:
            executor = self._executor(self._recent.over(view), proposal)
            return gather(proposal, executor, [executor.run(each) for each in found])

    def _execute_decided(self, block: Block) -> Candidate:
        """A block that others decided and that was not seen as a proposal: replay and block sync.

        It may hold anything that over a third of the power let pass: every transaction gets a result.
        """
        marker = self._started()
        found: list[Transaction | Rejected] = []
        for raw in block.transactions:
            try:
                found.append(transaction.read(marker.chain, raw))
            except Rejected as refusal:
                found.append(refusal)
        signed = [each.signed for each in found if isinstance(each, Transaction)]
        good = dict(zip((item.raw_hash for item in signed), self._signatures.valid(signed), strict=True))
        with self._store.view() as view:
            executor = self._executor(self._recent.over(view), block)
            return gather(block, executor, [_run(executor, each, good) for each in found])

    def _executor(self, base: Reader, block: Block) -> Executor:
        """An executor that has taken in the block's evidence."""
        executor = Executor(base, self._started().chain, block.height, block.time, self._rules.bound)
        executor.take_evidence(block.misbehaviour)
        return executor

    def _execute_each(
        self,
        base: Reader,
        proposal: Block,
        chosen: Sequence[tuple[bytes, Transaction]],
        in_time: Callable[[], bool],
    ) -> tuple[list[bytes], list[Executed], Executor]:
        """Execute what was chosen; what cannot be admitted, or trips a fault of ours, stays out of the block.

        The first that can be is taken whatever the time: one that is slow to read must not propose nothing for ever.
        """
        executor = self._executor(base, proposal)
        kept: list[bytes] = []
        runs: list[Executed] = []
        for raw, found in chosen:
            if kept and not in_time():
                break
            try:
                run = executor.run(found)
            except ExecutorFault:
                raise
            except Exception as fault:  # noqa: BLE001 - named in ARCHITECTURE: Prepare drops what trips a fault
                self.alarms.append(f"dropped {found.signed.digest.hex()}: {type(fault).__name__}: {fault}")
                continue
            if run.admitted:
                kept.append(raw)
                runs.append(run)
        return kept, runs, executor


def _node_id(text: str) -> bytes:
    """The node id in CometBFT's path: forty hexadecimal digits; empty for anything else, which nobody registers."""
    try:
        node = bytes.fromhex(text)
    except ValueError:
        return b""
    return node if node.hex() == text and len(node) == 20 else b""


def _run(executor: Executor, found: Transaction | Rejected, good: dict[bytes, bool]) -> Executed:
    if isinstance(found, Rejected):
        return Executed(refused(found, 0), (), admitted=False)
    if not good[found.signed.raw_hash]:
        forged = Rejected(Code.BAD_SIGNATURE, f"a signature of key {found.signed.key.hex()}", "another")
        return Executed(refused(forged, found.cost), (), admitted=False)
    return executor.run(found)


def _doubt(outcome: Outcome) -> str:
    """A published bundle that fails its vectors here: nobody can tell alone whose fault it is."""
    return (
        f"a published bundle was refused: {outcome.log}. Either its author is wrong, or the executor of this machine: "
        "if the next block's app hash is not this node's, compare its release and its Python with another member's"
    )


def _named(marker: Marker) -> str:
    """A genesis by all that may differ."""
    return f"app hash {marker.app_hash.hex()}, sha256 of the chain id {marker.chain.hex()}, time {marker.time}"


def _content(block: Block) -> bytes:
    """What a block is, before it has a hash: sha256 of height, time, transactions and evidence."""
    return sha256(encode((block.height, block.time, block.transactions, block.misbehaviour))).digest()
