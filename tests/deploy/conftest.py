"""What is tried on a machine of its own is run only when asked for by its mark: it takes root and minutes."""

import shutil
from collections.abc import Iterator

import pytest

from deploy.machines import Machine, can_make_machines

_MARK = "deploy"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_MARK}: installs on a machine made for it; only run with `-m {_MARK}`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _MARK not in config.getoption("markexpr"):
        left_out = [item for item in items if item.get_closest_marker(_MARK)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A Debian with Python and systemd and nothing else, in a folder."""
    if trouble := can_make_machines():
        pytest.skip(trouble)
    folder = tmp_path_factory.mktemp("machine")
    yield Machine.made_in(folder)
    # Some hundred megabytes, which pytest would keep for three runs.
    shutil.rmtree(folder)
