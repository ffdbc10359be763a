"""Ed25519 against RFC 8032's vectors; what libraries are known to differ on is refused."""

from __future__ import annotations

import pytest

from abci_app.kernel.ed25519 import _ORDER, is_key, public_of, sign, verify

# RFC 8032, 7.1: secret seed, public key, message, signature of tests 1, 2 and 3.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
P = 2**255 - 19
# The points of small order by their y: 1, -1, 0 and the two of order 8 as libsodium's blocklist spells them
# (crypto_sign/ed25519/ref10, ge25519_has_small_order), each with its two signs.
Y_OF_ORDER_8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
SMALL_ORDER = [y | sign << 255 for y in (1, P - 1, 0, Y_OF_ORDER_8, P - Y_OF_ORDER_8) for sign in (0, 1)]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_verify(seed: str, public: str, message: str, signature: str) -> None:
    key, said, proof = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert is_key(key)
    assert verify(key, said, proof)
    assert public_of(bytes.fromhex(seed)) == key
    assert sign(bytes.fromhex(seed), said) == proof


@pytest.mark.parametrize("position", range(0, 64, 7))
def test_one_bit_elsewhere_is_no_signature(position: int) -> None:
    _, public, message, signature = (bytes.fromhex(part) for part in RFC_8032[2])
    bad = bytearray(signature)
    bad[position] ^= 1
    assert not verify(public, message, bytes(bad))
    assert not verify(public, message + b"\x00", signature)


@pytest.mark.parametrize("value", SMALL_ORDER, ids=lambda value: f"{value:x}"[:12])
def test_a_key_or_nonce_of_small_order_is_refused(value: int) -> None:
    raw = value.to_bytes(32, "little")
    _, public, message, signature = (bytes.fromhex(part) for part in RFC_8032[1])
    assert not is_key(raw)
    assert not verify(raw, message, raw + bytes(32)), "the identity as key signs anything in OpenSSL"
    assert not verify(public, message, raw + signature[32:])


def test_a_second_spelling_is_refused() -> None:
    _, public, message, signature = (bytes.fromhex(part) for part in RFC_8032[0])
    s = int.from_bytes(signature[32:], "little") + _ORDER
    assert not verify(public, message, signature[:32] + s.to_bytes(32, "little")), "S + L (RFC 8032, 8.4)"
    for y in range(P, 2**255, 3):
        assert not is_key(y.to_bytes(32, "little")), "y of P or more is another spelling of y - P"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_other_sizes_are_no_keys_and_no_signatures(size: int) -> None:
    assert not is_key(bytes(size))
    assert not verify(bytes(size), b"", bytes(64))
    assert not verify(bytes.fromhex(RFC_8032[0][1]), b"", bytes(2 * size))
