from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fleets import Machine, MachineFor, SiteOf, machine_in, settings_for_tests, site_of
from tubewarren_services.demo.site import Site


@pytest.fixture
def serve() -> Iterator[SiteOf]:
    """Starts media sites that end with the test."""
    with ExitStack() as stack:
        yield lambda catalogue: stack.enter_context(site_of(catalogue))


@pytest.fixture
def machine_for(vhost_url: str, tmp_path: Path) -> Iterator[MachineFor]:
    """Makes the machine of a test, in its own virtual host of the session's broker."""
    with ExitStack() as stack:

        def make(site: Site | None = None, **settings: str) -> Machine:
            return stack.enter_context(
                machine_in(tmp_path / "box", settings_for_tests(site, BROKER_URL=vhost_url, **settings))
            )

        yield make
