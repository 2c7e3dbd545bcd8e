"""What differs between RabbitMQ versions."""

import pytest

from tubewarren.bus.dialect import Dialect


@pytest.mark.parametrize(
    ("version", "is_supported", "honours_timeout"),
    [
        ("3.9.29", False, False),
        ("3.10.8", True, False),
        ("3.13.7", True, False),
        ("4.0.5", True, True),
        ("4.2.0", True, True),
        ("4.3.6", True, True),
        ("4.3.0-rc.1", True, True),
        ("4.10.0", True, True),
        ("5.0", True, True),
        ("4", True, True),
        ("garbage", False, False),
        ("", False, False),
        ("four.three", False, False),
        ("4.x", False, False),
    ],
)
def test_each_version_is_spoken_to_in_its_own_way(
    version: str,
    is_supported: bool,  # noqa: FBT001
    honours_timeout: bool,  # noqa: FBT001
) -> None:
    dialect = Dialect(version)

    assert dialect.is_supported is is_supported
    assert dialect.honours_consumer_timeout_of_queue is honours_timeout
