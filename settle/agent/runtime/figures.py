"""An operator's own figures of a period: kept in the vault, derived again from record files where they were lost."""

from __future__ import annotations

import polars as pl

from abci_app.domain.periods.schema import LineFigures, Statement, StreamReference
from settle.agent.runtime.anchors import File, anchored_files, streams_of
from settle.agent.runtime.desk import Desk
from settle.agent.runtime.filing import opens
from settle.agent.runtime.rating import CannotRate, Side, figures_of, legs_of, legs_sorted_anew
from settle.agent.vault import RatedLines


def figures_to_declare(desk: Desk, side: Side, revision: int) -> RatedLines:
    """The figures of a revision over everything that is anchored now, kept before they are used. Raises `CannotRate`.

    A first revision takes each leg as it was sorted when its file was taken, a re-issue by today's trunk map.
    Kept figures over other streams or by another rule are made anew: the chain would take none of them, as where
    a late file's anchor overtook the declaration on its way into a block.
    """
    key, streams = side.known.key, streams_of(desk, side)
    kept = desk.vault.figures(key, revision)
    if kept is not None and (kept.streams, kept.rating) == (streams, side.known.row.rating):
        return kept
    return desk.vault.keep_figures(key, _rated(desk, side, revision, streams))


def declared_figures(desk: Desk, side: Side, revision: int) -> RatedLines | None:
    """The figures behind our declaration on the chain: from the vault, or derived again and proved to be the same.

    None where the record files or the trunk map are no longer those of that day. Raises `CannotRate`.
    """
    key = side.known.key
    declared = next(
        each for each in desk.model.declarations(key) if (each.revision, each.party) == (revision, side.party)
    )
    kept = desk.vault.figures(key, revision)
    if kept is not None and opens(desk.vault, desk.chain, key, kept, declared.detail):
        return kept
    derived = _rated(desk, side, revision, declared.streams)
    if not opens(desk.vault, desk.chain, key, derived, declared.detail):
        return None
    return desk.vault.keep_figures(key, derived)


def revisions_behind(desk: Desk, side: Side, statement: Statement) -> list[tuple[LineFigures, ...]] | None:
    """Our lines of every revision up to the one in a statement; None where one cannot be derived any more."""
    found = []
    for revision in range(1, statement.revisions[side.party] + 1):
        try:
            rated = declared_figures(desk, side, revision)
        except CannotRate:
            return None
        if rated is None:
            return None
        found.append(rated.lines)
    return found


def _rated(desk: Desk, side: Side, revision: int, streams: tuple[StreamReference, ...]) -> RatedLines:
    files = anchored_files(desk, side, streams)
    if files is None:
        raise CannotRate(
            expected=f"every anchored record file of period {side.known.key} in the vault",
            actual="a file is missing",
            next_step="put the files of HOME/agent/taken, or the switch's copies, into the inbox again, in order",
        )
    settings = desk.settings
    legs = [_legs(desk, side, revision, file) for file in files]
    rating = side.known.row.rating
    fault = settings.fault_towards(side.peer)
    figures = figures_of(side, legs, rating, desk.rulebook.rule, settings.numbering, fault)
    return RatedLines(revision, rating, streams, figures.lines, figures.left_out)


def _legs(desk: Desk, side: Side, revision: int, file: File) -> pl.LazyFrame:
    if revision == 1 or desk.setting is None:
        return legs_of(side, *file)
    return legs_sorted_anew(side, *file, desk.setting)
