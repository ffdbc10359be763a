"""One node's folder: HOME/{app.toml, data/, logs/} of the application, HOME/cometbft/{config, data} of
CometBFT.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from cometbft import config
from cometbft.errors import NodeError

LONGEST_SOCKET_PATH = 107
"""Bytes. The kernel's sockaddr_un holds 108 with the closing zero (unix(7))."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of one node is. Makes nothing by itself."""

    path: Path

    @property
    def cometbft(self) -> Path:
        return self.path / "cometbft"

    @property
    def config_toml(self) -> Path:
        return self.cometbft / "config" / "config.toml"

    @property
    def genesis(self) -> Path:
        return self.cometbft / "config" / "genesis.json"

    @property
    def app_toml(self) -> Path:
        return self.path / "app.toml"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def socket(self) -> Path:
        """The socket that the application opens: `socket` of app.toml, else HOME/app.sock."""
        if not self.app_toml.exists():
            return self.path / "app.sock"
        try:
            named = str(tomllib.loads(self.app_toml.read_text()).get("socket", "app.sock"))
        except tomllib.TOMLDecodeError as error:
            raise NodeError(
                expected=f"TOML in {self.app_toml}", actual=str(error), next_step="correct the file"
            ) from error
        if named.startswith("tcp://"):
            raise NodeError(
                expected=f"a Unix socket in {self.app_toml}",
                actual=named,
                next_step="name a path: a TCP address is only for tools that drive the application alone",
            )
        return self.path / named.removeprefix("unix://")  # an absolute name stays what it is

    @property
    def rpc_port(self) -> int:
        """Port of CometBFT's RPC on this machine."""
        return _port(self._section("rpc"), self.config_toml)

    @property
    def p2p_port(self) -> int:
        return _port(self._section("p2p"), self.config_toml)

    @property
    def rpc_address(self) -> str:
        """Where this node's RPC answers, as http://host:port."""
        return f"http://{str(self._section('rpc')['laddr']).removeprefix('tcp://')}"

    @property
    def validator_key(self) -> bytes:
        """The validator's Ed25519 public key, 32 bytes."""
        return base64.b64decode(_json(self.cometbft / "config" / "priv_validator_key.json")["pub_key"]["value"])

    @property
    def node_id(self) -> str:
        """The node's address among peers: the first 20 bytes of SHA-256 of its transport key, in hex
        (CometBFT p2p).
        """
        pair = base64.b64decode(_json(self.cometbft / "config" / "node_key.json")["priv_key"]["value"])
        return hashlib.sha256(pair[32:]).digest()[:20].hex()

    def _section(self, name: str) -> dict[str, object]:
        section = config.read(self.config_toml).get(name)
        if not isinstance(section, dict):
            raise NodeError(
                expected=f"a section [{name}] in {self.config_toml}",
                actual="none",
                next_step="restore the file",
            )
        return section


def initialise(home: Home, binary: Path) -> None:
    """Let CometBFT make its keys and default files under the home; those that exist stay."""
    home.cometbft.mkdir(parents=True, exist_ok=True)
    answer = subprocess.run(
        [binary, "init", "--home", home.cometbft],
        capture_output=True,
        text=True,
        check=False,
        env=node_environment(),
    )
    if answer.returncode != 0:
        raise NodeError(
            expected=f"`cometbft init` to make {home.cometbft}",
            actual=f"exit code {answer.returncode}: {(answer.stderr or answer.stdout).strip()[-500:]}",
            next_step="see that the folder can be written and the disk has space",
        )


def configure(home: Home, settings: config.NodeSettings) -> None:
    """Write config.toml and app.toml of an initialised home. NodeError where the socket's path is too long."""
    require_socket_fits(settings.socket)
    config.write(home.config_toml, settings)
    home.app_toml.write_text(
        f"# Where CometBFT finds the application; the same as proxy_app in cometbft/config/config.toml.\n"
        f"socket = {json.dumps(str(settings.socket), ensure_ascii=False)}\n"
    )


def require_socket_fits(socket: Path) -> None:
    """Raise NodeError where the path is longer than a Unix socket's may be."""
    size = len(os.fsencode(socket))
    if size > LONGEST_SOCKET_PATH:
        raise NodeError(
            expected=f"a socket path of at most {LONGEST_SOCKET_PATH} bytes",
            actual=f"{size} bytes: {socket}",
            next_step="name a short folder in SETTLE_RUNTIME, or a short `socket` in app.toml",
        )


def node_environment() -> dict[str, str]:
    """This process's environment without the variables by which CometBFT would override its config.toml."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CMT", "TM_", "TMHOME"))}


def _port(section: dict[str, object], config_toml: Path) -> int:
    port = str(section.get("laddr", "")).rpartition(":")[2]
    if not port.isdecimal():
        raise NodeError(
            expected=f"a laddr with a port in {config_toml}",
            actual=repr(section.get("laddr")),
            next_step="restore the file",
        )
    return int(port)


def _json(path: Path) -> dict[str, dict[str, str]]:
    try:
        content: dict[str, dict[str, str]] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise NodeError(
            expected=f"a key file of CometBFT at {path}",
            actual=str(error),
            next_step="restore it from a backup; a lost validator key needs a new validator",
        ) from error
    return content
