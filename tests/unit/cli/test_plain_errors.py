"""Errors in words: which are told, and with which exit code."""

import pytest

from tubewarren.bus import BrokerUnavailableError
from tubewarren.settings import SettingsError
from tubewarren.store import StoreUnfitError
from tubewarren_services.cli.plain_errors import CommandError, Complaint, complaint_of


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (SettingsError("wrong"), 2),
        (BrokerUnavailableError("wrong"), 1),
        (StoreUnfitError("wrong"), 1),
        (CommandError("wrong"), 1),
        (CommandError("wrong", 2), 2),
        (ExceptionGroup("several", [StoreUnfitError("wrong")]), 1),
    ],
)
def test_an_error_of_ours_is_told_in_its_own_words(error: Exception, exit_code: int) -> None:
    assert complaint_of(error) == Complaint("wrong", exit_code)


@pytest.mark.parametrize(
    "error", [ValueError("a defect"), ExceptionGroup("several", [StoreUnfitError("wrong"), ValueError("a defect")])]
)
def test_a_defect_keeps_its_traceback(error: Exception) -> None:
    assert complaint_of(error) is None
