from abci_app.rules.stub import *

"""What a record file and its records have to be before they are rated.
A rejection is the cause of suspense, or of a refused file.
"""

FIRST_DIGITS = Table(
    rows=10,
    key=1,
    digit=Annotated[Digits, 1, 1],
)

RANGES = Table(
    rows=10_000,
    key=1,
    prefix=Annotated[Digits, 1, 15],
    network=Annotated[int, 1, 255],
)


def difference(
    found: Annotated[int, -4_000_000_000_000_000_000, 4_000_000_000_000_000_000],
    stated: Annotated[int, -4_000_000_000_000_000_000, 4_000_000_000_000_000_000],
    bps: Annotated[int, 0, 10_000],
) -> Annotated[int, 0, 2]:
    """0 equal, 1 apart by at most `bps` 10^-4 of the stated total, 2 farther."""
    if found == stated:
        return 0
    if abs(found - stated) <= mul_div(abs(stated), bps, 10_000, FLOOR):
        return 1
    return 2


def validate_record(
    service: Annotated[int, 0, 255],
    direction: Annotated[int, 0, 1],
    a_number: Annotated[Digits, 0, 20],
    b_number: Annotated[Digits, 0, 20],
    duration_ms: Annotated[int, -9_223_372_036_854_775_808, 9_223_372_036_854_775_807],
    units: Annotated[int, -9_223_372_036_854_775_808, 9_223_372_036_854_775_807],
    age: Annotated[int, -9_223_372_036_854_775_808, 9_223_372_036_854_775_807],
    longest_ms: Annotated[int, 1, 2_678_400_000],
    most_units: Annotated[int, 1, 9_007_199_254_740_992],
    late_after: Annotated[int, 0, 315_360_000],
    refuse_after: Annotated[int, 0, 315_360_000],
    ahead: Annotated[int, 0, 86_400],
    calling_needed: Annotated[int, 0, 1],
    ranges_hold: Annotated[int, 0, 1],
    totals_bps: Annotated[int, 0, 10_000],
    missing_allowed: Annotated[int, 0, 1_000],
) -> tuple[Annotated[int, "late", 0, 1]]:
    """Ages are seconds from the use to its arrival: late after `late_after`, refused after `refuse_after`,
    and negative by at most `ahead`, which a clock may be wrong. Where numbers are never ported
    (`ranges_hold` 1), a use between two numbers of one network is no interconnect traffic.
    """
    if duration_ms < 0:
        reject("NEGATIVE_DURATION")
    if duration_ms > longest_ms:
        reject("ABSURD_DURATION")
    if units < 0:
        reject("NEGATIVE_UNITS")
    if units > most_units:
        reject("ABSURD_UNITS")
    called_digit = prefix_lookup(FIRST_DIGITS, b_number)
    if called_digit is None and service != 4:
        reject("NO_CALLED_NUMBER")
    calling_digit = prefix_lookup(FIRST_DIGITS, a_number)
    if calling_digit is None and calling_needed == 1:
        reject("NO_CALLING_NUMBER")
    if age > refuse_after:
        reject("TOO_OLD")
    if age < 0 - ahead:
        reject("FROM_THE_FUTURE")
    called = prefix_lookup(RANGES, b_number)
    calling = prefix_lookup(RANGES, a_number)
    if ranges_hold == 1 and called is not None and calling is not None and called.network == calling.network:
        reject("OWN_TO_OWN")
    if age > late_after:
        return Outcome(late=1)
    return Outcome(late=0)


def validate_file(
    records: Annotated[int, -4_000_000_000_000_000_000, 4_000_000_000_000_000_000],
    duration_ms: Annotated[int, -4_000_000_000_000_000_000, 4_000_000_000_000_000_000],
    units: Annotated[int, -4_000_000_000_000_000_000, 4_000_000_000_000_000_000],
    stated_records: Annotated[int, -4_000_000_000_000_000_000, 4_000_000_000_000_000_000],
    stated_duration_ms: Annotated[int, -4_000_000_000_000_000_000, 4_000_000_000_000_000_000],
    stated_units: Annotated[int, -4_000_000_000_000_000_000, 4_000_000_000_000_000_000],
    missing_files: Annotated[int, 0, 1_000_000],
    totals_bps: Annotated[int, 0, 10_000],
    missing_allowed: Annotated[int, 0, 1_000],
) -> tuple[Annotated[int, "doubtful", 0, 1]]:
    """Totals of the readable records against the totals that the sender states, and files that lack
    before this one. Doubtful: something differs, but within what the agreement allows.
    """
    if missing_files > missing_allowed:
        reject("FILES_MISSING")
    in_records = difference(records, stated_records, totals_bps)
    if in_records == 2:
        reject("RECORDS_DIFFER")
    in_duration = difference(duration_ms, stated_duration_ms, totals_bps)
    if in_duration == 2:
        reject("DURATION_DIFFERS")
    in_units = difference(units, stated_units, totals_bps)
    if in_units == 2:
        reject("UNITS_DIFFER")
    if missing_files > 0 or in_records + in_duration + in_units > 0:
        return Outcome(doubtful=1)
    return Outcome(doubtful=0)
