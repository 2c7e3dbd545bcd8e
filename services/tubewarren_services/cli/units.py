"""Numbers as a person reads them."""

from datetime import timedelta

_STEP = 1000
_TENTHS_BELOW = 10
_SPANS = (("d", 86_400), ("h", 3600), ("min", 60))


def spell_bytes(size: float) -> str:
    """A size with at most three digits before its unit."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < _STEP or unit == "TB":
            break
        value /= _STEP
    return f"{value:.1f} {unit}" if unit != "B" and value < _TENTHS_BELOW else f"{value:.0f} {unit}"


def spell_span(span: timedelta) -> str:
    """A length of time in its largest unit, rounded down."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in _SPANS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def spell_clock(seconds: float) -> str:
    """A remaining time as minutes and seconds, with hours when there are some."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(number: int, word: str) -> str:
    """A number of things: `1 video`, `2 videos`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
