"""The agent of one operator: works through its periods without a person.

`step` is one pass: take record files, follow the chain's facts, and do for every period and every obligation what
is to be done now. It holds nothing in memory that it needs: killed at any point and started again, it goes on where
the vault, the outbox and the chain stand, and sends nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from abci_app.kernel.encoding import encode
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.roles import Role
from settle.agent.intake.sort import Setting
from settle.agent.intake.trunks import TrunkMap
from settle.agent.number_plan.plan import NumberPlan, load_number_plan, load_ported
from settle.agent.read_model import KnownPeriod, PeriodKey, ReadModel
from settle.agent.runtime.anchors import LegIndex
from settle.agent.runtime.clock import BlockClock
from settle.agent.runtime.desk import Action, ActionKind, Blocked, Desk, Sender, log
from settle.agent.runtime.inbox import Inbox
from settle.agent.runtime.money_work import work_on_money
from settle.agent.runtime.period_work import may_reissue, work_on_period
from settle.agent.runtime.rating import CannotRate
from settle.agent.runtime.rulebook import Rulebook
from settle.agent.runtime.settings import AgentSettings, agent_folder, load_settings
from settle.agent.runtime.validations import validation_of
from settle.agent.vault import Vault
from settle.chain.consortium import load_keys
from settle.chain.errors import ChainError, NodeUnreachable, RpcError
from settle.chain.follower import Follower
from settle.chain.keys import Signer
from settle.chain.outbox import Outbox
from settle.chain.rpc import Node

KEY_NAME = "agent"
"""The machine's own maker key in HOME/agent/keys: a person's key never lies where an agent can use it."""


class NotReady(ChainError):
    """The agent lacks something before it can begin."""


class Agent:
    """One operator's agent over one node. One process at a time for a home; made and used in one thread."""

    def __init__(
        self,
        home: Path,
        node: Node,
        chain_id: str,
        settings: AgentSettings | None = None,
    ) -> None:
        """`settings`: those of HOME/agent/agent.toml where None. Raises `KeyFileError`, `NotReady`, `BadInput`,
        `WrongChain`, `OutboxError`, `FollowerBroken`."""
        self.home = home
        self.node = node
        self.chain_id = chain_id
        self.chain = chain_hash(chain_id.encode())
        self.settings = load_settings(home) if settings is None else settings
        self.folder = agent_folder(home)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.signer = self._maker()
        self.operator = self.signer.operator
        self.model = ReadModel(self.folder / "read_model.sqlite", chain_id)
        self.outbox = Outbox(
            self.folder / "outbox.sqlite",
            node,
            chain_id,
            signers=load_keys(home).values(),
            resend_after=self.settings.resend_after_s,
        )
        self.inbox = Inbox(self.folder, self.settings)
        self.blocked: tuple[Blocked, ...] = ()
        """What the last pass wanted and could not have."""
        self._follower = self._follow()
        self._sender = Sender(self.outbox, self.signer)
        self._clock = BlockClock(node)
        self._rulebook = Rulebook(node)
        self.index = LegIndex()
        self._judged_by = b""  # digest of the setting that suspense was last judged by

    def close(self) -> None:
        """Close the files; everything goes on when they are opened again."""
        self.outbox.close()
        self.model.close()

    @property
    def codes(self) -> dict[int, str]:
        """Operator number → code. Raises `NotReady` before the chain has told."""
        found = {number: row.code.decode() for number, row in self.model.operators().items()}
        if self.operator not in found:
            raise NotReady(
                expected=f"operator {self.operator}, whose keys are in {self.folder}, among the chain's members",
                actual=", ".join(found.values()) or "no member yet",
                next_step="wait for the node, or name the home that belongs to this chain",
            )
        return found

    @cached_property
    def vault(self) -> Vault:
        """The operator's vault. Raises `VaultError`, or `NotReady` before the chain has told who we are."""
        return Vault(self.folder / "vault", self.codes[self.operator])

    def step(self) -> list[Action]:
        """One pass. Raises `NodeUnreachable`, `RpcError` and what the files raise; nothing is lost then."""
        desk = self.desk()
        self._take_files(desk)
        periods = self.periods()
        for known in periods:
            work_on_period(desk, known, self.index)
        work_on_money(desk, periods)
        self.outbox.pump()
        self.blocked = tuple(desk.blocked)
        return desk.actions

    def run(
        self,
        stop: Callable[[], bool],
        pause: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
        told: Callable[[Action], None] | None = None,
    ) -> None:
        """Pass after pass, `pause` seconds apart, until `stop()`; a node that is away is waited for."""
        away = False
        while not stop():
            try:
                for action in self.step():
                    log.info("%s %s %s", action.kind, action.subject, action.detail)
                    if told is not None:
                        told(action)
                away = False
            except (NodeUnreachable, RpcError, NotReady) as fault:
                if not away:
                    log.warning("waiting for the node: %s", fault)
                away = True
            sleep(pause)

    def follow(self) -> int:
        """Read the chain's new facts; how many there were."""
        return self._follower.poll(self.model)

    def periods(self) -> list[KnownPeriod]:
        """Every period of every active agreement that the operator is party to."""
        return self.model.periods_of(self.operator)

    def period(self, key: PeriodKey) -> KnownPeriod:
        """One period of ours. Raises `NotReady` for another."""
        for known in self.periods():
            if known.key == key:
                return known
        raise NotReady(
            expected=f"a period of an active agreement of {self.codes[self.operator]}",
            actual=str(key),
            next_step="name agreement/pair/ordinal as the task list shows them",
        )

    def reissue(self, key: PeriodKey) -> int:
        """Have the present figures of a period filed once more, late files included; the revision that it will be.

        Only a person asks for that, after the records, the trunk map or the settings were corrected. The passes
        that follow carry it out. Raises `NotReady` where nothing may be corrected now.
        """
        known = self.period(key)
        party = 0 if known.terms.first == self.operator else 1
        statement = self.model.statement(known.row.statement) if known.row.statement else None
        if not may_reissue(known, party, statement):
            raise NotReady(
                expected=f"a judged difference in period {key}, our last revision opened, and a revision left",
                actual=f"{known.row.state.name}, declared {known.row.declared}, opened {known.row.opened}",
                next_step="look at the statement: lines that agree cannot be filed again",
            )
        revision = known.row.opened[party] + 1
        self.vault.want_revision(key, revision)
        return revision

    def desk(self) -> Desk:
        """The chain's present and the operator's things; reads the new facts. Raises `NotReady` and `BadInput`."""
        now = self._clock.read()
        self.follow()  # after the clock: whatever a deadline shut out is known
        desk = Desk(
            operator=self.operator,
            codes=self.codes,
            chain=self.chain,
            now=now,
            node=self.node,
            model=self.model,
            vault=self.vault,
            rulebook=self._rulebook,
            settings=self.settings,
            setting=self._setting(),
            files=tuple(self.vault.files()),
            sender=self._sender,
        )
        self._bind_validations(desk)
        return desk

    def _setting(self) -> Setting | None:
        """What records are judged by: trunk map, number plan, and the usage of all calendars in force."""
        dates = [known.dates for known in self.periods()]
        path = self.folder / self.settings.trunks
        if not dates or not path.exists():
            return None
        return Setting(
            trunks=TrunkMap.load(path),
            plan=self._plan,
            usage_from_ms=min(row.usage_from for row in dates) * 1000,
            usage_to_ms=max(row.usage_to for row in dates) * 1000,
            clock_tolerance_ms=self.settings.clock_tolerance_s * 1000,
            longest_ms=self.settings.longest_call_s * 1000,
            members=frozenset(self.codes.values()),
        )

    def _bind_validations(self, desk: Desk) -> None:
        """Judge records by the validation rules of the agreements too. One that misfits lets no file in."""
        if desk.setting is None:
            return
        numbering, height = self.settings.numbering, desk.now.height
        sides = [desk.side_of(known) for known in self.periods()]
        try:
            found = [validation_of(side, self._rulebook, numbering, height) for side in sides]
        except CannotRate as fault:
            desk.block(ActionKind.FILE_TAKEN, "validation rule", str(fault))
            desk.setting = None
            return
        desk.setting = replace(desk.setting, validations=tuple(each for each in found if each is not None))

    def _take_files(self, desk: Desk) -> None:
        """Take what lies in the inbox; judge suspense again where the setting has changed."""
        if desk.setting is None:
            if not self.inbox.is_empty():
                reason = f"no agreement in force, or no trunk map at {self.settings.trunks} in {self.folder}"
                desk.block(ActionKind.FILE_TAKEN, "inbox", reason)
            return
        self._judge_suspense_again(desk.setting)
        found = self.inbox.take_all(self.vault, desk.setting, desk.now.time * 1000)
        for receipt in found.taken:
            detail = f"{receipt.rows} rows, {receipt.legs} legs, {sum(receipt.suspense.values())} in suspense"
            desk.actions.append(Action(ActionKind.FILE_TAKEN, f"{receipt.stream} {receipt.sequence}", detail))
        for refusal in found.refused:
            detail = f"expected {refusal.expected}, came {refusal.came}; next: {refusal.next_step}"
            desk.actions.append(Action(ActionKind.FILE_REFUSED, refusal.file, detail))
        if found.taken:
            desk.files = tuple(self.vault.files())

    def _judge_suspense_again(self, setting: Setting) -> None:
        bounds = (setting.usage_from_ms, setting.usage_to_ms, setting.clock_tolerance_ms, setting.longest_ms)
        trunks = tuple(row.model_dump_json() for row in setting.trunks.rows)
        rules = [each.facts() for each in setting.validations]
        digest = sha256(encode((bounds, trunks, sorted(setting.members or ()), rules))).digest()
        if digest != self._judged_by:
            for stream in self.vault.streams():
                stream.reprocess(setting)
            self._judged_by = digest

    @cached_property
    def _plan(self) -> NumberPlan:
        """The number plan with the portability data of the settings."""
        plan = load_number_plan()
        ported = self.settings.ported
        return plan if ported is None else plan.with_ported(load_ported(self.folder / ported))

    def _maker(self) -> Signer:
        keys = load_keys(self.home)
        signer = keys.get(KEY_NAME)
        if signer is None or signer.role != Role.MAKER:
            raise NotReady(
                expected=f"a maker key {KEY_NAME}.json among the keys of {self.folder}",
                actual=", ".join(keys) or "no key",
                next_step=f"make one with `settle keys new`, register it, and name it {KEY_NAME}",
            )
        return signer

    def _follow(self) -> Follower:
        """The follower; it begins again where the read model is behind its checkpoint."""
        path = self.folder / "follower.json"
        follower = Follower(path, self.node, self.chain_id)
        if follower.next_number > self.model.next_number:
            path.unlink()
            follower = Follower(path, self.node, self.chain_id)
        return follower
