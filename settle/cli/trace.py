"""`settle trace`: any figure, back to files, rule and signers, and forward to payment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rich.console import RenderableType

from abci_app.domain.agreements.schema import AgreementProposed
from abci_app.domain.periods.schema import UsageAnchored
from settle.agent.runtime.settings import agent_folder
from settle.agent.vault import Vault
from settle.chain.consortium import CNY
from settle.cli import tracing
from settle.cli.facts import ToldFact, all_facts, role_name
from settle.cli.failures import not_done, usage
from settle.cli.names import governing, name_of, period_of
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import iso, short
from settle.cli.rule_names import rule_named
from settle.cli.sayings import Teller
from settle.cli.session import Session, session
from settle.cli.tracing import Step

app = noun("trace", "Follow a figure through its facts.")

_LINE = re.compile(r"(?P<period>[0-9/]+):(?P<line>\d{1,3})")


@app.default
def trace(name: str, *, common: Common = COMMON) -> None:
    """Follow something through all its facts: who signed what, at which height, on which basis.

    Parameters
    ----------
    name
        7/0/3 a period · 7/0/3:2 its line 2 · agreement:7 · obligation:12 · rule:set_off · operator's key, document,
        statement or bundle by its hash in hex.
    """
    with session(common) as now:
        steps, line = _steps(now, name)
        if not steps:
            raise not_done(expected=f"facts about {name}", actual="none", next_step="see `settle query facts`")
        files = _files(now)
        teller = Teller(now.codes, _currency(steps), line)
        rows = [_row(now, step, teller, files) for step in steps]
        columns = ("fact", "height", "time", "signer", "because", "kind", "basis", "content")
        document = {
            "name": name,
            "steps": [
                {"because": step.why, **step.told.document()}
                | {"signer": _signer(now, step.told), "file": _file(step.told, files)}
                | {"says": teller.say(step.told.fact)}
                for step in steps
            ],
        }
        shown: list[RenderableType] = [table(*columns, rows=rows, right=("fact", "height"))]
        if line is not None:
            shown.insert(0, _line_head(now, name))
        now.out.result(document, *shown)


def _steps(now: Session, name: str) -> tuple[list[Step], int | None]:
    """The facts, and the line that was asked for."""
    log = all_facts(now.node)
    found = _LINE.fullmatch(name)
    if found:
        key = period_of(found["period"])
        return tracing.of_period(log, key), int(found["line"])
    kind, _, number = name.partition(":")
    if kind in ("agreement", "obligation") and number.isascii() and number.isdecimal():
        wanted = int(number)
        steps = tracing.of_agreement(log, wanted) if kind == "agreement" else tracing.of_obligation(log, wanted)
        return steps, None
    if kind == "rule" and number:
        return tracing.of_rule(log, rule_named(now, number)), None
    if re.fullmatch(r"(?:[0-9a-fA-F]{2}){20,64}", name):
        return tracing.of_bytes(log, bytes.fromhex(name)), None
    if "/" not in name:
        raise usage(
            expected="7/0/3, 7/0/3:2, agreement:7, obligation:12, rule:set_off, or a hash or key in hex",
            actual=name,
            next_step="see `settle trace --help`",
        )
    return tracing.of_period(log, period_of(name)), None


def _row(now: Session, step: Step, teller: Teller, files: Mapping[bytes, str]) -> tuple[object, ...]:
    record = step.told.record
    told = _file(step.told, files) or teller.say(step.told.fact)
    return (
        step.told.number,
        record.height,
        iso(record.time),
        _signer(now, step.told),
        step.why,
        record.kind,
        short(record.basis) if record.basis else "",
        told,
    )


def _currency(steps: Sequence[Step]) -> int:
    """The currency of the agreement among the facts; amounts stand nowhere without one."""
    terms = [step.told.fact.terms for step in steps if isinstance(step.told.fact, AgreementProposed)]
    return terms[0].currency if terms else CNY


def _files(now: Session) -> Mapping[bytes, str]:
    """The home's own record files by the root that their anchor names; none where no agent has worked here."""
    folder = agent_folder(now.settings.folder) / "vault"
    if not folder.exists():
        return {}
    vault = Vault(folder, now.codes[now.myself])
    return {
        vault.root_of(stream, receipt).root: f"{receipt.file}, {receipt.records} records, sha256 {receipt.sha256}"
        for stream, receipt in vault.files()
    }


def _file(told: ToldFact, files: Mapping[bytes, str]) -> str:
    """The file that an anchor stands for, where it is one of ours."""
    return files.get(told.fact.root, "") if isinstance(told.fact, UsageAnchored) else ""


def _signer(now: Session, told: ToldFact) -> str:
    operator = told.record.operator
    return f"{now.codes.get(operator, operator)} {role_name(told.record.role)}" if operator else "genesis"


def _line_head(now: Session, name: str) -> RenderableType:
    """Which line it is, in the agreement's words."""
    period, _, number = name.partition(":")
    key = period_of(period)
    terms = governing(now, key)
    line = int(number)
    if line >= len(terms.terms.catalogue):
        raise usage(
            expected=f"a line from 0 to {len(terms.terms.catalogue) - 1}",
            actual=number,
            next_step=f"see `settle period show {name_of(key)}`",
        )
    sort = terms.terms.catalogue[line]
    one, other = (now.codes[party] for party in terms.parties)
    way = f"{one} -> {other}" if sort.direction == 0 else f"{other} -> {one}"
    return facts_of([("line", f"{line} of period {name_of(key)}: service {sort.service}, {way}, band {sort.band}")])
