"""The first page of a list: what of it is there already, before anything more is asked for."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from tubewarren.youtube.ready import ReadyYoutubeDL


class RequestWantedError(Exception):
    """A request was about to be made where none is wanted; ends the list that is being drawn."""


class Requester(Protocol):
    """Whoever reads lists, and can be kept from asking for more."""

    def without_requests(self) -> AbstractContextManager[None]:
        """As long as this lasts, raise `RequestWantedError` in place of each request."""
        ...


class FrugalYoutubeDL(ReadyYoutubeDL):
    """A YoutubeDL that can be kept from making requests."""

    _may_ask = True

    def urlopen(self, req: Any) -> Any:  # noqa: ANN401 - yt-dlp's own
        """Make a request, if one may be made."""
        if not self._may_ask:
            raise RequestWantedError
        return super().urlopen(req)

    @contextmanager
    def without_requests(self) -> Iterator[None]:
        """As long as this lasts, raise `RequestWantedError` in place of each request."""
        self._may_ask = False
        try:
            yield
        finally:
            self._may_ask = True


def first_page(requester: Requester, entries: Iterable[Any]) -> Generator[Any, None, bool]:
    """The entries that need no further request; what it returns at the end says whether these were all."""
    drawn = iter(entries)
    while True:
        with requester.without_requests():
            try:
                entry = next(drawn)
            except StopIteration:
                return True
            except RequestWantedError:
                return False
        yield entry
