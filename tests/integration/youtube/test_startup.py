"""What a child process says of options and identities before anything is begun."""

import pytest

from tubewarren.settings.model import IdentitySettings
from tubewarren.youtube.errors import PresetRefusedError
from tubewarren.youtube.identity import open_identity
from tubewarren.youtube.startup import ensure_usable


async def test_a_service_does_not_start_with_what_cannot_be_used() -> None:
    await ensure_usable({}, {})
    await ensure_usable({"retries": 2}, {"mine": {"format": "18"}})

    with pytest.raises(PresetRefusedError, match=r"youtube\.presets\.mine"):
        await ensure_usable({}, {"mine": {"formt": "18"}})


@pytest.mark.parametrize(
    ("clients", "words"), [("web,mwb", "no player client 'mwb'; choose among"), ("web,-tv,default", "")]
)
async def test_what_yt_dlp_cannot_be_is_a_problem_from_the_start(clients: str, words: str) -> None:
    settings = IdentitySettings.model_validate({"player_clients": clients})

    async with open_identity(settings, "home", "downloader") as identity:
        assert words in await identity.why_unfit()
        assert bool(await identity.why_unfit()) == bool(words)
