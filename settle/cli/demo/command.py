"""`settle demo`."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from settle.cli.demo.picture import Picture
from settle.cli.demo.play import Play
from settle.cli.demo.report import Report
from settle.cli.demo.scenarios import Generated, Scenario, SipHour
from settle.cli.demo.stage import Stage
from settle.cli.failures import Exit, usage
from settle.cli.options import Common, noun
from settle.cli.output import Output
from settle.cli.trace import trace

EVENTS = 220_000
"""Of the generated month; each is a record on both sides."""


class Records(StrEnum):
    """Whose records are settled."""

    GENERATED = "generated"
    SIP = "sip"


app = noun("demo", "A month of four operators settled on four validators, with hidden faults and attempts to cheat.")


@app.default
def demo(
    *,
    folder: Path | None = None,
    keep: Annotated[bool, Parameter(negative="")] = False,
    seed: int | None = None,
    events: int = EVENTS,
    records: Records = Records.GENERATED,
    pace: float = 1.0,
    json: bool = False,
) -> Exit:
    """Run the demonstration: under three minutes, and nothing is left running.

    Parameters
    ----------
    folder
        Where the network lives; else a folder that is removed at the end.
    keep
        Leave the network running at the end, and say how to look around.
    seed
        Decides traffic and faults; else drawn.
    events
        Events of the month, each a record on both sides.
    records
        "sip": instead of the generated month, the exports of three SIP switches, with the faults that they have.
    pace
        Stretches all deadlines: 2 for a slow machine.
    json
        Answer with one JSON document.
    """
    if not 0.5 <= pace <= 20 or not 20_000 <= events <= 5_000_000:
        raise usage(
            expected="--pace 0.5 to 20, --events 20,000 to 5,000,000",
            actual=f"--pace {pace}, --events {events}",
            next_step="leave them out for the demonstration as it is meant",
        )
    place = (folder or Path(tempfile.mkdtemp(prefix="settle-demo-")) / "net").absolute()
    try:
        drawn = secrets.randbelow(2**31) if seed is None else seed
        scenario = SipHour() if records is Records.SIP else Generated(place / "sample", drawn, events)
        return _play(place, scenario, pace, keep=keep, as_json=json)
    finally:
        if folder is None and not keep:
            shutil.rmtree(place.parent, ignore_errors=True)


def _play(place: Path, scenario: Scenario, pace: float, *, keep: bool, as_json: bool) -> Exit:
    out = Output(as_json=as_json)
    with Stage(place) as stage:
        with Picture() as picture:
            report = Play(stage, picture, scenario, pace).run()
        _tell(out, report)
        if not as_json:
            figure = "1/0/1:0" if report.order is None else "1/0/2:0"
            out.hint(f"one figure, followed back and forth: settle trace {figure}")
            trace(figure, common=Common(home=stage.operators[0].home, node=stage.net.nodes[0].rpc_address))
        if keep:
            _look_around(out, stage)
    return Exit.REJECTED if report.problems else Exit.DONE


def _tell(out: Output, report: Report) -> None:
    out.result(report.document(), *report.tables())
    for problem in report.problems:
        out.hint(f"NOT AS IT SHOULD BE: {problem}")


def _look_around(out: Output, stage: Stage) -> None:
    """Keep the nodes until a person ends it."""
    home = stage.operators[0].home
    out.hint(f"the network is up in {stage.folder}; look around from another terminal:")
    for words in ("period list", "statement show 1/0/1", "net-position", "task list", "query marker", "doctor"):
        out.hint(f"    settle {words} --home {home}")
    out.hint("Enter or Ctrl-C ends it")
    try:
        sys.stdin.readline()
    except KeyboardInterrupt:
        out.hint("")
