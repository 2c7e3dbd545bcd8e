"""What every test of the command line needs."""

from collections.abc import Iterator

import pytest

from unit.cli.forgetting import logging_forgotten


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """No test of another part hears of it that a command set up logging."""
    with logging_forgotten():
        yield
