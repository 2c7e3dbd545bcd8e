"""The reckoning: what the plan wanted, and what ledger, sheet, files, dead queues and calls say. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chaos.plan import MOST_ATTEMPTS, Ending, PlannedSource, PlannedVideo
from tubewarren.failures import FailureKind

Key = tuple[str, str]
"""A video and a source."""
Row = Mapping[str, str | int | float | bool | None]

_WORDS: Final = {"done": "done", "dead": "error"}


@dataclass(frozen=True, slots=True)
class Call:
    """One start of a video's work."""

    video: str
    source: str
    attempt: int
    egress: str
    does: str

    @property
    def key(self) -> Key:
        return (self.video, self.source)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The plan with the names that this run gave.

    Attributes:
        sources: by address.
        videos: by the id of the video.
        names: the ids of the videos, by slug.
    """

    sources: Mapping[str, PlannedSource]
    videos: Mapping[str, PlannedVideo]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What is there at the end.

    Attributes:
        sources: the ledger's rows,
        tasks: likewise.
        sheet_sources: the rows of the tab Sources,
        sheet_tasks: of Video Tasks,
        sheet_dead: of Dead-Letter Tasks.
        checksums: of the file of each video in the store.
        manifests: the checksum that each result tells of itself.
        staging: the videos that have a folder with something in it where work is done.
        letters: source and video of what lies in the dead queues; no video for a source.
        calls: in order.
    """

    sources: Collection[Row]
    tasks: Collection[Row]
    sheet_sources: Collection[Mapping[str, str]]
    sheet_tasks: Collection[Mapping[str, str]]
    sheet_dead: Collection[Mapping[str, str]]
    checksums: Mapping[str, str]
    manifests: Mapping[str, str]
    staging: Collection[str]
    letters: Collection[Key]
    calls: Collection[Call]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is not as it must be.

    Attributes:
        video: whom `svc why` can tell more of; empty for others.
    """

    what: str
    video: str = ""


def reckon(wanted: Wanted, found: Found, checksum_of: Mapping[str, str]) -> Iterator[Discrepancy]:
    """Each thing that is not as the plan wants it."""
    ids = {str(row["url"]): str(row["source_id"]) for row in found.sources}
    yield from _of_sources(wanted, found)
    tasks = {(str(row["video_id"]), str(row["source_id"])): row for row in found.tasks}
    planned = {
        (wanted.names[slug], ids[url]) for url, source in wanted.sources.items() if url in ids for slug in source.slugs
    }
    for key in sorted(planned - tasks.keys()):
        yield Discrepancy(f"video {_spell(key)}: lost, the ledger does not know it", key[0])
    for key in sorted(tasks.keys() - planned):
        yield Discrepancy(f"video {_spell(key)}: nobody asked for it", key[0])
    calls = _by_task(found.calls)
    for key in sorted(tasks.keys() & planned):
        yield from _of_task(wanted.videos[key[0]], key, tasks[key], calls.get(key, []))
    yield from _of_files(tasks, found, checksum_of)
    yield from _of_sheet(tasks, found)
    yield from _of_letters(wanted, tasks, ids, found)


def lost(wanted: Wanted, found: Found) -> int:
    """How many of the planned tasks have not ended."""
    ended = Counter(str(row["state"]) for row in found.tasks)
    return sum(len(source.slugs) for source in wanted.sources.values()) - ended["done"] - ended["dead"]


def undecided(wanted: Wanted, found: Found) -> frozenset[Key]:
    """Tasks with two right endings: ordered twice, one may be given up first and be done later, beside its letter."""
    calls = _by_task(found.calls)
    keys = {(str(row["video_id"]), str(row["source_id"])) for row in found.tasks}
    return frozenset(
        key for key in keys if key[0] in wanted.videos and len(_allowed(wanted.videos[key[0]], calls.get(key, []))) > 1
    )


def repeated(calls: Iterable[Call]) -> int:
    """Calls beyond the first of an attempt, where the first was not given back: deliveries that came again."""
    given_back = {FailureKind.BLOCKED, FailureKind.SUSPECT, FailureKind.EXTRACTOR, FailureKind.UNFIT}
    counted = Counter((call.key, call.attempt) for call in calls if call.does not in given_back)
    return sum(number - 1 for number in counted.values())


def copies(letters: Iterable[Key]) -> int:
    """Letters beyond the first of an order."""
    return sum(number - 1 for number in Counter(letters).values())


def _of_sources(wanted: Wanted, found: Found) -> Iterator[Discrepancy]:
    told = Counter(str(row["url"]) for row in found.sources)
    states = {str(row["url"]): str(row["state"]) for row in found.sources}
    for url, source in wanted.sources.items():
        if told[url] != 1:
            yield Discrepancy(f"source {url}: {told[url]} times in the ledger")
        elif states[url] != source.state:
            yield Discrepancy(f"source {url}: {states[url]} in the ledger instead of {source.state}")
    for url in sorted(set(told) - set(wanted.sources)):
        yield Discrepancy(f"source {url}: nobody asked for it")
    rows = Counter(row["URL"] for row in found.sheet_sources)
    in_sheet = {row["URL"]: row["Status"] for row in found.sheet_sources}
    for url in sorted(set(rows) | set(wanted.sources)):
        if rows[url] != 1:
            yield Discrepancy(f"source {url}: {rows[url]} rows in the sheet")
        elif in_sheet[url] != states.get(url):
            yield Discrepancy(f"source {url}: {in_sheet[url]} in the sheet, {states.get(url)} in the ledger")


def _of_task(video: PlannedVideo, key: Key, row: Row, calls: list[Call]) -> Iterator[Discrepancy]:
    ending = Ending(str(row["state"]), str(row["failure_kind"] or "") if row["state"] == "dead" else "")
    allowed = _allowed(video, calls)
    struck = sum(call.does == FailureKind.EXTRACTOR for call in calls)
    if ending not in allowed:
        right = " or ".join(sorted(f"{each.state} {each.kind}".strip() for each in allowed))
        yield Discrepancy(f"video {_spell(key)}: {ending.state} {ending.kind} instead of {right}", key[0])
    # An outage is not charged once it is recognised; until then it is.
    most = min(video.charged + struck, MOST_ATTEMPTS)
    highest = max([call.attempt for call in calls] + [int(row["attempt"] or 0)])
    if highest > most:
        story = ", ".join(f"{call.attempt} {call.does} ({call.egress})" for call in calls)
        yield Discrepancy(f"video {_spell(key)}: charged up to attempt {highest} instead of {most}: {story}", key[0])


def _allowed(video: PlannedVideo, calls: Iterable[Call]) -> frozenset[Ending]:
    if any(call.does == FailureKind.EXTRACTOR and call.attempt == MOST_ATTEMPTS for call in calls):
        # Its last attempt met the outage.
        return video.endings | {Ending("dead", FailureKind.EXTRACTOR)}
    return video.endings


def _of_files(tasks: Mapping[Key, Row], found: Found, checksum_of: Mapping[str, str]) -> Iterator[Discrepancy]:
    finished = {video for (video, _), row in tasks.items() if row["state"] == "done"}
    for video in sorted(finished - found.checksums.keys()):
        yield Discrepancy(f"video {video}: done, but it has no file", video)
    for video in sorted(found.checksums.keys() - finished):
        yield Discrepancy(f"video {video}: it has a file, but it is not done", video)
    for video in sorted(finished & found.checksums.keys()):
        if found.checksums[video] != checksum_of.get(video):
            yield Discrepancy(f"video {video}: its file is not the right one", video)
        if found.manifests.get(video) != found.checksums[video]:
            yield Discrepancy(f"video {video}: its manifest tells of another file", video)
    for video in sorted(finished.intersection(found.staging)):
        yield Discrepancy(f"video {video}: done, but something is left in staging", video)
    known = {video for video, _ in tasks}
    for video in sorted(set(found.staging) - known):
        yield Discrepancy(f"{video}: strange, in staging")


def _of_sheet(tasks: Mapping[Key, Row], found: Found) -> Iterator[Discrepancy]:
    states = {key: str(row["state"]) for key, row in tasks.items()}
    dead = {key: state for key, state in states.items() if state == "dead"}
    for tab, rows, wanted in (
        ("Video Tasks", found.sheet_tasks, states),
        ("Dead-Letter Tasks", found.sheet_dead, dead),
    ):
        counted = Counter((row["ID"], row["SourceID"]) for row in rows)
        told = {(row["ID"], row["SourceID"]): row["Status"] for row in rows}
        for key in sorted(counted.keys() | wanted.keys()):
            if counted[key] != (1 if key in wanted else 0):
                yield Discrepancy(f"video {_spell(key)}: {counted[key]} rows in {tab}", key[0])
            elif told[key] != _WORDS.get(wanted[key]):
                yield Discrepancy(f"video {_spell(key)}: {told[key]} in {tab}, but {wanted[key]} in the ledger", key[0])


def _of_letters(
    wanted: Wanted, tasks: Mapping[Key, Row], ids: Mapping[str, str], found: Found
) -> Iterator[Discrepancy]:
    buried = {("", ids[url]) for url, source in wanted.sources.items() if source.letter and url in ids}
    dead = {key for key, row in tasks.items() if row["state"] == "dead"} | buried
    lying = set(found.letters)
    for key in sorted(dead - lying):
        yield Discrepancy(f"{_spell(key)}: dead, but in no dead queue", key[0])
    for key in sorted(lying - dead - undecided(wanted, found)):
        yield Discrepancy(f"{_spell(key)}: in a dead queue, but not dead", key[0])


def _by_task(calls: Iterable[Call]) -> dict[Key, list[Call]]:
    found: dict[Key, list[Call]] = {}
    for call in calls:
        found.setdefault(call.key, []).append(call)
    return found


def _spell(key: Key) -> str:
    return f"{key[1]}/{key[0]}" if key[0] else f"source {key[1]}"
