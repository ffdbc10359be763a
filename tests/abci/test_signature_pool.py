from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from hashlib import sha256

import pytest
from coincurve import PrivateKey
from coincurve.ecdsa import der_to_cdata, serialize_compact
from hypothesis import given, settings
from hypothesis import strategies as st

from abci_app.application.interface import Signed
from abci_app.server import signature_pool
from abci_app.server.signature_pool import SignaturePool

KEY = PrivateKey(b"\x01" * 32)


def signed(number: int, good: bool = True) -> Signed:
    raw = number.to_bytes(4, "big") + bytes((good,))
    digest = sha256(raw).digest()
    signature = serialize_compact(der_to_cdata(KEY.sign(digest, hasher=None)))
    if not good:
        digest = sha256(b"another").digest()
    return Signed(sha256(raw).digest(), 1, KEY.public_key.format(), digest, signature)


@pytest.fixture
def pool() -> Iterator[SignaturePool]:
    pool = SignaturePool()
    yield pool
    pool.close()


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The digests that were really verified."""
    seen: list[bytes] = []
    verify = signature_pool.verify

    def counted(suite: int, key: bytes, digest: bytes, signature: bytes) -> bool:
        seen.append(digest)
        return verify(suite, key, digest, signature)

    monkeypatch.setattr(signature_pool, "verify", counted)
    return seen


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 500])
def test_answers_are_in_the_order_of_the_items(pool: SignaturePool, count: int) -> None:
    chance = random.Random(count)
    wanted = [chance.random() < 0.5 for _ in range(count)]
    items = [signed(number, good) for number, good in enumerate(wanted)]
    assert pool.valid(items) == wanted
    assert pool.valid(items[::-1]) == wanted[::-1]  # and from memory


def test_a_small_batch_stays_on_the_asking_thread(pool: SignaturePool, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()
    monkeypatch.setattr(signature_pool, "verify", lambda *_: threads.add(threading.get_ident()) is None)
    assert pool.valid([signed(number) for number in range(63)]) == [True] * 63
    assert threads == {threading.get_ident()}


def test_a_large_batch_is_shared_by_two_threads(pool: SignaturePool, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()
    both = threading.Barrier(2, timeout=10)

    def verify(*_: object) -> bool:
        if threading.get_ident() not in threads:
            threads.add(threading.get_ident())
            both.wait()  # breaks unless another thread comes too
        return True

    monkeypatch.setattr(signature_pool, "verify", verify)
    assert pool.valid([signed(number) for number in range(64)]) == [True] * 64
    assert len(threads) == 2


def test_what_was_valid_is_not_verified_again(pool: SignaturePool, verified: list[bytes]) -> None:
    items = [signed(number) for number in range(5)]
    pool.valid(items[:3])
    pool.valid(items)
    assert len(verified) == 5


def test_what_was_invalid_takes_no_place_in_the_memory(verified: list[bytes]) -> None:
    pool = SignaturePool(remembered=1)
    good, bad = signed(1), signed(2, good=False)
    assert pool.valid([good]) == [True]
    assert pool.valid([bad, bad]) == [False, False]
    assert pool.valid([good]) == [True]
    assert len(verified) == 3
    pool.close()


def test_the_memory_forgets_what_was_longest_unused(verified: list[bytes]) -> None:
    pool = SignaturePool(remembered=2)
    one, two, three = signed(1), signed(2), signed(3)
    pool.valid([one, two])
    pool.valid([one])
    pool.valid([three])  # two goes
    verified.clear()
    assert pool.valid([one, three]) == [True, True]
    assert verified == []
    assert pool.valid([two]) == [True]
    assert len(verified) == 1
    pool.close()


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(
            Signed,
            st.binary(min_size=32, max_size=32),
            st.integers(0, 255),
            st.binary(max_size=40) | st.just(KEY.public_key.format()),
            st.binary(max_size=40),
            st.binary(max_size=70) | st.binary(min_size=64, max_size=64),
        ),
        max_size=5,
    )
)
def test_any_contents_get_an_answer(items: list[Signed]) -> None:
    pool = SignaturePool()
    assert pool.valid(items) == [False] * len(items)
    pool.close()


def test_many_threads_may_ask_at_once(pool: SignaturePool) -> None:
    items = [signed(number, good=number % 3 > 0) for number in range(200)]
    wanted = [number % 3 > 0 for number in range(200)]
    answers: list[list[bool]] = []
    threads = [threading.Thread(target=lambda: answers.append(pool.valid(items))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [wanted] * 6
