"""Why a record is not rated: suspense (somebody must act) and not settled (nothing is owed for it).

A validation rule that an agreement binds adds causes of its own: the codes of its rejections."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """Why a record waits in suspense. A duplicate waits for nobody: it is kept as evidence and counted apart."""

    MALFORMED = "MALFORMED"
    DUPLICATE = "DUPLICATE"
    RECORD_ID_REUSED = "RECORD_ID_REUSED"
    NEGATIVE_DURATION = "NEGATIVE_DURATION"
    ABSURD_DURATION = "ABSURD_DURATION"
    OUTSIDE_PERIOD = "OUTSIDE_PERIOD"
    CLOCK_SKEW = "CLOCK_SKEW"
    UNKNOWN_TRUNK = "UNKNOWN_TRUNK"
    UNKNOWN_OPERATOR = "UNKNOWN_OPERATOR"
    UNKNOWN_PREFIX = "UNKNOWN_PREFIX"


EXPLANATIONS: Final[dict[Cause, str]] = {
    Cause.MALFORMED: "a field is missing or has the wrong form; have the switch deliver the row again, corrected",
    Cause.DUPLICATE: "the same use was delivered before, in this file or an earlier one of the stream",
    Cause.RECORD_ID_REUSED: "the record's name belongs to another use already; have the switch name it anew",
    Cause.NEGATIVE_DURATION: "the use ends before it begins; ask the switch's people",
    Cause.ABSURD_DURATION: "longer than the agent's limit; check the release, raise the limit if it is real",
    Cause.OUTSIDE_PERIOD: "started near the period's edge but outside; reprocess it with the neighbouring period",
    Cause.CLOCK_SKEW: "started farther from the period than a clock may be wrong; check the switch's clock",
    Cause.UNKNOWN_TRUNK: "a trunk that the trunk map does not know at that time; add it, then reprocess",
    Cause.UNKNOWN_OPERATOR: "the trunk leads to an operator that is no member; correct the trunk map, then reprocess",
    Cause.UNKNOWN_PREFIX: "a number that fits no prefix of the number plan; correct or port it, then reprocess",
}
"""What each cause means and what to do, for people."""

FINAL_CAUSES: Final = frozenset({Cause.MALFORMED, Cause.DUPLICATE, Cause.RECORD_ID_REUSED})
"""Causes that no new reference data heals: reprocessing passes them by."""


def explanation(why: str) -> str:
    """What a cause of suspense means; of a rule's own code, where that is explained."""
    by_rule = "an agreement's validation rule rejects it; the rule's README explains the code"
    return next((text for cause, text in EXPLANATIONS.items() if cause.value == why), by_rule)


class NotSettled(StrEnum):
    """Why nothing is owed for a good record. It stays in the control totals."""

    FAILED = "FAILED"
    ON_NET = "ON_NET"
    NO_PEER = "NO_PEER"
    NOTHING_USED = "NOTHING_USED"


NOT_SETTLED_EXPLANATIONS: Final[dict[NotSettled, str]] = {
    NotSettled.FAILED: "the attempt was not answered",
    NotSettled.ON_NET: "it stayed inside the own network",
    NotSettled.NO_PEER: "it left through a carrier with whom nothing is settled on this chain",
    NotSettled.NOTHING_USED: "a call of no duration, or no message or byte",
}
