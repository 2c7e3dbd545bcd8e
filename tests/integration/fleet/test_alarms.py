"""A monitor whose fleet is in trouble tells a person."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleets import MachineFor, wait_until
from standins.webhook import open_webhook
from tubewarren.messages.events import WorkerBeat, WorkerState

pytestmark = [pytest.mark.broker, pytest.mark.fleet]


def _last_beat(name: str) -> WorkerBeat:
    return WorkerBeat(
        at=datetime.now(UTC), worker=name, service="downloader", host="far", process_id=1, state=WorkerState.ACTIVE
    )


def test_workers_that_fall_silent_together_are_told_of_in_one_message(machine_for: MachineFor) -> None:
    with open_webhook() as webhook:
        machine = machine_for(
            HEARTBEAT__EVERY="200ms",
            HEARTBEAT__STALE_AFTER="1s",
            HEARTBEAT__LOST_AFTER="2s",
            ALARMS__URLS=webhook.url("taken"),
            ALARMS__GATHER="2s",
        )
        monitor = machine.run("heartbeat-monitor").until_ready()
        machine.publish(*(_last_beat(f"far/downloader.{number}") for number in range(2, 9)))

        def written() -> Any:
            path = machine.data / "heartbeat-monitor.alarms.json"
            return json.loads(path.read_text()) if webhook.calls and path.exists() else {"outboxes": {}}

        def is_delivered(found: Any) -> bool:
            return [outbox["letters"] for outbox in found["outboxes"].values()] == [[]]

        state = wait_until(written, timedelta(seconds=60), holds=is_delivered)
        (call,) = webhook.calls

    assert call.body["title"] == "Tubewarren: worker lost"
    assert call.body["message"].startswith("Worker lost (7):\n- far/downloader.2: Silent since ")
    assert call.body["message"].endswith("- and 2 more")
    assert state["milestones"]["dead"] == 0, "the dead queues were looked into"
    for words in ("secret-word", f"127.0.0.1:{webhook.port}"):
        assert words not in monitor.text
        assert words not in json.dumps(state)
