"""What a rule asks of agreements stays the same from version to version."""

from __future__ import annotations

import shutil
from pathlib import Path

from abci_app.domain.rulebook.schema import Code, PublishBundle
from abci_app.rules.bundle import bundle_hash
from settle.rules.build import build_bundle
from settle.rules.plugin import SHIPPED
from tests.support.governing import FIRST, Council, edited, governor


def test_a_version_that_asks_agreements_for_other_parameters_would_be_another_rule(tmp_path: Path) -> None:
    """Agreements name a rule and give its parameters: under other names each would judge by numbers meant otherwise."""
    folder = tmp_path / "flat_minutes" / "v1"
    shutil.copytree(SHIPPED / "flat_minutes" / "v1", folder)
    for file in (folder / "rule.py", folder / "vectors.csv"):
        file.write_text(file.read_text().replace("rate_first", "rate_out"))
    other = edited(build_bundle(folder), sequence=2, previous=bundle_hash(FIRST))
    assert Council().send(governor(1), PublishBundle(other))[0] == Code.PARAMETERS_CHANGED
