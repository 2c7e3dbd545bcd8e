"""How the real yt-dlp lists what a source can be: tabs, order, paging, and lists that cannot be believed."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import replace
from http import HTTPStatus
from itertools import islice

import pytest

from standins.youtube import YoutubeStandin
from standins.youtube_channels import Channel
from standins.youtube_videos import Video
from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.listing import LeftOut, list_entries
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.wire import Entry, ListOrder

K = FailureKind
SITE = "https://www.youtube.com"
BIG = Channel("UCbig-channel-0123456789", ("@big",), videos=105, shorts=50, streams=20, hidden=2)
SMALL = Channel(
    "UCsmall-channel-01234567", ("@small", "c/SmallOne", "user/smallone", "SmallOne"), videos=3, shorts=4, streams=2
)
EVEN = Channel("UCeven-channel-012345678", ("@even",), videos=30, shorts=48, streams=30)
TOPIC = Channel("UCtopic-channel-01234567", ())
MOVED = Channel("UCmoved-channel-01234567", ("@moved",), moved_to="@small")
CHANNELS = (BIG, SMALL, EVEN, TOPIC, MOVED)
BIG_ID, SMALL_ID = BIG.channel_id, SMALL.channel_id
PLAYLIST = "PLkinds-of-sources-0123456"
BIG_TABS = {"videos": 105, "shorts": 50, "streams": 20}
SMALL_TABS = {"videos": 3, "shorts": 4, "streams": 2}


@pytest.fixture
def youtube(youtube: YoutubeStandin) -> YoutubeStandin:
    """All the channels as they were, and no request yet."""
    for channel in CHANNELS:
        youtube.add_channel(channel)
    youtube.add_playlist(f"UU{TOPIC.channel_id[2:]}", 5)
    youtube.add_playlist(PLAYLIST, 120, hidden={3: "[Private video]", 110: "[Deleted video]"})
    youtube.requests.clear()
    return youtube


def listed(youtube: YoutubeStandin, address: str) -> list[Entry | LeftOut]:
    url = address if "youtube.com" in address else f"{SITE}/{address}"
    return list(list_entries(url, youtube.options))


def entries(found: list[Entry | LeftOut]) -> list[Entry]:
    return [item for item in found if isinstance(item, Entry)]


@pytest.mark.parametrize(
    ("address", "tabs", "channel_id", "most_requests"),
    [
        ("@big", BIG_TABS, BIG_ID, 8),
        ("@big/videos", {"videos": 105}, BIG_ID, 4),
        ("@big/shorts", {"shorts": 50}, BIG_ID, 3),
        ("@even", {"videos": 30, "shorts": 48, "streams": 30}, EVEN.channel_id, 3),
        (f"https://music.youtube.com/browse/{SMALL_ID}", SMALL_TABS, SMALL_ID, 3),
        ("@moved/shorts", {"shorts": 4}, SMALL_ID, 2),
        (f"channel/{TOPIC.channel_id}", {"": 5}, TOPIC.channel_id, 3),
        (f"playlist?list={BIG.uploads_id}", {"": 175}, BIG_ID, 3),
        (f"playlist?list={BIG.list_id('shorts')}", {"shorts": 50}, BIG_ID, 2),
        (f"playlist?list={PLAYLIST}&si=x", {"": 118}, "", 3),
    ],
)
def test_each_kind_of_list_gives_each_video_once_with_its_tab_and_its_channel_in_few_requests(
    youtube: YoutubeStandin, address: str, tabs: dict[str, int], channel_id: str, most_requests: int
) -> None:
    found = entries(listed(youtube, address))

    assert Counter(entry.tab for entry in found) == tabs
    assert {entry.channel_id for entry in found} == {channel_id}
    assert len({entry.key for entry in found}) == len(found)
    assert len(youtube.requests) <= most_requests


@pytest.mark.parametrize("channel", [BIG, SMALL], ids=lambda channel: channel.title)
def test_the_videos_of_each_tab_are_those_of_the_channel_in_their_order(
    youtube: YoutubeStandin, channel: Channel
) -> None:
    found = entries(listed(youtube, channel.names[0]))

    for tab in ("videos", "shorts", "streams"):
        assert [entry.key for entry in found if entry.tab == tab] == channel.video_ids(tab)


def test_250_videos_of_a_channel_cost_half_of_what_is_allowed(youtube: YoutubeStandin) -> None:
    youtube.add_channel(Channel("UClong-channel-012345678", ("@long",), videos=250))

    found = entries(listed(youtube, "@long"))

    assert len(found) == 250
    assert len(youtube.requests) == 5


def test_the_live_address_of_a_channel_gives_the_stream_that_runs_now(youtube: YoutubeStandin) -> None:
    youtube.add_channel(replace(SMALL, live="live-video1"))
    youtube.add_video(Video("live-video1", title="A stream", live="live"))

    (entry,) = entries(listed(youtube, "@small/live"))

    assert (entry.key, entry.title) == ("live-video1", "A stream")


def test_hidden_entries_of_a_playlist_are_counted_and_named(youtube: YoutubeStandin) -> None:
    hidden = [item.reason for item in listed(youtube, f"playlist?list={PLAYLIST}") if isinstance(item, LeftOut)]

    assert [reason.partition(" (")[0] for reason in hidden] == ["a private video", "a deleted video"]


def test_the_first_videos_of_a_channel_come_with_the_first_request_and_more_only_when_they_are_wanted(
    youtube: YoutubeStandin,
) -> None:
    found = list_entries(f"{SITE}/@big", youtube.options)
    first = list(islice(found, 30))
    after_30 = len(youtube.requests)
    next(found)
    after_31 = len(youtube.requests)

    assert len(first) == 30
    assert (after_30, after_31) == (1, 3)


@pytest.mark.parametrize("entries_of_the_list", [0, 250, None], ids=["empty", "broken off", "missing"])
def test_a_tab_whose_kept_list_cannot_be_believed_is_read_page_by_page(
    youtube: YoutubeStandin, entries_of_the_list: int | None
) -> None:
    youtube.remove_playlist(BIG.list_id("videos"))
    if entries_of_the_list is not None:
        youtube.add_playlist(BIG.list_id("videos"), entries_of_the_list, breaks_off_after=1)

    found = entries(listed(youtube, "@big/videos"))

    assert [entry.key for entry in found] == BIG.video_ids("videos")
    assert {entry.tab for entry in found} == {"videos"}


@pytest.mark.parametrize(
    ("list_id", "page", "times", "kept"),
    # A first page is asked for again through the API when it fails.
    [(BIG.list_id("videos"), 0, 2, 30), (BIG.list_id("videos"), 1, 1, 100), (f"{BIG_ID}/shorts", 0, 2, 125)],
)
def test_a_rate_limit_in_the_middle_of_a_channel_blames_the_worker_after_what_came_before(
    youtube: YoutubeStandin, list_id: str, page: int, times: int, kept: int
) -> None:
    youtube.fail(list_id, page, *[HTTPStatus.TOO_MANY_REQUESTS] * times)
    found: list[Entry | LeftOut] = []

    with pytest.raises(ProcessingFailedError) as raised:
        found.extend(list_entries(f"{SITE}/@big", youtube.options))

    assert raised.value.failure.kind is K.BLOCKED
    assert len(found) == kept


@pytest.mark.asyncio(loop_scope="module")
async def test_tab_and_channel_reach_whoever_ordered_the_list(youtube: YoutubeStandin, one_child: ChildPool) -> None:
    wanted = ListOrder(url=f"{SITE}/@small", options=youtube.options, page_size=2)

    found = [entry async for page in one_child.pages(wanted) for entry in page.entries]

    assert Counter(entry.tab for entry in found) == SMALL_TABS
    assert {entry.channel_id for entry in found} == {SMALL_ID}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_list_is_read_one_page_ahead_of_who_wants_more_than_its_first(
    youtube: YoutubeStandin, one_child: ChildPool
) -> None:
    playlist = youtube.add_playlist("PLahead-playlist-012345678", 800)
    gate = youtube.hold(playlist.list_id)
    gate.open()
    address = f"{SITE}/playlist?list={playlist.list_id}"

    def asked(count: int, seconds: float) -> Awaitable[bool]:
        return asyncio.to_thread(gate.wait_until_asked, count, seconds)

    async with aclosing(one_child.pages(ListOrder(url=address, options=youtube.options))) as pages:
        await anext(pages)
        asked_after_first = [await asked(1, 0.3)]
        await anext(pages)
        asked_after_second = [await asked(2, 10), await asked(3, 0.3)]
        await anext(pages)
        asked_after_third = [await asked(3, 10), await asked(4, 0.3)]

    assert asked_after_first == [False]
    assert asked_after_second == asked_after_third == [True, False]
