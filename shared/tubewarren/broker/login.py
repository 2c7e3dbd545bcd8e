"""A login over AMQP 0-9-1 and nothing more: the one proof that a broker serves this user now."""

import asyncio
import re
import struct
from datetime import timedelta
from typing import Final

from tubewarren.broker.errors import LoginRefusedError

_PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME: Final = 1
_FRAME_END: Final = b"\xce"
_LONGEST_FRAME_BYTES: Final = 1_000_000
_START: Final = (10, 10)
_START_OK: Final = (10, 11)
_TUNE: Final = (10, 30)
_TUNE_OK: Final = (10, 31)
_OPEN: Final = (10, 40)
_OPEN_OK: Final = (10, 41)
_CLOSE: Final = (10, 50)
_CLOSE_OK: Final = (10, 51)


async def log_in(port: int, user: str, password: str, *, timeout: timedelta) -> str:  # noqa: ASYNC109 - a bound on the whole conversation, not on one await
    """Logs in on a loopback port, opens the virtual host `/`, leaves again.

    Returns:
        The broker's version, as it announces it.

    Raises:
        LoginRefusedError: nobody listens, or the server refuses, hangs up or is silent.
    """
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            return await _converse(port, user, password)
    except TimeoutError as error:
        raise LoginRefusedError(f"port {port} did not answer within {timeout}") from error
    except (OSError, EOFError) as error:
        raise LoginRefusedError(f"port {port} does not serve AMQP: {error}") from error


async def _converse(port: int, user: str, password: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_PROTOCOL_HEADER)
        start = await _expect(reader, _START)
        writer.write(_frame(_START_OK, start_ok_arguments(user, password)))
        tune = await _expect(reader, _TUNE)
        # The broker's own limits are fine; a heartbeat is not needed for so short a visit.
        writer.write(_frame(_TUNE_OK, tune[:6] + b"\x00\x00"))
        writer.write(_frame(_OPEN, _short_string("/") + _short_string("") + b"\x00"))
        await _expect(reader, _OPEN_OK)
        writer.write(_frame(_CLOSE, struct.pack(">H", 200) + _short_string("done") + struct.pack(">HH", 0, 0)))
        await _expect(reader, _CLOSE_OK)
        return announced_version(start)
    finally:
        writer.close()


async def _expect(reader: asyncio.StreamReader, wanted: tuple[int, int]) -> bytes:
    """The arguments of the next method, which must be this one."""
    kind, _, size = struct.unpack(">BHI", await reader.readexactly(7))
    if kind != _METHOD_FRAME or size > _LONGEST_FRAME_BYTES:
        raise LoginRefusedError("what answers is no AMQP 0-9-1 server")
    payload = await reader.readexactly(size + len(_FRAME_END))
    method = struct.unpack(">HH", payload[:4])
    arguments = payload[4:-1]
    if method == wanted:
        return arguments
    if method == _CLOSE:
        raise LoginRefusedError(f"the broker refuses: {_refusal(arguments)}")
    raise LoginRefusedError(f"the broker sent method {method} where {wanted} was due")


def start_ok_arguments(user: str, password: str) -> bytes:
    """The arguments of Connection.Start-Ok for a login with name and password."""
    # Without this capability a broker answers a wrong password with silence.
    capabilities = _field("authentication_failure_close", b"t\x01")
    properties = _field("capabilities", b"F" + _long_string(capabilities))
    response = f"\x00{user}\x00{password}".encode()
    return _long_string(properties) + _short_string("PLAIN") + _long_string(response) + _short_string("en_US")


def announced_version(start: bytes) -> str:
    """The version among the server's properties in the arguments of Connection.Start."""
    # A table entry is: length of the name, the name, "S" for a long string, its length, the string.
    match = re.search(rb"\x07versionS(.{4})", start, re.DOTALL)
    if match is None:
        return "unknown"
    (size,) = struct.unpack(">I", match[1])
    return start[match.end() : match.end() + size].decode(errors="replace")


def _refusal(close: bytes) -> str:
    """The broker's words in the arguments of Connection.Close."""
    size = close[2] if len(close) > 2 else 0  # noqa: PLR2004 - two bytes of reply code come first
    return close[3 : 3 + size].decode(errors="replace")


def _frame(method: tuple[int, int], arguments: bytes) -> bytes:
    payload = struct.pack(">HH", *method) + arguments
    return struct.pack(">BHI", _METHOD_FRAME, 0, len(payload)) + payload + _FRAME_END


def _short_string(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded


def _long_string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _field(name: str, typed_value: bytes) -> bytes:
    return _short_string(name) + typed_value
