"""Every `>>>` of every function of the workflow language."""

import pytest
from tests.wdl.scope import evaluator

from huntlake.wdl.expressions.values import json_text
from huntlake.wdl.functions import FUNCTIONS

EXAMPLES = [
    (f.name, call, value) for f in {id(f): f for f in FUNCTIONS.values()}.values() for call, value in f.examples
]
WITHOUT = set(
    (
        "action actions appsetting body formDataMultiValues formDataValue getFutureTime getPastTime guid item items"
        " iterationIndexes listCallbackUrl multipartBody outputs parameters rand result trigger triggerBody"
        " triggerFormDataMultiValues triggerFormDataValue triggerMultipartBody triggerOutputs utcNow variables workflow"
    ).split()
)
"""Their value hangs on the run."""


@pytest.mark.parametrize(("name", "call", "value"), EXAMPLES)
def test_the_example_holds(name: str, call: str, value: str) -> None:
    assert json_text(evaluator().text("@" + call)) == value


def test_every_function_shows_an_example() -> None:
    assert {f.name for f in FUNCTIONS.values() if not f.examples} == WITHOUT


def test_every_function_is_documented() -> None:
    assert not [f.name for f in FUNCTIONS.values() if not f.doc]
