"""`settle usage`: files of call records, from delivery to what became of every row."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from settle.agent.intake.causes import NOT_SETTLED_EXPLANATIONS, Cause, NotSettled, explanation
from settle.agent.intake.control import load_sidecar, sidecar_path
from settle.agent.intake.stream import Receipt
from settle.agent.runtime.inbox import DEFAULT_STREAM, Inbox
from settle.agent.runtime.settings import agent_folder, load_settings
from settle.agent.vault import Vault
from settle.cli.failures import bad_input, usage
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import Output, facts_of, table
from settle.cli.session import Session, session
from settle.cli.settings import read_settings

app = noun("usage", "Files of call records.")

_STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@app.command
def ingest(*files: Path, stream: str = "", common: Common = COMMON) -> None:
    """Put record files into the agent's inbox; the agent takes them in order, each once.

    FILE.control.json beside a file names its stream, its place and its control totals.

    Parameters
    ----------
    files
        Canonical CSV or Parquet, or a switch's own layout where agent.toml maps it.
    stream
        Another stream than the control totals name; needed where there are none.
    """
    if not files:
        raise usage(expected="record files", actual="none", next_step="settle usage ingest FILE ...")
    if stream and not _STREAM.fullmatch(stream):
        raise usage(expected="letters, digits, . - _", actual=stream, next_step="choose a plain name")
    home = read_settings(common).folder
    inbox = agent_folder(home) / load_settings(home).inbox
    rows = []
    for file in files:
        if not file.is_file():
            raise bad_input(expected=f"a record file at {file}", actual="none", next_step="name the right file")
        sidecar = load_sidecar(file)
        named = stream or (sidecar.stream if sidecar else DEFAULT_STREAM)
        target = inbox / named / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if sidecar is not None:
            shutil.copyfile(sidecar_path(file), sidecar_path(target))
        unfinished = target.with_name(target.name + ".part")
        shutil.copyfile(file, unfinished)
        unfinished.replace(target)  # the agent looks only at whole files
        rows.append((str(file), named, sidecar.sequence if sidecar else None, sidecar.records if sidecar else None))
    columns = ("file", "stream", "sequence", "records")
    out = Output(as_json=common.json)
    document = [dict(zip(columns, row, strict=True)) for row in rows]
    out.result(document, table(*columns, rows=rows, right=columns[2:]))
    out.hint("next: settle agent step, unless the agent runs; then settle usage list")


@app.command(name="list")
def list_files(*, stream: str = "", common: Common = COMMON) -> None:
    """List the files that were taken, those that wait, and those that were refused.

    Parameters
    ----------
    stream
        Only this stream's.
    """
    with session(common) as now:
        vault, inbox = _vault(now), _inbox(now)
        receipts = [receipt for _, receipt in vault.files() if stream in ("", receipt.stream)]
        waiting = [each for each in inbox.waiting(vault) if stream in ("", each.stream)]
        refused = [each for each in inbox.refused() if stream in ("", each.stream)]
        rows = [
            (
                each.stream, each.sequence, each.file, each.rows, each.settled, sum(each.not_settled.values()),
                each.duplicates, sum(each.suspense.values()), each.left_out, "yes" if each.checked else "no totals",
            )
            for each in receipts
        ]  # fmt: skip
        columns = (
            "stream", "sequence", "file", "rows", "settled", "not settled", "duplicates", "suspense", "left out",
            "checked",
        )  # fmt: skip
        document = {
            "taken": [each.model_dump() for each in receipts],
            "waiting": [each._asdict() for each in waiting],
            "refused": [
                {"file": each.file, "stream": each.stream, "expected": each.expected, "came": each.came}
                for each in refused
            ],
        }
        shown = [table(*columns, rows=rows, right=("sequence", *columns[3:9]))]
        if waiting:
            lines = [
                (each.stream, each.sequence, each.file, f"file {each.next_sequence} has not come") for each in waiting
            ]
            shown.append(table("stream", "sequence", "waits", "because", rows=lines))
        if refused:
            told = [(each.file, each.expected, each.came, each.next_step) for each in refused]
            shown.append(table("refused", "expected", "came", "next", rows=told))
        now.out.result(document, *shown)


@app.command
def show(stream: str, sequence: int, *, common: Common = COMMON) -> None:
    """Show what became of a file's rows, by cause, and what to do about each.

    Parameters
    ----------
    stream
        The stream's name.
    sequence
        The file's place in it.
    """
    with session(common) as now:
        receipt = _receipt(now, stream, sequence)
        reasons = {NotSettled(name): count for name, count in receipt.not_settled.items()}
        rows = [("not settled", each.value, count, NOT_SETTLED_EXPLANATIONS[each]) for each, count in reasons.items()]
        rows += [("suspense", name, count, explanation(name)) for name, count in receipt.suspense.items()]
        if receipt.duplicates:
            rows.append(("duplicate", Cause.DUPLICATE.value, receipt.duplicates, explanation(Cause.DUPLICATE)))
        doubt = "doubtful" if receipt.doubtful else "not doubtful"
        head = facts_of(
            [
                ("file", f"{receipt.file}, {stream} {sequence}, generation {receipt.generation}"),
                ("sha256", receipt.sha256),
                ("rows", f"{receipt.rows:,}, accounted for {receipt.accounted():,}"),
                ("settled", f"{receipt.settled:,} records in {receipt.legs:,} legs"),
                ("by validation rules", f"{receipt.late:,} late legs; the file is {doubt}"),
            ]
        )
        now.out.result(
            receipt.model_dump(), head, table("", "cause", "rows", "what it means", rows=rows, right=("rows",))
        )


def _receipt(now: Session, stream: str, sequence: int) -> Receipt:
    for _, receipt in _vault(now).files():
        if (receipt.stream, receipt.sequence) == (stream, sequence):
            return receipt
    raise usage(expected="a file that was taken", actual=f"{stream} {sequence}", next_step="see `settle usage list`")


def _vault(now: Session) -> Vault:
    return Vault(agent_folder(now.settings.folder) / "vault", now.codes[now.myself])


def _inbox(now: Session) -> Inbox:
    home = now.settings.folder
    return Inbox(agent_folder(home), load_settings(home))
