"""Topology, drift and settings, drawn."""

import pytest

from tubewarren.bus import Drift
from tubewarren.topology import topology
from tubewarren_services.cli.settings_view import flat, settings_table
from tubewarren_services.cli.topology_view import drift_table, topology_json, topology_table
from unit.cli.drawing import drawn


@pytest.mark.parametrize("width", [80, 200])
def test_the_topology_names_every_queue(width: int) -> None:
    text = drawn(topology_table(topology(), width), width)

    assert max(len(line) for line in text.splitlines()) <= width
    assert all(queue.name in text for queue in topology().queues)
    assert ("x-delivery-limit" in text) is (width == 200)


def test_the_topologys_json_has_what_a_declaration_needs() -> None:
    queues = {queue["name"]: queue for queue in topology_json(topology())["queues"]}

    assert queues["downloader"]["arguments"]["x-queue-type"] == "quorum"
    assert {"exchange": "tubewarren.commands", "routing_key": "video.download.v1"} in queues["downloader"]["bindings"]


def test_each_drift_has_its_remedy() -> None:
    text = drawn(drift_table([Drift("downloader", "it differs", "Delete it.")]), 80)

    assert all(words in text for words in ("downloader", "it differs", "Delete it."))


def test_no_drift_is_good_news() -> None:
    assert "has everything" in drawn(drift_table([]), 80)


def test_settings_have_dotted_names() -> None:
    values = {"a": None, "b": {"c": ["x", "y"], "d": {}, "e": {"f": 1}}}

    assert dict(flat(values)) == {"a": "", "b.c": "x, y", "b.d": "{}", "b.e.f": "1"}
    assert "x, y" in drawn(settings_table(values), 80)
