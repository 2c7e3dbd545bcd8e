"""What telemetry loads, seen in a process of its own."""

import subprocess
import sys


def test_a_service_that_exports_nothing_loads_nothing_of_opentelemetry() -> None:
    program = (
        "import importlib, sys\n"
        "from tubewarren.topology import SERVICES\n"
        "from tubewarren import runner\n"
        "from tubewarren.telemetry.logs import configure\n"
        "from tubewarren.telemetry.telemetry import Exports, open_telemetry\n"
        "for each in SERVICES:\n"
        "    importlib.import_module(f\"tubewarren_services.{each.replace('-', '_')}.service\")\n"
        "configure('downloader', 'info', 'json', sys.stderr)\n"
        "with open_telemetry('downloader', 'box/downloader', Exports(), 1.0) as telemetry:\n"
        "    with telemetry.span('work', 'internal') as span:\n"
        "        span.fail('cut', 'It was cut.')\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
