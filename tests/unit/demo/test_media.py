import hashlib
import io
import wave
from datetime import timedelta

from tubewarren_services.demo.media import melody


def test_a_melody_is_a_playable_wav_file_of_the_asked_length() -> None:
    sound = melody("any", timedelta(seconds=2.5))

    with wave.open(io.BytesIO(sound)) as reader:
        assert reader.getnframes() / reader.getframerate() == 2.5
        assert any(reader.readframes(reader.getnframes()))


def test_a_melody_is_the_same_bytes_on_every_machine() -> None:
    sound = melody("harbour", timedelta(seconds=1))

    assert hashlib.sha256(sound).hexdigest() == "b68212f958becbf3f73af148a4c24ba876981ff8737059acd76a65c39418fdf4"


def test_another_seed_is_another_melody() -> None:
    assert melody("one", timedelta(seconds=1)) != melody("two", timedelta(seconds=1))


def test_a_melody_does_not_repeat_so_that_bytes_from_a_wrong_place_are_noticed() -> None:
    sound = melody("ferry", timedelta(seconds=20))

    middle = len(sound) // 2
    assert sound[44:middle] != sound[middle : 2 * middle - 44]
