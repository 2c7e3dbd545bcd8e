"""Options of yt-dlp: honest whatever a person adds."""

import pytest

from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.options import check, merged


def test_what_a_person_gives_goes_before_defaults_and_what_the_caller_needs_before_both() -> None:
    options = merged({"socket_timeout": 5, "format": "18"}, {"format": "22"})

    assert (options["socket_timeout"], options["format"], options["ignoreerrors"]) == (5, "22", False)


def test_incomplete_answers_stay_errors_beside_other_arguments_for_extractors() -> None:
    given = {"extractor_args": {"youtube": {"lang": ["de"]}, "generic": {"impersonate": ["x"]}}}

    arguments = merged(given, {})["extractor_args"]

    assert arguments["youtube"] == {"lang": ["de"], "raise_incomplete_data": ["true"]}
    assert arguments["generic"] == {"impersonate": ["x"]}
    assert given["extractor_args"]["youtube"] == {"lang": ["de"]}


@pytest.mark.parametrize("name", ["format", "proxy", "nocheckcertificate", "cookiefile", "ratelimit", "js_runtimes"])
def test_options_of_yt_dlp_are_taken(name: str) -> None:
    check({name: None})


@pytest.mark.parametrize("name", ["outtmpl", "ignoreerrors", "enable_file_urls", "logger"])
def test_options_that_would_make_results_wrong_are_refused(name: str) -> None:
    with pytest.raises(ProcessingFailedError, match=f"{name} cannot be set"):
        check({name: None})


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
