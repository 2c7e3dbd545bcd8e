"""What `make bench` keeps of what it found, and what the README shows of that."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from bench import results
from bench.latency import percentile
from bench.plot import plot
from bench.rows import Row, ratios, spell
from bench.subjects.job import Job, Meter

COST = (Row("CPU of one", "ours", "µs", (150.0, 170.0, 160.0)), Row("CPU of one", "bare", "µs", (140.0, 150.0, 130.0)))


@pytest.fixture(scope="module")
def readme() -> ModuleType:
    spec = spec_from_file_location("readme", Path(__file__).parents[3] / "deploy" / "readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_measured_again_replaces_what_was_found_of_it_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results.write({"costs": COST, "gone": COST, "starts": COST[:1]}, "4.0", ["starts", "costs", "gone"], path)

    results.write({"starts": COST[1:]}, "4.0", ["starts", "costs"], path)

    assert results.read(path) == {"starts": [COST[1]], "costs": list(COST)}


def test_a_ratio_compares_what_ran_in_the_same_round() -> None:
    values = {"ours": [100.0, 300.0], "bare": [100.0, 200.0]}

    (row,) = ratios("CPU", values, "ours", "bare", "≤ 1.25")

    assert row == Row("CPU", "ours / bare", "times", (1.0, 1.5), "≤ 1.25")
    assert ratios("CPU", values, "ours", "celery") == []


def test_a_bar_is_as_long_as_the_median_and_its_whiskers_reach_from_the_least_to_the_most() -> None:
    drawn = ET.fromstring(plot({"costs": [*COST, *ratios("CPU of one", {}, "ours", "bare")]}))

    bars = [each for each in drawn.iter() if each.tag.endswith("rect")][1:]
    whiskers = [each.attrib["d"] for each in drawn.iter() if each.tag.endswith("path")]
    assert [float(bar.attrib["width"]) for bar in bars] == pytest.approx([480 * 160 / 170, 480 * 140 / 170], abs=0.1)
    assert whiskers[0].startswith(f"M{210 + 480 * 150 / 170:.1f} ")
    assert "H690.0M" in whiskers[0]


def test_only_what_is_handled_after_the_warm_messages_is_measured() -> None:
    ended: list[str] = []
    meter = Meter(Job("amqp://", warm=2, messages=3), lambda: ended.append("over"))

    for _ in range(4):
        meter.tick()
    with pytest.raises(AssertionError, match="4 of 5"):
        _ = meter.spent
    meter.tick()

    assert ended == ["over"]
    assert meter.spent.messages == 3


@pytest.mark.parametrize(("share", "value"), [(0.5, 10.5), (0.99, 20), (0.05, 1)])
def test_a_percentile_is_one_of_the_values_that_so_many_do_not_exceed(share: float, value: float) -> None:
    assert percentile([float(each) for each in range(1, 21)], share) == value


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.2345, "0.234"), (12.345, "12.3"), (12345.6, "12,346")])
def test_three_digits_are_shown(value: float, text: str, readme: ModuleType) -> None:
    assert spell(value) == text
    assert readme._spell_number(value) == text


def test_the_readme_shows_peers_beside_us_and_services_below_one_another(tmp_path: Path, readme: ModuleType) -> None:
    compared = [*COST, *ratios("CPU of one", {"ours": [3.0], "bare": [2.0]}, "ours", "bare", "≤ 1.25")]
    services = [Row("start", "downloader", "s", (0.7,), "< 1"), Row("memory", "downloader", "MB", (50.0,))]
    path = tmp_path / "results.json"
    results.write({"costs": compared, "services": services}, "4.0", ["costs", "services"], path)

    lines = list(readme.performance(json.loads(path.read_text())))

    assert "| CPU of one, µs | 160 (150 to 170) |  | 140 (130 to 150) |  |  |  |  | 1.5 | ≤ 1.25 |" in lines
    assert "| downloader | 0.7; target < 1 | 50 |" in lines


def test_units_stand_above_their_column_and_beside_their_value_where_they_differ(
    tmp_path: Path, readme: ModuleType
) -> None:
    told = [Row("a backlog", "memory", "GB", (0.5,)), Row("a backlog", "begins", "s", (16.0,), "< 30")]
    path = tmp_path / "results.json"
    results.write({"one": told, "two": [Row("a start", "svc", "s", (0.2,))]}, "4.0", ["one", "two"], path)

    lines = list(readme.performance(json.loads(path.read_text())))

    assert {"| | a backlog |", "| memory | 0.5 GB |", "| begins | 16 s; target < 30 |"} <= set(lines)
    assert {"| | a start, s |", "| svc | 0.2 |"} <= set(lines)


def test_a_part_without_a_place_in_the_readme_is_refused(readme: ModuleType) -> None:
    with pytest.raises(ValueError, match="no place for the part 'settings'"):
        readme.rewritten("# A README without any")
