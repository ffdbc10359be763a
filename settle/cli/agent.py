"""`settle agent`: the operator's machine, which files, declares, opens and invoices without a person."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from settle.agent.number_plan.plan import WrongNumberPlan
from settle.agent.read_model import PeriodKey
from settle.agent.runtime.agent import Agent
from settle.agent.runtime.desk import Action
from settle.cli.failures import bad_input
from settle.cli.names import name_of, period_of
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import table
from settle.cli.session import Session, session

app = noun("agent", "The operator's machine: files, declares, opens, invoices.")

_PAUSE = 0.5  # seconds between two passes


@app.command
def run(*, pause: float = _PAUSE, common: Common = COMMON) -> None:
    """Work until Ctrl-C or SIGTERM; a node that is away is waited for.

    Parameters
    ----------
    pause
        Seconds between two passes.
    """
    ended = threading.Event()
    before = {each: signal.signal(each, lambda *_: ended.set()) for each in (signal.SIGTERM, signal.SIGINT)}
    done: list[Action] = []
    try:
        with session(common) as now, _agent(now) as agent:
            now.out.hint(f"agent of operator {agent.operator} on {agent.chain_id}; stop it with Ctrl-C")

            def tell(action: Action) -> None:
                done.append(action)
                now.out.hint(_line(action))

            agent.run(ended.is_set, pause=pause, sleep=lambda seconds: _sleep(ended, seconds), told=tell)
            now.out.result({"actions": len(done)}, f"stopped after {len(done)} actions")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@app.command
def step(*, common: Common = COMMON) -> None:
    """Do one pass: take files, follow the chain, do what is to be done now. Not while `settle agent run` runs."""
    with session(common) as now, _agent(now) as agent:
        actions = agent.step()
        blocked = agent.blocked
        document = {
            "actions": [{"kind": each.kind.value, "subject": each.subject, "detail": each.detail} for each in actions],
            "blocked": [
                {"kind": each.kind.value, "subject": each.subject, "code": each.code, "reason": each.reason}
                for each in blocked
            ],
        }
        done = table("did", "to", "detail", rows=[(each.kind.value, each.subject, each.detail) for each in actions])
        shown = [done] if actions else []
        if blocked:
            rows = [(each.kind.value, each.subject, each.code or "", each.reason) for each in blocked]
            shown.append(table("could not", "to", "code", "reason", rows=rows))
        now.out.result(document, *shown)
        if not actions and not blocked:
            now.out.hint("nothing is to be done now")


@app.command
def reissue(period: str, *, common: Common = COMMON) -> None:
    """Have a period's figures filed once more, after records, trunk map or settings were corrected.

    Parameters
    ----------
    period
        AGREEMENT/PAIR/ORDINAL, such as 7/0/3.
    """
    with session(common) as now, _agent(now) as agent:
        key = period_of(period)
        agent.follow()
        revision = agent.reissue(PeriodKey(key.agreement, key.pair, key.ordinal))
        document = {"period": name_of(key), "revision": revision}
        now.out.result(document, f"period {name_of(key)}: revision {revision} is wanted")
        now.out.hint("next: settle agent step, unless the agent runs")


@contextmanager
def _agent(now: Session) -> Iterator[Agent]:
    agent = Agent(now.settings.folder, now.node, now.chain_id)
    try:
        yield agent
    except WrongNumberPlan as fault:
        raise bad_input(
            expected="the number plan of this release", actual=str(fault), next_step="reinstall the package"
        ) from fault
    finally:
        agent.close()


def _line(action: Action) -> str:
    return f"{action.kind.value}: {action.subject} {action.detail}".rstrip()


def _sleep(ended: threading.Event, seconds: float) -> None:
    ended.wait(seconds)
