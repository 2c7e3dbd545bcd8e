"""What differs between RabbitMQ versions, and only that; measured on 3.10, 4.0 and 4.3."""

from dataclasses import dataclass

_OLDEST = (3, 10)
_TWO_LEVELS_SINCE = (4, 0)
_STRICT_PRIORITIES_SINCE = (4, 3)
_QUEUE_TIMEOUT_SINCE = (4, 0)
_AMQP_MIDDLE = 4
_AMQP_HIGH = 5


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one broker version wants things said.

    Attributes:
        version: as the connection announced it, such as `4.0.5`.
    """

    version: str

    @property
    def is_supported(self) -> bool:
        """Whether this version is one that we try our promises on, or newer."""
        return self._number >= _OLDEST

    @property
    def honours_consumer_timeout_of_queue(self) -> bool:
        """Whether a queue's own consumer timeout counts; elsewhere only rabbitmq.conf can lengthen it."""
        return self._number >= _QUEUE_TIMEOUT_SINCE

    def amqp_priority(self, priority: int) -> int:
        """Our priority, 1 (first) to 10, as a quorum queue of this version understands it.

        4.3 serves strictly by 0 to 31; 4.0 knows two levels, above 4 and up to 4; 3.10 ignores the property.
        """
        if self._number >= _STRICT_PRIORITIES_SINCE:
            return 10 - priority
        if self._number >= _TWO_LEVELS_SINCE:
            return _AMQP_HIGH if priority < _DEFAULT_PRIORITY else _AMQP_MIDDLE
        return 0

    @property
    def _number(self) -> tuple[int, int]:
        major, minor, *_ = (*self.version.split("."), "0", "0")
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


_DEFAULT_PRIORITY = 5
