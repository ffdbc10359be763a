"""The methods of ABCI 2.0: a request of the node, a call on the state machine, a response."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from hashlib import sha256
from threading import Lock
from time import monotonic
from typing import Protocol

from google.protobuf.message import DecodeError

from abci_app.application.interface import Answer, Block, BlockResult, Event, Genesis, Misbehaviour, Outcome
from abci_app.application.rules import ExecutorFault
from abci_app.application.transaction import Code
from abci_app.server import abci_pb2 as pb
from abci_app.server.connection import Unreadable
from abci_app.server.failpoint import Failpoint, nowhere
from abci_app.server.framing import frame
from abci_app.server.genesis import read_genesis
from abci_app.server.refusal import Refusal
from abci_app.state.store import Marker

ABCI_VERSION = "2.0.0"
APP_VERSION = 1
"""The version of the state machine, in every header (Header.Version.App)."""

UNFORESEEN = int(Code.APPLICATION_FAULT)
CODESPACE = "server"
"""Code and codespace of a CheckTx or Query that failed by a fault of ours, not by a rule."""

LONGEST_PREPARE = 0.6
"""Seconds after which PrepareProposal takes no further transaction. Whoever waits longer than `timeout_propose`
(1 s in our template) votes for no block, and all that was prepared is prepared once more."""

_FLUSH = pb.Request(flush=pb.RequestFlush()).SerializeToString()
_FLUSHED = frame(pb.Response(flush=pb.ResponseFlush()).SerializeToString())

log = logging.getLogger(__name__)


class Application(Protocol):
    """The state machine as this server uses it; `abci_app.application.chain.Chain` is one."""

    alarms: list[str]

    def marker(self) -> Marker | None: ...
    def init_chain(self, genesis: Genesis) -> bytes: ...
    def check(self, raw: bytes, recheck: bool) -> Outcome: ...
    def prepare(self, proposal: Block, most_bytes: int, in_time: Callable[[], bool]) -> list[bytes]: ...
    def process(self, proposal: Block) -> bool: ...
    def finalize(self, block: Block) -> BlockResult: ...
    def commit(self) -> None: ...
    def query(self, path: str, data: bytes, height: int) -> Answer: ...


class Handlers:
    """Answers every request of ABCI 2.0 as CometBFT v0.38 to v0.40 send them. For any thread.

    Crash policy (CHAIN.md): what a handler raises ends the program, because a ledger that is wrong
    must stop; but CheckTx and Query answer a code, and ProcessProposal rejects the block and raises
    an alarm, so that a transaction that trips a fault of ours is never decided. An `ExecutorFault`
    is this machine's alone: it would reject what all others decide for ever, so there it ends too.

    The wire does not say which of the node's connections a request comes from, so requests that
    may change the state take turns under a lock. It is never held from one request to the next:
    between FinalizeBlock and Commit the node waits for its mempool connection.

    State sync comes in a later version: no snapshot is listed, an offered one is rejected. Vote
    extensions are not used: ours are empty, and only empty ones are accepted. InsertTx and ReapTxs
    belong to `mempool.type = "app"`, which the node's config templates do not use: default answers.
    """

    def __init__(self, chain: Application, version: str, failpoint: Failpoint = nowhere) -> None:
        self._chain = chain
        self._version = version
        self._failpoint = failpoint
        self._turn = Lock()
        self._decided = 0  # the height of the last FinalizeBlock
        self._methods: dict[str, Callable[[pb.Request], pb.Response]] = {
            "check_tx": self._check_tx,
            "query": self._query,
            "prepare_proposal": self._prepare_proposal,
            "process_proposal": self._process_proposal,
            "finalize_block": self._finalize_block,
            "commit": self._commit,
            "info": self._info,
            "init_chain": self._init_chain,
            "extend_vote": lambda _: pb.Response(extend_vote=pb.ResponseExtendVote()),
            "verify_vote_extension": _verify_vote_extension,
            "list_snapshots": lambda _: pb.Response(list_snapshots=pb.ResponseListSnapshots()),
            "offer_snapshot": _offer_snapshot,
            "load_snapshot_chunk": lambda _: pb.Response(load_snapshot_chunk=pb.ResponseLoadSnapshotChunk()),
            "apply_snapshot_chunk": _apply_snapshot_chunk,
            "insert_tx": lambda _: pb.Response(insert_tx=pb.ResponseInsertTx()),
            "reap_txs": lambda _: pb.Response(reap_txs=pb.ResponseReapTxs()),
            "echo": lambda asked: pb.Response(echo=pb.ResponseEcho(message=asked.echo.message)),
            "flush": lambda _: pb.Response(flush=pb.ResponseFlush()),
        }

    def answer(self, message: bytes) -> bytes:
        """The framed response to one request's bytes.

        Raises `Unreadable` where they are no request, `Refusal` for a node or genesis that cannot
        be served, and whatever a fault in the state machine raises.
        """
        if message == _FLUSH:
            return _FLUSHED
        try:
            request = pb.Request.FromString(message)
        except DecodeError as fault:
            raise Unreadable(f"expected a request of ABCI {ABCI_VERSION}, came other bytes") from fault
        kind = request.WhichOneof("value")
        if kind is None:
            raise Unreadable(f"expected a request of ABCI {ABCI_VERSION}, came one of no kind in it")
        return frame(self._methods[kind](request).SerializeToString())

    def _check_tx(self, request: pb.Request) -> pb.Response:
        asked = request.check_tx
        try:
            outcome = self._chain.check(asked.tx, asked.type == pb.RECHECK)
        except Exception:  # the crash policy: no transaction may stop the node before it is in a block
            name = sha256(asked.tx).hexdigest()
            log.exception("ALARM: CheckTx failed by a fault of ours", extra={"fields": {"transaction": name}})
            outcome = Outcome(UNFORESEEN, b"", "fault of this node: see its log", 0, 0, (), CODESPACE)
        response = pb.Response()
        out = response.check_tx
        # The events stay behind: nobody indexes CheckTx's. By fields, in half the time of a constructor.
        out.code, out.data, out.log, out.gas_wanted, out.gas_used, _, out.codespace = outcome
        return response

    def _query(self, request: pb.Request) -> pb.Response:
        asked = request.query
        path = asked.path.decode("utf-8", "replace")
        try:
            found = self._chain.query(path, asked.data, asked.height)
        except Exception:  # the crash policy: no question may stop the node
            log.exception("ALARM: Query failed by a fault of ours", extra={"fields": {"path": path}})
            found = Answer(UNFORESEEN, asked.data, b"", 0, "fault of this node: see its log", CODESPACE)
        return pb.Response(
            query=pb.ResponseQuery(
                code=found.code,
                key=found.key,
                value=found.value,
                height=found.height,
                log=found.log,
                codespace=found.codespace,
            )
        )

    def _info(self, request: pb.Request) -> pb.Response:
        came = request.info.abci_version
        if came not in ("", ABCI_VERSION):  # abci-cli sends none
            raise Refusal(
                f"expected a node that speaks ABCI {ABCI_VERSION}, came ABCI {came}. "
                "Run CometBFT v0.38.25 to v0.40; v1 and v2 speak another ABCI"
            )
        marker = self._chain.marker()
        return pb.Response(
            info=pb.ResponseInfo(
                data="settlement",
                version=self._version,
                app_version=APP_VERSION,
                last_block_height=0 if marker is None else marker.height,
                last_block_app_hash=b"" if marker is None else marker.app_hash,
            )
        )

    def _init_chain(self, request: pb.Request) -> pb.Response:
        genesis = read_genesis(request.init_chain)
        with self._turn:
            app_hash = self._chain.init_chain(genesis)
        log.info("genesis", extra={"fields": {"facts": len(genesis.facts), "app_hash": app_hash.hex()}})
        return pb.Response(init_chain=pb.ResponseInitChain(app_hash=app_hash))

    def _prepare_proposal(self, request: pb.Request) -> pb.Response:
        asked = request.prepare_proposal
        self._failpoint("prepare", asked.height)
        evidence = _misbehaviour(asked.misbehavior)
        proposal = Block(asked.height, asked.time.seconds, b"", tuple(asked.txs), evidence)
        last = monotonic() + LONGEST_PREPARE
        with self._turn:
            chosen = self._chain.prepare(proposal, asked.max_tx_bytes, lambda: monotonic() < last)
            self._report_alarms(asked.height)
        return pb.Response(prepare_proposal=pb.ResponsePrepareProposal(txs=chosen))

    def _process_proposal(self, request: pb.Request) -> pb.Response:
        asked = request.process_proposal
        self._failpoint("process", asked.height)
        with self._turn:
            accepted = self._accepts(_block(asked))
            self._report_alarms(asked.height)
        status = pb.ResponseProcessProposal.ACCEPT if accepted else pb.ResponseProcessProposal.REJECT
        return pb.Response(process_proposal=pb.ResponseProcessProposal(status=status))

    def _accepts(self, proposal: Block) -> bool:
        fields = {"height": proposal.height, "block": proposal.hash.hex()}
        try:
            accepted = self._chain.process(proposal)
        except ExecutorFault:
            raise
        except Exception:  # the crash policy: what trips a fault of ours is never decided
            log.exception("ALARM: a proposal tripped a fault of ours; rejected", extra={"fields": fields})
            return False
        if not accepted:
            log.warning("a proposal was rejected", extra={"fields": fields})
        return accepted

    def _finalize_block(self, request: pb.Request) -> pb.Response:
        asked = request.finalize_block
        self._failpoint("finalize_start", asked.height)
        with self._turn:
            result = self._chain.finalize(_block(asked))
            self._decided = asked.height
            self._report_alarms(asked.height)
        assert len(result.outcomes) == len(asked.txs), "as many results as transactions"
        response = pb.Response()
        out = response.finalize_block
        out.app_hash = result.app_hash
        for code, data, text, wanted, used, events, space in result.outcomes:
            out.tx_results.add(
                code=code,
                data=data,
                log=text,
                gas_wanted=wanted,
                gas_used=used,
                events=_events(events),
                codespace=space,
            )
        for key, power in result.validators:
            out.validator_updates.add(pub_key=pb.PublicKey(ed25519=key), power=power)
        self._failpoint("finalize_end", asked.height)
        return response

    def _commit(self, _: pb.Request) -> pb.Response:
        """Keeps every block (`retain_height` 0): the blocks are part of the audit trail."""
        with self._turn:
            self._failpoint("commit_before", self._decided)
            self._chain.commit()
            self._failpoint("commit_after", self._decided)
            self._report_alarms(self._decided)
            marker = self._chain.marker()
        assert marker is not None, "a committed block leaves a marker"
        fields = {"height": marker.height, "app_hash": marker.app_hash.hex()}
        log.info("committed", extra={"fields": fields})
        return pb.Response(commit=pb.ResponseCommit())

    def _report_alarms(self, height: int) -> None:
        for alarm in self._chain.alarms:
            log.error("ALARM: %s", alarm, extra={"fields": {"height": height}})
        self._chain.alarms.clear()


def _block(asked: pb.RequestProcessProposal | pb.RequestFinalizeBlock) -> Block:
    # A timestamp's nanoseconds are never negative, so its seconds are the floor.
    return Block(asked.height, asked.time.seconds, asked.hash, tuple(asked.txs), _misbehaviour(asked.misbehavior))


def _misbehaviour(evidence: Iterable[pb.Misbehavior]) -> tuple[Misbehaviour, ...]:
    return tuple(Misbehaviour(each.validator.address, each.height) for each in evidence)


def _events(events: Iterable[Event]) -> list[pb.Event]:
    return [
        pb.Event(type=kind, attributes=[pb.EventAttribute(key=k, value=v, index=True) for k, v in attributes])
        for kind, attributes in events
    ]


def _verify_vote_extension(request: pb.Request) -> pb.Response:
    empty = not request.verify_vote_extension.vote_extension
    verdict = pb.ResponseVerifyVoteExtension.ACCEPT if empty else pb.ResponseVerifyVoteExtension.REJECT
    return pb.Response(verify_vote_extension=pb.ResponseVerifyVoteExtension(status=verdict))


def _offer_snapshot(_: pb.Request) -> pb.Response:
    refused = pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT)
    return pb.Response(offer_snapshot=refused)


def _apply_snapshot_chunk(_: pb.Request) -> pb.Response:
    refused = pb.ResponseApplySnapshotChunk(result=pb.ResponseApplySnapshotChunk.ABORT)
    return pb.Response(apply_snapshot_chunk=refused)
