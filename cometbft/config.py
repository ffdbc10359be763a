"""The node's config.toml: what `cometbft init` wrote, with this chain's settings and their reasons put in.

`templates/config.toml` has the settings. Everything it does not name keeps CometBFT's own default and text,
so a newer CometBFT's additional keys survive; a key that CometBFT no longer knows is an error, never a silent
loss.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import NamedTuple

from cometbft.errors import NodeError

TEMPLATE = Path(__file__).parent / "templates" / "config.toml"

_OURS = "## "  # starts a comment line of ours, so that writing again replaces it


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """What differs from node to node. Durations are CometBFT's: a number and a unit, as "200ms" or "30s"."""

    moniker: str
    socket: Path
    rpc_port: int
    p2p_port: int
    rpc_host: str = "127.0.0.1"
    p2p_host: str = "127.0.0.1"
    external_address: str = ""
    persistent_peers: tuple[str, ...] = ()
    """Each as node id @ host : port."""
    timeout_commit: str = "150ms"
    create_empty_blocks_interval: str = "30s"
    filter_peers: bool = False
    one_machine: bool = False
    """All peers share one loopback address."""
    prometheus_port: int | None = None
    log_level: str = "info"


class _Setting(NamedTuple):
    comment: tuple[str, ...]
    line: str


_Key = tuple[str, str]  # section ("" = before the first), name


def write(config_toml: Path, settings: NodeSettings) -> None:
    """Put the settings into an existing config.toml of CometBFT; writing twice gives the same file as once.

    Raises NodeError where the file lacks a key that the template sets, or does not read back as intended.
    """
    rendered = _render(settings)
    wanted = _settings(rendered)
    lines, found = _replace(config_toml.read_text().splitlines(), wanted)
    missing = sorted(".".join(key).lstrip(".") for key in wanted.keys() - found)
    if missing:
        raise NodeError(
            expected=f"{config_toml} with the keys that {TEMPLATE.name} sets",
            actual=f"no {', '.join(missing)}",
            next_step="has the pinned version changed? Compare the template with what `cometbft init` writes",
        )
    text = "\n".join(lines) + "\n"
    _require_intended(tomllib.loads(text), tomllib.loads(rendered), config_toml)
    config_toml.write_text(text)


def read(config_toml: Path) -> dict[str, object]:
    """The file's values. Raises NodeError where it is missing or is no TOML."""
    try:
        return tomllib.loads(config_toml.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise NodeError(
            expected=f"a node's settings in {config_toml}",
            actual=str(error),
            next_step="make the node's home again, or restore the file",
        ) from error


def _render(settings: NodeSettings) -> str:
    values: dict[str, str | bool | int] = {
        "socket": str(settings.socket),
        "moniker": settings.moniker,
        "log_level": settings.log_level,
        "filter_peers": settings.filter_peers,
        "rpc_host": settings.rpc_host,
        "rpc_port": settings.rpc_port,
        "p2p_host": settings.p2p_host,
        "p2p_port": settings.p2p_port,
        "external_address": settings.external_address,
        "persistent_peers": ",".join(settings.persistent_peers),
        "addr_book_strict": not settings.one_machine,
        "allow_duplicate_ip": settings.one_machine,
        "timeout_commit": settings.timeout_commit,
        "create_empty_blocks_interval": settings.create_empty_blocks_interval,
        "prometheus": settings.prometheus_port is not None,
        "prometheus_port": settings.prometheus_port or 26660,
    }
    return Template(TEMPLATE.read_text()).substitute({name: _toml(value) for name, value in values.items()})


def _toml(value: str | bool | int) -> str:
    """A value as it stands in TOML; of a string the inside, since the quotes are the template's."""
    text = json.dumps(value, ensure_ascii=False)
    return text[1:-1] if isinstance(value, str) else text


def _settings(rendered: str) -> dict[_Key, _Setting]:
    """Each key of the template with the comment above it."""
    settings: dict[_Key, _Setting] = {}
    comment: list[str] = []
    section = ""
    for line in rendered.splitlines():
        if line.startswith(_OURS):
            comment.append(line)
        elif line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            settings[section, _name(line)] = _Setting(tuple(comment), line)
        if not line.startswith(_OURS):
            comment = []
    return settings


def _replace(lines: list[str], wanted: dict[_Key, _Setting]) -> tuple[list[str], set[_Key]]:
    """The lines with our settings in place of theirs, and the keys that were found."""
    result: list[str] = []
    found: set[_Key] = set()
    section = ""
    for line in lines:
        if line.startswith("["):
            section = line.strip("[] ")
        key = (section, _name(line))
        if line.startswith("#") or key not in wanted:
            result.append(line)
            continue
        while result and result[-1].startswith(_OURS):
            result.pop()
        result += [*wanted[key].comment, wanted[key].line]
        found.add(key)
    return result, found


def _name(line: str) -> str:
    return line.partition("=")[0].strip()


def _require_intended(written: dict[str, object], wanted: dict[str, object], config_toml: Path) -> None:
    for name, value in wanted.items():
        came = written.get(name)
        if isinstance(value, dict) and isinstance(came, dict):
            _require_intended(came, value, config_toml)
        elif came != value:
            raise NodeError(
                expected=f"{name} = {value!r} in {config_toml}",
                actual=repr(came),
                next_step="the file has an unusual form: write it again with `cometbft init`",
            )
