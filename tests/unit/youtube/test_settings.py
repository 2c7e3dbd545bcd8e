"""The settings about failures and live streams, as the services read them."""

from pathlib import Path
from typing import Any

import pytest

from tubewarren.failures import FailureKind
from tubewarren.settings import Settings, SettingsError, environment_of, read_settings
from tubewarren.youtube.filter_text import read_filter
from tubewarren.youtube.filters import EVERYTHING
from tubewarren.youtube.job import Preset
from tubewarren.youtube.presets import BUILT_IN
from tubewarren.youtube.rules import NO_USER_RULES

OWN = '[[rule]]\nname = "own"\nkind = "gated"\nreason = "Ask Ada."\ntext = ["password"]\n'


@pytest.fixture(autouse=True)
def nothing_else_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(**youtube: Any) -> Settings:
    return read_settings({"youtube": youtube})


def test_without_a_file_and_substrings_there_are_only_our_rules() -> None:
    assert read().youtube.rules == NO_USER_RULES
    assert read().youtube.live == "wait"


def test_a_file_is_read_once_with_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)

    settings = read(failure_rules=str(file), fatal_error_substrings=["Too bad"])
    file.unlink()

    rules = settings.youtube.rules
    assert [(rule.name, rule.kind) for rule in rules.rules] == [("own", FailureKind.GATED)]
    assert (rules.file, rules.fatal_error_substrings) == (str(file), ("Too bad",))


def test_they_come_from_the_environment_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    monkeypatch.setenv("TUBEWARREN_YOUTUBE__FAILURE_RULES", "own.toml")
    monkeypatch.setenv("TUBEWARREN_YOUTUBE__FATAL_ERROR_SUBSTRINGS", "Private video, Video unavailable")
    monkeypatch.setenv("TUBEWARREN_YOUTUBE__LIVE", "skip")

    youtube = read_settings({}).youtube

    assert [rule.name for rule in youtube.rules.rules] == ["own"]
    assert youtube.rules.fatal_error_substrings == ("Private video", "Video unavailable")
    assert youtube.live == "skip"


def test_they_can_be_handed_on_to_a_process_that_starts_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN)

    variables = environment_of(Settings.model_validate({"youtube": {"failure_rules": "own.toml", "live": "capture"}}))

    assert variables["TUBEWARREN_YOUTUBE__FAILURE_RULES"] == str(tmp_path / "own.toml")
    assert variables["TUBEWARREN_YOUTUBE__LIVE"] == "capture"


def test_a_preset_adds_to_the_options_and_may_replace_what_becomes_of_live_streams() -> None:
    youtube = read(
        options={"format": "best", "retries": 3},
        live="skip",
        presets={"audio": {"format": "bestaudio"}, "Streams": {"live": "capture"}},
    ).youtube

    assert youtube.preset("") == Preset({"format": "best", "retries": 3}, "skip")
    assert youtube.preset("audio") == Preset({"format": "bestaudio", "retries": 3}, "skip")
    assert youtube.preset("Streams") == Preset({"format": "best", "retries": 3}, "capture")
    with pytest.raises(KeyError):
        youtube.preset("streams")


def test_a_preset_may_need_no_media_and_want_only_some_videos() -> None:
    youtube = read(presets={"some": {"filter": "newest 5, no live", "media": False, "format": "18"}}).youtube

    assert youtube.preset("some") == Preset({"format": "18"}, media=False, wanted=read_filter("newest 5, no live"))
    assert youtube.preset("").wanted == EVERYTHING
    assert youtube.wanted("some", {"Filter": "newest 7"}) == read_filter("newest 7, no live")
    assert youtube.wanted("", {"Filter": "1m.."}) == read_filter("1m..")
    assert youtube.wanted("", {"Name": "Ada"}) == EVERYTHING


def test_what_is_built_in_is_there_with_the_options_for_all() -> None:
    youtube = read(options={"retries": 3}, presets={"mine": {}}).youtube

    assert list(youtube.all_presets) == [*BUILT_IN, "mine"]
    assert youtube.preset("metadata-only") == Preset({"retries": 3}, media=False)
    assert youtube.preset("audio-mp3").options["retries"] == 3


def test_presets_can_be_handed_on_to_a_process_that_starts_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    presets = {"audio": {"format": "bestaudio", "extractor_args": {"youtube": {"lang": ["de"]}}, "live": "skip"}}
    for name, text in environment_of(read(presets=presets)).items():
        monkeypatch.setenv(name, text)

    assert read_settings({}).youtube.presets == presets


@pytest.mark.parametrize(
    ("youtube", "complaint"),
    [
        ({"presets": {"audio": {"live": "sometimes"}}}, "audio.live: write one of wait, capture, skip"),
        ({"presets": {"audio": {"media": "no"}}}, "audio.media: write true or false"),
        ({"presets": {"audio": {"filter": "good ones"}}}, "audio.filter: The filter has 'good ones'; what can be"),
        ({"presets": {" audio": {}}}, "has blanks around it"),
        ({"presets": {"": {}}}, "a name is empty"),
        ({"presets": {"audio": {}, "Audio": {}}}, "upper and lower case"),
        ({"presets": {"audio": "bestaudio"}}, "youtube.presets"),
        ({"failure_rules": "nowhere.toml"}, "failure_rules: nowhere.toml: cannot be read"),
        ({"failure_rules": "bad.toml"}, "failure_rules: bad.toml: rule 'own': kind: there is no such class"),
        ({"fatal_error_substrings": ["Too bad", " "]}, "one of them is empty"),
        ({"fatal_error_substrings": ["Too bad, sorry"]}, "write none with a comma in it"),
        ({"live": "sometimes"}, "youtube.live"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_starts(
    youtube: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text(OWN.replace("gated", "gaited"))

    with pytest.raises(SettingsError) as raised:
        read(**youtube)

    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)
