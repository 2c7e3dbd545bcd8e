"""A whole fleet in containers, as `docker compose` makes it from the project's own files."""

import csv
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tubewarren.store.manifest import Manifest

ROOT = Path(__file__).parent.parent.parent
PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Stack:
    """One Compose project, with folders and settings of its own; `more` are files beside the project's own."""

    name: str
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    more: tuple[str, ...] = ()

    def compose(self, *arguments: str, timeout: timedelta = PATIENCE) -> str:
        """Runs `docker compose` with these arguments; what it prints."""
        named = ("docker-compose.yml", "tests/compose/site.yml", *self.more)
        files = [part for name in named for part in ("--file", name)]
        whole = ("docker", "compose", "--project-name", self.name, *files, "--env-file", os.devnull, *arguments)
        return self._run(whole, timeout)

    def docker(self, *arguments: str) -> str:
        """Runs `docker`."""
        return self._run(("docker", *arguments), PATIENCE)

    def svc(self, *arguments: str) -> str:
        """Runs a command of the command line, as a person does."""
        return self.compose("run", "--rm", "--no-TTY", "svc", *arguments)

    def ask(self, *arguments: str) -> Any:
        """What a command says with `--json`."""
        return json.loads(self.svc(*arguments, "--json"))

    def containers(self, service: str = "") -> list[str]:
        """The ids of a service's containers, or of all, with those that have ended."""
        return self.compose("ps", "--all", "--quiet", *((service,) if service else ())).split()

    def rows(self, tab: str) -> list[dict[str, str]]:
        """A tab of the workbook, on this side of the mount."""
        path = self.folder / "workbook" / f"{tab}.csv"
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))

    def workers(self) -> dict[str, str]:
        """The downloaders in the tab Workers, with the status of each."""
        return {row["Hostname"]: row["Status"] for row in self.rows("Workers") if row["Service"] == "downloader"}

    def tasks(self, feed: str) -> dict[str, str]:
        """The videos of a feed in the tab Video Tasks, with the status of each."""
        return {row["Title"]: row["Status"] for row in self.rows("Video Tasks") if row["Title"].startswith(f"{feed}-")}

    def claimants(self, feed: str, status: str) -> set[str]:
        """Who works on a feed's videos, or has done them, by the tab Video Tasks."""
        rows = [row for row in self.rows("Video Tasks") if row["Title"].startswith(f"{feed}-")]
        return {row["ClaimedBy"] for row in rows if row["Status"] == status}

    def results(self, feed: str = "") -> dict[str, str]:
        """The checksums of a feed's finished videos, or of all, by name, as their manifests tell them."""
        manifests = (self.folder / "store" / "results").glob("*/manifest.json")
        read = [Manifest.model_validate_json(path.read_bytes()) for path in manifests]
        named = {each.url.rpartition("/")[2].removesuffix(".wav"): each.main_file.sha256 for each in read}
        return {name: checksum for name, checksum in named.items() if name.startswith(feed)}

    def finished(self) -> dict[str, datetime]:
        """When each video was finished, by the path on its site."""
        manifests = (self.folder / "store" / "results").glob("*/manifest.json")
        return {
            urlsplit(Manifest.model_validate_json(path.read_bytes()).url).path: datetime.fromtimestamp(
                path.stat().st_mtime, UTC
            )
            for path in manifests
        }

    def _run(self, command: tuple[str, ...], timeout: timedelta) -> str:
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **self.settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout.total_seconds(),
            check=False,
        )
        if ended.returncode:
            sys.stderr.write(f"{' '.join(command)}\n{ended.stdout[-5000:]}{ended.stderr[-5000:]}\n")
        assert ended.returncode == 0, f"{' '.join(command)} ended with {ended.returncode}"
        return ended.stdout


@contextmanager
def new_stack(folder: Path, settings: Mapping[str, str], *more: str) -> Iterator[Stack]:
    """A Compose project with an image of its own, to be brought up; at the end it is taken down with all its volumes.

    Args:
        folder: where the fleet's files lie.
        settings: besides those that every stack of tests has.
        more: Compose files beside the project's own.
    """
    name = f"tubewarren-test-{uuid.uuid4().hex[:8]}"
    usual = {
        "IMAGE": name,
        "FOLDER": str(folder),
        # Whoever runs the tests can read, and remove, what the fleet writes.
        "RUN_AS": f"{os.getuid() or 1000}:{os.getgid() or 1000}",
        "MANAGEMENT_PORT": str(free_port()),
        "SITE_SCRIPT": str(Path(__file__).with_name("long_feeds.py")),
    }
    stack = Stack(name, folder, {**usual, **settings}, more)
    try:
        yield stack
    finally:
        if os.environ.get("TUBEWARREN_TEST_KEEP_STACK") is None:
            stack.compose("--profile", "*", "down", "--volumes", "--timeout", "5")
            stack.docker("image", "rm", "--force", name)


def free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])
