"""The message: a frozen, versioned contract whose type is also its routing key."""

from operator import not_
from typing import Annotated, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Later = Annotated[str, Field(exclude_if=not_)]
"""A field that a message did not have from the beginning. Empty, it stays off the wire, so that a message without it
has the body and the id that it always had."""

_NAMESPACE = uuid5(NAMESPACE_URL, "https://tubewarren.invalid/messages")


class Message(BaseModel):
    """What crosses the broker.

    `type` is spelled once, here: it is the AMQP `type` property and the routing key. Fields that a reader does
    not know are ignored; a changed meaning is a new class with a new version beside the old one.
    """

    # Built at its first use: a service knows all messages, and meets few.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    type: ClassVar[str]

    @property
    def key(self) -> str:
        """What this message is about; two messages of one type with one key are the same."""
        return self.model_dump_json()

    @property
    def message_id(self) -> UUID:
        """An id that a repeat of this message shares."""
        return uuid5(_NAMESPACE, f"{self.type}:{self.key}")


class Command(Message):
    """An order to exactly one queue."""


class Event(Message):
    """History, for whoever listens."""

    at: AwareDatetime
    """When it happened, by the clock of the machine where it did."""
