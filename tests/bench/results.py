"""The results file: what was found, when, with which versions and on which machine."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from bench.rows import Row

RESULTS: Final = Path(__file__).parent / "results.json"
PLOT: Final = RESULTS.with_suffix(".svg")
_PACKAGES: Final = ("aio-pika", "celery", "dramatiq", "faststream", "taskiq", "taskiq-aio-pika", "pydantic", "yt-dlp")


def read(path: Path = RESULTS) -> dict[str, list[Row]]:
    """What was found before, by measure."""
    if not path.exists():
        return {}
    found = json.loads(path.read_text())["measures"]
    return {
        name: [Row(**{**row, "values": tuple(row["values"])}) for row in measure["rows"]]
        for name, measure in found.items()
    }


def write(fresh: Mapping[str, Sequence[Row]], broker: str, order: Sequence[str], path: Path = RESULTS) -> None:
    """Replace what was found of these measures, and keep the others.

    Args:
        fresh: by measure.
        broker: its version.
        order: of all measures; what is no longer one is dropped.
        path: of the file.
    """
    kept: dict[str, Any] = json.loads(path.read_text())["measures"] if path.exists() else {}
    now = f"{datetime.now(UTC):%Y-%m-%d}"
    for name, rows in fresh.items():
        kept[name] = {"on": now, "rows": [_plain(row) for row in rows]}
    measures = {name: kept[name] for name in order if name in kept}
    told = {"machine": machine(), "versions": versions(broker), "measures": measures}
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def machine() -> str:
    """In a few words."""
    fields = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    model = next((value.strip() for name, _, value in fields if name.strip() == "model name"), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, Linux {platform.release().partition('-')[0]}"


def versions(broker: str) -> dict[str, str]:
    """Of what was measured; what is not installed is left out."""
    found = {"Python": platform.python_version(), "RabbitMQ": broker}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _plain(row: Row) -> dict[str, Any]:
    # Four digits are more than any of them deserves.
    return {**asdict(row), "values": [float(f"{value:.4g}") for value in row.values]}
