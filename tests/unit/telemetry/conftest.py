"""Somebody who listens."""

from collections.abc import Iterator

import pytest

from standins.listener import Listener, listening


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as somebody:
        yield somebody
