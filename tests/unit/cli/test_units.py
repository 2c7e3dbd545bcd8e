"""Numbers as a person reads them."""

from datetime import timedelta

import pytest

from tubewarren_services.cli.units import count, spell_bytes, spell_clock, spell_span


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (12_345_678, "12 MB"), (5e9, "5.0 GB"), (3e15, "3000 TB")],
)
def test_bytes(size: float, words: str) -> None:
    assert spell_bytes(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (200_000, "2 d")]
)
def test_spans(seconds: float, words: str) -> None:
    assert spell_span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(("seconds", "words"), [(5, "0:05"), (65.9, "1:05"), (3661, "1:01:01")])
def test_clocks(seconds: float, words: str) -> None:
    assert spell_clock(seconds) == words


@pytest.mark.parametrize(("number", "words"), [(0, "0 videos"), (1, "1 video"), (1234, "1,234 videos")])
def test_counts(number: int, words: str) -> None:
    assert count(number, "video") == words
