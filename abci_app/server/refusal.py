"""What ends the program with a sentence for a person instead of a stack trace."""

from __future__ import annotations


class Refusal(ValueError):
    """Something given from outside does not fit: a setting, a genesis file, a node, another running app.

    The message says what was expected, what came and what to do next. It is printed or logged
    as it stands, and the program ends with `crash.CONFIGURATION`.
    """
