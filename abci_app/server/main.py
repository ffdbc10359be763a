"""`python -m abci_app --home HOME`: the settlement application, waiting for its CometBFT node."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from google.protobuf.internal import api_implementation

from abci_app.application.chain import Chain
from abci_app.application.rules import ExecutorFault
from abci_app.server.address import read_address
from abci_app.server.boot import check_against_marker
from abci_app.server.config import FILE, LogLevel, read_config
from abci_app.server.crash import end_on_failure, status_of
from abci_app.server.failpoint import VARIABLE, read_failpoint
from abci_app.server.handlers import Handlers
from abci_app.server.listener import Listener
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.logs import start_logs
from abci_app.server.refusal import Refusal
from abci_app.server.rollback import roll_back
from abci_app.server.signature_pool import SignaturePool
from abci_app.server.store_faults import StoreFault

DATA = "data"

_ENDING = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit status; see `crash` for those other than 0."""
    options = _parser().parse_args(arguments)
    try:
        require_sound_surroundings(sys.flags.optimize, api_implementation.Type(), os.environ)
        if options.rollback_to is not None:
            _roll_back(options.home, options.rollback_to)
        else:
            _run(options.home, options.socket, options.log_level, os.environ.get(VARIABLE))
    except (Refusal, StoreFault, ExecutorFault) as fault:
        sys.stderr.write(f"abci_app: {fault}\n")
        return status_of(fault)
    return 0


def require_sound_surroundings(optimized: int, protobuf: str, environment: Mapping[str, str]) -> None:
    """Refuse an interpreter, a protobuf or a database engine that would change speed, checks or format.

    Raises `Refusal`.
    """
    if optimized:
        raise Refusal(
            "expected Python with its assertions, came -O or PYTHONOPTIMIZE: they guard the ledger. Start without"
        )
    if protobuf != "upb":
        raise Refusal(
            f"expected protobuf's upb implementation, came {protobuf!r}, which is many times slower. "
            "Unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION, or install a protobuf wheel for this platform"
        )
    if "LMDB_DEFAULT_LIB_VERSION" in environment:
        raise Refusal(
            "expected no LMDB_DEFAULT_LIB_VERSION in the environment, which would choose the database's format; "
            f"came {environment['LMDB_DEFAULT_LIB_VERSION']!r}. Unset it"
        )


def _run(home: Path, socket: str | None, log_level: str | None, failpoint_setting: str | None) -> None:
    config = read_config(home)
    start_logs(log_level or config.log_level)
    end_on_failure()
    failpoint = read_failpoint(failpoint_setting)
    address = read_address(socket or config.socket, home)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while it loads, either signal just ends it
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as closing:
        listener = Listener(address)  # first: a second app must be told so before anything else happens
        closing.callback(listener.close)
        store = closing.enter_context(LmdbStore(home / DATA, config.map_size, failpoint=failpoint))
        signatures = SignaturePool()
        closing.callback(signatures.close)
        forest = check_against_marker(store)
        chain = Chain(store, signatures, forest)
        chain.try_rules()
        handlers = Handlers(chain, version("settlement-chain"), failpoint)
        gc.collect()
        gc.set_threshold(100_000, 50, 1000)  # transactions make no cycles: rare collections, short pauses
        gc.freeze()  # the tree lives as long as the program: no collection looks at it again
        _serve_until_told(listener, handlers)


def _roll_back(home: Path, height: int) -> None:
    """Instead of running: the state as after an earlier block. `StoreFault` where another process holds it."""
    if not (home / DATA).is_dir():
        raise Refusal(f"expected the data of a node in {home / DATA}, came no folder. Name the right --home")
    with LmdbStore(home / DATA, read_config(home).map_size) as store:
        app_hash = roll_back(store, height).app_hash()
    sys.stdout.write(f"rolled back to height {height}, app hash {app_hash.hex()}\n")


def _serve_until_told(listener: Listener, handlers: Handlers) -> None:
    # Before the first thread: threads inherit the mask, so the signals reach nobody but sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    listener.start(handlers.answer)
    log.info("ready", extra={"fields": {"address": str(listener.address)}})
    received = signal.sigwait(_ENDING)
    log.info("stopping", extra={"fields": {"signal": signal.Signals(received).name}})
    listener.close()  # before the store, which its connections still read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m abci_app",
        description="The settlement application. It waits for a CometBFT node and runs until it is told to stop.",
    )
    parser.add_argument(
        "--home", type=Path, required=True, help=f"folder of {FILE}, the socket and the data; made if missing"
    )
    parser.add_argument("--socket", help="overrides the setting: PATH, unix://PATH or tcp://127.0.0.1:PORT")
    parser.add_argument("--log-level", choices=get_args(LogLevel), help="overrides the setting")
    parser.add_argument(
        "--rollback-to", type=int, metavar="HEIGHT", help="do not run: go back to the state after this block, and end"
    )
    return parser
