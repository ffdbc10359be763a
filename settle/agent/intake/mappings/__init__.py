"""The layouts and trunk maps that come with the package, as TOML files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
"""Holds one folder per set of switches; `sip` serves `settle demo --records sip`."""
