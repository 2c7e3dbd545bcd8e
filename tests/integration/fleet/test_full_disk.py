"""A results disk without room, for real: a small file system in a namespace of the downloader's own."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from fleets import MachineFor, SiteOf, key_of, sha256_of, wait_until
from tubewarren.messages.commands import DownloadVideo
from tubewarren.store.manifest import Manifest
from tubewarren_services.demo.catalogue import Catalogue, CataloguedVideo

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

WITH_A_SMALL_DISK = (
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size=3m small-disk "$0" && exec "$@"',
)
"""Needs no root; what is mounted goes with the process."""
ROOM_LEFT = 400_000


def test_a_video_waits_uncharged_while_the_disk_is_full_and_is_finished_when_there_is_room(
    machine_for: MachineFor, serve: SiteOf
) -> None:
    site = serve(Catalogue((CataloguedVideo("meadow", "Larger than what is left", timedelta(seconds=20)),), ()))
    (served,) = site.videos
    disk = "disk"
    machine = machine_for(site, STORE__RESULTS=f"{disk}/results", STORE__SELECTED=f"{disk}/selected")
    (machine.folder / disk).mkdir()
    downloader = machine.start("run", "downloader", before=(*WITH_A_SMALL_DISK, disk)).until_ready()
    seen = Path(f"/proc/{downloader.pid}/cwd/{disk}")
    filler = seen / "somebody-elses"
    status = os.statvfs(seen)
    filler.write_bytes(bytes(status.f_bavail * status.f_frsize - ROOM_LEFT))
    video = DownloadVideo(video_id=key_of(served), url=served.url, source_id="1")

    machine.publish(video)
    first = downloader.until_logged(lambda line: line.get("verdict"))
    again = downloader.until_logged(lambda line: line.get("verdict") and line != first)
    filler.unlink()

    result = seen / "results" / video.video_id / "manifest.json"
    wait_until(result.exists)
    manifest = Manifest.model_validate_json(result.read_bytes())
    for told in (first, again):
        assert (told["verdict"], told["kind"], told["attempt"]) == ("refund", "unfit", 1)
    assert "disk" in first["event"]
    assert manifest.attempt == 1
    assert sha256_of(result.parent / manifest.main_file.name) == served.sha256
