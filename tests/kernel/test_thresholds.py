"""Votes pass at the exact fraction and not one operator below."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abci_app.kernel.thresholds import FIRST_THRESHOLDS, Seat, Share, Thresholds, Track, below, carried

SIZES = range(3, 32)


def needed(track: Track, operators: int) -> int:
    """How many of so many equal operators a track takes: fractions of RULES.md, not our arithmetic."""
    for yes in range(operators + 1):
        share = Fraction(yes, operators)
        passes = {
            Track.CONSORTIUM: share > Fraction(2, 3) and share > Fraction(1, 2),
            Track.CONSTITUTION: share > Fraction(2, 3)
            and (yes >= operators - 1 if operators <= 6 else share >= Fraction(5, 6)),
            Track.EMERGENCY: share > Fraction(1, 3),
            Track.ROLLBACK: share > Fraction(2, 3),
            Track.AGREEMENT: yes == operators,
        }
        if passes[track]:
            return yes
    raise AssertionError("unanimity always passes")


@pytest.mark.parametrize("operators", SIZES)
@pytest.mark.parametrize("track", [track for track in Track if track != Track.MANDATED])
def test_a_vote_of_equals_passes_at_the_exact_fraction(track: Track, operators: int) -> None:
    seats = [Seat(number, 10) for number in range(1, operators + 1)]
    for yes in range(operators + 1):
        passed = carried(track, FIRST_THRESHOLDS, seats, set(range(1, yes + 1)))
        assert passed == (yes >= needed(track, operators)), f"{yes} of {operators}"


def test_the_figures_that_people_quote() -> None:
    assert [needed(Track.CONSORTIUM, n) for n in (3, 4, 6, 7, 9, 31)] == [3, 3, 5, 5, 7, 21]
    assert [needed(Track.CONSTITUTION, n) for n in (4, 5, 6, 7, 12, 31)] == [3, 4, 5, 6, 10, 26]
    assert [needed(Track.EMERGENCY, n) for n in (3, 4, 6, 7, 31)] == [2, 2, 3, 3, 11]


def test_power_without_heads_and_heads_without_power_are_not_enough() -> None:
    seats = [Seat(1, 80), Seat(2, 10), Seat(3, 10), Seat(4, 0)]
    assert not carried(Track.CONSORTIUM, FIRST_THRESHOLDS, seats, {1}), "four fifths of the power, one head of four"
    assert not carried(Track.CONSORTIUM, FIRST_THRESHOLDS, seats, {2, 3, 4}), (
        "three heads of four, a fifth of the power"
    )
    assert carried(Track.CONSORTIUM, FIRST_THRESHOLDS, seats, {1, 2, 3})
    assert carried(Track.ROLLBACK, FIRST_THRESHOLDS, seats, {1}), "a rollback goes by power alone"


def test_without_power_nothing_is_over_a_share() -> None:
    seats = [Seat(1, 0), Seat(2, 0)]
    assert not carried(Track.EMERGENCY, FIRST_THRESHOLDS, seats, {1, 2})
    assert not carried(Track.CONSORTIUM, FIRST_THRESHOLDS, seats, {1, 2})
    assert carried(Track.AGREEMENT, FIRST_THRESHOLDS, seats, {1, 2}), "parties count by heads"


def test_an_order_of_the_regulator_needs_no_votes() -> None:
    assert carried(Track.MANDATED, FIRST_THRESHOLDS, [], set())


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=31), st.data())
def test_any_powers_agree_with_exact_fractions(powers: list[int], data: st.DataObject) -> None:
    seats = [Seat(number, power) for number, power in enumerate(powers, 1)]
    yes = data.draw(st.sets(st.integers(1, len(powers) + 2)))
    heads = sum(1 for seat in seats if seat.operator in yes)
    part, whole = sum(seat.power for seat in seats if seat.operator in yes), sum(powers)
    share = Fraction(part, whole) if whole else Fraction(0)
    majority = share > Fraction(2, 3) and Fraction(heads, len(seats)) > Fraction(1, 2)
    nearly = heads >= len(seats) - 1 if len(seats) <= 6 else share >= Fraction(5, 6)
    assert carried(Track.CONSORTIUM, FIRST_THRESHOLDS, seats, yes) == majority
    assert carried(Track.CONSTITUTION, FIRST_THRESHOLDS, seats, yes) == (majority and nearly)
    assert carried(Track.EMERGENCY, FIRST_THRESHOLDS, seats, yes) == (share > Fraction(1, 3))
    assert carried(Track.ROLLBACK, FIRST_THRESHOLDS, seats, yes) == (share > Fraction(2, 3))


def powers_of(total: int, seats: int, data: st.DataObject) -> list[int]:
    """So many seats' powers, unequal as a rule, that add up to a total."""
    cuts = sorted(data.draw(st.lists(st.integers(0, total), min_size=seats - 1, max_size=seats - 1)))
    return [high - low for low, high in zip([0, *cuts], [*cuts, total], strict=True)]


@pytest.mark.parametrize("operators", SIZES)
@pytest.mark.parametrize(
    ("track", "share", "at_the_share"),
    [
        (Track.CONSORTIUM, Fraction(2, 3), False),
        (Track.CONSTITUTION, Fraction(5, 6), True),
        (Track.EMERGENCY, Fraction(1, 3), False),
        (Track.ROLLBACK, Fraction(2, 3), False),
    ],
)
@settings(max_examples=10)
@given(st.integers(1, 2**20), st.data())
def test_unequal_powers_pass_at_the_exact_share_and_one_unit_beside_it(
    track: Track, share: Fraction, at_the_share: bool, operators: int, scale: int, data: st.DataObject
) -> None:
    """The ayes hold exactly the share, one unit less, one unit more; all but one head says yes, so heads never lack."""
    whole = scale * share.denominator * 2
    part = share * whole
    assert part.denominator == 1
    for beside in (-1, 0, 1):
        ayes = powers_of(int(part) + beside, operators - 1, data)
        seats = [Seat(number, power) for number, power in enumerate([*ayes, whole - sum(ayes)], 1)]
        held = Fraction(sum(ayes), whole)
        enough = held >= share if at_the_share else held > share
        if track == Track.CONSTITUTION and operators <= 6:
            enough = held > Fraction(2, 3)  # all but one stand for the five sixths
        assert carried(track, FIRST_THRESHOLDS, seats, set(range(1, operators))) == enough, (held, share)


@pytest.mark.parametrize("operators", SIZES)
def test_half_of_the_operators_is_not_enough_whatever_their_power(operators: int) -> None:
    for yes in range(operators + 1):
        powers = [1000 if number <= yes else 1 for number in range(1, operators + 1)]
        seats = [Seat(number, power) for number, power in enumerate(powers, 1)]
        share = Fraction(sum(powers[:yes]), sum(powers))
        passes = Fraction(yes, operators) > Fraction(1, 2) and share > Fraction(2, 3)
        assert carried(Track.CONSORTIUM, FIRST_THRESHOLDS, seats, set(range(1, yes + 1))) == passes, (
            f"{yes} of {powers}"
        )


@pytest.mark.parametrize("operators", range(3, 7))
def test_where_few_vote_the_constitution_takes_all_but_one_whoever_that_is(operators: int) -> None:
    seats = [Seat(number, 10) for number in range(1, operators + 1)]
    everyone = set(range(1, operators + 1))
    for against in everyone:
        assert carried(Track.CONSTITUTION, FIRST_THRESHOLDS, seats, everyone - {against}) == (operators > 3)
        for other in everyone - {against}:
            assert not carried(Track.CONSTITUTION, FIRST_THRESHOLDS, seats, everyone - {against, other})


@given(
    st.tuples(*(st.builds(Share, st.integers(1, 100), st.integers(1, 100)) for _ in range(3))),
    st.integers(0, 31),
    st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=31),
    st.data(),
)
def test_thresholds_that_a_vote_has_set_are_exact_too(
    shares: tuple[Share, Share, Share], few: int, powers: list[int], data: st.DataObject
) -> None:
    thresholds = Thresholds(*shares, few)
    seats = [Seat(number, power) for number, power in enumerate(powers, 1)]
    yes = data.draw(st.sets(st.integers(1, len(powers))))
    consortium, constitution, emergency = (Fraction(share.numerator, share.denominator) for share in shares)
    part, whole = sum(powers[number - 1] for number in yes), sum(powers)
    majority = part > consortium * whole and Fraction(len(yes), len(powers)) > Fraction(1, 2)
    nearly = len(yes) >= len(powers) - 1 if len(powers) <= few else part >= constitution * whole
    assert carried(Track.CONSORTIUM, thresholds, seats, yes) == majority
    assert carried(Track.CONSTITUTION, thresholds, seats, yes) == (majority and nearly)
    assert carried(Track.EMERGENCY, thresholds, seats, yes) == (part > emergency * whole)
    assert carried(Track.ROLLBACK, thresholds, seats, yes) == (part > consortium * whole)


@given(st.lists(st.integers(0, 100), min_size=3, max_size=31), st.data())
def test_a_further_yes_never_loses_a_vote(powers: list[int], data: st.DataObject) -> None:
    seats = [Seat(number, power) for number, power in enumerate(powers, 1)]
    yes = data.draw(st.sets(st.integers(1, len(powers))))
    more = yes | data.draw(st.sets(st.integers(1, len(powers))))
    for track in Track:
        assert carried(track, FIRST_THRESHOLDS, seats, more) >= carried(track, FIRST_THRESHOLDS, seats, yes)


@given(*(st.integers(1, 100) for _ in range(4)))
def test_shares_compare_as_fractions(a: int, b: int, c: int, d: int) -> None:
    assert below(Share(a, b), Share(c, d)) == (Fraction(a, b) < Fraction(c, d))
