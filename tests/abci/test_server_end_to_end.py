"""`python -m abci_app` over its socket, driven as a node drives it, with the real state machine and database."""

from __future__ import annotations

import base64
import json
import shutil
import signal
from hashlib import sha256
from pathlib import Path

import pytest

from abci_app.kernel.encoding import encode
from abci_app.kernel.roles import Role
from abci_app.server import abci_pb2 as pb
from abci_app.server.failpoint import NAMES
from settle.chain.keys import propose_keys
from tests.abci.app_process import AppProcess
from tests.abci.client import AbciClient, Closed
from tests.support.chains import CHAIN, CHAIN_ID, CMCC, GENESIS_TIME, genesis, signed, signer

ADMIN = signer(CMCC, Role.ADMIN)


def init_chain() -> pb.RequestInitChain:
    first = genesis()
    asked = pb.RequestInitChain(chain_id=CHAIN_ID.decode(), initial_height=1)
    asked.time.seconds = GENESIS_TIME
    facts = [base64.b64encode(fact).decode() for fact in first.facts]
    asked.app_state_bytes = json.dumps({"format": 1, "facts": facts}).encode()
    for key, power in first.validators:
        asked.validators.add(pub_key=pb.PublicKey(ed25519=key), power=power)
    return asked


def transaction(number: int) -> bytes:
    return signed(ADMIN, number, propose_keys(CHAIN, number, (signer(CMCC, Role.MAKER, number),)))


def propose(client: AbciClient, height: int, *txs: bytes) -> list[bytes]:
    asked = pb.RequestPrepareProposal(max_tx_bytes=1 << 20, txs=txs, height=height)
    asked.time.seconds = GENESIS_TIME + height
    return list(client.ask(asked).txs)


def process(client: AbciClient, height: int, *txs: bytes) -> bool:
    asked = pb.RequestProcessProposal(txs=txs, height=height, hash=name(height, txs))
    asked.time.seconds = GENESIS_TIME + height
    return client.ask(asked).status == pb.ResponseProcessProposal.ACCEPT


def finalize(client: AbciClient, height: int, *txs: bytes) -> pb.ResponseFinalizeBlock:
    asked = pb.RequestFinalizeBlock(txs=txs, height=height, hash=name(height, txs))
    asked.time.seconds = GENESIS_TIME + height
    return client.ask(asked)


def decide(client: AbciClient, height: int, *txs: bytes) -> pb.ResponseFinalizeBlock:
    """A block from proposal to commit."""
    assert propose(client, height, *txs) == list(txs)
    assert process(client, height, *txs)
    result = finalize(client, height, *txs)
    client.ask(pb.RequestCommit())
    return result


def name(height: int, txs: tuple[bytes, ...]) -> bytes:
    return sha256(b"".join(txs) + bytes((height,))).digest()


def test_a_chain_starts_advances_and_survives_a_restart(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with AppProcess(home) as app, app.ready().client() as client:
        assert client.ask(pb.RequestInfo(abci_version="2.0.0")).last_block_height == 0
        first = client.ask(init_chain()).app_hash
        assert len(first) == 32
        assert client.ask(pb.RequestCheckTx(tx=transaction(1))).code == 0
        result = decide(client, 1, transaction(1))
        assert [each.code for each in result.tx_results] == [0]
        assert result.tx_results[0].events
        assert result.app_hash not in (b"", first)
        assert client.ask(pb.RequestCheckTx(tx=transaction(1))).code != 0  # its number is used
        assert app.stop() == 0
        assert not (home / "app.sock").exists()
    with AppProcess(home) as app, app.ready().client() as client:
        info = client.ask(pb.RequestInfo())
        assert (info.last_block_height, info.last_block_app_hash) == (1, result.app_hash)
        assert decide(client, 2).app_hash == result.app_hash  # an empty block changes nothing
        assert app.stop() == 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The app hashes of three blocks in which nothing died."""
    with AppProcess(tmp_path_factory.mktemp("undisturbed") / "home") as app, app.ready().client() as client:
        client.ask(init_chain())
        return [decide(client, height, transaction(height)).app_hash for height in (1, 2, 3)]


@pytest.mark.parametrize("failpoint", NAMES)
def test_a_death_anywhere_loses_nothing_that_was_committed(
    tmp_path: Path, undisturbed: list[bytes], failpoint: str
) -> None:
    """The node replays the block that it decided; the hashes are those of a chain where nothing died."""
    home = tmp_path / "home"
    with AppProcess(home, failpoint=f"{failpoint}:2") as app, app.ready().client() as client:
        client.ask(init_chain())
        hashes = [decide(client, 1, transaction(1)).app_hash]
        with pytest.raises(Closed):
            decide(client, 2, transaction(2))
        assert app.ended() == 9
    with AppProcess(home) as app, app.ready().client() as client:
        info = client.ask(pb.RequestInfo())
        if failpoint == "commit_after":
            assert info.last_block_height == 2
            hashes.append(info.last_block_app_hash)
        else:
            assert (info.last_block_height, info.last_block_app_hash) == (1, hashes[0])
            hashes.append(finalize(client, 2, transaction(2)).app_hash)
            client.ask(pb.RequestCommit())
        hashes.append(decide(client, 3, transaction(3)).app_hash)
    assert hashes == undisturbed


def test_undecodable_bytes_are_refused_everywhere_and_get_a_result_where_decided(tmp_path: Path) -> None:
    with AppProcess(tmp_path / "home") as app, app.ready().client() as client:
        client.ask(init_chain())
        assert client.ask(pb.RequestCheckTx(tx=b"\xff")).code != 0
        assert propose(client, 1, b"\xff", transaction(1)) == [transaction(1)]
        assert not process(client, 1, b"\xff")
        results = finalize(client, 1, b"\xff", transaction(1)).tx_results
        assert [each.code == 0 for each in results] == [False, True]


def test_queries_are_answered_from_the_committed_state(tmp_path: Path) -> None:
    with AppProcess(tmp_path / "home") as app, app.ready().client() as client:
        client.ask(init_chain())
        decide(client, 1, transaction(1))
        found = client.ask(pb.RequestQuery(path=b"/marker"))
        assert (found.code, found.height) == (0, 1)
        assert client.ask(pb.RequestQuery(path=b"/facts", data=bytes(8) + b"\0\0\0\x05")).code == 0
        assert client.ask(pb.RequestQuery(path=b"/nowhere")).code != 0
        assert client.ask(pb.RequestQuery(path=b"/p2p/filter/addr/10.0.0.1:26656")).code == 0


def test_questions_before_genesis_do_not_end_the_program(tmp_path: Path) -> None:
    with AppProcess(tmp_path / "home") as app, app.ready().client() as client:
        assert client.ask(pb.RequestCheckTx(tx=transaction(1))).code != 0
        assert client.ask(pb.RequestQuery(path=b"/marker")).code != 0
        assert client.ask(init_chain()).app_hash


def test_init_chain_again_before_the_first_block_gives_the_same_hash(tmp_path: Path) -> None:
    hashes = []
    for _ in range(2):
        with AppProcess(tmp_path / "home") as app, app.ready().client() as client:
            assert client.ask(pb.RequestInfo()).last_block_height == 0
            hashes.append(client.ask(init_chain()).app_hash)
    assert hashes[0] == hashes[1]


def test_another_genesis_on_a_used_home_is_refused(tmp_path: Path) -> None:
    with AppProcess(tmp_path / "home") as app, app.ready().client() as client:
        client.ask(init_chain())
        other = init_chain()
        other.chain_id = "another"
        with pytest.raises(Closed):
            client.ask(other)
        assert app.ended() == 78
    assert "genesis" in app.logs()[-1]["message"]


def test_a_second_app_on_the_same_home_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with AppProcess(home) as app:
        app.ready()
        with AppProcess(home) as second:
            assert second.ended() == 78
            assert "another app is already running on" in second.log_file.read_text()
        with AppProcess(home, "--socket", "other.sock") as third:
            assert third.ended() == 74
            assert f"a lock held by process {app.process.pid}" in third.log_file.read_text()
        assert not (home / "other.sock").exists()
        with app.client() as client:
            assert client.ask(pb.RequestEcho(message="here")).message == "here"


def test_a_home_left_by_kill_9_starts_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with AppProcess(home) as app, app.ready().client() as client:
        client.ask(init_chain())
        hashes = [decide(client, 1, transaction(1)).app_hash]
        app.process.send_signal(signal.SIGKILL)
        assert app.ended() == -signal.SIGKILL
    with AppProcess(home) as app, app.ready().client() as client:
        hashes.append(client.ask(pb.RequestInfo()).last_block_app_hash)
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_end_it_cleanly(tmp_path: Path, ending: signal.Signals) -> None:
    with AppProcess(tmp_path / "home") as app:
        app.ready().process.send_signal(ending)
        assert app.ended() == 0
    assert [line["message"] for line in app.logs()][-1] == "stopping"


def fill(client: AbciClient) -> None:
    """Blocks of forty transactions without end, or until it takes too long."""
    for height in range(1, 200):
        numbers = range(height * 40 - 39, height * 40 + 1)
        decide(client, height, *map(transaction, numbers))


def test_a_full_map_stops_the_app_and_a_larger_one_lets_it_go_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "app.toml").write_text('map_size = "1MiB"')
    with AppProcess(home) as app, app.ready().client() as client:
        client.ask(init_chain())
        with pytest.raises(Closed):
            fill(client)
        assert app.ended() == 74
        assert "map_size" in app.logs()[-1]["message"]
    (home / "app.toml").write_text('map_size = "1GiB"')
    with AppProcess(home) as app, app.ready().client() as client:
        height = client.ask(pb.RequestInfo()).last_block_height
        assert height > 1
        assert len(decide(client, height + 1).app_hash) == 32


def test_a_damaged_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with AppProcess(home) as app, app.ready().client() as client:
        client.ask(init_chain())
        decide(client, 1, transaction(1))
        app.stop()
    database = home / "data" / "data.mdb"
    shutil.copy(database, tmp_path / "sound")
    raw = database.read_bytes()
    needle = signer(CMCC, Role.ADMIN).public
    assert needle in raw
    database.write_bytes(raw.replace(encode(needle), encode(bytes(33))))
    with AppProcess(home) as app:
        assert app.ended() == 74
        assert "expected rows and facts of app hash" in app.log_file.read_text()


def test_a_tool_may_use_a_loopback_port(tmp_path: Path) -> None:
    with AppProcess(tmp_path / "home", "--socket", "tcp://127.0.0.1:0") as app:
        app.ready()
        address = next(line["address"] for line in app.logs() if line["message"] == "ready")
        with AbciClient(int(address.rpartition(":")[2])) as client:
            assert client.ask(pb.RequestInfo()).data == "settlement"
