"""`svc bump`: which source is meant, and what is said."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tubewarren.messages.bumps import BumpAnswered, Listing
from tubewarren_services.cli.bump_view import bump_lines
from tubewarren_services.cli.commands.bump import source_with_address
from tubewarren_services.cli.plain_errors import CommandError

if TYPE_CHECKING:
    from tubewarren_services.cli.tables import Row

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ANSWER = BumpAnswered(at=NOON, source_id="7")


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (ANSWER, ("Source 7: no video of it waits for a worker.",)),
        (
            ANSWER.model_copy(update={"bumped": 1200, "left": {"dead": 2, "in-progress": 3, "done": 1, "later": 4}}),
            (
                "Source 7: 1,200 videos moved to priority 1.",
                "  Left as they are: 1 done, 3 under way, 4 waiting for a set time, 2 dead.",
                "  What is dead goes back to work with `svc dead redrive --source 7`.",
            ),
        ),
        (
            ANSWER.model_copy(update={"video_id": "abc", "bumped": 1, "dry_run": True}),
            ("7/abc: would be moved to priority 1.",),
        ),
        (
            ANSWER.model_copy(update={"video_id": "abc", "left": {"in-progress": 1}}),
            ("7/abc: left as it is, for it is under way.",),
        ),
        (
            ANSWER.model_copy(update={"video_id": "abc", "left": {"dead": 1}}),
            ("7/abc: left as it is, for it is dead.", "  How it goes back to work: `svc why abc`."),
        ),
        (
            ANSWER.model_copy(update={"listing": Listing.BUMPED}),
            (
                "Source 7: no video of it waits for a worker.",
                "  It is listed sooner, and what is found has priority 1.",
            ),
        ),
    ],
)
def test_it_says_what_was_moved_and_what_was_left_alone(answer: BumpAnswered, lines: tuple[str, ...]) -> None:
    assert bump_lines(answer, 1) == lines


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        (Listing.UNDER_WAY, "what is found from now on has priority 1, too"),
        (Listing.WAITING, "what is found then has priority 1"),
        (Listing.DEAD, "svc dead redrive"),
    ],
)
def test_a_listing_that_is_left_alone_is_told_with_what_follows(listing: Listing, words: str) -> None:
    assert words in bump_lines(ANSWER.model_copy(update={"listing": listing}), 1)[-1]


def test_a_source_is_found_by_its_address_however_it_is_spelled() -> None:
    rows: list[Row] = [{"source_id": "1", "url": None}, {"source_id": "2", "url": "https://www.youtube.com/@Ada"}]

    assert source_with_address(rows, "http://m.youtube.com/@Ada?si=xyz") == "2"
    with pytest.raises(CommandError, match="knows no source"):
        source_with_address(rows, "https://www.youtube.com/@Bob")
