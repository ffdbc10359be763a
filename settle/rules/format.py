"""The one formatter: a rule's text is the printer's text of its tree."""

from __future__ import annotations

from abci_app.rules.printer import print_program
from settle.rules.parse import check_text


def format_rule(text: str) -> str:
    """The canonical text of a rule. Comments are no part of a rule and go; notes (strings) stay.

    RuleTextError where the text is no rule or does not check.
    """
    return print_program(check_text(text).program)


def is_formatted(text: str) -> bool:
    """Whether the text is canonical: `source == printer(tree)`, as every bundle's must be."""
    return format_rule(text) == text
