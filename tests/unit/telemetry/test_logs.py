"""Logs: JSON for machines, words for people, always with the trace they belong to."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.trace import format_trace_id

from standins.listener import Listener, trace_id
from tubewarren.telemetry.logs import LogFormat, configure


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def configured(stream: io.StringIO, log_format: LogFormat = "json", level: str = "info") -> Any:
    configure("downloader", level, log_format, stream)
    return structlog.stdlib.get_logger("tubewarren.test")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_for_a_machine_is_one_json_object() -> None:
    stream = io.StringIO()

    configured(stream).warning("it was cut", video_id="v1")

    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "it was cut",
        "video_id": "v1",
        "level": "warning",
        "logger": "tubewarren.test",
        "service": "downloader",
    }


def test_a_line_inside_a_span_carries_its_trace(listener: Listener) -> None:
    stream = io.StringIO()
    log = configured(stream)

    log.info("before")
    with listener.telemetry.span("work", "internal"):
        log.info("inside")
        logging.getLogger("somebody.else").warning("a library inside")
    log.info("after")

    before, inside, library, after = lines(stream)
    (span,) = listener.spans
    expected = format_trace_id(trace_id(span))
    assert "trace_id" not in {**before, **after}
    assert (inside["trace_id"], library["trace_id"]) == (expected, expected)


def test_an_exception_is_one_line_too() -> None:
    stream = io.StringIO()
    log = configured(stream)

    try:
        int("so it is")
    except ValueError:
        log.exception("it failed")

    (line,) = lines(stream)
    assert "ValueError: invalid literal" in line["exception"]


def test_a_person_sees_where_it_failed_and_no_values() -> None:
    stream = io.StringIO()
    log = configured(stream, "human")
    password = "secret"  # noqa: F841 - in the frame that is told of

    try:
        int("so it is")
    except ValueError:
        log.exception("it failed")

    assert "ValueError: invalid literal" in stream.getvalue()
    assert "secret" not in stream.getvalue()


def test_a_person_on_a_terminal_reads_words_and_a_pipe_gets_json() -> None:
    terminal, pipe = Terminal(), io.StringIO()

    configured(terminal, "auto").info("it goes on", video_id="v1")
    configured(pipe, "auto").info("it goes on", video_id="v1")

    assert "it goes on" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert lines(pipe)[0]["event"] == "it goes on"


def test_words_can_be_asked_for_anywhere_and_come_without_colours() -> None:
    stream = io.StringIO()

    configured(stream, "human").info("it goes on", video_id="v1")

    assert "it goes on" in stream.getvalue()
    assert "video_id=v1" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    log = configured(stream, level="warning")

    log.info("small")
    log.warning("great")

    assert [line["event"] for line in lines(stream)] == ["great"]


def test_libraries_that_repeat_us_are_heard_only_when_something_is_wrong() -> None:
    stream = io.StringIO()
    configured(stream)

    logging.getLogger("opentelemetry.exporter").info("sent")
    logging.getLogger("opentelemetry.exporter").warning("not sent")

    assert [line["event"] for line in lines(stream)] == ["not sent"]


def test_what_is_said_of_a_collector_that_is_away_is_said_every_few_minutes_and_no_more() -> None:
    stream = io.StringIO()
    configured(stream)
    (handler,) = logging.getLogger().handlers

    for minutes in (0, 1, 9, 11, 12):
        for name in ("opentelemetry.exporter.traces", "opentelemetry.exporter.metrics", "somebody.else"):
            about = {"name": name, "levelno": logging.WARNING, "levelname": "WARNING", "created": 1e9 + 60 * minutes}
            handler.handle(logging.makeLogRecord({**about, "msg": "away since %s", "args": (minutes,)}))

    said = [(line["logger"], line["event"]) for line in lines(stream)]
    for name in ("opentelemetry.exporter.traces", "opentelemetry.exporter.metrics"):
        assert [event for logger, event in said if logger == name] == ["away since 0", "away since 11"]
    assert len([logger for logger, _ in said if logger == "somebody.else"]) == 5


def test_what_the_brokers_library_says_of_a_lost_connection_is_not_heard_for_we_say_it_ourselves() -> None:
    stream = io.StringIO()
    log = configured(stream, level="debug")

    logging.getLogger("aiormq.connection").warning("connection lost")
    logging.getLogger("aio_pika.robust_connection").error("and a traceback", exc_info=ValueError("lost"))
    log.warning("waiting for the broker")

    assert [line["event"] for line in lines(stream)] == ["waiting for the broker"]


def test_standard_error_is_written_to_wherever_it_leads_now(monkeypatch: pytest.MonkeyPatch) -> None:
    before, above_a_view = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", before)
    log = configured(before)

    log.info("first")
    monkeypatch.setattr(sys, "stderr", above_a_view)
    log.info("second")

    assert [line["event"] for line in lines(before)] == ["first"]
    assert [line["event"] for line in lines(above_a_view)] == ["second"]
