"""What yt-dlp is told of who we are: its options, whether they can work here, and what of them is a secret."""

from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tubewarren.failures import Failure
from tubewarren.settings.model import IdentitySettings
from tubewarren.youtube.job import Options
from tubewarren.youtube.nursery import Nursery
from tubewarren.youtube.startup import failure_found_by
from tubewarren.youtube.wire import CheckIdentity

UNSEEN: Final = {"verbose": False, "debug_printtraffic": False}
"""Options that would print the proxy's password, and cookies."""
_PLUGIN: Final = "yt_dlp_plugins.extractor.getpot_bgutil_http"
_SHORTEST_SECRET: Final = 4
"""What is shorter is found in every other word."""


def options_of(identity: IdentitySettings) -> dict[str, Any]:
    """What yt-dlp is told of who we are, but for the cookies; JSON's own types."""
    options: dict[str, Any] = {}
    if identity.proxy is not None:
        options["proxy"] = identity.proxy.get_secret_value()
    if identity.source_address:
        options["source_address"] = identity.source_address
    if identity.impersonate:
        options["impersonate"] = identity.impersonate
    arguments: dict[str, Any] = {}
    if identity.player_clients:
        arguments["youtube"] = {"player_client": list(identity.player_clients)}
    if identity.po_token_provider:
        arguments["youtubepot-bgutilhttp"] = {"base_url": [identity.po_token_provider]}
    return {**options, "extractor_args": arguments} if arguments else options


def combined(identity: Options, given: Options) -> dict[str, Any]:
    """A person's options with the identity over them.

    Only of the arguments for extractors, each by itself, do the person's own win: a preset may ask another player.
    """
    result = {**given, **identity, **(UNSEEN if identity else {})}
    ours, theirs = identity.get("extractor_args") or {}, given.get("extractor_args") or {}
    if ours:
        sites = (*ours, *(site for site in theirs if site not in ours))
        result["extractor_args"] = {site: {**ours.get(site, {}), **theirs.get(site, {})} for site in sites}
    return result


async def problem_with(identity: IdentitySettings, nursery: Nursery) -> str:
    """What of an identity cannot work with what is installed here, with what to do; empty when all can.

    Raises:
        YoutubeFailedError: `UNFIT`, when yt-dlp could not be loaded, or did not answer.
    """
    if identity.po_token_provider and not _has_plugin():
        return (
            "identity.po_token_provider is set, and yt-dlp's plugin for it is missing: install it "
            "(pip install bgutil-ytdlp-pot-provider), of the version that the provider has."
        )
    if not identity.impersonate and not identity.player_clients:
        return ""
    # The proxy is not checked there, and its password need not be known to one more process.
    options = {name: value for name, value in options_of(identity).items() if name != "proxy"}
    failure = await failure_found_by(nursery, CheckIdentity(options=options))
    return failure.reason if failure else ""


def secrets_of(identity: IdentitySettings) -> tuple[str, ...]:
    """What of it may stand in no log and in no message."""
    if identity.proxy is None:
        return ()
    address = identity.proxy.get_secret_value()
    parts = urlsplit(address)
    login, password = parts.netloc.rpartition("@")[0], parts.password or ""
    candidates = (address, login, password, unquote(password))
    return tuple(secret for secret in candidates if len(secret) >= _SHORTEST_SECRET)


def without(secrets: tuple[str, ...], failure: Failure) -> Failure:
    """A failure whose words have no secret in them."""
    reason, detail = failure.reason, failure.detail
    for secret in secrets:
        reason, detail = reason.replace(secret, "***"), detail.replace(secret, "***")
    return failure.model_copy(update={"reason": reason, "detail": detail})


def _has_plugin() -> bool:
    try:
        return find_spec(_PLUGIN) is not None
    except ModuleNotFoundError:
        return False
