"""The rules that come with the project give the figures of their sources, and their bytes are frozen."""

from __future__ import annotations

from pathlib import Path

import pytest

from abci_app.rules.bundle import bundle_hash, load_bundle, read_bundle
from abci_app.rules.codes import RuleCode, RuleRefused
from settle.rules.build import assemble_bundle, build_bundle, shipped_bundle, shipped_rule
from settle.rules.format import is_formatted
from settle.rules.plugin import SHIPPED, PluginInvalid
from settle.rules.vectors import run_vectors

PINS = {
    ("domestic_interconnect", 1): "1eefbf4f28f51f584a55b4a3066c2d2181613cb1c7800ace6aefad47c7ec99b0",
    ("domestic_interconnect", 2): "6602886e4a91bdd57eb15310d3c8adb60d9cb1f1f5d236dbac6ef3d87f682721",
    ("flat_minutes", 1): "0e8ebad5e7039de066df3a02bf1d58ff3f31d7fbe5f938cf9b7b4782c6464b9d",
    ("tolerance_percent", 1): "ac2876c7c5d72590543e9b942c338f7ced3a82d6084fffa8f5602c4ac24e4311",
    ("set_off", 1): "0f3fdf1c562c937b9569dec023138c6e57c32b76208438f1ecee4bfea24b00e3",
    ("international_voice", 1): "d4ff54021e3ce27ba8a41572a034a4bc1690bd077a4890e593c496a3bf68de5f",
    ("sms_mms", 1): "a12c2e6659ded5d046e4fa08b939c3c6ad201acb8855ffcb9101a803be875661",
    ("data_roaming", 1): "b6b61eb4f6447cbb52a8cfc14cef90cc31d580ad8c18c3f8951bff224a677f22",
    ("ip_interconnect_95", 1): "a6e40f1a16af09c00a8bafe17dbecb965ece76e65d3bf2a14a5eea3bbb467f81",
    ("file_validation", 1): "58eb35fcb94bd93793fade0c484ddba5c86050d34179b179a8e66ad385a7a657",
    ("tolerance_percent", 2): "2112724046ddb9b85d9e528396362f7467d44c5f3d74d595fc20cd4ce1986608",
    ("dispute_time_bar", 1): "9437879d022374fc27048c888cef7180729a7afb152b5ee0fdb2f9c396e530c3",
    ("multilateral_netting", 1): "707e51b10d8ffc056de4e06a21085e545c90618161b62cac050cea124dc65f6a",
    ("late_interest", 1): "a0084c41ca786a41321aa1ec0b5c554d0a8592a49801925470253981130c73e2",
    ("value_added_tax", 1): "455521e750a53538a19c86a36b9405a42382babdb5405eb74ad6780ca6836d4d",
    ("value_added_tax", 2): "aff0a5427e678f3a147d5fcb7ea89fa9db3c9cfc0164f891de3693cbf5bf4ec5",
    ("value_added_tax", 3): "b29f0d1c6a2803adbbb0b3901e0a86f36385af273cdfa7f555e9f787c9a9c338",
    ("value_added_tax", 4): "6f2629c09c9b77d402e6db9fc74deb7072a85d58f27084260b7fb44a355560ca",
    ("send_or_pay", 1): "9fcde003b149705fda5e4c7a1aa1886f442953995610d97c6d8e32f955fcfca6",
}
FOLDERS = sorted(SHIPPED.glob("*/v*"))
MOBILE, UNICOM, TELECOM, OTHER = 1, 2, 3, 4
VOICE, SMS, MMS = 1, 2, 3
MINUTE = 60_000


@pytest.mark.parametrize(("name", "version"), PINS)
def test_the_bytes_of_a_shipped_rule_are_frozen(name: str, version: int) -> None:
    """A format pin: vN never changes once it is active. A change here is a new version, or a fork."""
    assert bundle_hash(shipped_bundle(name, version)).hex() == PINS[name, version]


def test_every_shipped_rule_is_pinned_and_explained() -> None:
    assert {(folder.parent.name, int(folder.name[1:])) for folder in FOLDERS} == set(PINS)
    for folder in FOLDERS:
        assert "## Source" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_every_vector_holds_and_names_its_source(folder: Path) -> None:
    results = run_vectors(folder)
    assert results
    assert [one.failure for one in results if one.failure] == []
    assert all(one.vector.source for one in results)
    assert is_formatted((folder / "rule.py").read_text(encoding="ascii"))


def test_the_second_version_names_the_first_and_takes_over_at_new_year_in_beijing() -> None:
    first, second = (shipped_rule("domestic_interconnect", version).manifest for version in (1, 2))
    assert second.previous == bundle_hash(shipped_bundle("domestic_interconnect", 1))
    assert second.sequence == 2
    assert first.effective_to == second.effective_from == 1_388_505_600  # 2014-01-01T00:00:00+08:00


def test_a_bundle_is_of_its_chain() -> None:
    one, other = (shipped_bundle("set_off", 1, chain=bytes([n]) * 32) for n in (1, 2))
    assert bundle_hash(one) != bundle_hash(other)
    assert read_bundle(one).manifest.chain == bytes([1]) * 32


# Source: MIIT 2013 no. 506 and the reports of 2013-12-24 on what it replaced; CNY per minute and per message.
RATES = [
    (VOICE, MOBILE, UNICOM, 0, 60_000, 60_000),
    (VOICE, MOBILE, TELECOM, 0, 60_000, 60_000),
    (VOICE, UNICOM, MOBILE, 0, 60_000, 40_000),
    (VOICE, TELECOM, MOBILE, 0, 60_000, 40_000),
    (VOICE, UNICOM, MOBILE, 1, 60_000, 60_000),
    (VOICE, TELECOM, MOBILE, 1, 60_000, 60_000),
    (VOICE, UNICOM, TELECOM, 0, 60_000, 60_000),
    (VOICE, TELECOM, UNICOM, 0, 60_000, 60_000),
    (SMS, MOBILE, UNICOM, 0, 30_000, 10_000),
    (SMS, TELECOM, MOBILE, 0, 30_000, 10_000),
    (MMS, MOBILE, UNICOM, 0, 100_000, 50_000),
    (MMS, UNICOM, TELECOM, 0, 100_000, 50_000),
]


@pytest.mark.parametrize(("service", "sender", "receiver", "band", "before", "after"), RATES)
def test_the_order_of_2013_changes_the_rates(
    service: int, sender: int, receiver: int, band: int, before: int, after: int
) -> None:
    units = 1_000 * MINUTE if service == VOICE else 1_000
    for version, micro in ((1, before), (2, after)):
        rule = shipped_rule("domestic_interconnect", version)
        amount = rule.call("price_line", service, 0, band, 1_000, units, units, sender, receiver)
        assert amount == (1_000 * micro,)


def test_china_mobile_pays_twelve_thousandths_for_its_new_series_inside_the_local_network_until_2014() -> None:
    old, new = (shipped_rule("domestic_interconnect", version) for version in (1, 2))
    call = (VOICE, 0, MOBILE, UNICOM, "8615700000000", "8613000000000", True, 61_000, 0)
    assert old.call("rate_record", *call) == (2, 120_000)
    assert old.call("price_line", VOICE, 0, 2, 1, 61_000, 120_000, MOBILE, UNICOM) == (24_000,)
    assert new.call("rate_record", *call) == (0, 120_000)


@pytest.mark.parametrize("number", ["15712345678", "18812345678", "8615712345678", "8618812345678"])
def test_a_called_number_of_the_series_is_known_with_and_without_country_prefix(number: str) -> None:
    rule = shipped_rule("domestic_interconnect", 2)
    assert rule.call("rate_record", VOICE, 1, UNICOM, MOBILE, "8613000000000", number, False, 1, 0) == (1, 60_000)
    assert rule.call("rate_record", VOICE, 1, UNICOM, TELECOM, "8613000000000", number, False, 1, 0) == (0, 60_000)


# Source: the table of the two-sided SIP records; (sender, receiver, minutes, CNY in 10^-2) per leg and side.
SIP_LEGS = [
    (MOBILE, UNICOM, 6_337, 38_022),
    (MOBILE, UNICOM, 6_390, 38_340),
    (UNICOM, MOBILE, 4_392, 17_568),
    (UNICOM, MOBILE, 4_373, 17_492),
    (MOBILE, TELECOM, 2_087, 12_522),
    (MOBILE, TELECOM, 2_030, 12_180),
    (TELECOM, MOBILE, 643, 2_572),
    (TELECOM, MOBILE, 681, 2_724),
    (UNICOM, TELECOM, 827, 4_962),
    (UNICOM, TELECOM, 803, 4_818),
    (TELECOM, UNICOM, 886, 5_316),
    (TELECOM, UNICOM, 908, 5_448),
]


@pytest.mark.parametrize(("sender", "receiver", "minutes", "cents"), SIP_LEGS)
def test_the_figures_of_the_sip_records(sender: int, receiver: int, minutes: int, cents: int) -> None:
    units = minutes * MINUTE
    rule = shipped_rule("domestic_interconnect", 2)
    assert rule.call("price_line", VOICE, 0, 0, 1, units, units, sender, receiver) == (cents * 10_000,)
    flat = shipped_rule("flat_minutes", 1)
    rate = 40_000_000 if receiver == MOBILE else 60_000_000
    assert flat.call("price_line", VOICE, 1, 0, 1, units, units, sender, receiver, 0, rate) == (cents * 10_000,)
    assert [one.name for one in flat.agreement_parameters("price_line")] == ["rate_first", "rate_second"]


def test_a_percent_is_of_the_creditors_figure() -> None:
    """DETRAF: contested only if (A - B) / A is above 1 %, A the creditor's total."""
    rule = shipped_rule("tolerance_percent", 1)
    assert rule.call("judge_line", 100_000_000, 99_000_000, 100) == (1, 99_000_000)
    assert rule.call("judge_line", 100_000_000, 98_999_999, 100) == (2, 98_999_999)
    for creditor in (0, 1, 7, 99, 10_001, 2**62):
        for debtor in (0, 1, 6, 100, 10_000, 2**62):
            for bps in (0, 1, 100, 10_000):
                within = abs(creditor - debtor) * 10_000 <= bps * creditor
                expected = 0 if creditor == debtor else 1 if within else 2
                assert rule.call("judge_line", creditor, debtor, bps) == (expected, min(creditor, debtor))


# --------------------------------------------------------------------------------------------- plugin folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of set_off/v1 to spoil."""
    target = tmp_path / "set_off" / "v1"
    target.mkdir(parents=True)
    for file in (SHIPPED / "set_off" / "v1").glob("*.*"):
        (target / file.name).write_bytes(file.read_bytes())
    return target


def test_a_folder_builds_to_the_same_bytes_wherever_it_lies(folder: Path) -> None:
    assert build_bundle(folder) == shipped_bundle("set_off", 1)
    assert load_bundle(build_bundle(folder)).manifest.name == "set_off"


@pytest.mark.parametrize(
    ("file", "before", "after", "words"),
    [
        ("plugin.toml", "SET_OFF", "SETOFF", "slot"),
        ("plugin.toml", "interface", "interfaze", "interfaze"),
        ("plugin.toml", "slot = ", "slot ", "TOML"),
        ("plugin.toml", "slot = ", 'previous = "v9"\nslot = ', "plugin.toml: is missing"),
        ("rule.py", "    if held", "    # why\n    if held", "canonical"),
        ("vectors.csv", "include,", "exclude,", "line 2"),
        ("vectors.csv", "100000000,0,0", "1e8,0,0", "line 2, amount: expected a whole number, got '1e8'"),
    ],
)  # fmt: skip
def test_a_spoilt_folder_is_refused_with_its_file_and_line(
    folder: Path, file: str, before: str, after: str, words: str
) -> None:
    path = folder / file
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(PluginInvalid) as refused:
        build_bundle(folder)
    assert words in str(refused.value)


def test_a_failing_vector_is_shown_with_its_line(folder: Path) -> None:
    path = folder / "vectors.csv"
    path.write_text(path.read_text().replace(",1,\n", ",0,\n", 1))
    assert [one.line for one in run_vectors(folder) if one.failure] == [2]
    with pytest.raises(RuleRefused) as refused:
        build_bundle(folder)
    assert refused.value.code is RuleCode.VECTOR_FAILED


def test_a_table_file_is_refused_by_line(tmp_path: Path) -> None:
    target = tmp_path / "domestic_interconnect" / "v1"
    source = SHIPPED / "domestic_interconnect" / "v1"
    for file in source.rglob("*.*"):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    rates = target / "tables" / "RATES.csv"
    good = rates.read_text()
    for bad, words in (
        (good.replace("nano", "rate"), "line 1"),
        (good.replace("1,1,2,0,60000000", "1,1,2,0", 1), "line 2: expected 5 cells"),
        (good.replace("1,1,2,0,60000000", "1,1,2,0,6e7", 1), "line 2, nano"),
    ):
        rates.write_text(bad)
        with pytest.raises(PluginInvalid, match=words):
            assemble_bundle(target)
    rates.write_text(good + "1,1,2,0,60000000\n")
    with pytest.raises(RuleRefused) as refused:
        assemble_bundle(target)
    assert refused.value.code is RuleCode.BAD_TABLE
