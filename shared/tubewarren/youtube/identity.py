"""Identity: who a worker is to the site, with a cookie jar of its own where the settings say so.

The jar is part of the worker's egress, so that pace, blocks and probes count for each jar. It changes only while
nothing is under way: what was begun with one jar is told of by its name.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.events import DEAD_COOKIE_JARS
from tubewarren.settings.model import IdentitySettings
from tubewarren.youtube.cookie_jars import CookieJarsError, Copy, JarPool, JarSeen, LentJar
from tubewarren.youtube.errors import YoutubeFailedError
from tubewarren.youtube.identity_options import UNSEEN, combined, options_of, problem_with, secrets_of, without
from tubewarren.youtube.job import Options
from tubewarren.youtube.nursery import Nursery

_LOOK_EVERY: Final = timedelta(seconds=5)
_REMEDY: Final = "log in again in a browser, export its cookies, and put the new file in its place"

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def open_identity(
    settings: IdentitySettings,
    egress: str,
    use: str,
    nursery: Nursery,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator["Identity"]:
    """Become somebody, for as long as the block lasts.

    Args:
        settings: who.
        egress: how this machine's way to the internet is called.
        use: what for; a jar serves one worker of each use.
        nursery: where yt-dlp is asked whether it can be that.
        clock: the present, in UTC.

    Raises:
        YoutubeFailedError: `UNFIT`, when yt-dlp could not be asked.
    """
    identity = Identity(settings, egress, use, clock, await problem_with(settings, nursery))
    try:
        await identity.why_unfit()
        yield identity
    finally:
        identity.give_back()


@dataclass(slots=True)
class Identity:
    """Who one worker is.

    Attributes:
        address: how this machine's way to the internet is called.
        use: what the jar is for.
        clock: the present, in UTC.
        problem: what of the settings cannot work here; empty when all can.
        alarm: which jars are dead, with what to do; empty when none is.
    """

    settings: IdentitySettings
    address: str
    use: str
    clock: Callable[[], datetime]
    problem: str = ""
    alarm: str = ""
    _dead: tuple[str, ...] = ()
    _lent: LentJar | None = None
    _spent: str = ""
    _in_use: int = 0
    _words: str = ""
    _looked_at: datetime | None = None
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def egress(self) -> str:
        """The way to the internet, with the jar when there is one."""
        return f"{self.address}+{self._lent.jar.name}" if self._lent else self.address

    @property
    def why_changing(self) -> str:
        """Why nothing more may start until there is another jar; empty while this one will do."""
        return self._spent

    @property
    def facts(self) -> dict[str, str]:
        """For the heartbeat."""
        facts = {"egress": self.egress}
        if self._lent:
            facts["cookie_jar"] = self._lent.jar.name
        if self._dead:
            # None of them can be in the name of a file.
            facts[DEAD_COOKIE_JARS] = "/".join(self._dead)
        return facts

    def with_alarm(self, doing: str) -> str:
        """What a worker does, and the alarm, for the heartbeat."""
        return " ".join(filter(None, (doing, self.alarm)))

    async def why_unfit(self) -> str:
        """Why nothing can be done as this identity now; empty when it can. Asked often, it changes a jar that is spent.

        What is wanted never goes out without cookies when the settings want cookies.
        """
        if self.problem or self.settings.cookies is None:
            return self.problem
        async with self._changing:
            if self._lent and self._spent and not self._in_use:
                self.give_back()
            if self._lent is None or self._is_time():
                await asyncio.to_thread(self._look, JarPool(self.settings.cookies.absolute()))
        return self._spent or ("" if self._lent else self._words)

    @asynccontextmanager
    async def wearing(self, given: Options, *, counts: bool = False) -> AsyncIterator[dict[str, Any]]:
        """The options for one piece of work, with a private copy of the cookies that it may change.

        Args:
            given: the person's own options.
            counts: this is a video, and uses the jar up.

        Raises:
            YoutubeFailedError: `UNFIT` when there are no cookies and there should be; what the work itself raises has
                no secret of this identity left in it.
        """
        options, secrets = combined(options_of(self.settings), given), secrets_of(self.settings)
        try:
            if self.settings.cookies is None:
                yield options
                return
            async with self._with_cookies(counts=counts) as (lent, copy):
                secrets = (*secrets, str(lent.folder), str(lent.jar.file))
                yield {**options, **UNSEEN, "cookiefile": str(copy)}
        except YoutubeFailedError as error:
            raise YoutubeFailedError(without(secrets, error.failure)) from None

    def give_back(self) -> None:
        """Let others have the jar."""
        lent, self._lent, self._spent = self._lent, None, ""
        if lent:
            lent.give_back()

    @asynccontextmanager
    async def _with_cookies(self, *, counts: bool) -> AsyncIterator[tuple[LentJar, Path]]:
        lent = self._lent
        if lent is None or self._spent:
            raise _unfit(self._spent or self._words)
        self._in_use += 1
        try:
            copy = await asyncio.to_thread(self._begin, lent, counts=counts)
            try:
                yield lent, copy.file
            finally:
                await asyncio.to_thread(self._end, lent, copy)
        finally:
            self._in_use -= 1

    def _begin(self, lent: LentJar, *, counts: bool) -> Copy:
        try:
            copy = lent.copy()
            if copy is None:
                self._is_spent(lent, "dead")
                raise _unfit(self._spent)
            if counts:
                self._count(lent)
        except OSError as error:
            raise _unfit(f"The cookie jars cannot be used ({error.strerror}): may this worker write there?") from None
        return copy

    def _end(self, lent: LentJar, copy: Copy) -> None:
        try:
            if not lent.take_back(copy):
                self._is_spent(lent, "dead")
        except OSError as error:
            # The work is done all the same.
            log.warning("renewed cookies were not kept", jar=lent.jar.name, problem=error.strerror)

    def _count(self, lent: LentJar) -> None:
        limit, today = self.settings.videos_per_day_and_jar, self.clock().date()
        if limit is not None and lent.jar.count(today) >= limit:
            self._is_spent(lent, "used up")

    def _is_spent(self, lent: LentJar, how: str) -> None:
        if lent is not self._lent or self._spent:
            return
        self._spent = f"Cookie jar {lent.jar.name} is {how}: the next is taken when what is under way has ended."
        self._looked_at = None
        if how == "dead":
            log.error("a cookie jar is dead", jar=lent.jar.name, what_to_do=_REMEDY)
        else:
            log.info("a cookie jar is used up for today", jar=lent.jar.name)

    def _is_time(self) -> bool:
        return self._looked_at is None or abs(self.clock() - self._looked_at) >= _LOOK_EVERY

    def _look(self, pool: JarPool) -> None:
        self._looked_at = self.clock()
        try:
            today, limit = self.clock().date(), self.settings.videos_per_day_and_jar
            if self._lent is None:
                self._lent = pool.take(self.use, today, limit)
                if self._lent:
                    log.info("took a cookie jar", jar=self._lent.jar.name)
            seen = pool.seen()
            used_up = {jar.name for jar in pool.jars() if limit is not None and jar.videos_on(today) >= limit}
            self.alarm = alarm_of(seen)
            self._dead = tuple(jar.name for jar in seen if jar.retired)
            self._words = why_none(seen, used_up)
        except CookieJarsError as error:
            self._words = str(error)


def alarm_of(seen: Iterable[JarSeen]) -> str:
    """Which jars are dead, with what to do; empty when none is."""
    dead = [jar for jar in seen if jar.retired]
    return " ".join(f"Cookie jar {jar.name} is dead, {jar.retired}: {_REMEDY}." for jar in dead)


def why_none(seen: tuple[JarSeen, ...], used_up: Iterable[str]) -> str:
    """Why no jar can be had."""
    if not seen:
        return "There is no cookie jar: put cookie files in Netscape format, named *.txt, into the folder."
    spent = set(used_up)
    others = [jar.name for jar in seen if not jar.retired and jar.name not in spent]
    words = [alarm_of(seen)] if alarm_of(seen) else []
    words += [f"Cookie jar {name} is used up for today." for name in sorted(spent)]
    words += [f"Cookie jar {name} is in use by another worker: add one for each worker." for name in others]
    return " ".join(words)


def _unfit(reason: str) -> YoutubeFailedError:
    return YoutubeFailedError(Failure(kind=FailureKind.UNFIT, reason=reason, rule="cookies-not-there"))
