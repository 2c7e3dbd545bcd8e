"""What a failure means: evidence in, class and reason out, by an ordered table of rules that is data."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import YoutubeError
from tubewarren.youtube.rules import NO_USER_RULES, Facts, Listed, Rule, UserRules, cleaned, folded, rulebook

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
class Explanation:
    """What a failure means, and how that was found.

    Attributes:
        listed: the rule that decided; None when nothing is known.
        matched: what fulfilled its conditions, in words.
    """

    failure: Failure
    listed: Listed | None = None
    matched: tuple[str, ...] = ()


def classify(evidence: Evidence, added: UserRules = NO_USER_RULES) -> Failure:
    """Say what a failure means: the first rule that matches decides, and nothing known is `UNKNOWN`."""
    return explain(evidence, added).failure


def explain(evidence: Evidence, added: UserRules = NO_USER_RULES) -> Explanation:
    """Say what a failure means, and why."""
    facts = _facts(evidence)
    detail = cleaned(evidence.text)[:_LONGEST_DETAIL]
    for listed in rulebook(added):
        if matched := listed.rule.matches(facts):
            return Explanation(_failure(listed.rule, evidence, detail), listed, matched)
    reason = f"nothing we know: {detail or 'no words at all'}"
    return Explanation(Failure(kind=FailureKind.UNKNOWN, reason=reason, detail=detail))


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


def failure_of(error: BaseException, warnings: Sequence[str] = (), added: UserRules = NO_USER_RULES) -> Failure:
    """Classify an exception; one that carries its own failure keeps it."""
    own = next((e for e in _causes(error) if isinstance(e, YoutubeError)), None)
    return own.failure if own else classify(evidence_of(error, warnings), added)


def _facts(evidence: Evidence) -> Facts:
    text = folded(evidence.text)
    found = _STATUS.search(text)
    return Facts(
        text=text,
        warnings=tuple(folded(warning) for warning in evidence.warnings),
        status=evidence.http_status or (int(found.group(1)) if found else None),
        exceptions=frozenset(evidence.exception_types),
        errno=evidence.errno,
        expected=evidence.expected,
    )


def _failure(rule: Rule, evidence: Evidence, detail: str) -> Failure:
    reason = rule.reason
    if evidence.countries and rule.kind is FailureKind.GATED:
        reason += f" It can be seen in: {', '.join(evidence.countries)}."
    return Failure(kind=rule.kind, reason=reason, detail=detail, rule=rule.name, countries=evidence.countries)


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
