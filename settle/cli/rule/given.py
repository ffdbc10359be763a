"""What commands about rules are given: a rule by folder, file or hash; records, and what an agreement would say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from cyclopts import Parameter

from abci_app.domain.agreements.schema import Flow
from abci_app.rules.bundle import LoadedRule, load_bundle
from settle.agent.bulk_rating import Terms
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.runtime.settings import NumberingSettings
from settle.agent.traffic import Traffic, find_files, read_traffic
from settle.cli.failures import usage
from settle.cli.names import currency_of, hash_of
from settle.cli.options import Common
from settle.cli.plain import CURRENCIES, short
from settle.cli.rule_names import bundle_on_chain
from settle.cli.session import session
from settle.rules.build import Follows, build_bundle

_FOR_EVER = 2**53
_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(-?[0-9]{1,19})", re.ASCII)


@Parameter(name="*")
@dataclass(frozen=True)
class Records(Common):
    """Record files without an agreement: what one would say."""

    network: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    "CODE=CLASS: an operator's network in the rule's numbers; once an operator, the first party of a pair first."
    parameter: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    "NAME=NUMBER: a parameter that the rule asks of agreements."
    flow: Literal["CALLING_PARTY_PAYS", "RECEIVER_PAYS", "BILL_AND_KEEP"] = "CALLING_PARTY_PAYS"
    "Who owes for traffic."
    currency: str = "CNY"
    "Of the amounts."
    operator: str = ""
    "Whose switch wrote the files. [their control totals]"
    trunks: Path | None = None
    "The trunk map of the files. [trunks.toml beside each, or up to two folders above]"
    since: str = ""
    "Only usage from this instant on, such as 2014-01-01T00:00:00+08:00; without an offset, UTC."
    until: str = ""
    "Only usage before this instant."


RECORDS = Records()


class Given(NamedTuple):
    """A rule that was named on the command line."""

    raw: bytes
    rule: LoadedRule

    @property
    def name(self) -> str:
        """For people: name, version, the hash's beginning."""
        manifest = self.rule.manifest
        return f"{manifest.name} v{manifest.version} ({short(self.rule.hash)})"

    def document(self) -> dict[str, object]:
        """For `--json`."""
        manifest = self.rule.manifest
        return {"name": manifest.name, "version": manifest.version, "hash": self.rule.hash.hex()}


def rule_given(named: str, options: Common, after: LoadedRule | None = None) -> Given:
    """The rule in a folder NAME/vN, in a bundle's file, or on the chain under a hash of 64 hex digits.

    A folder is built as what follows `after`, for the same chain; without it, as plugin.toml says, for any chain.
    Raises what building and loading raise; `Failure` where it is none of the three.
    """
    path = Path(named)
    if path.is_dir() and after is not None:
        raw = build_bundle(path.absolute(), after.manifest.chain, Follows(after.hash, after.manifest.sequence))
    elif path.is_dir():
        raw = build_bundle(path.absolute())
    elif path.is_file():
        raw = path.read_bytes()
    elif (wanted := hash_of(named)) is not None:
        with session(options) as now:
            raw = bundle_on_chain(now, wanted)
    else:
        raise usage(
            expected="a rule: a folder NAME/vN, a bundle's file, or a bundle's hash of 64 hex digits",
            actual=named,
            next_step="see `settle rule list` for the chain's, or build one: settle rule build FOLDER --output FILE",
        )
    return Given(raw, load_bundle(raw))


def about_records(options: Records) -> list[str]:
    """The options of a command line that are about record files, as they are typed."""
    own = [each for each in fields(Records) if each.name not in {shared.name for shared in fields(Common)}]
    return [f"--{each.name}" for each in own if getattr(options, each.name) != each.default]


def terms_given(options: Records) -> Terms:
    """The options that stand for an agreement."""
    return Terms(
        networks=pairs_given("--network CMCC=1", options.network),
        services=NumberingSettings().services,
        parameters=pairs_given("--parameter rate_first=60000000", options.parameter),
        flow=Flow[options.flow],
    )


def currency_given(letters: str) -> int:
    """ISO 4217's number of a currency."""
    number = currency_of(letters)
    if number is None:
        raise usage(
            expected=f"one of {', '.join(CURRENCIES.values())}", actual=letters, next_step="name one with --currency"
        )
    return number


def traffic_given(files: Sequence[Path], options: Records) -> list[Traffic]:
    """The traffic of the files in the span that was asked for, one an operator."""
    if not files:
        raise usage(expected="record files, or folders of them", actual="none", next_step="add --help for the form")
    found = find_files(files, options.operator, options.trunks)
    if not found:
        raise usage(
            expected="files with control totals", actual="none in the folders", next_step="name the files one by one"
        )
    seen = read_traffic(found, load_number_plan())
    from_ms, to_ms = instant_given(options.since, 0), instant_given(options.until, _FOR_EVER)
    return [one.during(from_ms, to_ms) for one in seen]


def pairs_given(example: str, given: Sequence[str]) -> dict[str, int]:
    """Options of the form NAME=NUMBER, by name."""
    found: dict[str, int] = {}
    for text in given:
        pair = _PAIR.fullmatch(text)
        if pair is None or pair[1] in found:
            raise usage(
                expected=f"NAME=NUMBER, each name once, such as {example}", actual=text, next_step="correct that option"
            )
        found[pair[1]] = int(pair[2])
    return found


def instant_given(text: str, otherwise: int) -> int:
    """Epoch milliseconds of an instant in words; `otherwise` where there are none."""
    if not text:
        return otherwise
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise usage(
            expected="an instant such as 2014-01-01 or 2014-01-01T00:00:00+08:00",
            actual=text,
            next_step="write it so",
        ) from fault
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 1000
