"""The registry of hash tags: every signature, commitment, document and transcript names one.

State leaves and log leaves are the exceptions: they carry CometBFT's and RFC 6962's prefixes.
A tag is ASCII, ends with a zero byte and holds no other, so no tag is the prefix of another.
"""

from __future__ import annotations

from enum import Enum
from hashlib import sha256


class Tag(Enum):
    """Frozen: a released tag keeps its bytes for ever."""

    TRANSACTION = b"settlement/transaction/1\0"
    CHAIN = b"settlement/chain/1\0"
    KEY_CHANGE = b"settlement/document/key-change/1\0"
    KEY_POSSESSION = b"settlement/key/possession/1\0"
    AGREEMENT = b"settlement/document/agreement/1\0"
    STATEMENT = b"settlement/document/statement/1\0"
    NETTING_ROUND = b"settlement/document/netting-round/1\0"
    RULE_TREE = b"settlement/rule/tree/1\0"
    RULE_TABLE = b"settlement/rule/table/1\0"
    RULE_BUNDLE = b"settlement/document/rule-bundle/1\0"
    RULE_OUTCOMES = b"settlement/rule/outcomes/1\0"
    RULE_NAME = b"settlement/rule/name/1\0"
    PROPOSAL = b"settlement/document/proposal/1\0"
    READINESS = b"settlement/document/readiness/1\0"
    POSSESSION = b"settlement/validator/possession/1\0"
    DETAIL = b"settlement/declaration/detail/1\0"
    VALUES = b"settlement/declaration/values/1\0"
    SEED = b"settlement/declaration/seed/1\0"
    BLINDING = b"settlement/declaration/blinding/1\0"
    GENERATOR = b"settlement/commitment/generator/1\0"
    KNOWLEDGE = b"settlement/commitment/knowledge/1\0"
    KNOWLEDGE_NONCE = b"settlement/commitment/knowledge-nonce/1\0"
    USAGE_RECORD = b"settlement/usage/record/1\0"
    USAGE_SALT = b"settlement/usage/salt/1\0"
    USAGE_STREAM = b"settlement/usage/stream/1\0"


def tagged(tag: Tag, *parts: bytes) -> bytes:
    """sha256 over the tag and the parts, 32 bytes. Parts of variable length go last or are encoded values."""
    digest = sha256(tag.value)
    for part in parts:
        digest.update(part)
    return digest.digest()
