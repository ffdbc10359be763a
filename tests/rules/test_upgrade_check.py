"""What stands between one version of a rule and the next, each told by its own finding."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from abci_app.rules.bundle import LoadedRule, load_bundle
from settle.rules.build import build_bundle, shipped_rule
from settle.rules.plugin import SHIPPED
from settle.rules.upgrade import UpgradeFinding, check_upgrade

Edit = Callable[[str], str]


def version(folder: Path, *, of: str = "flat_minutes", number: int = 2, settings: Edit = str, rule: Edit = str,
            vectors: Edit = str) -> LoadedRule:  # fmt: skip
    """Version 1 of a shipped rule, copied as the next with changes."""
    target = folder / of / f"v{number}"
    if not (folder / of / "v1").exists():
        shutil.copytree(SHIPPED / of / "v1", folder / of / "v1")
    if number != 1:
        shutil.copytree(SHIPPED / of / "v1", target)
    for name, edit in (("plugin.toml", settings), ("rule.py", rule), ("vectors.csv", vectors)):
        file = target / name
        text = file.read_text()
        if name == "plugin.toml" and number != 1:
            text = 'previous = "v1"\n' + text
        file.write_text(edit(text))
    return load_bundle(build_bundle(target))


def findings(old: LoadedRule, new: LoadedRule) -> dict[str, UpgradeFinding]:
    found = check_upgrade(old, new)
    assert [each.breaks for each in found] == sorted((each.breaks for each in found), reverse=True)
    assert all(each.what and each.old and each.new and each.advice for each in found)
    return {each.what: each for each in found}


def replacing(one: str, other: str) -> Edit:
    def edit(text: str) -> str:
        assert one in text, f"{one} is not in the file any more"
        return text.replace(one, other)

    return edit


def test_the_switch_of_2014_can_follow_and_tells_what_it_changes() -> None:
    found = findings(shipped_rule("domestic_interconnect", 1), shipped_rule("domestic_interconnect", 2))
    assert not any(each.breaks for each in found.values())
    assert found["rate_record: bands that disappear"].new == "2"
    assert "28 changed" in found["table RATES, rows"].new
    assert found["table RATES, rows that disappear"].new == "1/1/2/2, 1/1/3/2, 1/1/4/2"
    assert len(found) == 3


def test_backwards_nothing_fits() -> None:
    found = findings(shipped_rule("domestic_interconnect", 2), shipped_rule("domestic_interconnect", 1))
    broken = {each.what for each in found.values() if each.breaks}
    assert broken == {"version", "sequence", "hash of the version before", "rate_record: bands that are new"}
    costs = [str(shipped_rule("domestic_interconnect", number).costs["rate_record"]) for number in (2, 1)]
    assert [found["rate_record: cost"].old, found["rate_record: cost"].new] == costs


def test_an_unchanged_rule_that_takes_over_all_usage_says_so_and_breaks_nothing(tmp_path: Path) -> None:
    found = findings(shipped_rule("flat_minutes", 1), version(tmp_path))
    assert {what: each.breaks for what, each in found.items()} == {"usage time taken over whole": False}


def test_another_rule_is_no_next_version() -> None:
    found = findings(shipped_rule("flat_minutes", 1), shipped_rule("set_off", 1))
    assert found["name"].breaks
    assert (found["slot and interface"].old, found["slot and interface"].new) == ("RATING/1", "SET_OFF/1")


@pytest.mark.parametrize(
    ("old_to", "new_from", "what", "breaks"),
    [
        ("2014-01-01T00:00:00Z", "2014-01-01T00:00:00Z", "", False),
        ("2014-01-01T00:00:00Z", "2014-01-02T00:00:00Z", "gap in usage time", True),
        ("2014-01-01T00:00:00Z", "2013-12-31T00:00:00Z", "overlap in usage time", True),
        ("", "2014-01-01T00:00:00Z", "overlap in usage time", False),
    ],
)
def test_usage_intervals_meet(tmp_path: Path, old_to: str, new_from: str, what: str, breaks: bool) -> None:
    ends = (lambda text: f"effective_to = {old_to}\n{text}") if old_to else str
    old = version(tmp_path, number=1, settings=ends)
    new = version(tmp_path, settings=lambda text: f"effective_from = {new_from}\n{text}")
    found = {name: each for name, each in findings(old, new).items() if "usage" in name}
    assert {name: each.breaks for name, each in found.items()} == ({what: breaks} if what else {})
    if what == "gap in usage time":
        assert "set effective_from to 2014-01-01T00:00:00Z" in found[what].advice


def test_a_version_that_ends_before_the_one_before_is_told(tmp_path: Path) -> None:
    new = version(tmp_path, settings=lambda text: f"effective_to = 2030-01-01T00:00:00Z\n{text}")
    found = findings(shipped_rule("flat_minutes", 1), new)
    assert found["usage time ends earlier"].new == "ends 2030-01-01T00:00:00Z"


def test_a_version_that_ends_beyond_every_calendar_never_ends() -> None:
    rule = shipped_rule("flat_minutes", 1)
    for seconds in (253_402_300_800, 2**40 - 1):
        old = rule._replace(manifest=replace(rule.manifest, effective_to=seconds))
        assert findings(old, rule)["usage time taken over whole"].old == "ends never"


def test_an_agreements_parameter_of_another_name_does_not_bind(tmp_path: Path) -> None:
    rename = replacing("rate_first", "rate_of_first")
    found = findings(shipped_rule("flat_minutes", 1), version(tmp_path, rule=rename, vectors=rename))
    bound = found["price_line: the agreement's parameters"]
    assert (bound.breaks, bound.old, bound.new) == (True, "rate_first, rate_second", "rate_of_first, rate_second")


def test_a_narrower_range_breaks_where_agreements_have_bound_a_value(tmp_path: Path) -> None:
    narrower = replacing("rate_first: Annotated[int, 0, 1_000_000_000]", "rate_first: Annotated[int, 0, 999_999_999]")
    found = findings(shipped_rule("flat_minutes", 1), version(tmp_path, rule=narrower))
    assert found["price_line: rate_first is narrower"].breaks


def test_a_narrower_range_of_records_is_to_be_known(tmp_path: Path) -> None:
    narrower = replacing("units: Annotated[int, 0, 1_000_000]", "units: Annotated[int, 0, 999_999]")
    found = findings(shipped_rule("flat_minutes", 1), version(tmp_path, rule=narrower))
    assert not found["rate_record: units is narrower"].breaks
    assert "0 to 999999" in found["rate_record: units is narrower"].new


def test_a_new_rejection_is_told(tmp_path: Path) -> None:
    body = replacing(
        '        reject("VOICE_ONLY")\n    return Outcome(band=0, units',
        '        reject("VOICE_ONLY")\n    if local:\n        reject("LOCAL_CALL")\n    return Outcome(band=0, units',
    )
    found = findings(shipped_rule("flat_minutes", 1), version(tmp_path, rule=body))
    assert found["rate_record: rejections"].new == "also LOCAL_CALL"
    assert (found["rate_record: cost"].breaks, int(found["rate_record: cost"].old)) == (
        False, shipped_rule("flat_minutes", 1).costs["rate_record"],
    )  # fmt: skip


def test_a_currency_cannot_change(tmp_path: Path) -> None:
    def in_(currency: str) -> Edit:
        return lambda text: (
            text.replace('Annotated[int, "amount_micro"', f'Annotated[Money["{currency}"], "amount_micro"')
            .replace("amount_micro=mul_div(", f"amount_micro={currency}(mul_div(")
            .replace("HALF_UP)", "HALF_UP))")
        )

    old = version(tmp_path / "old", number=1, rule=in_("CNY"))
    found = findings(old, version(tmp_path / "new", rule=in_("USD")))
    assert (found["price_line: amount_micro, unit"].breaks, found["price_line: amount_micro, unit"].new) == (
        True,
        "USD",
    )


def test_another_chain_or_scope_is_told(tmp_path: Path) -> None:
    scoped = version(tmp_path, settings=lambda text: f"scope = 7\n{text}")
    assert findings(shipped_rule("flat_minutes", 1), scoped)["scope"].breaks
    elsewhere = load_bundle(build_bundle(tmp_path / "flat_minutes" / "v2", bytes(32)))
    assert findings(shipped_rule("flat_minutes", 1), elsewhere)["chain"].breaks
