"""The site of the compose tests: a feed for each test, of videos that take their time."""

import asyncio
import sys
from datetime import timedelta

from tubewarren_services.demo.catalogue import Behaviour, Catalogue, CataloguedFeed, CataloguedVideo
from tubewarren_services.demo.site import serve_site
from tubewarren_services.demo.treatment import Visit

HOST = "site"
PORT = 8080
FEEDS = {"scaling": 60, "faults": 40, "nodes": 40}
"""How many videos each feed lists."""
SECONDS = 4
"""How long each takes to come."""


def catalogue() -> Catalogue:
    rate = 30_000
    length = timedelta(seconds=rate * SECONDS / 44_100)
    names = {feed: tuple(f"{feed}-{number:02}" for number in range(count)) for feed, count in FEEDS.items()}
    return Catalogue(
        videos=tuple(
            CataloguedVideo(name, name, length, Behaviour.SLOW, rate) for feed in names.values() for name in feed
        ),
        feeds=tuple(CataloguedFeed(f"/{feed}.xml", feed, listed) for feed, listed in names.items()),
    )


class Told(list[Visit]):
    """Visits that are written into the container's log as they come."""

    def append(self, visit: Visit) -> None:
        sys.stdout.write(f"{visit.method} {visit.path}\n")
        sys.stdout.flush()
        super().append(visit)


async def main() -> None:
    async with serve_site(catalogue(), PORT, "0.0.0.0", HOST) as site:
        site.visits = Told()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
