"""What went wrong, in one form: what was expected, what came, what to do next, and the exit status."""

from __future__ import annotations

import re
from difflib import get_close_matches
from enum import IntEnum
from typing import NamedTuple

from cyclopts import CycloptsError, UnknownCommandError

from abci_app.rules.codes import RuleRefused
from cometbft.errors import NodeError
from settle.agent.intake.bad_input import BadInput
from settle.chain.errors import ChainError, KeyFileError, NodeUnreachable, QueryRefused, RpcError, StillWaiting
from settle.rules.plugin import PluginInvalid
from settle.rules.source import RuleTextError
from settle.sample.errors import BadSample


class Exit(IntEnum):
    """Exit statuses (PROTOCOL 38). Frozen."""

    DONE = 0
    REJECTED = 1
    USAGE = 2
    UNREACHABLE = 3
    TIMEOUT = 4
    BAD_INPUT = 5
    INTERRUPTED = 130  # as shells have it for Ctrl-C


class Failure(Exception):
    """Ends the command. `code` and `name` are the chain's where the chain refused."""

    def __init__(
        self, exit_status: Exit, *, expected: str, actual: str, next_step: str, code: int = 0, name: str = ""
    ) -> None:
        super().__init__(f"expected {expected}\n  came: {actual}\n  next: {next_step}")
        self.exit_status = exit_status
        self.expected = expected
        self.actual = actual
        self.next_step = next_step
        self.code = code
        self.name = name

    def document(self) -> dict[str, object]:
        """The failure for `--json`."""
        told: dict[str, object] = {"exit": int(self.exit_status)}
        if self.code:
            told |= {"code": self.code, "name": self.name}
        return {"error": told | {"expected": self.expected, "actual": self.actual, "next": self.next_step}}

    def text(self) -> str:
        """The failure for people."""
        head = f"rejected: {self.code} {self.name}\n" if self.code else ""
        return f"{head}expected {self.expected}\n    came {self.actual}\n    next {self.next_step}"


class Told(NamedTuple):
    """A refusal's log, taken apart."""

    name: str
    expected: str
    actual: str


_LOG = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*): expected (?P<expected>.*), got (?P<actual>.*)", re.DOTALL)


def read_log(log: str) -> Told:
    """The parts of a refusal's log (`kernel.codes.Rejected`); a log of another form is all `actual`."""
    found = _LOG.fullmatch(log)
    if found is None:
        return Told("", "a transaction that the chain accepts", log or "no reason given")
    return Told(found["name"], found["expected"], found["actual"])


def refused(code: int, log: str, next_step: str) -> Failure:
    """The chain's refusal of a transaction or a query."""
    told = read_log(log)
    return Failure(
        Exit.REJECTED, expected=told.expected, actual=told.actual, next_step=next_step, code=code, name=told.name
    )


def usage(*, expected: str, actual: str, next_step: str) -> Failure:
    """The command line asks for something that cannot be."""
    return Failure(Exit.USAGE, expected=expected, actual=actual, next_step=next_step)


def not_done(*, expected: str, actual: str, next_step: str) -> Failure:
    """The command cannot be carried out as things stand."""
    return Failure(Exit.REJECTED, expected=expected, actual=actual, next_step=next_step)


def bad_input(*, expected: str, actual: str, next_step: str) -> Failure:
    """A file's content cannot be used."""
    return Failure(Exit.BAD_INPUT, expected=expected, actual=actual, next_step=next_step)


EXPLAINED = (
    CycloptsError,
    ChainError,
    NodeError,
    BadInput,
    BadSample,
    PluginInvalid,
    RuleTextError,
    RuleRefused,
    OSError,
    KeyboardInterrupt,
)
"""What `explain` knows; anything else is a fault of ours and shows its trace."""


def explain(fault: BaseException) -> Failure:
    """Any error of the programs beneath, as the failure that a person sees."""
    match fault:
        case Failure():
            return fault
        case UnknownCommandError():
            return _unknown_command(fault)
        case CycloptsError():
            told = str(fault).strip() or type(fault).__name__
            return usage(expected="a command line of this form", actual=told, next_step="add --help for the form")
        case QueryRefused():
            return refused(fault.code, fault.actual.partition(": ")[2], fault.next_step)
        case ChainError():
            return Failure(_exit_of(fault), expected=fault.expected, actual=fault.actual, next_step=fault.next_step)
        case NodeError():
            return not_done(expected=fault.expected, actual=fault.actual, next_step=fault.next_step)
        case KeyboardInterrupt():
            went_on = "what was submitted stays in the outbox; run the command again to go on"
            return Failure(Exit.INTERRUPTED, expected="an end", actual="an interrupt (Ctrl-C)", next_step=went_on)
        case OSError():
            return bad_input(
                expected=f"{fault.filename or 'a file'} to be readable and writable",
                actual=fault.strerror or str(fault),
                next_step="name the right file, or mend its permissions",
            )
        case _:
            return _file_failure(fault)


def _unknown_command(fault: UnknownCommandError) -> Failure:
    """Our own words: cyclopts' would load every noun to list them."""
    typed = fault.unused_tokens[0] if fault.unused_tokens else "nothing"
    known = [] if fault.app is None else [name for name in fault.app if not name.startswith("-")]
    near = get_close_matches(typed, known, n=1)
    return usage(
        expected=f"one of {', '.join(known)}",
        actual=typed,
        next_step=f"did you mean {near[0]}?" if near else "add --help for what each does",
    )


def _exit_of(fault: ChainError) -> Exit:
    match fault:
        case NodeUnreachable() | RpcError():
            return Exit.UNREACHABLE
        case StillWaiting():
            return Exit.TIMEOUT
        case KeyFileError():
            return Exit.BAD_INPUT
        case _:
            return Exit.REJECTED


def _file_failure(fault: BaseException) -> Failure:
    """Errors about the content of a file that somebody wrote."""
    match fault:
        case BadInput():
            where = fault.file if fault.row is None else f"{fault.file}, row {fault.row}"
            return bad_input(expected=f"{fault.expected} in {where}", actual=fault.came, next_step=fault.next_step)
        case BadSample():
            expected, actual = f"{fault.field}: {fault.expected}", str(fault.came)
            return bad_input(expected=expected, actual=actual, next_step=fault.next_step)
        case PluginInvalid():
            return bad_input(expected=f"a rule's file at {fault.file}", actual=fault.what, next_step="correct the file")
        case RuleTextError() | RuleRefused():
            return bad_input(expected="text of the rule language", actual=str(fault), next_step="correct the rule")
        case _:
            raise fault
