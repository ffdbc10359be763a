"""The noun that the commands of this folder belong to."""

from __future__ import annotations

from settle.cli.options import noun

app = noun("rule", "Rules: write, check, measure, build, publish, sign, compare with the chain.")
