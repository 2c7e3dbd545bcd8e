"""The fleet in containers: it shows something at once, scales, and loses nothing whatever is done to a container."""

import hashlib
import json
from datetime import timedelta

import pytest

from compose.long_feeds import FEEDS, HOST, PORT, catalogue
from compose.stacks import Stack
from fleets import wait_until
from tubewarren.topology import DOWNLOADER, SERVICES
from tubewarren_services.demo.media import melody

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]

LONG = timedelta(minutes=4)
_NO_CAPABILITY = "0000000000000000"


def test_the_demo_shows_something_at_once(stack: Stack) -> None:
    wait_until(lambda: [row["Status"] for row in stack.rows("Sources")], LONG, holds=["done", "done", "error"].__eq__)

    assert len(stack.results()) == 8
    assert set(stack.workers()) == {"compose/downloader"}
    assert "agree" in stack.svc("audit")


def test_a_container_may_do_no_more_than_it_must(stack: Stack) -> None:
    for service in SERVICES:
        (container,) = stack.containers(service)
        (seen,) = json.loads(stack.docker("inspect", container))
        status = stack.docker("exec", container, "cat", "/proc/self/status")
        bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd"))

        assert seen["HostConfig"]["ReadonlyRootfs"], service
        assert "no-new-privileges:true" in seen["HostConfig"]["SecurityOpt"], service
        assert seen["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped", service
        assert bounding == _NO_CAPABILITY, service
        assert stack.docker("exec", container, "id", "-u").strip() != "0", service


def test_only_its_own_container_knows_a_services_password(stack: Stack) -> None:
    addresses = {
        service: stack.docker("exec", stack.containers(service)[0], "cat", "/data/secrets/tubewarren_broker_url")
        for service in SERVICES
    }
    passwords = {address.split(":")[2].partition("@")[0] for address in addresses.values()}
    told = "".join(stack.docker("inspect", container) for container in stack.containers())
    told += stack.docker("image", "inspect", "--format", "{{json .}}", stack.name) + stack.compose("logs")

    assert len(passwords) == len(SERVICES)
    assert not any(password in told for password in passwords)


def test_many_downloaders_come_and_go_while_they_work(stack: Stack) -> None:
    add(stack, "scaling")
    wait_until(lambda: "in-progress" in stack.tasks("scaling").values(), LONG)

    stack.compose("up", "--detach", "--no-build", "--scale", f"{DOWNLOADER}=8")
    names = {DOWNLOADER, *(f"{DOWNLOADER}.{number}" for number in range(2, 9))}
    wait_until(
        lambda: {name for name, status in stack.workers().items() if status == "active"},
        LONG,
        holds={f"compose/{name}" for name in names}.__eq__,
    )
    wait_until(lambda: stack.claimants("scaling", "done"), LONG, holds=lambda names: len(names) > 1)
    stack.compose("up", "--detach", "--no-build", "--scale", f"{DOWNLOADER}=1")

    until_all_are_there(stack, "scaling")
    assert len([status for status in stack.workers().values() if status == "active"]) == 1


def test_nothing_is_lost_when_containers_are_killed_restarted_and_cut_off(stack: Stack) -> None:
    stack.compose("up", "--detach", "--no-build", "--wait", "--scale", f"{DOWNLOADER}=2")
    add(stack, "faults")
    first, second = stack.containers(DOWNLOADER)

    until_some_are_done(stack, 2)
    stack.docker("kill", first)
    until_some_are_done(stack, 6)
    stack.compose("restart", "rabbitmq")
    stack.docker("start", first)
    until_some_are_done(stack, 12)
    stack.docker("network", "disconnect", f"{stack.name}_default", second)
    until_some_are_done(stack, 18)
    stack.docker("network", "connect", f"{stack.name}_default", second)

    until_all_are_there(stack, "faults")


def add(stack: Stack, feed: str) -> None:
    stack.compose("up", "--detach", "--no-build", "--no-recreate", "--no-deps", "--wait", HOST)
    stack.svc("sources", "add", f"http://{HOST}:{PORT}/{feed}.xml", "--name", feed)


def until_some_are_done(stack: Stack, count: int) -> None:
    wait_until(lambda: len(stack.results("faults")), LONG, holds=lambda done: done >= count)


def until_all_are_there(stack: Stack, feed: str) -> None:
    """Each video done once, with the right content, and nothing that says otherwise anywhere."""
    expected = {
        plan.slug: hashlib.sha256(melody(plan.slug, plan.duration)).hexdigest()
        for plan in catalogue().videos
        if plan.slug.startswith(f"{feed}-")
    }
    wait_until(lambda: list(stack.tasks(feed).values()), LONG, holds=(["done"] * FEEDS[feed]).__eq__)
    assert stack.results(feed) == expected
    assert "agree" in stack.svc("audit")
