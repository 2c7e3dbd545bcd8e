"""The registry of types, and the ids by which a repeat is recognised."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tubewarren.messages import TYPES, Command, Event, Message
from tubewarren.messages.commands import (
    AddSource,
    DownloadVideo,
    ExpandSource,
    QueryLedger,
    ReturnResults,
    SelectResults,
)
from tubewarren.messages.events import VideoClaimed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def concrete(kind: type[Message]) -> set[type[Message]]:
    found = {each for below in kind.__subclasses__() for each in concrete(below)}
    return found | ({kind} if "type" in vars(kind) else set())


def ours(kind: type[Message]) -> set[type[Message]]:
    return {each for each in concrete(kind) if each.__module__.startswith("tubewarren.")}


def test_every_message_class_is_in_the_registry_and_no_two_share_a_type() -> None:
    assert set(TYPES.values()) == ours(Message)
    assert len(TYPES) == len(ours(Message))


def test_every_message_is_an_order_or_history_and_never_both() -> None:
    assert ours(Command) | ours(Event) == ours(Message)
    assert not ours(Command) & ours(Event)


@pytest.mark.parametrize("type_", TYPES)
def test_a_type_is_a_routing_key_with_a_version(type_: str) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+\.v[1-9][0-9]*", type_)
    assert TYPES[type_].type == type_


@pytest.mark.parametrize(
    ("message", "message_id"),
    [
        (AddSource(url="https://x.invalid/"), "a9eb1f74-ce74-52c8-9ade-4a2a4f065916"),
        (ExpandSource(source_id="7", url="https://x.invalid/"), "2b9e6c24-d336-558a-8f17-0d195896b980"),
        (
            DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7"),
            "667c30c0-2be3-5c25-a148-41a2c6ecc781",
        ),
        (SelectResults(source_ids=("7",)), "89026b47-4f80-5e50-ad25-3ed470e5da17"),
        (ReturnResults(), "877cc02d-c6c2-554e-bc2d-a0c032a37cc1"),
        (QueryLedger(topic="summary"), "4e2d529b-3188-5660-83dc-cff85f8339f3"),
        (
            VideoClaimed(at=NOON, video_id="v1", source_id="7", worker="w", attempt=1),
            "8a1ad12d-fd49-5ba8-bef0-db6ba04b19a8",
        ),
    ],
    ids=lambda value: value.type if isinstance(value, Message) else "",
)
def test_the_id_of_a_message_is_the_same_in_every_process_and_version(message: Message, message_id: str) -> None:
    assert str(message.message_id) == message_id


@pytest.mark.parametrize(
    "changes",
    [{"url": "https://other.invalid/"}, {"title": "New"}, {"priority": 1}, {"columns": {"Name": "Ada"}}],
)
def test_an_order_repeated_with_other_words_is_recognised_as_the_same(changes: dict[str, Any]) -> None:
    first = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7")

    assert first.model_copy(update=changes).message_id == first.message_id


@pytest.mark.parametrize("changes", [{"video_id": "v2"}, {"source_id": "8"}])
def test_another_video_or_source_is_another_order(changes: dict[str, Any]) -> None:
    first = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7")

    assert first.model_copy(update=changes).message_id != first.message_id


def test_two_types_with_one_key_have_two_ids() -> None:
    assert AddSource(url="7").key == ExpandSource(source_id="7", url="x").key
    assert AddSource(url="7").message_id != ExpandSource(source_id="7", url="x").message_id


def test_a_message_cannot_be_changed() -> None:
    message = ReturnResults()

    with pytest.raises(ValidationError, match="frozen"):
        message.dry_run = True  # type: ignore[misc] # that is the point


@pytest.mark.parametrize("priority", [0, 11, -1])
def test_a_priority_is_from_1_to_10(priority: int) -> None:
    with pytest.raises(ValidationError, match="priority"):
        DownloadVideo(video_id="v1", url="u", source_id="7", priority=priority)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        VideoClaimed(at=NOON.replace(tzinfo=None), video_id="v1", source_id="7", worker="w", attempt=1)
