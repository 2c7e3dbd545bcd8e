"""The flags of `svc run` and `svc up` as settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from tubewarren.settings import SettingsError
from tubewarren_services.cli.commands.fleet import settings_with_hosts, work_flags
from tubewarren_services.cli.flags import RootFlags, sheet_flags

if TYPE_CHECKING:
    import typer


class Context:
    """A command's context without a command."""

    def find_object(self, kind: type[Any]) -> Any:
        assert kind is RootFlags
        return RootFlags(data_dir=Path("d"))


@pytest.fixture(autouse=True)
def nothing_else_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_flags_that_were_not_given_leave_the_settings_alone() -> None:
    assert work_flags(None, None, None, None, None, sheet_flags(None, None, None)) == {}


def test_each_flag_is_the_setting_of_its_name() -> None:
    flags = work_flags(4, "mine:run", Path("s.txt"), Path("r"), Path("c"), sheet_flags(Path("w"), None, None))

    settings = settings_with_hosts(cast("typer.Context", Context()), flags, [])

    assert (settings.downloader.concurrency, settings.downloader.processor) == (4, "mine:run")
    assert (settings.sources_file, settings.sheet.workbook) == (Path("s.txt"), Path("w"))
    assert (settings.store.results, settings.store.selected) == (Path("r"), Path("c"))
    assert settings.data_dir == Path("d")


def test_a_spreadsheet_is_named_by_its_address_in_the_browser() -> None:
    flags = sheet_flags(None, "https://docs.google.com/spreadsheets/d/1aB_c-D/edit#gid=0", Path("key.json"))

    settings = settings_with_hosts(cast("typer.Context", Context()), flags, [])

    assert settings.sheet.spreadsheet_id == "1aB_c-D"
    assert settings.sheet.credentials_file == Path("key.json")


def test_a_folder_on_the_command_line_wins_over_the_spreadsheet_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUBEWARREN_SHEET__SPREADSHEET_ID", "1aB_c-D")
    monkeypatch.setenv("TUBEWARREN_SHEET__CREDENTIALS_FILE", "key.json")

    settings = settings_with_hosts(cast("typer.Context", Context()), sheet_flags(Path("w"), None, None), [])

    assert settings.sheet.spreadsheet_id is None
    assert settings.sheet.workbook == Path("w")


def test_a_spreadsheet_without_a_key_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="credentials_file"):
        settings_with_hosts(cast("typer.Context", Context()), sheet_flags(None, "1aB", None), [])


def test_a_host_is_allowed_besides_those_that_are_allowed_anyway() -> None:
    settings = settings_with_hosts(cast("typer.Context", Context()), {}, ["media.test"])

    assert "media.test" in settings.youtube.allowed_hosts
    assert "www.youtube.com" in settings.youtube.allowed_hosts


def test_a_wrong_value_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="concurrency"):
        settings_with_hosts(cast("typer.Context", Context()), {"downloader": {"concurrency": 0}}, [])
