"""What there is to say of a service's health, and whether it is good news."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: it is.
        ok: whether it is as it should be.
        words: how it is, for a person, with what helps where something does.
    """

    what: str
    ok: bool
    words: str


Findings = tuple[Finding, ...]

STARTING: Findings = (Finding("service", ok=False, words="It is starting, and waits for the broker."),)
TURNING: Findings = (Finding("event loop", ok=True, words="It turns."),)


def are_good(findings: Iterable[Finding]) -> bool:
    """Whether all is as it should be."""
    return all(each.ok for each in findings)


def stuck(seconds: float) -> Findings:
    """Of an event loop that does not turn."""
    return (Finding("event loop", ok=False, words=f"It has not turned for {seconds:.0f} s: the process hangs."),)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a consumer stands with its queue."""

    is_good: bool
    words: str


CONSUMING = Standing(is_good=True, words="It is consumed.")
RESTING = Standing(is_good=True, words="It is left alone for now, as it should be.")
ABSENT = Standing(is_good=False, words="It is not consumed as it should be; the service tries again.")


def readiness(
    *, is_connected: bool, standings: Mapping[str, Standing], unfit: str, is_draining: bool
) -> Iterator[Finding]:
    """Whether a service that is up does what it is there for.

    Work that rests because it shall (a pause, a closed breaker, an egress that sleeps, a limit that is reached) is as
    it should be: the service is ready, for nothing about this process has to change. A service that drains is not, nor
    is one on a machine that is unfit for its work. An alarm of the broker, which stops what publishes, is the broker's
    trouble and no news of the service.

    Args:
        is_connected: to the broker, by both connections.
        standings: of each queue that it works on.
        unfit: why this machine cannot do the work; empty when it can.
        is_draining: it was asked to leave.
    """
    if is_connected:
        yield Finding("broker", ok=True, words="It is connected.")
    else:
        yield Finding("broker", ok=False, words="The connection is lost; it tries again until it is back.")
    for queue, standing in standings.items():
        yield Finding(f"queue {queue}", ok=standing.is_good, words=standing.words)
    yield Finding("machine", ok=not unfit, words=unfit or "It is fit for the work.")
    if is_draining:
        yield Finding("service", ok=False, words="It is draining: what is in hand is finished, and nothing claimed.")
    else:
        yield Finding("service", ok=True, words="It is at work.")


def as_json(findings: Findings) -> str:
    """The answer of a probe."""
    return json.dumps({"ok": are_good(findings), "findings": [asdict(each) for each in findings]}, ensure_ascii=False)


def from_json(text: str) -> Findings:
    """What a probe answered.

    Raises:
        ValueError: it is no answer of ours.
    """
    try:
        return tuple(Finding(**each) for each in json.loads(text)["findings"])
    except (KeyError, TypeError) as error:
        raise ValueError("not the answer of a health probe") from error
