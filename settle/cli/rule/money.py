"""Commands about what a rule changes in money: on records, beside another version."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import RenderableType

from settle.agent.bulk_rating import rate_traffic
from settle.agent.impact import Impact, impact_of
from settle.agent.traffic import Traffic, counted_once
from settle.cli.failures import usage
from settle.cli.output import Output, facts_of, table
from settle.cli.plain import iso
from settle.cli.rule.given import (
    RECORDS,
    Given,
    Records,
    about_records,
    currency_given,
    rule_given,
    terms_given,
    traffic_given,
)
from settle.cli.rule.money_tables import MEANINGS, change_document, impact_tables, line_document, lines_of, moved
from settle.cli.rule.noun import app
from settle.cli.rule.period_traffic import period_given


@app.command
def rate(rule: str, *files: Path, executor: bool = False, options: Records = RECORDS) -> None:
    """Rate record files by a rule, without an agreement or a chain: the lines, and the legs that it refuses.

    Parameters
    ----------
    rule
        A folder NAME/vN, a bundle's file, or a bundle's hash on the chain.
    files
        Canonical records, CSV or Parquet; of a folder, every file that has control totals.
    executor
        Leg by leg as consensus would, instead of in columns: slower, the same lines.
    """
    given, terms, currency = rule_given(rule, options), terms_given(options), currency_given(options.currency)
    started = time.process_time()
    seen = counted_once(traffic_given(files, options))
    rated = rate_traffic(seen, given.rule, terms, executor=executor)
    seconds = time.process_time() - started
    rows = sum(each.rows for each in seen)
    document = {
        "rule": given.document(),
        "traffic": [_traffic_document(each) for each in seen],
        "lines": [line_document(name, charge) for name, charge in rated.lines.items()],
        "rejected": dict(rated.rejected),
        "unpriced": [{"line": line_document(name, rated.lines[name]), "code": code}
                     for name, code in rated.unpriced.items()],
        "uncounted": rated.uncounted,
        "records_per_second": int(rows / seconds) if seconds else 0,
    }  # fmt: skip
    shown: list[RenderableType] = [_head(("rule", given.name), seen), "", lines_of(rated, currency)]
    aside = {**rated.rejected, "ANOTHER_EVENT": rated.uncounted}
    found = [(code, f"{count:,}", MEANINGS.get(code, "")) for code, count in aside.items() if count]
    if found:
        shown += ["", table("legs in no line", "legs", "", rows=found, right=("legs",))]
    if rated.unpriced:
        rows_of = [(name.sender, name.receiver, name.service, name.band, code) for name, code in rated.unpriced.items()]
        shown += ["", table("from", "to", "service", "band", "why there is no price", rows=rows_of)]
    out = Output(as_json=options.json)
    out.result(document, *shown)
    out.hint(f"{rows:,} records in {seconds:.2f} s of processor time: {document['records_per_second']:,} a second")


@app.command
def impact(*files: Path, old: str, new: str, options: Records = RECORDS) -> None:
    """Show what a change of rule does to every pair of operators in money, before anyone votes on it.

    Where the files of both operators of a pair are given, each use counts once, as its sender's switch saw it.

    Parameters
    ----------
    files
        Canonical records, CSV or Parquet; of a folder, every file that has control totals.
    old
        The rule as it is: a folder NAME/vN, a bundle's file, or a bundle's hash on the chain.
    new
        The rule as it would be.
    """
    before, after = rule_given(old, options), rule_given(new, options)
    seen = counted_once(traffic_given(files, options))
    found = impact_of(seen, before.rule, after.rule, terms_given(options))
    _tell(before, after, seen, found, currency_given(options.currency), Output(as_json=options.json))


@app.command
def shadow(*files: Path, candidate: str, active: str = "", period: str = "", options: Records = RECORDS) -> None:
    """Run a candidate beside the active rule on one period of the agent's own records, or on files.

    Parameters
    ----------
    files
        Canonical records; none with --period.
    candidate
        The rule to try: a folder NAME/vN, a bundle's file, or a bundle's hash on the chain.
    active
        The rule that it runs beside. [with --period: the one that rates the period on the chain]
    period
        AGREEMENT/PAIR/ORDINAL: the home's records of it, by the agreement's terms.
    """
    tried = rule_given(candidate, options)
    out = Output(as_json=options.json)
    if period:
        if files:
            raise usage(expected="files, or --period", actual="both", next_step="leave one of them out")
        told = about_records(options)
        if told:
            raise usage(
                expected="--period alone: the agreement and the vault say the rest",
                actual=f"{', '.join(told)} beside it",
                next_step="leave them out, or name record files instead of --period",
            )
        one = period_given(period, tried, active, options)
        found = impact_of([one.traffic], one.active.rule, tried.rule, one.terms)
        _tell(one.active, tried, [one.traffic], found, one.currency, out)
        strange = one.not_in_agreement(found)
        if strange:
            out.hint(
                f"the agreement has no line for {', '.join(strange)}: a new version of it would have to come first"
            )
        return
    if not active:
        raise usage(
            expected="the active rule, to run beside",
            actual="none",
            next_step="add --active FOLDER_OR_HASH, or --period of the home's own records",
        )
    beside = rule_given(active, options)
    seen = counted_once(traffic_given(files, options))
    found = impact_of(seen, beside.rule, tried.rule, terms_given(options))
    _tell(beside, tried, seen, found, currency_given(options.currency), out)


def _tell(old: Given, new: Given, seen: list[Traffic], found: Impact, currency: int, out: Output) -> None:
    changes, total = found.changes(), moved(found.changes())
    document = {
        "old": old.document(),
        "new": new.document(),
        "traffic": [_traffic_document(each) for each in seen],
        "lines": [change_document(each, total) for each in changes],
        "pairs": [each._asdict() for each in found.pairs()],
        "operators": [
            {**each._asdict(), "net_old": each.net_old, "net_new": each.net_new, "gain": each.gain}
            for each in found.standings()
        ],
        "rejected": {"old": dict(found.old.rejected), "new": dict(found.new.rejected)},
    }
    out.result(document, _head(("old", old.name), seen, ("new", new.name)), *impact_tables(found, currency))
    manifest = new.rule.manifest
    spans = [span for span in (each.span_ms() for each in seen) if span is not None]
    if any(first < manifest.effective_from * 1000 or last >= manifest.effective_to * 1000 for first, last in spans):
        interval = f"{iso(manifest.effective_from)} to {iso(manifest.effective_to)}"
        out.hint(f"some of this usage is outside what the new rule is for, {interval}: --since and --until cut it")


def _head(first: tuple[str, str], seen: list[Traffic], *more: tuple[str, str]) -> RenderableType:
    legs = sum(each.legs.height for each in seen)
    rows = sum(each.rows for each in seen)
    files = sum(each.files for each in seen)
    left: dict[str, int] = {}
    for each in seen:
        for cause, count in each.left_out.items():
            left[cause] = left.get(cause, 0) + count
    aside = ", ".join(f"{cause} {count:,}" for cause, count in sorted(left.items()))
    facts = [
        first,
        *more,
        ("records", f"{rows:,} in {files:,} files of {', '.join(each.operator for each in seen)}"),
        ("rated", f"{legs:,} legs"),
    ]
    return facts_of([*facts, ("left out", aside)] if aside else facts)


def _traffic_document(traffic: Traffic) -> dict[str, object]:
    return {
        "operator": traffic.operator, "files": traffic.files, "records": traffic.rows, "legs": traffic.legs.height,
        "left_out": dict(traffic.left_out),
    }  # fmt: skip
