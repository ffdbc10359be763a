"""The authenticated tree: an immutable crit-bit trie over byte keys, hashed as CometBFT's crypto/merkle.

A leaf hashes to sha256(00 ‖ varint(len key) ‖ key ‖ 20 ‖ sha256(value)), an inner node to
sha256(01 ‖ left ‖ right): the forms of CometBFT's `ValueOp` and of ICS-23's TendermintSpec.
The shape follows from the set of keys alone, so the root says nothing about their history,
and a rebuild from sorted rows must give it again.

A key is read as bits, nine per byte: a 1 ("here is a byte"), then the byte's eight; after the
end come 0s. So no key is a prefix of another, and the order of bits is the order of bytes. Two
keys fork at the first bit that differs. An inner node stands at the fork of its two sides; forks
grow downwards, hence the depth of a leaf is at most the number of bits of its key. Nothing here
recurses: CPython's minors differ in how deep they may. (`==` on nodes does: compare roots.)

Nodes are plain tuples: the garbage collector stops tracking those (a million tracked nodes
would cost it 0.1 s again and again), which it does not do for instances or named tuples.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from hashlib import sha256
from operator import ge
from typing import TypeAlias

from abci_app.kernel.merkle import EMPTY_ROOT

LONGEST_KEY = 511

Leaf: TypeAlias = tuple[bytes, bytes, bytes]
"""(hash, key, sha256 of the value)"""
Inner: TypeAlias = "tuple[bytes, int, Node, Node, bytes]"
"""(hash, fork, left, right, first key below)"""
Node: TypeAlias = "Leaf | Inner"
Tree: TypeAlias = "Node | None"
"""None is the tree without keys."""
Change: TypeAlias = tuple[bytes, bytes | None]
"""A key with the sha256 of its new value; None deletes it."""

_NEVER = 9 * (LONGEST_KEY + 1)
"""The fork of a key with itself: beyond every real one."""
_UNKNOWN = -1


def _varint(number: int) -> bytes:
    """Protobuf's form of an unsigned number, for up to 14 bits."""
    return bytes((number,)) if number < 0x80 else bytes((number & 0x7F | 0x80, number >> 7))


_LEAF_HEADS = tuple(b"\x00" + _varint(length) for length in range(LONGEST_KEY + 1))


def leaf_hash(key: bytes, value_hash: bytes) -> bytes:
    """The hash of one pair. The key has at most 511 bytes (else IndexError), `value_hash` has 32."""
    return sha256(_LEAF_HEADS[len(key)] + key + b"\x20" + value_hash).digest()


def root(tree: Tree) -> bytes:
    """The root hash, 32 bytes; of no keys the sha256 of an empty string, as crypto/merkle has it."""
    return EMPTY_ROOT if tree is None else tree[0]


def build(pairs: Iterable[tuple[bytes, bytes]]) -> Tree:
    """The tree over (key, sha256 of value), sorted by key, each key once (else ValueError)."""
    return _join((_leaf(key, value_hash), _UNKNOWN) for key, value_hash in pairs)


def apply(tree: Tree, changes: Sequence[Change]) -> Tree:
    """The tree after `changes`, sorted by key, each key once (else ValueError).

    Deleting an absent key changes nothing. The old tree stays as it was and shares every
    untouched part: the work grows with the changes and the depth, not with the tree.
    """
    keys = [key for key, _ in changes]
    if any(map(ge, keys, keys[1:])):
        raise ValueError("changes must ascend by key, each key once")
    return _join(_Cut(tree, changes, keys).parts) if changes else tree


def _first_key(node: Node) -> bytes:
    return node[1] if len(node) == 3 else node[4]


def _fork(one: bytes, other: bytes) -> int:
    """The position of the first differing bit of two keys; `_NEVER` for equal ones."""
    shorter = min(len(one), len(other))
    differing = int.from_bytes(one[:shorter], "big") ^ int.from_bytes(other[:shorter], "big")
    if differing:
        bit = 8 * shorter - differing.bit_length()
        return bit + (bit >> 3) + 1
    return _NEVER if len(one) == len(other) else 9 * shorter


def _right_side(of: bytes, fork: int) -> bytes:
    """The lowest key on the right of a fork, among keys that agree with `of` up to it."""
    byte, bit = divmod(fork, 9)
    if bit == 0:  # the left side ends here
        return of[:byte] + b"\x00"
    kept = of[byte] & (0xFF00 >> (bit - 1)) & 0xFF
    return of[:byte] + bytes((kept | 0x80 >> (bit - 1),))


def _bit(key: bytes, position: int) -> int:
    byte, bit = divmod(position, 9)
    if byte >= len(key):
        return 0
    return key[byte] >> (8 - bit) & 1 if bit else 1


def _leaf(key: bytes, value_hash: bytes) -> Leaf:
    return leaf_hash(key, value_hash), key, value_hash


def _join(parts: Iterable[tuple[Node, int]]) -> Tree:
    """One tree over subtrees given in key order, each with its fork from the part before it.

    Neighbours fork where their first keys do. The lowest fork of a row of parts divides it, so
    the tree is the Cartesian tree of the forks, and a stack of open left sides builds it in one
    pass (Vuillemin 1980).
    """
    lefts: list[Node] = []
    forks: list[int] = []
    last: Node | None = None
    for part, known in parts:
        if last is not None:
            fork = _fork_between(last, part) if known == _UNKNOWN else known
            while forks and forks[-1] > fork:
                last = _inner(forks.pop(), lefts.pop(), last)
            forks.append(fork)
            lefts.append(last)
        last = part
    if last is not None:
        while forks:
            last = _inner(forks.pop(), lefts.pop(), last)
    return last


def _fork_between(before: Node, after: Node) -> int:
    one, other = _first_key(before), _first_key(after)
    if one >= other:
        raise ValueError(f"keys must ascend, each once: {other.hex()} came after {one.hex()}")
    return _fork(one, other)


def _inner(fork: int, left: Node, right: Node) -> Inner:
    return sha256(b"\x01" + left[0] + right[0]).digest(), fork, left, right, _first_key(left)


class _Cut:
    """The untouched parts of an old tree and the new leaves, in key order, as `_join` takes them.

    Work waits on a stack, leftmost on top: a node of the old tree (None: nothing was there), its
    fork from what stands before it, and the range of changes among or beside its keys.

    A part keeps its fork from the part before it. Where a leaf is dropped, the fork of its
    neighbours is the lower of the two around it; where a key is new, `_UNKNOWN` (lower than any
    fork, so it wins) stands on both sides.
    """

    __slots__ = ("_changes", "_gap", "_waiting", "parts")

    def __init__(self, tree: Tree, changes: Sequence[Change], keys: Sequence[bytes]) -> None:
        self.parts: list[tuple[Node, int]] = []
        self._gap = _NEVER  # the lowest fork since the last part
        self._changes = changes
        self._waiting: list[tuple[Tree, int, int, int]] = [(tree, _NEVER, 0, len(changes))]
        while self._waiting:
            node, before, low, high = self._waiting.pop()
            if node is None:
                self._insert(low, high)
            elif low == high:
                self._keep(node, before)
            elif low + 1 == high:
                self._follow(node, before, low)
            else:
                self._divide(node, before, low, high, keys)

    def _divide(self, node: Node, before: int, low: int, high: int, keys: Sequence[bytes]) -> None:
        """Several changes: give each side of the node its own."""
        if len(node) == 3:
            middle = bisect_left(keys, node[1], low, high)
            beyond = middle + (middle < high and keys[middle] == node[1])
            self._waiting += ((None, 0, beyond, high), (node, before, middle, beyond), (None, 0, low, middle))
            return
        _, own_fork, left, right, first = node
        fork = min(own_fork, _fork(first, keys[low]), _fork(first, keys[high - 1]))
        boundary = _right_side(first, fork)
        middle = bisect_left(keys, boundary, low, high)
        if fork == own_fork:
            self._waiting += ((right, fork, middle, high), (left, before, low, middle))
        elif first < boundary:  # the changes from `middle` on lie to the right of this node
            self._waiting += ((None, 0, middle, high), (node, before, low, middle))
        else:
            self._waiting += ((node, before, middle, high), (None, 0, low, middle))

    def _follow(self, node: Node, before: int, at: int) -> None:
        """A single change: walk down to its place with one comparison of keys in all."""
        key, value_hash = self._changes[at]
        nearest = node
        while len(nearest) == 5:
            nearest = nearest[3] if _bit(key, nearest[1]) else nearest[2]
        fork = _fork(nearest[1], key)
        while len(node) == 5 and node[1] < fork:
            _, own_fork, left, right, _ = node
            if _bit(key, own_fork):
                self._keep(left, before)
                node, before = right, own_fork
            else:
                self._waiting.append((right, own_fork, at, at))
                node = left
        if fork != _NEVER:
            beside = ((node, before, at, at), (None, 0, at, at + 1))
            self._waiting += beside if key < nearest[1] else beside[::-1]
        elif value_hash is None:
            self._gap = min(before, self._gap)
        else:
            self._keep(_leaf(key, value_hash), before)

    def _keep(self, part: Node, fork: int) -> None:
        self.parts.append((part, min(fork, self._gap)))
        self._gap = _NEVER

    def _insert(self, low: int, high: int) -> None:
        for key, value_hash in self._changes[low:high]:
            if value_hash is not None:
                self.parts.append((_leaf(key, value_hash), _UNKNOWN))
                self._gap = _UNKNOWN
