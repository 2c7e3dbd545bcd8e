"""Services that end because of their settings: whoever restarts them must know that it would not help."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tubewarren.bus import BrokerRefusedError, TopologyDriftError
from tubewarren.store import DiskFullError, StoreUnfitError
from tubewarren.workers import WorkerFolderError
from tubewarren_services.cli.main import app
from tubewarren_services.cli.starting import is_hopeless
from tubewarren_services.results_manager.ledger import LedgerTooNewError, LedgerUnavailableError


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (WorkerFolderError, True),
        (StoreUnfitError, True),
        (TopologyDriftError, True),
        (LedgerTooNewError, True),
        (LedgerUnavailableError, False),
        (DiskFullError, False),
        (BrokerRefusedError, False),
        (ValueError, False),
    ],
)
def test_what_only_a_person_can_mend_is_hopeless_and_what_may_heal_is_not(
    kind: type[Exception],
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert is_hopeless(kind("so it is")) is expected


def test_a_service_whose_data_folder_cannot_be_written_ends_with_two_and_one_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "data"
    in_the_way.write_text("a file where the folder should be")

    result = CliRunner().invoke(
        app, ["--broker", "amqp://127.0.0.1:1/", "--data-dir", str(in_the_way), "run", "downloader"]
    )

    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {in_the_way}/workers: ")
    assert "Choose a writable data folder with --data-dir" in result.stderr
    assert "Traceback" not in result.output
