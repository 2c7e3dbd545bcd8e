"""What a sheet of the older coordinator holds, and what puts it right."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import pytest

from tubewarren.sheets.adoption import TABS_TO_ADOPT, Adopted, Kind, Terms, adopt, at_work
from tubewarren.sheets.patch import apply
from tubewarren.sheets.reconcile import Key
from tubewarren.sheets.set_back import is_set_back
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import DEAD_LETTER_TASKS, SOURCES, SUMMARY, VIDEO_TASKS, WORKERS, Tab

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD_SOURCES = ("ID", "URL", "Status", "ClaimedBy", "ClaimedAt", "Name", "Mine", "LastError")
OLD_TASKS = ("ID", "SourceID", "URL", "Status", "Duration", "ClaimedBy", "ClaimedAt", "RetryCount", "LastError")
OLD_WORKERS = ("Hostname", "LastSeen", "Status")

Tables = Mapping[Tab, Table]


def terms(kept: Mapping[Tab, Collection[Key]] | None = None, taken: Collection[str] = ()) -> Terms:
    """Failures with `gone` in them are final; an address ends in its video's id."""
    return Terms(
        NOW,
        is_healthy=lambda words: "gone" not in words,
        video_id=lambda url: url.rpartition("=")[2] if "=" in url else None,
        kept=kept or {},
        taken_ids=taken,
    )


def sheet(
    sources: Sequence[Mapping[str, str]] = (),
    videos: Sequence[Mapping[str, str]] = (),
    dead: Sequence[Mapping[str, str]] = (),
    workers: Sequence[Mapping[str, str]] = (),
) -> dict[Tab, Table]:
    return {
        SOURCES: table(OLD_SOURCES, sources),
        VIDEO_TASKS: table(OLD_TASKS, videos),
        DEAD_LETTER_TASKS: table(OLD_TASKS, dead),
        WORKERS: table(OLD_WORKERS, workers),
    }


def table(header: Sequence[str], records: Sequence[Mapping[str, str]]) -> Table:
    return Table.of([header, *([record.get(name, "") for name in header] for record in records)])


def source(source_id: str, url: str = "u", status: str = "done", **more: str) -> dict[str, str]:
    return {"ID": source_id, "URL": url, "Status": status, **more}


def video(video_id: str, status: str, error: str = "", **more: str) -> dict[str, str]:
    url = f"w={video_id}"
    return {"ID": video_id, "SourceID": "1", "URL": url, "Status": status, "LastError": error, **more}


def adopted(tables: Tables, given: Terms | None = None) -> dict[Tab, Adopted]:
    return {tab: adopt(tab, tables, given or terms()) for tab in TABS_TO_ADOPT}


def after(tables: Tables, given: Terms | None = None) -> dict[Tab, Table]:
    return {tab: apply(tables[tab], done.patch) for tab, done in adopted(tables, given).items()}


def rows(tables: Tables, tab: Tab, *names: str) -> list[tuple[str, ...]]:
    return [tuple(record[name] for name in names) for record in tables[tab].records()]


def kinds(tables: Tables, given: Terms | None = None) -> list[Kind]:
    return [found.kind for done in adopted(tables, given).values() for found in done.found]


LEFT_BEHIND = sheet(
    sources=[
        source("1", "u1", "in-progress", ClaimedBy="box", ClaimedAt="then"),
        source("", "u2", "pending"),
        source("1", "u3", "pending"),
        source("1", "u1", "done"),
        source("1", "u1", "done", Mine="other"),
    ],
    videos=[
        video("a", "in-progress", ClaimedBy="box"),
        video("b", "pending"),
        video("c", "error", "429"),
        video("d", "error", "gone"),
        video("e", "done"),
        video("e", "error", "gone"),
        {**video("f", "pending"), "ID": ""},
        {**video("00000000042", "pending"), "ID": "42"},
    ],
    dead=[video("c", "error", "429"), video("d", "error", "gone"), video("g", "error", "timed out")],
    workers=[{"Hostname": "box", "LastSeen": "2026-11-22 10:00:00", "Status": "active"}],
)


def test_each_kind_is_found() -> None:
    assert set(kinds(LEFT_BEHIND)) == set(Kind)


def test_what_was_adopted_is_not_found_again() -> None:
    assert kinds(after(LEFT_BEHIND)) == []


def test_a_repair_that_ended_after_any_tab_is_completed_by_the_next() -> None:
    halfway = dict(LEFT_BEHIND)
    for tab in TABS_TO_ADOPT:
        halfway[tab] = after(halfway)[tab]

    assert halfway == after(LEFT_BEHIND)


def test_a_healthy_sheet_is_left_as_it_is() -> None:
    tables = sheet([source("1")], [video("a", "done"), video("b", "error", "gone")], [video("b", "error", "gone")])

    assert kinds(tables) == []
    assert after(tables) == tables


def test_a_source_whose_worker_is_gone_waits_again_without_a_claim() -> None:
    tables = sheet([source("1", "u", " In-Progress ", ClaimedBy="box", ClaimedAt="then", LastError="e")])

    (row,) = rows(after(tables), SOURCES, "Status", "ClaimedBy", "ClaimedAt", "LastError")

    assert row == ("pending", "", "", "e")


def test_sources_without_id_get_one_that_nothing_has_or_had() -> None:
    tables = sheet([source("", "u1"), source("3", "u2"), source("", "u3"), {"Name": "a heading"}], [video("a", "done")])
    tables[VIDEO_TASKS] = apply(tables[VIDEO_TASKS], adopt(VIDEO_TASKS, tables, terms()).patch)

    assert rows(after(tables), SOURCES, "ID") == [("4",), ("3",), ("5",), ("",)]
    assert rows(after(tables, terms(taken=["8"])), SOURCES, "ID") == [("9",), ("3",), ("10",), ("",)]


def test_an_id_of_which_only_videos_remember_is_not_given_again() -> None:
    tables = sheet([source("", "u1")], [video("a", "done", SourceID="7")])

    assert rows(after(tables), SOURCES, "ID") == [("8",)]


def test_another_source_with_a_used_id_gets_one_of_its_own() -> None:
    tables = sheet([source("1", "https://youtu.be/aaaaaaaaaaa"), source("1", "u2", Name="n"), source("2", "u3")])

    assert rows(after(tables), SOURCES, "ID", "URL", "Name")[1] == ("3", "u2", "n")


@pytest.mark.parametrize("url", ["https://www.youtube.com/@Somebody", "youtube.com/@somebody/", ""])
def test_a_row_that_says_nothing_new_of_its_source_is_removed(url: str) -> None:
    first = source("1", "https://www.youtube.com/@somebody", Name="n", Mine="x")
    tables = sheet([first, source("1", url, "pending", Name="n")])

    assert rows(after(tables), SOURCES, "Status") == [("done",)]


@pytest.mark.parametrize("more", [{"Name": "other"}, {"Mine": "other"}])
def test_a_row_that_describes_its_source_otherwise_is_told_and_stays(more: Mapping[str, str]) -> None:
    tables = sheet([source("1", Name="n"), source("1", **more)])

    _, (source_id, error) = rows(after(tables), SOURCES, "ID", "LastError")

    assert source_id == "1"
    assert "remove the other" in error


@pytest.mark.parametrize(
    "record",
    [
        video("a", "in-progress", "timed out", ClaimedBy="box"),
        video("a", "pending"),
        video("a", "", ClaimedBy="box"),
        video("a", "pending", "an earlier failure", ClaimedBy="box"),
        video("a", "error", "429", ClaimedBy="box"),
    ],
)
def test_a_video_is_set_back_so_that_the_ingestor_orders_it_anew(record: Mapping[str, str]) -> None:
    (row,) = after(sheet(videos=[record]))[VIDEO_TASKS].records()

    assert is_set_back(row)
    # With words in LastError it would be looked for among the dead of our own queues.
    assert not row["LastError"]
    assert row["ClaimedBy"] == (record.get("ClaimedBy") or "adopted")


@pytest.mark.parametrize("record", [video("a", "done"), video("a", "error", "gone"), video("", "pending", URL="x")])
def test_a_video_that_is_done_or_gone_or_nameless_is_left_alone(record: Mapping[str, str]) -> None:
    assert kinds(sheet(videos=[record])) == []


def test_a_tab_without_a_column_for_claims_gets_one() -> None:
    tables = sheet() | {VIDEO_TASKS: Table.of([["SourceID", "ID", "Status"], ["1", "a", "pending"]])}

    (row,) = after(tables)[VIDEO_TASKS].records()

    assert is_set_back(row)


def test_of_rows_for_one_video_the_furthest_stays() -> None:
    order = ["error", "pending", "in-progress", "done"]
    for number in range(2, 5):
        tables = sheet(videos=[video("a", status, "gone", RetryCount=status) for status in order[:number]])

        assert rows(after(tables), VIDEO_TASKS, "RetryCount") == [(order[number - 1],)]


@pytest.mark.parametrize(
    ("video_id", "written", "expected"),
    [
        ("00000000042", "42", "00000000042"),
        ("1234567e890", "1.234567E+896", "1234567e890"),
        ("00000000042", "mine", "mine"),
        ("12345678901", "12345678901", "12345678901"),
    ],
)
def test_an_id_that_the_sheet_took_for_a_number_becomes_what_it_was(video_id: str, written: str, expected: str) -> None:
    tables = sheet(videos=[{**video(video_id, "done"), "ID": written}])

    assert rows(after(tables), VIDEO_TASKS, "ID") == [(expected,)]


def test_a_dead_letter_is_known_by_its_true_id() -> None:
    row = {**video("00000000042", "error", "429"), "ID": "42"}
    tables = sheet(videos=[row], dead=[row])

    assert rows(after(tables), VIDEO_TASKS, "ID", "Status") == [("00000000042", "pending")]
    assert rows(after(tables), DEAD_LETTER_TASKS, "ID") == []


def test_one_video_of_two_sources_is_not_doubled() -> None:
    assert kinds(sheet(videos=[video("a", "done"), video("a", "done", SourceID="2")])) == []


def test_a_healthy_video_leaves_the_dead_and_waits_among_the_videos() -> None:
    tables = sheet(videos=[video("a", "error", "429")], dead=[video("a", "error", "429"), video("b", "error", "gone")])

    done = after(tables)

    assert rows(done, DEAD_LETTER_TASKS, "ID") == [("b",)]
    assert rows(done, VIDEO_TASKS, "ID", "Status") == [("a", "pending")]


def test_a_healthy_video_that_stands_among_the_dead_only_comes_back_with_its_cells() -> None:
    tables = sheet(dead=[video("a", "error", "429", Duration="12")])

    done = after(tables)

    assert rows(done, VIDEO_TASKS, "ID", "SourceID", "URL", "Status", "Duration", "ClaimedBy", "LastError") == [
        ("a", "1", "w=a", "pending", "12", "adopted", "")
    ]
    assert rows(done, DEAD_LETTER_TASKS, "ID") == []


def test_a_row_that_comes_back_finds_a_column_for_its_claim() -> None:
    header = ["ID", "SourceID", "Status"]
    tables = sheet(dead=[video("a", "error", "429")]) | {VIDEO_TASKS: Table.of([header])}

    (row,) = after(tables)[VIDEO_TASKS].records()

    assert is_set_back(row)


def test_a_dead_letter_of_a_video_that_our_fleet_keeps_brings_no_second_row() -> None:
    tables = sheet(dead=[video("a", "error", "429")])

    assert kinds(tables, terms({VIDEO_TASKS: {("a", "1")}})) == [Kind.HEALTHY_DEAD_LETTER]


def test_nothing_is_written_into_a_row_that_is_removed() -> None:
    tables = sheet(videos=[video("a", "done"), {**video("a", "pending"), "ID": ""}])

    patch = adopt(VIDEO_TASKS, tables, terms()).patch

    assert patch.removed == {1}
    assert not patch.cells


@pytest.mark.parametrize("standing", [video("a", "done"), video("a", "error", "gone")])
def test_a_dead_letter_stays_whose_video_was_had_or_is_gone(standing: Mapping[str, str]) -> None:
    assert kinds(sheet(videos=[standing], dead=[video("a", "error", "429")])) == []


def test_rows_that_our_own_fleet_keeps_are_left_to_it() -> None:
    tables = sheet(
        [source("1", status="in-progress")],
        [video("a", "pending"), video("b", "error", "429")],
        [video("b", "error", "429"), video("c", "error", "429")],
    )
    key_a, key_b, key_c = (("a", "1"), ("b", "1"), ("c", "1"))
    kept: dict[Tab, Collection[Key]] = {
        SOURCES: {("1",)},
        VIDEO_TASKS: {key_a, key_b, key_c},
        DEAD_LETTER_TASKS: {key_b, key_c},
    }

    assert kinds(tables, terms(kept)) == []


def test_a_later_row_with_an_id_that_our_fleet_keeps_is_another_source_all_the_same() -> None:
    tables = sheet([source("1", "u1", "in-progress"), source("1", "u2", "in-progress")])

    assert rows(after(tables, terms({SOURCES: {("1",)}})), SOURCES, "ID", "Status") == [
        ("1", "in-progress"),
        ("2", "pending"),
    ]


@pytest.mark.parametrize(
    ("seen", "status", "expected"),
    [
        ("2026-11-22 10:59:00", "active", "lost"),
        ("2026-11-22T10:59:00+00:00", "active", "lost"),
        ("2026-11-22 11:01:00", "active", "active"),
        ("yesterday", "active", "active"),
        ("2026-11-22 10:59:00", "idle", "idle"),
    ],
)
def test_a_worker_that_was_silent_for_an_hour_is_lost(seen: str, status: str, expected: str) -> None:
    tables = sheet(workers=[{"Hostname": "box", "LastSeen": seen, "Status": status}])

    assert rows(after(tables), WORKERS, "Status") == [(expected,)]


def test_who_may_be_at_work_still() -> None:
    ours = ["Hostname", "LastSeen", "Status", "Service"]
    long_ago, just_now = "2026-11-01T00:00:00Z", "2026-11-22 11:59:00"
    workers = Table.of(
        [
            ours,
            ["theirs", just_now, "active", ""],
            ["theirs-gone", long_ago, "active", ""],
            ["ours", long_ago, "active", "downloader"],
            ["ours-stopped", just_now, "stopped", "downloader"],
        ]
    )

    assert at_work(workers, NOW) == ("theirs", "ours")
    assert kinds({**sheet(), WORKERS: workers}) == [Kind.WORKER_LEFT]


def test_no_other_tab_is_adopted() -> None:
    with pytest.raises(ValueError, match="Summary"):
        adopt(SUMMARY, sheet(), terms())
