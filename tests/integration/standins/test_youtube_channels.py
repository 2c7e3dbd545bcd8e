"""The channels of the stand-in for YouTube, seen through the real yt-dlp."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yt_dlp

from standins.youtube import YoutubeStandin, youtube_standin
from standins.youtube_channels import Channel

CHANNEL = Channel(videos=70, shorts=50, streams=1, hidden=2)
PAGES = {"videos": 3, "shorts": 2, "streams": 1}


class Silent:
    """A logger of yt-dlp's."""

    def debug(self, message: str) -> None: ...

    warning = error = debug


@pytest.fixture(scope="module")
def running() -> Iterator[YoutubeStandin]:
    with youtube_standin() as standin:
        yield standin


@pytest.fixture
def youtube(running: YoutubeStandin) -> YoutubeStandin:
    running.add_channel(CHANNEL)
    running.requests.clear()
    return running


def told(youtube: YoutubeStandin, path: str) -> dict[str, Any]:
    options = {"color": "never", "extractor_retries": 0, "logger": Silent(), **youtube.options}
    with yt_dlp.YoutubeDL(options) as ydl:
        info: dict[str, Any] = ydl.extract_info(f"https://www.youtube.com/{path}", process=False)
        # While it is open, as pages are asked for while entries are drawn.
        return {**info, "entries": list(info.get("entries") or ())}


@pytest.mark.parametrize("tab", ["videos", "shorts", "streams"])
def test_a_tab_is_listed_in_order_with_one_request_a_page(youtube: YoutubeStandin, tab: str) -> None:
    info = told(youtube, f"@standin/{tab}")

    assert [entry["id"] for entry in info["entries"]] == CHANNEL.video_ids(tab)
    assert (info["channel_id"], info["uploader_id"]) == (CHANNEL.channel_id, "@standin")
    assert [request.page for request in youtube.requests] == list(range(PAGES[tab]))


def test_a_bare_channel_has_all_of_its_tabs(youtube: YoutubeStandin) -> None:
    info = told(youtube, f"channel/{CHANNEL.channel_id}")

    assert [entry["webpage_url"].rpartition("/")[2] for entry in info["entries"]] == ["videos", "streams", "shorts"]


def test_the_list_of_all_uploads_shows_what_is_hidden_to_who_asks_for_it(youtube: YoutubeStandin) -> None:
    info = told(youtube, f"playlist?list={CHANNEL.uploads_id}")

    assert info["playlist_count"] == len(info["entries"]) == 123
    assert [entry["title"] for entry in info["entries"][-2:]] == ["[Private video]"] * 2


@pytest.mark.parametrize(
    ("channel", "path", "words"),
    [
        (Channel(shorts=1), "@standin/videos", "does not have a videos tab"),
        (Channel(alert="This channel does not exist."), "@standin", "YouTube said: This channel does not exist"),
    ],
)
def test_a_channel_without_the_tab_and_one_that_is_gone_say_so(
    youtube: YoutubeStandin, channel: Channel, path: str, words: str
) -> None:
    youtube.add_channel(channel)

    with pytest.raises(yt_dlp.utils.DownloadError, match=words):
        told(youtube, path)


def test_a_channel_that_moved_leads_to_the_other_and_its_tab(youtube: YoutubeStandin) -> None:
    youtube.add_channel(Channel("UCmoved-channel-01234567", ("@moved",), moved_to="@standin"))

    assert told(youtube, "@moved/shorts")["url"] == "https://www.youtube.com/@standin/shorts"


def test_the_feed_of_a_channel_has_its_newest_videos_for_one_request(youtube: YoutubeStandin) -> None:
    with yt_dlp.YoutubeDL({"logger": Silent(), **youtube.options}) as ydl:
        # From there a visitor is sent to www.youtube.com.
        feed = ydl.urlopen(f"https://youtube.com/feeds/videos.xml?channel_id={CHANNEL.channel_id}").read()

    ids = [found.text for found in ET.fromstring(feed).iter("{http://www.youtube.com/xml/schemas/2015}videoId")]
    assert ids == CHANNEL.video_ids("videos")[:15]
    assert [request.path for request in youtube.requests] == ["/feeds/videos.xml"]


def test_a_channel_that_is_live_leads_from_its_live_tab_to_the_stream(youtube: YoutubeStandin) -> None:
    youtube.add_channel(Channel(live="live-video1"))

    assert told(youtube, "@standin/live")["url"] == "https://www.youtube.com/watch?v=live-video1"
