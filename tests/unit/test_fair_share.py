"""Fair share: whose turn comes first."""

import pytest

from tubewarren.fair_share import RANKS, is_ranked, rank
from tubewarren.messages import TYPES, Message
from tubewarren.messages.commands import AddSource, DownloadVideo, ExpandSource, RefreshKind


def video(place: int = 1, priority: int = 5) -> DownloadVideo:
    return DownloadVideo(video_id="v", url="u", source_id="s", priority=priority, place=place)


def source(priority: int, refresh: RefreshKind = "") -> ExpandSource:
    return ExpandSource(source_id="s", url="u", priority=priority, refresh=refresh)


@pytest.mark.parametrize(
    ("place", "expected"),
    [(1, 5), (2, 6), (10, 6), (11, 7), (100, 7), (101, 8), (1_000, 8), (1_001, 9), (500_000, 9)],
)
def test_every_tenfold_number_of_videos_costs_a_source_one_step(place: int, expected: int) -> None:
    assert rank(video(place)) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (video(priority=1), 1),
        (video(priority=10), 10),
        (video(500_000, priority=8), 10),
        (source(4), 4),
        (source(4, "news"), 5),
        (source(10, "all"), 10),
        (AddSource(url="u", priority=1), 5),
    ],
)
def test_a_rank_begins_at_the_priority_and_ends_at_the_last(message: Message, expected: int) -> None:
    assert rank(message) == expected
    assert rank(message) in RANKS


def test_the_last_video_of_a_huge_source_yields_to_the_first_of_any_of_its_kind() -> None:
    assert rank(video(500_000)) > max(rank(video(place)) for place in range(1, 1_001))


def test_orders_to_list_and_to_download_are_ranked_and_nothing_else() -> None:
    assert {kind for kind in TYPES.values() if is_ranked(kind)} == {DownloadVideo, ExpandSource}
