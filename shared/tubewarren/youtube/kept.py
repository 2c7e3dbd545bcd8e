"""Kept: what a process keeps from one video to the next, of which none is a video's own.

A new connection to the site and the look for a JavaScript runtime cost as much as all else that yt-dlp does for a small
video. Cookies, counters, hooks and whatever an extractor remembers are new for each.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_LONGEST_REST_SECONDS = 15.0
"""Servers and routers forget a connection that rests, and not all say so: the next request would wait in vain."""


@dataclass(frozen=True, slots=True)
class Network:
    """The way of one identity to the sites it was at.

    Attributes:
        options: of yt-dlp that a person gave: with others, somebody else asks.
        director: yt-dlp's, with its handlers and their open connections.
        jar: in which its handlers look for cookies; empty while it rests.
        rests_since: in seconds of the clock.
    """

    options: Mapping[str, Any]
    director: Any
    jar: Any
    rests_since: float


@dataclass(slots=True)
class Kept:
    """Has room for one network, which is lent to one YoutubeDL at a time.

    Attributes:
        runtimes: for JavaScript, that were found, by kind and path: to ask one for its version is to start it.
    """

    clock: Callable[[], float] = time.monotonic
    runtimes: dict[tuple[type, object], Any] = field(default_factory=dict)
    _resting: list[Network] = field(default_factory=list)

    def take(self, options: Mapping[str, Any]) -> Network | None:
        """What was left by somebody with these very options, not long ago; others' is closed."""
        try:
            network = self._resting.pop()
        except IndexError:
            return None
        if network.options == options and self.clock() - network.rests_since <= _LONGEST_REST_SECONDS:
            return network
        network.director.close()
        return None

    def leave(self, options: Mapping[str, Any], director: Any, jar: Any) -> None:  # noqa: ANN401 - yt-dlp's own
        """Let the next one have it."""
        self._resting.append(Network(options, director, jar, self.clock()))
        while len(self._resting) > 1:
            self._resting.pop(0).director.close()
