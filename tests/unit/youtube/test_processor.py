"""Finding processors by name."""

import pytest

from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import ProcessorNotFoundError
from tubewarren.youtube.fetch import fetch
from tubewarren.youtube.processor import DEFAULT_PROCESSOR, resolve


def test_the_default_processor_fetches() -> None:
    assert resolve(DEFAULT_PROCESSOR) is fetch


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_package.module:f", "importing no_such_package.module failed: ModuleNotFoundError"),
        ("tubewarren.youtube.fetch:nothing", "has no nothing"),
        ("tubewarren.youtube.fetch:INFO_FILE", "is no function, but str"),
        ("this:s:wrong", "has no s:wrong"),
        (":f", "importing  failed"),
        ("transcribe", "no entry point of the group tubewarren.processors is called transcribe"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_with_what_to_do(name: str, words: str) -> None:
    with pytest.raises(ProcessorNotFoundError, match="name it as package") as raised:
        resolve(name)

    assert words in raised.value.failure.reason
    assert raised.value.failure.kind is FailureKind.UNFIT
