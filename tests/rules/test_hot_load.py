"""Hot load: from a bundle's bytes to a rule that can be called, at most 20 ms (RULES.md "Running")."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import pytest

from abci_app.rules.bundle import load_bundle, read_bundle
from abci_app.rules.codes import RejectedByRule
from settle.rules.build import build_bundle
from settle.rules.plugin import SHIPPED

MOST = 0.020
"""Seconds of this process's CPU: decoding, the checker's proof, tables, compiling, and every vector run."""


@pytest.mark.parametrize("folder", sorted(SHIPPED.glob("*/v*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_rule_is_callable_within_20_milliseconds_of_its_bytes(folder: Path) -> None:
    raw = build_bundle(folder)
    first = read_bundle(raw).vectors[0]
    seconds = []
    for _ in range(5):
        started = time.process_time()
        rule = load_bundle(raw)
        try:
            given = rule.call(first.entry, *first.arguments)
        except RejectedByRule:
            given = ()
        seconds.append(time.process_time() - started)
        assert given == first.results
    assert median(seconds) <= MOST, f"{median(seconds) * 1e3:.1f} ms"
