"""What a failure means: the words of YouTube and of yt-dlp, and the fields that go before them."""

import errno
from dataclasses import replace

import pytest
import yt_dlp
from yt_dlp.networking.exceptions import IncompleteRead, TransportError
from yt_dlp.utils import ContentTooShortError, DownloadError, ExtractorError, GeoRestrictedError

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.failures import Evidence, classify, evidence_of, explain, failure_of
from tubewarren.youtube.rules import OUR_FILE, our_rules

K = FailureKind
HINT = " Use --cookies-from-browser or --cookies for the authentication. See  https://example.org/not a bot"
DEAD_COOKIES = "The provided YouTube account cookies are no longer valid. They have likely been rotated"
NO_RUNTIME = "No supported JavaScript runtime could be found. Only deno is enabled by default"

SAMPLES: dict[str, tuple[FailureKind, tuple[str | Evidence, ...]]] = {
    "disk-full": (K.UNFIT, (Evidence("x", errno=errno.ENOSPC), Evidence("x", errno=errno.EDQUOT))),
    "disk-full-in-words": (
        K.UNFIT,
        ("unable to write data: [Errno 28] No space left on device", "OSError: [Errno 122] Disk quota exceeded"),
    ),
    "not-writable": (K.UNFIT, (Evidence("x", errno=errno.EACCES), Evidence("x", errno=errno.EROFS))),
    "not-writable-in-words": (
        K.UNFIT,
        (
            "unable to open for writing: [Errno 21] Is a directory",
            "unable to create directory [Errno 20] Not a directory",
        ),
    ),
    "no-memory": (K.UNFIT, (Evidence("[Errno 12] Cannot allocate memory", errno=errno.ENOMEM),)),
    "out-of-memory": (K.POISON, (Evidence("MemoryError", exception_types=("MemoryError",)),)),
    "no-ffmpeg": (
        K.UNFIT,
        (
            "You have requested merging of multiple formats but ffmpeg is not installed.",
            "Postprocessing: ffmpeg not found. Please install or provide the path using --ffmpeg-location",
            "Postprocessing: ffprobe and ffmpeg not found. Please install or provide the path using --ffmpeg-location",
            "m3u8 download detected but ffmpeg could not be found. Please install",
        ),
    ),
    "cookies-unreadable": (K.UNFIT, (Evidence("x", exception_types=("CookieLoadError", "YoutubeDLError")),)),
    "cookies-unreadable-in-words": (K.UNFIT, ("failed to load cookies",)),
    "rate-limited": (
        K.BLOCKED,
        (
            "Video unavailable. This content isn't available, try again later.",
            "Video unavailable. This content isn\u2019t available, try again later.",
            "Video unavailable. This content is not available, try again later",
            "Video unavailable. The current session has been rate-limited by YouTube for up to an hour. It is",
            "Your account has been rate-limited by YouTube for up to an hour.",
        ),
    ),
    "bot-check": (
        K.BLOCKED,
        (
            "Sign in to confirm you\u2019re not a bot." + HINT,
            "Sign in to confirm you're not a bot. This helps protect our community. Learn more",
            "This helps protect our community. Learn more",
        ),
    ),
    "captcha": (K.BLOCKED, ("Please verify. YouTube is requiring a captcha challenge before playback",)),
    "nonsense-for-blocked": (
        K.BLOCKED,
        ("All player responses are invalid. Your IP is likely being blocked by Youtube",),
    ),
    "proxy-refused": (K.BLOCKED, ("VPN/Proxy Detected",)),
    "http-429": (
        K.BLOCKED,
        ("Unable to download webpage: HTTP Error 429: Too Many Requests", Evidence("x", http_status=429)),
    ),
    "anti-bot-page": (
        K.BLOCKED,
        ("Got HTTP Error 403 caused by Cloudflare anti-bot challenge; try again with  --extractor-args",),
    ),
    "premiere": (K.NOT_YET, ("Premieres in 3 hours", "Premiere will begin shortly")),
    "upcoming-live": (
        K.NOT_YET,
        ("This live event will begin in a few moments.", "This live event will begin in 20 minutes."),
    ),
    "processing": (K.NOT_YET, ("We're processing this video. Check back later.", "We\u2019re processing this video")),
    "channel-not-live": (K.NOT_YET, (Evidence("x", exception_types=("UserNotLive", "ExtractorError"), expected=True),)),
    "channel-not-live-in-words": (K.NOT_YET, ("The channel is not currently live",)),
    "cookies-dead": (K.UNFIT, (Evidence("Sign in to confirm your age", (DEAD_COOKIES,)),)),
    "country": (
        K.GATED,
        (Evidence("x", exception_types=("GeoRestrictedError", "ExtractorError"), expected=True),),
    ),
    "country-in-words": (
        K.GATED,
        (
            "Video unavailable. The uploader has not made this video available in your country",
            "This video contains content from X, who has blocked it in your country on copyright grounds",
            "This video is not available in your country",
            "YouTube said: This channel is not available in your country.",
            "This video is not available from your location due to geo restriction",
        ),
    ),
    "members-only": (
        K.GATED,
        (
            "Join this channel to get access to members-only content like this video, and other exclusive perks.",
            "This video is available to this channel's members on level: Gold (or any higher level).",
            "Join this YouTube channel from your computer or Android app",
        ),
    ),
    "age-check": (
        K.GATED,
        (
            "Sign in to confirm your age. This video may be inappropriate for some users." + HINT,
            "This video is age-restricted and only available on YouTube",
            "The following content may be inappropriate for some users",
        ),
    ),
    "payment": (
        K.GATED,
        ("This video requires payment to watch.", "This video is only available to Music Premium members"),
    ),
    "private": (
        K.GONE,
        (
            "Private video. Sign in if you've been granted access to this video." + HINT,
            "This video is private",
            Evidence("Private video", ("HTTP Error 429: Too Many Requests",)),
        ),
    ),
    "channel-closed": (
        K.GONE,
        (
            "YouTube said: This account has been terminated for violating YouTube's Community Guidelines.",
            (
                "YouTube said: This account has been terminated because we received multiple third-party "
                "notifications of copyright infringement regarding material the user posted."
            ),
            "YouTube said: This channel was removed because it violated our Community Guidelines.",
            "YouTube said: This channel has been removed due to multiple third-party claims.",
            "YouTube said: This channel has been terminated.",
            "YouTube said: This account has been suspended.",
            "YouTube said: This channel is not available.",
            "YouTube said: This channel is no longer available.",
        ),
    ),
    "against-rules": (
        K.GONE,
        (
            "This video has been removed for violating YouTube's Terms of Service",
            "This video has been removed for violating YouTube\u2019s policy on spam",
            "Video unavailable. This video contains content from X, who has blocked it on copyright grounds",
            "Video unavailable. This video is no longer available due to a copyright claim by X",
            (
                "This video is no longer available because the YouTube account associated with this video has been "
                "terminated due to multiple third-party notifications of copyright infringement."
            ),
        ),
    ),
    "removed": (
        K.GONE,
        (
            "Video unavailable. This video has been removed by the uploader",
            (
                "This video is no longer available because the YouTube account associated with this video has been "
                "terminated."
            ),
            "This video is no longer available because the uploader has closed their YouTube account.",
            "This video does not exist.",
        ),
    ),
    "live-not-recorded": (K.GONE, ("This live stream recording is not available.", "This live event has ended.")),
    "drm": (
        K.GONE,
        ("This video is DRM protected", "The requested site is known to use DRM protection. It will NOT be supported."),
    ),
    "source-gone": (
        K.GONE,
        (
            "The channel/playlist does not exist and the URL redirected to youtube.com home page",
            "YouTube said: The playlist does not exist.",
            "Failed to resolve url (does the playlist exist?)",
            "This channel does not exist.",
        ),
    ),
    "no-such-tab": (K.BAD_INPUT, ("This channel does not have a shorts tab",)),
    "unsupported-address": (
        K.BAD_INPUT,
        (Evidence("x", exception_types=("UnsupportedError", "ExtractorError"), expected=True),),
    ),
    "unsupported-address-in-words": (K.BAD_INPUT, ("Unsupported URL: https://example.org/",)),
    "incomplete-address": (
        K.BAD_INPUT,
        (
            "Incomplete YouTube ID abc. URL https://youtu.be/abc looks truncated.",
            "'x' is not a valid URL. Set --default-search",
            "A video URL was given without video ID",
            "No suitable extractor (Youtube) found for URL x",
            "Invalid URL 'http://'",
        ),
    ),
    "http-429-in-warning": (
        K.BLOCKED,
        (
            Evidence("Failed to extract any player response", ("HTTP Error 429: Too Many Requests",), expected=False),
            Evidence("Video unavailable", ("Unable to download webpage: HTTP Error 429: Too Many Requests",)),
            Evidence("No video formats found!", (NO_RUNTIME, "HTTP Error 429: Too Many Requests")),
        ),
    ),
    "server-error-in-warning": (
        K.TRANSIENT,
        (
            Evidence(
                "Failed to extract any player response",
                ("[youtube] x: Unable to download API page: HTTP Error 503: Service Unavailable (caused by x)",),
                expected=False,
            ),
            Evidence("Failed to extract any player response", (NO_RUNTIME, "HTTP Error 500: Internal Server Error")),
            Evidence("Failed to extract any player response", ("HTTP Error 408: Request Timeout",)),
        ),
    ),
    "forbidden-in-warning": (
        K.TRANSIENT,
        (Evidence("Failed to extract any player response", ("HTTP Error 403: Forbidden",), expected=False),),
    ),
    "network-in-warning": (
        K.TRANSIENT,
        tuple(
            Evidence("Failed to extract any player response", (NO_RUNTIME, words), expected=False)
            for words in (
                "('Unable to connect to proxy', RemoteDisconnected('Remote end closed connection without response'))",
                "The read operation timed out",
                "[Errno -3] Temporary failure in name resolution",
            )
        ),
    ),
    "incomplete-data-in-warning": (
        K.TRANSIENT,
        (Evidence("Failed to extract any player response", ("[youtube] Incomplete data received",), expected=False),),
    ),
    "no-js-runtime": (
        K.UNFIT,
        (
            Evidence("No video formats found!", (NO_RUNTIME,)),
            Evidence("Requested format is not available", (NO_RUNTIME,)),
            Evidence("Failed to extract any player response", (NO_RUNTIME,), expected=False),
        ),
    ),
    "media-forbidden": (
        K.TRANSIENT,
        (
            "unable to download video data: HTTP Error 403: Forbidden",
            "\r[download] Got error: HTTP Error 403: Forbidden. Giving up after 3 retries",
        ),
    ),
    "forbidden": (K.TRANSIENT, ("Unable to download webpage: HTTP Error 403: Forbidden",)),
    "media-moved": (
        K.TRANSIENT,
        (
            "unable to download video data: HTTP Error 404: Not Found",
            "unable to download video data: HTTP Error 410: Gone",
            "\r[download] Got error: HTTP Error 404: Not Found. Giving up after 3 retries",
        ),
    ),
    "nothing-there": (
        K.GONE,
        (
            "Unable to download webpage: HTTP Error 404: Not Found",
            "HTTP Error 410: Gone",
            Evidence("x", http_status=404),
        ),
    ),
    "login-wanted": (K.GATED, ("HTTP Error 401: Unauthorized", "HTTP Error 402: Payment Required")),
    "legal-reasons": (K.GATED, ("HTTP Error 451: Unavailable For Legal Reasons",)),
    "range-refused": (K.TRANSIENT, ("HTTP Error 416: Requested Range Not Satisfiable",)),
    "server-error": (
        K.TRANSIENT,
        (
            "\r[download] Got error: HTTP Error 500: Internal Server Error",
            "HTTP Error 503: Service Unavailable",
            "HTTP Error 408: Request Timeout",
            Evidence("x", http_status=502),
            Evidence("HTTP Error 500", (NO_RUNTIME,)),
        ),
    ),
    "proxy-failed": (K.TRANSIENT, (Evidence("x", exception_types=("ProxyError", "TransportError")),)),
    "certificate": (K.TRANSIENT, (Evidence("x", exception_types=("CertificateVerifyError", "TransportError")),)),
    "cut-off": (
        K.TRANSIENT,
        (
            Evidence("x", exception_types=("IncompleteRead", "TransportError")),
            Evidence("x", exception_types=("ContentTooShortError",)),
        ),
    ),
    "cut-off-in-words": (
        K.TRANSIENT,
        (
            "\r[download] Got error: 64512 bytes read, 207088 more expected",
            "Downloaded 10 bytes, expected 20 bytes",
            "content too short (expected 10 bytes and served 5)",
            "Did not get any data blocks",
            "The downloaded file is empty",
            "fragment 3 not found, unable to continue",
        ),
    ),
    "piece-failed": (K.TRANSIENT, ("ValueError: write to closed file",)),
    "incomplete-data": (K.TRANSIENT, ("Incomplete data received", "Incomplete yt initial data received")),
    "throttled": (K.TRANSIENT, (Evidence("x", exception_types=("ThrottledDownload", "YoutubeDLError")),)),
    "throttled-in-words": (K.TRANSIENT, ("The download speed is below throttle limit",)),
    "network": (
        K.TRANSIENT,
        tuple(
            Evidence("x", exception_types=(name,))
            for name in ("TransportError", "ConnectionError", "TimeoutError", "gaierror")
        ),
    ),
    "network-in-words": (
        K.TRANSIENT,
        (
            "The read operation timed out",
            "[Errno 104] Connection reset by peer",
            "[Errno 111] Connection refused",
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
            "[Errno -3] Temporary failure in name resolution",
            "[Errno -2] Name or service not known",
            "[Errno 101] Network is unreachable",
        ),
    ),
    "site-changed": (
        K.EXTRACTOR,
        (
            "The page needs to be reloaded.",
            "Failed to extract any player response; please report this issue on  https://github.com/yt-dlp/yt-dlp",
            "Unable to recognize tab page",
            "aB3_-x9KdPq: An extractor error has occurred. (caused by KeyError('x')); please report this issue on  x",
        ),
    ),
    "site-changed-in-parsing": (
        K.EXTRACTOR,
        (Evidence("x", exception_types=("RegexNotFoundError", "ExtractorError")),),
    ),
    "no-formats": (
        K.UNKNOWN,
        (
            "Requested format is not available. Use --list-formats for a list of available formats",
            Evidence("No video formats found!", exception_types=("ExtractorError",), expected=False),
            "web client https formats require a GVS PO Token which was not provided",
            "YouTube is forcing SABR streaming for this client",
        ),
    ),
    "unavailable": (
        K.SUSPECT,
        (
            "Video unavailable",
            "Video unavailable. This video is not available",
            "This video is unavailable",
            "The following content is not available on this app.. Watch on the latest version of YouTube",
        ),
    ),
    "not-converted": (K.UNKNOWN, (Evidence("x", exception_types=("PostProcessingError", "YoutubeDLError")),)),
    "not-converted-in-words": (K.UNKNOWN, ("Postprocessing: Error opening output files", "Conversion failed!")),
    "extractor-defect": (K.EXTRACTOR, (Evidence("x", exception_types=("ExtractorError",), expected=False),)),
    "": (
        K.UNKNOWN,
        (
            "something nobody has ever seen",
            Evidence("x", exception_types=("ExtractorError",), expected=True),
        ),
    ),
}
EACH_SAMPLE = [
    pytest.param(sample, kind, rule, id=f"{rule}-{number}")
    for rule, (kind, samples) in SAMPLES.items()
    for number, sample in enumerate(samples)
]


@pytest.mark.parametrize(("sample", "kind", "rule"), EACH_SAMPLE)
def test_each_sample_is_of_its_class_by_its_rule(sample: str | Evidence, kind: FailureKind, rule: str) -> None:
    plain = Evidence(sample) if isinstance(sample, str) else sample
    coloured = replace(plain, text=f"\x1b[0;31mERROR:\x1b[0m {plain.text}")

    found = [classify(evidence) for evidence in (plain, coloured)]

    assert [(failure.kind, failure.rule) for failure in found] == [(kind, rule)] * 2
    assert found[0] == found[1]


def test_every_rule_has_samples_and_there_are_many() -> None:
    assert set(SAMPLES) == {rule.name for rule in our_rules()} | {""}
    assert len(EACH_SAMPLE) >= 60


def test_an_explanation_names_the_rule_and_the_words_that_matched() -> None:
    found = explain(Evidence("ERROR: No video formats found!", (NO_RUNTIME,)))

    assert found.listed is not None
    assert (found.listed.rule.name, found.listed.origin) == ("no-js-runtime", OUR_FILE)
    assert found.matched == ("text: no video formats found", "warning: no supported javascript runtime")


def test_what_nothing_explains_has_no_rule() -> None:
    found = explain(Evidence("something nobody has ever seen"))

    assert (found.listed, found.matched, found.failure.rule) == (None, (), "")


def test_the_advice_about_signing_in_is_no_part_of_what_was_said() -> None:
    assert classify(Evidence("Private video." + HINT)).detail == "Private video."


def test_a_country_gate_says_where_the_video_can_be_seen() -> None:
    failure = failure_of(_download_error(GeoRestrictedError("not here", countries=["AT", "CH"])))

    assert (failure.kind, failure.countries) == (K.GATED, ("AT", "CH"))
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
        (MemoryError(), K.POISON),
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


def test_a_very_long_text_is_cut_in_the_detail() -> None:
    assert len(classify(Evidence("x" * 10_000)).detail) <= 500


def _download_error(inner: Exception) -> DownloadError:
    return DownloadError(f"ERROR: {inner}", (type(inner), inner, None))
