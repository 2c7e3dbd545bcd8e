"""A store for tests, and a small video in it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tubewarren.store import Draft, Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRAFT = Draft(
    url="https://example.invalid/v/1",
    source_id="123",
    worker="downloader-1",
    attempt=2,
    finished_at=NOON,
    title="A film",
    columns={"Name": "Ada", "Gender": "f"},
    yt_dlp_version="2026.10.26",
)

Finish = Callable[..., object]


@pytest.fixture
def draft() -> Draft:
    return DRAFT


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def selected(tmp_path: Path) -> Path:
    return tmp_path / "selected"


@pytest.fixture
def store(results: Path, selected: Path) -> Store:
    return Store(results, selected)


@pytest.fixture
def finish(store: Store) -> Finish:
    """Publish a small video."""

    def finish(video_id: str, content: bytes = b"film", **changes: object) -> None:
        with store.claim(video_id) as staging:
            (staging.folder / "film.mp4").write_bytes(content)
            store.publish(staging, replace(DRAFT, **changes))  # type: ignore[arg-type] # any field of the draft

    return finish
