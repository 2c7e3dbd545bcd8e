import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from tubewarren.broker.errors import LoginRefusedError
from tubewarren.broker.login import announced_version, log_in, start_ok_arguments

PATIENCE = timedelta(seconds=30)
Dialogue = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def text(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def frame(method: tuple[int, int], arguments: bytes = b"") -> bytes:
    payload = struct.pack(">HH", *method) + arguments
    return struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce"


PROPERTIES = b"\x07productS" + text(b"RabbitMQ") + b"\x07versionS" + text(b"4.0.5")
START = b"\x00\x09" + text(PROPERTIES) + text(b"PLAIN") + text(b"en_US")


@asynccontextmanager
async def server(dialogue: Dialogue) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await dialogue(reader, writer)
        finally:
            writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def method_of_next_frame(reader: asyncio.StreamReader) -> tuple[tuple[int, int], bytes]:
    _, _, size = struct.unpack(">BHI", await reader.readexactly(7))
    payload = await reader.readexactly(size + 1)
    return struct.unpack(">HH", payload[:4]), payload[4:-1]


async def test_a_login_ends_politely_and_tells_the_brokers_version() -> None:
    heard: list[tuple[int, int]] = []
    answers = {(10, 11): frame((10, 30), b"\x07\xff\x00\x02\x00\x00\x00\x3c"), (10, 40): frame((10, 41), b"\x00")}

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == b"AMQP\x00\x00\x09\x01"
        writer.write(frame((10, 10), START))
        while (10, 50) not in heard:
            method, _ = await method_of_next_frame(reader)
            heard.append(method)
            writer.write(answers.get(method, b""))
        writer.write(frame((10, 51)))

    async with server(welcome) as port:
        version = await log_in(port, "tubewarren", "secret", timeout=PATIENCE)

    assert version == "4.0.5"
    assert heard == [(10, 11), (10, 31), (10, 40), (10, 50)]


async def test_a_refusal_is_told_in_the_brokers_words() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame((10, 10), START))
        await reader.readexactly(8)
        await method_of_next_frame(reader)
        words = b"ACCESS_REFUSED"
        writer.write(frame((10, 50), struct.pack(">H", 403) + bytes([len(words)]) + words + b"\x00" * 4))

    async with server(refuse) as port:
        with pytest.raises(LoginRefusedError, match="the broker refuses: ACCESS_REFUSED"):
            await log_in(port, "tubewarren", "wrong", timeout=PATIENCE)


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x08" + frame((10, 10), START)[1:]])
async def test_a_server_that_speaks_something_else_is_no_broker(greeting: bytes) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)

    async with server(greet) as port:
        with pytest.raises(LoginRefusedError, match="no AMQP"):
            await log_in(port, "tubewarren", "secret", timeout=PATIENCE)


async def test_a_server_that_hangs_up_is_not_ready() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.close()

    async with server(hang_up) as port:
        with pytest.raises(LoginRefusedError, match=f"port {port} does not serve AMQP"):
            await log_in(port, "tubewarren", "secret", timeout=PATIENCE)


async def test_a_silent_server_is_given_up_on() -> None:
    async def listen_only(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(listen_only) as port:
        with pytest.raises(LoginRefusedError, match="did not answer within"):
            await log_in(port, "tubewarren", "secret", timeout=timedelta(milliseconds=20))


async def test_nobody_listening_is_a_refusal_too() -> None:
    async def never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None: ...

    async with server(never) as port:
        pass

    with pytest.raises(LoginRefusedError, match="does not serve"):
        await log_in(port, "tubewarren", "secret", timeout=PATIENCE)


def test_name_and_password_travel_as_plain_sasl() -> None:
    arguments = start_ok_arguments("tubewarren", "secret")

    assert b"\x05PLAIN" + text(b"\x00tubewarren\x00secret") + b"\x05en_US" in arguments
    assert b"\x1cauthentication_failure_closet\x01" in arguments


def test_a_broker_that_announces_no_version_is_still_a_broker() -> None:
    assert announced_version(b"\x00\x09" + text(b"")) == "unknown"
