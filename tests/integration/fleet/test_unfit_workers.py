"""Workers that cannot be what the settings want of them: they say so in their heartbeat, and start nothing."""

import pytest

from fleets import MachineFor, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

UNFIT = {
    "old": ("source-expander", {"FITNESS__YT_DLP": "2099.1.1"}),
    "browser": ("source-expander", {"IDENTITY__IMPERSONATE": "netscape"}),
    "cookies": ("downloader", {"IDENTITY__COOKIES": "nowhere"}),
}
WORDS = {
    "old": "is older than the fleet's minimum, 2099.1.1: update it.",
    "browser": "yt-dlp cannot pass for",
    "cookies": "The cookie jars cannot be used (No such file or directory)",
}


def test_workers_that_are_unfit_say_why(machine_for: MachineFor) -> None:
    machine = machine_for()
    machine.run("results-manager").until_ready()
    machine.run("heartbeat-monitor").until_ready()
    for name, (service, settings) in UNFIT.items():
        machine.run(service, settings={**settings, "WORKER_NAME": name}).until_ready()

    def told() -> dict[str, tuple[str, str]]:
        workers = machine.ask("workers")
        return {each["worker"].partition("/")[0]: (each["health"], each["doing"]) for each in workers}

    def all_told(found: dict[str, tuple[str, str]]) -> bool:
        return all(words in found.get(name, ("", ""))[1] for name, words in WORDS.items())

    seen = wait_until(told, holds=all_told)

    assert {name: seen[name][0] for name in UNFIT} == dict.fromkeys(UNFIT, "unfit")
