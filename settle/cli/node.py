"""`settle node`: run a node, look at it, roll it back, prove whose validator it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from abci_app.kernel.encoding import encode
from cometbft import supervisor
from cometbft.home import Home
from settle.chain.validator_key import prove_possession
from settle.cli.failures import usage
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import Output, facts_of
from settle.cli.questions import MARKER
from settle.cli.ready import watched
from settle.cli.rollback import roll_back
from settle.cli.session import session
from settle.cli.settings import read_settings

app = noun("node", "Run a node, look at it, roll it back.")


@app.command
def run(folder: Path | None = None, *, common: Common = COMMON) -> None:
    """Run a node, the application and CometBFT together, until Ctrl-C or SIGTERM.

    With the home's node key it also tries every rule that is voted on, and signs that it is READY for those that
    a vote has carried.

    Parameters
    ----------
    folder
        The node's home; --home is the same.
    """
    home = folder or read_settings(common).folder
    out = Output(as_json=common.json)
    with watched(Home(home.absolute()), out.hint):
        supervisor.run(home, report=out.hint)
    out.result({"home": str(home), "state": "stopped"}, f"{home}: stopped")


@app.command
def status(*, common: Common = COMMON) -> None:
    """Show how far a node is, its peers, its validators and the application's roots."""
    with session(common) as now:
        told = now.status
        marker, roots = now.ask(MARKER)
        peers = now.node.net_info().peers
        validators = now.node.validators().validators
        document = {
            "chain": told.chain_id,
            "node": told.node_info.id,
            "moniker": told.node_info.moniker,
            "height": told.height,
            "time": told.sync_info.latest_block_time,
            "catching_up": told.sync_info.catching_up,
            "app_hash": marker.app_hash.hex(),
            "app_height": marker.height,
            "facts": marker.facts,
            "roots": {name: root.hex() for name, root in roots},
            "peers": [peer.node_info.moniker for peer in peers],
            "validators": [{"key": each.pub_key.value.hex(), "power": each.voting_power} for each in validators],
        }
        shown = {name: value for name, value in document.items() if name not in ("roots", "validators")}
        shown["peers"] = ", ".join(sorted(peer.node_info.moniker for peer in peers)) or "none"
        shown["validators"] = f"{len(validators)} of power {sum(each.voting_power for each in validators)}"
        now.out.result(document, facts_of([*shown.items(), *((f"root {name}", root.hex()) for name, root in roots)]))


@app.command
def prove(*, output: Path, common: Common = COMMON) -> None:
    """Sign, with this node's validator key, that it is this operator's: a vote on a new validator carries that.

    Parameters
    ----------
    output
        Write the statement there.
    """
    with session(common) as now:
        home = Home(now.settings.folder)
        path = home.cometbft / "config" / "priv_validator_key.json"
        message = prove_possession(path, now.chain, now.myself)
        output.write_text(encode(message).hex() + "\n", encoding="ascii")
        document = {"operator": message.operator, "validator": message.public.hex(), "file": str(output)}
        now.out.result(document, facts_of(document.items()))
        now.out.hint(f"next: settle gov propose appoint {output}, by any member")


@app.command
def rollback(
    folder: Path | None = None, *, to: Annotated[int, Parameter(name="--to")], common: Common = COMMON
) -> None:
    """Take a stopped node back to the state after an earlier block; it then executes the later ones again.

    For a node whose application went wrong, for instance under a faulty release: stop the node, install the
    right release, roll back to before the fault, start. Blocks are never dropped, and nothing is undone on
    the chain. Refused while the node runs.

    Parameters
    ----------
    folder
        The node's home; --home is the same.
    to
        The height whose state is wanted.
    """
    if to < 1:
        raise usage(expected="a height of 1 or more", actual=str(to), next_step="see `settle node status`")
    home = (folder or read_settings(common).folder).absolute()
    out = Output(as_json=common.json)
    done = roll_back(home, to)
    out.result(
        {"home": str(home), "height": to, "application": done.application, "cometbft": done.cometbft},
        facts_of([("application", done.application), ("cometbft", done.cometbft)]),
    )
    out.hint(f"next: settle node run {home}; it executes the blocks after {to} again")
