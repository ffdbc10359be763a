"""Whether a node answers and makes blocks, seen through CometBFT's own RPC."""

from __future__ import annotations

import http.client
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ValidationError

from cometbft.errors import NodeError
from cometbft.home import Home

_ANSWER_SECONDS = 2.0
_OLDEST_BLOCK = 120.0  # seconds; empty blocks come every 30
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy


class Health(NamedTuple):
    """What the node's RPC said last."""

    answering: bool
    height: int
    """Of the newest block; 0 before the first."""
    still_for: float
    """Seconds since the height moved."""


UNSEEN = Health(answering=False, height=0, still_for=0.0)
"""Before the first look."""


class Look:
    """Looks at the RPC now and then; remembers when it last answered and when the height last moved."""

    def __init__(self, rpc_address: str, *, every: float, warn_after: float, report: Callable[[str], None]) -> None:
        self._rpc_address = rpc_address
        self._every = every
        self._warn_after = warn_after
        self._report = report
        self._next = 0.0
        self._answered: float | None = None
        self._moved = time.monotonic()
        self._warned = False
        self._height = 0

    @property
    def silent_for(self) -> float:
        """Seconds since the last answer; 0 before the first, since a node replays blocks before it answers."""
        return 0.0 if self._answered is None else time.monotonic() - self._answered

    def now(self) -> Health:
        if time.monotonic() >= self._next:
            height = read_height(self._rpc_address)
            now = time.monotonic()
            self._next = now + self._every
            if height is not None:
                self._answered = now
                if height != self._height:
                    self._height, self._moved, self._warned = height, now, False
        still_for = time.monotonic() - self._moved
        if self._answered is not None and still_for > self._warn_after and not self._warned:
            self._warned = True
            self._report(
                f"no block for {still_for:.0f} s at height {self._height}: do validators of more than two "
                f"thirds of the power run and reach each other?"
            )
        return Health(self._answered is not None and self.silent_for < 2 * self._every, self._height, still_for)


class _SyncInfo(BaseModel):
    latest_block_height: int
    latest_block_time: AwareDatetime
    catching_up: bool


class _Result(BaseModel):
    sync_info: _SyncInfo


class _Status(BaseModel):
    """What is read of /status; CometBFT sends numbers as text."""

    result: _Result


def read_height(rpc_address: str) -> int | None:
    """The newest height that CometBFT's /status tells; None where it does not answer within 2 seconds."""
    newest = _sync_info(rpc_address)
    return None if newest is None else newest.latest_block_height


def judge(home: Home) -> str:
    """The reason why the node is unfit; empty where it answers and its newest block is young or it is catching up.

    Block time is compared with this machine's clock: for probes and people, never for consensus.
    """
    newest = _sync_info(home.rpc_address)
    if newest is None:
        return f"no answer from {home.rpc_address}"
    age = (datetime.now(UTC) - newest.latest_block_time).total_seconds()
    if age > _OLDEST_BLOCK and not newest.catching_up:
        return f"no block for {age:.0f} s at height {newest.latest_block_height}"
    return ""


def _sync_info(rpc_address: str) -> _SyncInfo | None:
    try:
        with _DIRECT.open(f"{rpc_address}/status", timeout=_ANSWER_SECONDS) as answer:
            return _Status.model_validate_json(answer.read()).result.sync_info
    except (OSError, http.client.HTTPException, ValidationError):
        return None


def main(arguments: list[str]) -> int:
    """`python -m cometbft.health HOME`, for a container's probe: 0 fit, 1 not, with the reason."""
    try:
        reason = judge(Home(Path(arguments[0]).absolute()))
    except NodeError as error:
        reason = str(error)
    print(reason or "fit")
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
