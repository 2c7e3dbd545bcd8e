"""What differs between RabbitMQ versions."""

import pytest

from tubewarren.bus.dialect import Dialect


@pytest.mark.parametrize(
    ("version", "is_supported", "honours_timeout", "first", "usual", "last"),
    [
        ("3.9.29", False, False, 0, 0, 0),
        ("3.10.8", True, False, 0, 0, 0),
        ("3.13.7", True, False, 0, 0, 0),
        ("4.0.5", True, True, 5, 4, 4),
        ("4.2.0", True, True, 5, 4, 4),
        ("4.3.6", True, True, 9, 5, 0),
        ("4.3.0-rc.1", True, True, 9, 5, 0),
        ("4.10.0", True, True, 9, 5, 0),
        ("5.0", True, True, 9, 5, 0),
        ("4", True, True, 5, 4, 4),
        ("garbage", False, False, 0, 0, 0),
        ("", False, False, 0, 0, 0),
        ("four.three", False, False, 0, 0, 0),
        ("4.x", False, False, 0, 0, 0),
    ],
)
def test_each_version_is_spoken_to_in_its_own_way(
    version: str,
    is_supported: bool,  # noqa: FBT001
    honours_timeout: bool,  # noqa: FBT001
    first: int,
    usual: int,
    last: int,
) -> None:
    dialect = Dialect(version)

    assert dialect.is_supported is is_supported
    assert dialect.honours_consumer_timeout_of_queue is honours_timeout
    assert [dialect.amqp_priority(priority) for priority in (1, 5, 10)] == [first, usual, last]


@pytest.mark.parametrize("version", ["3.10.8", "4.0.5", "4.3.6"])
def test_a_more_urgent_order_never_has_the_lower_priority(version: str) -> None:
    priorities = [Dialect(version).amqp_priority(priority) for priority in range(1, 11)]

    assert priorities == sorted(priorities, reverse=True)
