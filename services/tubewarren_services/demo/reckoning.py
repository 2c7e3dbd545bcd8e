"""Whether everything that the demo set out to do is accounted for: what the site has, and what the audit compares."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tubewarren_services.audit.books import Books, FileBook
from tubewarren_services.audit.reckoning import discrepancies


@dataclass(frozen=True, slots=True)
class Ending:
    """How one video must end.

    Attributes:
        video_id: the name of its folder.
        state: `done` or `dead`, as the ledger says it.
        sha256: of the file, for one that is done.
    """

    video_id: str
    state: str
    sha256: str


def shortfalls(endings: Collection[Ending], sources: Mapping[str, str], books: Books) -> Iterator[str]:
    """Each thing that is not as it must be, in words; none when all is well.

    Args:
        endings: of all videos of the site.
        sources: how each source must end, by address.
        books: what is written down at the end.
    """
    told = {str(row["url"]): str(row["state"]) for row in books.ledger.sources}
    for stray in sorted(set(told) - set(sources)):
        yield f"source {stray}: nobody asked for it"
    for address, state in sources.items():
        if told.get(address) != state:
            yield f"source {address}: {told.get(address, 'unknown')} in the ledger instead of {state}"
    states: dict[str, set[str]] = {}
    for row in books.ledger.tasks:
        states.setdefault(str(row["video_id"]), set()).add(str(row["state"]))
    files = _checksums(books.files)
    for ending in endings:
        yield from _video(ending, states.get(ending.video_id, {"unknown"}), files.get(ending.video_id))
    expected = {ending.video_id for ending in endings}
    for stray in sorted({*states, *files} - expected):
        yield f"video {stray}: nobody asked for it"
    for each in discrepancies(books):
        yield f"{each.concerns}: {each.what}"


def _checksums(files: FileBook | None) -> dict[str, str]:
    return {video_id: result.sha256 for video_id, result in files.results.items()} if files else {}


def _video(ending: Ending, states: Collection[str], checksum: str | None) -> Iterator[str]:
    """A video that several sources list is a task of each of them; all must have ended alike."""
    for state in sorted(set(states) - {ending.state}):
        yield f"video {ending.video_id}: {state} in the ledger instead of {ending.state}"
    if ending.state == "done" and checksum != ending.sha256:
        yield f"video {ending.video_id}: " + ("no file" if checksum is None else "the file differs from the site's")
    if ending.state != "done" and checksum is not None:
        yield f"video {ending.video_id}: there is a file of a video that the site never gave"
