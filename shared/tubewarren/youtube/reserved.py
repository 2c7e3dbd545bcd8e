"""Reserved options: what of yt-dlp is not a person's to set, because results would be wrong or missing, and what is."""

from collections.abc import Mapping
from typing import Any, Final

_FILTERED: Final = "which videos are wanted is said by a filter, in the column Filter or in a preset's filter"
_SIZED: Final = 'choose a size with format, such as "bv*[filesize<500M]+ba/b"; a size alone leaves no file'
_UNCOUNTED: Final = "yt-dlp would leave videos out in silence, and no filter here counts views or ages"
_LISTED: Final = "what is listed of a source is said by a filter, such as newest 50, in the column Filter"
_KNOWN: Final = "what was fetched before is known here, and is not fetched twice"
_SHOWN: Final = (
    "yt-dlp would only show something and fetch nothing; for videos without media set media = false in a preset"
)
_NAMED: Final = "where files go and how they are named is ours; the results folder is set as store.results"
_HONEST: Final = "it would make results wrong in silence"
_UPCOMING: Final = "what has not begun is waited for without it"
_HOOKED: Final = "results are worked on by a function of your own, named in downloader.processor"
_WHOLE: Final = "ffmpeg passes over missing pieces of a stream in silence; yt-dlp's own way notices them"

RESERVED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("daterange", "matchtitle", "rejecttitle", "match_filter"), _FILTERED),
    **dict.fromkeys(("min_filesize", "max_filesize"), _SIZED),
    **dict.fromkeys(("min_views", "max_views", "age_limit"), _UNCOUNTED),
    **dict.fromkeys(
        (
            "extract_flat",
            "lazy_playlist",
            "max_downloads",
            "noplaylist",
            "playlist_items",
            "playlistend",
            "playlistrandom",
            "playlistreverse",
            "playliststart",
            "skip_playlist_after_errors",
        ),
        _LISTED,
    ),
    **dict.fromkeys(
        ("break_on_existing", "break_on_reject", "break_per_url", "download_archive", "force_write_download_archive"),
        _KNOWN,
    ),
    **dict.fromkeys(("simulate", "skip_download", "list_thumbnails", "listformats", "listsubtitles"), _SHOWN),
    **dict.fromkeys(("no_overwrites", "nooverwrites", "outtmpl", "overwrites", "paths", "print_to_file"), _NAMED),
    **dict.fromkeys(("logger", "post_hooks", "postprocessor_hooks", "progress_hooks"), _HOOKED),
    **dict.fromkeys(
        (
            "allow_playlist_files",
            "allow_unplayable_formats",
            "continuedl",
            "download_ranges",
            "enable_file_urls",
            "ignore_no_formats_error",
            "ignoreerrors",
            "nopart",
            "skip_unavailable_fragments",
            "test",
        ),
        _HONEST,
    ),
    "hls_prefer_native": _WHOLE,
    "wait_for_video": _UPCOMING,
}
"""Why, and what to do instead, by the option's name."""


def refusal(name: str, value: Any) -> str:  # noqa: ANN401 - whatever a person wrote
    """Why an option cannot be set to this, and what to do instead; empty where it can."""
    if name == "external_downloader" and any("ffmpeg" in program.lower() for program in _programs(value)):
        return _WHOLE
    return RESERVED.get(name, "")


def _programs(value: object) -> list[str]:
    """One for everything, or one for each protocol."""
    named = value.values() if isinstance(value, Mapping) else (value,)
    return [str(program) for program in named]
