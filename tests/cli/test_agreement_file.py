"""The file of an agreement's terms: what cannot be meant is told before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from settle.cli.agreement_file import EXAMPLE, read_terms
from settle.cli.failures import Exit, Failure

RULES = {"domestic_interconnect": 1, "tolerance_percent": 2, "set_off": 3}


def written(folder: Path, text: str) -> Path:
    path = folder / "terms.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("entry", "instead", "named"),
    [
        # Of a partner that declares nothing, nobody could open the figures that are to stand for both.
        ("open_by = 2026-02-10", "open_by = 2026-02-08", "calendar.0"),
        ("declare_by = 2026-02-08", "declare_by = 2026-02-03", "calendar.0"),
        ("agree_by = 2026-02-20", "agree_by = 2026-02-10", "calendar.0"),
        # A payer's own notice would count as paid at once.
        ("contest_days = 10", "contest_days = 0", "contest_days"),
    ],
)
def test_dates_that_leave_a_partner_no_time_are_refused(tmp_path: Path, entry: str, instead: str, named: str) -> None:
    assert entry in EXAMPLE
    with pytest.raises(Failure, match=named) as refused:
        read_terms(written(tmp_path, EXAMPLE.replace(entry, instead)), len, RULES)
    assert refused.value.exit_status == Exit.BAD_INPUT


def test_the_example_is_taken(tmp_path: Path) -> None:
    assert read_terms(written(tmp_path, EXAMPLE), len, RULES).contest == 10 * 86_400
