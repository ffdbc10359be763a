"""The application's settings: HOME/app.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError

from abci_app.server.faults import describe
from abci_app.server.refusal import Refusal

FILE = "app.toml"

LogLevel = Literal["debug", "info", "warning", "error"]


class Config(BaseModel):
    """Every setting has a default, so the file may be missing. None changes what the chain decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    socket: str = Field(
        default="app.sock",
        description="Where CometBFT finds the app (its proxy_app): a path, relative to the home, or "
        "unix://PATH, or tcp://127.0.0.1:PORT for tools on this machine.",
    )
    map_size: ByteSize = Field(
        default=ByteSize(64 * 2**30),
        ge=2**20,
        le=2**46,
        description="The largest size of the database, as a number of bytes or with a unit (64GiB). It takes "
        "address space, not disk; the disk is used as the data grows. May be raised at any restart.",
    )
    log_level: LogLevel = Field(
        default="info",
        description="The least severe log line that is written: debug, info, warning or error.",
    )


def read_config(home: Path) -> Config:
    """The settings in HOME/app.toml; the defaults where there is no such file. Raises `Refusal`."""
    path = home / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as fault:
        raise Refusal(f"{path}: cannot be read: {fault}") from fault
    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        raise Refusal(f"{path}: expected TOML, came something else: {fault}. Correct that place") from fault
    except ValidationError as fault:
        known = ", ".join(Config.model_fields)
        raise Refusal(f"{path}: {describe(fault)}. The fields are {known}; correct the file") from fault
