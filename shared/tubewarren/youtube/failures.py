"""What a failure means: evidence in, class and reason out, by an ordered table of rules that is data."""

import errno
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import YoutubeError

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_STATUS = re.compile(r"http error (\d{3})")
_LONGEST_DETAIL = 500
_DEEPEST_CAUSE = 10


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a failure, freed from the library's types.

    Attributes:
        text: the error's own words.
        warnings: what the library only warned about; some errors hide their cause there.
        http_status: of the answer that caused it.
        countries: where the video may be seen, when the error says so.
        expected: False when the library takes the error for a bug of its own; None when it does not say.
        exception_types: class names of the error, its bases and its causes.
        errno: of the operating system's error behind it.
    """

    text: str
    warnings: tuple[str, ...] = ()
    http_status: int | None = None
    countries: tuple[str, ...] = ()
    expected: bool | None = None
    exception_types: tuple[str, ...] = ()
    errno: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table: it matches when everything it names matches; within one field any value will do."""

    kind: FailureKind
    reason: str
    text: tuple[str, ...] = ()
    warning: tuple[str, ...] = ()
    status: tuple[int, ...] = ()
    exception: tuple[str, ...] = ()
    errno: tuple[int, ...] = ()
    expected: bool | None = None


def classify(evidence: Evidence) -> Failure:
    """Say what a failure means: the first rule that matches decides, and nothing known is `UNKNOWN`."""
    facts = _Normal(evidence)
    rule = next((rule for rule in rules() if facts.match(rule)), None)
    detail = _clean(evidence.text)[:_LONGEST_DETAIL]
    if rule is None:
        return Failure(
            kind=FailureKind.UNKNOWN, reason=f"nothing we know: {detail or 'no words at all'}", detail=detail
        )
    reason = rule.reason
    if evidence.countries and rule.kind is FailureKind.GATED:
        reason += f" It can be seen in: {', '.join(evidence.countries)}."
    return Failure(kind=rule.kind, reason=reason, detail=detail)


def evidence_of(error: BaseException, warnings: Sequence[str] = ()) -> Evidence:
    """Take what matters out of an exception of yt-dlp, of a user's processor, or of Python itself."""
    chain = tuple(_causes(error))
    # The innermost words of an extractor are bare; those of the outer error carry prefixes and advice.
    text = _first(chain, "orig_msg", str)
    return Evidence(
        text=text or _words(error),
        warnings=tuple(warnings),
        http_status=_first(chain, "status", int),
        countries=tuple(str(country) for country in _first(chain, "countries", list) or ()),
        expected=_first(chain, "expected", bool),
        exception_types=tuple(dict.fromkeys(kind.__name__ for e in chain for kind in type(e).__mro__)),
        errno=_first(chain, "errno", int),
    )


def failure_of(error: BaseException, warnings: Sequence[str] = ()) -> Failure:
    """Classify an exception; one that carries its own failure keeps it."""
    own = next((e for e in _causes(error) if isinstance(e, YoutubeError)), None)
    return own.failure if own else classify(evidence_of(error, warnings))


@cache
def rules() -> tuple[Rule, ...]:
    """The table, in order, from the package's data file."""
    table = tomllib.loads(files("tubewarren.youtube").joinpath("failures.toml").read_text(encoding="utf-8"))
    return tuple(_rule(row) for row in table["rule"])


class _Normal:
    """Evidence, spelled the way the rules are."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        # yt-dlp adds a hint about signing in to every reason with "sign in" in it: it says nothing.
        self._text = _fold(evidence.text).partition("use --cookies")[0]
        self._warnings = tuple(_fold(warning) for warning in evidence.warnings)
        found = _STATUS.search(self._text)
        self._status = evidence.http_status or (int(found.group(1)) if found else None)

    def match(self, rule: Rule) -> bool:
        evidence = self._evidence
        return all(
            (
                not rule.text or any(part in self._text for part in rule.text),
                not rule.warning or any(part in warning for part in rule.warning for warning in self._warnings),
                not rule.status or self._status in rule.status,
                not rule.exception or not set(rule.exception).isdisjoint(evidence.exception_types),
                not rule.errno or evidence.errno in rule.errno,
                rule.expected is None or evidence.expected is rule.expected,
            )
        )


def _rule(row: dict[str, Any]) -> Rule:
    return Rule(
        kind=FailureKind(row["kind"]),
        reason=row["reason"],
        text=tuple(_fold(part) for part in row.get("text", ())),
        warning=tuple(_fold(part) for part in row.get("warning", ())),
        status=tuple(status for part in row.get("status", ()) for status in _span(part)),
        exception=tuple(row.get("exception", ())),
        errno=tuple(getattr(errno, name) for name in row.get("errno", ()) if hasattr(errno, name)),
        expected=row.get("expected"),
    )


def _span(status: int | str) -> range:
    first, _, last = str(status).partition("-")
    return range(int(first), int(last or first) + 1)


def _fold(text: str) -> str:
    return _clean(text).replace("\u2019", "'").lower()


def _clean(text: str) -> str:
    bare = _ANSI.sub("", text).strip().removeprefix("ERROR:").strip()
    return bare.removeprefix("[download] Got error:").strip()


def _words(error: BaseException) -> str:
    text = str(error).strip()
    # Messages of yt-dlp stand for themselves; those of anybody else, such as KeyError('x'), need their type.
    if any(kind.__name__ == "YoutubeDLError" for kind in type(error).__mro__):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, then what it wraps, from the outside in."""
    current: BaseException | None = error
    for _ in range(_DEEPEST_CAUSE):
        if current is None:
            return
        yield current
        wrapped = getattr(current, "exc_info", None)
        inner = wrapped[1] if isinstance(wrapped, tuple) and len(wrapped) > 1 and wrapped[1] is not current else None
        cause = getattr(current, "cause", None)
        following = next((e for e in (cause, inner, current.__cause__) if isinstance(e, BaseException)), None)
        current = following


def _first(chain: Sequence[BaseException], name: str, kind: type) -> Any:  # noqa: ANN401 - of the type asked for
    return next((value for e in chain if isinstance(value := getattr(e, name, None), kind)), None)
