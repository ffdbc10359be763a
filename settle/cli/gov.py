"""`settle gov`: what the members decide together, by votes on proposals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from abci_app.domain.governance.queries import BallotAt
from abci_app.domain.governance.schema import Ballot, ProposalState
from abci_app.domain.rulebook.queries import AtHeight, ReadinessAt
from abci_app.domain.rulebook.schema import NEVER
from abci_app.kernel.approvals import Approve, DocumentKind, Signature, Verdict
from abci_app.kernel.roles import Role
from settle.agent.readiness import examine
from settle.cli.carried import carried, said, thresholds
from settle.cli.failures import Exit, Failure, usage
from settle.cli.gov_propose import app as propose
from settle.cli.names import LEAST_DIGITS, begins, hash_of
from settle.cli.options import COMMON, SENDING, Common, Sending, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import fields, iso, plain, short, text
from settle.cli.questions import (
    KEYS,
    PARAMETERS,
    PROPOSAL,
    PROPOSALS,
    RULE,
    RULE_HISTORY,
    RULE_VERSIONS,
    SUSPENSIONS,
    THRESHOLDS,
    VALIDATORS,
)
from settle.cli.rule_names import bundle_on_chain, rule_named, version_named
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session

app = noun("gov", "What the members decide together: proposals, votes, and rules that wait for their height.")
app.command(propose)

_LOOK_EVERY = 0.5  # seconds


@app.command(name="list")
def list_proposals(
    *, still_open: Annotated[bool, Parameter(name="--open", negative="")] = False, common: Common = COMMON
) -> None:
    """List proposals and how their votes stand.

    Parameters
    ----------
    still_open
        Only those that may still be voted on.
    """
    with session(common) as now:
        rows = []
        for document, state, row in now.ask(PROPOSALS):
            if state == ProposalState.VOTING or not still_open:
                proposal = row.proposal
                named = f"{now.codes[proposal.proposer]}/{proposal.serial}"
                yes, no = _counts(row)
                what = "; ".join(said(message) for message in carried(proposal))
                rows.append((named, short(document), proposal.track.name, state.name, yes, no, iso(row.until), what))
        columns = ("proposal", "document", "track", "state", "yes", "no", "open until", "carries")
        document_rows = [dict(zip(columns, row, strict=True)) for row in rows]
        now.out.result(document_rows, table(*columns, rows=rows, right=("yes", "no")))


@app.command
def show(proposal: str, *, common: Common = COMMON) -> None:
    """Show a proposal: what it carries, who may vote, who has voted, and whether it can still be carried.

    Parameters
    ----------
    proposal
        OPERATOR/SERIAL such as CMCC/3, or the beginning of its hash.
    """
    with session(common) as now:
        document, found = _found(now, proposal)
        row, what = found.ballot, [said(message) for message in carried(found.ballot.proposal)]
        seats = [{"operator": now.codes[seat.operator], "power": seat.power} for seat in row.seats]
        votes = [{"operator": now.codes[vote.operator], "verdict": vote.verdict.name} for vote in row.votes]
        told = {
            "document": document.hex(), "state": found.state.name, "carried": found.carried,
            "can_carry": found.can_carry, "until": iso(row.until), "code": row.code, "carries": what,
            "seats": seats, "votes": votes, "proposal": plain(row.proposal),
        }  # fmt: skip
        missing = [seat["operator"] for seat in seats if seat["operator"] not in {vote["operator"] for vote in votes}]
        outcome = f"{found.state.name}{f', code {row.code}' if row.code else ''}"
        by = f"{now.codes[row.proposal.proposer]}, number {row.proposal.serial}, {row.proposal.track.name}"
        shown = facts_of(
            [
                ("proposal", document.hex()),
                ("by", by),
                ("note", text(row.proposal.note)),
                ("state", outcome),
                ("open until", iso(row.until)),
                *(("carries", each) for each in what),
                *((f"{vote['operator']} votes", vote["verdict"]) for vote in votes),
                ("has not voted", ", ".join(map(str, missing)) or "nobody"),
                *([("can still be carried", found.can_carry)] if found.state == ProposalState.VOTING else []),
            ]
        )
        now.out.result(told, shown)


@app.command
def vote(proposal: str, *, refuse: bool = False, sending: Sending = SENDING) -> None:
    """Vote on a proposal with the governance key; the vote that decides also carries it out.

    Parameters
    ----------
    proposal
        OPERATOR/SERIAL such as CMCC/3, or the beginning of its hash.
    refuse
        Vote against it.
    """
    with session(sending) as now:
        document, _ = _found(now, proposal)
        signer = now.signer(Role.GOVERNANCE)
        verdict = Verdict.REFUSE if refuse else Verdict.APPROVE
        wish = Wish("gov vote", [Approve(DocumentKind.PROPOSAL, document, signer.role, verdict)], signer)
        send(now, sending, wish, then=f"settle gov show {proposal}")


@app.command
def readiness(version: str, *, wait: float = 0.0, common: Common = COMMON) -> None:
    """Show which nodes can run a version that a vote has carried, which are missing, and whose outcomes differ.

    This machine tries the bundle itself: its own digest of the outcomes stands beside the one that nodes sign.

    Parameters
    ----------
    version
        NAME/vN, RULE/VERSION in numbers such as 4/2, or the beginning of a bundle's hash.
    wait
        Wait up to so many seconds until the version runs.
    """
    with session(common) as now:
        at = version_named(now, version)
        if wait:
            at = _once_it_runs(now, at, version, wait)
        here = examine(bundle_on_chain(now, at.row.bundle))
        asked = {row.operator for _, row in now.ask(VALIDATORS) if row.power} if at.row.mandate else set()
        active = {key for key, each in now.ask(KEYS) if each.active}
        given = [each for each in at.row.ready if each.key in active]
        standing = {now.codes[operator]: _ready(given, operator) for operator in sorted(asked)}
        digests = {"stated": here.stated.hex(), "here": here.own.hex(), "failure": here.failure}
        runs = None if at.row.active_from == NEVER else at.row.active_from
        missing = [name for name, each in standing.items() if each != "ready"]
        told = {
            "rule": at.rule, "version": at.version, "bundle": at.row.bundle.hex(), "asked_for": at.row.activation,
            "active_from": runs, "nodes": standing, "missing": missing, "outcomes": digests,
        }  # fmt: skip
        shown = facts_of(
            [
                ("version", f"{at.version} of rule {at.rule}, bundle {at.row.bundle.hex()}"),
                ("asked for from", f"height {at.row.activation}"),
                ("runs from", "no height yet: too few are ready" if runs is None else f"height {runs}"),
                *((f"node of {name}", each) for name, each in standing.items()),
                *([] if at.row.mandate else [("nodes", "nobody is asked: it came with genesis")]),
                ("outcomes that are signed", here.stated.hex()),
                ("outcomes on this machine", here.own.hex() or "none"),
                ("this machine", here.failure or "computes the same"),
            ]
        )
        now.out.result(told, shown)


@app.command
def history(rule: str, *, height: int | None = None, common: Common = COMMON) -> None:
    """Show the versions of a rule, what each is as of a height, and when the rule was suspended.

    Parameters
    ----------
    rule
        Its name or number: `settle rule list`.
    height
        As of this block; the next one by default.
    """
    with session(common) as now:
        number = rule_named(now, rule)
        named = now.require(f"rule {rule}", RULE, number, "settle rule list")
        at = now.status.height + 1 if height is None else height
        rows = [
            (
                each.version, each.state.name, short(each.row.bundle), iso(each.row.usage_from), iso(each.row.usage_to),
                _height(each.row.active_from), _height(each.row.active_to), len(each.row.ready),
                short(each.row.mandate) if each.row.mandate else "genesis",
            )
            for each in now.ask(RULE_HISTORY, AtHeight(number, at))
        ]  # fmt: skip
        suspensions = [
            {"from": first, "until": _height(row.until), "ratified": row.ratified}
            for first, row in now.ask(SUSPENSIONS, number)
        ]
        columns = ("version", "state", "bundle", "usage from", "usage to", "active from", "to", "ready", "by proposal")
        document = {
            "rule": number, "name": text(named.name), "height": at,
            "versions": [dict(zip(columns, row, strict=True)) for row in rows], "suspensions": suspensions,
        }  # fmt: skip
        lines = [f"suspended from height {each['from']} to {each['until']}" for each in suspensions]
        right = ("version", "active from", "to", "ready")
        now.out.result(document, table(*columns, rows=rows, right=right), *lines)


@app.command
def parameters(*, common: Common = COMMON) -> None:
    """Show the delays, bounds and thresholds that votes have set."""
    with session(common) as now:
        found, needed = now.ask(PARAMETERS), now.ask(THRESHOLDS)
        told = {"parameters": plain(found), "thresholds": plain(needed)}
        now.out.result(told, facts_of([*fields(found).items(), ("thresholds", thresholds(needed))]))


def _counts(row: Ballot) -> tuple[int, int]:
    yes = sum(1 for vote in row.votes if vote.verdict == Verdict.APPROVE)
    return yes, len(row.votes) - yes


def _found(now: Session, named: str) -> tuple[bytes, BallotAt]:
    """The one proposal that is meant. Raises `Failure` where none or several fit."""
    whole = hash_of(named)
    code, _, serial = named.partition("/")
    fitting = (
        [whole]
        if whole is not None
        else [
            document
            for document, _, row in now.ask(PROPOSALS)
            if (now.codes[row.proposal.proposer].upper(), str(row.proposal.serial)) == (code.upper(), serial)
            or begins(document, named)
        ]
    )
    if len(fitting) != 1:
        raise usage(
            expected=f"a proposal as OPERATOR/SERIAL, or {LEAST_DIGITS} digits or more of its hash",
            actual=f"{named}, which fits {len(fitting)}",
            next_step="see `settle gov list`",
        )
    return fitting[0], now.require(f"proposal {named}", PROPOSAL, fitting[0], "settle gov list")


def _once_it_runs(now: Session, at: ReadinessAt, named: str, seconds: float) -> ReadinessAt:
    """The version once the chain has the block from which it runs. Raises `Failure` after the time."""
    until, said = time.monotonic() + seconds, ""
    while True:
        versions, height = now.ask(RULE_VERSIONS, at.rule), now.node.status().height
        row = next(row for version, row in versions if version == at.version)
        runs = row.active_from
        if height >= runs:
            return ReadinessAt(at.rule, at.version, row)
        waits = "for the nodes: too few are ready" if runs == NEVER else f"for block {runs}"
        if waits != said:
            now.out.hint(f"at block {height}, waiting {waits}")
            said = waits
        if time.monotonic() > until:
            raise Failure(
                Exit.TIMEOUT,
                expected=f"{named} to run within {seconds:g} s",
                actual=f"block {height}, waiting {waits}",
                next_step=f"settle gov readiness {named} shows which nodes are missing; then wait again",
            )
        time.sleep(_LOOK_EVERY)


def _ready(signatures: Sequence[Signature], operator: int) -> str:
    """What an operator's nodes have said: ready before refusing before nothing."""
    given = {each.verdict for each in signatures if each.operator == operator}
    if Verdict.APPROVE in given:
        return "ready"
    return "refuses: its outcomes differ" if given else "missing"


def _height(height: int) -> str:
    return "never" if height >= NEVER else str(height)
