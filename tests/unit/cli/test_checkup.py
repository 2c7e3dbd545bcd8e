"""The doctor's judgement of what was seen."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tubewarren.bus import Drift
from tubewarren.youtube.cookie_jars import SIGNED_OUT, JarSeen
from tubewarren_services.cli import checkup
from tubewarren_services.cli.checkup import BrokerSeen, Finding, Health
from unit.cli.drawing import drawn

TODAY = date(2026, 11, 22)
MISSING = Drift("downloader", "the queue is missing", "Declare it.")
DIFFERING = Drift("downloader", "PRECONDITION_FAILED", "Delete it.")
ALIVE = JarSeen("alice", "", is_signed_in=True)
DEAD = JarSeen("bob", SIGNED_OUT, is_signed_in=True)


def spelled(day: date) -> str:
    return f"{day:%Y.%m.%d}"


def seen(
    *, honours: bool = True, private: bool = False, supported: bool = True, drifts: tuple[Drift, ...] = ()
) -> BrokerSeen:
    return BrokerSeen(
        "3.10.8", is_supported=supported, is_private=private, honours_consumer_timeout=honours, drifts=drifts
    )


CASES: dict[str, tuple[Finding, Health]] = {
    "a broker": (checkup.broker_findings(seen())[0], Health.OK),
    "an unsupported broker": (checkup.broker_findings(seen(supported=False))[0], Health.WARN),
    "a broker that takes claims away": (checkup.broker_findings(seen(honours=False))[0], Health.WARN),
    "the same, configured by us": (checkup.broker_findings(seen(honours=False, private=True))[0], Health.OK),
    "all queues": (checkup.broker_findings(seen())[1], Health.OK),
    "no queues yet": (checkup.broker_findings(seen(drifts=(MISSING,)))[1], Health.WARN),
    "other queues": (checkup.broker_findings(seen(drifts=(MISSING, DIFFERING)))[1], Health.BAD),
    "a silent broker": (checkup.silent_broker("It does not answer."), Health.BAD),
    "no broker, but a server": (checkup.no_broker("/usr/lib/rabbitmq", ""), Health.OK),
    "no broker and no server": (checkup.no_broker(None, "Run `make rabbitmq`."), Health.BAD),
    "room": (checkup.disk(Path("r"), 50_000_000_000), Health.OK),
    "little room": (checkup.disk(Path("r"), 5_000_000_000), Health.WARN),
    "no room": (checkup.disk(Path("r"), 5_000_000), Health.BAD),
    "ffmpeg": (checkup.ffmpeg("/usr/bin/ffmpeg"), Health.OK),
    "no ffmpeg": (checkup.ffmpeg(None), Health.WARN),
    "deno": (checkup.javascript("/usr/bin/deno", None), Health.OK),
    "new node": (checkup.javascript(None, "v22.1.0"), Health.OK),
    "old node": (checkup.javascript(None, "v20.20.2"), Health.WARN),
    "no JavaScript": (checkup.javascript(None, None), Health.WARN),
    "no JavaScript, which is needed": (checkup.javascript(None, None, is_needed=True), Health.BAD),
    "new yt-dlp": (checkup.yt_dlp("2026.10.26", TODAY), Health.OK),
    "yt-dlp of 59 days": (checkup.yt_dlp(spelled(TODAY - timedelta(days=59)), TODAY), Health.OK),
    "yt-dlp of 60 days": (checkup.yt_dlp(spelled(TODAY - timedelta(days=60)), TODAY), Health.WARN),
    "yt-dlp below the fleet's minimum": (checkup.yt_dlp("2026.10.25", TODAY, "2026.10.26"), Health.BAD),
    "yt-dlp at the fleet's minimum": (checkup.yt_dlp("2026.10.26", TODAY, "2026.10.26"), Health.OK),
    "an identity that works": (checkup.identity(""), Health.OK),
    "an identity that does not": (checkup.identity("yt-dlp cannot pass for netscape here."), Health.BAD),
    "no cookie jar": (checkup.cookie_jars(())[0], Health.BAD),
    "a jar": (checkup.cookie_jars((ALIVE, DEAD))[0], Health.OK),
    "a dead jar beside it": (checkup.cookie_jars((ALIVE, DEAD))[1], Health.WARN),
    "only dead jars": (checkup.cookie_jars((DEAD,))[0], Health.BAD),
    "a jar without an account": (checkup.cookie_jars((JarSeen("carol", "", is_signed_in=False),))[0], Health.WARN),
    "jars that cannot be read": (checkup.unusable_cookie_jars("They cannot be used."), Health.BAD),
    "ancient yt-dlp": (checkup.yt_dlp("2025.12.01", TODAY), Health.BAD),
    "yt-dlp from the future": (checkup.yt_dlp("2026.12.01", TODAY), Health.OK),
    "yt-dlp by another name": (checkup.yt_dlp("nightly", TODAY), Health.OK),
    "a spreadsheet": (checkup.spreadsheet("My list"), Health.OK),
    "a spreadsheet that is out of order for a while": (checkup.silent_spreadsheet("503.", heals=True), Health.WARN),
    "a spreadsheet that is not shared": (checkup.silent_spreadsheet("Share it.", heals=False), Health.BAD),
    "a folder": (checkup.folder("data", Path("d"), None, "--data-dir"), Health.OK),
    "an unwritable folder": (checkup.folder("data", Path("d"), "d is not writable", "--data-dir"), Health.BAD),
}


@pytest.mark.parametrize(("finding", "health"), CASES.values(), ids=CASES)
def test_how_each_finding_is_judged(finding: Finding, health: Health) -> None:
    assert finding.health is health


@pytest.mark.parametrize("finding", [finding for finding, _ in CASES.values()], ids=CASES)
def test_whatever_is_not_well_says_what_to_do(finding: Finding) -> None:
    assert bool(finding.remedy) is (finding.health is not Health.OK)


def test_only_what_is_bad_makes_the_doctor_fail() -> None:
    assert not checkup.is_bad([checkup.ffmpeg(None)])
    assert checkup.is_bad([checkup.ffmpeg(None), checkup.silent_broker("x")])


@pytest.mark.parametrize("width", [80, 200])
def test_findings_fit(width: int) -> None:
    text = drawn(checkup.findings_table([finding for finding, _ in CASES.values()]), width)

    assert max(len(line) for line in text.splitlines()) <= width
    assert "make rabbitmq" in text
