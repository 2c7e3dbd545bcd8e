"""What `svc doctor` makes of what it saw: findings, each with what to do. Nothing here looks at anything itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum, unique
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from tubewarren.bus import Drift
from tubewarren.fitness import NODE_NEEDED
from tubewarren.youtube.cookie_jars import JarSeen
from tubewarren_services.cli.tables import Column, plain_table, style_of, text
from tubewarren_services.cli.units import count, spell_bytes

_BAD_BELOW_BYTES = 1_000_000_000
_WARN_BELOW_BYTES = 10_000_000_000
_YT_DLP_OLD = timedelta(days=60)
_YT_DLP_TOO_OLD = timedelta(days=180)


@unique
class Health(StrEnum):
    """How a finding is."""

    OK = "ok"
    WARN = "warn"
    """It works, or will, but not as well as it could."""
    BAD = "bad"
    """Work cannot be done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        remedy: what to do; empty when nothing needs doing.
    """

    subject: str
    health: Health
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class BrokerSeen:
    """A broker that answered.

    Attributes:
        is_private: it is the node that `svc up` runs, configured by us.
        honours_consumer_timeout: queues may set their own; otherwise only its configuration can.
        drifts: differences between its queues and ours.
    """

    version: str
    is_supported: bool
    is_private: bool
    honours_consumer_timeout: bool
    drifts: tuple[Drift, ...]


def broker_findings(seen: BrokerSeen) -> tuple[Finding, ...]:
    """A broker that answered, and what it has."""
    words = f"RabbitMQ {seen.version} answers"
    if not seen.is_supported:
        found = Finding(
            "broker",
            Health.WARN,
            f"{words}; Tubewarren is tried on 3.10 and newer",
            "Update RabbitMQ to 3.10 or newer.",
        )
    elif not seen.honours_consumer_timeout and not seen.is_private:
        found = Finding(
            "broker",
            Health.WARN,
            f"{words}; this version takes a download of more than 30 minutes away from its worker",
            "Set consumer_timeout = 86400000 in its rabbitmq.conf.",
        )
    else:
        found = Finding("broker", Health.OK, words)
    return (found, _topology(seen.drifts))


def silent_broker(problem: str) -> Finding:
    """A broker that is set, and cannot be used."""
    return Finding("broker", Health.BAD, problem, "Start it, or correct TUBEWARREN_BROKER_URL.")


def no_broker(server: str | None, problem: str) -> Finding:
    """None is set and none runs: `svc up` will start one, if there is a server.

    Args:
        server: where RabbitMQ is installed; None when it is not.
        problem: why there is none, with what to do.
    """
    if server is None:
        return Finding("broker", Health.BAD, "none is set, and none can be started here", problem)
    return Finding("broker", Health.OK, f"none is set; `svc up` starts a private one from {server}")


def disk(folder: Path, free_bytes: int) -> Finding:
    """The room for results."""
    words = f"{spell_bytes(free_bytes)} free for {folder}"
    if free_bytes >= _WARN_BELOW_BYTES:
        return Finding("disk", Health.OK, words)
    health = Health.BAD if free_bytes < _BAD_BELOW_BYTES else Health.WARN
    return Finding("disk", health, words, "Free some space, or choose another folder with --results.")


def ffmpeg(path: str | None) -> Finding:
    """What joins sound and picture."""
    if path:
        return Finding("ffmpeg", Health.OK, path)
    return Finding(
        "ffmpeg",
        Health.WARN,
        "not found: only formats that have sound and picture in one file can be had",
        "Install ffmpeg (Debian: apt install ffmpeg).",
    )


def javascript(deno: str | None, node: str | None, *, is_needed: bool = False) -> Finding:
    """What solves YouTube's puzzles.

    Args:
        deno: its path; None when it is missing.
        node: what `node --version` prints; None when it is missing.
        is_needed: downloaders claim nothing without it.
    """
    if deno:
        return Finding("JavaScript", Health.OK, f"deno: {deno}")
    major = re.match(r"v(\d+)", node or "")
    if major and int(major[1]) >= NODE_NEEDED:
        return Finding("JavaScript", Health.OK, f"node {node}")
    words = f"node {node} is too old" if node else "neither deno nor node was found"
    loss = "no downloader starts" if is_needed else "YouTube hides formats from those who cannot run its scripts"
    remedy = f"Install deno (pip install deno), or node {NODE_NEEDED} or newer"
    return Finding(
        "JavaScript",
        Health.BAD if is_needed else Health.WARN,
        f"{words}: {loss}",
        f"{remedy}; or take javascript off TUBEWARREN_FITNESS__PROGRAMS." if is_needed else f"{remedy}.",
    )


def yt_dlp(version: str, today: date, minimum: str = "") -> Finding:
    """The version, whose name is its date; YouTube changes every few weeks.

    Args:
        version: the one that is installed.
        today: the present.
        minimum: the oldest that may work, by the settings; empty for any.
    """
    published, oldest = _date_of(version), _date_of(minimum)
    if published is None:
        return Finding("yt-dlp", Health.OK, version)
    age = today - published
    words = f"{version}, {count(max(0, age.days), 'day')} old"
    if oldest and published < oldest:
        words = f"{words}, and older than the fleet's minimum, {minimum}: no worker starts here"
        return Finding("yt-dlp", Health.BAD, words, "Update it: pip install --upgrade yt-dlp.")
    if age < _YT_DLP_OLD:
        return Finding("yt-dlp", Health.OK, words)
    health = Health.WARN if age < _YT_DLP_TOO_OLD else Health.BAD
    return Finding("yt-dlp", health, words, "Update it: pip install --upgrade yt-dlp.")


def identity(problem: str) -> Finding:
    """Whether workers here can be to the site who the settings say.

    Args:
        problem: why not, with what to do; empty when they can.
    """
    if problem:
        return Finding("identity", Health.BAD, problem, "Mend it as it says, or correct [identity] in the settings.")
    return Finding("identity", Health.OK, "yt-dlp can be whom [identity] says")


def cookie_jars(jars: Sequence[JarSeen]) -> tuple[Finding, ...]:
    """Every jar, by name; nothing that is in it."""
    if not jars:
        words = "there is none, and workers never go without: they start nothing"
        remedy = "Put cookie files in Netscape format, named *.txt, where TUBEWARREN_IDENTITY__COOKIES says."
        return (Finding("cookies", Health.BAD, words, remedy),)
    lost = Health.BAD if all(jar.retired for jar in jars) else Health.WARN
    return tuple(_cookie_jar(jar, lost) for jar in jars)


def unusable_cookie_jars(problem: str) -> Finding:
    """The place of the jars cannot be read or written."""
    return Finding("cookies", Health.BAD, problem, "Mend it as it says.")


def folder(subject: str, path: Path, problem: str | None, option: str) -> Finding:
    """A folder that must be writable; a missing one is made when its parent is."""
    if problem is None:
        return Finding(subject, Health.OK, f"{path} is writable")
    return Finding(subject, Health.BAD, problem, f"Allow it to be written, or choose another with {option}.")


def spreadsheet(name: str) -> Finding:
    """A Google spreadsheet that answers."""
    return Finding("sheet", Health.OK, f'the spreadsheet "{name}" answers')


def silent_spreadsheet(problem: str, *, heals: bool) -> Finding:
    """A Google spreadsheet that cannot be used now; downloads go on without it.

    Args:
        problem: why, with what to do.
        heals: it will by itself.
    """
    if heals:
        return Finding("sheet", Health.WARN, problem, "Wait; downloads go on meanwhile.")
    return Finding("sheet", Health.BAD, problem, "Mend it as it says; `svc sheet check` tells more.")


def is_bad(findings: Sequence[Finding]) -> bool:
    """Whether work cannot be done."""
    return any(finding.health is Health.BAD for finding in findings)


def findings_table(findings: Sequence[Finding]) -> RenderableType:
    """The findings for a person."""
    columns = (
        Column("health", "", text),
        Column("subject", "What", text),
        Column("words", "Found", text, may_wrap=True),
        Column("remedy", "What to do", text, may_wrap=True),
    )
    has_remedy = any(finding.remedy for finding in findings)
    table = plain_table(*(columns if has_remedy else columns[:-1]))
    for finding in findings:
        cells = [Text(finding.health, style=style_of(finding.health)), Text(finding.subject), Text(finding.words)]
        table.add_row(*cells, *([Text(finding.remedy)] if has_remedy else []))
    return table


def findings_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """The findings for a machine."""
    return [
        {"subject": each.subject, "health": each.health.value, "found": each.words, "remedy": each.remedy}
        for each in findings
    ]


def _cookie_jar(jar: JarSeen, lost: Health) -> Finding:
    if jar.retired:
        words = f"jar {jar.name} is dead: {jar.retired}"
        return Finding("cookies", lost, words, "Log in again in a browser, and put its cookies in place of the file.")
    if not jar.is_signed_in:
        words = f"jar {jar.name} has no account of YouTube's that is signed in"
        return Finding("cookies", Health.WARN, words, "If it should have one: log in, and export the cookies anew.")
    return Finding("cookies", Health.OK, f"jar {jar.name} is signed in")


def _topology(drifts: tuple[Drift, ...]) -> Finding:
    if not drifts:
        return Finding("queues", Health.OK, "all are as this version needs them")
    missing = [drift for drift in drifts if drift.what.endswith("is missing")]
    if len(missing) == len(drifts):
        return Finding(
            "queues",
            Health.WARN,
            f"{len(missing)} exchanges and queues are missing",
            "Any service makes them when it starts, and so does `svc topology declare`.",
        )
    differing = len(drifts) - len(missing)
    return Finding(
        "queues", Health.BAD, f"{differing} differ from what this version needs", "See `svc topology check`."
    )


def _date_of(version: str) -> date | None:
    numbers = re.match(r"(\d{4})\.(\d{1,2})\.(\d{1,2})", version)
    try:
        return date(*(int(part) for part in numbers.groups())) if numbers else None
    except ValueError:
        return None
