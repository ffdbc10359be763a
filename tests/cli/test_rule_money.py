"""`settle rule rate impact shadow verify inspect upgrade-check`: what people read before they vote."""

from __future__ import annotations

import atexit
import json
import shutil
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from msgspec.structs import replace

from settle.agent.intake.sort import Setting
from settle.agent.intake.trunks import TrunkMap
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.runtime.settings import agent_folder
from settle.agent.vault import Vault
from settle.cli.failures import Exit
from settle.rules.build import shipped_rule
from settle.rules.plugin import SHIPPED
from settle.sample.generate import generate
from settle.sample.plan import DAY, SamplePlan, domestic_operators
from tests.cli.agreed import agree, node_with_rules
from tests.cli.command import Command
from tests.cli.conftest import As
from tests.cli.node_in_memory import MemoryNode
from tests.support.chains import CMCC, CTCC, CUCC, GENESIS_TIME

OLD, NEW = (SHIPPED / "domestic_interconnect" / f"v{version}" for version in (1, 2))
CLASSES = ("--network", "CMCC=1", "--network", "CUCC=2", "--network", "CTCC=3", "--network", "CBN=4")
USAGE_FROM = (GENESIS_TIME // DAY - 3) * DAY
USAGE_TO = USAGE_FROM + 2 * DAY


@cache
def sample() -> Path:
    """Two days of four operators, which end before the chain begins."""
    operators = tuple(replace(one, subscribers=2_000) for one in domestic_operators())
    plan = SamplePlan(
        seed=5, records=4_000, usage_from=USAGE_FROM, usage_to=USAGE_TO, utc_offset_s=0, operators=operators
    )
    scratch = Path(mkdtemp())
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    generate(plan, scratch / "sample")
    return scratch / "sample"


def rows(text: str, *starts: str) -> list[str]:
    """The lines of a table that begin with these cells."""
    return [line for line in text.splitlines() if tuple(line.split()[: len(starts)]) == starts]


# rate


def test_rate_gives_the_same_lines_in_columns_and_by_the_executor(settle: Command) -> None:
    found, expected = (
        settle.json("rule", "rate", OLD, sample() / "CMCC", *CLASSES, *way) for way in ((), ("--executor",))
    )
    assert found.pop("records_per_second") > 0
    assert expected.pop("records_per_second") > 0
    assert found == expected
    assert {line["service"] for line in found["lines"]} == {"VOICE", "SMS", "MMS"}
    assert found["rejected"]["ARGUMENT_OUT_OF_RANGE"] > 0
    (traffic,) = found["traffic"]
    rated = sum(line["calls"] for line in found["lines"])
    assert rated + sum(found["rejected"].values()) + found["uncounted"] == traffic["legs"]
    assert traffic["records"] == traffic["legs"] + sum(traffic["left_out"].values())


def test_rate_shows_lines_and_what_is_in_none(settle: Command) -> None:
    ran = settle("rule", "rate", NEW, *sorted((sample() / "CBN" / "records").glob("*.parquet")), *CLASSES)
    assert ran.status == Exit.DONE, ran.err
    assert rows(ran.out, "CBN", "CMCC", "VOICE", "0")
    assert "outside what the rule declares" in ran.out
    assert "records in" in ran.err


def test_rate_says_where_a_rule_has_no_price(settle: Command, tmp_path: Path) -> None:
    folder = tmp_path / "domestic_interconnect"
    shutil.copytree(OLD.parent, folder)
    table = folder / "v1" / "tables" / "RATES.csv"
    kept = [line for line in table.read_text().splitlines() if not line.startswith("2,4,1,0")]
    table.write_text("\n".join(kept) + "\n")
    vectors = folder / "v1" / "vectors.csv"
    vectors.write_text("\n".join(line for line in vectors.read_text().splitlines() if ",2,0,0,1,,1,,4,1" not in line))
    ran = settle("rule", "rate", folder / "v1", sample() / "CBN", *CLASSES)
    assert ran.status == Exit.DONE, ran.err
    (line,) = rows(ran.out, "CBN", "CMCC", "SMS", "0")[:1]
    assert line.endswith("no price")
    assert rows(ran.out, "CBN", "CMCC", "SMS", "0", "NO_RATE")


# impact


def test_impact_says_who_gains_and_who_loses(settle: Command) -> None:
    words = ("rule", "impact", sample(), "--old", OLD, "--new", NEW, *CLASSES)
    told = settle.json(*words)
    assert sum(each["gain"] for each in told["operators"]) == 0
    assert sum(line["difference_micro"] for line in told["lines"]) == sum(
        line["new"]["amount_micro"] - line["old"]["amount_micro"] for line in told["lines"]
    )
    assert [each["first"] for each in told["pairs"]].count("CMCC") == 3
    ran = settle(*words)
    (last,) = ran.out.strip().splitlines()[-1:]
    assert last.startswith("Owed for all traffic: CNY ")
    loser = min(told["operators"], key=lambda each: each["gain"])
    assert f"{loser['operator']} loses {-loser['gain'] / 1e6:,.3f}" in last
    band_2 = rows(ran.out, "CMCC", "CUCC", "VOICE", "2")[0]
    assert "> 0" in band_2
    assert "-100.0 %" in band_2


def test_impact_of_a_rule_on_itself_is_nothing(settle: Command) -> None:
    ran = settle("rule", "impact", sample() / "CBN", "--old", NEW, "--new", NEW, *CLASSES)
    assert "No line changes." in ran.out


def test_impact_takes_the_usage_that_is_asked_for_and_warns_of_usage_that_is_not_the_rules(settle: Command) -> None:
    middle = datetime.fromtimestamp(USAGE_FROM + DAY, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ("rule", "impact", sample() / "CBN", "--old", NEW, "--new", OLD, *CLASSES)
    whole, early, late = (_legs(settle.json(*words, *cut)) for cut in ((), ("--until", middle), ("--since", middle)))
    assert early + late == whole
    assert 0 < early < whole
    assert "outside what the new rule is for" in settle(*words).err


def _legs(told: dict[str, Any]) -> int:
    return sum(int(each["legs"]) for each in told["traffic"])


@pytest.mark.parametrize(
    ("words", "expected", "status"),
    [
        ((), "record files", Exit.USAGE),
        (("SAMPLE", "--network", "CMCC=1"), "the class of each operator's network", Exit.BAD_INPUT),
        (("SAMPLE", "--network", "CMCC"), "NAME=NUMBER", Exit.USAGE),
        (("SAMPLE", *CLASSES, "--since", "tomorrow"), "an instant such as", Exit.USAGE),
        (("SAMPLE", *CLASSES, "--currency", "XXX"), "one of CNY", Exit.USAGE),
        (("ELSEWHERE", *CLASSES), "files with control totals", Exit.USAGE),
        (("LONELY", *CLASSES), "control totals that name its operator", Exit.BAD_INPUT),
        (("LONELY", *CLASSES, "--operator", "CBN"), "a trunk map", Exit.BAD_INPUT),
    ],
)
def test_what_cannot_be_rated_is_told_with_what_to_do(
    settle: Command, tmp_path: Path, words: tuple[str, ...], expected: str, status: Exit
) -> None:
    lonely = tmp_path / "lonely" / "a" / "b" / "c.parquet"
    lonely.parent.mkdir(parents=True)
    shutil.copy(next((sample() / "CBN" / "records").glob("*.parquet")), lonely)
    (tmp_path / "elsewhere").mkdir()
    names = {"SAMPLE": sample() / "CBN", "ELSEWHERE": tmp_path / "elsewhere", "LONELY": lonely}
    ran = settle("rule", "impact", "--old", OLD, "--new", NEW, *(names.get(word, word) for word in words))
    assert ran.status == status, ran.err
    assert expected in ran.err
    assert "next " in ran.err


def test_a_rule_that_is_nowhere_is_told(settle: Command) -> None:
    ran = settle("rule", "impact", sample() / "CBN", "--old", "nowhere", "--new", NEW, *CLASSES)
    assert ran.status == Exit.USAGE
    assert "a folder NAME/vN" in ran.err


# the chain's rules, and the home's own records


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> MemoryNode:
    """A node whose chain has the shipped rules."""
    return node_with_rules(monkeypatch)


def test_a_rule_is_also_named_by_its_hash_on_the_chain(cmcc: Command) -> None:
    hashes = [shipped_rule("domestic_interconnect", version).hash.hex() for version in (1, 2)]
    told = cmcc.json("rule", "impact", sample() / "CBN", "--old", hashes[0], "--new", hashes[1], *CLASSES)
    assert [told["old"]["hash"], told["new"]["hash"]] == hashes
    assert cmcc("rule", "verify", hashes[0], "--source", OLD).status == Exit.DONE
    ran = cmcc("rule", "verify", "ab" * 32)
    assert (ran.status, "none on this chain" in ran.err) == (Exit.REJECTED, True)


def _fill_vault(home: Path) -> None:
    """The home's agent has taken its files."""
    setting = Setting(
        TrunkMap.load(sample() / "CMCC" / "trunks.toml"), load_number_plan(), USAGE_FROM * 1000, USAGE_TO * 1000
    )
    agent_folder(home).mkdir(exist_ok=True)
    vault = Vault(agent_folder(home) / "vault", "CMCC")
    for file in sorted((sample() / "CMCC" / "records").glob("*.parquet")):
        name = json.loads(file.with_name(file.name + ".control.json").read_bytes())["stream"]
        vault.stream(name).take(file, setting, now_ms=USAGE_TO * 1000)


def test_shadow_runs_a_candidate_on_a_period_of_the_homes_own_records(
    cmcc: Command, as_operator: As, tmp_path: Path
) -> None:
    agree(cmcc, as_operator(CUCC), (USAGE_FROM, USAGE_TO))
    shadow = ("rule", "shadow", "--candidate", OLD, "--period", "1/0/1")
    ran = cmcc(*shadow)
    assert (ran.status, "the agent's vault" in ran.err) == (Exit.REJECTED, True)
    _fill_vault(tmp_path / f"home{CMCC}")
    told = cmcc.json(*shadow)
    assert (told["old"]["version"], told["new"]["version"]) == (2, 1)
    assert {line["service"] for line in told["lines"]} == {"VOICE"}, "the agreement is about calls"
    files = cmcc.json("rule", "impact", sample() / "CMCC", "--old", NEW, "--new", OLD, *CLASSES)
    ends = ({"CMCC", "CUCC"}, "VOICE")
    expected = [line for line in files["lines"] if ({line["from"], line["to"]}, line["service"]) == ends]
    figures = ("from", "to", "band", "old", "new", "difference_micro")
    assert [[line[name] for name in figures] for line in told["lines"]] == [
        [line[name] for name in figures] for line in expected
    ]
    assert "no line for service 1, direction 0, band 2" in cmcc(*shadow).err
    assert "expected files, or --period" in cmcc(*shadow, sample() / "CMCC").err
    stranger = as_operator(CTCC)(*shadow)
    assert (stranger.status, "a period of CTCC" in stranger.err) == (Exit.USAGE, True)
    flat = cmcc("rule", "shadow", "--candidate", SHIPPED / "flat_minutes" / "v1", "--period", "1/0/1")
    assert (flat.status, "asks for rate_first, rate_second" in flat.err) == (Exit.REJECTED, True)


def test_shadow_has_no_rule_to_run_beside_where_the_chain_would_choose_none(
    cmcc: Command, as_operator: As, tmp_path: Path
) -> None:
    cucc = as_operator(CUCC)
    agree(cmcc, cucc, (USAGE_FROM, USAGE_TO))
    _fill_vault(tmp_path / f"home{CMCC}")
    shadow = ("rule", "shadow", "--candidate", NEW, "--period", "1/0/1")
    assert cmcc.json(*shadow)["old"]["version"] == 2
    cmcc.json("gov", "propose", "suspend", "domestic_interconnect")
    for voter in (cmcc, cucc):
        voter.json("gov", "vote", "CMCC/1")
    ran = cmcc(*shadow)
    assert (ran.status, "none that is active" in ran.err) == (Exit.REJECTED, True), "it is suspended"
    assert cmcc.json(*shadow, "--active", OLD)["old"]["version"] == 1


@pytest.mark.parametrize("words", [CLASSES[:2], ("--currency", "EUR"), ("--since", "2014-01-01")])
def test_shadow_of_a_period_takes_no_options_of_files(cmcc: Command, words: tuple[str, ...]) -> None:
    ran = cmcc("rule", "shadow", "--candidate", NEW, "--period", "1/0/1", *words)
    assert (ran.status, f"{words[0]} beside it" in ran.err) == (Exit.USAGE, True)


def test_shadow_on_files_needs_the_rule_to_run_beside(settle: Command) -> None:
    words = ("rule", "shadow", sample() / "CBN", "--candidate", NEW, *CLASSES)
    assert "--active" in settle(*words).err
    assert settle.json(*words, "--active", OLD)["old"]["version"] == 1


# bundles


def test_verify_compares_a_bundle_with_its_source(settle: Command, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    settle.json("rule", "build", NEW, "--output", bundle)
    told = settle.json("rule", "verify", bundle, "--source", NEW)
    assert told["source"] == {
        "folder": str(NEW), "same": True, "manifest": True, "tree": True, "tables": True, "vectors": True,
    }  # fmt: skip
    other = settle("rule", "verify", bundle, "--source", OLD)
    assert other.status == Exit.REJECTED
    assert [line.split()[1] for line in rows(other.out, "tree")] == ["differs"]
    assert "+    Band 2 is a call by a number of these series inside its local network." in other.out
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"\x00")
    assert settle("rule", "verify", bundle).status == Exit.BAD_INPUT


def test_inspect_shows_all_of_a_bundle(settle: Command) -> None:
    told = settle.json("rule", "inspect", NEW)
    assert told["costs"] == dict(shipped_rule("domestic_interconnect", 2).costs)
    assert told["tables"]["RATES"]["rows"] == 42
    assert told["tables"]["RATES"]["head"][0] == [1, 1, 2, 0, 60_000_000]
    assert told["text"].startswith("from abci_app.rules.stub import *")
    assert {"entry": "price_line", "which": "takes", "name": "service", "range": "1 to 3", "unit": ""} in told["ranges"]
    shown = settle("rule", "inspect", NEW).out
    assert "RATES: 42 rows, the first 5" in shown
    assert rows(shown, "rate_record", "gives", "band")


def test_upgrade_check_ends_with_1_where_the_new_version_cannot_follow(settle: Command) -> None:
    assert settle.json("rule", "upgrade-check", OLD, NEW)["compatible"]
    ran = settle("rule", "upgrade-check", NEW, OLD)
    assert ran.status == Exit.REJECTED
    assert "cannot follow domestic_interconnect v2" in ran.out
    assert len(rows(ran.out, "breaks", "version")) == 1
