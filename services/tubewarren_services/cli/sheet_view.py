"""What the commands of the sheet say, for a person and for a machine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from tubewarren.sheets.adoption import Found, Kind
from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.inspection import Problem
from tubewarren_services.cli.checkup import Finding, Health
from tubewarren_services.cli.sheet_look import Look
from tubewarren_services.cli.sheet_making import MadeReady
from tubewarren_services.cli.tables import style_of
from tubewarren_services.cli.units import count

_SHOWN: Final = 5
"""Of one kind; a machine is told all."""

_KINDS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.SOURCE_LEFT: (
        "Sources that were in progress, and whose worker is gone",
        "go back to pending, and are listed again",
    ),
    Kind.SOURCE_WITHOUT_ID: ("Sources without ID", "get the next free one"),
    Kind.SOURCE_ID_TWICE: ("Sources with the ID of another one further up", "get an ID of their own"),
    Kind.SOURCE_TWICE: ("Rows that name a source a second time, and say nothing new of it", "are removed"),
    Kind.SOURCE_TWICE_DIFFERING: (
        "Rows that name a source a second time, and describe it otherwise",
        "are told so in their LastError: you choose",
    ),
    Kind.VIDEO_LEFT: ("Videos that wait, or whose worker is gone", "are ordered from the fleet when it runs"),
    Kind.VIDEO_WITHOUT_ID: ("Videos without ID", "get the one in their URL"),
    Kind.VIDEO_ID_A_NUMBER: ("Videos whose ID the sheet took for a number", "get the one in their URL"),
    Kind.VIDEO_TWICE: (
        "Rows that name a video of a source a second time",
        "are removed; the one that is furthest stays",
    ),
    Kind.HEALTHY_VIDEO: (
        "Videos that were declared dead, and most likely are not",
        "are ordered from the fleet when it runs",
    ),
    Kind.HEALTHY_DEAD_LETTER: ("Their rows among the dead", "are removed"),
    Kind.WORKER_LEFT: ("Workers that were not seen for over an hour", "are marked as lost"),
}


def findings_of(look: Look) -> tuple[Finding, ...]:
    """What was found: the sheet as such, the tabs that are in order, and what is wrong."""
    fine = [Finding(title, Health.OK, f"{count(rows, 'row')}, in order") for title, rows in look.rows.items()]
    reached = [Finding("sheet", Health.OK, look.name)] if look.name else []
    return (*reached, *fine, *problem_findings(look.problems))


def unreachable(error: SheetUnavailableError) -> Finding:
    """A sheet that cannot be looked at; the error says what to do."""
    return Finding("sheet", Health.BAD, str(error).rstrip("."), "Then look again.")


def problem_findings(problems: Iterable[Problem]) -> tuple[Finding, ...]:
    """Problems as findings."""
    return tuple(
        Finding(each.where, Health.BAD if each.is_grave else Health.WARN, each.what, each.remedy) for each in problems
    )


def finding_line(finding: Finding) -> Text:
    """One line, not to be broken: there may be addresses in it, to be copied."""
    health = (f"{finding.health:<5}", style_of(finding.health))
    said = f"{finding.words}. {finding.remedy}".rstrip() if finding.remedy else finding.words
    return Text.assemble(health, (f"{finding.subject}: ", "bold"), said)


def made_lines(ready: MadeReady) -> Iterator[str]:
    """What was made, a tab a line."""
    for where in dict.fromkeys(each.where for each in ready.made):
        yield f"{where}: made {'; '.join(each.what for each in ready.made if each.where == where)}."
    if not ready.made and not ready.problems:
        yield "Everything is there; nothing was changed."


def made_json(ready: MadeReady, findings: Sequence[Finding]) -> dict[str, Any]:
    """The same for a machine."""
    return {
        "made": [{"tab": each.where, "what": each.what} for each in ready.made],
        "problems": [{"subject": each.subject, "found": each.words, "remedy": each.remedy} for each in findings],
    }


def adoption_lines(found: Sequence[Found]) -> Iterator[str]:
    """What was found and what becomes of it, kind by kind, with the first rows of each."""
    for kind, (who, what) in _KINDS.items():
        alike = [each for each in found if each.kind is kind]
        if alike:
            yield f"{who}: {len(alike):,}. They {what}."
        yield from (f"    {each.what}{f' ({each.detail})' if each.detail else ''}" for each in alike[:_SHOWN])
        if len(alike) > _SHOWN:
            yield f"    … and {len(alike) - _SHOWN:,} more; --json tells them all"


def at_work_line(names: Sequence[str]) -> str:
    """A warning before a sheet that others may be working on is changed."""
    return (
        f"Still at work, as the tab Workers says: {', '.join(names)}. Stop whatever works on this sheet before it is "
        "taken over."
    )


def adoption_json(found: Sequence[Found], *, repaired: bool) -> dict[str, Any]:
    """The same for a machine, row by row."""
    rows = [{"kind": each.kind.value, "what": each.what, "detail": each.detail} for each in found]
    return {"repaired": repaired, "found": rows}
