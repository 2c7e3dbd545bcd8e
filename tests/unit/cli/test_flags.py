"""Flags as settings."""

from pathlib import Path

from tubewarren_services.cli.flags import RootFlags, merged, nested


def test_dotted_names_are_nested_and_flags_that_were_not_given_are_left_out() -> None:
    assert nested({"a": 1, "b.c": 2, "b.d": None, "e.f": None}) == {"a": 1, "b": {"c": 2}}


def test_the_second_wins_part_by_part() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "e": 5}) == {"a": {"b": 1, "c": 4}, "d": 3, "e": 5}


def test_root_flags_are_named_as_the_settings_are() -> None:
    flags = RootFlags(broker="amqp://x/", data_dir=Path("d"), log_level="debug")

    assert flags.nested() == {"broker_url": "amqp://x/", "data_dir": Path("d"), "log": {"level": "debug"}}
