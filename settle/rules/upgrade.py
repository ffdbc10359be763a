"""Whether one version of a rule can follow another: what would no longer bind, meet, fit or be paid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from abci_app.rules.bundle import ALWAYS, LoadedRule
from abci_app.rules.tables import Cells, Table
from abci_app.rules.tree import Declared, Function, Kind, Reject, entry_points
from settle.chain.readable import LAST_INSTANT, iso
from settle.rules.walk import parts_of

_SHOWN = 8
"""Values that a finding lists before it says how many more there are."""


class UpgradeFinding(NamedTuple):
    """One difference between two versions. `breaks`: the new one cannot follow as it is; else it is to be known."""

    breaks: bool
    what: str
    old: str
    new: str
    advice: str


def check_upgrade(old: LoadedRule, new: LoadedRule) -> tuple[UpgradeFinding, ...]:
    """Everything to know before `new` follows `old`, what breaks first. Each is sound by itself, since it is loaded."""
    found = [*_identity(old, new), *_usage(old, new)]
    if (old.manifest.slot, old.manifest.interface) == (new.manifest.slot, new.manifest.interface):
        for entry in old.functions:
            found += _entry(entry, old, new)
    found += [*_tables(old, new), *_costs(old, new)]
    return tuple(sorted(found, key=lambda finding: not finding.breaks))


def _identity(old: LoadedRule, new: LoadedRule) -> Iterator[UpgradeFinding]:
    before, after = old.manifest, new.manifest
    slots = tuple(f"{each.slot.name}/{each.interface}" for each in (before, after))
    wanted = (
        ("name", before.name, after.name, "a version has its rule's name: correct the folder's"),
        ("slot and interface", *slots, "another slot or interface is another rule: publish it under a new name"),
        ("scope", str(before.scope), str(after.scope), "a version keeps its rule's scope: correct plugin.toml"),
        ("chain", before.chain.hex() or "any", after.chain.hex() or "any", "build both for the same chain"),
    )
    for what, one, other, advice in wanted:
        if one != other:
            yield UpgradeFinding(True, what, one, other, advice)
    for what, number, next_number in (
        ("version", before.version, after.version),
        ("sequence", before.sequence, after.sequence),
    ):
        if next_number != number + 1:
            advice = f"the next is {number + 1}: name the folder and `previous` after it"
            yield UpgradeFinding(True, what, str(number), str(next_number), advice)
    if after.previous != old.hash:
        advice = 'name the version before in plugin.toml (previous = "vN"), unchanged, and build again'
        yield UpgradeFinding(True, "hash of the version before", old.hash.hex(), after.previous.hex() or "none", advice)


def _usage(old: LoadedRule, new: LoadedRule) -> Iterator[UpgradeFinding]:
    ends, starts = old.manifest.effective_to, new.manifest.effective_from
    told = _ends(ends), f"begins {iso(starts)}"
    if starts > ends:
        advice = f"no version rates usage between the two: set effective_from to {iso(ends)}"
        yield UpgradeFinding(True, "gap in usage time", *told, advice)
    elif starts <= old.manifest.effective_from:
        advice = (
            "it takes over all usage of the version before: periods that it rated are re-rated if they are opened anew"
        )
        yield UpgradeFinding(False, "usage time taken over whole", *told, advice)
    elif starts < ends:
        advice = (
            "from there on the new version rates, since the higher one counts; set effective_to of the old one if not"
        )
        yield UpgradeFinding(ends != ALWAYS, "overlap in usage time", *told, advice)
    if new.manifest.effective_to < ends:
        advice = "usage behind it falls back to the version before: leave effective_to out, or set it later"
        yield UpgradeFinding(False, "usage time ends earlier", told[0], _ends(new.manifest.effective_to), advice)


def _entry(entry: str, old: LoadedRule, new: LoadedRule) -> Iterator[UpgradeFinding]:
    before, after = _function(old, entry), _function(new, entry)
    bound = tuple([one.name for one in rule.agreement_parameters(entry)] for rule in (old, new))
    if bound[0] != bound[1]:
        advice = "agreements bind parameters by place: keep names and order, or have every agreement on it signed anew"
        wanted, came = (", ".join(names) or "none" for names in bound)
        yield UpgradeFinding(True, f"{entry}: the agreement's parameters", wanted, came, advice)
    theirs = {one.name: one for one in after.parameters}
    for one in before.parameters:
        other = theirs.get(one.name)
        if other is None or one.name == "band":  # bands are told by what rate_record gives
            continue
        yield from _parameter(entry, one, other, breaks=one.name in bound[0])
    for one, other in zip(before.results, after.results, strict=True):
        yield from _result(entry, one, other)
    codes = tuple(sorted({node.code for _, node in parts_of(each) if isinstance(node, Reject)}) for each in
                  (before, after))  # fmt: skip
    added = [code for code in codes[1] if code not in codes[0]]
    if added:
        advice = "what it rejects is in no line: agents hold it in suspense under this code; tell them what to do"
        yield UpgradeFinding(False, f"{entry}: rejections", _listed(codes[0]), f"also {_listed(added)}", advice)


def _parameter(entry: str, old: Declared, new: Declared, *, breaks: bool) -> Iterator[UpgradeFinding]:
    place = f"{entry}: {old.name}"
    if old.unit != new.unit:
        advice = "the same number would mean something else: keep the unit"
        yield UpgradeFinding(True, f"{place}, unit", old.unit or "none", new.unit or "none", advice)
    if new.low > old.low or new.high < old.high:
        advice = "a bound value outside refuses every line: widen it again" if breaks else (
            "records outside are in no line (ARGUMENT_OUT_OF_RANGE): widen it, unless none can come"
        )  # fmt: skip
        yield UpgradeFinding(breaks, f"{place} is narrower", _range(old), _range(new), advice)


def _result(entry: str, old: Declared, new: Declared) -> Iterator[UpgradeFinding]:
    place = f"{entry}: {old.name}"
    if old.unit != new.unit:
        advice = "agreements keep their currency and measure: keep the unit"
        yield UpgradeFinding(True, f"{place}, unit", old.unit or "none", new.unit or "none", advice)
    if (old.name, old.kind) == ("band", Kind.INTEGER):
        gone = [band for band in range(old.low, old.high + 1) if not new.low <= band <= new.high]
        added = [band for band in range(new.low, new.high + 1) if not old.low <= band <= old.high]
        if gone:
            advice = "catalogue lines of these bands stay at 0; drop them at the agreements' next version"
            yield UpgradeFinding(False, f"{place}s that disappear", _range(old), _listed(gone), advice)
        if added:
            advice = "agreements whose catalogue lacks them cannot declare: they need a new version first"
            yield UpgradeFinding(True, f"{place}s that are new", _range(old), _listed(added), advice)


def _tables(old: LoadedRule, new: LoadedRule) -> Iterator[UpgradeFinding]:
    keys = {form.name: form.keys for form in old.program.tables}
    theirs = {form.name: form.keys for form in new.program.tables}
    for name in sorted(old.tables.keys() | new.tables.keys()):
        if name not in new.tables or name not in old.tables:
            told = ("there", "gone") if name in old.tables else ("none", f"{len(new.tables[name].rows)} rows")
            yield UpgradeFinding(False, f"table {name}", *told, "see that what it said is said elsewhere, or meant")
        elif keys[name] != theirs[name]:
            told = f"{keys[name]} columns", f"{theirs[name]} columns"
            yield UpgradeFinding(False, f"table {name}, key", *told, "compare the rows by hand")
        else:
            yield from _rows(name, keys[name], old.tables[name], new.tables[name])


def _rows(name: str, keys: int, old: Table, new: Table) -> Iterator[UpgradeFinding]:
    before, after = _by_key(old, keys), _by_key(new, keys)
    gone = [key for key in before if key not in after]
    added = [key for key in after if key not in before]
    changed = [key for key in before if key in after and before[key] != after[key]]
    if gone:
        advice = "what these keys found is not found any more: see that the rule says what then"
        yield UpgradeFinding(False, f"table {name}, rows that disappear", str(len(before)), _keys(gone), advice)
    if added or changed:
        told = [f"{len(rows)} {word} ({_keys(rows)})" for rows, word in ((added, "new"), (changed, "changed")) if rows]
        advice = "settle rule impact shows what they change in money"
        yield UpgradeFinding(False, f"table {name}, rows", str(len(before)), "; ".join(told), advice)


def _costs(old: LoadedRule, new: LoadedRule) -> Iterator[UpgradeFinding]:
    for entry, cost in new.costs.items():
        before = old.costs.get(entry, cost)
        if cost > before:
            advice = "the chain charges the static cost of every call: settle rule cost shows where it comes from"
            yield UpgradeFinding(False, f"{entry}: cost", str(before), str(cost), advice)


def _function(rule: LoadedRule, entry: str) -> Function:
    return next(function for function in entry_points(rule.program) if function.name == entry)


def _by_key(table: Table, keys: int) -> dict[Cells, Cells]:
    return {row[:keys]: row[keys:] for row in table.rows}


def _keys(keys: Sequence[Cells]) -> str:
    return _listed(["/".join(map(str, key)) for key in keys])


def _listed(values: Sequence[object]) -> str:
    shown = ", ".join(map(str, values[:_SHOWN])) or "none"
    return shown if len(values) <= _SHOWN else f"{shown} and {len(values) - _SHOWN} more"


def _ends(seconds: int) -> str:
    return "ends never" if seconds > LAST_INSTANT else f"ends {iso(seconds)}"


def _range(declared: Declared) -> str:
    return f"{declared.low} to {declared.high}"
