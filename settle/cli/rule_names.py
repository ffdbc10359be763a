"""How people name rules on the command line: "flat_minutes" is a rule, "flat_minutes/v2" a version of it."""

from __future__ import annotations

import re

from abci_app.domain.rulebook.queries import ReadinessAt
from abci_app.domain.rulebook.schema import DraftState
from abci_app.rules.bundle import bundle_hash, read_bundle
from settle.cli.failures import bad_input, usage
from settle.cli.names import LEAST_DIGITS, begins
from settle.cli.plain import text
from settle.cli.questions import BUNDLE, DRAFTS, RULE_VERSIONS, RULES
from settle.cli.session import Session

_VERSION = re.compile(r"(?P<name>[a-z][a-z0-9_]*)/v(?P<version>[1-9][0-9]{0,4})", re.ASCII)


def rule_named(now: Session, named: str) -> int:
    """The number of the rule that a name or a number means. Raises `Failure` where there is none."""
    rules = {number: text(row.name) for number, row in now.ask(RULES)}
    for number, name in rules.items():
        if named in (name, str(number)):
            return number
    raise usage(
        expected=f"one of {', '.join(rules.values()) or 'no rule yet'}",
        actual=named,
        next_step="see `settle rule list`",
    )


def draft_named(now: Session, named: str) -> bytes:
    """The hash of the published bundle that NAME/vN or the beginning of its hash means.

    What its publisher took back is only found by its hash. Raises `Failure` where none or several fit.
    """
    fitting = [
        bundle
        for bundle, row in now.ask(DRAFTS)
        if begins(bundle, named)
        or (row.state != DraftState.WITHDRAWN and _VERSION.fullmatch(named) and _is_version(now, bundle, named))
    ]
    if len(fitting) != 1:
        raise usage(
            expected=f"a published bundle as NAME/vN, or {LEAST_DIGITS} digits or more of its hash",
            actual=f"{named}, which fits {len(fitting)}",
            next_step="see `settle rule drafts`",
        )
    return fitting[0]


def version_named(now: Session, named: str) -> ReadinessAt:
    """The version of the rulebook that NAME/vN, RULE/VERSION in numbers or the beginning of its bundle's hash means.

    Raises `Failure` where none or several fit.
    """
    asked = _VERSION.fullmatch(named)
    fitting = [
        ReadinessAt(number, version, row)
        for number, rule in now.ask(RULES)
        for version, row in now.ask(RULE_VERSIONS, number)
        if named == f"{number}/{version}"
        or begins(row.bundle, named)
        or (asked and asked["name"] == text(rule.name) and not row.withdrawn and _is_version(now, row.bundle, named))
    ]
    if len(fitting) != 1:
        raise usage(
            expected=f"a version as NAME/vN or RULE/VERSION, or {LEAST_DIGITS} digits or more of its bundle's hash",
            actual=f"{named}, which fits {len(fitting)}",
            next_step="see `settle rule list`; a version is there once a vote has carried it",
        )
    return fitting[0]


def bundle_on_chain(now: Session, wanted: bytes) -> bytes:
    """The bundle of a hash as the chain keeps it. Raises `Failure` where there is none, or the node gives another."""
    raw = now.require(f"bundle {wanted.hex()}", BUNDLE, wanted, "settle rule list").raw
    if bundle_hash(raw) != wanted:
        raise bad_input(
            expected=f"bytes of hash {wanted.hex()}",
            actual=bundle_hash(raw).hex(),
            next_step="ask another node: this one does not tell the truth",
        )
    return raw


def bundle_name(raw: bytes) -> str:
    """NAME/vN of a bundle, as its folder is called."""
    manifest = read_bundle(raw).manifest
    return f"{manifest.name}/v{manifest.version}"


def _is_version(now: Session, bundle: bytes, named: str) -> bool:
    return bundle_name(bundle_on_chain(now, bundle)) == named
