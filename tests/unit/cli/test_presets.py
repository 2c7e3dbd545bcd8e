"""`svc presets`: which there are, and what is wrong with one."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tubewarren_services.cli.main import app
from tubewarren_services.cli.presets_view import presets_table
from unit.cli.drawing import drawn

OWN = """
[youtube.presets.speech]
format = "bestaudio"
proxy = "http://ada:secret@proxy.invalid"
filter = "1m.., no live"
media = true
subtitleslangs = ["de", "en"]
postprocessors = [{ key = "FFmpegExtractAudio", preferredcodec = "opus" }, { key = "FFmpegMetadata" }]

[youtube.presets.audio-mp3]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings but those that a test gives."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def svc(*arguments: str) -> Result:
    return CliRunner().invoke(app, ("presets", *arguments))


def test_without_settings_those_that_are_built_in_are_listed_with_what_they_do() -> None:
    result = svc()

    assert result.exit_code == 0, result.output
    assert "audio-wav-16k" in result.stdout
    assert "automatically in the language that is spoken" in result.stdout
    assert result.stdout.count("built in") == 5


def test_a_persons_own_are_described_by_what_stands_in_them_without_secrets(folder: Path) -> None:
    (folder / "tubewarren.toml").write_text(OWN)

    rows = {row["name"]: row for row in json.loads(svc("--json").stdout)}

    assert rows["speech"]["origin"] == "settings"
    assert rows["speech"]["about"] == (
        "format: bestaudio; proxy: http://ada:***@proxy.invalid; filter: 1m.., no live; media: yes; "
        "subtitleslangs: de, en; postprocessors: FFmpegExtractAudio, FFmpegMetadata"
    )
    assert rows["speech"]["chosen"]["subtitleslangs"] == ["de", "en"]
    assert (rows["audio-mp3"]["origin"], rows["audio-mp3"]["about"]) == (
        "settings, instead of the one built in",
        "as without a preset",
    )
    assert len(rows) == 6


def test_what_is_wrong_with_one_is_told_after_the_list(folder: Path) -> None:
    (folder / "tubewarren.toml").write_text('[youtube.presets.speech]\nformt = "bestaudio"\n')

    result = svc()

    assert result.exit_code == 1
    assert "speech" in result.stdout
    assert "youtube.presets.speech: yt-dlp has no option called formt; did you mean format?" in result.stderr


def test_something_long_is_cut_in_the_table() -> None:
    page = drawn(presets_table({"mine": {"format": "x" * 100}}), width=200)

    assert f"format: {'x' * 59}\u2026" in page
