"""The pool with real child processes and the real yt-dlp, against a small site on loopback."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tubewarren.failures import FailureKind
from tubewarren.youtube.child_process import Child
from tubewarren.youtube.errors import YoutubeFailedError
from tubewarren.youtube.nursery import Nursery
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.rules import Rule, UserRules
from tubewarren.youtube.wire import FetchOrder, ListOrder

if TYPE_CHECKING:
    from tubewarren.youtube.job import Progress

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROCESSORS = """
import os, sys, time
from pathlib import Path
from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.fetch import fetch
from tubewarren.youtube.job import Progress

def describe(task, columns, folder):
    print("this must not garble the reports")
    os.write(1, b"nor this\\n")
    fetch(task, columns, folder)
    (folder / "name.txt").write_text(f"{columns['Name']} {task.title} {task.attempt}")

def wrong(task, columns, folder):
    {}["missing"]

def full(task, columns, folder):
    raise OSError(28, "No space left on device")

def gated(task, columns, folder):
    raise ProcessingFailedError(Failure(kind=FailureKind.GATED, reason="ask Ada"))

def leave(task, columns, folder):
    sys.exit(3)

def crash(task, columns, folder):
    os._exit(7)

def die(task, columns, folder):
    memory = bytearray(150_000_000)
    memory[::4096] = b"x" * len(memory[::4096])
    task.report(Progress("counting sheep"))
    os.kill(os.getpid(), int(columns["signal"]))
    time.sleep(60)

def segfault(task, columns, folder):
    import ctypes
    ctypes.string_at(0)

def devour(task, columns, folder):
    import resource
    limit = 1_000_000_000
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    bytearray(2 * limit)

def own_words(task, columns, folder):
    raise RuntimeError("Password required for this")

def hang(task, columns, folder):
    (folder / "pid").write_text(str(os.getpid()))
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    task.report(Progress("hanging"))
    (folder / "grandchild").write_text(str(child))
    time.sleep(60)

def say_pid(task, columns, folder):
    (folder / "pid").write_text(str(os.getpid()))

def spin(task, columns, folder):
    while True:
        task.report(Progress("spinning", 10))
        time.sleep(0.01)

def write(task, columns, folder):
    with (folder / "out").open("wb") as file:
        for _ in range(8):
            file.write(b"x"); file.flush()
            time.sleep(0.3)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nursery]:
    modules = tmp_path_factory.mktemp("modules")
    (modules / "users_own.py").write_text(PROCESSORS)
    path = os.pathsep.join(filter(None, [str(modules), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    async with Nursery(timedelta(seconds=60), environment) as nursery:
        yield nursery


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(nursery: Nursery) -> AsyncIterator[ChildPool]:
    async with ChildPool(2, nursery=nursery) as pool:
        yield pool


def order(url: str, folder: Path, **more: Any) -> FetchOrder:
    return FetchOrder(id="key", url=url, folder=folder, **more)


async def failure_of(pool: ChildPool, order: FetchOrder) -> tuple[FailureKind, str]:
    with pytest.raises(YoutubeFailedError) as raised:
        await pool.fetch(order)
    return raised.value.failure.kind, raised.value.failure.reason


async def eventually(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not claim():  # noqa: ASYNC110 - what another process did has no event here
            await asyncio.sleep(0.01)


def is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_direct_link_is_downloaded_whole_with_its_info_and_nothing_else(
    pool: ChildPool, site: Any, media: bytes, tmp_path: Path
) -> None:
    heard: list[Progress] = []

    result = await pool.fetch(order(site.url("ok-a.mp4"), tmp_path), heard.append)

    assert result.files == (Path("info.json"), Path("ok-a.mp4.mp4"))
    assert (tmp_path / "ok-a.mp4.mp4").read_bytes() == media
    assert json.loads((tmp_path / "info.json").read_text())["extractor"] == "generic"
    assert (result.title, result.extractor) == ("ok-a", "generic")
    assert heard[0].phase == "extracting"
    assert heard[-1].done_bytes == heard[-1].total_bytes == len(media)
    assert names_in(tmp_path) == ["info.json", "ok-a.mp4.mp4"]


async def test_a_cut_transfer_fails_and_the_next_attempt_goes_on_where_it_ended(
    pool: ChildPool, site: Any, media: bytes, tmp_path: Path
) -> None:
    cut = order(site.url("cut-a.mp4"), tmp_path)

    first = await failure_of(pool, cut)
    (partial,) = (tmp_path / ".partial").glob("*.part")
    reached = partial.stat().st_size
    await pool.fetch(cut)

    assert first == (FailureKind.TRANSIENT, "The transfer was cut before its end.")
    assert reached > 0
    assert site.ranges("cut-a.mp4")[-1] == f"bytes={reached}-"
    assert (tmp_path / "cut-a.mp4.mp4").read_bytes() == media


async def test_a_partial_file_of_another_format_is_not_gone_on_with(
    pool: ChildPool, site: Any, media: bytes, tmp_path: Path
) -> None:
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "ok-b.webm.mp4.part").write_bytes(b"other" * 100)

    await pool.fetch(order(site.url("ok-b.mp4"), tmp_path))

    assert (tmp_path / "ok-b.mp4.mp4").read_bytes() == media
    assert not any(site.ranges("ok-b.mp4"))


async def test_a_partial_file_that_the_site_will_not_go_on_from_is_given_up(
    pool: ChildPool, site: Any, tmp_path: Path
) -> None:
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "unrangeable-a.mp4.mp4.part").write_bytes(b"x" * 100)

    kind, reason = await failure_of(pool, order(site.url("unrangeable-a.mp4"), tmp_path))

    assert (kind, reason.startswith("The rest of the file")) == (FailureKind.TRANSIENT, True)
    assert names_in(tmp_path) == []


async def test_a_server_that_always_cuts_at_the_same_byte_is_not_asked_for_ever(
    pool: ChildPool, site: Any, tmp_path: Path
) -> None:
    for _ in range(2):
        kind, _reason = await failure_of(pool, order(site.url("wall-a.mp4"), tmp_path))

        assert kind is FailureKind.TRANSIENT
    assert len(site.ranges("wall-a.mp4")) <= 6


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("gone.mp4", FailureKind.GONE),
        ("error.mp4", FailureKind.TRANSIENT),
        ("busy.mp4", FailureKind.BLOCKED),
        ("empty.mp4", FailureKind.TRANSIENT),
        ("feed-3.rss", FailureKind.BAD_INPUT),
    ],
)
async def test_an_address_that_gives_no_video_is_classified(
    pool: ChildPool, site: Any, tmp_path: Path, path: str, kind: FailureKind
) -> None:
    found, reason = await failure_of(pool, order(site.url(path), tmp_path))

    assert (found, reason.endswith((".", "again."))) == (kind, True)
    assert not [name for name in names_in(tmp_path) if name.endswith(".mp4")]


async def test_a_stalled_transfer_is_ended_by_the_watchdog(pool: ChildPool, site: Any, tmp_path: Path) -> None:
    stalled = order(site.url("stall-a.mp4"), tmp_path, no_progress=timedelta(seconds=4))

    kind, reason = await failure_of(pool, stalled)

    assert kind is FailureKind.TRANSIENT
    assert "no progress for 4 seconds" in reason
    assert list((tmp_path / ".partial").glob("*.part"))


async def test_a_transfer_that_never_ends_is_ended_by_its_deadline(pool: ChildPool, site: Any, tmp_path: Path) -> None:
    drip = order(site.url("drip-a.mp4"), tmp_path, deadline=timedelta(seconds=2))

    kind, reason = await failure_of(pool, drip)

    assert kind is FailureKind.TRANSIENT
    assert "not finished within 2 seconds" in reason


async def test_reports_that_only_repeat_themselves_do_not_keep_a_job_alive(pool: ChildPool, tmp_path: Path) -> None:
    spinning = order("x", tmp_path, processor="users_own:spin", no_progress=timedelta(seconds=0.3))

    assert "no progress" in (await failure_of(pool, spinning))[1]


async def test_a_growing_folder_keeps_a_silent_job_alive(pool: ChildPool, tmp_path: Path) -> None:
    writing = order("x", tmp_path, processor="users_own:write", no_progress=timedelta(seconds=2))

    assert (await pool.fetch(writing)).files == (Path("out"),)


async def test_cancelling_kills_the_child_and_what_it_started_before_the_call_ends(
    pool: ChildPool, tmp_path: Path
) -> None:
    running = asyncio.create_task(pool.fetch(order("x", tmp_path, processor="users_own:hang")))
    await eventually(lambda: (tmp_path / "grandchild").exists() and bool((tmp_path / "grandchild").read_text()))
    started = time.monotonic()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert time.monotonic() - started < 10, "what it does takes a minute"
    assert not is_running(int((tmp_path / "pid").read_text()))
    await eventually(lambda: not is_running(int((tmp_path / "grandchild").read_text())))


async def test_a_child_killed_from_outside_is_poison_and_the_pool_goes_on(
    pool: ChildPool, site: Any, tmp_path: Path
) -> None:
    running = asyncio.create_task(failure_of(pool, order("x", tmp_path, processor="users_own:hang")))
    await eventually(lambda: (tmp_path / "grandchild").exists() and bool((tmp_path / "grandchild").read_text()))

    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    kind, reason = await running

    assert kind is FailureKind.POISON
    assert reason.startswith(
        "the child process died of SIGKILL (out of memory?) while it was hanging; at its most it had"
    )
    await eventually(lambda: not is_running(int((tmp_path / "grandchild").read_text())))
    assert (await pool.fetch(order(site.url("ok-c.mp4"), tmp_path))).title == "ok-c"


async def test_a_processor_of_ones_own_gets_task_columns_and_folder(pool: ChildPool, site: Any, tmp_path: Path) -> None:
    own = order(
        site.url("ok-d.mp4"), tmp_path, processor="users_own:describe", columns={"Name": "Ada"}, title="T", attempt=2
    )

    result = await pool.fetch(own)

    assert Path("name.txt") in result.files
    assert (tmp_path / "name.txt").read_text() == "Ada T 2"
    assert result.title == "ok-d"


@pytest.mark.parametrize(
    ("function", "kind", "words"),
    [
        ("wrong", FailureKind.UNKNOWN, "KeyError: 'missing'"),
        ("full", FailureKind.UNFIT, "disk"),
        ("gated", FailureKind.GATED, "ask Ada"),
        ("leave", FailureKind.UNKNOWN, "SystemExit: 3"),
        ("crash", FailureKind.POISON, "exit code 7"),
        ("absent", FailureKind.UNFIT, "the module users_own has no absent"),
    ],
)
async def test_what_a_processor_raises_is_classified(
    pool: ChildPool, tmp_path: Path, function: str, kind: FailureKind, words: str
) -> None:
    found, reason = await failure_of(pool, order("x", tmp_path, processor=f"users_own:{function}"))

    assert found is kind
    assert words in reason


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM"])
async def test_a_child_that_dies_of_a_signal_is_poison_with_all_that_is_known(
    pool: ChildPool, tmp_path: Path, name: str
) -> None:
    deadly = order("x", tmp_path, processor="users_own:die", columns={"signal": str(int(signal.Signals[name]))})

    with pytest.raises(YoutubeFailedError) as raised:
        await pool.fetch(deadly)

    failure = raised.value.failure
    assert (failure.kind, failure.rule) == (FailureKind.POISON, "child-died")
    assert f"died of {name}" in failure.reason
    assert "while it was counting sheep" in failure.reason
    megabytes = re.search(r"at its most it had (\d+) MB of memory", failure.reason)
    assert megabytes is not None
    assert int(megabytes[1]) >= 150


async def test_a_crash_in_a_library_says_where_it_was(pool: ChildPool, tmp_path: Path) -> None:
    with pytest.raises(YoutubeFailedError) as raised:
        await pool.fetch(order("x", tmp_path, processor="users_own:segfault"))

    assert "died of SIGSEGV while it worked on this" in raised.value.failure.reason
    assert "in segfault" in raised.value.failure.detail


async def test_a_job_that_needs_more_memory_than_there_is_is_poison_too(nursery: Nursery, tmp_path: Path) -> None:
    async with ChildPool(1, nursery=nursery) as pool:
        kind, reason = await failure_of(pool, order("x", tmp_path, processor="users_own:devour"))

    assert (kind, "more memory" in reason) == (FailureKind.POISON, True)


async def test_the_phase_of_one_job_is_not_told_of_the_next(nursery: Nursery, site: Any, tmp_path: Path) -> None:
    async with ChildPool(1, nursery=nursery) as pool:
        await pool.fetch(order(site.url("ok-h.mp4"), tmp_path))
        _, reason = await failure_of(pool, order("x", tmp_path, processor="users_own:crash"))

    assert "while it worked on this" in reason


async def test_a_persons_rules_reach_the_process_that_classifies(pool: ChildPool, site: Any, tmp_path: Path) -> None:
    rule = Rule(name="password", kind=FailureKind.GATED, reason="Ask Ada.", text=("password required",))
    added = UserRules(file="own.toml", rules=(rule,), fatal_error_substrings=("HTTP Error 500",))
    listing = ListOrder(url=site.url("error.rss"), allowed_hosts=frozenset({site.host}), rules=added)

    own = await failure_of(pool, order("x", tmp_path, processor="users_own:own_words", rules=added))
    fetched = await failure_of(pool, order(site.url("error.mp4"), tmp_path, rules=added))
    with pytest.raises(YoutubeFailedError) as listed:
        _ = [page async for page in pool.pages(listing)]

    assert own == (FailureKind.GATED, "Ask Ada.")
    assert fetched[0] is listed.value.failure.kind is FailureKind.GONE
    assert "HTTP Error 500" in fetched[1]


@pytest.mark.parametrize(
    ("option", "words"),
    [("proxi", "did you mean proxy?"), ("ignoreerrors", "cannot be set here")],
)
async def test_an_option_that_yt_dlp_would_ignore_or_that_is_ours_is_refused(
    pool: ChildPool, site: Any, tmp_path: Path, option: str, words: str
) -> None:
    kind, reason = await failure_of(pool, order(site.url("ok-e.mp4"), tmp_path, options={option: "x"}))

    assert kind is FailureKind.UNFIT
    assert words in reason


async def test_a_single_file_needs_no_ffmpeg(pool: ChildPool, site: Any, media: bytes, tmp_path: Path) -> None:
    await pool.fetch(order(site.url("ok-g.mp4"), tmp_path, options={"ffmpeg_location": str(tmp_path / "nowhere")}))

    assert (tmp_path / "ok-g.mp4.mp4").read_bytes() == media


async def test_a_finished_file_is_not_fetched_again(pool: ChildPool, site: Any, tmp_path: Path) -> None:
    await pool.fetch(order(site.url("ok-h.mp4"), tmp_path))
    asked = len(site.ranges("ok-h.mp4"))

    again = await pool.fetch(order(site.url("ok-h.mp4"), tmp_path))

    assert Path("ok-h.mp4.mp4") in again.files
    assert len(site.ranges("ok-h.mp4")) == asked + 1  # the page is read, the media is not


async def test_an_option_of_yt_dlp_reaches_it(pool: ChildPool, site: Any, tmp_path: Path) -> None:
    through_nothing = order(
        site.url("ok-f.mp4"), tmp_path, options={"proxy": "http://127.0.0.1:9", "extractor_retries": 0}
    )

    assert (await failure_of(pool, through_nothing))[0] is FailureKind.TRANSIENT


async def test_a_feed_is_listed_page_by_page(pool: ChildPool, site: Any) -> None:
    wanted = ListOrder(url=site.url("feed-5.rss"), allowed_hosts=frozenset({site.host}), page_size=2)

    pages = [page async for page in pool.pages(wanted)]

    assert [len(page.entries) for page in pages] == [2, 2, 1]
    assert [page.last for page in pages] == [False, False, True]
    first = pages[0].entries[0]
    assert (first.url, first.title, first.duration_seconds) == (site.url("ok-0.mp4"), "clip 0", 12.0)
    assert len({entry.key for page in pages for entry in page.entries}) == 5


@pytest.mark.parametrize("read", [1, 2, 4])
async def test_a_list_left_early_gives_its_place_to_the_next(pool: ChildPool, site: Any, read: int) -> None:
    wanted = ListOrder(url=site.url("feed-5.rss"), allowed_hosts=frozenset({site.host}), page_size=1)

    for _ in range(2):
        async with aclosing(pool.pages(wanted)) as pages:
            assert [len((await anext(pages)).entries) for _ in range(read)] == [1] * read

    assert len([page async for page in pool.pages(wanted)]) == 6


async def test_doubles_hidden_and_forbidden_entries_are_left_out_with_reasons(pool: ChildPool, site: Any) -> None:
    wanted = ListOrder(url=site.url("mixed.rss"), allowed_hosts=frozenset({site.host}))

    (page,) = [page async for page in pool.pages(wanted)]

    assert [entry.title for entry in page.entries] == ["one"]
    assert [reason.partition(":")[0] for reason in page.left_out[:2]] == ["file", "http"]
    assert "a private video" in page.left_out[2]


async def test_a_single_video_lists_itself_under_the_key_it_has_in_a_feed(pool: ChildPool, site: Any) -> None:
    hosts = frozenset({site.host})

    (alone,) = [page async for page in pool.pages(ListOrder(url=site.url("ok-0.mp4"), allowed_hosts=hosts))]
    (listed,) = [page async for page in pool.pages(ListOrder(url=site.url("feed-1.rss"), allowed_hosts=hosts))]

    assert alone.entries[0].key == listed.entries[0].key


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("feed-0.rss", FailureKind.BAD_INPUT, "nothing in this list"),
        ("gone.rss", FailureKind.GONE, "nothing at this address"),
    ],
)
async def test_a_list_with_nothing_is_an_error_with_a_reason(
    pool: ChildPool, site: Any, path: str, kind: FailureKind, words: str
) -> None:
    wanted = ListOrder(url=site.url(path), allowed_hosts=frozenset({site.host}))

    with pytest.raises(YoutubeFailedError) as raised:
        _ = [page async for page in pool.pages(wanted)]

    assert raised.value.failure.kind is kind
    assert words in raised.value.failure.reason


async def test_a_list_that_does_not_answer_is_ended_by_the_watchdog(pool: ChildPool, site: Any) -> None:
    wanted = ListOrder(
        url=site.url("stall-list.mp4"), allowed_hosts=frozenset({site.host}), no_progress=timedelta(seconds=0)
    )

    with pytest.raises(YoutubeFailedError, match="no new page of the list within 0 seconds"):
        _ = [page async for page in pool.pages(wanted)]


async def test_a_child_is_replaced_after_so_many_jobs(nursery: Nursery, tmp_path: Path) -> None:
    seen = []

    async with ChildPool(1, jobs_per_child=2, nursery=nursery) as pool:
        for number in range(4):
            await pool.fetch(order("x", tmp_path / str(number), processor="users_own:say_pid"))
            seen.append((tmp_path / str(number) / "pid").read_text())

    assert seen[0] == seen[1] != seen[2] == seen[3]
    assert not any(is_running(int(process_id)) for process_id in seen)


async def test_a_child_that_was_only_just_forked_can_be_ended(nursery: Nursery) -> None:
    for _ in range(20):
        child = await Child.start(nursery)

        async with asyncio.timeout(30):
            assert (await child.end()).code == -signal.SIGKILL


async def test_a_pool_goes_on_after_the_process_that_children_are_forked_of_was_killed(
    nursery: Nursery, tmp_path: Path
) -> None:
    async with ChildPool(1, nursery=nursery) as pool:
        running = asyncio.create_task(failure_of(pool, order("x", tmp_path, processor="users_own:hang")))
        await eventually(lambda: (tmp_path / "grandchild").exists() and bool((tmp_path / "grandchild").read_text()))
        assert nursery._process is not None

        os.kill(nursery._process.pid, signal.SIGKILL)

        assert (await running)[0] is FailureKind.POISON
        await eventually(lambda: not is_running(int((tmp_path / "grandchild").read_text())))
        await pool.fetch(order("x", tmp_path, processor="users_own:say_pid"))


async def test_a_child_ends_with_its_channel_in_the_middle_of_a_download(
    nursery: Nursery, site: Any, tmp_path: Path
) -> None:
    newborn = await nursery.bear()
    reader, writer = await asyncio.open_connection(sock=newborn.channel)
    writer.write(order(site.url("stall-b.mp4"), tmp_path).model_dump_json().encode() + b"\n")
    while b"downloading" not in await reader.readline():
        pass

    writer.close()

    async with asyncio.timeout(10):
        assert (await newborn.exited).code == -signal.SIGKILL
    newborn.errors.close()


async def test_children_that_cannot_start_are_a_reason_and_not_a_hang(tmp_path: Path) -> None:
    async with ChildPool(1, environment={"PYTHONHOME": str(tmp_path)}) as pool:
        for _ in range(2):
            kind, reason = await failure_of(pool, order("x", tmp_path))

            assert kind is FailureKind.UNFIT
            assert reason.startswith("a child process could not load yt-dlp: ")
