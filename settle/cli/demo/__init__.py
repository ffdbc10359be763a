"""`settle demo`: a month of four operators settled on four validators, in front of your eyes."""

from __future__ import annotations

from settle.cli.demo.command import app

__all__ = ["app"]
