"""Whether everything that the demo set out to do is accounted for: site = ledger = workbook = files."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tubewarren.sheets.table import Table

Value = str | int | float | bool | None
Row = Mapping[str, Value]

_SHEET_WORDS = {"done": "done", "dead": "error"}
"""A video's state in the ledger, and the word for it in the sheet."""


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


@dataclass(frozen=True, slots=True)
class Books:
    """What is written down at the end.

    Attributes:
        sources: how many rows the list has, and in which state each is, by address.
        tasks: the ledger's rows of videos.
        checksums: of the files on disk, read again, by video id.
        task_tab: the tab Video Tasks.
        dead_tab: the tab Dead-Letter Tasks.
    """

    sources: Mapping[str, str]
    tasks: Sequence[Row]
    checksums: Mapping[str, str]
    task_tab: Table
    dead_tab: Table


def discrepancies(endings: Collection[Ending], sources: Mapping[str, str], books: Books) -> Iterator[str]:
    """Each thing that is not as it must be, in words; none when all is well."""
    for stray in sorted(set(books.sources) - set(sources)):
        yield f"source {stray}: nobody asked for it"
    for address, state in sources.items():
        if books.sources.get(address) != state:
            yield f"source {address}: {books.sources.get(address, 'unknown')} in the ledger instead of {state}"
    states: dict[str, set[str]] = {}
    for row in books.tasks:
        states.setdefault(str(row["video_id"]), set()).add(str(row["state"]))
    for ending in endings:
        yield from _video(ending, states.get(ending.video_id, {"unknown"}), books)
    expected = {ending.video_id for ending in endings}
    for stray in sorted({*states, *books.checksums} - expected):
        yield f"video {stray}: nobody asked for it"
    yield from _tabs(books)


def _video(ending: Ending, states: Collection[str], books: Books) -> Iterator[str]:
    """A video that several sources list is a task of each of them; all must have ended alike."""
    for state in sorted(set(states) - {ending.state}):
        yield f"video {ending.video_id}: {state} in the ledger instead of {ending.state}"
    checksum = books.checksums.get(ending.video_id)
    if ending.state == "done" and checksum != ending.sha256:
        yield f"video {ending.video_id}: " + ("no file" if checksum is None else "the file differs from the site's")
    if ending.state != "done" and checksum is not None:
        yield f"video {ending.video_id}: there is a file of a video that the site never gave"


def _tabs(books: Books) -> Iterator[str]:
    """The sheet must say of every task what the ledger says of it, and list the dead ones once more."""
    ledger = {
        (str(row["video_id"]), str(row["source_id"])): _SHEET_WORDS.get(str(row["state"]), "") for row in books.tasks
    }
    sheet = {(row["ID"], row["SourceID"]): row["Status"] for row in books.task_tab.records()}
    if ledger != sheet:
        differing = sorted(str(key) for key in ledger.keys() | sheet.keys() if ledger.get(key) != sheet.get(key))
        yield f"the tab Video Tasks differs from the ledger for {', '.join(differing)}"
    dead = {key for key, word in ledger.items() if word == "error"}
    listed = {(row["ID"], row["SourceID"]) for row in books.dead_tab.records()}
    if dead != listed:
        yield f"the tab Dead-Letter Tasks lists {len(listed)} videos instead of {len(dead)}"
