"""A gateway: passes what comes in at one port on to a broker, so that a broker can appear and vanish at will."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from urllib.parse import urlsplit


@contextlib.contextmanager
def gateway(url: str, port: int) -> Iterator[None]:
    """The broker of this address, reachable at the port as long as the context lasts."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    broker = urlsplit(url)

    async def serve() -> None:
        over = asyncio.Event()
        conversations: set[asyncio.Task[None]] = set()

        def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(_converse(reader, writer, broker.hostname or "", broker.port or 5672))
            conversations.add(task)
            task.add_done_callback(conversations.discard)

        server = await asyncio.start_server(welcome, "127.0.0.1", port)
        started.set_result((asyncio.get_running_loop(), over))
        await over.wait()
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="gateway")
    thread.start()
    loop, over = started.result(60)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    far_reader, far_writer = await asyncio.open_connection(host, port)
    try:
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
    finally:
        writer.transport.abort()
        far_writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.transport.abort()
