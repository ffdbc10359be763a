"""Files that are whole or absent after a crash: written aside, synced, then renamed."""

from __future__ import annotations

import io
import os
from pathlib import Path

import polars as pl


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Puts `content` at `path` in one step."""
    aside = path.with_name(path.name + ".part")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # without it the new name may be lost
    finally:
        os.close(folder)


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Puts a frame at `path` as Parquet in one step."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    write_bytes(path, buffer.getbuffer())
