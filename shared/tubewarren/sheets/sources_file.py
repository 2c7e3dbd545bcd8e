"""Read a `sources.txt`: `URL|Name|Gender|Accent|ContentType|Type|MultispeakerPercentage`, one source a line."""

from collections.abc import Mapping
from dataclasses import dataclass

from tubewarren.sheets.tabs import SOURCE_DETAILS

_FIELDS = ("URL", *SOURCE_DETAILS)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_QUOTE = 200


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source.

    Attributes:
        number: the line's, counted from 1.
        columns: what else is written there, by column of the tab Sources; empty fields are left out.
    """

    number: int
    url: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used: its number from 1, its text (cut), and why, with what to do."""

    number: int
    text: str
    reason: str


def parse_sources(content: bytes) -> tuple[tuple[SourceLine, ...], tuple[BadLine, ...]]:
    """Return the sources and the lines that are none, each in the order of the file.

    Blank lines, lines that begin with `#`, and a line that repeats the format are no sources and no
    mistake. Whether a URL is one, and allowed, is not decided here.
    """
    lines = content.removeprefix(_BYTE_ORDER_MARK).splitlines()
    parsed = [_parse(number, line) for number, line in enumerate(lines, start=1)]
    sources = tuple(line for line in parsed if isinstance(line, SourceLine))
    bad = tuple(line for line in parsed if isinstance(line, BadLine))
    return sources, bad


def _parse(number: int, line: bytes) -> SourceLine | BadLine | None:
    text = line.decode("utf-8", errors="replace").strip()
    if not text or text.startswith("#"):
        return None
    fields = [field.strip() for field in text.split("|")]
    if fields == list(_FIELDS):
        return None
    if reason := _fault(line, fields):
        return BadLine(number, text[:_LONGEST_QUOTE], reason)
    columns = {name: value for name, value in zip(SOURCE_DETAILS, fields[1:], strict=False) if value}
    return SourceLine(number, fields[0], columns)


def _fault(line: bytes, fields: list[str]) -> str | None:
    if not _is_utf8(line):
        return "This is not UTF-8 text: save the file as UTF-8."
    if any(character < " " and character != "\t" for character in "".join(fields)):
        return "There are control characters in this line: type it anew, and save the file as UTF-8."
    if not fields[0]:
        return f"There is no URL: a line begins with one, as in {'|'.join(_FIELDS)}."
    if any(fields[len(_FIELDS) :]):
        return f"There are {len(fields)} fields, at most {len(_FIELDS)} are known: {'|'.join(_FIELDS)}."
    return None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
