"""The regulator's order: the next version of the rating rule, published, countersigned, ordered, tried, and active."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from typing import NamedTuple

from msgspec.structs import replace

from abci_app.domain.governance.schema import Propose
from abci_app.domain.rulebook.queries import AtHeight
from abci_app.domain.rulebook.schema import PublishBundle, RuleVersion, ScheduleVersion, VersionState
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict, approving
from abci_app.kernel.encoding import Value
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from abci_app.rules.bundle import bundle_hash, load_bundle, read_bundle, write_bundle
from settle.agent.readiness import examine
from settle.agent.runtime import people
from settle.chain.errors import NodeUnreachable, RpcError
from settle.chain.outbox import Outbox
from settle.cli.carried import packed
from settle.cli.demo.attacks import Attempt, Cheat
from settle.cli.demo.impact import OrderImpact, impact_on, pair_said
from settle.cli.demo.stage import CHAIN_ID, NOTICE, RULE, Operator, Stage
from settle.cli.failures import not_done
from settle.cli.questions import RULE_HISTORY, RULE_VERSIONS, ask
from settle.cli.sending import outbox_path
from settle.rules.build import Follows, build_bundle, shipped_bundle
from settle.rules.plugin import SHIPPED

ORDER = (
    b"MIIT order 2013 no. 506, in force from 2014-01-01 00:00 UTC+8. Calls between mobile networks: 0.06 CNY a started "
    b"minute; from China Telecom and China Unicom to China Mobile 0.04, to its numbers 157 and 188 0.06. "
    b"A short message 0.01, a multimedia message 0.05."
)
"""The order's document, of which the chain has the hash."""
_SPARE = 3  # blocks above the notice, until the order stands in a block
_AROUND = 10  # blocks on either side of the switch in which transactions are counted
_PUBLISHER, _COUNTERSIGNER, _CHEAT = 1, 2, 3  # places of China Unicom, China Telecom and China Broadnet

Work = Callable[[Callable[[], bool], float, str], None]
"""Has the agents work until something is so: the condition, seconds, what is waited for."""
Say = Callable[[str], None]


class Ordered(NamedTuple):
    """What came of the order. Bundles and hashes in hex; heights; transactions of the blocks around the switch."""

    document: str
    old: str
    new: str
    published_by: str
    countersigned_by: str
    asked_for: int
    active_from: int
    ready: tuple[str, ...]
    nodes: int
    switched: bool  # every node tells of both versions the same before and from the height
    hashes: tuple[str, ...]  # every node's app hash after the first block of the new version
    impact: OrderImpact
    before: int = 0
    after: int = 0

    @property
    def problems(self) -> list[str]:
        """What must not be."""
        found = []
        if len(self.ready) != self.nodes:
            found.append(f"{len(self.ready)} of {self.nodes} nodes READY")
        if not self.switched:
            found.append(f"a node does not switch at height {self.active_from}")
        if len(set(self.hashes)) != 1:
            found.append(f"different app hashes after the switch: {', '.join(self.hashes)}")
        if not self.before or not self.after:
            found.append(f"no load around the switch: {self.before} transactions before it, {self.after} after it")
        return found

    def with_load(self, stage: Stage) -> Ordered:
        """The same with the transactions around the switch, once those blocks are there."""
        at = self.active_from
        before, after = (stage.transactions(first, first + _AROUND) for first in (at - _AROUND, at))
        return self._replace(before=before, after=after)

    def version(self, bundle: str) -> str:
        """The version with this bundle."""
        return {self.old: "v1", self.new: "v2"}.get(bundle, "unknown")


class TheOrder:
    """One run of it on a stage. Whoever waits, the agents go on."""

    def __init__(self, stage: Stage, work: Work, say: Say, pace: float) -> None:
        self._stage, self._work, self._say, self._pace = stage, work, say, pace
        self.attempts: list[Attempt] = []
        self.of_nodes: dict[str, str] = {}
        """By operator code: how its node stands to the new version."""
        old = shipped_bundle(RULE.name.lower(), 1)
        self._old_rule = load_bundle(old)
        self._old = self._old_rule.hash
        self._raw = build_bundle(SHIPPED / RULE.name.lower() / "v2", stage.chain, Follows(self._old, 1))
        self._new = bundle_hash(self._raw)
        self._forged = write_bundle(replace(read_bundle(self._raw), tables=read_bundle(old).tables))
        cheat = stage.operators[_CHEAT]
        self._key, self._cheat = cheat.keys["governance"], Cheat(cheat.rpc, stage.chain)

    def carry_out(self) -> Ordered:
        """From the bundle to the height from which it rates. Raises `Failure`."""
        publisher, countersigner = (self._stage.operators[place] for place in (_PUBLISHER, _COUNTERSIGNER))
        self._tried(self._publish_forged())
        signature = _signature(self._new)
        self._send(publisher, "rule publish", PublishBundle(self._raw), signature)
        self._say(f"{publisher.code} publishes {RULE.name.lower()} v2 whole and signs it: bundle {self._new.hex()}")
        self._tried(self._countersign(countersigner))
        self._tried(self._propose_unsigned())
        impact = impact_on(self._stage.operators, self._old_rule, load_bundle(self._raw))
        self._say(f"impact of v2 on the {impact.legs:,} calls and messages of January that are there by now:")
        for each in impact.pairs:
            self._say(f"    {pair_said(each)}")
        failure = examine(self._raw).failure
        if failure:
            raise not_done(expected="v2's vectors to hold here", actual=failure, next_step="report it: a fault of ours")
        self._send(countersigner, "rule sign", signature)
        self._say(f"{countersigner.code} checks it, runs its vectors and countersigns")
        document, asked_for = sha256(ORDER).digest(), self._stage.look()[0].height + NOTICE + _SPARE
        self._send(self._stage.regulator, "gov propose", self._propose(Track.MANDATED, asked_for, document))
        self._say(f"MIIT orders it from height {asked_for} on; its document: {document.hex()}")
        self._tried(self._publish_changed())
        row = self._await_nodes()
        return Ordered(
            document=document.hex(),
            old=self._old.hex(),
            new=self._new.hex(),
            published_by=publisher.code,
            countersigned_by=countersigner.code,
            asked_for=asked_for,
            active_from=row.active_from,
            ready=self._ready(row),
            nodes=len(self._stage.operators),
            switched=self._switched(row.active_from),
            hashes=self._stage.hashes_at(row.active_from + 1),
            impact=impact,
        )

    def _await_nodes(self) -> RuleVersion:
        every = len(self._stage.operators)
        self._work(lambda: self._look_who_is_ready() == every, 40 * self._pace, "READY from every node")
        row = self._version()
        self._say(f"{every} of {every} nodes are READY, each by its own executor: {', '.join(self._ready(row))}")
        self._work(
            lambda: min(sight.height for sight in self._stage.look()) > row.active_from,
            60 * self._pace,
            f"height {row.active_from} on every node",
        )
        self.of_nodes.update(dict.fromkeys(self._ready(row), f"v2 active from {row.active_from}"))
        self._say(f"v2 is ACTIVE from height {row.active_from} on every node, and nothing has stopped")
        return row

    def _publish_forged(self) -> Attempt:
        return self._cheat.publish_forged(self._forged, self._key)

    def _publish_changed(self) -> Attempt:
        bundle = read_bundle(self._raw)
        changed = replace(bundle, manifest=replace(bundle.manifest, change_note=b"other bytes"))
        return self._cheat.publish_changed(write_bundle(changed), self._key)

    def _countersign(self, victim: Operator) -> Attempt:
        forged = self._cheat.forge(_signature(self._new), victim.keys["governance"], self._key)
        return forged._replace(what="countersign a bundle in another operator's name")

    def _propose_unsigned(self) -> Attempt:
        late = self._stage.look()[0].height + 1_000  # beyond every notice
        return self._cheat.propose_unsigned(self._propose(Track.CONSORTIUM, late), self._key)

    def _propose(self, track: Track, activation: int, order: bytes = b"") -> Propose:
        """The new version also rates usage that is past, as the operators know: their months are settled afterwards."""
        message = ScheduleVersion(self._new, activation, backdated=True)
        return Propose(1, track, 0, (), 0, order, packed(message), b"rates from 2014-01-01 on")

    def _tried(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self._say(attempt.text())

    def _send(self, member: Operator, verb: str, *messages: Value) -> None:
        """Have a member's governance key send it; the agents work until it stands in a block."""
        with closing(Outbox(outbox_path(member.home), member.rpc, CHAIN_ID)) as outbox:
            ticket = people.submit(outbox, verb, member.keys["governance"], *messages)

            def ended() -> bool:
                try:
                    outbox.pump()
                except (NodeUnreachable, RpcError):
                    return False
                return outbox.result(ticket) is not None

            self._work(ended, 30 * self._pace, f"`{verb}` of {member.code} in a block")
            result = outbox.result(ticket)
        if result is None or result.code:
            actual = "nothing" if result is None else result.log
            raise not_done(expected=f"`{verb}` accepted", actual=actual, next_step="report it: a fault of ours")

    def _version(self) -> RuleVersion:
        return ask(self._stage.operators[0].rpc, RULE_VERSIONS, int(RULE))[-1][1]

    def _ready(self, row: RuleVersion) -> tuple[str, ...]:
        said = approving(row.ready)
        return tuple(operator.code for operator in self._stage.operators if operator.number in said)

    def _look_who_is_ready(self) -> int:
        codes = self._ready(self._version())
        self.of_nodes.update(dict.fromkeys(codes, "READY for v2"))
        return len(codes)

    def _switched(self, height: int) -> bool:
        """v1 keeps rating the old year; v2 waits until the height and rates from there."""
        told = {
            tuple(
                each.state
                for at in (height - 1, height)
                for each in ask(operator.rpc, RULE_HISTORY, AtHeight(int(RULE), at))
            )
            for operator in self._stage.operators
        }
        active, waits = VersionState.ACTIVE, VersionState.APPROVED
        return told == {(active, waits, active, active)}


def _signature(bundle: bytes) -> Approve:
    return Approve(DocumentKind.BUNDLE, bundle, Role.GOVERNANCE, Verdict.APPROVE)
