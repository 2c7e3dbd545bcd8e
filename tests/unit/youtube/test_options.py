"""Options of yt-dlp: honest whatever a person adds."""

import pytest
from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.downloader.hls import HlsFD

from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.job import Options
from tubewarren.youtube.options import check, known_options, merged
from tubewarren.youtube.reserved import RESERVED


def test_what_a_person_gives_goes_before_defaults_and_what_the_caller_needs_before_both() -> None:
    options = merged({"socket_timeout": 5, "format": "18"}, {"format": "22"})

    assert (options["socket_timeout"], options["format"], options["ignoreerrors"]) == (5, "22", False)


def test_incomplete_answers_stay_errors_beside_other_arguments_for_extractors() -> None:
    given = {"extractor_args": {"youtube": {"lang": ["de"]}, "generic": {"impersonate": ["x"]}}}

    arguments = merged(given, {})["extractor_args"]

    assert arguments["youtube"] == {"lang": ["de"], "raise_incomplete_data": ["true"]}
    assert arguments["generic"] == {"impersonate": ["x"]}
    assert given["extractor_args"]["youtube"] == {"lang": ["de"]}


@pytest.mark.parametrize(
    "given",
    [
        *({name: None} for name in ("format", "proxy", "nocheckcertificate", "cookiefile", "ratelimit", "js_runtimes")),
        {"external_downloader": "aria2c"},
        {"external_downloader": {"m3u8": "native", "default": "aria2c"}},
    ],
    ids=str,
)
def test_options_of_yt_dlp_are_taken(given: Options) -> None:
    check(given)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("outtmpl", "store.results"),
        ("no_overwrites", "store.results"),
        ("ignoreerrors", "wrong in silence"),
        ("enable_file_urls", "wrong in silence"),
        ("skip_unavailable_fragments", "wrong in silence"),
        ("logger", "downloader.processor"),
        ("daterange", "Filter"),
        ("matchtitle", "Filter"),
        ("rejecttitle", "Filter"),
        ("match_filter", "Filter"),
        ("playlist_items", "newest 50"),
        ("max_downloads", "newest 50"),
        ("min_views", "no filter here counts views"),
        ("max_views", "no filter here counts views"),
        ("age_limit", "views or ages"),
        ("min_filesize", r"format, such as .*filesize<500M"),
        ("max_filesize", r"format, such as .*filesize<500M"),
        ("download_archive", "not fetched twice"),
        ("break_on_existing", "not fetched twice"),
        ("break_per_url", "not fetched twice"),
        ("listformats", "media = false"),
        ("simulate", "media = false"),
        ("hls_prefer_native", "missing pieces"),
    ],
)
def test_what_would_make_results_wrong_or_missing_is_refused_with_what_to_set_instead(name: str, instead: str) -> None:
    with pytest.raises(ProcessingFailedError, match=f"{name} cannot be set here: .*{instead}"):
        check({name: None})


@pytest.mark.parametrize("programs", ["ffmpeg", "/usr/bin/ffmpeg", {"m3u8": "ffmpeg"}, {"default": "FFmpeg"}], ids=str)
def test_ffmpeg_does_not_fetch_streams_because_it_passes_over_missing_pieces(programs: object) -> None:
    with pytest.raises(ProcessingFailedError, match="external_downloader cannot be set here: ffmpeg passes over"):
        check({"external_downloader": programs})


@pytest.mark.parametrize("protocol", ["m3u8", "m3u8_native"])
def test_streams_in_pieces_are_fetched_by_yt_dlp_itself_also_where_a_site_leaves_the_choice(protocol: str) -> None:
    stream = {"url": "https://x.invalid/a.m3u8", "protocol": protocol}

    assert get_suitable_downloader(stream, merged({}, {})) is HlsFD


def test_what_is_reserved_is_known_to_yt_dlp_or_was_once() -> None:
    assert set(RESERVED) - known_options() <= {"nooverwrites"}


def test_an_option_spelled_as_on_the_command_line_is_refused_with_advice() -> None:
    with pytest.raises(ProcessingFailedError, match="did you mean nocheckcertificate"):
        check({"no-check-certificates": True})


@pytest.mark.parametrize(
    ("browser", "words"),
    [("a:b:c:d", "is no browser"), ("netscape", "yt-dlp cannot pass for"), ("NetScape-3", "pass for")],
)
def test_a_browser_that_cannot_be_passed_for_is_refused_and_not_left_to_be_an_unknown_failure(
    browser: str, words: str
) -> None:
    with pytest.raises(ProcessingFailedError, match=words):
        merged({"impersonate": browser}, {})
