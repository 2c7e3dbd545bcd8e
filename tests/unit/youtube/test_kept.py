"""What is kept from one video to the next goes only to who asks in the same way, soon after, and alone."""

import pytest

from tubewarren.youtube.kept import Kept

OPTIONS = {"proxy": "http://127.0.0.1:1"}


class Director:
    is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_network_is_lent_to_one_at_a_time() -> None:
    kept, director, jar = Kept(), Director(), object()
    kept.leave(OPTIONS, director, jar)

    first, second = kept.take({**OPTIONS}), kept.take({**OPTIONS})

    assert first is not None
    assert (first.director, first.jar) == (director, jar)
    assert second is None
    assert not director.is_closed


@pytest.mark.parametrize(
    ("options", "later"),
    [({"proxy": "http://127.0.0.1:2"}, 0.0), ({**OPTIONS, "cookiefile": "jar"}, 0.0), (OPTIONS, 16.0)],
    ids=["another way", "another person", "too late"],
)
def test_a_network_that_does_not_fit_is_closed(options: dict[str, str], later: float) -> None:
    clock, director = Clock(), Director()
    kept = Kept(clock)
    kept.leave(OPTIONS, director, object())
    clock.now += later

    assert kept.take(options) is None
    assert director.is_closed


def test_of_two_networks_the_older_is_closed() -> None:
    kept, older, newer = Kept(), Director(), Director()

    kept.leave(OPTIONS, older, object())
    kept.leave(OPTIONS, newer, object())

    assert (older.is_closed, newer.is_closed) == (True, False)
    assert kept.take(OPTIONS) is not None
