"""Key files: what is written can be read back by its owner only, and every defect is named without the secret."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from abci_app.domain.members.schema import KeyGrant, ProposeKeys
from abci_app.kernel.roles import Role
from abci_app.kernel.signatures import verify
from settle.chain.errors import KeyFileError
from settle.chain.keys import Signer, generate, propose_keys, read_key

SECRET = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "maker.json"
    Signer(bytes.fromhex(SECRET), 7, Role.MAKER).write(file)
    return file


def test_a_key_comes_back_as_it_was_written(path: Path) -> None:
    signer = read_key(path)
    assert (signer.suite, signer.operator, signer.role) == (1, 7, Role.MAKER)
    assert signer.public == Signer(bytes.fromhex(SECRET), 7, Role.MAKER).public
    assert json.loads(path.read_text()) == {
        "suite": 1,
        "role": "maker",
        "operator": 7,
        "public": signer.public.hex(),
        "secret": SECRET,
    }


def test_a_key_file_is_for_its_owner_only(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_file_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        generate(1, Role.ADMIN).write(path)
    assert path.read_bytes() == before


def test_signatures_are_the_published_ones() -> None:
    """RFC 6979 over secp256k1 with low s: key 1, "Satoshi Nakamoto", a vector that many libraries carry."""
    signature = Signer((1).to_bytes(32, "big"), 1, Role.MAKER).sign(sha256(b"Satoshi Nakamoto").digest())
    assert signature.hex() == (
        "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
        "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"
    )


def test_signatures_have_64_bytes_and_a_low_s() -> None:
    signer = generate(1, Role.CHECKER)
    for number in range(100):
        digest = sha256(bytes((number,))).digest()
        signature = signer.sign(digest)
        assert len(signature) == 64
        assert int.from_bytes(signature[32:], "big") <= ORDER // 2
        assert verify(1, signer.public, digest, signature)


def test_a_new_key_proves_itself_for_one_chain_operator_and_role() -> None:
    chain = sha256(b"a chain").digest()
    signer = Signer(bytes.fromhex(SECRET), 7, Role.MAKER)
    digest = sha256(b"settlement/key/possession/1\0" + chain + b"\0\0\0\7" + b"\2" + signer.public).digest()
    assert verify(1, signer.public, digest, signer.possession(chain))
    revoked = generate(7, Role.MAKER).public
    proposal = propose_keys(chain, 3, (signer,), (revoked,))
    assert proposal == ProposeKeys(
        3, (KeyGrant(1, signer.public, Role.MAKER),), (revoked,), (signer.possession(chain),)
    )


def test_two_generated_keys_differ() -> None:
    assert generate(1, Role.MAKER).public != generate(1, Role.MAKER).public


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_file_that_others_can_touch_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(KeyFileError) as refusal:
        read_key(path)
    assert f"{mode:04o}" in str(refusal.value)
    assert "chmod 600" in refusal.value.next_step


def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError) as refusal:
        read_key(tmp_path / "absent.json")
    assert "absent.json" in str(refusal.value)
    assert "settle keys" in refusal.value.next_step


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("suite", 2, "suite 1"),
        ("suite", "1", "JSON"),
        ("role", "boss", "a role among admin, maker, checker"),
        ("operator", 0, "registry number"),
        ("operator", 2**32, "registry number"),
        ("public", "02" + "11" * 32, "which belongs to the secret"),
        ("secret", "00" * 32, "64 hex digits"),
        ("secret", f"{ORDER:x}", "64 hex digits"),
        ("secret", "no hex", "64 hex digits"),
        ("surplus", 1, "JSON"),
    ],
)
def test_every_defect_is_named_and_the_secret_is_not(path: Path, field: str, value: object, named: str) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(KeyFileError) as refusal:
        read_key(path)
    assert named in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"suite": 1}'])
def test_what_is_no_key_file_is_refused(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    with pytest.raises(KeyFileError, match=r"maker\.json"):
        read_key(path)


def test_printing_a_signer_shows_no_secret(path: Path) -> None:
    signer = read_key(path)
    assert SECRET not in repr(signer) + str(signer) + f"{signer!r}"
    assert not hasattr(signer, "__dict__")
