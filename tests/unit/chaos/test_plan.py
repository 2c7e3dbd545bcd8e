import pytest

from chaos.plan import DONE, SLOTS, Behaviour, Deed, Ending, PlannedVideo, checksum_of, content_of, plan


def test_a_seed_always_makes_the_same_plan_and_another_seed_another() -> None:
    assert plan(7, 100, 30) == plan(7, 100, 30)
    assert plan(7, 100, 30) != plan(8, 100, 30)


@pytest.mark.parametrize("seed", range(5))
def test_every_plan_has_each_behaviour_each_deed_and_a_kill_of_each_process(seed: int) -> None:
    made = plan(seed, 60, 20)

    assert {video.behaviour for video in made.videos} == set(Behaviour)
    assert {blow.deed for blow in made.blows} == set(Deed)
    assert {blow.target for blow in made.blows if blow.deed is Deed.KILL} == set(SLOTS)
    assert {slug for source in made.sources for slug in source.slugs} == {video.slug for video in made.videos}
    assert made.tasks > len(made.videos), "some videos are in two lists"
    assert made.sources[0].at == 0


def test_a_broker_that_is_not_ours_is_neither_killed_nor_frozen() -> None:
    deeds = {blow.deed for blow in plan(1, 60, 60, with_broker=False).blows}
    assert deeds == set(Deed) - {Deed.BROKER, Deed.DELAY}


def test_a_video_is_read_from_its_name() -> None:
    for video in plan(1, 200, 20).videos:
        assert PlannedVideo.read(video.slug) == video


def test_how_videos_end_and_what_they_are_charged() -> None:
    def of(behaviour: Behaviour, times: int = 0) -> tuple[set[Ending], int]:
        video = PlannedVideo(1, behaviour, times)
        return set(video.endings), video.charged

    assert of(Behaviour.PLAIN) == ({DONE}, 1)
    assert of(Behaviour.FLAKY, 2) == ({DONE}, 3)
    assert of(Behaviour.KILLER) == ({Ending("dead", "poison")}, 4)
    assert of(Behaviour.REMOVED) == ({Ending("dead", "gone")}, 1)
    assert of(Behaviour.HIDDEN, 1) == ({DONE, Ending("dead", "gone")}, 1)


def test_files_differ_by_video() -> None:
    assert content_of("a") != content_of("b")
    assert len({checksum_of(name) for name in "abcdef"}) == 6
