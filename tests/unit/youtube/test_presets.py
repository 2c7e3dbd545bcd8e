"""Presets: those built in, a person's own, and what is wrong with one."""

from typing import Any

import pytest

from tubewarren.youtube.errors import PresetRefusedError
from tubewarren.youtube.preset_check import check_presets
from tubewarren.youtube.presets import BUILT_IN, OURS, with_built_in


def test_those_that_are_promised_are_built_in() -> None:
    assert list(BUILT_IN) == ["video-1080p", "audio-mp3", "audio-wav-16k", "metadata-only", "subtitles"]


def test_yt_dlp_knows_all_that_is_built_in() -> None:
    check_presets({}, with_built_in({}))


@pytest.mark.parametrize("name", ["audio-mp3", "Audio-MP3"])
def test_a_persons_preset_of_the_same_name_replaces_one(name: str) -> None:
    every = with_built_in({name: {"format": "251"}})

    assert every[name] == {"format": "251"}
    assert sorted(every) == sorted({*BUILT_IN, name} - ({"audio-mp3"} - {name}))


def test_what_can_stand_in_a_preset_is_taken() -> None:
    own = {
        "all": {
            "format": "bv*[height<=1080][ext=mp4]+ba/b",
            "format_sort": ["res:1080", "+size", "br~500", "ext:mp4:m4a"],
            "writesubtitles": True,
            "subtitleslangs": ["de"],
            "writethumbnail": True,
            "writeinfojson": True,
            "ratelimit": 1_000_000,
            "sleep_interval_requests": 1,
            "postprocessors": [
                {"key": "SponsorBlock", "categories": ["sponsor"], "when": "after_filter"},
                {"key": "ModifyChapters", "remove_sponsor_segments": ["sponsor"]},
                {"key": "FFmpegMetadata", "add_chapters": True},
                {"key": "EmbedThumbnail"},
            ],
            "live": "skip",
            "media": True,
            "filter": "1m..",
        }
    }

    check_presets({"socket_timeout": 5}, own)


@pytest.mark.parametrize(
    ("chosen", "complaint"),
    [
        ({"writesubtitels": True}, "mine: yt-dlp has no option called writesubtitels; did you mean writesubtitles?"),
        ({"outtmpl": "x"}, "mine: the yt-dlp option outtmpl cannot be set here"),
        ({"format": "bestvideo["}, "mine.format: yt-dlp cannot read it: Invalid format specification"),
        ({"format": "bestvideo+"}, "mine.format: yt-dlp cannot read it: "),
        ({"format": "b[height<=tall]"}, "mine.format: yt-dlp cannot read it: Invalid filter specification"),
        ({"format": 18}, "mine.format: write text, such as"),
        ({"format_sort": ["rez:1080"]}, "mine.format_sort: formats have nothing called 'rez' to sort by; did you mean"),
        ({"format_sort": ["res 1080"]}, "mine.format_sort: yt-dlp cannot read 'res 1080'"),
        ({"format_sort": "res:1080"}, "mine.format_sort: write a list of texts"),
        ({"postprocessors": {"key": "FFmpegMetadata"}}, "mine.postprocessors: write a list of tables"),
        (
            {"postprocessors": [{"key": "FFmpegExtractAudo"}]},
            "yt-dlp has no postprocessor called 'FFmpegExtractAudo'; did you mean FFmpegExtractAudio?",
        ),
        (
            {"postprocessors": [{"key": "FFmpegMetadata"}, {"key": "FFmpegExtractAudio", "preferedcodec": "mp3"}]},
            "mine.postprocessors: number 2: FFmpegExtractAudio has no 'preferedcodec'; did you mean preferredcodec?",
        ),
        ({"postprocessors": [{"key": "FFmpegMetadata", "when": "after"}]}, "number 1: there is no when 'after'"),
        ({"postprocessors": [{"preferredcodec": "mp3"}]}, "number 1: it has no key"),
        ({"postprocessors": [{"key": "MetadataParser"}]}, "MetadataParser: missing a required argument: 'actions'"),
    ],
)
def test_what_is_wrong_with_a_preset_is_told_with_its_name_and_its_option(
    chosen: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(PresetRefusedError) as raised:
        check_presets({}, {"mine": chosen})

    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("youtube.presets.mine")


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(PresetRefusedError) as raised:
        check_presets({"nosuch": 1}, {"one": {"format": "["}, "two": {"nosuch": 1}})

    places = [line.split(":")[0] for line in str(raised.value).splitlines()]
    assert places == ["youtube.options", "youtube.presets.one.format", "youtube.presets.two"]


def test_our_own_words_are_no_options_of_yt_dlp() -> None:
    with pytest.raises(PresetRefusedError, match=r"youtube\.options"):
        check_presets(dict.fromkeys(OURS), {})
