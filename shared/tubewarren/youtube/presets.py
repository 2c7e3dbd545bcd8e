"""Presets that are always there: named sets of yt-dlp's options, by the names that its library knows.

A person's preset of the same name replaces one of these; whatever yt-dlp can be told can stand in it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tubewarren.failures import Failure, FailureKind

LIVE: Final = "live"
"""In a preset, ours and no option: what becomes of a stream that is still running."""
MEDIA: Final = "media"
"""Likewise: `false` for what is complete without the video's own picture and sound."""
FILTER: Final = "filter"
"""Likewise: which videos are wanted, as in a row of the list."""
OURS: Final = (LIVE, MEDIA, FILTER)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A preset, and what it is for."""

    about: str
    chosen: Mapping[str, Any]


BUILT_IN: Final[Mapping[str, BuiltIn]] = {
    "video-1080p": BuiltIn(
        "Picture and sound, as near to 1080p as there is and preferably as MP4.",
        {
            "format": "bestvideo*+bestaudio/best",
            "format_sort": ["res:1080", "ext:mp4:m4a"],
            "merge_output_format": "mp4/mkv",
        },
    ),
    "audio-mp3": BuiltIn(
        "The best sound, as MP3 with 192 kbit/s.",
        {
            "format": "bestaudio/best",
            "postprocessors": [{"key": "FFmpegExtractAudio", "preferredcodec": "mp3", "preferredquality": "192"}],
        },
    ),
    "audio-wav-16k": BuiltIn(
        "The best sound, as WAV with one channel of 16 kHz, which recognisers of speech take.",
        {
            "format": "bestaudio/best",
            "postprocessors": [{"key": "FFmpegExtractAudio", "preferredcodec": "wav"}],
            "postprocessor_args": {"extractaudio": ["-ar", "16000", "-ac", "1"]},
        },
    ),
    "metadata-only": BuiltIn("What the site says of the video (info.json), without its media.", {MEDIA: False}),
    "subtitles": BuiltIn(
        "Subtitles without media: English ones, and those made automatically in the language that is spoken.",
        {
            MEDIA: False,
            "writesubtitles": True,
            "writeautomaticsub": True,
            # All of them would be some hundred translations made by a machine, each a request of its own.
            "subtitleslangs": ["en", "en-[A-Z][A-Z]", ".*-orig"],
            "subtitlesformat": "vtt/best",
        },
    ),
}


def unknown_preset(name: str, known: Collection[str], worker: str) -> Failure:
    """What it is when an order names a preset that this worker does not have: its fault, and not the order's."""
    reason = (
        f"{worker} knows no preset {name!r} (it knows {', '.join(sorted(known)) or 'none'}): "
        "write it into youtube.presets of its settings."
    )
    return Failure(kind=FailureKind.UNFIT, reason=reason, rule="preset-unknown")


def with_built_in(own: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """A person's presets, and those built in that have none of these names."""
    taken = {name.casefold() for name in own}
    return {**{name: each.chosen for name, each in BUILT_IN.items() if name.casefold() not in taken}, **own}
