"""What the demonstration says of a change of rule, and when it says that something went wrong."""

from __future__ import annotations

import pytest

from abci_app.domain.rulebook.schema import BundleStored, RulePublished, RuleVersionActivated
from settle.agent.impact import PairChange
from settle.chain.consortium import CHINA
from settle.cli.demo.envelope import fill, traffic, traffic_of_the_old_year
from settle.cli.demo.impact import OrderImpact, pair_said
from settle.cli.demo.money import Compared, before_the_order
from settle.cli.demo.order import Ordered
from settle.cli.demo.picture import PeriodLine, in_one_line
from settle.cli.demo.report import Report
from settle.cli.demo.stage import rulebook_before_the_order
from settle.cli.demo.terms import over_the_new_year, period_name
from settle.rules.shipped import ShippedRule, rulebook_facts
from settle.sample.lines import TruthLine

OLD, NEW = "0a" * 32, "0b" * 32
MINUTE = 60_000  # 10^-6 CNY
GOOD = Ordered(
    document="0c" * 32,
    old=OLD,
    new=NEW,
    published_by="CUCC",
    countersigned_by="CTCC",
    asked_for=40,
    active_from=40,
    ready=("CMCC", "CUCC", "CTCC", "CBN"),
    nodes=4,
    switched=True,
    hashes=("0d" * 32,) * 4,
    impact=OrderImpact(0, ()),
    before=3,
    after=2,
)
DECEMBER = Compared("2013-12", "CMCC", "CUCC", OLD, 7, 0, 7, differs=False)
JANUARY = Compared("2014-01", "CMCC", "CUCC", NEW, 5, 0, 5, differs=False)


def report(order: Ordered = GOOD, directions: tuple[Compared, ...] = (DECEMBER, JANUARY)) -> Report:
    return Report(
        seal="seal",
        faults=(),
        attempts=(),
        order=order,
        revived="",
        faults_found=True,
        directions=directions,
        lines=(),
        closed=2,
        periods=2,
        human_actions=1,
        seconds_to_signed=1.0,
        bytes_per_period=1,
        hashes=("0e" * 32,) * 4,
        seconds=1.0,
    )


# Until the end of 2013, as the trade press of 2013-12-24 has it beside the order: 10^-6 CNY a minute or message.
BEFORE = [
    ("CMCC", "CUCC", "VOICE", False, False, False, MINUTE),
    ("CUCC", "CMCC", "VOICE", False, False, False, MINUTE),
    ("CTCC", "CMCC", "VOICE", False, False, True, MINUTE),
    ("CMCC", "CTCC", "VOICE", True, True, False, 12_000),
    ("CMCC", "CTCC", "VOICE", False, True, False, MINUTE),
    ("CUCC", "CTCC", "VOICE", True, True, False, MINUTE),
    ("CBN", "CMCC", "SMS", False, False, False, 30_000),
    ("CMCC", "CBN", "MMS", False, False, False, 100_000),
]


@pytest.mark.parametrize(("sender", "receiver", "service", "local", "caller", "called", "price"), BEFORE)
def test_the_truth_of_the_old_year_is_priced_by_the_rules_of_that_year(
    sender: str, receiver: str, service: str, local: bool, caller: bool, called: bool, price: int
) -> None:
    line = TruthLine(sender, receiver, service, local, caller, called, calls=5, units_actual=1, units_started=7)
    assert before_the_order(line) == 7 * price


def test_the_network_starts_with_the_shipped_rules_but_for_the_version_that_is_ordered() -> None:
    facts, shipped = rulebook_before_the_order(), rulebook_facts()
    left_out = [fact for fact in shipped if fact not in facts]
    assert [type(fact) for fact in left_out] == [BundleStored, RuleVersionActivated]
    versions = [fact for fact in facts if isinstance(fact, RuleVersionActivated)]
    assert [each.version for each in versions if each.rule == ShippedRule.DOMESTIC_INTERCONNECT] == [1]
    assert {fact.rule for fact in facts if isinstance(fact, RulePublished)} == set(ShippedRule)


def test_the_old_years_last_day_is_a_period_of_its_own_next_to_the_month() -> None:
    terms = over_the_new_year(CHINA[0], CHINA[1], 1_000_000, 1.0)
    december, january = terms.calendar
    assert december.usage_to == january.usage_from
    assert [period_name(terms, row.ordinal) for row in terms.calendar] == ["2013-12", "2014-01"]


def test_the_old_years_traffic_has_streams_of_its_own_and_no_faults() -> None:
    month = traffic(3, 60_000, fill(3))
    old_year = traffic_of_the_old_year(month)
    assert old_year.usage_to == month.usage_from
    assert old_year.stream("CMCC", "CBN") != month.stream("CMCC", "CBN")
    assert (old_year.seed, old_year.faults.faults) == (month.seed, ())
    assert len(month.faults.faults) == 2


def test_a_switch_as_it_should_be_has_no_problems() -> None:
    assert report().problems == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ready": ("CMCC", "CUCC", "CTCC")}, "3 of 4 nodes READY"),
        ({"switched": False}, "does not switch at height 40"),
        ({"hashes": ("0d" * 32,) * 3 + ("0f" * 32,)}, "different app hashes after the switch"),
        ({"before": 0}, "no load around the switch"),
        ({"after": 0}, "no load around the switch"),
        ({"old": NEW}, "not v1 for the old year"),
    ],
)
def test_a_switch_that_went_wrong_is_a_problem(changes: dict[str, object], said: str) -> None:
    [problem] = report(GOOD._replace(**changes)).problems
    assert said in problem


def test_a_month_that_the_wrong_version_priced_is_a_problem() -> None:
    [problem] = report(directions=(DECEMBER, JANUARY._replace(rating=OLD))).problems
    assert problem.startswith("not v1 for the old year and v2 for the new one")


def test_money_off_the_truth_names_its_month() -> None:
    [problem] = report(directions=(DECEMBER._replace(settled=8), JANUARY)).problems
    assert problem.startswith("2013-12: CMCC to CUCC settled")


def test_a_change_of_balance_is_what_the_first_gains() -> None:
    told = pair_said(PairChange("CMCC", "CUCC", old=600_000, new=-150_000, gross_old=3_000_000, gross_new=2_000_000))
    assert told == "CMCC-CUCC: both owe CNY 3.00 by v1, CNY 2.00 by v2; CMCC loses CNY 0.75 to CUCC"


def test_periods_of_a_pair_share_a_line_and_say_once_what_is_the_same() -> None:
    one = PeriodLine("CMCC-CUCC", "1", "SIGNED", "all agree", "CNY 1.00", "CNY 0.00")
    both = in_one_line([one, one._replace(files="8", payable="CNY 2.00")])
    assert both == ("CMCC-CUCC", "1 / 8", "SIGNED", "all agree", "CNY 1.00 / CNY 2.00", "CNY 0.00")
