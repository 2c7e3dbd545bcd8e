"""What can go wrong with the private node, each with what to do next in its message."""

from pathlib import Path


class PrivateBrokerError(Exception):
    """Base of everything that this package raises."""


class RabbitMqMissingError(PrivateBrokerError):
    """No RabbitMQ server (or no Erlang to run it) was found on this machine."""


class NodeInUseError(PrivateBrokerError):
    """Another process holds the node of this data folder."""

    def __init__(self, data_dir: Path, holder: str) -> None:
        super().__init__(f"another svc up is running in {data_dir}, pid {holder}; stop it or use another --data-dir")


class NodeStartError(PrivateBrokerError):
    """The server could not be started, or did not serve in time."""


class LoginRefusedError(PrivateBrokerError):
    """A server answered, but is not ready for this user yet, or does not speak AMQP 0-9-1."""
