"""Every interface of a slot has a template, which is a rule that checks, builds, passes, and that its vectors cover."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from abci_app.rules.bundle import load_bundle
from abci_app.rules.interface import INTERFACES
from abci_app.rules.tables import Table
from settle.rules.build import build_bundle, compile_folder
from settle.rules.cover import cover
from settle.rules.differ import compare
from settle.rules.draft import write_files
from settle.rules.format import is_formatted
from settle.rules.lint_folder import lint
from settle.rules.template import Template, templates
from tests.rules.folders import template_folder

TEMPLATES = templates()
ALL = pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)


def test_every_interface_has_one_default_template() -> None:
    defaults = [(one.draft.slot, one.draft.interface) for one in TEMPLATES if one.default]
    assert sorted(defaults) == sorted(INTERFACES)


@ALL
def test_a_new_rule_builds_and_nothing_is_wrong_with_it(tmp_path: Path, template: Template) -> None:
    folder = template_folder(tmp_path, template.name)
    assert lint(folder) == ()
    assert is_formatted((folder / "rule.py").read_text(encoding="ascii"))
    rule = load_bundle(build_bundle(folder))
    assert (rule.manifest.slot, rule.manifest.interface) == (template.draft.slot, template.draft.interface)
    assert rule.manifest.authors == (b"a test",)


@ALL
def test_the_vectors_of_a_new_rule_reach_every_line_and_branch_and_its_back_ends_agree(
    tmp_path: Path, template: Template
) -> None:
    rule, vectors = compile_folder(template_folder(tmp_path, template.name))
    covered = cover(rule, vectors)
    assert covered.unreached == ()
    assert covered.one_sided == ()
    assert all(one.source for one in vectors)
    assert all(one.difference is None for one in compare(rule, vectors, 100, seed=1))


@ALL
def test_the_tests_of_a_new_rule_pass(tmp_path: Path, template: Template) -> None:
    """As pytest would run them: the rule is imported as plain Python, its tables are filled from their files."""
    folder = template_folder(tmp_path, template.name)
    spec = spec_from_file_location(template.name, folder / f"test_{template.name}_v1.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [one for name, one in vars(module).items() if name.startswith("test_")]
    assert tests
    for one in tests:
        one()


def test_no_rule_is_written_over(tmp_path: Path) -> None:
    folder = template_folder(tmp_path, "tax")
    with pytest.raises(FileExistsError):
        write_files(folder, {"plugin.toml": ""})
    assert Table("TAXES", ((1, 900), (2, 600), (3, 600))) == compile_folder(folder).rule.tables["TAXES"]
