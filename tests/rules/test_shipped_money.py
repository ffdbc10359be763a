"""The shipped rules about money: tolerance with a running sum, time bars, netting, interest, tax, send-or-pay."""

from __future__ import annotations

import re
from datetime import datetime
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import floor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abci_app.domain.agreements.schema import Profile
from abci_app.domain.rulebook.schema import RuleVersionActivated
from abci_app.kernel.netting import Debt, legs_of, net_positions
from abci_app.rules.bundle import bundle_hash
from settle.rules.arguments import outcome
from settle.rules.build import shipped_bundle, shipped_rule
from settle.rules.plugin import SHIPPED, read_vectors
from settle.rules.shipped import ShippedRule, rulebook_facts

MINE = [
    ("tolerance_percent", 2),
    ("dispute_time_bar", 1),
    ("multilateral_netting", 1),
    ("late_interest", 1),
    *(("value_added_tax", version) for version in (1, 2, 3, 4)),
    ("send_or_pay", 1),
]
LOWER, MEAN = 0, 3
AMOUNTS = st.one_of(st.integers(0, 300), st.integers(0, 2**61))
UNLIMITED = 2**61
CNY = 1_000_000
loaded = cache(shipped_rule)
JUDGE, TIME_BARS = loaded("tolerance_percent", 2), loaded("dispute_time_bar", 1)


def folder(name: str, version: int) -> Path:
    return SHIPPED / name / f"v{version}"


def half_up(value: Fraction) -> int:
    """Ties away from zero: DIN 1333."""
    return floor(value + Fraction(1, 2)) if value >= 0 else -floor(-value + Fraction(1, 2))


# ------------------------------------------------------------------------------------------------- every rule


@pytest.mark.parametrize(("name", "version"), MINE)
def test_every_rejection_has_a_vector_and_stands_in_the_readme(name: str, version: int) -> None:
    codes = set(re.findall(r'reject\("([A-Z_]+)"\)', (folder(name, version) / "rule.py").read_text(encoding="ascii")))
    rule = loaded(name, version)
    assert {one.rejection for one in read_vectors(folder(name, version), rule.program)} - {""} == codes
    first = 1 if name == "value_added_tax" else version  # the later ones change rates only and refer to it
    readme = (folder(name, first) / "README.md").read_text(encoding="utf-8")
    assert all(f"`{code}`" in readme for code in codes)


@pytest.mark.parametrize(("name", "version"), MINE)
def test_every_readme_says_source_assumptions_and_a_worked_example(name: str, version: int) -> None:
    readme = (folder(name, version) / "README.md").read_text(encoding="utf-8")
    assert all(f"## {part}\n" in readme for part in ("Source", "Assumptions", "Worked example"))


@pytest.mark.parametrize(("name", "version"), MINE)
def test_an_agreement_gives_every_entry_point_the_same_parameters(name: str, version: int) -> None:
    """A binding is one list of numbers for the slot."""
    rule = loaded(name, version)
    assert len({tuple(one.name for one in rule.agreement_parameters(entry)) for entry in rule.functions}) == 1


# -------------------------------------------------------------------------------------------------- tolerance


@given(AMOUNTS, AMOUNTS, st.integers(0, 10_000))
def test_without_a_limit_the_second_version_judges_as_the_first(creditor: int, debtor: int, bps: int) -> None:
    before = loaded("tolerance_percent", 1).call("judge_line", creditor, debtor, bps)
    verdict, settled, _ = JUDGE.call("judge_line", creditor, debtor, 0, bps, LOWER, UNLIMITED)
    assert (verdict, settled) == before


@given(AMOUNTS, AMOUNTS, st.integers(-500, 500), st.integers(0, 10_000), st.integers(0, 3), st.integers(0, 400))
def test_what_is_settled_lies_between_the_figures_and_the_sum_inside_its_limit(
    creditor: int, debtor: int, bias: int, bps: int, figure: int, limit: int
) -> None:
    verdict, settled, after = JUDGE.call("judge_line", creditor, debtor, bias, bps, figure, limit)
    assert min(creditor, debtor) <= settled <= max(creditor, debtor)
    if verdict == 1:
        assert after == bias + creditor - debtor
        assert abs(after) <= limit or abs(after) < abs(bias)
    else:
        assert (settled, after) == (min(creditor, debtor), bias)


def test_each_figure_of_two_real_switches() -> None:
    settled = [JUDGE.call("judge_line", 380_220_000, 383_400_000, 0, 100, figure, 10 * CNY)[1] for figure in range(4)]
    assert settled == [380_220_000, 380_220_000, 383_400_000, 381_810_000]


def test_shading_by_nine_per_mille_pays_for_three_periods_and_then_no_more() -> None:
    bias, verdicts = 0, []
    for _ in range(12):
        verdict, _, bias = JUDGE.call("judge_line", 100 * CNY, 99_100_000, bias, 100, LOWER, 3 * CNY)
        verdicts.append(verdict)
    assert verdicts == [1, 1, 1, *[2] * 9]
    assert bias == 2_700_000


def test_honest_noise_goes_on_for_ever() -> None:
    bias = 0
    for period in range(200):
        other = 100 * CNY + (400_000 if period % 2 else -400_000)
        verdict, _, bias = JUDGE.call("judge_line", 100 * CNY, other, bias, 100, MEAN, CNY)
        assert verdict == 1


def test_a_version_that_asks_for_other_parameters_is_not_in_force_at_genesis() -> None:
    """Agreements in force bind one parameter: the second version would call each of their lines different."""
    active = [
        fact.version
        for fact in rulebook_facts()
        if isinstance(fact, RuleVersionActivated) and fact.rule == ShippedRule.TOLERANCE_PERCENT
    ]
    assert active == [1]
    assert JUDGE.manifest.previous == bundle_hash(shipped_bundle("tolerance_percent", 1))


# --------------------------------------------------------------------------------------------------- disputes


@given(
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.integers(0, 8_000_000),
    st.integers(1, 5),
)
def test_a_line_may_be_disputed_exactly_where_the_practice_says_so(
    creditor: int, debtor: int, total: int, other: int, age: int, profile: int
) -> None:
    percent, days = {1: (0, 30), 2: (1, 90), 3: (0, 62), 4: (0, 60), 5: (0, 60)}[profile]
    above = percent == 0 or (total > 0 and Fraction(total - other, total) > Fraction(percent, 100))
    reasons = [
        (creditor <= debtor, "NOTHING_DISPUTED"),
        (not above, "BELOW_THRESHOLD"),
        (age > days * 86_400, "TOO_LATE"),
    ]
    expected = next((code for holds, code in reasons if holds), (1,))
    assert outcome(TIME_BARS.call, "may_raise", creditor, debtor, total, other, age, profile) == expected


def test_the_profiles_have_the_numbers_that_agreements_give_them() -> None:
    rows = {row[0] for row in TIME_BARS.tables["PROFILES"].rows}
    assert rows == {*Profile, 5}


def test_the_bar_to_raise_is_the_age_at_which_raising_ends() -> None:
    for profile in range(1, 6):
        (seconds,) = TIME_BARS.call("time_bar", 1, profile)
        assert outcome(TIME_BARS.call, "may_raise", 2, 1, 2, 1, seconds, profile) == (1,)
        assert outcome(TIME_BARS.call, "may_raise", 2, 1, 2, 1, seconds + 1, profile) == "TOO_LATE"


# ---------------------------------------------------------------------------------------------------- netting


@given(
    st.lists(st.builds(Debt, st.integers(1, 3), st.integers(4, 6), st.integers(1, 1_000)), max_size=20),
    st.integers(0, 500),
)
def test_an_operator_with_a_small_net_has_small_legs_only(debts: list[Debt], threshold: int) -> None:
    rule, nets = loaded("multilateral_netting", 1), net_positions(debts)
    small = {net.operator for net in nets if rule.call("small_amount", net.amount, threshold) == (1,)}
    for leg in legs_of(nets):
        if {leg.payer, leg.payee} & small:
            assert rule.call("leg", leg.amount, threshold) == (0,)


# --------------------------------------------------------------------------------------------------- interest


@given(st.integers(0, 10**13), st.integers(0, 4_000), st.integers(0, 10_000), st.integers(0, 1), st.integers(0, 60))
def test_interest_is_the_formula_of_the_laws_rounded_once(
    principal: int, days: int, rate: int, year: int, grace: int
) -> None:
    expected = half_up(Fraction(principal * rate * days, 10_000 * (365, 360)[year])) if days > grace else 0
    assert loaded("late_interest", 1).call("interest", principal, days, rate, year, grace, 0) == (expected,)


# -------------------------------------------------------------------------------------------------------- tax


def test_one_rate_of_tax_holds_at_every_moment_from_the_first_law_on() -> None:
    manifests = [loaded("value_added_tax", version).manifest for version in (1, 2, 3, 4)]
    days = ("2014-06-01", "2018-05-01", "2019-04-01", "2026-01-01")
    starts = [int(datetime.fromisoformat(f"{day}T00:00:00+08:00").timestamp()) for day in days]
    assert [manifest.effective_from for manifest in manifests] == starts
    assert all(before.effective_to == after.effective_from for before, after in pairwise(manifests))
    assert [bytes(manifest.previous) for manifest in manifests[1:]] == [
        bundle_hash(shipped_bundle("value_added_tax", version)) for version in (1, 2, 3)
    ]


@pytest.mark.parametrize(("version", "voice", "sms"), [(1, 11, 6), (2, 10, 6), (3, 9, 6), (4, 9, 9)])
def test_the_rates_of_the_four_laws(version: int, voice: int, sms: int) -> None:
    rule = loaded("value_added_tax", version)
    for service, percent in ((1, voice), (2, sms), (3, sms), (4, sms), (5, voice)):
        for net in (-101, -50, -1, 0, 1, 49, 50, 51, 99, 38_022, 10**12 + 7):
            assert rule.call("tax", service, net, 0) == (half_up(Fraction(net * percent, 100)),)
            assert all(rule.call("tax", service, net, treatment) == (0,) for treatment in (1, 2, 3))


def test_only_the_table_differs_between_the_versions_of_the_tax() -> None:
    texts = {(folder("value_added_tax", version) / "rule.py").read_bytes() for version in (1, 2, 3, 4)}
    assert len(texts) == 1


# ----------------------------------------------------------------------------------------------- send or pay


@given(
    st.integers(0, 200),
    st.integers(0, 10**6),
    st.integers(1, 7),
    st.integers(0, 20),
    st.integers(0, 20),
    st.tuples(*[st.integers(0, 50)] * 3),
)
def test_a_deal_is_its_units_one_by_one(
    units: int, billed: int, size: int, committed: int, tranche: int, prices: tuple[int, int, int]
) -> None:
    last_from, due = committed + tranche, Fraction(committed * prices[0])
    for at in range(units):  # the unit of the records that begins at `at`
        if at // size >= committed:
            due += Fraction(prices[1] if at // size < last_from else prices[2], size)
    found = loaded("send_or_pay", 1).call(
        "adjustment", units, billed, size, committed, prices[0], prices[1], last_from, prices[2]
    )
    assert found == (half_up(due) - billed,)
