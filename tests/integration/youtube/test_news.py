"""What is new in a source that was listed before, and how few requests that takes."""

from http import HTTPStatus

import pytest

from standins.youtube import YoutubeStandin
from standins.youtube_channels import Channel
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.filter_text import read_filter
from tubewarren.youtube.listing import list_entries
from tubewarren.youtube.news import News
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.wire import Entry, ListOrder

CHANNEL = Channel("UCnews-channel-012345678", ("@news",), videos=250, shorts=60, streams=40)
ALL = frozenset(video_id for tab in CHANNEL.counts for video_id in CHANNEL.video_ids(tab))
URL = "https://www.youtube.com/@news"
PLAYLIST = "PLnews-playlist-0123456789"


@pytest.fixture
def youtube(youtube: YoutubeStandin) -> YoutubeStandin:
    youtube.add_channel(CHANNEL)
    youtube.requests.clear()
    return youtube


def unknown(youtube: YoutubeStandin, news: News, url: str = URL) -> set[str]:
    found = list_entries(url, youtube.options, news=news)
    return {item.key for item in found if isinstance(item, Entry)} - set(news.known)


def test_a_channel_without_news_costs_one_request(youtube: YoutubeStandin) -> None:
    assert unknown(youtube, News(ALL, CHANNEL.channel_id)) == set()
    assert [request.path for request in youtube.requests] == ["/feeds/videos.xml"]


def test_one_whose_channel_is_not_known_yet_costs_the_first_page_of_each_tab(youtube: YoutubeStandin) -> None:
    assert unknown(youtube, News(ALL)) == set()
    assert len(youtube.requests) == 3


@pytest.mark.parametrize(
    ("tab", "number", "most_requests"), [("videos", 1, 4), ("videos", 45, 6), ("shorts", 2, 4), ("streams", 40, 6)]
)
def test_what_is_new_in_any_tab_is_found_without_reading_the_rest(
    youtube: YoutubeStandin, tab: str, number: int, most_requests: int
) -> None:
    fresh = set(CHANNEL.video_ids(tab)[:number])

    assert unknown(youtube, News(ALL - fresh)) == fresh
    assert len(youtube.requests) <= most_requests


def test_what_the_filter_leaves_out_was_never_known_and_makes_no_list_longer(youtube: YoutubeStandin) -> None:
    known = ALL - {CHANNEL.video_ids("videos")[11]}

    unknown(youtube, News(known, wanted=read_filter("title !~ Video 12 of")))

    assert len(youtube.requests) == 3


def test_a_feed_that_cannot_be_had_is_no_reason_to_miss_anything(youtube: YoutubeStandin) -> None:
    fresh = set(CHANNEL.video_ids("videos")[:3])
    youtube.remove_playlist(CHANNEL.uploads_id)

    assert unknown(youtube, News(ALL - fresh, CHANNEL.channel_id)) == fresh


def test_a_playlist_whose_new_entries_may_be_anywhere_is_read_to_its_end(youtube: YoutubeStandin) -> None:
    playlist = youtube.add_playlist(PLAYLIST, 130)
    last = playlist.video_ids[-1]
    url = f"https://www.youtube.com/playlist?list={PLAYLIST}"

    assert unknown(youtube, News(frozenset(playlist.video_ids[:-1])), url) == {last}


def test_a_channel_that_blocks_us_is_not_one_without_news(youtube: YoutubeStandin) -> None:
    youtube.fail(f"{CHANNEL.channel_id}/", 0, *[HTTPStatus.TOO_MANY_REQUESTS] * 5)
    youtube.fail(f"{CHANNEL.channel_id}/videos", 0, *[HTTPStatus.TOO_MANY_REQUESTS] * 5)

    with pytest.raises(ProcessingFailedError):
        unknown(youtube, News(ALL))


async def test_a_child_process_looks_for_news_when_it_is_told_to(youtube: YoutubeStandin) -> None:
    order = ListOrder(url=URL, options=youtube.options, is_for_news=True, known=ALL, channel_id=CHANNEL.channel_id)

    async with ChildPool(1) as pool:
        pages = [page async for page in pool.pages(order)]

    assert [len(page.entries) for page in pages] == [0]
    assert len(youtube.requests) == 1
