"""Answering probes over HTTP, from a thread of its own: a service whose event loop hangs can still be asked."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Final

import structlog

from tubewarren.health.address import Address
from tubewarren.health.findings import TURNING, Findings, are_good, as_json
from tubewarren.health.pulse import PATIENCE, Pulse, Watch

_HEAD_BYTES: Final = 8192
_HEAD_PATIENCE: Final = timedelta(seconds=5)

log = structlog.stdlib.get_logger(__name__)


class HealthAddressError(Exception):
    """Nothing can be answered at this address."""


@contextmanager
def answering(address: Address | None, watch: Watch, *, patience: timedelta = PATIENCE) -> Iterator[Address | None]:
    """Answer `GET /live` and `GET /ready` while the block lasts; to be entered in the event loop that is watched.

    Each answer is 200 or 503, with JSON that says why.

    Args:
        address: where; None for nowhere.
        watch: what the service says of itself.
        patience: an event loop that has not turned for so long hangs.

    Yields:
        where it is answered, with the port that the system chose.

    Raises:
        HealthAddressError: somebody else listens there, or it is no address of this machine.
    """
    if address is None:
        yield None
        return
    pulse = Pulse(asyncio.get_running_loop(), watch, patience)
    with _listening(address) as listener:
        bound = address._replace(port=listener.getsockname()[1])
        loop, over = asyncio.new_event_loop(), asyncio.Event()
        # A daemon: whatever ends the service, this thread does not keep the process.
        thread = threading.Thread(target=_run, args=(loop, listener, pulse, over), name="health probe", daemon=True)
        thread.start()
        log.info("health is told", address=str(bound))
        try:
            yield bound
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join()


def _listening(address: Address) -> socket.socket:
    try:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        return socket.create_server(place[:2], family=family)
    except OSError as error:
        raise HealthAddressError(
            f"Health cannot be told at {address}: {error.strerror}. Each process needs a port of its own: choose "
            "another with TUBEWARREN_HEALTH__LISTEN, or leave it empty."
        ) from error


def _run(loop: asyncio.AbstractEventLoop, listener: socket.socket, pulse: Pulse, over: asyncio.Event) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(_serve(listener, pulse, over))


async def _serve(listener: socket.socket, pulse: Pulse, over: asyncio.Event) -> None:
    server = await asyncio.start_server(partial(_visit, pulse), sock=listener, limit=_HEAD_BYTES)
    await over.wait()
    server.close()


async def _visit(pulse: Pulse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Whoever sends nothing, too much or nonsense, or leaves early, is not answered.
    with suppress(TimeoutError, EOFError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        async with asyncio.timeout(_HEAD_PATIENCE.total_seconds()):
            head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.decode("latin-1").split(" ", 2)
        answer = await _answer(pulse, method, target.partition("?")[0])
        writer.write(answer.encoded(has_body=method != "HEAD"))
        await writer.drain()
    writer.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    findings: Findings = ()

    def encoded(self, *, has_body: bool) -> bytes:
        body = f"{as_json(self.findings)}\n".encode() if self.findings else b""
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n"
            "Cache-Control: no-store\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + (body if has_body else b"")


async def _answer(pulse: Pulse, method: str, path: str) -> _Answer:
    if path not in {"/live", "/ready"}:
        return _Answer(HTTPStatus.NOT_FOUND)
    if method not in {"GET", "HEAD"}:
        return _Answer(HTTPStatus.METHOD_NOT_ALLOWED)
    is_turning, findings = await pulse.feel()
    if path == "/live" and is_turning:
        findings = TURNING
    return _Answer(HTTPStatus.OK if are_good(findings) else HTTPStatus.SERVICE_UNAVAILABLE, findings)
