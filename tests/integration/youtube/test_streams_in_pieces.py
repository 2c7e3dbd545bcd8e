"""A film that comes in pieces, as HLS and DASH do: without one of them it is not done."""

import shutil
import zlib
from collections.abc import Callable
from typing import Any, Literal

import pytest

from standins.youtube_media import Film, Stream, Trouble, make_pieces
from standins.youtube_videos import Video
from tubewarren.failures import FailureKind

pytestmark = [pytest.mark.fleet, pytest.mark.asyncio(loop_scope="module")]

K = FailureKind
Kind = Literal["hls", "dash"]
FilmOf = Callable[[Kind, Trouble], Video]
NAMES: dict[Kind, str] = {"hls": "90.mp4", "dash": "160.mp4"}
"""How yt-dlp calls what each kind of list tells of: by its bandwidth, or by its number."""


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    return make_pieces(tmp_path_factory.mktemp("pieces"))


@pytest.fixture
def film(request: pytest.FixtureRequest, pieces: tuple[bytes, ...]) -> FilmOf:
    """Films of each test's own: what the site remembers of one is nothing to another."""
    test = zlib.crc32(request.node.nodeid.encode()) % 10**9
    troubles = list(Trouble)
    return lambda kind, trouble: Video(
        f"{test:09}{troubles.index(trouble):02}", film=Film((), stream=Stream(kind, pieces), trouble=trouble)
    )


@pytest.mark.parametrize("kind", ["hls", "dash"])
@pytest.mark.parametrize(
    ("trouble", "failure_kind", "rule", "words"),
    [
        (Trouble.MISSING, K.TRANSIENT, "media-moved", "not where the site said"),
        (Trouble.FORBIDDEN, K.TRANSIENT, "media-forbidden", "refused the download this time (403)"),
        (Trouble.BUSY, K.BLOCKED, "http-429", "asks too often (429)"),
        (Trouble.CUT_ALWAYS, K.TRANSIENT, "cut-off-in-words", "cut before its end"),
        (Trouble.EMPTY, K.TRANSIENT, "cut-off-in-words", "cut before its end"),
        (Trouble.SHORTER, K.TRANSIENT, "media-shorter", "where 10.0 seconds were announced"),
    ],
    ids=lambda value: value if isinstance(value, Trouble) else "",
)
async def test_without_one_of_its_pieces_a_film_is_not_done_and_not_taken_for_gone(
    desk: Any,
    film: FilmOf,
    kind: Kind,
    trouble: Trouble,
    failure_kind: FailureKind,
    rule: str,
    words: str,
) -> None:
    failure = await desk.failure(film(kind, trouble))

    assert (failure.kind, failure.rule) == (failure_kind, rule)
    assert words in failure.reason
    assert not [name for name in desk.names if name.endswith(".mp4")]


@pytest.mark.parametrize("kind", ["hls", "dash"])
@pytest.mark.parametrize(
    ("trouble", "failures"), [(Trouble.MISSING_ONCE, 0), (Trouble.CUT_ONCE, 1), (Trouble.BROKEN_TWICE, 2)]
)
async def test_a_piece_that_comes_later_is_put_where_it_belongs(
    desk: Any, film: FilmOf, kind: Kind, trouble: Trouble, failures: int
) -> None:
    whole, troubled = film(kind, Trouble.NONE), film(kind, trouble)

    for _ in range(failures):
        assert (await desk.failure(troubled)).kind is K.TRANSIENT
    await desk.fetch(troubled)
    await desk.fetch(whole)

    made, wanted = (desk.folder / f"{video.video_id}.{NAMES[kind]}" for video in (troubled, whole))
    assert made.read_bytes() == wanted.read_bytes()


async def test_a_piece_is_missed_when_several_are_fetched_at_once(desk: Any, film: FilmOf) -> None:
    options = {"concurrent_fragment_downloads": 3, "fragment_retries": 0}
    whole, troubled = film("hls", Trouble.NONE), film("hls", Trouble.BROKEN_TWICE)

    failures = [await desk.failure(troubled, options=options) for _ in range(2)]
    await desk.fetch(troubled, options=options)
    await desk.fetch(whole)

    assert {failure.kind for failure in failures} == {K.TRANSIENT}
    made, wanted = (desk.folder / f"{video.video_id}.{NAMES['hls']}" for video in (troubled, whole))
    assert made.read_bytes() == wanted.read_bytes()
