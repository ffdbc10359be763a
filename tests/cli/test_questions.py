"""The command knows every question that a node answers, in the forms of its release."""

from __future__ import annotations

import pytest
from msgspec import json as msgspec_json

from abci_app.application import queries, router
from abci_app.application.queries import Simulation
from abci_app.kernel.codes import Rejected
from abci_app.state.store import Marker
from settle.cli import facts, questions
from settle.cli.questions import QUESTIONS
from tests.cli.command import Command
from tests.cli.node_in_memory import MemoryNode


def test_every_question_of_the_application_can_be_asked() -> None:
    with pytest.raises(Rejected) as refusal:
        queries.answer(None, "/bogus", b"")  # type: ignore[arg-type]  # refused before anything is looked at
    known = set(str(refusal.value.expected).removeprefix("one of ").split(", "))
    assert known - {"/facts", "/simulate"} == set(QUESTIONS)


def test_every_fact_of_the_application_can_be_read() -> None:
    assert set(router.BY_FACT) == set(facts.Fact.__args__)


def test_the_forms_of_marker_and_simulation_are_the_applications() -> None:
    for ours, theirs in ((questions.Marker, Marker), (questions.Simulation, Simulation)):
        assert ours.__struct_fields__ == theirs.__struct_fields__


@pytest.mark.parametrize("path", sorted(QUESTIONS))
def test_every_answer_of_a_new_chain_is_readable(path: str, node: MemoryNode, settle: Command) -> None:
    del node  # the fixture puts it in place
    question = QUESTIONS[path]
    argument = {
        "None": None, "a number": "1", "a hash of 64 hex digits": "00" * 32, "a key of 66 hex digits": "02" * 33,
    }.get("None" if question.arguments is None else questions._form(question.arguments))  # fmt: skip
    if argument is None and question.arguments is not None:
        fields = question.arguments.__struct_fields__  # type: ignore[attr-defined]  # a Value
        argument = msgspec_json.encode(dict.fromkeys(fields, 1)).decode()
    ran = settle("query", path, *([] if argument is None else [argument]), "--json")
    assert ran.status == 0 or ran.document["error"]["code"] == questions.NOT_FOUND
