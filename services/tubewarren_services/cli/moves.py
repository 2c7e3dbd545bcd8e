"""Select and return: whom to wait for, and what to say of their answers."""

from collections.abc import Iterable, Sequence

from tubewarren.messages.events import ResultsMoved
from tubewarren_services.cli.tables import Row
from tubewarren_services.cli.units import count

_SERVICE = "results-manager"
_SHOWN = 20


def expected_answers(workers: Iterable[Row]) -> int:
    """How many results-managers are at work; 0 when that is not known."""
    return sum(row.get("service") == _SERVICE and row.get("status") == "active" for row in workers)


def moved_lines(answers: Sequence[ResultsMoved], *, names: bool) -> tuple[str, ...]:
    """What each storage did, in sentences; `names` adds the videos' ids."""
    return tuple(line for answer in answers for line in _lines(answer, names=names))


def missing_everywhere(answers: Sequence[ResultsMoved]) -> tuple[str, ...]:
    """Finished videos that no storage that answered has."""
    found = {video for answer in answers for video in answer.selected}
    return tuple(sorted({video for answer in answers for video in answer.missing} - found))


def moved_json(answers: Sequence[ResultsMoved]) -> list[dict[str, object]]:
    """The answers for a machine."""
    return [answer.model_dump(mode="json") for answer in answers]


def _lines(answer: ResultsMoved, *, names: bool) -> list[str]:
    would = "would be " if answer.dry_run else ""
    told = (
        (answer.returned, f"{would}moved back to the results"),
        (answer.selected, f"{would}moved to selected"),
        (answer.missing, "finished, but not in this storage"),
    )
    lines = []
    for videos, what in told:
        if videos:
            lines.append(f"{answer.storage}: {count(len(videos), 'video')} {what}")
            lines += [f"  {video}" for video in videos[:_SHOWN]] if names else []
            lines += [f"  … and {len(videos) - _SHOWN} more"] if names and len(videos) > _SHOWN else []
    return lines or [f"{answer.storage}: nothing to move"]
