"""What becomes of a video whose downloader is killed, stopped or cannot reach its broker."""

import signal
import socket
from datetime import timedelta

import pytest

from brokers import BrokerUnderTest
from fleets import Machine, MachineFor, Running, SiteOf, children_of, has_open, is_alive, key_of, wait_until
from standins.gateway import gateway
from tubewarren.messages.commands import DownloadVideo
from tubewarren_services.demo.catalogue import Behaviour, Catalogue, CataloguedVideo
from tubewarren_services.demo.site import Site

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

SLOW = Catalogue(
    (CataloguedVideo("glacier", "Slow", timedelta(seconds=16), Behaviour.SLOW, bytes_per_second=200_000),), ()
)
PLAIN = Catalogue((CataloguedVideo("meadow", "Plain", timedelta(seconds=2)),), ())
WELL_UNDER_WAY = 100_000


def order_for(site: Site) -> DownloadVideo:
    (video,) = site.videos
    return DownloadVideo(video_id=key_of(video), url=video.url, source_id="1")


def under_way(machine: Machine, video: DownloadVideo, downloaders: list[Running]) -> Running:
    """The downloader that is in the middle of a video."""
    wait_until(lambda: machine.partial_bytes(video.video_id) >= WELL_UNDER_WAY)
    (holder,) = (each for each in downloaders if has_open(each.pid, f"{video.video_id}.claim"))
    return holder


def ranges_asked(site: Site) -> list[int]:
    """Where the downloads that were gone on with began, in bytes."""
    return [int(visit.range_header[6:-1]) for visit in site.visits if visit.range_header]


def test_a_video_whose_downloader_is_killed_is_finished_by_another_from_where_it_was(
    machine_for: MachineFor, serve: SiteOf
) -> None:
    site = serve(SLOW)
    machine, video = machine_for(site, DOWNLOADER__CONCURRENCY="1"), order_for(site)
    both = [machine.run("downloader"), machine.run("downloader")]
    workers = [each.until_ready().log()[-1]["worker"] for each in both]
    machine.publish(video)
    killed = under_way(machine, video, both)
    family = children_of(killed.pid)
    there = machine.partial_bytes(video.video_id)

    killed.process.kill()

    (other,) = (name for each, name in zip(both, workers, strict=True) if each is not killed)
    wait_until(lambda: len(ranges_asked(site)) == 1)
    wait_until(lambda: machine.finished == {video.video_id})
    manifest = machine.manifest(video.video_id)
    assert machine.checksums() == {video.video_id: site.videos[0].sha256}
    assert (manifest.worker, manifest.attempt) == (other, 1)
    assert ranges_asked(site)[0] >= there
    assert not any(map(is_alive, family))


def test_a_finished_video_that_is_ordered_again_is_recognised_and_not_asked_for(
    machine_for: MachineFor, serve: SiteOf
) -> None:
    site = serve(PLAIN)
    machine, video = machine_for(site), order_for(site)
    downloader = machine.run("downloader").until_ready()
    machine.publish(video)
    wait_until(lambda: machine.finished == {video.video_id})
    visits = len(site.visits)

    machine.publish(video, video.model_copy(update={"source_id": "2"}))

    wait_until(lambda: "2" in machine.manifest(video.video_id).source_ids)
    downloader.signal(signal.SIGTERM)
    assert downloader.wait() == 0
    assert len(site.visits) == visits


def test_a_downloader_that_is_asked_to_stop_hands_its_video_back_uncharged(
    machine_for: MachineFor, serve: SiteOf
) -> None:
    site = serve(SLOW)
    machine, video = machine_for(site, GRACE="1s", DOWNLOADER__CONCURRENCY="1"), order_for(site)
    first = machine.run("downloader").until_ready()
    machine.publish(video)
    assert under_way(machine, video, [first]) is first

    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    there = machine.partial_bytes(video.video_id)
    machine.run("downloader", settings={"WORKER_NAME": "another-box"})

    wait_until(lambda: machine.finished == {video.video_id})
    manifest = machine.manifest(video.video_id)
    assert machine.checksums() == {video.video_id: site.videos[0].sha256}
    assert (manifest.worker, manifest.attempt) == ("another-box/downloader", 1)
    assert ranges_asked(site) == [there]
    (handed_back,) = (line for line in first.log() if line.get("work") == video.key)
    assert (handed_back["verdict"], handed_back["attempt"]) == ("refund", 1)


def test_a_downloader_waits_for_a_broker_that_is_not_there_yet_and_then_works(
    machine_for: MachineFor, serve: SiteOf, broker: BrokerUnderTest
) -> None:
    site = serve(PLAIN)
    machine, video = machine_for(site), order_for(site)
    with socket.socket() as ours:
        # Nobody else comes to listen there meanwhile, and the gateway may.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ours.bind(("127.0.0.1", 0))
        port = ours.getsockname()[1]
        url = machine.settings["BROKER_URL"]
        waiting = machine.run("downloader", settings={"BROKER_URL": at_port(url, port)})

        told = waiting.until_logged(lambda line: line["event"] == "waiting for the broker")
        again = waiting.until_logged(lambda line: line["event"] == told["event"] and line != told)
        with gateway(url, port):
            waiting.until_ready()
            machine.publish(video)
            wait_until(lambda: machine.finished == {video.video_id})
            waiting.signal(signal.SIGTERM)
            assert waiting.wait() == 0

    assert f"127.0.0.1:{port}" in told["problem"]
    assert "Start it, or point TUBEWARREN_BROKER_URL at the right place." in told["problem"]
    assert again["level"] == "warning"
    assert broker.url.split("@")[0].rpartition(":")[2] not in waiting.text


def test_a_service_that_waits_for_its_broker_leaves_at_once_when_asked(machine_for: MachineFor) -> None:
    machine = machine_for()
    waiting = machine.run("downloader", settings={"BROKER_URL": "amqp://nobody:secret@127.0.0.1:9/none"})
    waiting.until_logged(lambda line: line["event"] == "waiting for the broker")

    waiting.signal(signal.SIGTERM)

    assert waiting.wait() == 0
    assert "Traceback" not in waiting.text
    assert "secret" not in waiting.text


def at_port(url: str, port: int) -> str:
    before, _, after = url.rpartition("@")
    return f"{before}@127.0.0.1:{port}/{after.partition('/')[2]}"
