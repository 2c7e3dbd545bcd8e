"""The first page of a list, drawn without a further request."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tubewarren.youtube.first_page import FrugalYoutubeDL, RequestWantedError, first_page

NOWHERE = "http://127.0.0.1:1/"


class Site:
    """Gives a page of entries, and the rest only to those who may ask for it."""

    def __init__(self, *, has_more: bool) -> None:
        self._has_more = has_more
        self._may_ask = True
        self.asked = 0

    @contextmanager
    def without_requests(self) -> Iterator[None]:
        self._may_ask = False
        yield
        self._may_ask = True

    def entries(self) -> Iterator[int]:
        yield from (1, 2)
        if self._has_more:
            self.ask()
            yield 3

    def ask(self) -> None:
        if not self._may_ask:
            raise RequestWantedError
        self.asked += 1


def drawn(page: Generator[Any, None, bool]) -> tuple[list[Any], bool]:
    entries = []
    while True:
        try:
            entries.append(next(page))
        except StopIteration as end:
            return entries, end.value


@pytest.mark.parametrize("has_more", [True, False])
def test_a_first_page_says_whether_it_was_all_without_asking_for_more(*, has_more: bool) -> None:
    site = Site(has_more=has_more)

    assert drawn(first_page(site, site.entries())) == ([1, 2], not has_more)
    assert site.asked == 0


def test_requests_for_other_things_may_be_made_between_two_entries() -> None:
    site = Site(has_more=True)

    for _ in first_page(site, site.entries()):
        site.ask()

    assert site.asked == 2


def test_the_real_thing_makes_no_request_while_it_may_not_and_does_afterwards() -> None:
    with FrugalYoutubeDL({"quiet": True}) as ydl:
        with ydl.without_requests(), pytest.raises(RequestWantedError):
            ydl.urlopen(NOWHERE)
        with pytest.raises(Exception, match="refused"):
            ydl.urlopen(NOWHERE)
