"""Listing: nested, hidden, broken-off and endless lists, with what yt-dlp gives written down here."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.listing import LeftOut, _Walk
from tubewarren.youtube.wire import Entry

CHANNEL = "https://www.youtube.com/@name"


class FakeYoutubeDL:
    def __init__(self, results: dict[str, dict[str, Any]]) -> None:
        self._results = results
        self.asked: list[str] = []

    def extract_info(self, url: str, **_: Any) -> dict[str, Any]:
        self.asked.append(url)
        return self._results[url]

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
    state = _Walk(FakeYoutubeDL(results), frozenset({"www.youtube.com"}))
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
