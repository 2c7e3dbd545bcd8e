"""Cookies in Netscape's format, as values: read, written, compared and put together."""

from collections.abc import Mapping
from http.cookiejar import Cookie, LoadError, MozillaCookieJar
from io import StringIO
from pathlib import Path
from typing import Final

_Key = tuple[str, str, str]
Cookies = Mapping[_Key, Cookie]
"""By domain, path and name."""

_SESSION: Final = "LOGIN_INFO"
"""The cookie by which YouTube knows that somebody is signed in; it takes it away when it signs them out."""
_HTTP_ONLY: Final = "#HttpOnly_"
_FIELDS: Final = 7
_EXPIRES: Final = 4
_ACCOUNT: Final = frozenset({"SAPISID", "__Secure-1PAPISID", "__Secure-3PAPISID"})


def read_cookies(file: Path) -> dict[_Key, Cookie] | None:
    """What is in a file, but for lines that are no cookies; None when it is no file of cookies.

    It raises nothing: the library's errors and warnings repeat what stands in the file.
    """
    jar = MozillaCookieJar()
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if _is_readable(line)]
        text = StringIO("\n".join((*lines, "")))
        # Its own `load` reads from a file only, and warns of lines that it cannot read.
        jar._really_load(text, "", ignore_discard=True, ignore_expires=True)  # type: ignore[attr-defined]  # noqa: SLF001
    except (OSError, LoadError, ValueError):
        return None
    return {(cookie.domain, cookie.path, cookie.name): cookie for cookie in jar}


def write_cookies(cookies: Cookies, file: Path) -> None:
    """Write them all, those of a session too."""
    jar = MozillaCookieJar(str(file))
    for cookie in cookies.values():
        jar.set_cookie(cookie)
    jar.save(ignore_discard=True, ignore_expires=True)


def is_signed_in(cookies: Cookies) -> bool:
    """Whether these are the cookies of an account of YouTube's that is signed in, as yt-dlp judges it."""
    names = {name for (_, _, name), cookie in cookies.items() if cookie.value and _is_youtubes(cookie)}
    return _SESSION in names and bool(names & _ACCOUNT)


def renewed(before: Cookies, after: Cookies, now: Cookies) -> Cookies:
    """What a jar holds when the changes of one user are added to those that others made meanwhile."""
    result = dict(now)
    for key in before.keys() | after.keys():
        was, has = before.get(key), after.get(key)
        if _same(was, has) or not _same(was, now.get(key)):
            continue
        if has is None:
            result.pop(key, None)
        else:
            result[key] = has
    return now if _all_same(result, now) else result


def session_of(cookies: Cookies) -> tuple[str | None, ...]:
    """What a person's new sign-in differs in from the one before."""
    found = ((key, cookie.value) for key, cookie in cookies.items() if cookie.name == _SESSION and _is_youtubes(cookie))
    return tuple(value for _, value in sorted(found))


def _is_readable(line: str) -> bool:
    bare = line.removeprefix(_HTTP_ONLY)
    if not bare.strip() or bare.startswith("#"):
        return True
    fields = bare.split("\t")
    return len(fields) == _FIELDS and (not fields[_EXPIRES] or fields[_EXPIRES].isdecimal())


def _is_youtubes(cookie: Cookie) -> bool:
    return f".{cookie.domain.lstrip('.')}".endswith(".youtube.com")


def _same(one: Cookie | None, other: Cookie | None) -> bool:
    if one is None or other is None:
        return one is other
    # Two spellings of a session's end: yt-dlp writes 0.
    return (one.value, one.expires or 0) == (other.value, other.expires or 0)


def _all_same(one: Cookies, other: Cookies) -> bool:
    return one.keys() == other.keys() and all(_same(each, other[key]) for key, each in one.items())
