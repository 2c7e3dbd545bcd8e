"""A broker of three nodes: any of them may be killed while downloads run, and nothing is lost or done twice."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pytest

from compose.long_feeds import FEEDS, HOST, PORT, catalogue
from compose.stacks import Stack, free_port, new_stack
from fleets import wait_until
from tubewarren.topology import DOWNLOADER, SERVICES
from tubewarren_services.demo.catalogue import CataloguedVideo
from tubewarren_services.demo.media import melody

pytestmark = [pytest.mark.compose, pytest.mark.timeout(400)]

PATIENCE = timedelta(minutes=2)
FEED: Final = "nodes"
NODES: Final = ("rabbitmq", "rabbitmq2", "rabbitmq3")
LADDER: Final = ("1s", "2s", "4s")
_THROUGH_EACH: Final = """
for node in "$@"; do
  TUBEWARREN_BROKER_URL=$(sed "s/@[^/]*/@$node/" /data/secrets/tubewarren_broker_url)
  export TUBEWARREN_BROKER_URL
  svc status >/dev/null && svc dead list >/dev/null && svc topology check >/dev/null && svc audit || exit
done
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {
        "MANAGEMENT_PORT_2": str(free_port()),
        "MANAGEMENT_PORT_3": str(free_port()),
        "TUBEWARREN_YOUTUBE__ALLOWED_HOSTS": f"{HOST}:{PORT}",
        "TUBEWARREN_RETRY__LADDER": ",".join(LADDER),
    }
    with new_stack(tmp_path_factory.mktemp("fleet"), settings, "deploy/cluster/compose.yml") as made:
        made.compose("up", "--detach", "--build", "--wait")
        yield made


def test_nothing_is_lost_or_done_twice_when_each_node_is_killed_in_turn(cluster: Stack) -> None:
    at_first = queues(cluster)
    first, second, last = sorted(NODES, key=lambda node: node != at_first[DOWNLOADER].leader)
    cluster.svc("sources", "add", f"http://{HOST}:{PORT}/{FEED}.xml", "--name", FEED)

    for node in (first, second):
        until_more_are_done(cluster, 2)
        cluster.docker("kill", *cluster.containers(node))
        until_more_are_done(cluster, 4)
        bring_back(cluster, node)
    cluster.docker("kill", *cluster.containers(last))
    wait_until(lambda: list(cluster.tasks(FEED).values()), PATIENCE, holds=(["done"] * FEEDS[FEED]).__eq__)

    finished = cluster.finished()
    assert {len(queue.nodes) for queue in at_first.values()} == {len(NODES)}
    assert cluster.results() == {plan.slug: checksum(plan) for plan in catalogue().videos if plan.slug.startswith(FEED)}
    assert len(finished) == FEEDS[FEED]
    last_asked = dict(visits(cluster))
    assert not [path for path, when in finished.items() if last_asked[path] > when]
    assert {restarts(cluster, service) for service in SERVICES} == {0}
    through_each = ("run", "--rm", "--no-TTY", "--entrypoint", "bash", "svc", "-c", _THROUGH_EACH, "-")
    assert cluster.compose(*through_each, first, second).count("agree") == 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a queue is."""

    leader: str
    nodes: frozenset[str]


def queues(cluster: Stack) -> dict[str, Place]:
    """Where each queue is that stays."""
    (container,) = cluster.containers(NODES[0])
    told = cluster.docker(
        "exec",
        container,
        "rabbitmqctl",
        "-q",
        "--formatter",
        "json",
        "list_queues",
        "name",
        "type",
        "leader",
        "members",
    )
    return {
        queue["name"]: Place(_host(queue["leader"]), frozenset(map(_host, queue["members"])))
        for queue in json.loads(told)
        if queue["type"] == "quorum"
    }


def until_more_are_done(cluster: Stack, more: int) -> None:
    before = len(cluster.results())
    wait_until(lambda: len(cluster.results()), PATIENCE, holds=lambda done: done >= before + more)
    assert before + more < FEEDS[FEED], "there is work left"


def bring_back(cluster: Stack, node: str) -> None:
    (container,) = cluster.containers(node)
    cluster.docker("start", container)
    wait_until(
        lambda: cluster.docker("inspect", "--format", "{{.State.Health.Status}}", container).strip(),
        PATIENCE,
        holds="healthy".__eq__,
    )


def visits(cluster: Stack) -> list[tuple[str, datetime]]:
    """What the site was asked for, and when."""
    (container,) = cluster.containers(HOST)
    lines = [line.split() for line in cluster.docker("logs", "--timestamps", container).splitlines()]
    return [(path, datetime.fromisoformat(asked)) for asked, method, path in lines if method == "GET"]


def restarts(cluster: Stack, service: str) -> int:
    (container,) = cluster.containers(service)
    return int(cluster.docker("inspect", "--format", "{{.RestartCount}}", container))


def checksum(video: CataloguedVideo) -> str:
    return hashlib.sha256(melody(video.slug, video.duration)).hexdigest()


def _host(node: str) -> str:
    return node.partition("@")[2]
