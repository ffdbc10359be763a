"""`settle rule`: rules as text, as bundles, and as the chain has them. Each file holds one group of commands."""

from __future__ import annotations

from settle.cli.rule import authoring, bundles, chain, explaining, money, numbers, peak, signing, starting
from settle.cli.rule.noun import app

__all__ = ["app", "authoring", "bundles", "chain", "explaining", "money", "numbers", "peak", "signing", "starting"]
