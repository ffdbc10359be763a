"""The members decide by command, over the state machine in memory: a rule from its folder to its height."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from abci_app.domain.rulebook.schema import Bundle as StoredBundle
from abci_app.kernel import ed25519
from abci_app.kernel.encoding import encode
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import Bundle, LoadedRule, compile_bundle
from abci_app.rules.executor import Entry
from settle.agent import readiness
from settle.agent.readiness import ReadinessWatch
from settle.chain.consortium import key_folder
from settle.chain.outbox import Outbox
from settle.cli.sending import outbox_path
from settle.rules.build import shipped_bundle
from settle.rules.plugin import SHIPPED
from settle.rules.shipped import ShippedRule
from tests.cli.command import Command
from tests.cli.conftest import As
from tests.cli.governed import governed_node
from tests.cli.node_in_memory import Json, MemoryNode
from tests.support.chains import CBN, CHAIN_ID, CMCC, CODES, CTCC, CUCC, signer

FLAT = int(ShippedRule.FLAT_MINUTES)
NEW = 5


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> MemoryNode:
    """A node whose chain has the shipped rules and short delays."""
    return governed_node(monkeypatch)


@pytest.fixture
def members(node: MemoryNode, as_operator: As) -> Mapping[int, Command]:
    """`settle` of each operator."""
    del node  # the fixture puts it in place
    return {number: as_operator(number) for number in CODES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A second version of a shipped rule, whose first stands in the chain's genesis."""
    made = tmp_path / "flat_minutes" / "v2"
    shutil.copytree(SHIPPED / "flat_minutes" / "v1", made)
    settings = made / "plugin.toml"
    settings.write_text('previous = "v1"\n' + settings.read_text().replace("Flat rate", "The same rate"))
    return made


Watch = Callable[..., list[str]]


@pytest.fixture
def watch(node: MemoryNode, tmp_path: Path) -> Watch:
    """`watch(CMCC)` is one look of CMCC's node, with its first key or another, at what waits; what it says."""

    def look(operator: int, which: int = 0) -> list[str]:
        key, said = signer(operator, Role.NODE, which), list[str]()
        home = tmp_path / f"home{operator}"
        outbox_path(home).parent.mkdir(parents=True, exist_ok=True)
        with node.client() as client:
            outbox = Outbox(outbox_path(home), client, CHAIN_ID.decode(), signers=[key])
            looking = ReadinessWatch(client, outbox, key, CHAIN_ID.decode(), said.append)
            looking.step()
            looking.step()  # the second hears what became of the first
            outbox.close()
        return said

    return look


def published(members: Mapping[int, Command], folder: Path) -> str:
    """The hash of the folder's bundle, published by CMCC and countersigned by CUCC."""
    members[CMCC].json("rule", "publish", folder)
    [draft] = members[CUCC].json("rule", "drafts")
    assert (draft["rule"], draft["sequence"], draft["state"]) == ("flat_minutes/v2", 2, "PUBLISHED")
    members[CUCC].json("rule", "sign", draft["bundle"][:10])
    [draft] = members[CUCC].json("rule", "drafts")
    assert (draft["state"], draft["signed by"]) == ("COUNTERSIGNED", "CMCC, CUCC")
    return str(draft["bundle"])


def scheduled(members: Mapping[int, Command], folder: Path, height: int) -> str:
    """The same, carried for a height."""
    bundle = published(members, folder)
    members[CMCC].json("gov", "propose", "rule", bundle, "--at", height, "--backdated", "--note", "the same rate")
    for operator in (CMCC, CUCC, CTCC):
        members[operator].json("gov", "vote", "CMCC/1")
    return bundle


def test_a_rule_goes_from_its_folder_to_the_height_it_runs_from(
    node: MemoryNode, members: Mapping[int, Command], folder: Path, watch: Watch
) -> None:
    cmcc, height = members[CMCC], 20
    bundle = published(members, folder)
    proposed = cmcc.json("gov", "propose", "rule", bundle, "--at", height, "--backdated")
    assert cmcc.json("gov", "propose", "rule", bundle, "--at", height, "--backdated") == proposed, "the same wish"
    assert watch(CMCC) == [f"bundle {bundle[:16]}…: checks, and all its vectors hold"], "before the vote"
    for operator in (CUCC, CTCC):
        members[operator].json("gov", "vote", "CMCC/1")
    shown = cmcc.json("gov", "show", "CMCC/1")
    assert "can still be carried" in cmcc("gov", "show", "CMCC/1").out
    assert (shown["state"], shown["carried"], shown["can_carry"]) == ("VOTING", False, True)
    assert [vote["operator"] for vote in shown["votes"]] == ["CUCC", "CTCC"]
    cmcc.json("gov", "vote", shown["document"][:8])
    [listed] = cmcc.json("gov", "list")
    assert (listed["state"], listed["yes"], listed["no"]) == ("APPROVED", 3, 0)
    assert listed["carries"] == f"bundle {bundle} runs from height {height}, past usage too"
    assert cmcc.json("gov", "list", "--open") == []
    waits = cmcc.json("gov", "readiness", f"{FLAT}/2")
    assert waits["missing"] == ["CMCC", "CUCC", "CTCC", "CBN"]
    assert waits["active_from"] is None
    for operator in CODES:
        assert any(": READY, in block" in said for said in watch(operator))
    assert watch(CMCC) == [], "one word is enough"
    ready = cmcc.json("gov", "readiness", bundle[:8])
    assert (ready["missing"], ready["active_from"]) == ([], height)
    assert ready["outcomes"]["here"] == ready["outcomes"]["stated"]
    while node.network.height < height:
        node.make_block()
    told = cmcc.json("gov", "history", FLAT)
    assert [each["state"] for each in told["versions"]] == ["RETIRED", "ACTIVE"]
    before = cmcc.json("gov", "history", FLAT, "--height", height - 1)
    assert [each["state"] for each in before["versions"]] == ["ACTIVE", "APPROVED"]


def test_a_node_that_computes_otherwise_refuses_and_everyone_sees_which(
    members: Mapping[int, Command], folder: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RULES.md "Must hold": one with a tampered checker does not become READY."""
    bundle = scheduled(members, folder, 30)

    def tampered(bundle: Bundle, name: bytes) -> LoadedRule:
        rule = compile_bundle(bundle, name)
        return rule._replace(
            functions=MappingProxyType({entry: _one_more(each) for entry, each in rule.functions.items()})
        )

    for operator in (CMCC, CUCC, CTCC):
        watch(operator)
    with monkeypatch.context() as here:
        here.setattr(readiness, "compile_bundle", tampered)
        said = watch(CBN)
        assert "vectors differ, first 1" in said[0]
        assert "REFUSED, in block" in said[1]
        assert watch(CBN)[1:] == [], "and says so once"
        seen_there = members[CBN].json("gov", "readiness", bundle[:8])["outcomes"]
        assert seen_there["here"] != seen_there["stated"]
        refused = members[CTCC]("rule", "sign", bundle)
        assert refused.status == 5
        assert "vectors differ" in refused.err
    told = members[CMCC].json("gov", "readiness", bundle[:8])
    assert (told["nodes"]["CBN"], told["missing"]) == ("refuses: its outcomes differ", ["CBN"])
    assert told["active_from"] == 30 + 8, "over two thirds are ready: after the grace"
    assert "READY, in block" in watch(CBN)[1], "once it is mended"
    assert members[CMCC].json("gov", "readiness", bundle[:8])["active_from"] == 30


def _one_more(entry: Entry) -> Entry:
    def call(*arguments: object) -> tuple[int, ...]:
        first, *rest = entry(*arguments)  # type: ignore[arg-type]  # what the vectors give
        return (first + 1, *rest)

    return call


def test_a_new_node_key_says_it_again_where_the_old_one_is_revoked(
    members: Mapping[int, Command], folder: Path, tmp_path: Path, watch: Watch
) -> None:
    bundle, cucc = scheduled(members, folder, 30), members[CUCC]
    watch(CUCC)
    signer(CUCC, Role.NODE, 1).write(key_folder(tmp_path / f"home{CUCC}") / "node-2.json")
    cucc.json("keys", "propose", "--register", "node-2", "--revoke", "node")
    cucc.json("keys", "approve", "1")
    assert "CUCC" in cucc.json("gov", "readiness", bundle)["missing"]
    assert "READY, in block" in watch(CUCC, 1)[1]
    assert "CUCC" not in cucc.json("gov", "readiness", bundle)["missing"]


def test_who_does_not_validate_is_not_asked(members: Mapping[int, Command], folder: Path, watch: Watch) -> None:
    scheduled(members, folder, 30)
    assert watch(NEW) == []


def test_a_published_version_is_verified_by_its_source_and_followed_by_a_folder(
    members: Mapping[int, Command], folder: Path
) -> None:
    """Publishing names what the chain has before it, whatever stands beside the folder."""
    bundle, cmcc = published(members, folder), members[CMCC]
    assert cmcc.json("rule", "verify", bundle, "--source", folder)["source"]["same"]
    following = shutil.copytree(folder, folder.with_name("v3"))
    other = cmcc("rule", "verify", bundle, "--source", following)
    assert (other.status, "differs" in other.out) == (1, True)
    assert cmcc.json("rule", "upgrade-check", bundle, following)["compatible"]
    skipping = cmcc("rule", "upgrade-check", bundle, shutil.copytree(folder, folder.with_name("v4")), "--json")
    broken = [each["what"] for each in skipping.document["findings"] if each["breaks"]]
    assert (skipping.status, broken) == (1, ["version"])


def test_a_bundle_that_another_node_changed_is_not_tried(
    node: MemoryNode, members: Mapping[int, Command], folder: Path
) -> None:
    bundle, query = scheduled(members, folder, 30), node.answers["abci_query"]

    def lying(params: Json) -> Json:
        answer = query(params)
        if params["path"] == "/rulebook/bundle":
            other = encode(StoredBundle(shipped_bundle("flat_minutes", 1)))
            answer["response"]["value"] = base64.b64encode(other).decode()
        return answer

    node.answers["abci_query"] = lying
    for words in (("gov", "readiness", f"{FLAT}/2"), ("rule", "sign", bundle), ("rule", "verify", bundle)):
        ran = members[CTCC](*words)
        assert (ran.status, "does not tell the truth" in ran.err) == (5, True), words


def test_a_bundle_can_be_taken_back(members: Mapping[int, Command], folder: Path) -> None:
    bundle = published(members, folder)
    members[CMCC].json("rule", "sign", bundle, "--withdraw")
    assert members[CMCC].json("rule", "drafts")[0]["state"] == "WITHDRAWN"
    ran = members[CMCC]("gov", "propose", "rule", bundle, "--at", 30, "--backdated", "--json")
    assert ran.document["error"]["name"] == "NOT_COUNTERSIGNED"
    assert members[CMCC]("gov", "propose", "rule", "flat_minutes/v2", "--at", 30).status == 2, "the name is free again"


def test_a_rule_goes_live_and_is_followed_back_by_its_name(
    node: MemoryNode, members: Mapping[int, Command], folder: Path, watch: Watch
) -> None:
    cmcc = members[CMCC]
    cmcc.json("rule", "publish", folder)
    members[CUCC].json("rule", "sign", "flat_minutes/v2")
    cmcc.json("gov", "propose", "rule", "flat_minutes/v2", "--after", 20, "--backdated")
    for operator in (CUCC, CTCC, CMCC):
        members[operator].json("gov", "vote", "CMCC/1")
    waiting = cmcc("gov", "readiness", "flat_minutes/v2", "--wait", "0.01")
    assert (waiting.status, "too few are ready" in waiting.err) == (4, True)
    for operator in CODES:
        watch(operator)
    while node.network.height < 30:
        node.make_block()
    assert cmcc.json("gov", "readiness", "flat_minutes/v2", "--wait", 1)["missing"] == []
    history = cmcc.json("gov", "history", "flat_minutes")
    assert (history["rule"], [each["state"] for each in history["versions"]]) == (FLAT, ["RETIRED", "ACTIVE"])
    steps = cmcc.json("trace", "rule:flat_minutes")["steps"]
    kinds = [step["kind"].partition(".")[2] for step in steps]
    assert kinds[:3] == ["rule_published", "bundle_stored", "rule_version_activated"], "genesis"
    assert kinds[3:6] == ["bundle_stored", "bundle_published", "bundle_signed"]
    assert [kinds.count(each) for each in ("proposal_made", "vote_cast", "readiness_signed")] == [1, 3, 4]
    assert kinds.index("proposal_carried") < kinds.index("version_scheduled") < kinds.index("readiness_signed")


def test_a_vote_that_ends_after_the_height_is_of_no_effect_and_says_why(
    node: MemoryNode, members: Mapping[int, Command], folder: Path
) -> None:
    published(members, folder)
    members[CMCC].json("gov", "propose", "rule", "flat_minutes/v2", "--after", 5, "--backdated")
    for _ in range(10):
        node.make_block()
    for operator in (CUCC, CTCC, CMCC):
        members[operator].json("gov", "vote", "CMCC/1")
    assert "FAILED, code 318" in members[CMCC]("gov", "show", "CMCC/1").out
    members[CMCC].json("gov", "propose", "rule", "flat_minutes/v2", "--after", 5, "--backdated")
    assert {each["proposal"] for each in members[CMCC].json("gov", "list", "--open")} == {"CMCC/2"}


@pytest.mark.parametrize("heights", [(), ("--at", 40, "--after", 20)])
def test_a_rule_is_proposed_for_a_height_or_a_distance(
    heights: tuple[object, ...], members: Mapping[int, Command], folder: Path
) -> None:
    published(members, folder)
    ran = members[CMCC]("gov", "propose", "rule", "flat_minutes/v2", *heights)
    assert (ran.status, "one of --at HEIGHT and --after BLOCKS" in ran.err) == (2, True)


def test_a_member_applies_and_is_admitted_and_its_validator_appointed(
    members: Mapping[int, Command], as_operator: As, tmp_path: Path
) -> None:
    new, cmcc = as_operator(NEW), members[CMCC]
    said = ("--name", "New Networks", "--kind", "fixed", "--unit", "1=north", "--unit", "2=south")
    new.json("member", "apply", "NEW", *said, "--output", "application.hex")
    cmcc.json("gov", "propose", "admit", "application.hex")
    for operator in (CMCC, CUCC, CTCC):
        members[operator].json("gov", "vote", "CMCC/1")
    assert cmcc.json("member", "show", "NEW")["units"] == {"1": "north", "2": "south"}
    seed = b"\x07" * 32
    config = tmp_path / f"home{NEW}" / "cometbft" / "config"
    config.mkdir(parents=True)
    pair = base64.b64encode(seed + ed25519.public_of(seed)).decode()
    (config / "priv_validator_key.json").write_text(json.dumps({"priv_key": {"type": "ed25519", "value": pair}}))
    proved = new.json("node", "prove", "--output", "validator.hex")
    assert proved["validator"] == ed25519.public_of(seed).hex()
    cmcc.json("gov", "propose", "appoint", "validator.hex")
    for operator in (CMCC, CUCC, CTCC):
        members[operator].json("gov", "vote", "CMCC/2")
    assert cmcc.json("member", "show", "NEW")["validators"] == [proved["validator"]]
    assert "CMCC/2" in {each["proposal"] for each in new.json("gov", "list")}


def test_files_that_are_no_applications_are_refused(members: Mapping[int, Command], tmp_path: Path) -> None:
    for content in ("no hex", "00", "é"):
        (tmp_path / "application").write_text(content)
        assert members[CMCC]("gov", "propose", "admit", tmp_path / "application").status == 5
    assert key_folder(tmp_path / f"home{CMCC}").exists()
    assert members[CMCC]("node", "prove", "--output", "validator.hex").status == 5


def test_what_people_read_names_operators_and_reasons(
    members: Mapping[int, Command], folder: Path, watch: Watch
) -> None:
    bundle, cmcc = scheduled(members, folder, 30), members[CMCC]
    watch(CUCC)
    said = {
        ("gov", "list"): ["CMCC/1", "CONSORTIUM", "APPROVED", bundle],
        ("gov", "show", "CMCC/1"): ["the same rate", "CUCC votes", "has not voted", "CBN"],
        ("gov", "readiness", f"{FLAT}/2"): ["node of CUCC", "ready", "missing", "computes the same", "no height yet"],
        ("gov", "readiness", f"{FLAT}/1"): ["nobody is asked"],
        ("gov", "history", str(FLAT)): ["ACTIVE", "APPROVED", "genesis", "never"],
        ("gov", "parameters"): ["voting", "consortium 2/3"],
        ("rule", "drafts"): ["flat_minutes/v2", "CMCC, CUCC"],
    }
    for words, parts in said.items():
        ran = cmcc(*words)
        assert ran.status == 0
        assert [part for part in parts if part not in ran.out] == [], ran.out
