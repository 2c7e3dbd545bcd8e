"""Cookie jars: a folder of them, each lent to one worker at a time, kept fresh, and retired when its account is out.

Beside `alice.txt` lie, hidden, a lock and the private copies of whoever has it, and, open to see, `alice.txt.retired`
when the site has signed the account out. A new `alice.txt` ends its retirement. What is in a jar is never told to
anybody, and neither is where it lies: a jar is called by the stem of its file.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from tubewarren.youtube.cookies import Cookies, is_signed_in, read_cookies, renewed, session_of, write_cookies

SIGNED_OUT: Final = "the site has signed its account out"
UNREADABLE: Final = "it is no cookie file in Netscape format"


class CookieJarsError(Exception):
    """The place of the cookie jars cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class JarSeen:
    """One jar as it lies there.

    Attributes:
        retired: why nobody takes it any more; empty when it may be taken.
        is_signed_in: to YouTube.
    """

    name: str
    retired: str
    is_signed_in: bool


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of cookies, and what lies beside it."""

    file: Path

    @property
    def name(self) -> str:
        """By what it is called, here and in messages."""
        return self.file.stem

    def seen(self) -> JarSeen:
        """Look at it."""
        cookies = read_cookies(self.file)
        why = UNREADABLE if cookies is None else self.why_retired()
        return JarSeen(self.name, why, cookies is not None and is_signed_in(cookies))

    def why_retired(self) -> str:
        """Why nobody takes it; empty when it may be taken. A mark that is not of this very file is of one before."""
        try:
            mark = json.loads(self._mark.read_text(encoding="utf-8"))
            return str(mark["reason"]) if mark["sha256"] == _digest(self.file) else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def copy_to(self, copy: Path) -> Cookies | None:
        """Make a copy that its user may change; what was in it, or None when the jar may not be used."""
        with self._alone():
            cookies = read_cookies(self.file)
            if cookies is None or self.why_retired():
                return None
            # Of a file before this one: whoever looks into the folder shall not be misled.
            self._mark.unlink(missing_ok=True)
            # Written anew and not copied: of a line that it cannot read, yt-dlp would tell the log.
            write_cookies(cookies, copy)
            return cookies

    def take_back(self, before: Cookies, copy: Path) -> bool:
        """Keep what a user's copy has new, so that a session that the site renews lives on.

        A session that has ended retires the jar, unless a person has put in another meanwhile.

        Returns:
            whether the jar may be used again.
        """
        after = read_cookies(copy)
        with self._alone():
            now = read_cookies(self.file)
            if now is None or self.why_retired():
                return False
            if after is None or session_of(now) != session_of(before):
                return True
            if is_signed_in(before) and not is_signed_in(after):
                self._retire(SIGNED_OUT)
                return False
            if (fresh := renewed(before, after, now)) != now:
                _replace(self.file, fresh)
            return True

    def videos_on(self, day: date) -> int:
        """How many were counted on a day."""
        try:
            used = json.loads(self._used.read_text(encoding="utf-8"))
            return int(used["videos"]) if used["day"] == day.isoformat() else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def count(self, day: date) -> int:
        """Count one video; how many there are with it."""
        with self._alone():
            videos = self.videos_on(day) + 1
            _write_text(self._used, json.dumps({"day": day.isoformat(), "videos": videos}))
        return videos

    def _retire(self, reason: str) -> None:
        mark = {"reason": reason, "at": datetime.now(UTC).isoformat(timespec="seconds"), "sha256": _digest(self.file)}
        _write_text(self._mark, json.dumps(mark, indent=1))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While it is read and written: a lister and a downloader may have the same jar."""
        descriptor = _opened(self._beside("lock"))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @property
    def _mark(self) -> Path:
        return self.file.with_name(f"{self.file.name}.retired")

    @property
    def _used(self) -> Path:
        return self._beside("used")

    def _beside(self, what: str) -> Path:
        return self.file.with_name(f".{self.name}.{what}")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a jar for one piece of work.

    Attributes:
        before: what was in it.
    """

    file: Path
    before: Cookies


class LentJar:
    """A jar in the hands of one worker, until `give_back` or the end of its process, however it ends.

    Attributes:
        folder: of its copies, which nobody else may read.
    """

    def __init__(self, jar: Jar, lock: int, folder: Path) -> None:
        self.jar = jar
        self.folder = folder
        self._lock: int | None = lock

    def copy(self) -> Copy | None:
        """A private copy for one piece of work; None when the jar may not be used any more."""
        descriptor, name = tempfile.mkstemp(".txt", dir=self.folder)
        os.close(descriptor)
        before = self.jar.copy_to(Path(name))
        return None if before is None else Copy(Path(name), before)

    def take_back(self, copy: Copy) -> bool:
        """Keep what is new in a copy, and remove it; whether the jar may be used again."""
        try:
            return self.jar.take_back(copy.before, copy.file)
        finally:
            copy.file.unlink(missing_ok=True)

    def give_back(self) -> None:
        """Let others have it; a second call does nothing."""
        lock, self._lock = self._lock, None
        if lock is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(lock)


@dataclass(frozen=True, slots=True)
class JarPool:
    """The jars of one place.

    Attributes:
        place: a folder of `*.txt`, or one such file.
    """

    place: Path

    def jars(self) -> tuple[Jar, ...]:
        """All there are, by name.

        Raises:
            CookieJarsError: the place cannot be read.
        """
        try:
            if self.place.is_dir():
                found = sorted(each for each in self.place.glob("*.txt") if not each.name.startswith("."))
            else:
                self.place.stat()
                found = [self.place]
        except OSError as error:
            raise _unusable(error) from None
        return tuple(Jar(each) for each in found)

    def seen(self) -> tuple[JarSeen, ...]:
        """Look at all of them.

        Raises:
            CookieJarsError: the place cannot be read.
        """
        return tuple(jar.seen() for jar in self.jars())

    def take(self, use: str, today: date, videos_per_day: int | None = None) -> LentJar | None:
        """Take the first that is fit, not used up today, and in nobody's hands for the same use.

        Args:
            use: each jar serves one worker of a kind: listing and downloading do not wait for each other.
            today: in UTC.
            videos_per_day: so many use one up.

        Raises:
            CookieJarsError: the place cannot be read and written.
        """
        for jar in self.jars():
            is_used_up = videos_per_day is not None and jar.videos_on(today) >= videos_per_day
            if not is_used_up and not jar.seen().retired and (lent := _lend(jar, use)):
                return lent
        return None


def _lend(jar: Jar, use: str) -> LentJar | None:
    try:
        lock = _locked(jar.file.with_name(f".{jar.name}.{use}.lock"))
    except OSError as error:
        raise _unusable(error) from None
    if lock is None:
        return None
    folder = jar.file.with_name(f".{jar.name}.{use}.work")
    try:
        # What a killed process left; nobody else can be using it.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        os.close(lock)
        raise _unusable(error) from None
    return LentJar(jar, lock, folder)


def _locked(path: Path) -> int | None:
    """The descriptor that holds the lock; closing it lets go. None when somebody else has it."""
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _opened(lock: Path) -> int:
    # Not inherited by children, which could otherwise hold it longer than we live.
    return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _replace(file: Path, cookies: Cookies) -> None:
    with _in_place_of(file) as fresh:
        write_cookies(cookies, fresh)


def _write_text(file: Path, text: str) -> None:
    with _in_place_of(file) as fresh:
        fresh.write_text(text, encoding="utf-8")


@contextmanager
def _in_place_of(file: Path) -> Iterator[Path]:
    """Whoever reads sees what was there, or all that is new; only its owner may read it."""
    descriptor, name = tempfile.mkstemp(".new", f".{file.stem}.", file.parent)
    os.close(descriptor)
    try:
        yield Path(name)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _unusable(error: OSError) -> CookieJarsError:
    return CookieJarsError(
        f"The cookie jars cannot be used ({error.strerror}): see that the file or folder that "
        "TUBEWARREN_IDENTITY__COOKIES names is there, and that this user may read and write in it."
    )
