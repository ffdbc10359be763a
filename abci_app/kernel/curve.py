"""Arithmetic on secp256k1 that always gives an answer: None stands for what libsecp256k1 cannot hold.

coincurve (libsecp256k1) has no point at infinity and no scalar 0 and raises where one would come out,
also for input that an attacker chose. Here every function is total, so verification code reads as algebra.
"""

from __future__ import annotations

from collections.abc import Iterable

from coincurve import PublicKey

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The number of points (SEC 2, 2.4.1); scalars are whole numbers below it."""
POINT_SIZE = 33
SCALAR_SIZE = 32


def read_point(raw: bytes) -> PublicKey | None:
    """The point that 33 compressed bytes name, or None: wrong size, x not below the prime, off the curve."""
    if len(raw) != POINT_SIZE:
        return None
    try:
        return PublicKey(raw)
    except ValueError:
        return None


def read_scalar(raw: bytes) -> int | None:
    """The scalar that 32 big-endian bytes name, or None if not below the order: each has one spelling."""
    scalar = int.from_bytes(raw, "big")
    return scalar if len(raw) == SCALAR_SIZE and scalar < ORDER else None


def write_scalar(scalar: int) -> bytes:
    """32 big-endian bytes of a scalar below the order."""
    return scalar.to_bytes(SCALAR_SIZE, "big")


def times(scalar: int, point: PublicKey) -> PublicKey | None:
    """scalar * point, any whole number; None is the point at infinity. One multiplication."""
    reduced = scalar % ORDER
    return point.multiply(write_scalar(reduced)) if reduced else None


def times_base(scalar: int) -> PublicKey | None:
    """scalar * G; None is the point at infinity. One multiplication, in constant time for a secret scalar."""
    reduced = scalar % ORDER
    return PublicKey.from_valid_secret(write_scalar(reduced)) if reduced else None


def total(points: Iterable[PublicKey | None]) -> PublicKey | None:
    """The sum; None, among the points or as the answer, is the point at infinity."""
    finite = [point for point in points if point is not None]
    if not finite:
        return None
    try:
        return PublicKey.combine_keys(finite)
    except ValueError:  # the points cancel out
        return None
