"""What a change of rule does in money, against the generator's truth and tariffs written down here a second time."""

from __future__ import annotations

import atexit
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import Flow
from settle.agent.bulk_rating import LineName, Terms, rate_traffic
from settle.agent.impact import Impact, impact_of, per_mille
from settle.agent.intake.bad_input import BadInput
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.records import Service
from settle.agent.summarise import OUT_OF_RANGE
from settle.agent.traffic import Traffic, counted_once, find_files, read_traffic
from settle.rules.build import shipped_rule
from settle.sample.generate import generate
from settle.sample.lines import TruthLine, truth_lines
from settle.sample.plan import SamplePlan, domestic_operators, month

CODES = ("CMCC", "CUCC", "CTCC", "CBN")
SERIES = ("86157", "86188")
TERMS = Terms(
    networks={code: number for number, code in enumerate(CODES, 1)},
    services={Service.VOICE: 1, Service.SMS: 2, Service.MMS: 3, Service.DATA: 4},
    parameters={},
)
OLD, NEW = (shipped_rule("domestic_interconnect", version) for version in (1, 2))


@cache
def sample() -> Path:
    """January 2014 of four operators, both views and the truth."""
    operators = tuple(replace(one, subscribers=5_000) for one in domestic_operators())
    usage_from, usage_to = month(2014, 1)
    plan = SamplePlan(seed=11, records=6_000, usage_from=usage_from, usage_to=usage_to, operators=operators)
    scratch = Path(mkdtemp())
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    generate(plan, scratch / "sample")
    return scratch / "sample"


@cache
def seen(*operators: str) -> tuple[Traffic, ...]:
    """What these operators' files hold."""
    files = find_files([sample() / each / "records" for each in operators], "", None)
    return tuple(read_traffic(files, load_number_plan()))


@cache
def impact() -> Impact:
    return impact_of(counted_once(seen(*CODES)), OLD, NEW, TERMS)


def plain_old(line: TruthLine) -> tuple[int, int]:
    """Band and price of a minute or message in 10^-6 CNY until 2013: the agreement of 2003, as DOMAIN.md has it."""
    if line.service == "SMS":
        return 0, 30_000
    if line.service == "MMS":
        return 0, 100_000
    if line.receiver == "CMCC" and line.called_special:
        return 1, 60_000
    if line.sender == "CMCC" and line.local and line.caller_special:
        return 2, 12_000
    return 0, 60_000


def plain_new(line: TruthLine) -> tuple[int, int]:
    """The same from 2014-01-01: order 506 of 2013."""
    if line.service == "SMS":
        return 0, 10_000
    if line.service == "MMS":
        return 0, 50_000
    if line.receiver == "CMCC" and line.called_special:
        return 1, 60_000
    return 0, 40_000 if line.receiver == "CMCC" and line.sender in ("CUCC", "CTCC") else 60_000


def recomputed() -> tuple[Counter[LineName], Counter[LineName]]:
    """What each line costs under either rule, in 10^-6 CNY, from the truth alone."""
    old: Counter[LineName] = Counter()
    new: Counter[LineName] = Counter()
    for line in truth_lines(sample(), SERIES):
        if line.service == "DATA":
            continue
        for sums, tariff in ((old, plain_old), (new, plain_new)):
            band, price = tariff(line)
            sums[LineName(line.sender, line.receiver, Service(line.service), band)] += price * line.units_started
    return old, new


def test_every_line_is_what_the_truth_says_under_both_rules() -> None:
    old, new = recomputed()
    for rated, expected in ((impact().old, old), (impact().new, new)):
        assert {name: charge.amount for name, charge in rated.lines.items()} == dict(expected)
    bands = {(change.name.service, change.name.band) for change in impact().changes()}
    assert (Service.VOICE, 2) in bands, "without local calls of the series the switch is not tested whole"


def test_differences_gains_and_pairs_add_up_to_the_truths() -> None:
    old, new = recomputed()
    changes = impact().changes()
    assert {change.name: change.difference for change in changes} == {
        name: new[name] - old[name] for name in sorted(old.keys() | new.keys())
    }
    standings = {each.operator: each for each in impact().standings()}
    for operator in CODES:
        gain = sum((new[name] - old[name]) * ((name.receiver == operator) - (name.sender == operator))
                   for name in old.keys() | new.keys())  # fmt: skip
        assert standings[operator].gain == gain
        assert standings[operator].owes_new == sum(money for name, money in new.items() if name.sender == operator)
    assert sum(each.gain for each in standings.values()) == 0
    assert min(standings.values(), key=lambda each: each.gain).operator == "CMCC", "the order helps the smaller ones"
    for pair in impact().pairs():
        there, back = (
            sum(money for name, money in new.items() if (name.sender, name.receiver) == ends)
            for ends in ((pair.second, pair.first), (pair.first, pair.second))
        )
        assert (pair.new, pair.gross_new) == (there - back, there + back)
    assert sum(pair.gross_old for pair in impact().pairs()) == sum(old.values())


def test_what_the_rule_does_not_know_is_counted_and_in_no_line() -> None:
    data = sum(line.calls for line in truth_lines(sample()) if line.service == "DATA")
    assert impact().old.rejected == impact().new.rejected == {OUT_OF_RANGE: data}


def test_one_sides_files_give_the_lines_that_both_sides_files_give() -> None:
    whole = rate_traffic(counted_once(seen("CMCC", "CUCC")), NEW, TERMS).lines
    alone = rate_traffic(counted_once(seen("CMCC")), NEW, TERMS).lines
    assert {name: charge for name, charge in whole.items() if "CMCC" in (name.sender, name.receiver)} == alone
    twice = rate_traffic(seen("CMCC", "CUCC"), NEW, TERMS).lines
    name = LineName("CMCC", "CUCC", Service.VOICE, 0)
    assert twice[name].calls == 2 * alone[name].calls


def test_the_executor_gives_the_same_lines() -> None:
    columns, executor = (rate_traffic(seen("CMCC"), OLD, TERMS, executor=way) for way in (False, True))
    assert columns == executor


def test_only_the_usage_asked_for_is_rated_and_nothing_is_lost_at_a_cut() -> None:
    cut = (month(2014, 1)[0] + 10 * 86_400) * 1000
    (whole,) = seen("CBN")
    parts = [whole.during(0, cut), whole.during(cut, 2**53)]
    assert sum(part.legs.height for part in parts) == whole.legs.height
    assert all(part.legs.height for part in parts)


def test_who_owes_is_the_agreements_choice() -> None:
    once = counted_once(seen("CMCC"))
    gains = {}
    for flow in Flow:
        terms = Terms(TERMS.networks, TERMS.services, {}, flow)
        gains[flow] = {each.operator: each.gain for each in impact_of(once, OLD, NEW, terms).standings()}
    calling = gains[Flow.CALLING_PARTY_PAYS]
    assert gains[Flow.RECEIVER_PAYS] == {operator: -gain for operator, gain in calling.items()}
    assert gains[Flow.BILL_AND_KEEP] == dict.fromkeys(calling, 0)


def test_directions_follow_the_order_of_the_parties() -> None:
    flat = shipped_rule("flat_minutes", 1)
    rates = {"rate_first": 1_000_000, "rate_second": 3_000_000}  # 10^-9 a minute
    for order, price in ((("CMCC", "CBN"), 1), (("CBN", "CMCC"), 3)):
        networks = {**dict.fromkeys(order, 0), "CUCC": 0, "CTCC": 0}
        rated = rate_traffic(seen("CBN"), flat, Terms(networks, TERMS.services, rates))
        charge = rated.lines[LineName("CMCC", "CBN", Service.VOICE, 0)]
        assert charge.amount == charge.units_billed // 60_000 * price * 1_000
    assert set(rated.rejected) == {OUT_OF_RANGE, "VOICE_ONLY"}


@pytest.mark.parametrize(
    ("networks", "parameters", "expected"),
    [
        ({"CBN": 4}, {}, "the class of each operator's network"),
        (TERMS.networks, {"rate_first": 1}, "the agreement's parameters rate_first, rate_second"),
    ],
)
def test_terms_that_lack_something_are_refused(
    networks: dict[str, int], parameters: dict[str, int], expected: str
) -> None:
    with pytest.raises(BadInput, match=expected) as refused:
        rate_traffic(seen("CBN"), shipped_rule("flat_minutes", 1), Terms(networks, TERMS.services, parameters))
    assert "--network" in refused.value.next_step or "--parameter" in refused.value.next_step


def test_a_rule_of_another_slot_rates_nothing() -> None:
    with pytest.raises(BadInput, match="a rule that rates records"):
        rate_traffic(seen("CBN"), shipped_rule("set_off", 1), TERMS)


def test_shares_are_rounded_half_away_from_zero_and_undefined_of_nothing() -> None:
    assert [per_mille(difference, 2_000) for difference in (1, -1, 3, 0, -2_000)] == [1, -1, 2, 0, -1_000]
    assert per_mille(5, 0) is None
