"""What goes wrong between a caller and Google: switched on by a test, for so many requests or until told otherwise."""

import threading
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto, unique
from http import HTTPStatus

from standins.google_quota import Kind

BAD_GATEWAY_PAGE = (
    "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n"
    "<p><b>502.</b> <ins>That's an error.</ins>\n"
    "<p>The server encountered a temporary error and could not complete your request.<p>Please try again in 30 "
    "seconds. <ins>That's all we know.</ins>\n"
)


@unique
class Mishap(Enum):
    """What happens to a request."""

    REFUSED = auto()  # answered with an error, and not applied
    HELD = auto()  # neither applied nor answered before it is released
    DROPPED = auto()  # the line is closed; not applied
    LOST = auto()  # applied, and then the line is closed
    TRUNCATED = auto()  # applied, and answered with half a body


@dataclass(slots=True)
class _Order:
    mishap: Mishap
    left: int | None
    kind: Kind | None
    status: HTTPStatus | None = None


class Troubles:
    """The orders for the coming requests. The oldest order that fits a request is its own.

    Every method that orders takes `times`, None for “until cleared”, and `kind`, None for reads and writes alike.
    Spreadsheet requests are meant; those for tokens only with `kind=Kind.TOKEN`.

    Attributes:
        latency: how long each answer takes, half of it before the request is applied and half of it afterwards.
    """

    def __init__(self) -> None:
        self.latency = timedelta()
        self._changed = threading.Condition()
        self._orders: list[_Order] = []
        self._held = 0
        self._releases = 0
        self._is_over = False

    def refuse(self, status: HTTPStatus, times: int | None = 1, kind: Kind | None = None) -> None:
        """Answer with this status, as Google words it: 500, 503, 429, 401 ...; 502 is a web page."""
        self._order(_Order(Mishap.REFUSED, times, kind, status))

    def hold(self, times: int | None = 1, kind: Kind | None = None) -> None:
        """Let requests hang until `release`."""
        self._order(_Order(Mishap.HELD, times, kind))

    def drop(self, times: int | None = 1, kind: Kind | None = None) -> None:
        """Close the line, unapplied and unanswered."""
        self._order(_Order(Mishap.DROPPED, times, kind))

    def lose_answer(self, times: int | None = 1, kind: Kind | None = None) -> None:
        """Apply the request and close the line: its sender cannot know."""
        self._order(_Order(Mishap.LOST, times, kind))

    def truncate(self, times: int | None = 1, kind: Kind | None = None) -> None:
        """Apply the request and send half of the promised answer."""
        self._order(_Order(Mishap.TRUNCATED, times, kind))

    def release(self) -> None:
        """Let go of what is held; it is applied and answered now."""
        with self._changed:
            self._releases += 1
            self._changed.notify_all()

    def clear(self) -> None:
        """No more troubles, no more latency; what is held goes on."""
        with self._changed:
            self._orders.clear()
            self.latency = timedelta()
        self.release()

    def wait_until_held(self, count: int = 1, timeout_seconds: float = 60) -> bool:
        """Whether so many requests hang at once, within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._held >= count, timeout_seconds)

    def close(self) -> None:
        """End all waiting: nothing is applied or answered any more that was held."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def next(self, kind: Kind) -> tuple[Mishap | None, HTTPStatus | None]:
        """What happens to the request that came in now."""
        with self._changed:
            for order in self._orders:
                if order.kind is kind or (order.kind is None and kind in {Kind.READ, Kind.WRITE}):
                    if order.left is not None:
                        order.left -= 1
                    if order.left == 0:
                        self._orders.remove(order)
                    return order.mishap, order.status
        return None, None

    def keep_waiting(self) -> bool:
        """Hold the calling thread until it is released; whether it was, and not everything is over."""
        with self._changed:
            awaited = self._releases + 1
            self._held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_over or self._releases >= awaited)
            self._held -= 1
            return not self._is_over

    def spend_half_of_latency(self) -> None:
        with self._changed:
            if self.latency:
                self._changed.wait_for(lambda: self._is_over, self.latency.total_seconds() / 2)

    def _order(self, order: _Order) -> None:
        with self._changed:
            self._orders.append(order)
