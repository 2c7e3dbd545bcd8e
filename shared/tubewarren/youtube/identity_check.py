"""Whether the installed yt-dlp can pass for whom the settings say; in a process of its own, as yt-dlp is large.

Run as `python -m tubewarren.youtube.identity_check`, by `identity`: options as JSON on stdin, the problem on stdout.
"""

import json
import sys

from tubewarren.youtube.errors import YoutubeError
from tubewarren.youtube.job import Options
from tubewarren.youtube.options import merged, player_clients


def problem_with(options: Options) -> str:
    """Why these options of an identity cannot be used, with what to do; empty when they can."""
    try:
        merged(options, {})
    except YoutubeError as error:
        return error.failure.reason
    known = player_clients()
    wanted = options.get("extractor_args", {}).get("youtube", {}).get("player_client", ())
    # yt-dlp passes over those that it does not know, and takes its own choice.
    strange = [name for name in wanted if name.removeprefix("-") not in {*known, "default", "all"}]
    return f"yt-dlp has no player client {strange[0]!r}; choose among {', '.join(sorted(known))}." if strange else ""


if __name__ == "__main__":
    sys.stdout.write(problem_with(json.load(sys.stdin)))
