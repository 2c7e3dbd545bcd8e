"""Sound for the demo site: real WAV files that are the same bytes on every machine."""

import hashlib
import io
import struct
import wave
from collections.abc import Iterator
from datetime import timedelta
from itertools import count, islice

_SAMPLES_PER_SECOND = 22_050
_BYTES_PER_SAMPLE = 2
_SAMPLES_PER_NOTE = _SAMPLES_PER_SECOND // 4
_LOUDNESS = 9_000
# Two octaves of a pentatonic scale, as samples per wave: any order of these sounds like a tune.
_PERIODS = (100, 89, 79, 67, 60, 50, 44, 40, 33, 30)


def melody(seed: str, duration: timedelta) -> bytes:
    """A playable WAV file: mono, 16 bits, 22,050 samples a second.

    Whole numbers all the way, so that no machine's floating point can change a checksum.

    Args:
        seed: chooses the tune; the same seed and duration always give the same bytes.
        duration: how long it plays.
    """
    samples = round(duration.total_seconds() * _SAMPLES_PER_SECOND)
    notes = -(-samples // _SAMPLES_PER_NOTE)
    sound = b"".join(_note(period) for period in islice(_tune(seed), notes))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(_BYTES_PER_SAMPLE)
        writer.setframerate(_SAMPLES_PER_SECOND)
        writer.writeframes(sound[: samples * _BYTES_PER_SAMPLE])
    return file.getvalue()


def _tune(seed: str) -> Iterator[int]:
    """Wave lengths without end."""
    for block in count():
        for byte in hashlib.sha256(f"{seed}/{block}".encode()).digest():
            yield _PERIODS[byte % len(_PERIODS)]


def _note(period: int) -> bytes:
    wave_form = struct.pack(f"<{period}h", *(_triangle(at, period) for at in range(period)))
    repeats = -(-_SAMPLES_PER_NOTE // period)
    return (wave_form * repeats)[: _SAMPLES_PER_NOTE * _BYTES_PER_SAMPLE]


def _triangle(at: int, period: int) -> int:
    return _LOUDNESS - abs(4 * _LOUDNESS * at // period - 2 * _LOUDNESS)
