"""Listing: nested, hidden, broken-off and endless lists, with what yt-dlp gives written down here."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
from yt_dlp.utils import DownloadError

from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.first_page import RequestWantedError
from tubewarren.youtube.listing import LeftOut, _Walk
from tubewarren.youtube.wire import Entry

CHANNEL = "https://www.youtube.com/@name"
CHANNEL_ID = "UCabcdefghijklmnopqrstuv"
VIDEOS = f"{CHANNEL}/videos"
KEPT = "https://www.youtube.com/playlist?list=UULFabcdefghijklmnopqrstuv"
ELSEWHERE = "https://media.example/show"


class FakeYoutubeDL:
    def __init__(self, results: dict[str, dict[str, Any]]) -> None:
        self._results = results
        self._may_ask = True
        self.asked: list[str] = []

    @contextmanager
    def without_requests(self) -> Iterator[None]:
        self._may_ask = False
        try:
            yield
        finally:
            self._may_ask = True

    def paged(self, first: list[Any], rest: list[Any]) -> Iterator[Any]:
        """Entries, the second page of which needs a request."""
        yield from first
        if not self._may_ask:
            raise RequestWantedError
        yield from rest

    def extract_info(self, url: str, **_: Any) -> dict[str, Any]:
        self.asked.append(url)
        if url not in self._results:
            raise DownloadError("ERROR: YouTube said: The playlist does not exist.")
        info = {"webpage_url": url, **self._results[url]}
        # What can be drawn only once is made anew each time.
        return {**info, "entries": info["entries"]()} if callable(info.get("entries")) else info

    def get_info_extractor(self, name: str) -> "FakeYoutubeDL":
        assert name
        return self

    def is_single_video(self, url: str) -> bool:
        return "playlist" not in url


def video(number: int, **more: Any) -> dict[str, Any]:
    video_id = f"video{number:06d}"
    url = f"https://www.youtube.com/watch?v={video_id}"
    return {"_type": "url", "ie_key": "Youtube", "id": video_id, "url": url, "title": f"t{number}", **more}


def playlist(entries: Any, **more: Any) -> dict[str, Any]:
    return {"_type": "playlist", "id": "UC1", "entries": entries, **more}


def walk(results: dict[str, dict[str, Any]], url: str = CHANNEL) -> Iterator[Entry | LeftOut]:
    yield from walked(FakeYoutubeDL(results), url)


def walked(ydl: FakeYoutubeDL, url: str) -> Iterator[Entry | LeftOut]:
    state = _Walk(ydl, frozenset({"www.youtube.com", "media.example"}))
    yield from state.source(url)
    state.end()


def keys(found: Iterator[Entry | LeftOut]) -> list[str]:
    return [item.key for item in found if isinstance(item, Entry)]


def test_nested_lists_are_walked_though_they_share_an_id() -> None:
    results = {
        CHANNEL: playlist(
            [
                playlist([video(1)]),
                {"_type": "url", "ie_key": "YoutubeTab", "id": "UC1", "url": f"{CHANNEL}/shorts"},
                {"_type": "url", "ie_key": "Other", "url": "https://www.youtube.com/playlist?list=PL1"},
            ]
        ),
        f"{CHANNEL}/shorts": playlist([video(2), video(1)]),
        "https://www.youtube.com/playlist?list=PL1": playlist([video(3)]),
    }

    assert keys(walk(results)) == ["video000001", "video000002", "video000003"]


def test_lists_that_name_each_other_end() -> None:
    around = {"_type": "url", "ie_key": "YoutubeTab", "url": CHANNEL}

    assert keys(walk({CHANNEL: playlist([video(1), around])})) == ["video000001"]


def test_redirects_are_followed_and_do_not_go_round_for_ever() -> None:
    moved = {"_type": "url", "url": f"{CHANNEL}/videos", "ie_key": "YoutubeTab"}

    assert keys(walk({CHANNEL: moved, f"{CHANNEL}/videos": playlist([video(1)])})) == ["video000001"]
    with pytest.raises(ProcessingFailedError, match="without end"):
        keys(walk({CHANNEL: {**moved, "url": CHANNEL}}))


def test_a_redirect_to_a_host_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(Exception, match="--allow-host 127"):
        keys(walk({CHANNEL: {"_type": "url", "url": "http://127.0.0.1/x"}}))


def test_hidden_videos_are_left_out_and_counted() -> None:
    hidden = [video(2, title="[Private video]"), video(3, title="[Deleted video]"), None]

    found = list(walk({CHANNEL: playlist([video(1), *hidden], playlist_count=4)}))

    assert [type(item) for item in found] == [Entry, LeftOut, LeftOut, LeftOut]


def test_a_list_with_hidden_videos_only_is_an_error() -> None:
    with pytest.raises(ProcessingFailedError, match="None of the 1 entries") as raised:
        list(walk({CHANNEL: playlist([video(1, title="[Private video]")])}))

    assert raised.value.failure.kind is FailureKind.GONE


@pytest.mark.parametrize("entries", [[], None, iter(())])
def test_an_empty_list_is_an_error(entries: Any) -> None:
    with pytest.raises(ProcessingFailedError, match="nothing in this list"):
        list(walk({CHANNEL: playlist(entries)}))


def test_a_list_shorter_than_announced_fails_after_what_it_has() -> None:
    found = walk({CHANNEL: playlist([video(1), video(2)], playlist_count=5)})

    assert [next(found), next(found)]
    with pytest.raises(ProcessingFailedError, match="after 2 of 5") as raised:
        next(found)
    assert raised.value.failure.kind is FailureKind.TRANSIENT


def test_a_list_is_read_only_as_far_as_it_is_asked_for() -> None:
    read: list[int] = []

    def endless() -> Iterator[dict[str, Any]]:
        for number in range(1_000_000):
            read.append(number)
            yield video(number)

    assert len(list(islice(walk({CHANNEL: playlist(endless())}), 3))) == 3
    assert len(read) == 3


def tab_of_two_pages(kept: list[int] | None, announced: int = 0) -> FakeYoutubeDL:
    """A tab with videos 1 to 4, and the videos of the list that is kept of it, if there is one."""
    results: dict[str, dict[str, Any]] = {}
    ydl = FakeYoutubeDL(results)
    results[VIDEOS] = playlist(lambda: ydl.paged([video(1), video(2)], [video(3), video(4)]), channel_id=CHANNEL_ID)
    if kept is not None:
        results[KEPT] = playlist([video(number) for number in kept], playlist_count=announced)
    return ydl


def test_a_tab_with_one_page_needs_nothing_but_that_page() -> None:
    ydl = FakeYoutubeDL({VIDEOS: playlist([video(1), video(2)], channel_id=CHANNEL_ID)})

    assert keys(walked(ydl, VIDEOS)) == ["video000001", "video000002"]
    assert ydl.asked == [VIDEOS]


def test_the_rest_of_a_tab_comes_from_the_list_that_is_kept_of_it() -> None:
    ydl = tab_of_two_pages([1, 2, 3, 4], announced=4)

    found = list(walked(ydl, VIDEOS))

    assert keys(iter(found)) == [f"video00000{number}" for number in (1, 2, 3, 4)]
    assert {(item.tab, item.channel_id) for item in found if isinstance(item, Entry)} == {("videos", CHANNEL_ID)}
    assert ydl.asked == [VIDEOS, KEPT]


@pytest.mark.parametrize(
    ("kept", "announced"),
    [(None, 0), ([], 0), ([1, 2, 3], 4), ([3, 4], 2)],
    ids=["missing", "empty", "shorter than announced", "without what the tab shows first"],
)
def test_a_tab_is_read_itself_where_its_list_is_not_to_be_believed(kept: list[int] | None, announced: int) -> None:
    ydl = tab_of_two_pages(kept, announced)

    assert sorted(keys(walked(ydl, VIDEOS))) == [f"video00000{number}" for number in (1, 2, 3, 4)]
    assert ydl.asked == [VIDEOS, KEPT, VIDEOS]


def test_a_tab_of_playlists_is_walked_and_tells_the_channel() -> None:
    of_lists = f"{CHANNEL}/playlists"
    results: dict[str, dict[str, Any]] = {KEPT.replace("UULF", name): playlist([video(1)]) for name in ("PL1", "PL2")}
    first, second = ({"_type": "url", "ie_key": "YoutubeTab", "url": url} for url in results)
    ydl = FakeYoutubeDL(results)
    results[of_lists] = playlist(lambda: ydl.paged([first], [second, video(2)]), channel_id=CHANNEL_ID)

    found = [item for item in walked(ydl, of_lists) if isinstance(item, Entry)]

    assert [(item.key, item.tab) for item in found] == [("video000001", "playlists"), ("video000002", "playlists")]
    assert {item.channel_id for item in found} == {CHANNEL_ID}
    assert len(ydl.asked) == 3


def test_a_list_of_a_channels_uploads_tells_the_channel_and_another_does_not() -> None:
    uploads = KEPT.replace("UULF", "UU")
    other = KEPT.replace("UULF", "PL")
    results = {
        url: playlist([video(1)], channel_id=CHANNEL_ID) | {"id": url.rpartition("=")[2]} for url in (uploads, other)
    }

    of_uploads, of_other = ([item for item in walk(results, url) if isinstance(item, Entry)] for url in results)

    assert [(item.tab, item.channel_id) for item in of_uploads] == [("", CHANNEL_ID)]
    assert [(item.tab, item.channel_id) for item in of_other] == [("", "")]


def test_entries_that_are_told_whole_are_ordered_by_the_address_of_their_file() -> None:
    episodes = [{"id": "a", "title": f"episode {n}", "url": f"https://media.example/{n}.mp3"} for n in (1, 2)]

    found = list(walk({ELSEWHERE: playlist(episodes)}, ELSEWHERE))

    assert [item.url for item in found if isinstance(item, Entry)] == [each["url"] for each in episodes]


def test_entries_without_an_address_of_their_own_are_left_out_and_named() -> None:
    file = "https://media.example/x"
    episodes = [{"id": "a", "title": f"episode {n}", "url": file, "formats": [{"url": file}]} for n in (1, 2)]

    found = list(walk({ELSEWHERE: playlist([*episodes, video(1)])}, ELSEWHERE))

    assert [item.reason for item in found if isinstance(item, LeftOut)] == [
        "an entry without an address of its own: episode 1",
        "an entry without an address of its own: episode 2",
    ]


def test_the_only_entry_of_a_page_is_ordered_by_the_address_of_the_page() -> None:
    only = {"id": "a", "title": "the film", "formats": [{"url": "https://media.example/x"}]}

    found = list(walk({ELSEWHERE: playlist([only])}, ELSEWHERE))

    assert [item.url for item in found if isinstance(item, Entry)] == [ELSEWHERE]
