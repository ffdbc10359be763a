"""One command at work: its settings, its node, its keys, the members' names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from abci_app.domain.members.schema import Operator
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.roles import Role
from settle.chain.answers import Status
from settle.chain.consortium import key_folder, load_keys
from settle.chain.errors import QueryRefused
from settle.chain.keys import Signer, read_key
from settle.chain.rpc import RpcClient
from settle.cli import questions
from settle.cli.failures import Exit, Failure, not_done, usage
from settle.cli.options import Common
from settle.cli.output import Output
from settle.cli.plain import text
from settle.cli.questions import Question
from settle.cli.settings import Settings, read_settings

A = TypeVar("A")


class Session:
    """What commands work with. Nothing is asked of the node before it is needed."""

    def __init__(self, settings: Settings, out: Output, node: RpcClient) -> None:
        self.settings = settings
        self.out = out
        self.node = node

    @cached_property
    def status(self) -> Status:
        """The node's status at the first look."""
        return self.node.status()

    @property
    def chain_id(self) -> str:
        """The node's chain."""
        return self.status.chain_id

    @property
    def chain(self) -> bytes:
        """sha256 of the chain id."""
        return chain_hash(self.chain_id.encode())

    @cached_property
    def time(self) -> int:
        """Header time of the last block: the only clock that deadlines know."""
        return self.ask(questions.MARKER)[0].time

    @cached_property
    def members(self) -> Mapping[int, Operator]:
        """All operators by number."""
        rows = self.ask(questions.OPERATORS)
        return dict(rows)

    @cached_property
    def codes(self) -> Mapping[int, str]:
        """Operators' codes by number."""
        return {number: text(row.code) for number, row in self.members.items()}

    def operator(self, named: str) -> int:
        """An operator's number, from its code or its number."""
        for number, code in self.codes.items():
            if named.upper() == code.upper() or named == str(number):
                return number
        raise usage(
            expected=f"one of {', '.join(self.codes.values())}", actual=named, next_step="see `settle member list`"
        )

    def ask(self, question: Question[A], argument: object = None) -> A:
        """The node's answer. Raises `QueryRefused`."""
        return questions.ask(self.node, question, argument)

    def find(self, question: Question[A], argument: object = None) -> A | None:
        """The answer, or None where there is nothing of that name."""
        try:
            return self.ask(question, argument)
        except QueryRefused as refusal:
            if refusal.code == questions.NOT_FOUND:
                return None
            raise

    def require(self, what: str, question: Question[A], argument: object, see: str) -> A:
        """The answer; a `Failure` that names `what` and where to `see` others, where there is none."""
        found = self.find(question, argument)
        if found is None:
            raise Failure(
                Exit.REJECTED, expected=what, actual="none on this chain", next_step=f"see `{see}`",
                code=questions.NOT_FOUND, name="NOT_FOUND",
            )  # fmt: skip
        return found

    # keys

    @cached_property
    def keys(self) -> Mapping[str, Signer]:
        """The home's keys by name."""
        return load_keys(self.settings.folder)

    def signer(self, *roles: Role) -> Signer:
        """The key that signs: the one asked for, else the home's first of the first role that has one.

        A key file named after its role comes before others of that role: people's keys before an agent's.
        """
        asked = self.settings.key.value
        if asked:
            return self.keys[asked] if asked in self.keys else read_key(_key_path(self.settings.folder, asked))
        for role in roles:
            mine = [name for name, key in self.keys.items() if key.role == role]
            if mine:
                return self.keys[min(mine, key=lambda name: (name != role.name.lower(), name))]
        raise not_done(
            expected=f"a {' or '.join(role.name.lower() for role in roles)} key in {key_folder(self.settings.folder)}",
            actual=", ".join(self.keys) or "no key at all",
            next_step="name the home with --home, or a key file with --key",
        )

    @property
    def myself(self) -> int:
        """The operator whose keys the home holds."""
        numbers = {key.operator for key in self.keys.values()}
        if len(numbers) != 1:
            raise not_done(
                expected=f"the keys of one operator in {key_folder(self.settings.folder)}",
                actual=f"keys of {len(numbers)} operators",
                next_step="name the home with --home",
            )
        return numbers.pop()

    def unused_number(self, key: bytes) -> int:
        """A replay number that the key has not used; for simulations."""
        return self.ask(questions.REPLAY, key).highest + 1


def _key_path(home: Path, asked: str) -> Path:
    named = key_folder(home) / f"{asked}.json"
    return named if named.exists() or not Path(asked).exists() else Path(asked)


@contextmanager
def session(options: Common) -> Iterator[Session]:
    """The session of a command line; the connections are closed at its end."""
    settings = read_settings(options)
    with open_node(settings.node.value) as node:
        yield Session(settings, Output(as_json=options.json), node)


def open_node(url: str) -> RpcClient:
    """The one place where the command meets a node; tests put another there."""
    return RpcClient(url)
