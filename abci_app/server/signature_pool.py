"""Signature verification on two threads, with a memory of what was valid."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Lock

from abci_app.application.interface import Signed
from abci_app.kernel.signatures import verify

_THREADS = 2
_WORTH_A_THREAD = 64  # below this many, handing over costs more than it saves
_REMEMBERED = 65_536  # transactions; about 10 MB


class SignaturePool:
    """Fulfils `Signatures`: whether each signature is valid, in the order of the items. For any thread.

    What CheckTx found valid is not verified again in the block. Only validity is remembered, by
    the hash of the transaction's raw bytes, which fixes suite, key, digest and signature; never
    what the key may do. Invalid ones are not remembered: a flood of them would push out the valid.
    coincurve releases the interpreter's lock, so two threads use two cores.
    """

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._valid: OrderedDict[bytes, None] = OrderedDict()
        self._most = remembered
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="signatures")

    def valid(self, items: Sequence[Signed]) -> list[bool]:
        """Total: never raises for any contents of an item."""
        if len(items) == 1:  # CheckTx's case, once for every transaction
            return [self._one(items[0])]
        results = self._known(items)
        missing = [number for number, known in enumerate(results) if not known]
        if not missing:
            return results
        verified = self._verify([items[number] for number in missing])
        for number, is_valid in zip(missing, verified, strict=True):
            results[number] = is_valid
        self._remember([items[number].raw_hash for number in missing if results[number]])
        return results

    def close(self) -> None:
        """End the threads, after the work that they have."""
        self._threads.shutdown()

    def _one(self, item: Signed) -> bool:
        with self._lock:
            if item.raw_hash in self._valid:
                self._valid.move_to_end(item.raw_hash)
                return True
        is_valid = verify(item.suite, item.key, item.digest, item.signature)
        if is_valid:
            self._remember((item.raw_hash,))
        return is_valid

    def _known(self, items: Sequence[Signed]) -> list[bool]:
        with self._lock:
            results = [item.raw_hash in self._valid for item in items]
            for item, known in zip(items, results, strict=True):
                if known:
                    self._valid.move_to_end(item.raw_hash)
        return results

    def _verify(self, items: list[Signed]) -> list[bool]:
        if len(items) < _WORTH_A_THREAD:
            return _verify_each(items)
        share = -(-len(items) // _THREADS)
        shares = [items[start : start + share] for start in range(0, len(items), share)]
        return list(chain.from_iterable(self._threads.map(_verify_each, shares)))

    def _remember(self, hashes: Iterable[bytes]) -> None:
        with self._lock:
            for raw_hash in hashes:
                self._valid[raw_hash] = None
            while len(self._valid) > self._most:
                self._valid.popitem(last=False)


def _verify_each(items: list[Signed]) -> list[bool]:
    return [verify(item.suite, item.key, item.digest, item.signature) for item in items]
