"""The short version of `make chaos`: a small fleet through one blow of each kind, with nothing lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.broker, pytest.mark.fleet, pytest.mark.timeout(480)]

TESTS = Path(__file__).parent.parent.parent
SEED = os.environ.get("TUBEWARREN_CHAOS_SEED", "1")


def test_whatever_happens_to_a_fleet_each_task_ends_once_and_rightly() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "chaos", "--seed", SEED, "--tasks", "60", "--seconds", "12", "--verbose"),
            *("--patience", "300"),
        ],
        cwd=TESTS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=460,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert "\nlost                   0\n" in done.stdout
