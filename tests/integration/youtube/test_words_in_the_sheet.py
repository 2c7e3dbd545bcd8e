"""Every kind of address and every failure: from what a person wrote to the words that the sheet tells them.

What a source can be comes first, then what can happen to a video; `<time>` stands for a time of day.
"""

# ruff: noqa: E501 - a row of the table is a line, however long its words are

import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from sheet_words import Sheet
from standins.youtube import YoutubeStandin
from standins.youtube_channels import Channel
from standins.youtube_media import TINY, Film, Trouble
from standins.youtube_videos import Video
from tubewarren.messages.commands import DownloadVideo
from tubewarren.youtube.addresses import YOUTUBE_HOSTS
from tubewarren.youtube.pool import ChildPool

pytestmark = [pytest.mark.fleet, pytest.mark.asyncio(loop_scope="module")]

SITE = "https://www.youtube.com"
ID = "dQw4w9WgXcQ"
SMALL = Channel(
    "UCsmall-channel-01234567", ("@small", "c/SmallOne", "user/smallone", "SmallOne"), videos=3, shorts=4, streams=2
)
TOPIC = Channel("UCtopic-channel-01234567", ())
BROKEN = Channel("UCbroken-channel-0123456", ("@broken",), videos=3, shorts=4)
CHANNELS = (
    SMALL,
    TOPIC,
    BROKEN,
    Channel("UCbusy-channel-012345678", ("@busy",), videos=3),
    Channel("UCsilent-channel-0123456", ("@silent",)),
    Channel("UCshorts-channel-0123456", ("@shorts",), shorts=3),
    Channel("UCmoved-channel-01234567", ("@moved",), moved_to="@small"),
    Channel("UConair-channel-01234567", ("@onair",), videos=1, live=ID),
    Channel("UCdeleted-channel-012345", ("@deleted",), alert="This channel does not exist."),
    Channel("UCremoved-channel-012345", ("@removed",), alert="This channel is not available."),
    Channel(
        "UCended-channel-01234567",
        ("@terminated",),
        alert="This account has been terminated for violating YouTube's Community Guidelines.",
    ),
    Channel(
        "UCclaims-channel-0123456",
        ("@claims",),
        alert="This account has been terminated because we received multiple third-party claims of copyright "
        "infringement regarding material the user posted.",
    ),
)
LIST, SHORT, HIDDEN = "PLa-list-0123456789", "PLtoo-short-0123456789", "PLall-hidden-0123456789"
GONE_CHANNEL = "YouTube has closed or removed this channel: take it off the list, or write its new address."
NO_SOURCE = "write the address of a channel, a playlist or a video"

# fmt: off
SOURCES: list[tuple[str, int, int, str]] = [
    # address                              videos  requests  what its row in Sources says when it was listed once
    ("@small",                                  9,  3, "in-progress"),
    ("@SMALL/featured?view_as=subscriber",      9,  3, "in-progress"),
    ("youtube.com/@small",                      9,  3, "in-progress"),
    ("https://m.youtube.com/@small?si=x",       9,  3, "in-progress"),
    (f"channel/{SMALL.channel_id}",             9,  3, "in-progress"),
    ("c/SmallOne",                              9,  3, "in-progress"),
    ("user/smallone",                           9,  3, "in-progress"),
    ("SmallOne",                                9,  3, "in-progress"),
    ("@moved",                                  9,  4, "in-progress"),
    ("@small/videos",                           3,  1, "in-progress"),
    ("@small/shorts",                           4,  1, "in-progress"),
    ("@small/streams",                          2,  1, "in-progress"),
    ("@onair/live",                             1,  3, "in-progress"),
    (f"channel/{TOPIC.channel_id}",             5,  3, "in-progress"),
    (f"playlist?list={SMALL.uploads_id}",       9,  2, "in-progress"),
    (f"playlist?list={LIST}&si=x",              4,  2, "in-progress: 1 of its entries left out: a private video (HIDDEN)"),
    (f"watch?list={LIST}",                      4,  2, "in-progress: 1 of its entries left out: a private video (HIDDEN)"),
    (f"feeds/videos.xml?playlist_id={LIST}",    4,  2, "in-progress: 1 of its entries left out: a private video (HIDDEN)"),
    (f"feeds/videos.xml?channel_id={SMALL.channel_id}", 9, 3, "in-progress"),
    (f"https://music.youtube.com/browse/VL{LIST}", 4, 2, "in-progress: 1 of its entries left out: a private video (HIDDEN)"),
    (f"watch?v={ID}",                           1,  2, "in-progress"),
    (f"watch?v={ID}&list={LIST}&t=3s",          1,  2, "in-progress"),
    (f"https://youtu.be/{ID}?si=x",             1,  2, "in-progress"),
    (f"shorts/{ID}",                            1,  2, "in-progress"),
    (f"live/{ID}?feature=share",                1,  2, "in-progress"),
    (f"embed/{ID}",                             1,  2, "in-progress"),
    ("HERE/feed-3.rss",                         3,  0, "in-progress"),
    ("HERE/mixed.rss",                          1,  0, ("in-progress: 3 of its entries left out: "
        "file:///etc/passwd: only http and https are worked on, not file:; "
        "http://169.254.169.254/latest: 169.254.169.254 is this machine or a private network; if that is meant, "
        "allow it with --allow-host 169.254.169.254; a private video (HERE/ok-2.mp4)")),
    ("https://play.acast.com/s/a-show",         2,  0, ("in-progress: 1 of its entries left out: https://elsewhere.example/three.mp3: "
        "the host elsewhere.example is not allowed; if you trust it, allow it with --allow-host elsewhere.example")),
    ("HERE/ok-7.mp4",                           1,  0, "in-progress"),

    ("@silent",                                 0,  1, "error: There is nothing in this list: check the address, or come back later."),
    ("@silent/videos",                          0,  1, "error: This channel has no such tab, or nothing in it: give the channel's own address."),
    ("@shorts/streams",                         0,  1, "error: This channel has no such tab, or nothing in it: give the channel's own address."),
    ("@never-was",                              0,  4, "error: There is nothing at this address any more: check it."),
    ("@deleted",                                0,  1, "error: This channel or playlist does not exist any more: check the address."),
    ("@removed",                                0,  1, f"error: {GONE_CHANNEL}"),
    ("@terminated",                             0,  1, f"error: {GONE_CHANNEL}"),
    ("@claims/shorts",                          0,  1, f"error: {GONE_CHANNEL}"),
    ("playlist?list=PLnever-was-0123456789",    0,  1, "error: This channel or playlist does not exist any more: check the address."),
    (f"playlist?list={HIDDEN}",                 0,  2, "error: None of the 2 entries of this list can be worked on: hidden, or not allowed."),
    (f"playlist?list={SHORT}",                100,  2, "in-progress: retry at <time> (attempt 1): The list broke off after 100 of 250 entries."),
    ("@broken",                                 3,  5, "in-progress: retry at <time> (attempt 1): The site has a problem of its own at the moment."),
    ("@busy",                                   0,  2, "in-progress: retry at <time> (attempt 1): The site answers that this worker asks too often (429): slow down, or work from another address."),
    ("@small/live",                             0,  1, "in-progress: retry at <time> (attempt 1): This channel is not live at the moment: it is tried again later."),
    ("watch?v=short",                           0,  0, "error: This address is not complete: copy it again from the browser."),
    ("playlist?list=RDdQw4w9WgXcQ",             0,  0, ("error: this is a mix, which YouTube makes up anew for everyone who looks and which has no end; "
        "write the address of a playlist, or of the video alone")),
    ("results?search_query=cats",               0,  0, ("error: this is a search, which finds something else every time and has no end; "
        "write the addresses of the channels, playlists or videos that you want of it")),
    ("@small/search?query=cats",                0,  0, ("error: this is a search, which finds something else every time and has no end; "
        "write the addresses of the channels, playlists or videos that you want of it")),
    ("feed/subscriptions",                      0,  0, ("error: this is seen by whoever is signed in, and by each one differently; "
        "put the videos into a playlist of your own, public or unlisted, and write its address")),
    ("playlist?list=WL",                        0,  0, ("error: this is seen by whoever is signed in, and by each one differently; "
        "put the videos into a playlist of your own, public or unlisted, and write its address")),
    ("@small/community",                        0,  0, "error: this part of a channel holds no videos of its own; write the address of the channel"),
    ("",                                        0,  0, f"error: this is the front page of YouTube; {NO_SOURCE}"),
    ("https://vimeo.example/1",                 0,  0, "error: the host vimeo.example is not allowed; if you trust it, allow it with --allow-host vimeo.example"),
    ("HERE/missing.mp4",                        0,  0, "error: There is nothing at this address any more: check it."),
    ("HERE/busy.mp4",                           0,  0, "in-progress: retry at <time> (attempt 1): The site answers that this worker asks too often (429): slow down, or work from another address."),
    ("cats and dogs",                           0,  0, "error: this is not an address; write one such as https://www.youtube.com/@name"),
]
# fmt: on

DONE = "done"


def later(words: str, attempt: int = 1) -> str:
    return f"pending: retry at <time> (attempt {attempt}): {words}"


def listed_later(words: str) -> str:
    return f"in-progress: retry at <time> (attempt 1): {words}"


def buried(words: str) -> str:
    return f"error: {words}"


def refused(reason: str = "", small_print: str = "", status: str = "UNPLAYABLE", **more: Any) -> Video:
    return Video(ID, status=status, reason=reason, subreason=small_print, **more)


def sent(trouble: Trouble) -> Video:
    return Video(ID, film=Film(trouble=trouble))


def spelled(address: str, here: str) -> str:
    """As a person writes it; an address without a host is one of YouTube's."""
    if re.match(r"https?:|HERE|youtube.com|cats", address):
        return address.replace("HERE", here)
    return f"{SITE}/{address}"


@pytest.fixture
def youtube(youtube: YoutubeStandin) -> YoutubeStandin:
    """Everything that the table speaks of, and no request yet."""
    for channel in CHANNELS:
        youtube.add_channel(channel)
    youtube.add_playlist(f"UU{TOPIC.channel_id[2:]}", 5)
    youtube.add_playlist(LIST, 5, hidden={3: "[Private video]"})
    youtube.add_playlist(SHORT, 250, breaks_off_after=1)
    youtube.add_playlist(HIDDEN, 2, hidden={0: "[Private video]", 1: "[Deleted video]"})
    youtube.add_video(Video(ID))
    youtube.add_video(Video("trailer_001"))
    # A first page is asked for again through the API when it fails.
    youtube.fail("UCbusy-channel-012345678/videos", 0, *[HTTPStatus.TOO_MANY_REQUESTS] * 3)
    youtube.fail(f"{BROKEN.channel_id}/shorts", 0, *[HTTPStatus.SERVICE_UNAVAILABLE] * 3)
    youtube.requests.clear()
    return youtube


@pytest.fixture
def sheet(one_child: ChildPool, youtube: YoutubeStandin, site: Any, tmp_path: Path) -> Sheet:
    players = {"youtube": {"player_client": ["visionos"]}}
    options = {**youtube.options, "extractor_args": players}
    return Sheet(tmp_path, one_child, options, YOUTUBE_HOSTS | {site.host, "play.acast.com", "media.example"})


@pytest.mark.parametrize(("address", "videos", "requests", "words"), SOURCES, ids=[row[0] or "/" for row in SOURCES])
async def test_what_a_source_is(
    sheet: Sheet,
    youtube: YoutubeStandin,
    site: Any,
    request: pytest.FixtureRequest,
    address: str,
    videos: int,
    requests: int,
    words: str,
) -> None:
    if "acast" in address:
        acast = request.getfixturevalue("acast")
        sheet.options = {"proxy": acast.proxy_url, "nocheckcertificate": True}
    elif "HERE" in address:
        sheet.options = {}

    said = await sheet.put_on_list(spelled(address, site.base))

    hidden = youtube.add_playlist(LIST, 5).video_id(3)
    assert (said.replace(hidden, "HIDDEN").replace(site.base, "HERE"), len(sheet.orders)) == (words, videos)
    assert len(youtube.requests) == requests
    assert all(order.url and order.source_id == "1" for order in sheet.orders)


NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=3)
PRIVATE = "The video is private: its owner would have to share it again."
REMOVED = "The video was removed, or its channel closed."
RULES = "The video was removed for breaking rules or for copyright."
NOT_RECORDED = "The live stream is over, and there is no recording of it."
MEMBERS = "Only members of the channel may see this video: give this worker the cookies of a member."
ADULTS = "Only adults who are signed in may see this video: give this worker the cookies of such an account."
PAID = "This video must be paid for: give this worker the cookies of an account that has."
TRAILER = "YouTube shows only a trailer: give this worker the cookies of an account that has paid for the video."
COUNTRY = "This may not be seen in this worker's country: work from another."
BOT = "YouTube takes this worker for a bot: wait some hours, work from another address, or give it cookies."
RATE = "YouTube limits the rate of this address, for up to an hour: slow down, or work from another address."
PROXY = "YouTube refuses the proxy or VPN of this worker: use another."
BUSY = "The site answers that this worker asks too often (429): slow down, or work from another address."
BROKEN_SITE = "The site has a problem of its own at the moment."
CHANGED = "yt-dlp no longer understands the site: update yt-dlp; the work waits."
UNAVAILABLE = "YouTube only says that the video is unavailable, as it also does to blocked workers."
PREMIERE = "This is a premiere that has not begun: it is tried again later."
UPCOMING = "This live event has not begun: it is tried again later."
PROCESSING = "YouTube is still processing this video: it is tried again later."
RUNNING = "This is a live stream that is still running: it is tried again when it has ended."
ENDED = "The live stream has ended and YouTube is still processing it: it is tried again later."
NO_FORMATS = "None of the wanted formats is offered: the site has none of them, or slows this worker down."
FORBIDDEN = "The site refused the download this time (403), as it does when an address is stale."
MOVED = "The file was not where the site said a moment before."
CUT = "The transfer was cut before its end."
NO_MORE = "The site never sends more of the file than 1037 bytes."
TOO_SMALL = "The file has 1974 bytes where 2074 were announced."
STALLED = "There was no progress for 2 seconds, so it was stopped."

# fmt: off
VIDEOS: list[tuple[Video | HTTPStatus, str, int, list[str]]] = [
    # its row in Sources, if it is put on the list by itself; requests; its row in Video Tasks after each attempt
    (Video(ID),                                                                    "in-progress",             3, [DONE]),
    (Video(ID, live="recorded", starts_at=NOW),                                    "in-progress",             3, [DONE]),

    (refused("Private video", "Sign in if you've been granted access to this video", "LOGIN_REQUIRED"), buried(PRIVATE), 2, [buried(PRIVATE)]),
    (refused("This video is private", status="LOGIN_REQUIRED"),                    buried(PRIVATE),           2, [buried(PRIVATE)]),
    (refused("Video unavailable", "This video has been removed by the uploader", "ERROR"), buried(REMOVED),   2, [buried(REMOVED)]),
    (refused("Video unavailable", "This video is no longer available because the YouTube account associated with this "
             "video has been terminated.", "ERROR"),                               buried(REMOVED),           2, [buried(REMOVED)]),
    (refused("This video is no longer available because the uploader has closed their YouTube account.", status="ERROR"),
                                                                                   buried(REMOVED),           2, [buried(REMOVED)]),
    (refused("This video has been removed for violating YouTube\u2019s Terms of Service", status="ERROR"), buried(RULES), 2, [buried(RULES)]),
    (refused("Video unavailable", "This video is no longer available due to a copyright claim by X", "ERROR"), buried(RULES), 2, [buried(RULES)]),
    (refused("This live stream recording is not available.", status="ERROR"),      buried(NOT_RECORDED),      2, [buried(NOT_RECORDED)]),
    (refused("This live event has ended.", status="LIVE_STREAM_OFFLINE"),          buried(NOT_RECORDED),      2, [buried(NOT_RECORDED)]),
    (refused("Video unavailable", status="ERROR"),                                 listed_later(UNAVAILABLE), 2, [later(UNAVAILABLE),
        buried("It is not available, seen twice: it was removed, or is kept from us everywhere.")]),

    (refused("Join this channel to get access to members-only content"),           buried(MEMBERS),           2, [buried(MEMBERS)]),
    (refused("This video is available to this channel's members on level: Gold (or any higher level)."), buried(MEMBERS), 2, [buried(MEMBERS)]),
    (refused("Sign in to confirm your age", "This video may be inappropriate for some users.", "LOGIN_REQUIRED"), buried(ADULTS), 6, [buried(ADULTS)]),
    (refused("This video is age-restricted and only available on YouTube.", status="AGE_VERIFICATION_REQUIRED"), buried(ADULTS), 6, [buried(ADULTS)]),
    (refused("This video requires payment to watch."),                             buried(PAID),              2, [buried(PAID)]),
    (refused("This video is only available to Music Premium members"),             buried(PAID),              2, [buried(PAID)]),
    (refused(trailer_id="trailer_001"),                                            buried(TRAILER),           4, [buried(TRAILER)]),
    (refused("Video unavailable", "The uploader has not made this video available in your country", countries=("AT", "CH")),
        buried(f"{COUNTRY} It can be seen in: AT, CH."),                                                      2, [buried(f"{COUNTRY} It can be seen in: AT, CH.")]),
    (refused("Video unavailable", "This video contains content from X, who has blocked it in your country on copyright grounds"),
                                                                                   buried(COUNTRY),           2, [buried(COUNTRY)]),

    (refused("Sign in to confirm you\u2019re not a bot", "This helps protect our community. Learn more", "LOGIN_REQUIRED"),
                                                                                   listed_later(BOT),         2, [later(BOT), later(BOT)]),
    (refused("Video unavailable", "This content isn\u2019t available, try again later."), listed_later(RATE), 2, [later(RATE), later(RATE)]),
    (refused("Video unavailable", "This content isn't available, try again later."), listed_later(RATE),      2, [later(RATE)]),
    (refused("Video unavailable", "VPN/Proxy Detected"),                           listed_later(PROXY),       2, [later(PROXY)]),
    (HTTPStatus.TOO_MANY_REQUESTS,                                                 listed_later(BUSY),        2, [later(BUSY), later(BUSY)]),
    (HTTPStatus.SERVICE_UNAVAILABLE,                                               listed_later(BROKEN_SITE), 3, [later(BROKEN_SITE), later(BROKEN_SITE, 2)]),
    (HTTPStatus.BAD_REQUEST,                                                       listed_later(CHANGED),     3, [later(CHANGED), later(CHANGED, 2)]),

    (refused("Premieres in 3 hours", status="LIVE_STREAM_OFFLINE", live="upcoming", starts_at=SOON), listed_later(PREMIERE), 4, [later(PREMIERE), later(PREMIERE)]),
    (refused("This live event will begin in 20 minutes.", status="LIVE_STREAM_OFFLINE", live="upcoming"), listed_later(UPCOMING), 4, [later(UPCOMING)]),
    (refused("We\u2019re processing this video. Check back later."),               listed_later(PROCESSING),  4, [later(PROCESSING)]),
    (Video(ID, live="live", starts_at=NOW),                                        "in-progress",             2, [later(RUNNING), later(RUNNING)]),
    (Video(ID, live="post-live"),                                                  "in-progress",             2, [later(ENDED)]),
    (Video(ID, has_media=False),                                                   "in-progress",             2, [later(NO_FORMATS), later(NO_FORMATS, 2)]),

    (sent(Trouble.FORBIDDEN),                                                      "in-progress",             3, [later(FORBIDDEN), later(FORBIDDEN, 2)]),
    (sent(Trouble.MISSING),                                                        "in-progress",             3, [
        *(later(MOVED, attempt) for attempt in range(1, 6)), buried(f"Given up after 6 attempts: {MOVED}")]),
    (sent(Trouble.BUSY),                                                           "in-progress",             3, [later(BUSY), later(BUSY)]),
    (sent(Trouble.BROKEN_TWICE),                                                   "in-progress",             3, [later(BROKEN_SITE), later(BROKEN_SITE, 2), DONE]),
    (sent(Trouble.CUT_ONCE),                                                       "in-progress",             3, [later(CUT), DONE]),
    (sent(Trouble.CUT_ALWAYS),                                                     "in-progress",             3, [later(CUT), later(CUT, 2)]),
    (sent(Trouble.NO_MORE),                                                        "in-progress",            23, [later(NO_MORE)]),
    (sent(Trouble.SHORTER),                                                        "in-progress",             3, [later(TOO_SMALL)]),
    (sent(Trouble.SLOW),                                                           "in-progress",            10, [DONE]),
    (sent(Trouble.STALLED),                                                        "in-progress",             4, [later(STALLED)]),
]
# fmt: on


def called(switch: Video | HTTPStatus) -> str:
    """What a row is about."""
    if isinstance(switch, HTTPStatus):
        return f"players answer {switch}"
    said = f"{switch.reason} {switch.subreason}".strip()
    return said or switch.live or switch.trailer_id or switch.film.trouble.value


@pytest.mark.parametrize(
    ("switch", "source", "requests", "words"), VIDEOS, ids=[called(switch) for switch, *_ in VIDEOS]
)
async def test_what_becomes_of_a_video(
    sheet: Sheet,
    youtube: YoutubeStandin,
    request: pytest.FixtureRequest,
    switch: Video | HTTPStatus,
    source: str,
    requests: int,
    words: list[str],
) -> None:
    # What the site remembers of one is nothing to another.
    video_id = f"v{zlib.crc32(request.node.nodeid.encode()):010}"
    url = youtube.add_video(replace(switch, video_id=video_id) if isinstance(switch, Video) else Video(video_id))
    if isinstance(switch, HTTPStatus):
        youtube.refuse_player(video_id, switch)
    if words == [later(STALLED)]:
        sheet.no_progress = timedelta(seconds=2)
    order = DownloadVideo(video_id=video_id, url=url, source_id="1")

    in_sources = await sheet.put_on_list(url)
    youtube.requests.clear()
    in_tasks = [await sheet.attempt(order)]
    asked = len(youtube.requests)
    in_tasks += [await sheet.attempt(order) for _ in words[1:]]

    assert (in_sources, in_tasks) == (source, words)
    assert [each.video_id for each in sheet.orders] == ([video_id] if source == "in-progress" else [])
    assert asked == requests
    fetched = [path.read_bytes() for path in sheet.folder.glob(f"results/{video_id}/*.mp4")]
    assert fetched == ([TINY.body] if words[-1] == DONE else [])
