"""What a failure means: the words of YouTube and of yt-dlp, and the fields that go before them."""

import errno

import pytest
import yt_dlp
from yt_dlp.networking.exceptions import IncompleteRead, TransportError
from yt_dlp.utils import ContentTooShortError, DownloadError, ExtractorError, GeoRestrictedError

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.failures import Evidence, classify, evidence_of, failure_of, rules

K = FailureKind
HINT = " Use --cookies-from-browser or --cookies for the authentication. See  https://example.org/not a bot"

WORDS = [
    ("Video unavailable. This content isn't available, try again later.", K.BLOCKED),
    ("Video unavailable. This content isn\u2019t available, try again later.", K.BLOCKED),
    ("The current session has been rate-limited by YouTube for up to an hour.", K.BLOCKED),
    ("Sign in to confirm you\u2019re not a bot." + HINT, K.BLOCKED),
    ("This helps protect our community. Learn more", K.BLOCKED),
    ("YouTube is requiring a captcha challenge before playback", K.BLOCKED),
    ("All player responses are invalid. Your IP is likely being blocked by Youtube", K.BLOCKED),
    ("VPN/Proxy Detected", K.BLOCKED),
    ("Unable to download webpage: HTTP Error 429: Too Many Requests", K.BLOCKED),
    ("Premieres in 3 hours", K.NOT_YET),
    ("This live event will begin in a few moments.", K.NOT_YET),
    ("We're processing this video. Check back later.", K.NOT_YET),
    ("The channel is not currently live", K.NOT_YET),
    ("The uploader has not made this video available in your country", K.GATED),
    ("This video contains content from X, who has blocked it in your country on copyright grounds", K.GATED),
    ("Join this channel to get access to members-only content like this video", K.GATED),
    ("This video is available to this channel's members on level: Gold", K.GATED),
    ("Sign in to confirm your age. This video may be inappropriate for some users." + HINT, K.GATED),
    ("This video requires payment to watch", K.GATED),
    ("This video is only available to Music Premium members", K.GATED),
    ("HTTP Error 401: Unauthorized", K.GATED),
    ("HTTP Error 451: Unavailable For Legal Reasons", K.GATED),
    ("Private video. Sign in if you've been granted access to this video." + HINT, K.GONE),
    ("This video has been removed by the uploader", K.GONE),
    (
        "This video is no longer available because the YouTube account associated with this video has been terminated.",
        K.GONE,
    ),
    ("Video unavailable. This video is no longer available due to a copyright claim by X", K.GONE),
    ("This video has been removed for violating YouTube's Terms of Service", K.GONE),
    ("X, who has blocked it on copyright grounds", K.GONE),
    ("This live stream recording is not available.", K.GONE),
    ("This live event has ended.", K.GONE),
    ("This video is DRM protected", K.GONE),
    ("The channel/playlist does not exist and the URL redirected to youtube.com home page", K.GONE),
    ("YouTube said: The playlist does not exist.", K.GONE),
    ("HTTP Error 404: Not Found", K.GONE),
    ("HTTP Error 410: Gone", K.GONE),
    ("Unsupported URL: https://example.org/", K.BAD_INPUT),
    ("Incomplete YouTube ID abc. URL https://youtu.be/abc looks truncated.", K.BAD_INPUT),
    ("'x' is not a valid URL", K.BAD_INPUT),
    ("This channel does not have a shorts tab", K.BAD_INPUT),
    ("The page needs to be reloaded.", K.EXTRACTOR),
    ("Failed to extract any player response; please report this issue on  https://x", K.EXTRACTOR),
    ("Unable to recognize tab page", K.EXTRACTOR),
    ("unable to write data: [Errno 28] No space left on device", K.UNFIT),
    ("You have requested merging of multiple formats but ffmpeg is not installed. Aborting", K.UNFIT),
    ("Postprocessing: ffmpeg not found. Please install or provide the path", K.UNFIT),
    ("failed to load cookies", K.UNFIT),
    ("unable to download video data: HTTP Error 403: Forbidden", K.TRANSIENT),
    ("unable to download video data: HTTP Error 404: Not Found", K.TRANSIENT),
    ("\r[download] Got error: HTTP Error 500: Internal Server Error", K.TRANSIENT),
    ("HTTP Error 503: Service Unavailable", K.TRANSIENT),
    ("HTTP Error 416: Requested Range Not Satisfiable", K.TRANSIENT),
    ("\r[download] Got error: 64512 bytes read, 207088 more expected", K.TRANSIENT),
    ("Downloaded 10 bytes, expected 20 bytes", K.TRANSIENT),
    ("The read operation timed out", K.TRANSIENT),
    ("[Errno 104] Connection reset by peer", K.TRANSIENT),
    ("Temporary failure in name resolution", K.TRANSIENT),
    ("Did not get any data blocks", K.TRANSIENT),
    ("Incomplete data received", K.TRANSIENT),
    ("fragment 3 not found, unable to continue", K.TRANSIENT),
    ("Video unavailable", K.UNKNOWN),
    ("Requested format is not available. Use --list-formats for a list of available formats", K.UNKNOWN),
    ("Postprocessing: Conversion failed!", K.UNKNOWN),
    ("something nobody has ever seen", K.UNKNOWN),
]


@pytest.mark.parametrize(("text", "kind"), WORDS)
def test_words_are_classified(text: str, kind: FailureKind) -> None:
    plain = classify(Evidence(text))
    coloured = classify(Evidence(f"\x1b[0;31mERROR:\x1b[0m {text}"))

    assert (plain.kind, coloured.kind) == (kind, kind)
    assert plain.reason == coloured.reason


@pytest.mark.parametrize(
    ("evidence", "kind"),
    [
        (Evidence("x", http_status=429), K.BLOCKED),
        (Evidence("x", http_status=404), K.GONE),
        (Evidence("x", http_status=502), K.TRANSIENT),
        (Evidence("x", errno=errno.ENOSPC), K.UNFIT),
        (Evidence("x", errno=errno.EDQUOT), K.UNFIT),
        (Evidence("x", errno=errno.EACCES), K.UNFIT),
        (Evidence("x", exception_types=("MemoryError",)), K.UNFIT),
        (Evidence("x", exception_types=("ProxyError", "TransportError")), K.TRANSIENT),
        (Evidence("x", exception_types=("GeoRestrictedError", "ExtractorError"), expected=True), K.GATED),
        (Evidence("x", exception_types=("ExtractorError",), expected=False), K.EXTRACTOR),
        (Evidence("x", exception_types=("ExtractorError",), expected=True), K.UNKNOWN),
        (Evidence("x", exception_types=("RegexNotFoundError",)), K.EXTRACTOR),
        (Evidence("Failed to extract any player response", ("HTTP Error 429: Too Many Requests",)), K.BLOCKED),
        (Evidence("Video unavailable", ("HTTP Error 429: Too Many Requests",)), K.BLOCKED),
        (Evidence("Private video", ("HTTP Error 429: Too Many Requests",)), K.GONE),
        (Evidence("No video formats found!", ("No supported JavaScript runtime could be found",)), K.UNFIT),
        (Evidence("HTTP Error 500", ("No supported JavaScript runtime could be found",)), K.TRANSIENT),
        (
            Evidence("Sign in to confirm your age", ("The provided YouTube account cookies are no longer valid",)),
            K.UNFIT,
        ),
    ],
)
def test_fields_and_warnings_are_classified(evidence: Evidence, kind: FailureKind) -> None:
    assert classify(evidence).kind is kind


def test_a_country_gate_says_where_the_video_can_be_seen() -> None:
    failure = failure_of(_download_error(GeoRestrictedError("not here", countries=["AT", "CH"])))

    assert failure.kind is K.GATED
    assert "AT, CH" in failure.reason


def test_the_innermost_words_and_fields_of_yt_dlp_are_the_evidence() -> None:
    evidence = evidence_of(
        _download_error(ExtractorError("bare words", expected=True, video_id="id", ie="Youtube")), ("w",)
    )

    assert (evidence.text, evidence.expected, evidence.warnings) == ("bare words", True, ("w",))
    assert {"DownloadError", "ExtractorError"} <= set(evidence.exception_types)


def test_a_status_is_found_in_the_cause() -> None:
    response = yt_dlp.networking.Response(fp=None, url="http://x", headers={}, status=429)
    cause = yt_dlp.networking.exceptions.HTTPError(response)

    assert failure_of(_download_error(ExtractorError("no words", cause=cause))).kind is K.BLOCKED


def test_a_network_error_below_an_extractor_is_not_taken_for_a_broken_extractor() -> None:
    assert failure_of(_download_error(ExtractorError("x", cause=IncompleteRead(1, 2)))).kind is K.TRANSIENT
    assert failure_of(_download_error(ExtractorError("x", cause=TransportError("y")))).kind is K.TRANSIENT


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ContentTooShortError(1, 2), K.TRANSIENT),
        (MemoryError(), K.UNFIT),
        (OSError(errno.ENOSPC, "full"), K.UNFIT),
        (ConnectionResetError("x"), K.TRANSIENT),
        (TimeoutError("x"), K.TRANSIENT),
        (ValueError("x"), K.UNKNOWN),
        (RuntimeError(), K.UNKNOWN),
    ],
)
def test_exceptions_of_anybody_are_classified(error: Exception, kind: FailureKind) -> None:
    assert failure_of(error).kind is kind


def test_an_unknown_exception_is_named() -> None:
    assert failure_of(KeyError("missing")).reason == "nothing we know: KeyError: 'missing'"


def test_a_failure_that_an_error_carries_is_kept_also_when_it_is_wrapped() -> None:
    own = Failure(kind=K.GATED, reason="ask Ada")
    wrapped = RuntimeError("outer")
    wrapped.__cause__ = ProcessingFailedError(own)

    assert failure_of(wrapped) == own


def test_errors_that_cause_themselves_end() -> None:
    error = RuntimeError("x")
    error.__cause__ = error

    assert failure_of(error).kind is K.UNKNOWN


def test_every_rule_names_something_and_speaks_in_sentences() -> None:
    for rule in rules():
        assert rule.text or rule.warning or rule.status or rule.exception or rule.errno
        assert rule.reason[0].isupper() or rule.reason.startswith("yt-dlp") or rule.reason.startswith("ffmpeg")
        assert rule.reason.endswith(".")


def test_a_very_long_text_is_cut_in_the_detail() -> None:
    assert len(classify(Evidence("x" * 10_000)).detail) <= 500


def _download_error(inner: Exception) -> DownloadError:
    return DownloadError(f"ERROR: {inner}", (type(inner), inner, None))
