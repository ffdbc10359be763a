"""`settle rule publish | sign | drafts`: a bundle on its way to a vote."""

from __future__ import annotations

from pathlib import Path

from abci_app.domain.rulebook.schema import PublishBundle
from abci_app.kernel.approvals import Approve, DocumentKind, Signatures, Verdict
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import bundle_hash, read_bundle
from settle.agent.readiness import examine
from settle.cli.failures import bad_input
from settle.cli.options import COMMON, SENDING, Common, Sending
from settle.cli.output import table
from settle.cli.plain import text
from settle.cli.questions import DRAFTS, RULE_VERSIONS, RULES
from settle.cli.rule.noun import app
from settle.cli.rule_names import bundle_name, bundle_on_chain, draft_named
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session
from settle.rules.build import Follows, build_bundle
from settle.rules.plugin import plugin_name


@app.command
def publish(folder: Path, *, sending: Sending = SENDING) -> None:
    """Build a rule's bundle for this chain, as what follows its newest version there, publish it whole, and sign it.

    Parameters
    ----------
    folder
        NAME/vN with plugin.toml, rule.py, tables and vectors.csv.
    """
    with session(sending) as now:
        path = folder.absolute()
        raw = build_bundle(path, now.chain, _newest(now, plugin_name(path).name))
        signer = now.signer(Role.GOVERNANCE)
        signature = Approve(DocumentKind.BUNDLE, bundle_hash(raw), signer.role, Verdict.APPROVE)
        wish = Wish("rule publish", [PublishBundle(raw), signature], signer)
        send(now, sending, wish, then=f"settle rule sign {bundle_name(raw)}, by another operator")


@app.command
def sign(bundle: str, *, withdraw: bool = False, sending: Sending = SENDING) -> None:
    """Countersign a published bundle, once this machine has checked it and its vectors hold here.

    Parameters
    ----------
    bundle
        NAME/vN, or the beginning of its hash.
    withdraw
        As its publisher: take it back, so that it cannot be voted on.
    """
    with session(sending) as now:
        document = draft_named(now, bundle)
        raw = bundle_on_chain(now, document)
        failure = examine(raw).failure
        if failure and not withdraw:
            raise bad_input(
                expected=f"bundle {document.hex()} to check and its vectors to hold on this machine",
                actual=failure,
                next_step="do not sign it; ask its publisher, and compare the releases of both",
            )
        signer = now.signer(Role.GOVERNANCE)
        verdict = Verdict.REFUSE if withdraw else Verdict.APPROVE
        wish = Wish("rule sign", [Approve(DocumentKind.BUNDLE, document, signer.role, verdict)], signer)
        send(now, sending, wish, then=f"settle gov propose rule {bundle_name(raw)} --after BLOCKS")


@app.command
def drafts(*, common: Common = COMMON) -> None:
    """List the bundles that were published, and who has signed them."""
    with session(common) as now:
        rows = []
        for document, row in now.ask(DRAFTS):
            raw = bundle_on_chain(now, document)
            sequence, by = read_bundle(raw).manifest.sequence, now.codes[row.publisher]
            rows.append((document.hex(), bundle_name(raw), sequence, by, row.state.name, _signers(now, row.signatures)))
        columns = ("bundle", "rule", "sequence", "publisher", "state", "signed by")
        document_rows = [dict(zip(columns, row, strict=True)) for row in rows]
        now.out.result(document_rows, table(*columns, rows=rows, right=("sequence",)))


def _signers(now: Session, signatures: Signatures) -> str:
    return ", ".join(now.codes[each.operator] for each in signatures if each.verdict == Verdict.APPROVE)


def _newest(now: Session, name: str) -> Follows:
    """What the chain's rulebook has of a rule: the version that was scheduled last and still counts."""
    for number, rule in now.ask(RULES):
        if text(rule.name) == name:
            counting = [row for _, row in now.ask(RULE_VERSIONS, number) if not row.withdrawn]
            if counting:
                raw = bundle_on_chain(now, counting[-1].bundle)
                return Follows(counting[-1].bundle, read_bundle(raw).manifest.sequence)
    return Follows(b"", 0)
