"""Going through a tree without knowing its node types: every part, and a tree with one part replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, TypeVar, cast

import msgspec

from abci_app.rules.tree import Node

Path: TypeAlias = tuple[int, ...]
"""Where a part is: the number of the field or item, from the root down."""
N = TypeVar("N", bound=Node)


def parts_of(root: object, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every node below and with `root`, in the order of the text."""
    if isinstance(root, Node):
        yield path, root
    for at, one in enumerate(_inside(root)):
        yield from parts_of(one, (*path, at))


def replaced(root: N, path: Path, part: object) -> N:
    """The tree with another part at this place. The other parts are the same objects."""
    return cast("N", _replaced(root, path, part))


def _replaced(root: object, path: Path, part: object) -> object:
    if not path:
        return part
    at, *rest = path
    inside = _inside(root)
    inside[at] = _replaced(inside[at], tuple(rest), part)
    return type(root)(*inside) if isinstance(root, Node) else tuple(inside)


def _inside(part: object) -> list[object]:
    if isinstance(part, msgspec.Struct):
        return [getattr(part, name) for name in part.__struct_fields__]
    return list(part) if isinstance(part, tuple) else []
