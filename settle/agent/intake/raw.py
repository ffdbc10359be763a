"""The bytes of a delivered file: their hash as delivered, and their content unpacked."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from settle.agent.intake.bad_input import BadInput

LARGEST_CONTENT: Final = 8 * 2**30
"""Bytes of one file after unpacking; more is refused before it fills the memory."""
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"


@dataclass(frozen=True)
class RawFile:
    """`digest` is the SHA-256 of the file as delivered, `content` the bytes after unpacking gzip."""

    path: Path
    digest: bytes
    content: bytes

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name

    @property
    def is_parquet(self) -> bool:
        """Whether the content starts as Parquet files do."""
        return self.content.startswith(_PARQUET)


def read_raw(path: Path) -> RawFile:
    """Reads a file, plain or gzip. Raises `BadInput` where it is absent, empty, cut short or damaged."""
    try:
        delivered = path.read_bytes()
    except OSError as fault:
        raise BadInput(
            file=path.name,
            expected="a readable file",
            came=fault.strerror or type(fault).__name__,
            next_step="check the path and its permissions",
        ) from fault
    content = _unpacked(path.name, delivered) if delivered.startswith(_GZIP) else delivered
    if not content:
        raise BadInput(
            file=path.name,
            expected="records",
            came="an empty file",
            next_step="ask the switch for the file again; a period without traffic has a file with its header only",
        )
    return RawFile(path, sha256(delivered).digest(), content)


def require_text(raw: RawFile) -> None:
    """Refuses content that is no UTF-8 text. Raises `BadInput` with the row of the first wrong byte."""
    again = "deliver the file as UTF-8 text, or as Parquet, or gzip of either"
    zero = raw.content.find(b"\0")
    if zero >= 0:
        row = raw.content.count(b"\n", 0, zero) + 1
        raise BadInput(file=raw.name, expected="text", came=f"a zero byte at offset {zero}", next_step=again, row=row)
    if raw.content.isascii():
        return
    try:
        raw.content.decode("utf-8")
    except UnicodeDecodeError as fault:
        row = raw.content.count(b"\n", 0, fault.start) + 1
        came = f"byte {raw.content[fault.start]:#04x} at offset {fault.start}"
        raise BadInput(file=raw.name, expected="UTF-8 text", came=came, next_step=again, row=row) from fault


def _unpacked(name: str, delivered: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(delivered)) as packed:
            content = packed.read(LARGEST_CONTENT + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
        raise BadInput(
            file=name, expected="a whole gzip file", came=str(fault), next_step="deliver the file again"
        ) from fault
    if len(content) > LARGEST_CONTENT:
        raise BadInput(
            file=name,
            expected=f"at most {LARGEST_CONTENT} bytes after unpacking",
            came="more",
            next_step="deliver the records in several files",
        )
    return content
