"""Startup: what a person set for yt-dlp is looked at before the first order is taken.

The looking is done where yt-dlp is loaded anyway, by a child that is forked for it.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.addresses import YOUTUBE_HOSTS
from tubewarren.youtube.child_process import Child
from tubewarren.youtube.errors import PresetRefusedError, YoutubeFailedError
from tubewarren.youtube.job import OPTION_REFUSED, Options
from tubewarren.youtube.nursery import Nursery
from tubewarren.youtube.wire import CheckIdentity, CheckOptions, Failed

_PATIENCE: Final = timedelta(seconds=60)


@asynccontextmanager
async def open_nursery(
    options: Options, presets: Mapping[str, Options], allowed_hosts: Collection[str]
) -> AsyncIterator[Nursery]:
    """A nursery whose yt-dlp takes what a person set for it; it is loaded when that is looked at, or a child is wanted.

    Args:
        options: those that a person made, for all videos.
        presets: theirs, by name.
        allowed_hosts: where sources and videos may be.

    Raises:
        PresetRefusedError: naming all that is wrong, each with its preset and option.
        YoutubeFailedError: `UNFIT`, when yt-dlp could not be loaded, or did not answer.
    """
    async with Nursery(is_for_youtube_alone=YOUTUBE_HOSTS.issuperset(allowed_hosts)) as nursery:
        if options or presets:
            order = CheckOptions(options=dict(options), presets={name: dict(each) for name, each in presets.items()})
            failure = await failure_found_by(nursery, order)
            if failure is not None:
                raise PresetRefusedError(failure)
        yield nursery


async def failure_found_by(nursery: Nursery, order: CheckIdentity | CheckOptions) -> Failure | None:
    """What is wrong with what is to be looked at; None when nothing is.

    Raises:
        YoutubeFailedError: `UNFIT`, when yt-dlp could not be loaded, or did not answer; `POISON`, when the child died.
    """
    child = await Child.start(nursery)
    try:
        await child.send(order)
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            report = await child.receive()
    except TimeoutError:
        reason = (
            f"yt-dlp did not say within {_PATIENCE.total_seconds():.0f} seconds whether it takes what is set for it."
        )
        raise YoutubeFailedError(Failure(kind=FailureKind.UNFIT, reason=reason, rule=OPTION_REFUSED)) from None
    finally:
        await child.end()
    return report.failure if isinstance(report, Failed) else None
