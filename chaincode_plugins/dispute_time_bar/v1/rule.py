from abci_app.rules.stub import *

"""When a line may be disputed and how long each step lasts, by practice profile.
Profiles: 1 MIIT, 2 DETRAF, 3 ITR, 4 US, 5 US with a tandem. The README has each row's sources.
"""

STEP = IntEnum("STEP", ("NONE", "RAISE", "ANSWER", "SAMPLE", "RULE"), start=0)

PROFILES = Table(
    rows=16,
    key=1,
    profile=Annotated[int, 1, 99],
    bps=Annotated[int, 0, 10_000],
    raise_days=Annotated[int, 1, 3_650],
    answer_days=Annotated[int, 1, 3_650],
    sample_days=Annotated[int, 1, 3_650],
    rule_days=Annotated[int, 1, 3_650],
    most=Annotated[int, 1, 1_000_000_000],
)


def may_raise(
    creditor: Annotated[int, 0, 4_611_686_018_427_387_904],
    debtor: Annotated[int, 0, 4_611_686_018_427_387_904],
    creditor_total: Annotated[int, 0, 4_611_686_018_427_387_904],
    debtor_total: Annotated[int, 0, 4_611_686_018_427_387_904],
    age: Annotated[Seconds, 0, 1_099_511_627_776],
    profile: Annotated[int, 1, 99],
) -> tuple[Annotated[int, "raisable", 1, 1]]:
    """A line whose creditor asks for more than the debtor counts, early enough, where the totals of
    the statement differ by more than the profile's share of the creditor's. Age is the statement's.
    """
    terms = lookup(PROFILES, profile)
    if terms is None:
        reject("NO_SUCH_PROFILE")
    if creditor <= debtor:
        reject("NOTHING_DISPUTED")
    least = mul_div(creditor_total, terms.bps, 10_000, FLOOR)
    if terms.bps > 0 and creditor_total - debtor_total <= least:
        reject("BELOW_THRESHOLD")
    if age > Seconds(terms.raise_days * 86_400):
        reject("TOO_LATE")
    return Outcome(raisable=1)


def time_bar(
    step: Annotated[STEP, 1, 4],
    profile: Annotated[int, 1, 99],
) -> tuple[Annotated[Seconds, "seconds", 0, 315_360_000]]:
    """How long a step lasts, from the end of the one before; to raise, from the statement."""
    terms = lookup(PROFILES, profile)
    if terms is None:
        reject("NO_SUCH_PROFILE")
    days = terms.rule_days
    if step == STEP.RAISE:
        days = terms.raise_days
    elif step == STEP.ANSWER:
        days = terms.answer_days
    elif step == STEP.SAMPLE:
        days = terms.sample_days
    return Outcome(seconds=Seconds(days * 86_400))


def sample_size(
    records: Annotated[int, 0, 4_611_686_018_427_387_904],
    profile: Annotated[int, 1, 99],
) -> tuple[Annotated[int, "most", 0, 1_000_000_000]]:
    """How many records of one point of interconnection and day are compared."""
    terms = lookup(PROFILES, profile)
    if terms is None:
        reject("NO_SUCH_PROFILE")
    return Outcome(most=min(records, terms.most))
