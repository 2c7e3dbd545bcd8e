"""Videos that a person has set back: which return from the dead, and which are ordered anew."""

import pytest

from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.permits import RedriveDead
from tubewarren.sheets.table import Table
from tubewarren.youtube.filters import filtered
from tubewarren_services.sheet_ingestor.entries import Entry
from tubewarren_services.sheet_ingestor.videos import SetBack, set_back_keys, set_back_videos

HEADER = ("ID", "SourceID", "URL", "Status", "Duration", "ClaimedBy", "LastError", "Title")
ENTRY = Entry("https://x.test/7", {"Name": "Ada"}, 2, "audio")


def row(video_id: str, status: str, error: str = "", *, source: str = "7", duration: str = "61") -> tuple[str, ...]:
    return (video_id, source, f"https://x.test/{video_id}", status, duration, "box", error, "A film")


def set_back(*rows: tuple[str, ...], taken: tuple[tuple[str, str], ...] = ()) -> list[SetBack]:
    keys = set_back_keys(Table.of([HEADER, *rows]))
    return list(set_back_videos(keys, taken, {"7": ENTRY}.get))


def test_a_video_that_was_done_is_ordered_anew_as_its_source_says_now() -> None:
    (found,) = set_back(row("a", "pending"))

    assert found.redrive is None
    assert found.lost == (
        DownloadVideo(
            video_id="a",
            url="https://x.test/a",
            source_id="7",
            title="A film",
            duration_seconds=61.0,
            columns={"Name": "Ada"},
            priority=2,
            preset="audio",
        ),
    )


def test_videos_that_died_return_together_and_what_was_purged_is_ordered_anew() -> None:
    (found,) = set_back(
        row("a", "pending", "It is private."), row("b", " Pending ", "Cut."), row("c", "pending", "purged: Gone.")
    )

    assert found.redrive == RedriveDead(source_id="7", video_ids=("a", "b"))
    assert [order.video_id for order in found.lost] == ["c"]
    assert found.keys == {("a", "7"), ("b", "7"), ("c", "7")}


def test_a_video_that_its_filter_left_out_is_ordered_anew_for_it_lies_nowhere() -> None:
    (found,) = set_back(row("a", "pending", filtered("shorter than 1m").reason))

    assert (found.redrive, [order.video_id for order in found.lost]) == (None, ["a"])


def test_rows_of_several_sources_are_told_apart_and_one_without_a_row_is_ordered_plainly() -> None:
    first, second = set_back(row("a", "pending"), row("a", "pending", source="8"))

    assert (first.source_id, second.source_id) == ("7", "8")
    assert (second.lost[0].columns, second.lost[0].priority) == ({}, 5)


def test_what_was_taken_is_not_taken_again() -> None:
    assert set_back(row("a", "pending"), taken=(("a", "7"),)) == []


@pytest.mark.parametrize(
    "other",
    [
        row("a", "done"),
        row("a", "in-progress"),
        ("a", "7", "u", "pending", "", "", "", ""),
        ("", "7", "u", "pending", "", "box", "", ""),
        ("a", "", "u", "pending", "", "box", "", ""),
    ],
    ids=["done", "running", "waits by itself", "no id", "no source"],
)
def test_no_other_row_is_meant(other: tuple[str, ...]) -> None:
    assert set_back(other) == []


@pytest.mark.parametrize("duration", ["", "an hour", "nan", "-3"])
def test_a_duration_that_is_none_is_left_out(duration: str) -> None:
    (found,) = set_back(row("a", "pending", duration=duration))

    assert found.lost[0].duration_seconds is None


def test_a_row_without_an_address_cannot_be_ordered() -> None:
    (found,) = set_back(("a", "7", "", "pending", "", "box", "", ""))

    assert (found.redrive, found.lost) == (None, ())


def test_a_tab_that_a_person_has_to_mend_orders_nothing() -> None:
    assert set_back_keys(Table.of([("ID", "Status", "ClaimedBy"), ("a", "pending", "box")])) == {}
    assert set_back_keys(Table.of([("ID", "SourceID"), ("a", "7")])) == {}
