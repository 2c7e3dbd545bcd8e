"""One process's settings, handed on to another by its environment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tubewarren.settings import Settings, environment_of, read_settings
from tubewarren.settings.alarms import AlarmSettings
from tubewarren.settings.model import (
    DownloaderSettings,
    HeartbeatSettings,
    IdentitySettings,
    LogSettings,
    RetrySettings,
    SheetSettings,
    StoreSettings,
    YoutubeSettings,
)

DURATIONS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=40))
# What an environment variable can hold, and no blanks at the ends, which a list would lose.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0,", exclude_categories=("Z", "C")), min_size=1)
ABSOLUTE = WORDS.filter(lambda word: "/" not in word and word not in {".", ".."}).map(lambda word: Path("/", word))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
LADDERS = st.sets(st.integers(1, 10**9), min_size=1, max_size=5).map(
    lambda found: tuple(timedelta(milliseconds=number) for number in sorted(found))
)
SETTINGS = st.builds(
    Settings,
    broker_url=st.none() | st.sampled_from(["amqp://u:p,w@h:5/v", "amqps://h"]).map(SecretStr),
    data_dir=ABSOLUTE,
    rabbitmq_dir=ABSOLUTE,
    sources_file=st.none() | ABSOLUTE,
    worker_name=st.none() | st.text("abc-", min_size=1),
    grace=DURATIONS,
    sheet=st.builds(SheetSettings, workbook=ABSOLUTE, poll=DURATIONS, flush=DURATIONS),
    store=st.builds(
        StoreSettings,
        name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,40}", fullmatch=True),
        results=ABSOLUTE,
        selected=ABSOLUTE,
        ledger=st.none() | WORDS.map(SecretStr),
    ),
    downloader=st.builds(DownloaderSettings, concurrency=st.integers(1, 64), processor=st.just("") | WORDS),
    youtube=st.builds(
        YoutubeSettings,
        allowed_hosts=st.lists(WORDS, max_size=3).map(tuple),
        options=st.dictionaries(st.text(max_size=8), JSON, max_size=3),
    ),
    identity=st.builds(
        IdentitySettings,
        proxy=st.none() | st.just("http://me:p,w@proxy:3128").map(SecretStr),
        source_address=st.none() | st.ip_addresses().map(str),
        player_clients=st.lists(WORDS, max_size=3).map(tuple),
        cookies=st.none() | ABSOLUTE,
        videos_per_day_and_jar=st.none() | st.integers(1, 1000),
    ),
    heartbeat=st.just(HeartbeatSettings(every=timedelta(seconds=1))),
    retry=st.builds(RetrySettings, ladder=LADDERS),
    alarms=st.builds(
        AlarmSettings,
        urls=st.lists(st.sampled_from(["mailto://me:p@x?to=a,b", "json://[::1]/k"]).map(SecretStr), max_size=3).map(
            tuple
        ),
        pause=DURATIONS,
    ),
    log=st.builds(LogSettings, level=st.sampled_from(["debug", "error"]), format=st.sampled_from(["json", "human"])),
)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Hypothesis runs many examples in one test, so a fixture of the test's would come too late."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SETTINGS)
def test_the_settings_that_are_handed_on_are_read_again_as_they_were(given_settings: Settings) -> None:
    with environment(environment_of(given_settings)):
        read = read_settings({})

    assert read == given_settings


def test_neither_a_file_nor_the_variables_around_change_what_is_handed_on() -> None:
    Path("tubewarren.toml").write_text(
        'broker_url = "amqp://file"\nsources_file = "f"\nworker_name = "f"\nstore.ledger = "sqlite://"\n'
        'youtube.options.format = "worst"\n'
    )
    mine = Settings(data_dir=Path("/data"), sheet=SheetSettings(workbook=Path("/w")))
    around = {"TUBEWARREN_STORE__LEDGER": "sqlite:///around", "TUBEWARREN_WORKER_NAME": "around"}

    with environment({**around, **environment_of(mine)}):
        read = read_settings({})

    assert (read.broker_url, read.sources_file, read.worker_name, read.store.ledger) == (None, None, None, None)
    assert read.youtube.options == {}


def test_paths_are_handed_on_whole_for_a_process_that_starts_elsewhere() -> None:
    handed = environment_of(Settings())

    assert handed["TUBEWARREN_STORE__RESULTS"] == str(Path.cwd() / "results")
    assert handed["TUBEWARREN_DATA_DIR"] == str(Path.cwd() / ".tubewarren")
