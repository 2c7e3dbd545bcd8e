"""Which addresses may be worked on, which mean the same, and what a video's folder is called."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tubewarren.failures import FailureKind
from tubewarren.youtube.addresses import canonical_url, check_address, place_of, video_key
from tubewarren.youtube.errors import AddressRefusedError

VIDEO = "dQw4w9WgXcQ"


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://www.youtube.com/@name", "https://www.youtube.com/@name"),
        (f"  https://youtu.be/{VIDEO}\n", f"https://youtu.be/{VIDEO}"),
        ("HTTPS://WWW.YouTube.COM/@Name", "https://www.youtube.com/@Name"),
        ("www.youtube.com/@name", "https://www.youtube.com/@name"),
        ("https://www.youtube.com:443/@name", "https://www.youtube.com/@name"),
        ("https://m.youtube.com./x?a=1#b", "https://m.youtube.com/x?a=1#b"),
    ],
)
def test_an_address_of_youtube_is_cleaned_and_allowed(url: str, cleaned: str) -> None:
    assert check_address(url) == cleaned


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "not an address"),
        ("my favourite channel", "not an address"),
        ("@name", "not an address"),
        ("https://", "no usable host"),
        ("https://[::1", "not an address"),
        ("https://a b.example/x", "not an address"),
        ("https://www.youtube.com\\@evil.example/", "not an address"),
        ("https://www.youtube.com:99999/", "port"),
        ("file:///etc/passwd", "only http and https are worked on, not file:"),
        ("ytsearch:cats", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("https://me:secret@www.youtube.com/", "user name"),
        ("https://example.org/x", "--allow-host example.org"),
        ("https://www.youtube.com.example.org/x", "--allow-host www.youtube.com.example.org"),
        ("https://notyoutube.com/", "--allow-host notyoutube.com"),
    ],
)
def test_an_address_that_cannot_be_worked_on_is_refused_with_what_to_do(url: str, words: str) -> None:
    with pytest.raises(AddressRefusedError, match=re.escape(words)) as raised:
        check_address(url)

    assert raised.value.failure.kind is FailureKind.BAD_INPUT


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST.", "localhost"),
        ("media.localhost", "media.localhost"),
        ("printer.local", "printer.local"),
        ("intranet", "intranet"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("１２７.0.0.1", "127.0.0.1"),  # noqa: RUF001 - full-width digits are the point
        ("0.0.0.0", "0.0.0.0"),
        ("10.1.2.3", "10.1.2.3"),
        ("192.168.1.1", "192.168.1.1"),
        ("172.16.0.1", "172.16.0.1"),
        ("169.254.169.254", "169.254.169.254"),
        ("[::1]", "::1"),
        ("[::]", "::"),
        ("[fe80::1]", "fe80::1"),
        ("[fd00::1]", "fd00::1"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ("[::ffff:7f00:1]", "127.0.0.1"),
        ("[64:ff9b::10.0.0.1]", "10.0.0.1"),
        ("[2002:7f00:1::]", "127.0.0.1"),
        ("224.0.0.1", "224.0.0.1"),
    ],
)
def test_a_private_address_is_refused_in_any_spelling_also_where_every_host_is_allowed(host: str, shown: str) -> None:
    with pytest.raises(AddressRefusedError, match=re.escape(f"--allow-host {shown}")) as raised:
        check_address(f"http://{host}/x", frozenset({"*"}))

    assert "private network" in raised.value.failure.reason


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8080/x", "127.0.0.1"),
        ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("http://127.0.0.1/x", "127.0.0.1:80"),
        ("http://127.1:8080/x", "127.0.0.1"),
        ("http://[::1]:8080/x", "::1"),
        ("http://[::1]:8080/x", "[::1]:8080"),
        ("http://localhost/x", "LOCALHOST"),
        ("http://a.example.org/x", ".example.org"),
        ("http://example.org/x", "*"),
        ("http://8.8.8.8/x", "*"),
    ],
)
def test_a_host_that_was_allowed_is_allowed(url: str, allowed: str) -> None:
    assert check_address(url, frozenset({allowed})).endswith("/x")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8081/x", "127.0.0.1:8080"),
        ("http://example.org/x", ".example.org"),
        ("http://evilexample.org/x", ".example.org"),
        ("http://a.example.org/x", "example.org"),
    ],
)
def test_a_host_is_allowed_only_as_it_was_named(url: str, allowed: str) -> None:
    with pytest.raises(AddressRefusedError):
        check_address(url, frozenset({allowed}))


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.youtube.com/watch?v={VIDEO}",
        f"https://www.youtube.com/watch?v={VIDEO}&t=42s&list=PL1&index=3",
        f"http://m.youtube.com/watch?app=desktop&v={VIDEO}",
        f"https://youtu.be/{VIDEO}?si=abc",
        f"https://youtu.be/{VIDEO}/",
        f"https://www.youtube.com/shorts/{VIDEO}",
        f"https://www.youtube.com/embed/{VIDEO}?autoplay=1",
        f"https://www.youtube.com/live/{VIDEO}",
        f"WWW.YOUTUBE.COM/watch?v={VIDEO}",
    ],
)
def test_the_ways_of_writing_one_video_are_one(url: str) -> None:
    assert canonical_url(url) == f"https://www.youtube.com/watch?v={VIDEO}"
    assert video_key("", "", url) == VIDEO


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.youtube.com/@Name/videos/", "http://m.youtube.com/@name/videos?si=x"),
        ("https://www.youtube.com/playlist?list=PLx&si=1", "https://youtube.com/playlist?list=PLx"),
        ("https://Example.org/feed.rss/", "https://example.org/feed.rss?utm_source=mail"),
        ("https://example.org:443/a", "https://example.org/a"),
    ],
)
def test_the_ways_of_writing_one_source_are_one(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.youtube.com/channel/UCa", "https://www.youtube.com/channel/UCA"),
        ("https://www.youtube.com/@name/videos", "https://www.youtube.com/@name/shorts"),
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://example.org/A", "https://example.org/a"),
        ("https://example.org:8443/a", "https://example.org/a"),
    ],
)
def test_different_sources_stay_different(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


def test_a_youtube_id_is_the_key_as_it_is() -> None:
    assert video_key("Youtube", "-_aBcDeFgH1", "https://www.youtube.com/watch?v=-_aBcDeFgH1") == "-_aBcDeFgH1"


def test_another_sites_key_says_where_it_is_from_and_depends_on_the_address_alone() -> None:
    key = video_key("Generic", "my clip", "https://media.example.org/a/my%20clip.mp4")

    assert re.fullmatch(r"media\.example\.org-my-clip-[0-9a-f]{8}", key)
    assert key == video_key("", "", "https://media.example.org/a/my%20clip.mp4?utm_source=x")
    assert key != video_key("", "", "https://media.example.org/b/my%20clip.mp4")


@example("", "", "A://[")
@given(st.text(), st.text(), st.one_of(st.text(), st.from_regex(r"https?://[^\s]{0,300}", fullmatch=True)))
def test_a_key_is_always_safe_as_the_name_of_a_folder(extractor: str, video_id: str, url: str) -> None:
    key = video_key(extractor, video_id, url)

    assert re.fullmatch(r"[0-9A-Za-z._-]{1,100}", key)
    assert key[0] not in ".-" or (extractor.lower().startswith("youtube") or "v=" in url)


STEPS = [
    "watch", "playlist", "channel", "c", "user", "browse", "VLPLx", "feeds", "videos.xml", "embed", "videoseries",
    "@Näme", "%40name", "videos", "featured", VIDEO, "UCabcdefghijklmnopqrstuv", "results", "%2F", " ",
]  # fmt: skip
HOSTS = [
    "www.youtube.com", "YouTube.com:443", "m.youtube.com", "music.youtube.com", "youtu.be", "example.org:8443", "[::1]",
]  # fmt: skip


@st.composite
def addresses(draw: st.DrawFn) -> str:
    scheme = draw(st.sampled_from(["https://", "HTTP://", ""]))
    path = draw(st.lists(st.one_of(st.sampled_from(STEPS), st.text(max_size=5)), max_size=4))
    names = st.sampled_from(["v", "list", "channel_id", "playlist_id", "si", "x"])
    values = st.one_of(st.sampled_from([VIDEO, "PLx", "RDx", ""]), st.text(max_size=5))
    query = draw(st.lists(st.tuples(names, values), max_size=3))
    return f"{scheme}{draw(st.sampled_from(HOSTS))}/{'/'.join(path)}?{'&'.join(f'{name}={it}' for name, it in query)}"


@example("x.y/?u=://")
@example("https://example.org/ /")
@example("https://youtu.be/\x1b")
@given(st.one_of(addresses(), st.text()))
def test_the_one_spelling_of_an_address_is_its_own_spelling(url: str) -> None:
    canonical = canonical_url(url)

    assert canonical_url(canonical) == canonical


@given(addresses())
def test_the_one_spelling_of_an_address_is_allowed_and_refused_as_the_address_is(url: str) -> None:
    assert reason_against(canonical_url(url)) == reason_against(url)


def reason_against(url: str) -> str:
    place = place_of(url)
    return place.refusal if place else ""
