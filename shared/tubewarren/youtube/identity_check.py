"""Whether the installed yt-dlp can pass for whom the settings say."""

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import IdentityRefusedError
from tubewarren.youtube.job import OPTION_REFUSED, Options
from tubewarren.youtube.options import merged, player_clients


def check_identity(options: Options) -> None:
    """Refuse what yt-dlp cannot be, or would pass over in silence.

    Raises:
        IdentityRefusedError: it has no such player client.
        YoutubeError: it does not take these options.
    """
    merged(options, {})
    known = player_clients()
    wanted = options.get("extractor_args", {}).get("youtube", {}).get("player_client", ())
    # yt-dlp passes over those that it does not know, and takes its own choice.
    strange = [name for name in wanted if name.removeprefix("-") not in {*known, "default", "all"}]
    if strange:
        reason = f"yt-dlp has no player client {strange[0]!r}; choose among {', '.join(sorted(known))}."
        raise IdentityRefusedError(Failure(kind=FailureKind.UNFIT, reason=reason, rule=OPTION_REFUSED))
