"""What can go wrong between us and the broker."""


class BusError(Exception):
    """The base of this package's errors."""


class BrokerUnavailableError(BusError):
    """The broker does not answer, or does not answer in time."""


class BrokerRefusedError(BusError):
    """The broker answers, but will not let us in."""


class BusClosedError(BusError):
    """The bus was closed while a message was still on its way; it may or may not have arrived."""


class UnroutableError(BusError):
    """The broker took a command and had no queue for it: the topology is not declared."""


class UnreadableMessageError(BusError):
    """A message whose type is unknown or whose body does not fit its type."""


class TopologyDriftError(BusError):
    """The broker has a queue or exchange of our name with other arguments."""
