"""Settings in layers: flag, then SETTLE_* of the environment, then ./settle.toml, then HOME/settle.toml."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cometbft.errors import NodeError
from cometbft.home import Home
from settle.cli.failures import bad_input, usage
from settle.cli.options import Common, Sending

FILE = "settle.toml"
DEFAULT_NODE = "http://127.0.0.1:26657"
DEFAULT_TIMEOUT = 60.0


class SettingsFile(BaseModel):
    """settle.toml: every field may be missing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path | None = Field(default=None, description="Relative to the file's folder.")
    node: str | None = None
    key: str | None = None
    timeout: float | None = Field(default=None, gt=0, description="Seconds to wait for a block.")


class Setting(NamedTuple):
    """A value and the layer that it came from."""

    value: str
    origin: str


class Settings(NamedTuple):
    """What holds for this command. `key` is empty where the role decides."""

    home: Setting
    node: Setting
    key: Setting
    timeout: Setting

    @property
    def folder(self) -> Path:
        """The home."""
        return Path(self.home.value)

    @property
    def seconds(self) -> float:
        """The time to wait for a block."""
        return float(self.timeout.value)


def read_settings(options: Common) -> Settings:
    """The settings of a command line. Raises `Failure` for a settings file that does not fit."""
    here = _read_file(Path(FILE))
    home = _first(
        ("flag --home", options.home),
        ("environment SETTLE_HOME", os.environ.get("SETTLE_HOME")),
        (f"./{FILE}", here.home),
        ("default", Path.home() / ".settle"),
    )
    folder = Path(home.value).absolute()
    there = _read_file(folder / FILE) if folder != Path.cwd() else SettingsFile()
    timeout = _first(
        ("flag --timeout", options.timeout if isinstance(options, Sending) else None),
        ("environment SETTLE_TIMEOUT", os.environ.get("SETTLE_TIMEOUT")),
        (f"./{FILE}", here.timeout),
        (str(folder / FILE), there.timeout),
        ("default", DEFAULT_TIMEOUT),
    )
    _require_seconds(timeout)
    return Settings(
        home=home._replace(value=str(folder)),
        node=_first(
            ("flag --node", options.node),
            ("environment SETTLE_NODE", os.environ.get("SETTLE_NODE")),
            (f"./{FILE}", here.node),
            (str(folder / FILE), there.node),
            (str(Home(folder).config_toml), _own_node(folder)),
            ("default", DEFAULT_NODE),
        ),
        key=_first(
            ("flag --key", options.key),
            ("environment SETTLE_KEY", os.environ.get("SETTLE_KEY")),
            (f"./{FILE}", here.key),
            (str(folder / FILE), there.key),
            ("default: by the role that the command needs", ""),
        ),
        timeout=timeout,
    )


def _first(*layers: tuple[str, object]) -> Setting:
    """The first layer that says something; the last one is the default."""
    for origin, value in layers[:-1]:
        if value is not None and value != "":
            return Setting(str(value), origin)
    origin, value = layers[-1]
    return Setting(str(value), origin)


def _read_file(path: Path) -> SettingsFile:
    if not path.is_file():
        return SettingsFile()
    try:
        return SettingsFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        came = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        came = str(fault)
    raise bad_input(
        expected=f"TOML with {', '.join(SettingsFile.model_fields)} in {path}",
        actual=came,
        next_step="correct that entry",
    )


def _own_node(folder: Path) -> str | None:
    home = Home(folder)
    if not home.config_toml.is_file():
        return None
    try:
        return home.rpc_address
    except (NodeError, KeyError):
        return None  # `settle doctor` tells what is wrong with the file


def _require_seconds(timeout: Setting) -> None:
    try:
        fits = 0 < float(timeout.value) < float("inf")
    except ValueError:
        fits = False
    if not fits:
        raise usage(
            expected="a timeout in seconds above 0",
            actual=f"{timeout.value} ({timeout.origin})",
            next_step="give a number such as 30",
        )
