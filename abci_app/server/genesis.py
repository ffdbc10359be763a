"""The application's part of the genesis file: the facts that the state begins with."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from abci_app.application.interface import Genesis, ValidatorPower
from abci_app.server import abci_pb2 as pb
from abci_app.server.faults import describe
from abci_app.server.refusal import Refusal


class AppState(BaseModel):
    """`app_state` of the genesis file (PROTOCOL 10)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal[1] = Field(description="The form of this object.")
    facts: tuple[bytes, ...] = Field(description="Canonical facts, each in base64, in order.")

    @field_validator("facts", mode="before")
    @classmethod
    def _from_base64(cls, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError(f"a list of base64 texts, not {type(value).__name__}")
        return tuple(_fact(number, text) for number, text in enumerate(value))


def read_genesis(asked: pb.RequestInitChain) -> Genesis:
    """What InitChain brings. Raises `Refusal` where it is not a genesis that this app can begin with."""
    return Genesis(
        chain_id=asked.chain_id.encode(),
        time=asked.time.seconds,
        initial_height=asked.initial_height,
        validators=tuple(_validator(number, each) for number, each in enumerate(asked.validators)),
        facts=read_facts(asked.app_state_bytes),
    )


def read_facts(app_state: bytes) -> tuple[bytes, ...]:
    """The facts in `app_state`. Raises `Refusal`."""
    try:
        return AppState.model_validate_json(app_state).facts
    except ValidationError as fault:
        raise Refusal(
            "the genesis file's app_state does not fit: "
            + describe(fault)
            + '. It must be {"format": 1, "facts": [base64 ...]}, the same on every node'
        ) from fault


def _fact(number: int, text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError(f"fact {number} in base64, not {type(text).__name__}")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise ValueError(f"fact {number} in base64 ({fault})") from fault


def _validator(number: int, given: pb.ValidatorUpdate) -> ValidatorPower:
    kind = given.pub_key.WhichOneof("sum")
    if kind != "ed25519" or len(given.pub_key.ed25519) != 32:
        raise Refusal(
            f"the genesis file's validator {number}: expected an Ed25519 key, came {kind or 'none'}. "
            "Make the key with `cometbft init` and its default key type"
        )
    return ValidatorPower(given.pub_key.ed25519, given.power)
