"""What differs between RabbitMQ versions, and only that; measured on 3.10, 4.0 and 4.3."""

from dataclasses import dataclass

_OLDEST = (3, 10)
_QUEUE_TIMEOUT_SINCE = (4, 0)


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

    @property
    def _number(self) -> tuple[int, int]:
        major, minor, *_ = (*self.version.split("."), "0", "0")
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
