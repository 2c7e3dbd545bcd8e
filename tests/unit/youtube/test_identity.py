"""Identity: options of yt-dlp, a cookie jar that changes, and no secret in what is said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tubewarren.failures import Failure, FailureKind
from tubewarren.settings.model import IdentitySettings
from tubewarren.youtube.cookies import is_signed_in, read_cookies
from tubewarren.youtube.errors import YoutubeError, YoutubeFailedError
from tubewarren.youtube.identity import Identity, open_identity
from tubewarren.youtube.identity_check import check_identity
from tubewarren.youtube.identity_options import combined, options_of, problem_with
from tubewarren.youtube.nursery import Nursery

PASSWORD = "pass-word"
PROXY = f"http://me:{PASSWORD}@proxy.invalid:3128"
COOKIES = (
    "# Netscape HTTP Cookie File\n"
    ".youtube.com\tTRUE\t/\tTRUE\t4102444800\tLOGIN_INFO\tsecret-login\n"
    ".youtube.com\tTRUE\t/\tTRUE\t4102444800\tSAPISID\tsecret-sapisid\n"
)
SIGNED_OUT = COOKIES.replace("LOGIN_INFO", "OTHER")


def settings(**given: Any) -> IdentitySettings:
    return IdentitySettings.model_validate(given)


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    for name in ("alice", "bob"):
        (tmp_path / f"{name}.txt").write_text(COOKIES)
    return tmp_path


class Clock:
    now = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def identity_of(clock: Clock | None = None, **given: Any) -> AsyncIterator[Identity]:
    async with open_identity(settings(**given), "home", "downloader", Nursery(), clock=clock or Clock()) as identity:
        yield identity


async def sign_out(identity: Identity) -> None:
    async with identity.wearing({}) as options:
        write(options, SIGNED_OUT)


def write(options: dict[str, Any], text: str) -> None:
    Path(options["cookiefile"]).write_text(text)


async def fail(identity: Identity) -> None:
    async with identity.wearing({}) as options:
        words = f"cannot use {PROXY} ({PASSWORD}) with {options['cookiefile']}"
        raise YoutubeFailedError(Failure(kind=FailureKind.TRANSIENT, reason=words, detail=words))


def test_settings_become_options_of_yt_dlp() -> None:
    options = options_of(
        settings(
            proxy=PROXY,
            source_address="127.0.0.2",
            impersonate="chrome",
            player_clients="web,mweb",
            po_token_provider="http://127.0.0.1:4416",
        )
    )

    assert options == {
        "proxy": PROXY,
        "source_address": "127.0.0.2",
        "impersonate": "chrome",
        "extractor_args": {
            "youtube": {"player_client": ["web", "mweb"]},
            "youtubepot-bgutilhttp": {"base_url": ["http://127.0.0.1:4416"]},
        },
    }


def test_the_identity_goes_over_options_and_below_arguments_for_extractors() -> None:
    ours = {"proxy": "ours", "extractor_args": {"youtube": {"player_client": ["web"]}, "x": {"base_url": ["u"]}}}
    given = {"format": "18", "verbose": True, "extractor_args": {"youtube": {"lang": ["de"], "player_client": ["tv"]}}}

    options = combined(ours, given)

    assert options["extractor_args"] == {
        "youtube": {"player_client": ["tv"], "lang": ["de"]},
        "x": {"base_url": ["u"]},
    }
    assert (options["proxy"], options["format"], options["verbose"]) == ("ours", "18", False)


def test_without_an_identity_a_persons_options_stay_as_they_are() -> None:
    given = {"verbose": True, "extractor_args": {"youtube": {"lang": ["de"]}}}

    assert combined(options_of(settings()), given) == given


async def test_a_provider_of_tokens_without_its_plugin_is_a_problem_that_says_what_to_install() -> None:
    problem = await problem_with(settings(po_token_provider="http://127.0.0.1:4416"), Nursery())

    assert "pip install bgutil-ytdlp-pot-provider" in problem


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"player_clients": "web,mwb"}, "no player client 'mwb'; choose among"),
        ({"impersonate": "netscape"}, "netscape"),
    ],
)
def test_what_yt_dlp_cannot_be_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(YoutubeError, match=words):
        check_identity(options_of(settings(**given)))


def test_what_yt_dlp_can_be_is_fine() -> None:
    check_identity(options_of(settings(player_clients="web,-tv,default")))


async def test_the_jar_is_part_of_the_egress_and_its_copy_an_option(jars: Path) -> None:
    async with identity_of(cookies=jars) as identity, identity.wearing({"format": "18"}) as options:
        assert identity.egress == "home+alice"
        assert identity.facts == {"egress": "home+alice", "cookie_jar": "alice"}
        assert is_signed_in(read_cookies(Path(options["cookiefile"])) or {})
        assert options["format"] == "18"
        assert await identity.why_unfit() == ""


async def test_a_dead_jar_is_told_of_and_the_next_is_taken_when_nothing_is_under_way(jars: Path) -> None:
    async with identity_of(cookies=jars) as identity:
        async with identity.wearing({}):
            await sign_out(identity)

            meanwhile = await identity.why_unfit()
            still = identity.egress
            with pytest.raises(YoutubeFailedError) as refused:
                await sign_out(identity)
        after = await identity.why_unfit()

        assert "Cookie jar alice is dead: the next is taken" in meanwhile
        assert refused.value.failure.kind is FailureKind.UNFIT
        assert (still, after, identity.egress) == ("home+alice", "", "home+bob")
        assert "Cookie jar alice is dead, the site has signed its account out: log in again" in identity.alarm
        assert identity.with_alarm("a video").startswith("a video Cookie jar alice is dead")
        assert identity.facts["dead_cookie_jars"] == "alice"


async def test_without_a_jar_that_lives_there_is_no_work_and_never_one_without_cookies(jars: Path) -> None:
    (jars / "bob.txt").unlink()
    clock = Clock()
    async with identity_of(clock, cookies=jars) as identity:
        await sign_out(identity)

        assert "log in again" in await identity.why_unfit()
        assert identity.egress == "home"
        with pytest.raises(YoutubeFailedError, match="log in again"):
            await sign_out(identity)

        (jars / "alice.txt").write_text(COOKIES.replace("secret-login", "new"))
        assert await identity.why_unfit() == ""
        assert identity.egress == "home+alice"
        clock.now += timedelta(seconds=5)
        await identity.why_unfit()
        assert identity.alarm == ""
        assert "dead_cookie_jars" not in identity.facts


async def test_two_workers_and_one_jar_leave_one_without_work(jars: Path) -> None:
    jar = jars / "alice.txt"
    async with identity_of(cookies=jar) as first, identity_of(cookies=jar) as second:
        assert await first.why_unfit() == ""
        assert await second.why_unfit() == "Cookie jar alice is in use by another worker: add one for each worker."


async def test_a_jar_that_has_had_its_videos_of_today_gives_way_to_the_next_and_returns_tomorrow(jars: Path) -> None:
    clock = Clock()
    seen = []
    async with identity_of(clock, cookies=jars, videos_per_day_and_jar=1) as identity:
        for _ in range(2):
            async with identity.wearing({}, counts=True):
                seen.append(identity.egress)
            last = await identity.why_unfit()
        clock.now += timedelta(hours=1)
        tomorrow = await identity.why_unfit()

        assert seen == ["home+alice", "home+bob"]
        assert last == "Cookie jar alice is used up for today. Cookie jar bob is used up for today."
        assert (tomorrow, identity.egress) == ("", "home+alice")


async def test_a_video_more_than_a_jar_may_have_is_not_begun_while_its_last_one_runs(jars: Path) -> None:
    async with (
        identity_of(cookies=jars, videos_per_day_and_jar=1) as identity,
        identity.wearing({}, counts=True),
    ):
        assert "Cookie jar alice is used up: the next is taken" in await identity.why_unfit()
        assert identity.why_changing == await identity.why_unfit()
        with pytest.raises(YoutubeFailedError, match="alice is used up"):
            await sign_out(identity)


async def test_a_listing_does_not_use_a_jar_up(jars: Path) -> None:
    async with identity_of(cookies=jars, videos_per_day_and_jar=1) as identity:
        async with identity.wearing({}):
            pass

        assert await identity.why_unfit() == ""
        assert identity.egress == "home+alice"


async def test_a_place_without_jars_says_what_to_put_there(tmp_path: Path) -> None:
    async with identity_of(cookies=tmp_path) as identity:
        assert "put cookie files in Netscape format" in await identity.why_unfit()


async def test_neither_the_proxys_password_nor_the_cookies_path_is_in_a_failure(jars: Path) -> None:
    async with identity_of(proxy=PROXY, cookies=jars) as identity:
        with pytest.raises(YoutubeFailedError) as raised:
            await fail(identity)

    said = repr(raised.value.failure) + str(raised.value) + repr(raised.value.__cause__)
    assert "cannot use ***" in said
    assert PASSWORD not in said
    assert str(jars) not in said


async def test_neither_cookies_nor_their_path_are_in_the_log(jars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with identity_of(proxy=PROXY, cookies=jars, videos_per_day_and_jar=1) as identity:
        await sign_out(identity)
        await identity.why_unfit()
        async with identity.wearing({}, counts=True):
            pass

    said = capsys.readouterr()
    assert "a cookie jar is dead" in said.out + said.err
    assert not any(secret in said.out + said.err for secret in ("secret-", PASSWORD, str(jars)))
