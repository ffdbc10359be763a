"""Bundles that no author should send, in whole blocks: each refused with its own code, and the chain goes on.

What is wrong with a tree, a table or a manifest in itself has its tests in tests/rules; here it arrives in a
transaction that consensus has decided.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.application.transaction import Code
from abci_app.domain.rulebook.schema import BundleStored, PublishBundle, ScheduleVersion
from abci_app.domain.rulebook.schema import Code as RulebookCode
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from abci_app.rules.bundle import EntryCost, TableDigest, bundle_hash, load_bundle, read_bundle, write_bundle
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.tables import Table, read_table, table_hash, write_table
from abci_app.rules.tree import read_program, tree_hash, write_program
from settle.rules.build import shipped_bundle
from settle.rules.parse import parse_rule
from tests.rules.programs import text
from tests.support.chains import signer
from tests.support.governing import SECOND, Council, edited, governor

VOICE = edited(shipped_bundle("international_voice", 1), sequence=1, previous=b"")
GOOD = read_bundle(VOICE)
FORMS = read_program(GOOD.tree).tables


def with_tree(body: str, parameters: str = "x: Annotated[int, 0, 1_000]") -> bytes:
    """The bundle around a tree that nobody has proved."""
    tree = write_program(parse_rule(text(body, parameters)).program)
    return write_bundle(replace(GOOD, manifest=replace(GOOD.manifest, tree=tree_hash(tree)), tree=tree))


def with_rows(rows: tuple[tuple[object, ...], ...]) -> bytes:
    """The bundle with other rows in its first table, and the digest that they have."""
    raw = write_table(Table(FORMS[0].name, rows))  # type: ignore[arg-type]  # cells that no author could build
    digests = (TableDigest(FORMS[0].name, table_hash(raw)), *GOOD.manifest.tables[1:])
    return write_bundle(replace(GOOD, manifest=replace(GOOD.manifest, tables=digests), tables=(raw, *GOOD.tables[1:])))


def with_costs(change: int) -> bytes:
    """The bundle that declares another cost than its tree has."""
    costs = tuple(EntryCost(each.entry, each.cost + change) for each in GOOD.manifest.costs)
    return edited(VOICE, sequence=1, previous=b"", costs=costs)


def with_result(change: int) -> bytes:
    """The bundle whose first vector promises another figure."""
    first = GOOD.vectors[0]
    wrong = replace(first, results=(*first.results[:-1], first.results[-1] + change))
    return write_bundle(replace(GOOD, vectors=(wrong, *GOOD.vectors[1:])))


ROWS = read_table(GOOD.tables[0], FORMS[0]).rows
DUPLICATE, UNSORTED = (ROWS[0], ROWS[0], *ROWS[1:]), ROWS[::-1]
OUTSIDE = ((*ROWS[0][:-1], FORMS[0].columns[-1].high + 1), *ROWS[1:])
MONEY = 'cny: Annotated[Money["CNY"], 0, 9], usd: Annotated[Money["USD"], 0, 9]'

BAD: dict[str, tuple[bytes, RuleCode]] = {
    "does not check": (with_tree("return Outcome(r=nobody)"), RuleCode.UNDEFINED),
    "has no result on some path": (with_tree("if b:\n    return Outcome(r=1)"), RuleCode.MAY_NOT_RETURN),
    "mixes units": (with_tree("s = cny + usd\nreturn Outcome(r=0)", MONEY), RuleCode.WRONG_UNIT),
    "may overflow": (
        with_tree("s = x * x\nreturn Outcome(r=0)", "x: Annotated[int, 0, 9_000_000_000]"),
        RuleCode.LEAVES_64_BITS,
    ),
    "may divide by zero": (with_tree("return Outcome(r=1 // x)"), RuleCode.DIVISOR_NOT_POSITIVE),
    "costs more than any rule may": (
        with_tree("s = 0\nfor i in range(10_000):\n    for j in range(10_000):\n        s = j\nreturn Outcome(r=s)"),
        RuleCode.TOO_COSTLY,
    ),
    "costs more than declared": (with_costs(-1), RuleCode.BAD_MANIFEST),
    "costs less than declared": (with_costs(1), RuleCode.BAD_MANIFEST),
    "table value outside its range": (with_rows(OUTSIDE), RuleCode.BAD_TABLE),
    "table not sorted": (with_rows(UNSORTED), RuleCode.BAD_TABLE),
    "table with a key twice": (with_rows(DUPLICATE), RuleCode.BAD_TABLE),
    "vector that does not hold": (with_result(1), RuleCode.VECTOR_FAILED),
}


def test_what_the_bad_ones_are_made_of_is_good() -> None:
    assert load_bundle(VOICE).hash == bundle_hash(VOICE)
    assert Council().send(governor(1), PublishBundle(VOICE))[0] == 0
    assert len(ROWS) > 1


@pytest.mark.parametrize(("raw", "code"), BAD.values(), ids=BAD)
def test_a_rule_that_is_not_sound_is_refused_and_the_chain_goes_on(raw: bytes, code: RuleCode) -> None:
    council = Council()
    rows = council.rows()
    assert council.send(governor(1), PublishBundle(raw)) == (code, [])
    with pytest.raises(RuleRefused) as refused:
        load_bundle(raw)
    assert council.log().startswith(f"{code.name}: ")
    assert refused.value.where in council.log(), "the text says where in the rule"
    assert council.rows() == rows
    assert council.send(governor(1), PublishBundle(VOICE))[0] == 0


def test_a_bundle_published_with_a_revoked_key_stays_outside() -> None:
    council = Council()
    assert council.change_keys(1, 1, [signer(1, Role.GOVERNANCE, 1)], [governor(1).public]) == 0
    raw = council.signed(governor(1), [PublishBundle(SECOND)])
    assert council.network.chain.check(raw, recheck=False).code == Code.UNKNOWN_KEY
    block = council.network.propose(raw)
    assert not council.network.chain.process(block)
    (outcome,) = council.network.decide(block).outcomes
    assert outcome.code == Code.UNKNOWN_KEY
    assert council.send(signer(1, Role.GOVERNANCE, 1), PublishBundle(SECOND))[0] == 0


def test_a_countersignature_with_a_revoked_key_is_none() -> None:
    council = Council()
    bundle = council.publish(SECOND, signers=[1])
    assert council.change_keys(2, 1, [signer(2, Role.GOVERNANCE, 1)], [governor(2).public]) == 0
    late = council.signed(governor(2), [Approve(DocumentKind.BUNDLE, bundle, Role.GOVERNANCE, Verdict.APPROVE)])
    (outcome,) = council.network.decide(council.network.propose(late)).outcomes
    assert outcome.code == Code.UNKNOWN_KEY


def forged(raw: bytes) -> bytes:
    """A transaction with one bit of its signature turned."""
    return raw[:-1] + bytes((raw[-1] ^ 1,))


def test_a_forged_bundle_is_refused_by_every_honest_node() -> None:
    """Its transaction's signature is another's; a countersignature forged so is no better."""
    council = Council()
    bundle = bundle_hash(SECOND)
    sign = Approve(DocumentKind.BUNDLE, bundle, Role.GOVERNANCE, Verdict.APPROVE)
    for message in (PublishBundle(SECOND), sign):
        raw = forged(council.signed(governor(2), [message]))
        assert council.network.chain.check(raw, recheck=False).code == Code.BAD_SIGNATURE
        block = council.network.propose(raw)
        assert not council.network.chain.process(block), "no honest node votes for the block"
        (outcome,) = council.network.decide(block).outcomes
        assert outcome.code == Code.BAD_SIGNATURE, "nor does it run where a majority decided it"
    assert not [fact for fact in council.facts_since(0) if isinstance(fact, BundleStored) and fact.bundle == bundle]


def test_a_bundle_forged_after_its_signatures_has_none() -> None:
    """A bundle's name is its hash: other bytes are another bundle, unsigned, and not voted on."""
    council = Council()
    council.publish(SECOND)
    changed = edited(change_note=b"with my price")
    assert council.send(governor(3), PublishBundle(changed))[0] == 0, "publishing is no signature"
    wish = ScheduleVersion(bundle_hash(changed), council.height + 12, True)
    assert council.propose(3, Track.CONSORTIUM, wish)[0] == RulebookCode.NOT_COUNTERSIGNED
