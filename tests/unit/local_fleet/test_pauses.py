"""How long something that died stays down."""

from datetime import timedelta
from itertools import accumulate, repeat

from tubewarren_services.local_fleet.pauses import Pauses

SECOND = timedelta(seconds=1)
PAUSES = Pauses()


def test_pauses_double_up_to_the_longest() -> None:
    lives = repeat(SECOND, 6)

    pauses = list(accumulate(lives, lambda last, life: PAUSES.after(life, last), initial=PAUSES.after(SECOND, None)))

    assert [pause // SECOND for pause in pauses] == [1, 2, 4, 8, 16, 30, 30]


def test_after_a_minute_of_health_the_next_pause_is_the_first_one_again() -> None:
    long_pause = timedelta(seconds=16)

    assert PAUSES.after(timedelta(seconds=59), long_pause) == timedelta(seconds=30)
    assert PAUSES.after(timedelta(seconds=60), long_pause) == SECOND
