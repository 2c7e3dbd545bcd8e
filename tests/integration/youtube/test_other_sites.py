"""Sites that yt-dlp knows besides YouTube, where their hosts are allowed: a podcast's show, with the real extractor."""

import pytest

from standins.tls_site import TlsSite
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.listing import LeftOut, list_entries
from tubewarren.youtube.wire import Entry

SHOW = "https://play.acast.com/s/a-show"


def listed(site: TlsSite, *allowed_hosts: str) -> list[Entry | LeftOut]:
    options = {"proxy": site.proxy_url, "nocheckcertificate": True}
    return list(list_entries(SHOW, options, frozenset(allowed_hosts)))


def test_each_episode_is_ordered_by_itself_and_one_elsewhere_is_left_out_with_what_to_do(acast: TlsSite) -> None:
    found = listed(acast, "play.acast.com", "media.example")

    episodes = [item for item in found if isinstance(item, Entry)]
    assert [(item.url, item.title, item.duration_seconds) for item in episodes] == [
        (name, f"On {name}", 61.0) for name in ("https://media.example/one.mp3", "https://media.example/two.mp3")
    ]
    assert len({item.key for item in episodes}) == 2
    (left_out,) = (item.reason for item in found if isinstance(item, LeftOut))
    assert left_out.endswith("allow it with --allow-host elsewhere.example")


def test_a_site_that_is_not_allowed_is_not_asked(acast: TlsSite) -> None:
    with pytest.raises(ProcessingFailedError, match=r"allow it with --allow-host play\.acast\.com"):
        listed(acast, "media.example")

    assert acast.connections == []
