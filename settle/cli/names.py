"""How people name things of the chain on the command line: "7/0/3" is agreement 7, pair 0, ordinal 3."""

from __future__ import annotations

import re
from typing import NamedTuple

from abci_app.domain.agreements.queries import VersionQuery
from abci_app.domain.agreements.schema import AgreementVersion, CalendarRow, Terms, VersionState
from abci_app.domain.periods.queries import PeriodQuery
from settle.cli.failures import Failure, usage
from settle.cli.plain import CURRENCIES
from settle.cli.questions import AGREEMENT, AGREEMENT_VERSION, AGREEMENTS, CALENDAR
from settle.cli.session import Session

LEAST_DIGITS = 6
"""Of a hash, where its beginning names it."""
_HASH = re.compile("[0-9a-fA-F]{64}", re.ASCII)


def hash_of(told: str) -> bytes | None:
    """The 32 bytes of a hash, or of a validator's key, in hex; None for anything else."""
    return bytes.fromhex(told) if _HASH.fullmatch(told) else None


def begins(document: bytes, named: str) -> bool:
    """Whether the hash begins with the digits that name it, and they are enough."""
    return len(named) >= LEAST_DIGITS and document.hex().startswith(named.lower())


def currency_of(letters: str) -> int | None:
    """ISO 4217's number of a currency that the chain serves."""
    return next((number for number, known in CURRENCIES.items() if known == letters.upper()), None)


def period_of(named: str) -> PeriodQuery:
    """The period that "AGREEMENT/PAIR/ORDINAL" names, or "AGREEMENT/ORDINAL" for pair 0."""
    parts = named.split("/")
    if len(parts) == 2:
        parts.insert(1, "0")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise usage(
            expected="a period as AGREEMENT/PAIR/ORDINAL, such as 7/0/3",
            actual=named,
            next_step="see `settle period list`",
        )
    agreement, pair, ordinal = map(int, parts)
    if pair > 255 or ordinal > 65_535:
        raise no_period(named)
    return PeriodQuery(agreement, pair, ordinal)


def name_of(key: PeriodQuery) -> str:
    """The period's name."""
    return f"{key.agreement}/{key.pair}/{key.ordinal}"


def no_period(named: str) -> Failure:
    """There is no such period."""
    return usage(
        expected="a period of an active agreement's calendar", actual=named, next_step="see `settle period list`"
    )


class Governing(NamedTuple):
    """What governs a period."""

    version: int
    terms: Terms
    dates: CalendarRow

    @property
    def parties(self) -> tuple[int, int]:
        """The operators, first and second."""
        return self.terms.first, self.terms.second


def governing(now: Session, key: PeriodQuery) -> Governing:
    """The version that brought the period, its terms and its dates. Raises `Failure` for a period that is none."""
    rows = now.find(CALENDAR, key.agreement) or ()
    for period in rows:
        if period.row.ordinal == key.ordinal:
            version = version_of(now, key.agreement, period.version)
            if key.pair < len(version.terms.pairs):
                return Governing(period.version, version.terms, period.row)
    raise no_period(name_of(key))


def version_of(now: Session, agreement: int, version: int) -> AgreementVersion:
    """A version of an agreement."""
    query = VersionQuery(agreement, version)
    return now.require(f"version {version} of agreement {agreement}", AGREEMENT_VERSION, query, "settle agreement list")


def newest_version(now: Session, agreement: int) -> tuple[int, AgreementVersion]:
    """The version that was proposed last."""
    row = now.require(f"agreement {agreement}", AGREEMENT, agreement, "settle agreement list")
    return row.proposed, version_of(now, agreement, row.proposed)


def my_agreements(now: Session, operator: int | None = None) -> list[int]:
    """Agreements with a version in force, of one operator or of all."""
    return [number for number, row in now.ask(AGREEMENTS) if row.active and operator in (None, row.first, row.second)]


def all_periods(now: Session, agreement: int) -> list[tuple[PeriodQuery, Governing]]:
    """Every period of an agreement, of all pairs, in the order of the calendar."""
    found = []
    versions: dict[int, AgreementVersion] = {}
    for period in now.ask(CALENDAR, agreement):
        if period.version not in versions:
            versions[period.version] = version_of(now, agreement, period.version)
        version = versions[period.version]
        assert version.state == VersionState.ACTIVE
        for pair in range(len(version.terms.pairs)):
            query = PeriodQuery(agreement, pair, period.row.ordinal)
            found.append((query, Governing(period.version, version.terms, period.row)))
    return found
