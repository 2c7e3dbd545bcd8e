"""What the addresses on YouTube lead to, and which of them are refused in which words."""

from urllib.parse import urlsplit

import pytest

from tubewarren.youtube.addresses import canonical_url, check_address, place_of
from tubewarren.youtube.errors import AddressRefusedError
from tubewarren.youtube.places import Uploads, place_at, tab_list, uploads_in

SITE = "https://www.youtube.com"
VIDEO = "dQw4w9WgXcQ"
CHANNEL = "UCabcdefghijklmnopqrstuv"
BARE = f"{SITE}/channel/{CHANNEL}"


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        (f"youtu.be/{VIDEO}?list=PLx&si=y", f"{SITE}/watch?v={VIDEO}"),
        (f"{SITE}/watch?v={VIDEO}&list=RD{VIDEO}&start_radio=1", f"{SITE}/watch?v={VIDEO}"),
        (f"{SITE}/watch/{VIDEO}", f"{SITE}/watch?v={VIDEO}"),
        (f"{SITE}/?v={VIDEO}", f"{SITE}/watch?v={VIDEO}"),
        (f"https://music.youtube.com/watch?v={VIDEO}&list=RDAMVM{VIDEO}", f"{SITE}/watch?v={VIDEO}"),
        (f"https://www.youtube-nocookie.com/embed/{VIDEO}?rel=0", f"{SITE}/watch?v={VIDEO}"),
        (f"{SITE}:443/shorts/{VIDEO}?feature=share", f"{SITE}/watch?v={VIDEO}"),
        (f"{SITE}/embed/videoseries?list=PLx", f"{SITE}/playlist?list=PLx"),
        (f"{SITE}/watch?list=PLx", f"{SITE}/playlist?list=PLx"),
        (f"{SITE}/feeds/videos.xml?playlist_id=PLx", f"{SITE}/playlist?list=PLx"),
        ("https://music.youtube.com/browse/VLPLx", f"{SITE}/playlist?list=PLx"),
        (f"{SITE}/playlist?list=RDCLAK5uy_x", f"{SITE}/playlist?list=RDCLAK5uy_x"),
        (f"{BARE}/featured", BARE),
        (f"{BARE}?view_as=subscriber", BARE),
        (f"{SITE}/feeds/videos.xml?channel_id={CHANNEL}", BARE),
        (f"https://music.youtube.com/browse/{CHANNEL}", BARE),
        (f"{BARE}/Videos/?view=0&sort=dd", f"{BARE}/videos"),
        (f"{SITE}/%40Some.Name/streams", f"{SITE}/@some.name/streams"),
        (f"{SITE}/@Übung", f"{SITE}/@%C3%BCbung"),
        (f"{SITE}/@%C3%9Cbung", f"{SITE}/@%C3%BCbung"),
        (f"{SITE}/c/SomeName/featured", f"{SITE}/c/SomeName"),
        (f"{SITE}/user/SomeName?feature=watch", f"{SITE}/user/SomeName"),
        (f"{SITE}/SomeName", f"{SITE}/SomeName"),
        (f"{SITE}/@name/live", f"{SITE}/@name/live"),
        ("https://music.youtube.com/browse/MPREb_x?si=y", "https://music.youtube.com/browse/MPREb_x"),
        # What is not known keeps its query: two of them may differ in it alone.
        (f"{SITE}/redirect?q=a&utm_source=x", f"{SITE}/redirect?q=a"),
        (f"{SITE}/embed/live_stream?channel={CHANNEL}", f"{SITE}/embed/live_stream?channel={CHANNEL}"),
        (f"{SITE}/watch?v=short", f"{SITE}/watch?v=short"),
        (f"https://youtu.be:8443/{VIDEO}", f"https://youtu.be:8443/{VIDEO}"),
        # An id by itself is no address.
        (VIDEO, VIDEO),
        (CHANNEL, CHANNEL),
        ("@name", "@name"),
    ],
)
def test_many_ways_of_writing_lead_to_one(address: str, canonical: str) -> None:
    assert canonical_url(address) == canonical


@pytest.mark.parametrize("address", [VIDEO, CHANNEL, "PLabcdefghijklmnop", "@name"])
def test_an_id_by_itself_is_refused(address: str) -> None:
    with pytest.raises(AddressRefusedError, match="this is not an address; write one such as"):
        check_address(address)


MIX = "this is a mix, .* and which has no end; write the address of a playlist, or of the video alone"
SEARCH = "this is a search, .* has no end; write the addresses of the channels, playlists or videos that you want"
PERSONAL = "this is seen by whoever is signed in, .* put the videos into a playlist of your own"
NO_VIDEOS = "this part of a channel holds no videos of its own; write the address of the channel"
NO_SOURCE = "this page of YouTube is no source; write the address of a channel, a playlist or a video"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"playlist?list=RD{VIDEO}", MIX),
        (f"watch?list=RDMM{VIDEO}", MIX),
        (f"playlist?list=UL{VIDEO}", MIX),
        ("https://music.youtube.com/playlist?list=RDTMAK5uy_x", MIX),
        ("results?search_query=cats", SEARCH),
        ("https://music.youtube.com/search?q=cats", SEARCH),
        ("hashtag/cats", SEARCH),
        ("@name/search?query=cats", SEARCH),
        (f"source/{VIDEO}/shorts", SEARCH),
        ("feed/subscriptions", PERSONAL),
        ("playlist?list=WL", PERSONAL),
        ("playlist?list=LL", PERSONAL),
        ("clip/UgkxABC", "this is a clip, a part of a video; write the address of the video"),
        ("@name/community", NO_VIDEOS),
        ("@name/about", NO_VIDEOS),
        ("c/name/channels", NO_VIDEOS),
        ("post/UgkxABC", NO_SOURCE),
        ("playlist", NO_SOURCE),
        ("channel", NO_SOURCE),
        ("https://youtu.be/", NO_SOURCE),
        ("", "this is the front page of YouTube; write the address of a channel, a playlist or a video"),
    ],
)
def test_what_has_no_end_or_is_different_for_everyone_is_refused_with_what_to_do(address: str, words: str) -> None:
    with pytest.raises(AddressRefusedError, match=words):
        check_address(address if "://" in address else f"{SITE}/{address}")


def test_another_site_is_no_place_on_youtube_and_is_not_refused_for_its_path() -> None:
    address = "https://example.org/results?search_query=cats"

    assert place_of(address) is None
    assert check_address(address, {"example.org"}) == address


def test_a_list_that_the_editors_of_youtube_music_made_is_no_mix() -> None:
    address = f"{SITE}/playlist?list=RDCLAK5uy_x"

    assert check_address(address) == address


def test_a_feed_without_a_name_is_no_place() -> None:
    assert place_at(urlsplit(f"{SITE}/feeds/videos.xml")) is None


@pytest.mark.parametrize("tab", ["videos", "shorts", "streams"])
def test_the_list_that_is_kept_of_a_tab_is_known_again(tab: str) -> None:
    list_id = tab_list(CHANNEL, tab).rpartition("=")[2]

    assert uploads_in(list_id) == Uploads(CHANNEL, tab)


@pytest.mark.parametrize(
    ("list_id", "uploads"),
    [
        # One of a channel whose own id happens to begin like the name of a tab's list.
        ("UULFcdefghijklmnopqrstuv", Uploads("UCLFcdefghijklmnopqrstuv")),
        ("UUabcdefghijklmnopqrstuv", Uploads(CHANNEL)),
        ("UUMOabcdefghijklmnopqrstuv", None),
        ("PLabcdefghijklmnopqrstuv", None),
        ("", None),
    ],
)
def test_a_list_of_uploads_tells_the_channel(list_id: str, uploads: Uploads | None) -> None:
    assert uploads_in(list_id) == uploads
