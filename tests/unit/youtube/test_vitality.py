"""The watchdog's judgement."""

from tubewarren.youtube.job import Progress
from tubewarren.youtube.vitality import Vitality


def test_more_bytes_than_ever_are_life_and_the_same_bytes_again_are_not() -> None:
    vitality = Vitality(patience=10, alive_at=0)

    vitality.reported(Progress("downloading", 100), now=5)
    vitality.reported(Progress("downloading", 40), now=8)
    vitality.reported(Progress("downloading", 100), now=9)

    assert vitality.dead_at == 15


def test_a_new_phase_is_life_and_going_back_to_an_old_one_is_not() -> None:
    vitality = Vitality(patience=10, alive_at=0)

    vitality.reported(Progress("downloading"), now=1)
    vitality.reported(Progress("merging"), now=2)
    vitality.reported(Progress("downloading"), now=3)

    assert vitality.dead_at == 12


def test_a_folder_larger_than_ever_is_life() -> None:
    vitality = Vitality(patience=10, alive_at=0)

    vitality.measured(100, now=5)
    vitality.measured(50, now=6)
    vitality.measured(100, now=7)

    assert vitality.dead_at == 15
