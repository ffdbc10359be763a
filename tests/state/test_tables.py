"""Tables: keys in the order of numbers, and no row that could not be read again."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest

from abci_app.kernel.encoding import U8, Value
from abci_app.state.overlay import Empty, Overlay
from abci_app.state.tables import Table


class Place(NamedTuple):
    house: int
    room: int


class Guests(Value, frozen=True):
    count: U8


GUESTS: Table[Place, Guests] = Table(1, 1, Place, "IB", Guests)


def test_rows_come_in_the_order_of_their_numbers() -> None:
    state = Overlay(Empty())
    for house, room in ((256, 1), (2, 255), (2, 3), (1, 0)):
        GUESTS.put(state, Place(house, room), Guests(room))
    assert [key for key, _ in GUESTS.rows(state)] == [(1, 0), (2, 3), (2, 255), (256, 1)]
    assert [row.count for _, row in GUESTS.rows(state, (2).to_bytes(4, "big"))] == [3, 255]


def test_a_row_outside_its_form_is_never_written() -> None:
    """msgspec checks what it reads, not what it is given: constructors take any number."""
    state = Overlay(Empty())
    with pytest.raises(msgspec.ValidationError):
        GUESTS.put(state, Place(1, 1), Guests(256))
    assert state.writes == {}
