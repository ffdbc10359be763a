"""Money, encoding, Merkle roots, signatures and approvals against values that others published."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from abci_app.kernel.approvals import Signature, Standing, Verdict, administrators, both_make_and_check, standing
from abci_app.kernel.encoding import U32, Decoder, Malformed, Value, encode, nesting_within
from abci_app.kernel.hashing import Tag
from abci_app.kernel.merkle import EMPTY_ROOT, leaf, root
from abci_app.kernel.money import Rounding, divide, mul_div, to_minor_units
from abci_app.kernel.roles import Role
from abci_app.kernel.signatures import is_key, verify

CNY, JPY = 156, 392


@pytest.mark.parametrize(  # the table of IEEE 754-2019, 4.3, and of java.math.RoundingMode's documentation
    ("tenths", "floor", "ceil", "trunc", "half_up", "half_even"),
    [(55, 5, 6, 5, 6, 6), (25, 2, 3, 2, 3, 2), (16, 1, 2, 1, 2, 2), (11, 1, 2, 1, 1, 1), (10, 1, 1, 1, 1, 1),
     (-10, -1, -1, -1, -1, -1), (-11, -2, -1, -1, -1, -1), (-16, -2, -1, -1, -2, -2), (-25, -3, -2, -2, -3, -2),
     (-55, -6, -5, -5, -6, -6)],
)  # fmt: skip
def test_roundings_are_those_of_the_standards(
    tenths: int, floor: int, ceil: int, trunc: int, half_up: int, half_even: int
) -> None:
    assert [divide(tenths, 10, rounding) for rounding in Rounding] == [floor, ceil, trunc, half_up, half_even]


@pytest.mark.parametrize("divisor", [0, -1])
def test_nothing_is_divided_by_zero_or_less(divisor: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        divide(1, divisor, Rounding.FLOOR)


def test_a_rate_times_a_volume_is_rounded_once() -> None:
    # 36 s at 0.006 a minute: cgrates issue 118, where the program was wrong; rate 10^-9, amount 10^-6
    assert mul_div(36_000, 6_000_000, 60_000 * 1000, Rounding.HALF_UP) == 3_600


def test_minor_units_follow_the_currency() -> None:
    assert to_minor_units(1_005_000, CNY, Rounding.HALF_UP) == 1_010_000
    assert to_minor_units(1_499_999, JPY, Rounding.HALF_UP) == 1_000_000


def test_merkle_roots_are_those_of_certificate_transparency() -> None:
    # inputs and roots of google/certificate-transparency's merkle_tree_test (RFC 6962 hashing)
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    leaves = [leaf(bytes.fromhex(data)) for data in inputs]
    assert [root(leaves[: n + 1]).hex() for n in range(8)] == roots
    assert sha256(b"").digest() == EMPTY_ROOT


def test_a_signature_has_one_spelling_and_one_key() -> None:
    # secp256k1, private key 1: its public key is the generator, SEC 2 section 2.4.1
    generator = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    key = PrivateKey((1).to_bytes(32, "big"))
    assert key.public_key.format() == generator
    assert is_key(1, generator)
    assert not is_key(2, generator)
    assert not is_key(1, key.public_key.format(compressed=False))


@given(st.integers(), st.binary(max_size=70), st.binary(max_size=40), st.binary(max_size=70))
def test_verification_is_total(suite: int, key: bytes, digest: bytes, signature: bytes) -> None:
    assert verify(suite, key, digest, signature) is False
    assert verify(1, key, digest, signature) is False


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_verification_is_total_for_whole_sizes(digest: bytes, signature: bytes) -> None:
    generator = PrivateKey((1).to_bytes(32, "big")).public_key.format()
    assert verify(1, generator, digest, signature) is False


class Pair(Value, frozen=True, tag="pair"):
    left: U32
    right: bytes


read_pair: Decoder[Pair] = Decoder(Pair)


@given(st.integers(0, 2**32 - 1), st.binary(max_size=300))
def test_a_value_reads_back_as_itself(left: int, right: bytes) -> None:
    value = Pair(left, right)
    assert read_pair(encode(value)) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc0",
        encode(["pair", -1, b""]),
        encode(["pair", 2**32, b""]),
        encode(["pair", 5.0, b""]),
        encode(["pair", True, b""]),
        encode(["pair", 1, "text"]),
        encode(["pair", 1]),
        encode(["pair", 1, b"", 0]),
        encode(["other", 1, b""]),
        encode({"left": 1, "right": b""}),
        b"\x93\xa4pair\xcc\x05\xc4\x00",  # 5 in two bytes
        b"\xdc\x00\x03\xa4pair\x05\xc4\x00",  # an array head in three bytes
        encode(Pair(1, b"")) + b"\x00",
        encode(Pair(1, b""))[:-1],
    ],
)
def test_there_is_one_spelling_of_a_value(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_pair(raw)


_json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def _depth(value: object) -> int:
    items = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(_depth(item) for item in items) if isinstance(items, list) and items else 0


@given(_json_like)
def test_nesting_is_measured_as_it_is(value: object) -> None:
    raw = msgspec.msgpack.encode(value)
    depth = _depth(value)
    assert nesting_within(raw, depth)
    assert depth == 0 or not nesting_within(raw, depth - 1)
    assert not nesting_within(raw[:-1], depth)
    assert not nesting_within(raw + b"\x00", depth)


@given(st.binary(max_size=200))
def test_nesting_never_raises(raw: bytes) -> None:
    assert nesting_within(raw, 16) in (True, False)


def test_no_tag_is_the_prefix_of_another() -> None:
    tags = [tag.value for tag in Tag]
    assert all(tag.endswith(b"\0") and tag.count(b"\0") == 1 and tag.isascii() for tag in tags)
    assert len(set(tags)) == len(tags)


def _by(operator: int, role: Role, verdict: Verdict = Verdict.APPROVE, which: int = 0) -> Signature:
    return Signature(operator, role, bytes((which,)) * 33, verdict)


def test_both_parties_make_and_check() -> None:
    policy = both_make_and_check(1, 2)
    given_ = [_by(1, Role.MAKER), _by(1, Role.CHECKER), _by(2, Role.MAKER)]
    assert standing(policy, given_) == Standing.OPEN
    assert standing(policy, [*given_, _by(2, Role.CHECKER)]) == Standing.MET
    assert standing(policy, [*given_, _by(2, Role.CHECKER, Verdict.REFUSE)]) == Standing.REFUSED
    assert standing(policy, [*given_, _by(3, Role.CHECKER, Verdict.REFUSE)]) == Standing.OPEN, "nobody asked them"


def test_two_administrators_sign_where_there_are_two() -> None:
    one = [_by(1, Role.ADMIN)]
    assert standing(administrators(1, active=1), one) == Standing.MET
    assert standing(administrators(1, active=3), one) == Standing.OPEN
    assert standing(administrators(1, active=3), [*one, _by(1, Role.ADMIN, which=1)]) == Standing.MET
