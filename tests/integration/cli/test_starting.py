"""What the start of a service loads, told from a list of what it must not: time would be a matter of the machine."""

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import gc, os, sys
from tubewarren_services.cli.entry import run

def svc(*words):
    sys.argv = ['svc', *words]
    try:
        run()
    except SystemExit as end:
        return end.code

def loaded(*names):
    return [name for name in names if name in sys.modules]

print('without a broker', svc('run', 'downloader'))

from tubewarren.settings import read_settings
from tubewarren_services.cli.starting import prepared

for service in ('downloader', 'heartbeat-monitor', 'sheet-ingestor', 'source-expander', 'status-writer'):
    prepared(service, read_settings({}), stops_at_eof=False)
print('needless', loaded('rich', 'typer', 'opentelemetry', 'gspread', 'google.auth', 'yt_dlp', 'apprise', 'sqlalchemy'))
os.environ['TUBEWARREN_BROKER_URL'] = 'amqp://127.0.0.1:1/'
os.environ['TUBEWARREN_HEALTH__LISTEN'] = '192.0.2.1:1'  # an address of nobody's, so that it ends when all is loaded
print('it cannot tell its health', svc('run', 'results-manager', '--stop-at-eof'))
print('needless', loaded('rich', 'sqlalchemy.orm', 'sqlalchemy.dialects.postgresql'))
print('garbage is looked for', gc.isenabled(), 'not in what was loaded', gc.get_freeze_count() > 10_000)
print('no such service', svc('run', 'nonsense'))
"""


def test_a_service_that_is_started_without_flags_loads_only_what_it_needs(tmp_path: Path) -> None:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TUBEWARREN_")}

    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=tmp_path,
        env=ours,
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )

    assert done.stdout.splitlines() == [
        "without a broker 1",
        "needless []",
        "it cannot tell its health 2",
        "needless []",
        "garbage is looked for True not in what was loaded True",
        "no such service 2",
    ]
    assert "Error: no broker: start `svc up`, or set TUBEWARREN_BROKER_URL\n" in done.stderr
    assert "'nonsense' is no service" in done.stderr
    assert "Traceback" not in done.stderr
