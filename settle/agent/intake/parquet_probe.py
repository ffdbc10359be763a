"""Whether Parquet bytes can be read at all, tried in a process of its own.

A damaged Parquet file can abort the process that reads it (a wild length in a page header; seen with Polars 2.1),
which no exception handler survives. So a file whose digest nobody vouches for is first read by a child.
"""

from __future__ import annotations

import io
import subprocess
import sys

import polars as pl

LONGEST_SECONDS = 600


def is_readable(content: bytes) -> bool:
    """Reads `content` as Parquet in a child process; False where that fails in any way, a crash included."""
    command = [sys.executable, "-m", "settle.agent.intake.parquet_probe"]
    try:
        child = subprocess.run(command, input=content, capture_output=True, check=False, timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return child.returncode == 0


if __name__ == "__main__":
    pl.read_parquet(io.BytesIO(sys.stdin.buffer.read()))
