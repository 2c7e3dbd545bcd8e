"""What every test without a broker needs."""

import hypothesis
import pytest


def pytest_configure(config: pytest.Config) -> None:
    # Every run tries other examples, so that many short runs see as much as a few long ones. Before a release:
    # `pytest --hypothesis-profile=default tests/unit` tries a hundred of each.
    # No example may be too slow: it is the machine that is slow, when others work beside it.
    hypothesis.settings.register_profile(
        "brief", max_examples=40, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    if not config.getoption("--hypothesis-profile"):
        hypothesis.settings.load_profile("brief")
