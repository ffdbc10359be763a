"""Serves the fake chain as the program serves the real one: `serve_fake.py SOCKET METHOD FAULT`.

The METHOD raises the FAULT; `none none` raises nothing.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import lmdb

from abci_app.application.genesis import GenesisFault
from abci_app.application.rules import ExecutorFault
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.server.address import UnixAddress
from abci_app.server.crash import end_on_failure
from abci_app.server.handlers import Handlers
from abci_app.server.listener import Listener
from abci_app.server.logs import start_logs
from abci_app.server.store_faults import explain
from tests.abci.fake_chain import FakeChain

FAULTS: dict[str, Exception] = {
    "bug": ZeroDivisionError("a bug"),
    "assertion": AssertionError("genesis comes first"),
    "full": explain(lmdb.MapFullError("mdb_put"), Path("data"), 1),
    "genesis": GenesisFault("one", "another"),
    "executor": ExecutorFault(bytes(32), RuleRefused(RuleCode.VECTOR_FAILED, "vector 1", (1,), (2,))),
}

if __name__ == "__main__":
    where, method, fault = sys.argv[1:]
    chain = FakeChain()
    if method != "none":
        chain.raises[method] = FAULTS[fault]
    start_logs("info")
    end_on_failure()
    listener = Listener(UnixAddress(Path(where)))
    listener.start(Handlers(chain, "1").answer)
    signal.pause()
