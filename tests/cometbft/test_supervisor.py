"""The supervisor over stand-ins for the two programs: what dies is restarted, what hangs is killed, nothing is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cometbft import install, localnet, ports, supervisor
from cometbft.config import NodeSettings, write
from cometbft.errors import NodeError
from cometbft.home import Home
from cometbft.supervisor import Limits, NodePair

STAND_IN = str(Path(__file__).with_name("stand_in.py"))
FACTS: dict[str, object] = {"format": 1, "facts": []}
QUICK = Limits(grace=0.5, app_start=5, silence=1.0, look_at_height=0.1, restarts=2, restarts_within=60)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "node0")
    home.config_toml.parent.mkdir(parents=True)
    home.config_toml.write_text(Path(__file__).with_name("config_0.38.26.toml").read_text())
    rpc_port, p2p_port = ports.free_ports(2)
    write(home.config_toml, NodeSettings(moniker="a", socket=home.socket, rpc_port=rpc_port, p2p_port=p2p_port))
    return home


def pair(
    home: Home, *, app: str = "", node: str = "", limits: Limits = QUICK, report: list[str] | None = None
) -> NodePair:
    return NodePair(
        home,
        app_command=[sys.executable, "-S", STAND_IN, "app", str(home.socket), *app.split()],
        node_command=[sys.executable, "-S", STAND_IN, "node", str(home.rpc_port), *node.split()],
        limits=limits,
        report=None if report is None else report.append,
    )


def until(claim: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_both_programs_run_and_log_until_the_pair_is_stopped(home: Home) -> None:
    with pair(home) as running:
        pids = running.pids()
        assert running.is_running()
        assert all(lives(pid) for pid in pids)
        until(lambda: running.health().answering)
    assert not running.is_running()
    assert not any(lives(pid) for pid in pids)
    assert "stand-in app started" in (home.logs / "app.log").read_text()
    assert "stand-in node started" in (home.logs / "node.log").read_text()


@pytest.mark.parametrize("victim", ["kill_app", "kill_node", "kill_both"])
def test_whichever_dies_both_are_restarted(home: Home, victim: str) -> None:
    with pair(home) as running:
        before = running.pids()
        getattr(running, victim)()
        until(lambda: running.restarts == 1 and running.is_running())
        assert not set(before) & set(running.pids())
        assert not any(lives(pid) for pid in before)


def test_a_node_that_hangs_when_its_application_dies_is_killed(home: Home) -> None:
    said: list[str] = []
    with pair(home, node="stubborn", report=said) as running:
        until(lambda: running.health().answering)
        before = running.pids()
        running.kill_app()
        until(lambda: running.restarts == 1 and running.is_running())
        assert not lives(before[1])
        assert any("needed KILL" in line for line in said)


def test_a_node_that_no_longer_answers_is_restarted(home: Home) -> None:
    said: list[str] = []
    with pair(home, node="mute-after=3", report=said) as running:
        until(lambda: running.restarts >= 1)
    assert any("has not answered" in line for line in said)


def test_the_height_is_seen_to_move(home: Home) -> None:
    with pair(home) as running:
        until(lambda: running.health().height >= 2)
        assert running.health().answering


def test_restarts_are_bounded_and_the_error_names_the_log_and_its_last_lines(home: Home) -> None:
    with pair(home, node="exit=7") as running:
        with pytest.raises(NodeError, match="database damaged at page 7") as failure:
            running.wait(20)
        assert "cometbft ended with exit code 7" in failure.value.actual
        assert str(home.logs / "node.log") in failure.value.next_step
        assert running.restarts == QUICK.restarts
        assert running.pids() == ()


def test_an_application_that_cannot_start_is_not_tried_again(home: Home) -> None:
    with pytest.raises(NodeError, match="exit code 5") as failure:
        pair(home, app="exit=5").start()
    assert "database damaged at page 7" in failure.value.actual
    assert str(home.logs / "app.log") in failure.value.next_step
    assert not (home.logs / "node.log").exists()


def test_an_application_that_opens_no_socket_is_ended(home: Home) -> None:
    limits = QUICK._replace(app_start=0.3)
    silent = NodePair(home, app_command=["sleep", "3600"], node_command=["false"], limits=limits)
    with pytest.raises(NodeError, match=r"to open .*app\.sock"):
        silent.start()
    assert silent.pids() == ()


def test_a_program_that_does_not_exist_is_named(home: Home) -> None:
    with pytest.raises(NodeError, match="no-such-program"):
        NodePair(home, app_command=["no-such-program"], node_command=["false"], limits=QUICK).start()


def test_a_stopped_pair_stays_down_and_starts_again(home: Home) -> None:
    again = pair(home)
    again.start()
    again.stop(force=True)
    time.sleep(0.3)
    assert again.pids() == ()
    again.start()
    assert again.is_running()
    again.stop()
    again.stop()  # stopping what is stopped does nothing


def test_a_forced_stop_does_not_wait_for_a_stubborn_program(home: Home) -> None:
    running = pair(home, app="stubborn", node="stubborn", limits=QUICK._replace(grace=30))
    running.start()
    pids = running.pids()
    started = time.monotonic()
    running.stop(force=True)
    assert time.monotonic() - started < 5
    assert not any(lives(pid) for pid in pids)


def test_a_second_supervisor_of_one_home_is_refused(home: Home) -> None:
    with pair(home), pytest.raises(NodeError, match=f"process {os.getpid()} runs it"):
        pair(home).start()


def test_starting_a_running_pair_is_refused_and_harms_nothing(home: Home) -> None:
    with pair(home) as running:
        with pytest.raises(NodeError, match="stop it first"):
            running.start()
        assert running.is_running()


def test_an_occupied_port_is_named_and_nothing_is_started(home: Home) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", home.p2p_port))
        squatter.listen()
        with pytest.raises(NodeError, match=f"port {home.p2p_port} free"):
            pair(home).start()
    assert not home.logs.exists()


def test_a_socket_left_by_a_killed_run_is_no_obstacle(home: Home) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(home.socket))
    with pair(home) as running:
        assert running.is_running()


def test_variables_that_would_override_the_nodes_settings_do_not_reach_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMT_RPC_LADDR", "tcp://0.0.0.0:1")
    monkeypatch.setenv("CMTHOME", "/elsewhere")
    with pair(home) as running:
        environment = Path(f"/proc/{running.pids()[1]}/environ").read_bytes()
    assert b"CMT" not in environment


SUPERVISING = """
    import sys
    from pathlib import Path
    from cometbft import supervisor
    from cometbft.home import Home
    home, stand_in, how = Home(Path(sys.argv[1])), sys.argv[2], sys.argv[3]
    python = [sys.executable, "-S", stand_in]
    class StandIns(supervisor.NodePair):
        def __init__(self, home, report):
            super().__init__(home, report=report, limits=supervisor.Limits(grace=0.5),
                app_command=[*python, "app", str(home.socket), how],
                node_command=[*python, "node", str(home.rpc_port), how])
    supervisor.NodePair = StandIns
    supervisor.run(home.path, report=lambda line: print(line, flush=True))
"""


def supervise(home: Home, how: str = "plain") -> tuple[subprocess.Popen[str], list[int]]:
    """`supervisor.run` in a process of its own, and the process numbers of application and node."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SUPERVISING), str(home.path), STAND_IN, how],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    words = process.stdout.readline().replace(",", "").split()
    assert words[0] == "running:", words
    return process, [int(words[2]), int(words[4])]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_blocking_run_ends_on_a_signal_and_leaves_nothing_running(home: Home, number: int) -> None:
    process, pids = supervise(home)
    with process:
        process.send_signal(number)
        assert process.wait(10) == 0
    assert not any(lives(pid) for pid in pids)


def test_when_the_supervisor_itself_is_killed_its_programs_end_too_even_stubborn_ones(home: Home) -> None:
    process, pids = supervise(home, "stubborn")
    with process:
        process.kill()
    until(lambda: not any(lives(pid) for pid in pids))


def test_a_new_supervisor_may_follow_a_killed_one_at_once(home: Home) -> None:
    process, _ = supervise(home, "stubborn")
    with process:
        process.kill()
    with pair(home) as running:
        assert running.is_running()


def test_running_where_there_is_no_node_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="settle init"):
        supervisor.run(tmp_path)


@pytest.mark.network
def test_four_real_nodes_make_blocks_and_one_comes_back_from_kill(tmp_path: Path) -> None:
    """Real CometBFT with its built-in key-value store; the application's place is taken by a stand-in."""
    network = localnet.create(tmp_path / "net", "settle-test", 4, lambda _: FACTS, create_empty_blocks_interval="200ms")
    pairs = [real_pair(node) for node in network.nodes]
    try:
        for each in pairs:
            each.start()
        until(lambda: all(each.health().height >= 2 for each in pairs), 60)
        pairs[3].kill_node()
        until(lambda: pairs[3].restarts == 1 and pairs[3].health().height >= 4, 60)
        pids = [pid for each in pairs for pid in each.pids()]
    finally:
        for each in pairs:
            each.stop()
    assert len(pids) == 8
    assert not any(lives(pid) for pid in pids)
    network.remove()


def real_pair(node: Home) -> NodePair:
    binary = str(install.ensure())
    return NodePair(
        node,
        app_command=[sys.executable, "-S", STAND_IN, "app", str(node.socket)],
        node_command=[binary, "start", "--home", str(node.cometbft), "--proxy_app", "kvstore"],
        limits=Limits(look_at_height=0.2),
    )
