"""`settle keys`: key files of this home, their registration on the chain, and how they are changed."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from abci_app.domain.members.schema import (
    ChangeState,
    PendingKeyChange,
    RegisteredKey,
)
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict, administrators
from abci_app.kernel.roles import Role
from settle.chain.consortium import key_folder
from settle.chain.errors import KeyFileError, NodeUnreachable
from settle.chain.keys import Signer, generate, propose_keys
from settle.cli.failures import usage
from settle.cli.names import begins
from settle.cli.options import COMMON, SENDING, Common, Sending, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import plain, short
from settle.cli.questions import KEY, KEY_CHANGES
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session

app = noun("keys", "An operator's keys: files here, registrations on the chain.")

RoleName: TypeAlias = Literal["admin", "maker", "checker", "governance", "node"]


@app.command(name="list")
def list_keys(*, common: Common = COMMON) -> None:
    """List the home's key files and what the chain says of each; without a node, the files alone."""
    with session(common) as now:
        rows = [
            (
                name,
                key.role.name.lower(),
                key.operator,
                key.public.hex(),
                _registered(now, key.public),
            )
            for name, key in now.keys.items()
        ]
        names = ("name", "role", "operator", "public", "on chain")
        document = [dict(zip(names, row, strict=True)) for row in rows]
        now.out.result(document, table(*names, rows=rows, right=("operator",)))


@app.command
def show(name: str, *, common: Common = COMMON) -> None:
    """Show one key: a file of the home by name, or any registered key by its 66 hex digits.

    Parameters
    ----------
    name
        A name of `settle keys list`, or a public key.
    """
    with session(common) as now:
        public = now.keys[name].public if name in now.keys else _public(name)
        row: RegisteredKey | None = now.find(KEY, public)
        document: dict[str, object] = {"public": public.hex(), "on chain": _standing(row)}
        if row is not None:
            document |= {"operator": now.codes[row.operator], "role": row.role.name.lower(), "suite": row.suite}
        now.out.result(document, facts_of(document.items()))


@app.command
def new(name: str, *, role: RoleName, common: Common = COMMON) -> None:
    """Make a new key file for this home's operator; the chain does not know it before `settle keys propose`.

    Parameters
    ----------
    name
        The file's name, such as checker-2.
    role
        What the key may do.
    """
    with session(common) as now:
        if not name.replace("-", "").replace("_", "").isalnum():
            raise usage(expected="letters, digits, - and _", actual=name, next_step="choose a plain name")
        key = generate(now.myself, Role[role.upper()])
        path = key_folder(now.settings.folder) / f"{name}.json"
        key.write(path)
        document = {"name": name, "role": role, "operator": key.operator, "public": key.public.hex(), "file": str(path)}
        now.out.result(document, facts_of(document.items()))
        now.out.hint(f"next: settle keys propose --register {name}")


@app.command
def propose(
    *,
    register: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    revoke: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    sending: Sending = SENDING,
) -> None:
    """Propose to register new keys and revoke old ones; other administrators approve it.

    Parameters
    ----------
    register
        Names of key files of this home: a new key signs that it is ours. May be given several times.
    revoke
        Names of key files, or public keys of 66 hex digits. May be given several times.
    """
    with session(sending) as now:
        signer = now.signer(Role.ADMIN)
        new = [_own(now, name) for name in register]
        grants = tuple(key.grant for key in new)
        revoked = tuple(now.keys[name].public if name in now.keys else _public(name) for name in revoke)
        serial = now.members[signer.operator].key_changes + 1
        for _, row in _changes(now, signer.operator):
            if (row.change.register, row.change.revoke) == (grants, revoked) and row.state == ChangeState.OPEN:
                serial = row.change.serial  # the same wish again: the same document
        messages = [propose_keys(now.chain, serial, new, revoked)]
        send(now, sending, Wish("keys propose", messages, signer), then="settle keys status")


@app.command
def approve(change: str, *, refuse: bool = False, sending: Sending = SENDING) -> None:
    """Sign a key change as administrator; the proposer signs too.

    Parameters
    ----------
    change
        Its serial number, or its hash (the beginning is enough).
    refuse
        Refuse it instead: that closes it.
    """
    with session(sending) as now:
        signer = now.signer(Role.ADMIN)
        document, row = _change(now, signer.operator, change)
        if not sending.key:
            signer = _next_admin(now, row) or signer
        verdict = Verdict.REFUSE if refuse else Verdict.APPROVE
        messages = [Approve(DocumentKind.KEY_CHANGE, document, Role.ADMIN, verdict)]
        send(now, sending, Wish("keys approve", messages, signer), then="settle keys status")


@app.command
def status(*, operator: str | None = None, common: Common = COMMON) -> None:
    """Show key changes: who has signed, and what is still missing.

    Parameters
    ----------
    operator
        Another operator's than the home's, by code or number.
    """
    with session(common) as now:
        number = now.myself if operator is None else now.operator(operator)
        [need] = administrators(number, now.members[number].administrators)
        rows, documents = [], []
        for document, row in _changes(now, number):
            signed = f"{len(row.signatures)} of {need.keys}"
            change = row.change
            rows.append(
                (change.serial, short(document), row.state.name, signed, len(change.register), len(change.revoke))
            )
            documents.append({"document": document.hex(), "signatures_needed": need.keys, "row": plain(row)})
        columns = ("serial", "document", "state", "signed", "register", "revoke")
        now.out.result(documents, table(*columns, rows=rows, right=("serial", "register", "revoke")))


def _registered(now: Session, public: bytes) -> str:
    try:
        return _standing(now.find(KEY, public))
    except NodeUnreachable:
        return "no node"


def _standing(row: RegisteredKey | None) -> str:
    if row is None:
        return "unknown"
    return "active" if row.active else "revoked"


def _public(text: str) -> bytes:
    try:
        public = bytes.fromhex(text)
    except ValueError:
        public = b""
    if len(public) != 33:
        raise usage(
            expected="a key's name, or its public key of 66 hex digits", actual=text, next_step="see `settle keys list`"
        )
    return public


def _own(now: Session, name: str) -> Signer:
    """A key whose file is in the home: to be registered it must sign."""
    key = now.keys.get(name)
    if key is None:
        folder = key_folder(now.settings.folder)
        raise KeyFileError(
            expected=f"the file of the key in {folder}: a new key itself signs that it is ours",
            actual=f"no {name}.json",
            next_step="see `settle keys list`; make one with `settle keys new`, or propose from the home that holds it",
        )
    return key


def _changes(now: Session, operator: int) -> list[tuple[bytes, PendingKeyChange]]:
    found = [(document, row) for document, row in now.ask(KEY_CHANGES) if row.change.operator == operator]
    return sorted(found, key=lambda each: each[1].change.serial)


def _change(now: Session, operator: int, named: str) -> tuple[bytes, PendingKeyChange]:
    fitting = [
        (document, row)
        for document, row in _changes(now, operator)
        if named == str(row.change.serial) or begins(document, named)
    ]
    if len(fitting) != 1:
        raise usage(
            expected="the serial or hash of one key change",
            actual=f"{named}, which fits {len(fitting)}",
            next_step="see `settle keys status`",
        )
    return fitting[0]


def _next_admin(now: Session, row: PendingKeyChange) -> Signer | None:
    """An administrator's key of the home that has not signed yet."""
    signed = {signature.key for signature in row.signatures}
    return next((key for key in now.keys.values() if key.role == Role.ADMIN and key.public not in signed), None)
