"""Bumping: of an order and the copies that were sent ahead of it, one goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.bumping import HEARD_AFTER, Known, Turn, too_young, turn_of
from tubewarren.delivery import Delivery
from tubewarren.messages.commands import DownloadVideo, ExpandSource, ReturnResults

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ORDER = DownloadVideo(video_id="x", url="https://example.org/x", source_id="1")
LISTING = ExpandSource(source_id="1", url="https://example.org/")
BUMPED = Known(bumped_at=NOON)
ENDED = Known(bumped_at=NOON, has_ended=True)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def original(seconds: float = -60, *, is_redriven: bool = False) -> Delivery:
    return Delivery(ORDER, "id", ordered_at=at(seconds), is_redriven=is_redriven)


def copy(seconds: float = 0, *, is_redriven: bool = False) -> Delivery:
    order = ORDER.model_copy(update={"bumped_at": at(seconds)})
    return Delivery(order, "id", ordered_at=at(seconds), is_redriven=is_redriven)


def begun(seconds: float) -> Known:
    return Known(bumped_at=NOON, begun_at=at(seconds))


@pytest.mark.parametrize(
    ("delivery", "known", "turn"),
    [
        pytest.param(original(), None, Turn.GOES_ON, id="no ledger answers"),
        pytest.param(original(), Known(), Turn.GOES_ON, id="never bumped"),
        pytest.param(original(), Known(has_ended=True), Turn.GOES_ON, id="never bumped, ordered once more"),
        pytest.param(original(), BUMPED, Turn.IS_OVER, id="overtaken"),
        pytest.param(copy(), BUMPED, Turn.GOES_ON, id="the copy itself"),
        pytest.param(copy(-5), BUMPED, Turn.IS_OVER, id="an older copy"),
        pytest.param(original(5), BUMPED, Turn.GOES_ON, id="ordered after the bump"),
        pytest.param(original(5), ENDED, Turn.GOES_ON, id="ordered once more after the bump"),
        pytest.param(copy(5), BUMPED, Turn.GOES_ON, id="a newer copy, of which the ledger has not heard"),
        pytest.param(original(), ENDED, Turn.IS_OVER, id="the copy has ended"),
        pytest.param(copy(), ENDED, Turn.IS_OVER, id="the original has ended before"),
        pytest.param(original(is_redriven=True), ENDED, Turn.GOES_ON, id="an original back from the dead"),
        pytest.param(copy(is_redriven=True), ENDED, Turn.GOES_ON, id="a copy back from the dead"),
        pytest.param(original(), begun(-5), Turn.GOES_ON, id="under way at the bump, its worker was lost"),
        pytest.param(copy(), begun(-5), Turn.WAITS, id="the original is under way"),
        pytest.param(copy(), begun(1), Turn.WAITS, id="the original began before anybody had heard of the bump"),
        pytest.param(original(), begun(30), Turn.IS_OVER, id="the copy is under way"),
        pytest.param(copy(), begun(30), Turn.GOES_ON, id="a copy whose worker was lost"),
        pytest.param(copy(), begun(-4000), Turn.GOES_ON, id="whoever was at it has left without a word"),
        pytest.param(Delivery(ORDER, "id"), BUMPED, Turn.GOES_ON, id="a stranger's, without a time"),
        pytest.param(Delivery(LISTING, "id", ordered_at=at(-60)), BUMPED, Turn.IS_OVER, id="a listing"),
        pytest.param(Delivery(ReturnResults(), "id", ordered_at=at(-60)), BUMPED, Turn.GOES_ON, id="no order of those"),
    ],
)
def test_whether_an_order_goes_on_follows_from_what_is_known_of_its_work(
    delivery: Delivery, known: Known | None, turn: Turn
) -> None:
    assert turn_of(delivery, known, at(60)) is turn


@pytest.mark.parametrize("begun_at", [None, -3600, -5, 0, 1, 2, 5, 60])
def test_an_order_gives_way_only_while_the_newest_copy_does_not(begun_at: float | None) -> None:
    known = Known(bumped_at=NOON, begun_at=None if begun_at is None else at(begun_at))
    others = [turn_of(each, known, at(60)) for each in (original(), copy(-5))]

    assert Turn.IS_OVER not in others or turn_of(copy(), known, at(60)) is not Turn.IS_OVER
    assert turn_of(copy(), known, at(4000)) is Turn.GOES_ON, "it waits for nobody for ever"


def test_a_copy_waits_until_the_ledger_has_heard_who_began_before() -> None:
    young = ORDER.model_copy(update={"bumped_at": NOON})

    assert too_young(young, at(0.5)) == HEARD_AFTER - timedelta(seconds=0.5)
    assert too_young(young, at(2)) == timedelta(0)
    assert too_young(young, at(-30)) == timedelta(0), "another clock is no reason to wait"
    assert too_young(ORDER, NOON) == timedelta(0)
