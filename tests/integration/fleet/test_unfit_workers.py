"""Workers that cannot be what the settings want of them: they say so in their heartbeat, and start nothing."""

import pytest

from fleets import Machine, MachineFor, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.fleet]


@pytest.mark.parametrize(
    ("service", "settings", "words"),
    [
        ("source-expander", {"FITNESS__YT_DLP": "2099.1.1"}, "is older than the fleet's minimum, 2099.1.1: update it."),
        ("source-expander", {"IDENTITY__IMPERSONATE": "netscape"}, "yt-dlp cannot pass for"),
        ("downloader", {"IDENTITY__COOKIES": "nowhere"}, "The cookie jars cannot be used (No such file or directory)"),
    ],
    ids=["yt-dlp", "browser", "cookies"],
)
def test_a_worker_that_is_unfit_says_why(
    machine_for: MachineFor, service: str, settings: dict[str, str], words: str
) -> None:
    machine = machine_for()
    machine.run("results-manager").until_ready()
    machine.run("heartbeat-monitor").until_ready()
    machine.run(service, settings=settings).until_ready()

    seen = wait_until(lambda: told_by(machine, service), holds=lambda found: any(words in doing for doing, _ in found))

    assert {health for _, health in seen} == {"unfit"}


def told_by(machine: Machine, service: str) -> list[tuple[str, str]]:
    workers = machine.ask("workers")
    return [(each["doing"], each["health"]) for each in workers if each["worker"] == f"box/{service}"]
