"""What yt-dlp says of options and identities before anything is begun."""

import os
import socket
from datetime import timedelta

import pytest

from tubewarren.failures import FailureKind
from tubewarren.settings.model import IdentitySettings
from tubewarren.youtube.addresses import YOUTUBE_HOSTS
from tubewarren.youtube.errors import PresetRefusedError, YoutubeFailedError
from tubewarren.youtube.identity import open_identity
from tubewarren.youtube.nursery import Nursery
from tubewarren.youtube.startup import failure_found_by, open_nursery
from tubewarren.youtube.wire import CheckOptions


async def test_a_service_does_not_start_with_what_cannot_be_used() -> None:
    async with open_nursery({"retries": 2}, {"mine": {"format": "18"}}, YOUTUBE_HOSTS) as nursery:
        assert await failure_found_by(nursery, CheckOptions()) is None

    with pytest.raises(PresetRefusedError, match=r"youtube\.presets\.mine"):
        async with open_nursery({}, {"mine": {"formt": "18"}}, YOUTUBE_HOSTS):
            pass


async def test_a_yt_dlp_that_cannot_be_loaded_is_not_taken_for_a_wrong_option() -> None:
    async with Nursery(timedelta(seconds=60), {"PYTHONHOME": "/nowhere"}) as nursery:
        with pytest.raises(YoutubeFailedError, match="could not load yt-dlp") as raised:
            await failure_found_by(nursery, CheckOptions())

    assert raised.value.failure.kind is FailureKind.UNFIT


async def test_nothing_is_sent_while_yt_dlp_is_loaded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)  # noqa: FBT003 - a positional-only parameter
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        environment = {**os.environ, "http_proxy": address, "https_proxy": address, "no_proxy": ""}
        async with Nursery(environment=environment) as nursery:
            assert await failure_found_by(nursery, CheckOptions()) is None

        with pytest.raises(BlockingIOError):
            door.accept()


@pytest.mark.parametrize(
    ("clients", "words"), [("web,mwb", "no player client 'mwb'; choose among"), ("web,-tv,default", "")]
)
async def test_what_yt_dlp_cannot_be_is_a_problem_from_the_start(clients: str, words: str) -> None:
    settings = IdentitySettings.model_validate({"player_clients": clients})

    async with Nursery() as nursery, open_identity(settings, "home", "downloader", nursery) as identity:
        assert words in await identity.why_unfit()
        assert bool(await identity.why_unfit()) == bool(words)
