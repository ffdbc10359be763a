"""The demonstration, act by act. Each act ends when what it shows has happened, or with an error that says why."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from abci_app.domain.periods.schema import AnchorUsage, ControlTotals, Flags, PeriodState, Statement
from settle.agent.read_model import KnownPeriod, PeriodKey
from settle.agent.runtime.desk import Action, ActionKind
from settle.cli.demo.attacks import Attempt, Cheat, find_declaration
from settle.cli.demo.envelope import Envelope
from settle.cli.demo.money import codes_of, compare, differences, side_by_side, yuan
from settle.cli.demo.order import Ordered, TheOrder
from settle.cli.demo.picture import NodeLine, PeriodLine, Picture, in_one_line
from settle.cli.demo.report import Report
from settle.cli.demo.scenarios import Scenario
from settle.cli.demo.stage import Stage
from settle.cli.demo.terms import period_name
from settle.cli.demo.troupe import Troupe
from settle.cli.failures import Failure, not_done

_KILLED = 2  # node of China Telecom
_TOLD = (ActionKind.DECLARED, ActionKind.OPENED, ActionKind.ROUND_PROPOSED, ActionKind.BLOCKED, ActionKind.FILE_REFUSED)
_AT_ONCE = 0.4  # of the month's files are there when the agreements are; the others come one after the other
_DELIVERY = 24.0  # seconds from the agreement to the last of them
_JUDGED = (PeriodState.RECONCILED, PeriodState.SIGNED, PeriodState.CLOSED)


class Play:
    """One run of a scenario over a stage. `pace` stretches every deadline."""

    def __init__(self, stage: Stage, picture: Picture, scenario: Scenario, pace: float) -> None:
        self.stage, self.picture, self._scenario, self._pace = stage, picture, scenario, pace
        self._troupe = Troupe(stage)
        self._attempts: list[Attempt] = []
        self._drawn_at = 0.0  # when the picture was last brought up to date
        self._last_file = 0.0
        self._signed_after = 0.0
        self._revived = ""
        self._corrected: tuple[PeriodKey, ...] = ()
        self._ordered: Ordered | None = None
        self._of_nodes: Mapping[str, str] = {}  # by operator code: how its node stands to a new rule
        self._files = 0
        self._agreed_at = 0.0
        self._faults_found = False
        self._first_height = 0
        self._cut_off = 0

    def run(self) -> Report:
        """All acts. Raises `Failure`."""
        self._begin()
        self._agree()
        if self._scenario.order:
            self._order()
        self._file()
        self._cheat()
        self._rotate()
        self._kill()
        self._judge()
        envelope = self._scenario.envelope
        if envelope is not None:
            self._open_envelope(envelope)
            self._correct(envelope)
        self._sign()
        self._pay()
        report = self._report()
        self._troupe.close()
        return report

    def _begin(self) -> None:
        self.picture.act("four operators, four validators")
        if self._scenario.envelope is not None:
            self.picture.say(f"sealed list of faults, its hash: {self._scenario.envelope.hash}")
        self.stage.wait_for_height(2)
        self.picture.say("four nodes agree on block 2")
        self.stage.watch_rules(lambda code, said: self.picture.say(f"node of {code}: {said}"))
        said = self._scenario.prepare()
        self._files = self._troupe.deliver(self._scenario)
        self._last_file = time.monotonic()
        self.picture.say(f"{self._files} files: {said}")
        for player in self._troupe.players:
            player.agent.follow()

    def _agree(self) -> None:
        self.picture.act("agreements, signed by maker and checker of both")
        wanted = self._scenario.agreements(self.stage.time(), self._pace)
        self._agreed_at = time.monotonic()
        self._troupe.agree(wanted)
        self._cut_off = wanted[0].calendar[0].cut_off
        self._first_height = self.stage.look()[0].height
        self.picture.say(f"{len(wanted)} agreements in force, each naming its rules of rating, tolerance and set-off")

    def _order(self) -> None:
        self.picture.act("a regulator orders another tariff, while every agent takes in its files and anchors them")
        order = TheOrder(self.stage, self._work, self.picture.say, self._pace)
        self._of_nodes = order.of_nodes
        self._ordered = order.carry_out()
        self._attempts += order.attempts
        if self.stage.time() >= self._cut_off:
            raise _too_slow("the new version active before the cut-off", "a cut-off that has passed")
        late = self._scenario.deliver_late()
        self._last_file = time.monotonic()
        self.picture.say(f"only now {late} files of the old year come in")

    def _file(self) -> None:
        self.picture.act("every agent takes in its files and anchors them")
        self._work(lambda: self.stage.time() >= self._cut_off, 60 * self._pace, "the cut-off")
        files = sum(self._anchored().values())
        if files < self._files:
            raise _too_slow(f"{self._files} files anchored before the cut-off", str(files))
        self.picture.say(f"cut-off: {files} files anchored by root and control totals; no record on chain")

    def _cheat(self) -> None:
        self.picture.act("four attempts to cheat")
        key, known = list(self._periods().items())[-1]
        operators = {operator.number: operator for operator in self.stage.operators}
        victim, thief = operators[known.terms.first], operators[known.terms.second]
        self._troupe.held = {thief.number}
        self._work(lambda: self._troupe.declared(key, 0), 30 * self._pace, f"a declaration of {victim.code}")
        theirs = find_declaration(thief.rpc, victim.keys["agent"].public, key)
        cheat = Cheat(thief.rpc, self.stage.chain)
        anchor = AnchorUsage(*key, 7, 1, bytes(32), ControlTotals(1, 60_000, 0), late=False)
        for attempt in (
            cheat.forge(anchor, victim.keys["maker"], thief.keys["maker"]),
            cheat.copy(theirs, self._troupe.streams(key, 1), thief.keys["maker"]),
            cheat.file_late(key, 7, thief.keys["maker"]),
            cheat.file_twice(theirs, victim.keys["maker"]),
        ):
            self._attempts.append(attempt)
            self.picture.say(attempt.text())
            self._draw()
        self._troupe.held = set()

    def _rotate(self) -> None:
        self.picture.act("a checker's key is rotated in the open period")
        player = self._troupe.players[0]
        self._troupe.rotate_checker(player)
        self.picture.say(f"two administrators of {player.operator.code} signed: new key in force, the old one revoked")

    def _kill(self) -> None:
        self.picture.act("kill -9 of a validator and its application")
        before = self.stage.look()
        name = self.stage.operators[_KILLED].code
        self.stage.pairs[_KILLED].kill_both()
        killed = time.monotonic()
        self.picture.say(f"validator of {name} killed at height {before[_KILLED].height}; the others go on")
        self._work(lambda: self._is_back(before[_KILLED].height), 60, f"the validator of {name} back")
        self._revived = f"{name} back after {time.monotonic() - killed:.1f} s with the same app hash as the others"
        self.picture.say(self._revived)

    def _judge(self) -> None:
        self.picture.act("declared blind, opened, judged line by line")
        self._work(lambda: self._troupe.all_in(*_JUDGED), 60 * self._pace, "a statement for every period")
        for key, known in self._periods().items():
            found = differences(self._statement(known), known.terms)
            verdict = "agrees in every line" if not found else f"{len(found)} lines differ"
            self.picture.say(f"{_pair(known)} {_month(known)} ({key}): {verdict}")
            for each in found:
                self.picture.say(f"    {each.text()}")

    def _open_envelope(self, envelope: Envelope) -> None:
        self.picture.act("the seal is opened")
        if not envelope.is_the_sealed_one():
            said = "report it: a fault of ours"
            raise not_done(expected="the list that was sealed", actual="another", next_step=said)
        expected = {frozenset((fault.operator, fault.peer)) for fault in envelope.faults.faults}
        for fault in envelope.faults.faults:
            self.picture.say(f"sealed: {fault!r}")
        found = {frozenset(codes_of(known.terms)) for known in self._discrepant().values()}
        self._faults_found = found == expected
        same = "exactly the pairs that differ" if self._faults_found else f"{expected}, but {found} differ"
        self.picture.say(f"the sealed faults lie on {same}")

    def _correct(self, envelope: Envelope) -> None:
        """The last of the faults is one of settings: its operator sets it right and files again."""
        fault = envelope.faults.faults[-1]
        hit = {fault.operator, fault.peer}
        self._corrected = tuple(key for key, known in self._discrepant().items() if set(codes_of(known.terms)) == hit)
        for key, revision in self._troupe.correct(fault.operator, self._corrected).items():
            said = f"{fault.operator} corrects its billing increment and files {key} again, revision {revision}"
            self.picture.say(said)

    def _sign(self) -> None:
        self.picture.act("statements are signed by maker and checker of both; what still differs waits for its date")
        self._work(self._agreed_are_signed, 60 * self._pace, "signatures under all that agrees")
        self._signed_after = time.monotonic() - self._last_file
        self.picture.say(f"all that agrees is signed, {self._signed_after:.0f} s after the last file")
        self._work(self._all_signed, 120 * self._pace, "the agree-by date of what still differs")

    def _pay(self) -> None:
        self.picture.act("gross invoices, set off, paid")
        self._work(self._all_paid, 120 * self._pace, "payment of all that is payable")

    def _report(self) -> Report:
        if self._ordered is not None:
            self._ordered = self._ordered.with_load(self.stage)
        envelope, periods = self._scenario.envelope, self._periods().values()
        statements = [(known.terms, self._statement(known)) for known in periods]
        return Report(
            seal=None if envelope is None else envelope.hash,
            faults=() if envelope is None else tuple(repr(fault) for fault in envelope.faults.faults),
            attempts=tuple(self._attempts),
            order=self._ordered,
            revived=self._revived,
            faults_found=self._faults_found or envelope is None,
            directions=tuple(compare(statements, self._scenario.truth())),
            lines=tuple(line for terms, statement in statements for line in side_by_side(statement, terms)),
            closed=sum(known.row.state == PeriodState.CLOSED for known in periods),
            periods=len(statements),
            human_actions=self._troupe.human_actions,
            seconds_to_signed=self._signed_after,
            bytes_per_period=self.stage.bytes_since(self._first_height) // len(statements),
            hashes=self.stage.hashes_at_one_height(),
            seconds=self.picture.seconds,
        )

    def _agreed_are_signed(self) -> bool:
        self._troupe.sign_statements()
        open_still = self._discrepant()
        signed = [
            known.row.state >= PeriodState.SIGNED for key, known in self._periods().items() if key not in open_still
        ]
        return open_still.keys().isdisjoint(self._corrected) and all(signed)

    def _all_signed(self) -> bool:
        return self._troupe.all_in(PeriodState.SIGNED, PeriodState.CLOSED)

    def _all_paid(self) -> bool:
        self._troupe.sign_rounds()
        self._troupe.pay()
        return all(
            known.row.state == PeriodState.CLOSED or self._troupe.owes_only_disputes(key)
            for key, known in self._periods().items()
        )

    def _work(self, until: Callable[[], bool], within: float, what: str) -> None:
        def look() -> bool:
            share = (time.monotonic() - self._agreed_at) / (_DELIVERY * self._pace)
            self._scenario.deliver_further(_AT_ONCE + (1 - _AT_ONCE) * share)
            self._draw()
            return until()

        self._troupe.work(look, within, what, self._told)

    def _told(self, code: str, action: Action) -> None:
        if action.kind in _TOLD:
            self.picture.say(f"{code}: {action.kind} {action.subject} {action.detail}")

    def _draw(self) -> None:
        if time.monotonic() - self._drawn_at < 0.5:
            return
        self._drawn_at = time.monotonic()
        looks = self.stage.look()
        nodes = []
        for operator, sight, pair in zip(self.stage.operators, looks, self.stage.pairs, strict=True):
            notes = [f"restarted {pair.restarts} x" if pair.restarts else "", self._of_nodes.get(operator.code, "")]
            nodes.append(NodeLine(operator.code, sight.height, sight.app_hash, ", ".join(filter(None, notes))))
        files = self._anchored()
        pairs: dict[str, list[PeriodLine]] = {}
        for key, known in self._periods().items():
            pairs.setdefault(_pair(known), []).append(self._line(known, files.get(key, 0)))
        self.picture.show(nodes, [in_one_line(lines) for lines in pairs.values()])

    def _line(self, known: KnownPeriod, files: int) -> PeriodLine:
        statement = self._troupe.statement(known.row.statement) if known.row.statement else None
        if statement is None:
            return PeriodLine(_pair(known), str(files), known.row.state.name, "", "", "")
        found = differences(statement, known.terms)
        verdict = f"{len(found)} differ" if found else "all agree"
        verdict += " · deemed" if known.row.flags & Flags.DEEMED else ""
        payable, disputed = yuan(sum(statement.payable)), yuan(sum(statement.disputed))
        return PeriodLine(_pair(known), str(files), known.row.state.name, verdict, payable, disputed)

    def _periods(self) -> dict[PeriodKey, KnownPeriod]:
        return self._troupe.periods()

    def _statement(self, known: KnownPeriod) -> Statement:
        found = self._troupe.statement(known.row.statement)
        assert found is not None, "a judged period has its statement"
        return found

    def _discrepant(self) -> dict[PeriodKey, KnownPeriod]:
        return {k: p for k, p in self._periods().items() if differences(self._statement(p), p.terms)}

    def _anchored(self) -> dict[PeriodKey, int]:
        return {key: self._troupe.anchors(known) for key, known in self._periods().items()}

    def _is_back(self, height: int) -> bool:
        sights = self.stage.look()
        back = sights[_KILLED]
        return back.height > height and any(
            other.app_hash == back.app_hash for place, other in enumerate(sights) if place != _KILLED
        )


def _too_slow(expected: str, actual: str) -> Failure:
    return not_done(
        expected=expected,
        actual=f"{actual}: a machine that is slower than the demonstration's deadlines",
        next_step="run it again with a slower pace, such as `settle demo --pace 2`",
    )


def _pair(known: KnownPeriod) -> str:
    return "-".join(codes_of(known.terms))


def _month(known: KnownPeriod) -> str:
    return period_name(known.terms, known.key.ordinal)
