"""The rules that say what a failure means: an ordered table that is data, and what a person adds to it."""

import errno
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import FailureRulesError

OUR_FILE = "tubewarren/youtube/failures.toml"
"""How our own table is called where a person reads of it."""

SUBSTRINGS = "youtube.fatal_error_substrings"
"""The setting whose every entry is a rule."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# yt-dlp adds a hint about signing in to every reason with "sign in" in it: it says nothing.
_LOGIN_HINT = re.compile(r"\s*\buse --cookies.*", re.DOTALL | re.IGNORECASE)
_SPAN = re.compile(r"([1-5]\d\d)(?:-([1-5]\d\d))?")
_LONGEST_NAME = 60
_NOT_OF_THE_VIDEO = frozenset({FailureKind.UNFIT, FailureKind.POISON, FailureKind.BLOCKED})


def cleaned(text: str) -> str:
    """What was said, without colours, and without what yt-dlp puts before every error and after many."""
    bare = _LOGIN_HINT.sub("", _ANSI.sub("", text)).strip().removeprefix("ERROR:").strip()
    # Of a piece of a stream it says this: a piece that is not there is no video that is not there.
    return re.sub(r"^\[download\] Got error:", "unable to download video data:", bare)


def folded(text: str) -> str:
    """Spelled the way rules and messages are compared: bare, with straight apostrophes, in lower case."""
    return cleaned(text).replace("\u2019", "'").lower()


def _known_class(value: object) -> object:
    kinds = [kind.value for kind in FailureKind]
    if value not in kinds:
        # The class itself reads what it does not know as unknown, for messages of newer workers.
        raise ValueError(f"there is no such class; choose {', '.join(kinds)}")
    return value


def _known_error(name: str) -> str:
    if not hasattr(errno, name):
        raise ValueError(f"{name} is no name of an error of the operating system, such as ENOSPC")
    return name


def _span(value: object) -> str:
    found = _SPAN.fullmatch(str(value))
    if found is None or found[1] > (found[2] or found[1]):
        raise ValueError('write a status such as 429, or a span such as "500-599"')
    return found[0]


_Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Part = Annotated[str, AfterValidator(folded), Field(min_length=1)]
_Status = Annotated[str, BeforeValidator(_span)]


class Rule(BaseModel):
    """One row of the table: it matches when everything that it names matches; within one field any value will do.

    Attributes:
        name: short and stable; people filter by it, and the same trouble on many videos is recognised by it.
        reason: one sentence that a person can act on.
        text: substrings of the error's words.
        warning: substrings of what was only warned about.
        status: of HTTP; `429` or `500-599`.
        exception: class names of the error, its bases and its causes.
        errno: names of the operating system's error behind it.
        expected: what yt-dlp says of its own error; False when it takes it for a defect of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=_LONGEST_NAME)]
    kind: Annotated[FailureKind, BeforeValidator(_known_class)]
    reason: _Sentence
    text: tuple[_Part, ...] = ()
    warning: tuple[_Part, ...] = ()
    status: tuple[_Status, ...] = ()
    exception: tuple[_Sentence, ...] = ()
    errno: tuple[Annotated[str, AfterValidator(_known_error)], ...] = ()
    expected: bool | None = None

    @model_validator(mode="after")
    def _must_name_something(self) -> Self:
        if not (self.text or self.warning or self.status or self.exception or self.errno or self.expected is not None):
            raise ValueError("it has no condition; name at least one of text, warning, status, exception, errno")
        return self

    def matches(self, facts: "Facts") -> tuple[str, ...]:
        """What in these facts fulfils each condition, in words; nothing when one of them is not fulfilled."""
        conditions: tuple[tuple[str, object, list[object]], ...] = (
            ("text", self.text, [part for part in self.text if part in facts.text]),
            ("warning", self.warning, [part for part in self.warning if any(part in said for said in facts.warnings)]),
            ("HTTP status", self.status, [facts.status for span in self.status if _within(facts.status, span)]),
            ("exception", self.exception, [name for name in self.exception if name in facts.exceptions]),
            ("errno", self.errno, [name for name in self.errno if getattr(errno, name) == facts.errno]),
            ("expected", self.expected is not None, [facts.expected] if facts.expected is self.expected else []),
        )
        named = [(field, found) for field, wanted, found in conditions if wanted]
        if not all(found for _, found in named):
            return ()
        return tuple(f"{field}: {value}" for field, found in named for value in found)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule is compared with; words are `folded`."""

    text: str = ""
    warnings: tuple[str, ...] = ()
    status: int | None = None
    exceptions: frozenset[str] = frozenset()
    errno: int | None = None
    expected: bool | None = None


class UserRules(BaseModel):
    """What a person adds to our rules; it travels with each order to the process that classifies.

    Attributes:
        file: where `rules` were read.
        rules: asked before ours.
        fatal_error_substrings: each means that a video is gone. They are asked after our rules about machines and
            workers that are refused: the words of a rate limit begin with those of a dead video.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = ""
    rules: tuple[Rule, ...] = ()
    fatal_error_substrings: tuple[str, ...] = ()


NO_USER_RULES = UserRules()


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule at its place in the table.

    Attributes:
        origin: the file or the setting that it comes from.
    """

    rule: Rule
    origin: str


@cache
def rulebook(added: UserRules = NO_USER_RULES) -> tuple[Listed, ...]:
    """Every rule, in the order in which they are asked."""
    ours = [Listed(rule, OUR_FILE) for rule in our_rules()]
    place = next(
        (at for at, listed in enumerate(ours) if listed.rule.kind not in _NOT_OF_THE_VIDEO),
        len(ours),
    )
    return (
        *(Listed(rule, added.file) for rule in added.rules),
        *ours[:place],
        *(Listed(_fatal(part), SUBSTRINGS) for part in added.fatal_error_substrings),
        *ours[place:],
    )


@cache
def our_rules() -> tuple[Rule, ...]:
    """The table of this package, in order."""
    text = files("tubewarren.youtube").joinpath("failures.toml").read_text(encoding="utf-8")
    return _parsed(tomllib.loads(text), OUR_FILE)


def read_rules(file: Path) -> tuple[Rule, ...]:
    """The rules of a person's own file, in order.

    Raises:
        FailureRulesError: it cannot be read, or one of its rules cannot be used.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unusable(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _unusable(f"{file}: not valid TOML: {error}") from error
    return _parsed(table, str(file))


def _parsed(table: Mapping[str, Any], file: str) -> tuple[Rule, ...]:
    rows = table.get("rule", [])
    if strange := [name for name in table if name != "rule"]:
        raise _unusable(f"{file}: {strange[0]} means nothing here; each rule begins with [[rule]]")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _unusable(f"{file}: each rule begins with [[rule]]")
    rules = tuple(_rule(row, f"{file}: rule {number}", file) for number, row in enumerate(rows, 1))
    if twice := _doubles(rule.name for rule in rules):
        raise _unusable(f"{file}: rule {twice!r}: there are several of this name; each needs its own")
    return rules


def _rule(row: dict[str, Any], place: str, file: str) -> Rule:
    try:
        return Rule.model_validate(row)
    except ValidationError as error:
        name = row.get("name")
        where = f"{file}: rule {name!r}" if isinstance(name, str) else place
        raise _unusable(f"{where}: {'; '.join(_complaints(error))}") from error


def _complaints(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        field = str(problem["loc"][0]) if problem["loc"] else ""
        match problem["type"]:
            case "extra_forbidden":
                words = f"there is no such field; choose {', '.join(Rule.model_fields)}"
            case "missing":
                words = "it is missing"
            case "tuple_type":
                words = 'write a list, such as ["one", "two"]'
            case "string_pattern_mismatch":
                words = f"{problem['input']!r}: write small letters, digits and single hyphens"
            case _:
                words = problem["msg"].removeprefix("Value error, ")
        yield f"{field}: {words}" if field else words


def _doubles(names: Iterable[str]) -> str:
    seen: set[str] = set()
    # `add` returns nothing: a name is given when it was there before.
    return next((name for name in names if name in seen or seen.add(name)), "")  # type: ignore[func-returns-value]


def _fatal(part: str) -> Rule:
    slug = re.sub(r"[^a-z0-9]+", "-", folded(part)).strip("-")[: _LONGEST_NAME - len("fatal-")].strip("-")
    return Rule(
        name=f"fatal-{slug or 'words'}",
        kind=FailureKind.GONE,
        reason=f"The setting {SUBSTRINGS} says that {part!r} means a video that cannot be had.",
        text=(part,),
    )


def _within(status: int | None, span: str) -> bool:
    first, _, last = span.partition("-")
    return status is not None and int(first) <= status <= int(last or first)


def _unusable(reason: str) -> FailureRulesError:
    return FailureRulesError(Failure(kind=FailureKind.UNFIT, reason=reason, rule="rules-unusable"))
