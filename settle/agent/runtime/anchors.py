"""Which record files belong to a period, and their anchors.

Every file that holds a leg of a period is anchored there as a whole, in the stream that our own stream was given
there. Places are kept before they are sent; where they were lost, the chain's anchors tell them by their roots.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

from abci_app.domain.periods.schema import MOST_STREAMS, AnchorUsage, Code, StreamReference, UsageAnchored
from abci_app.kernel.encoding import Value
from settle.agent.intake.stream import Receipt, Stream
from settle.agent.runtime.desk import ActionKind, Desk, Wish
from settle.agent.runtime.rating import Side
from settle.agent.vault import FileRoot, Placed

_TOO_EARLY: Final = frozenset({int(Code.SEQUENCE_OUT_OF_TURN)})
"""An anchor that overtook its predecessor on the way."""


class File(NamedTuple):
    """A record file of ours."""

    stream: Stream
    receipt: Receipt

    @property
    def name(self) -> tuple[str, int]:
        """Its stream and its sequence there."""
        return self.receipt.stream, self.receipt.sequence


class LegIndex:
    """When each file's legs start, by peer and units. Remembered per file and generation."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, int, int], pl.DataFrame] = {}

    def has_legs(self, side: Side, file: File) -> bool:
        """Whether a file's legs with this peer reach into the period."""
        receipt = file.receipt
        known = (receipt.stream, receipt.sequence, receipt.generation)
        spans = self._spans.get(known)
        if spans is None:
            spans = (
                file.stream.legs(receipt)
                .group_by("peer", "own_unit", "unit")
                .agg(pl.col("start_ms").min().alias("first"), pl.col("start_ms").max().alias("last"))
                .collect()
            )
            self._spans[known] = spans
        own_unit, unit = side.units
        dates = side.known.dates
        found = spans.filter(
            (pl.col("peer") == side.peer)
            & (pl.col("own_unit") == own_unit)
            & (pl.col("unit") == unit)
            & (pl.col("first") < dates.usage_to * 1000)
            & (pl.col("last") >= dates.usage_from * 1000)
        )
        return found.height > 0


def files_of(desk: Desk, side: Side, index: LegIndex) -> list[File]:
    """The files that hold a leg of the period, by stream and sequence."""
    files = [File(stream, receipt) for stream, receipt in desk.files]
    return [file for file in files if index.has_legs(side, file)]


def late_files(desk: Desk, side: Side, index: LegIndex) -> list[File]:
    """Files with legs of a period past its cut-off that are in none of its anchors."""
    anchored = {anchor.root for anchor in desk.model.anchors(side.known.key, side.party)}
    return [file for file in files_of(desk, side, index) if desk.vault.root_of(*file).root not in anchored]


def anchored_files(desk: Desk, side: Side, streams: tuple[StreamReference, ...]) -> list[File] | None:
    """The files behind the anchors that a declaration covers; None where one of them is not in the vault."""
    covered = {reference.stream: reference.sequence for reference in streams}
    ours = {desk.vault.root_of(*file).root: File(*file) for file in desk.files}
    found = []
    for anchor in desk.model.anchors(side.known.key, side.party):
        if anchor.sequence <= covered.get(anchor.stream, 0):
            file = ours.get(anchor.root)
            if file is None:
                return None
            found.append(file)
    return found


def streams_of(desk: Desk, side: Side) -> tuple[StreamReference, ...]:
    """All of our streams of a period as the chain has them: what a declaration names."""
    last: dict[int, UsageAnchored] = {}
    for anchor in desk.model.anchors(side.known.key, side.party):
        last[anchor.stream] = anchor
    return tuple(StreamReference(number, anchor.sequence, anchor.running) for number, anchor in sorted(last.items()))


def want_anchors(desk: Desk, side: Side, index: LegIndex, revision: int = 1) -> bool:
    """Have every file of the period anchored. Whether none of them is still on its way.

    `revision`: 1 before the cut-off; later the re-issue that late files are anchored for.
    """
    key = side.known.key
    anchored = {anchor.root for anchor in desk.model.anchors(key, side.party)}
    settled = True
    for file, placed in _places(desk, side, index, revision):
        root = desk.vault.root_of(*file)
        if root.root in anchored or placed.revision != revision:
            continue
        result = desk.want(_anchor_wish(side, root, placed))
        settled = settled and result is not None and result.code != 0
    return settled


def _anchor_wish(side: Side, root: FileRoot, placed: Placed) -> Wish:
    known = side.known
    late = placed.revision > 1

    def messages() -> list[Value]:
        return [AnchorUsage(*known.key, placed.number, placed.sequence, root.root, root.totals, late)]

    return Wish(
        ActionKind.ANCHORED,
        f"anchor {known.key} {placed.number}.{placed.sequence} r{placed.revision} {root.root.hex()}",
        str(known.key),
        messages,
        until=known.dates.agree_by if late else known.dates.cut_off,
        detail=f"file {root.sequence} of {root.stream}, {root.totals.records} records",
        again_after=_TOO_EARLY,
    )


def _places(desk: Desk, side: Side, index: LegIndex, revision: int) -> list[tuple[File, Placed]]:
    """Every file of the period with its place; new places are kept before they are given."""
    key = side.known.key
    files = files_of(desk, side, index)
    on_chain = {anchor.root: anchor for anchor in desk.model.anchors(key, side.party)}
    kept = desk.vault.placed(key)
    places: dict[tuple[str, int], Placed] = {}
    for file in files:
        anchor = on_chain.get(desk.vault.root_of(*file).root)
        if anchor is not None:
            places[file.name] = Placed(*file.name, anchor.stream, anchor.sequence, revision if anchor.late else 1)
    for placed in kept:
        # what missed its time is placed anew: the anchors that came in its stead have its number now
        if placed.revision == revision:
            places.setdefault((placed.stream, placed.file), placed)
    for file in files:
        if file.name not in places and not _place(desk, key.__str__(), file, places, on_chain, revision):
            break
    ordered = tuple(places[file.name] for file in files if file.name in places)
    if ordered != kept:
        desk.vault.keep_placed(key, ordered)
    return [(file, places[file.name]) for file in files if file.name in places]


def _place(
    desk: Desk,
    period: str,
    file: File,
    places: dict[tuple[str, int], Placed],
    on_chain: dict[bytes, UsageAnchored],
    revision: int,
) -> bool:
    """Give a file the next anchor of its stream; False where the period has no stream left."""
    numbers = {placed.stream: placed.number for placed in places.values()}
    used = {*numbers.values(), *(anchor.stream for anchor in on_chain.values())}
    number = numbers.get(file.receipt.stream)
    if number is None:
        free = [number for number in range(MOST_STREAMS) if number not in used]
        if not free:
            desk.block(ActionKind.ANCHORED, period, f"more than {MOST_STREAMS} streams: merge some before the intake")
            return False
        number = free[0]
    taken = [placed.sequence for placed in places.values() if placed.number == number]
    taken += [anchor.sequence for anchor in on_chain.values() if anchor.stream == number]
    places[file.name] = Placed(*file.name, number, max(taken, default=0) + 1, revision)
    return True
