"""`settle network`: several operators with a validator each, on this machine, for trying things out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from abci_app.domain.governance.schema import ParametersSet
from abci_app.kernel.encoding import Value
from cometbft import localnet
from cometbft.health import read_height
from cometbft.localnet import AppState, Localnet
from settle.chain import consortium
from settle.chain.consortium import Member
from settle.cli.failures import usage
from settle.cli.localnet_processes import start, stop, supervisor_of, wait_for_blocks
from settle.cli.options import noun
from settle.cli.output import Output, table
from settle.cli.session import open_node
from settle.cli.settings import FILE
from settle.rules.shipped import rulebook_facts

app = noun("network", "A network of several operators on this machine.")


@app.command
def create(
    folder: Path,
    *,
    operators: int = 4,
    chain_id: str = "settlement-local-1",
    first_port: int | None = None,
    timeout_commit: str = "150ms",
    empty_blocks: str = "5s",
    short_delays: bool = False,
    json: bool = False,
) -> None:
    """Make a network: homes, keys of every role, and one genesis. Nobody else's network: all keys lie here.

    Parameters
    ----------
    folder
        A new or empty folder; operator N has its home in nodeN-1.
    operators
        How many, each with one validator: 1 to 4.
    chain_id
        The chain's name.
    first_port
        Use the ports from here on; else free ones are chosen.
    timeout_commit
        CometBFT's pause after each block.
    empty_blocks
        How often a block comes when nothing happens: deadlines seconds apart need the clock to go on.
    short_delays
        Votes take effect within blocks that come in a minute, not in hours: to try out how rules change.
    json
        Answer with one JSON document.
    """
    if not 1 <= operators <= len(consortium.CHINA):
        raise usage(expected=f"1 to {len(consortium.CHINA)} operators", actual=str(operators), next_step="ask for four")
    members = consortium.CHINA[:operators]
    further = [ParametersSet(consortium.SHORT_DELAYS)] if short_delays else []
    made = localnet.create(
        folder,
        chain_id,
        operators,
        lambda validators: _first_state(folder.absolute(), members, validators, further),
        first_port=first_port,
        timeout_commit=timeout_commit,
        create_empty_blocks_interval=empty_blocks,
    )
    for node in made.nodes:
        (node.path / FILE).write_text(f'node = "{node.rpc_address}"\n', encoding="utf-8")
    out = Output(as_json=json)
    rows = [
        (member.number, member.code, str(node.path), node.rpc_address)
        for member, node in zip(members, made.nodes, strict=True)
    ]
    columns = ("number", "operator", "home", "rpc")
    document = {
        "folder": str(made.folder),
        "chain": chain_id,
        "nodes": [dict(zip(columns, row, strict=True)) for row in rows],
    }
    out.result(document, table(*columns, rows=rows, right=("number",)))
    out.hint(f"next: settle network up {folder}")


@app.command
def up(folder: Path, *, timeout: float = 90.0, json: bool = False) -> None:
    """Start all nodes in the background and wait until each has a block.

    Parameters
    ----------
    folder
        A network's folder.
    timeout
        Seconds to wait for blocks.
    json
        Answer with one JSON document.
    """
    net = localnet.load(folder)
    out = Output(as_json=json)
    for node in net.nodes:
        start(node)
    out.hint(f"starting {len(net.nodes)} nodes of {net.chain_id}")
    wait_for_blocks(net.nodes, timeout)
    _tell(net, out)
    out.hint(f"next: settle member list --home {net.nodes[0].path}; stop it with settle network down {folder}")


@app.command
def status(folder: Path, *, json: bool = False) -> None:
    """Show every node: whether it runs, its height and its app hash.

    Parameters
    ----------
    folder
        A network's folder.
    json
        Answer with one JSON document.
    """
    _tell(localnet.load(folder), Output(as_json=json))


@app.command
def down(folder: Path, *, timeout: float = 60.0, json: bool = False) -> None:
    """Stop all nodes. Their data stays: `up` goes on where they were.

    Parameters
    ----------
    folder
        A network's folder.
    timeout
        Seconds to wait for their end.
    json
        Answer with one JSON document.
    """
    net = localnet.load(folder)
    stopped = stop(net.nodes, timeout)
    Output(as_json=json).result({"stopped": stopped}, f"stopped: {', '.join(stopped) or 'nothing ran'}")


def _first_state(
    folder: Path, members: tuple[Member, ...], validators: list[bytes], further: Sequence[Value]
) -> AppState:
    keys = {
        each.number: consortium.make_keys(folder / f"node{place}", each.number) for place, each in enumerate(members)
    }
    facts = consortium.genesis_facts(
        members,
        {number: made.values() for number, made in keys.items()},
        {each.number: [public] for each, public in zip(members, validators, strict=True)},
    )
    return consortium.app_state([*facts, *rulebook_facts(), *further])


def _tell(net: Localnet, out: Output) -> None:
    rows = []
    for node in net.nodes:
        height = read_height(node.rpc_address)
        app_height, app_hash = "", ""
        if height is not None:
            with open_node(node.rpc_address) as rpc:
                told = rpc.app_info()
                app_height, app_hash = str(told.last_block_height), told.last_block_app_hash.hex()
        rows.append((node.path.name, supervisor_of(node), height, app_height, app_hash, node.rpc_address))
    columns = ("node", "process", "height", "app height", "app hash", "rpc")
    document = [dict(zip(columns, row, strict=True)) for row in rows]
    out.result(
        {"chain": net.chain_id, "nodes": document},
        table(*columns, rows=rows, right=("process", "height", "app height")),
    )
