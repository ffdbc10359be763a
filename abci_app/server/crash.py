"""How the program ends when it must not go on."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import NoReturn

from abci_app.application.genesis import GenesisFault
from abci_app.application.rules import ExecutorFault
from abci_app.server.refusal import Refusal
from abci_app.server.store_faults import StoreFault

FAULT = 70
"""Exit status: a fault of ours. The statuses are those of BSD's sysexits(3)."""
STORAGE = 74
"""Exit status: the database or the disk, full or damaged."""
CONFIGURATION = 78
"""Exit status: a setting, a genesis file, a node or another running app does not fit, or the installation itself:
its executor does not give what a rule in force states."""

_STOPS = "a fault of this program: it stops rather than go on with a ledger that may be wrong"

log = logging.getLogger(__name__)


def end_on_failure() -> None:
    """From now on, an exception that leaves any thread ends the program at once.

    Nothing is tidied up: what is durable is in the database, and everything else may be wrong.
    The node, whose connection breaks, stops too; the supervisor starts both again.
    """
    threading.excepthook = _end


def status_of(fault: BaseException) -> int:
    """The exit status that the exception ends the program with."""
    match fault:
        case Refusal() | GenesisFault() | ExecutorFault():
            return CONFIGURATION
        case StoreFault():
            return STORAGE
        case _:
            return FAULT


def _end(failed: threading.ExceptHookArgs) -> NoReturn:
    fault = failed.exc_value or failed.exc_type()
    status = status_of(fault)
    if status == CONFIGURATION:
        log.critical(str(fault))
    else:
        advice = _STOPS if status == FAULT else str(fault)
        log.critical(advice, exc_info=(type(fault), fault, failed.exc_traceback))
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)
