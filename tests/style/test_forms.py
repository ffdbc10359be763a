"""The forms that never change: bounded values, codes, hash tags, costs."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
from msgspec import inspect

from abci_app.application import costs, router, transaction
from abci_app.application.replay import Window
from abci_app.kernel.approvals import Advance, Approve
from abci_app.kernel.encoding import Value
from abci_app.kernel.facts import FactRecord
from abci_app.kernel.hashing import Tag
from abci_app.state.store import Marker

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path.name for path in (ROOT / "abci_app/domain").iterdir() if path.is_dir() and path.name != "__pycache__"
)


DASH = "\N{EN DASH}"
PLAIN = (
    inspect.BytesType,
    inspect.StrType,
    inspect.BoolType,
    inspect.EnumType,
    inspect.StructType,
    inspect.NoneType,
)


def _schema(module: str) -> ModuleType:
    return importlib.import_module(f"abci_app.domain.{module}.schema")


def _values() -> Iterator[type[Value]]:
    for module in MODULES:
        for thing in vars(_schema(module)).values():
            if isinstance(thing, type) and issubclass(thing, Value) and thing is not Value:
                yield thing
    yield from (Approve, Advance, FactRecord, Marker, Window, transaction.Body)


@pytest.mark.parametrize("kind", sorted(set(_values()), key=lambda kind: f"{kind.__module__}.{kind.__name__}"))
def test_every_field_of_a_value_is_bounded_and_has_one_spelling(kind: type[Value]) -> None:
    config = kind.__struct_config__
    assert config.frozen
    assert config.array_like
    assert config.forbid_unknown_fields
    assert not kind.__struct_defaults__, "no field has a default"
    for field in inspect.type_info(kind).fields:  # type: ignore[attr-defined]  # a struct's info has fields
        _check(field.type, f"{kind.__name__}.{field.name}")


def _check(form: inspect.Type, where: str) -> None:
    if isinstance(form, inspect.IntType):
        assert None not in (form.ge, form.le), f"{where}: an integer without bounds"
    elif isinstance(form, inspect.VarTupleType):
        _check(form.item_type, where)
    elif isinstance(form, inspect.TupleType):
        for item in form.item_types:
            _check(item, where)
    elif isinstance(form, inspect.UnionType):
        for item in form.types:
            _check(item, where)
    else:
        assert isinstance(form, PLAIN), f"{where}: {type(form).__name__} is not a form of messages, facts and rows"


def codes_by_number() -> dict[int, str]:
    """Every code of every module: number to module.NAME. Raises AssertionError where a number has two meanings."""
    found: dict[int, str] = {}
    enums: list[tuple[str, type[IntEnum]]] = [(module, _schema(module).Code) for module in MODULES]
    for name, codes in [*enums, ("transaction", transaction.Code)]:
        for code in codes:
            assert code not in found, f"{code} has two meanings"
            found[int(code)] = f"{name}.{code.name}"
    return found


def test_codes_are_the_frozen_table() -> None:
    """docs/reference/codes.csv only grows. A new code is added there by hand, in the same commit."""
    with (ROOT / "docs/reference/codes.csv").open(encoding="utf-8") as file:
        frozen = {int(row["code"]): row["name"] for row in csv.DictReader(file)}
    assert codes_by_number() == frozen


def test_hash_tags_are_the_frozen_table() -> None:
    """docs/reference/hash-tags.csv only grows."""
    with (ROOT / "docs/reference/hash-tags.csv").open(encoding="utf-8") as file:
        frozen = {row["name"]: row["tag"] for row in csv.DictReader(file)}
    assert {tag.name: tag.value.rstrip(b"\0").decode() for tag in Tag} == frozen


def test_every_message_has_a_cost_and_an_owner() -> None:
    messages = set(get_args(router.Message))
    assert messages == set(costs.COSTS)
    assert messages - {Approve, Advance} == set(router.BY_MESSAGE)


def test_every_fact_has_one_owner_and_a_tag_of_its_module() -> None:
    for module in MODULES:
        union = _schema(module).Fact
        for kind in get_args(union) or (union,):
            tag = kind.__struct_config__.tag
            assert tag.startswith(f"{module}."), tag
            assert router.BY_FACT[kind].name == module
    assert set(router.BY_FACT) == set(get_args(router.Fact))


def test_every_code_stands_in_its_modules_specification() -> None:
    for module in MODULES:
        text = (ROOT / "abci_app/domain" / module / "README.md").read_text(encoding="utf-8")
        missing = [f"{code.value} {code.name}" for code in _schema(module).Code if str(code.value) not in text]
        assert not missing or _ranges_cover(text, missing), f"{module}/README.md does not list {missing}"


def _ranges_cover(text: str, missing: list[str]) -> bool:
    """Whether a span of two numbers with a dash between them, as the specifications write it, names the missing."""
    spans = [part.split(DASH) for part in text.replace(",", " ").split() if DASH in part]
    bounds = [(int(a), int(b)) for a, b in (s for s in spans if len(s) == 2) if a.isdigit() and b.isdigit()]
    return all(any(low <= int(entry.split()[0]) <= high for low, high in bounds) for entry in missing)
